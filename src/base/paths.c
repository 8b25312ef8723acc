/* SPDX-License-Identifier: Apache-2.0 */
/* Finds our own programs and data, in a build tree or installed. */
#include "base/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Folder of the running program; empty when /proc is not there. */
static void
self_folder(char ret[PROGRAM_PATH_SIZE])
{
        ssize_t n = readlink("/proc/self/exe", ret, PROGRAM_PATH_SIZE - 1);
        char *slash;

        ret[n > 0 ? n : 0] = '\0';
        slash = strrchr(ret, '/');
        if (slash)
                *slash = '\0';
}

static int
try_path(char ret[PROGRAM_PATH_SIZE], int mode, const char *folder, const char *middle, const char *name)
{
        char path[PROGRAM_PATH_SIZE], real[PATH_MAX];
        int n = snprintf(path, sizeof(path), "%s%s/%s", folder, middle, name);

        if (n < 0 || (size_t)n >= sizeof(path) || access(path, mode) < 0 || !realpath(path, real) ||
            strlen(real) >= PROGRAM_PATH_SIZE)
                return -ENOENT;
        memcpy(ret, real, strlen(real) + 1);
        return 0;
}

int
paths_program(const char *name, char ret[PROGRAM_PATH_SIZE])
{
        static const char *const folders[] = {DOMPOOL_LIBEXEC, "/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"};
        char self[PROGRAM_PATH_SIZE];

        self_folder(self);
        if (try_path(ret, X_OK, self, "", name) == 0)
                return 0;
        for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
                if (try_path(ret, X_OK, folders[i], "", name) == 0)
                        return 0;
        return -ENOENT;
}

int
paths_data(const char *name, char ret[PROGRAM_PATH_SIZE])
{
        char self[PROGRAM_PATH_SIZE], root[PROGRAM_PATH_SIZE + 40];
        FILE *f;

        /* A build tree: <build>/src/PROGRAM, and meson notes the source tree in <build>/src/source-root. */
        self_folder(self);
        snprintf(root, sizeof(root), "%s/source-root", self);
        f = fopen(root, "re");
        if (f) {
                char *line = fgets(root, sizeof(root), f);

                fclose(f);
                if (line) {
                        root[strcspn(root, "\n")] = '\0';
                        if (try_path(ret, F_OK, root, "", name) == 0)
                                return 0;
                }
        }
        return try_path(ret, F_OK, DOMPOOL_DATADIR, "", name);
}
