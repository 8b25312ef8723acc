/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_KMOD_INDEX_H
#define DOMPOOL_IMAGE_KMOD_INDEX_H
/*
 * Reads depmod's text indexes, modules.dep(5) and modules.alias: for the builder, which wants modules with all they depend on,
 * and for dompool-init, which loads drivers by modalias without running another program. Pure; texts are NUL-terminated.
 */
#include <stdbool.h>
#include <stddef.h>

#define KMOD_NAME_SIZE 64
#define KMOD_PATH_SIZE 200
#define KMOD_MAX_DEPENDS 32

struct kmod_entry {
        size_t n;
        /* Paths below /lib/modules/VERSION in the order of loading; the last is the module itself. */
        char paths[KMOD_MAX_DEPENDS + 1][KMOD_PATH_SIZE];
};

/* 0, -ENOENT, or -E2BIG when it has too many dependencies or a path is too long. '-' and '_' in @name are the same. */
int kmod_dep_find(const char *dep_text, const char *name, struct kmod_entry *ret);

/* The next module below @folder ("drivers/net/ethernet/", with its slash at the end), as kmod_dep_find() gives it; moves
 * *dep_text on. 0, -ENOENT: no more, or -E2BIG. */
int kmod_dep_folder_next(const char **dep_text, const char *folder, struct kmod_entry *ret);

/* The name of the module in a path, '_' for '-'. false: it is no module's path, or its name is too long. */
bool kmod_path_name(const char *path, char ret_name[KMOD_NAME_SIZE]);

/* Is it built into the kernel? By modules.builtin. */
bool kmod_builtin(const char *builtin_text, const char *name);

/* The next module that has an alias matching @modalias; moves *alias_text on. false: no more. */
bool kmod_alias_next(const char **alias_text, const char *modalias, char ret_name[KMOD_NAME_SIZE]);

#endif
