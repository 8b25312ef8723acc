/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the libraries that the programs of an image need: first in the packages of its recipe, then on the building machine,
 * whose libraries our own programs were linked with. All go to one folder, the first in which glibc's dynamic linker looks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/image_elf.h"
#include "image/image_files.h"
#include "image/image_tree.h"

#define LIBRARY_FOLDER "/lib/x86_64-linux-gnu"
#define MAX_HOST 256

static const char *const search[] = {"/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib", "/lib",
                                     "/usr/local/lib"};

/* Notes a file of this machine, for the cache's key. */
static int
host_note(char ***host, const char *path, struct error *err)
{
        size_t n = 0;

        if (!*host)
                *host = calloc(MAX_HOST + 1, sizeof(char *));
        if (!*host)
                return error_errno_set(err, ENOMEM, "%s", path);
        while ((*host)[n])
                if (strcmp((*host)[n++], path) == 0)
                        return 0;
        if (n == MAX_HOST)
                return error_set(err, ERR_LIMIT, "more than %d libraries", MAX_HOST);
        (*host)[n] = strdup(path);
        return (*host)[n] ? 0 : error_errno_set(err, ENOMEM, "%s", path);
}

void
tree_host_free(char **host)
{
        if (!host)
                return;
        for (size_t i = 0; host[i]; i++)
                free(host[i]);
        free(host);
}

/* The file behind @name in @root's library folders; absolute links are followed within the root. */
static int
library_find(const char *root, const char *name, char ret[IMAGE_PATH_SIZE], struct error *err)
{
        for (size_t i = 0; i < N_ELEMENTS(search); i++) {
                int r = image_path(ret, err, "%s%s/%s", root, search[i], name);

                if (r < 0)
                        return r;
                if (access(ret, R_OK) == 0)
                        return 0;
        }
        return -ENOENT;
}

int
tree_add_library(struct tree *t, const char *packages, const char *name, char ***host, struct error *err)
{
        char source[IMAGE_PATH_SIZE], path[IMAGE_PATH_SIZE];
        int r;

        r = image_path(path, err, LIBRARY_FOLDER "/%s", name);
        if (r < 0 || tree_find(t, path))
                return r;
        r = library_find(packages, name, source, err);
        if (r == -ENOENT) {
                r = library_find("", name, source, err);
                if (r == 0)
                        r = host_note(host, source, err);
        }
        if (r == -ENOENT)
                return error_set(err, ERR_NOT_FOUND, "library %s is neither in the recipe's packages nor on this machine",
                                 name);
        return r < 0 ? r : tree_add_file(t, path, source, 0755, err);
}

/* The dynamic linker stands at the very path that programs name. */
static int
add_interpreter(struct tree *t, const char *packages, const char *path, char ***host, struct error *err)
{
        char source[IMAGE_PATH_SIZE];
        int r;

        if (path[0] != '/')
                return error_set(err, ERR_INVALID, "dynamic linker '%.100s' has no absolute path", path);
        if (tree_find(t, path))
                return 0;
        r = image_path(source, err, "%s%s", packages, path);
        if (r < 0)
                return r;
        if (access(source, R_OK) == 0)
                return tree_add_file(t, path, source, 0755, err);
        r = host_note(host, path, err);
        return r < 0 ? r : tree_add_file(t, path, path, 0755, err);
}

static int
add_needs(struct tree *t, const char *source, const uint8_t *data, size_t size, const char *packages, char ***host,
          struct error *err)
{
        struct elf_needs needs;
        int r = elf_needs_read(data, size, &needs);

        if (r > 0)
                return 0;
        if (r < 0)
                return error_set(err, ERR_INVALID, "%s: broken ELF file", source);
        if (needs.interpreter && (r = add_interpreter(t, packages, needs.interpreter, host, err)) < 0)
                return r;
        for (size_t i = 0; i < needs.n_needed; i++) {
                r = tree_add_library(t, packages, needs.needed[i], host, err);
                if (r < 0)
                        return error_prefix(err, "needed by %s", source);
        }
        return 0;
}

static int
entry_needs(struct tree *t, const char *source, const char *packages, char ***host, struct error *err)
{
        _cleanup_close_ int fd = open(source, O_RDONLY | O_CLOEXEC);
        struct stat st;
        void *data;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return error_errno_set(err, errno, "%s", source);
        if (st.st_size == 0)
                return 0;
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return error_errno_set(err, errno, "%s", source);
        r = add_needs(t, source, data, (size_t)st.st_size, packages, host, err);
        munmap(data, (size_t)st.st_size);
        return r;
}

int
tree_add_libraries(struct tree *t, const char *packages, char ***ret_host, struct error *err)
{
        /* The list grows at its end while it is walked, so that libraries' own libraries come as well. */
        for (size_t i = 0; i < t->n; i++) {
                _cleanup_free_ char *source = NULL;
                int r;

                if (!S_ISREG(t->entries[i].mode))
                        continue;
                source = strdup(t->entries[i].source);
                if (!source)
                        return error_errno_set(err, ENOMEM, "libraries");
                r = entry_needs(t, source, packages, ret_host, err);
                if (r < 0)
                        return r;
        }
        return 0;
}
