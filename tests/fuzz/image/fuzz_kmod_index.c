/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as modules.dep and modules.alias; its first line is what is searched for. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/kmod_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1), name[KMOD_NAME_SIZE], *rest;
        const char *alias, *dep;
        struct kmod_entry e = {0};

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        rest = strchr(text, '\n');
        if (rest) {
                *rest++ = '\0';
                if (kmod_dep_find(rest, text, &e) == 0)
                        assert(e.n >= 1 && strlen(e.paths[e.n - 1]) < KMOD_PATH_SIZE);
                dep = rest;
                while (kmod_dep_folder_next(&dep, text, &e) != -ENOENT)
                        (void)kmod_path_name(e.paths[0], name);
                (void)kmod_builtin(rest, text);
                alias = rest;
                while (kmod_alias_next(&alias, text, name))
                        assert(name[0]);
        }
        free(text);
        return 0;
}
