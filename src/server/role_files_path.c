/* SPDX-License-Identifier: Apache-2.0 */
/* Which file a URL of the boot LAN's HTTP means. Pure: reads strangers' bytes, opens nothing; runs in files. */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "server/role_files.h"

/* "/blob/<64 hex>": guests' kernels and ramdisks, under the name of what is in them. */
static void
resolve_blob(const char *name, struct files_path *ret)
{
        uint8_t hash[SHA256_SIZE];
        char text[SHA256_TEXT_SIZE];

        if (parse_hex(name, hash, sizeof(hash)) < 0) {
                ret->why = "a blob's name is 64 hex digits";
                return;
        }
        ret->target = FILES_BLOB;
        /* Written anew: what is opened holds nothing but lower-case hex digits. */
        snprintf(ret->path, sizeof(ret->path), "%s", hex_text(hash, sizeof(hash), text));
}

static void
resolve_boot_file(const struct policy *policy, const char *name, struct files_path *ret)
{
        struct bootfile file;

        bootfile_resolve(policy, name, &file);
        ret->stage = file.stage;
        ret->why = file.why;
        switch (file.kind) {
        case BOOTFILE_IMAGE:
                ret->target = FILES_STORE;
                ret->is_boot = true;
                ret->size = file.size;
                snprintf(ret->path, sizeof(ret->path), "versions/%s", file.path);
                return;
        case BOOTFILE_LOADER:
                ret->target = FILES_STORE;
                ret->is_boot = true;
                snprintf(ret->path, sizeof(ret->path), "loaders/%s", file.path);
                return;
        case BOOTFILE_MENU:
        case BOOTFILE_MENU_DEFAULT:
                ret->target = file.kind == BOOTFILE_MENU ? FILES_MENU : FILES_MENU_DEFAULT;
                ret->is_boot = true;
                ret->menu = file.menu;
                ret->mac = file.mac;
                snprintf(ret->path, sizeof(ret->path), "%s", file.path);
                return;
        case BOOTFILE_MISSING:
                ret->is_boot = true;
                return;
        case BOOTFILE_REFUSED:
                return;
        }
}

void
files_path_resolve(const struct policy *policy, const char *url, struct files_path *ret)
{
        *ret = (struct files_path){.target = FILES_MISSING, .why = "there is nothing of this name"};
        if (url[0] != '/')
                return;
        if (strcmp(url, "/boot/report") == 0)
                ret->target = FILES_REPORT;
        else if (strncmp(url, "/blob/", 6) == 0)
                resolve_blob(url + 6, ret);
        else if (strncmp(url, "/loaders/", 9) == 0)
                resolve_boot_file(policy, url + 9, ret);
        else
                resolve_boot_file(policy, url + 1, ret);
}
