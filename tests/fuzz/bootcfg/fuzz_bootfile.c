/* SPDX-License-Identifier: Apache-2.0 */
/* A name asked for: what comes out is clean, and a menu can be rendered for it. */
#include <assert.h>
#include <stdlib.h>

#include "../../unit/bootcfg/fixture.h"
#include "bootcfg/bootfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_path(const char *path)
{
        assert(path[0] != '/' && path[0] != '\0' && !strstr(path, "//") && !strchr(path, '\\'));
        for (const char *p = path; p; p = strchr(p, '/'), p = p ? p + 1 : NULL)
                assert(strcmp(p, "..") != 0 && strncmp(p, "../", 3) != 0 && strcmp(p, ".") != 0 && strncmp(p, "./", 2) != 0);
        for (const char *p = path; *p; p++)
                assert(*p >= 0x20 && *p < 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct policy *policy;
        char *name = malloc(size + 1);
        struct bootfile f;

        if (!policy)
                policy = fixture_policy();
        memcpy(name, data, size);
        name[size] = '\0';
        bootfile_resolve(policy, name, &f);
        if (f.kind == BOOTFILE_REFUSED)
                assert(f.why && f.path[0] == '\0');
        else
                check_path(f.path);
        if (f.kind == BOOTFILE_MENU) {
                struct menu_text menu;
                const char *why;
                const struct menu_request r = {.doc = f.menu,
                                               .policy = policy,
                                               .host = fixture_find(policy, &f.mac),
                                               .server = 1,
                                               .token = "t"};

                menu_render(&r, &menu, &why);
                assert(menu.size > 0 && !menu.overflow);
        }
        free(name);
        return 0;
}
