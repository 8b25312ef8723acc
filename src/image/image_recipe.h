/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_RECIPE_H
#define DOMPOOL_IMAGE_IMAGE_RECIPE_H
/*
 * A recipe: the folder that says what an image is made of (dompool-image(5)). recipe.conf has packages, kernel, arguments and
 * limits; `files` one line for each thing in the initrd; `modules` the kernel's modules. Parsing is pure; errors name
 * file:line.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "model/host.h"
#include "model/keep.h"

#define RECIPE_PATH_SIZE 200
#define RECIPE_MAX_PACKAGES 64
#define RECIPE_MAX_PATHS 32
#define RECIPE_MAX_LINES 1024
#define RECIPE_FILE_MAX (256u << 10) /* bytes of each file of a recipe */

enum recipe_kind {
        RECIPE_HOST,
        RECIPE_GUEST,
        RECIPE_STAGE, /* the initrd that mounts a root over the network; made with a host's kernel, never alone */
};

enum recipe_line_kind {
        RECIPE_DIR,      /* dir PATH [MODE] */
        RECIPE_LINK,     /* link PATH TARGET */
        RECIPE_PACKAGE,  /* package PATH [DEST]: out of the packages */
        RECIPE_OWN,      /* own PATH DEST [MODE]: beside the recipe */
        RECIPE_PROGRAM,  /* program NAME DEST: one of dompool's */
        RECIPE_KEY,      /* key DEST: the public part of the room's key for images */
        RECIPE_SSH_KEYS, /* ssh-keys DEST: the administrators' public keys, where there are any */
        RECIPE_LIBRARY,  /* library SONAME: one that no DT_NEEDED names */
};

struct recipe_line {
        enum recipe_line_kind kind;
        unsigned line;
        bool of_base;                /* it stands in the base's file, and an OWN's source lies beside that */
        char from[RECIPE_PATH_SIZE]; /* DIR: empty */
        char to[RECIPE_PATH_SIZE];   /* absolute, without "..": where it is in the initrd; LIBRARY: empty */
        mode_t mode;
};

/* When the first process loads a module. */
enum recipe_phase {
        RECIPE_ON_DEMAND, /* by alias, when its hardware is there */
        RECIPE_BOOT,      /* first of all */
        RECIPE_LATE,      /* once network and Xen's daemons are on their way */
};

struct recipe_module {
        char name[NAME_SIZE]; /* as in /proc/modules: '-' is '_'; or, ending in a slash, a folder of the kernel's modules */
        unsigned line;
        bool of_base;
        enum recipe_phase phase;
};

struct recipe {
        char folder[RECIPE_PATH_SIZE];
        char name[NAME_SIZE];        /* the folder's last part */
        char base[RECIPE_PATH_SIZE]; /* the folder of the recipe that this one adds to; empty: none */
        enum recipe_kind kind;
        char kernel[NAME_SIZE];            /* package; a meta package means the image that it depends on */
        char hypervisor[RECIPE_PATH_SIZE]; /* in the packages; empty for a guest */
        char xen_args[ARGS_SIZE], kernel_args[ARGS_SIZE];
        char stage[NAME_SIZE]; /* the folder, beside this one, of the stage for roots over the network; empty: none */
        uint64_t limit;        /* bytes on the wire, loader included; 0: none */
        char compression[8];   /* "zstd", "xz", "gzip" */
        unsigned level;
        size_t n_packages;
        char packages[RECIPE_MAX_PACKAGES][NAME_SIZE];
        size_t n_system; /* packages of a whole Debian; 0: the image is made of files alone */
        char system[RECIPE_MAX_PACKAGES][NAME_SIZE];
        char suite[NAME_SIZE]; /* "bookworm" */
        size_t n_without, n_writable;
        char without[RECIPE_MAX_PATHS]
                    [RECIPE_PATH_SIZE]; /* what of the packages is left out, patterns of dpkg's path-exclude */
        char writable[RECIPE_MAX_PATHS][RECIPE_PATH_SIZE]; /* lines of /etc/dompool/flash */
        size_t n_keep;
        char keep[RECIPE_MAX_PATHS][RECIPE_PATH_SIZE]; /* lines of /etc/dompool/keep, see model/keep.h */
        size_t n_lines;
        struct recipe_line *lines;
        size_t n_modules;
        struct recipe_module *modules;
        uint8_t sha256[32]; /* over all files of the folder, and of the base's */
};

int recipe_load(const char *folder, struct recipe *ret, struct error *err);

/* "FOLDER/recipe.conf:LINE", where a word stands in this recipe or its base, for messages; false: in neither. */
bool recipe_place_of(const struct recipe *r, const char *word, char *ret, size_t size);

/* The folder in which a line stands. */
const char *recipe_folder_of(const struct recipe *r, bool of_base);

/* Makes a file of a recipe's paths (without, writable, keep), a line each. */
int recipe_write_paths(const char *file, const char (*paths)[RECIPE_PATH_SIZE], size_t n, struct error *err);

void recipe_deinit(struct recipe *r);

/* The two line formats; @name is for messages, @text is NUL-terminated. The result is malloc'ed. */
int recipe_parse_lines(const char *name, const char *text, struct recipe_line **ret, size_t *ret_n, struct error *err);
int recipe_parse_modules(const char *name, const char *text, struct recipe_module **ret, size_t *ret_n, struct error *err);

/* Absolute, no empty, "." or ".." part, printable. */
bool recipe_path_ok(const char *path);

#endif
