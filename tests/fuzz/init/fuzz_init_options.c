/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a kernel command line: the result is always terminated, and what was taken is of its form. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "init/init_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct init_options o;
        struct error err;
        char *text = malloc(size + 1);

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        (void)init_options_parse(text, &o, &err);
        assert(strlen(o.fingerprint) == 0 || strlen(o.fingerprint) == 64);
        assert(strlen(o.token) < sizeof(o.token) && !strpbrk(o.token, "\"\\\n /"));
        assert(o.host[0] == '\0' || name_ok(o.host));
        assert(o.http_port > 0 && o.agent_port > 0);
        assert(o.vlans.n <= GUEST_MAX_VLANS);
        for (uint32_t i = 0; i < o.vlans.n; i++)
                assert(o.vlans.list[i].tag >= 1 && o.vlans.list[i].tag <= GUEST_VLAN_TAG_MAX && *o.vlans.list[i].bridge &&
                       !strpbrk(o.vlans.list[i].bridge, "/ %"));
        assert(!strpbrk(o.guest_nic.name, "/ %"));
        assert(o.nfs_dirs.n <= NFS_DIRS_MAX);
        for (uint32_t i = 0; i < o.nfs_dirs.n; i++) {
                const struct nfs_dir *d = &o.nfs_dirs.list[i];

                assert(d->path[0] == '/' && d->path[1] && !strpbrk(d->path, ",= %") && !strstr(d->path, "/.."));
                assert(d->address != 0 && d->export[0] == '/' && !strpbrk(d->export, ",: %"));
                assert(strncmp(d->path, "/etc", 5) != 0 && strncmp(d->path, "/usr/", 5) != 0);
        }
        free(text);
        return 0;
}
