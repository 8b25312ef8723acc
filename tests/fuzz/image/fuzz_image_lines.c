/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a recipe's `files` or `modules`: no path that it yields leaves the image. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "image/image_apt.h"
#include "image/image_recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct recipe_module *modules = NULL;
        struct recipe_line *lines = NULL;
        struct apt_package p;
        struct error err;
        char *text = malloc(size + 1);
        size_t n = 0;

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        if (recipe_parse_lines("files", text, &lines, &n, &err) == 0)
                for (size_t i = 0; i < n; i++) {
                        assert(lines[i].kind == RECIPE_LIBRARY || recipe_path_ok(lines[i].to));
                        assert(!strstr(lines[i].to, "/../"));
                }
        if (recipe_parse_modules("modules", text, &modules, &n, &err) == 0)
                for (size_t i = 0; i < n; i++)
                        assert(strchr(modules[i].name, '/')
                                       ? strncmp(modules[i].name, "../", 3) != 0 && !strstr(modules[i].name, "/../")
                                       : name_ok(modules[i].name) && !strchr(modules[i].name, '-'));
        if (apt_parse_uri(text, &p) == 0)
                assert(!strchr(p.file, '/') && p.name[0] && p.version[0]);
        free(lines);
        free(modules);
        free(text);
        return 0;
}
