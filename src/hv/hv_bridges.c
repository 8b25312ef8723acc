/* SPDX-License-Identifier: Apache-2.0 */
/* Reads /sys/class/net. Runs in: hv and its tasks. */
#include "hv/hv_bridges.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static bool
is_bridge(const char *net, const char *name)
{
        char path[PATH_SIZE];

        snprintf(path, sizeof(path), "%s/%.15s/bridge", net, name);
        return name[0] != '.' && strlen(name) < BRIDGE_NAME_SIZE && access(path, F_OK) == 0;
}

static int
in_order(const struct dirent **x, const struct dirent **y)
{
        int a = strcmp((*x)->d_name, GUEST_BRIDGE) != 0, b = strcmp((*y)->d_name, GUEST_BRIDGE) != 0;

        return a != b ? a - b : strcmp((*x)->d_name, (*y)->d_name);
}

void
hv_bridges_list(const char *net, char ret[HOST_BRIDGES_SIZE])
{
        struct dirent **entries = NULL;
        int n = scandir(net, &entries, NULL, in_order);
        size_t used = 0;

        ret[0] = '\0';
        for (int i = 0; i < n; i++) {
                const char *name = entries[i]->d_name;

                if (is_bridge(net, name) && used + 1 + strlen(name) < HOST_BRIDGES_SIZE)
                        used += (size_t)snprintf(ret + used, HOST_BRIDGES_SIZE - used, "%s%s", used > 0 ? " " : "", name);
                free(entries[i]);
        }
        free(entries);
}

int
hv_bridges_check(const char *net, const struct domain_config *c, struct error *err)
{
        char there[HOST_BRIDGES_SIZE];

        for (uint32_t i = 0; i < c->n_vifs; i++) {
                const char *bridge = *c->vifs[i].bridge ? c->vifs[i].bridge : GUEST_BRIDGE;

                if (is_bridge(net, bridge))
                        continue;
                hv_bridges_list(net, there);
                return error_set(err, ERR_NOT_FOUND, "domain '%s': vif %u: this host has no bridge '%s'; it has %s", c->name, i,
                                 bridge, *there ? there : "none");
        }
        return 0;
}
