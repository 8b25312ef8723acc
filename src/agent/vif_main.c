/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dompool-vif: what libxl runs to plug a domain's vif into a bridge and out again, in place of Xen's vif-bridge (bash, brctl,
 * ip).
 *
 *     dompool-vif online|offline|add|remove      environment: XENBUS_PATH, vif (or INTERFACE for the emulated twin)
 *
 * It reads bridge and mtu from XENBUS_PATH in xenstore and writes hotplug-status "connected" there, on which netback waits, or
 * hotplug-error. "online"/"offline" are for the vif; "add"/"remove" come for the emulated twin of an HVM guest. Root in dom0;
 * reads no network.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "net/netlink.h"

struct vif_env {
        const char *action;
        const char *name; /* of the interface */
        const char *path; /* of the backend in xenstore; NULL for "add" and "remove" */
        struct xs_handle *xs;
};

static char *
backend_read(const struct vif_env *v, const char *key)
{
        char path[300];
        unsigned n;

        snprintf(path, sizeof(path), "%s/%s", v->path, key);
        return xs_read(v->xs, XBT_NULL, path, &n);
}

static bool
backend_write(const struct vif_env *v, const char *key, const char *value)
{
        char path[300];

        snprintf(path, sizeof(path), "%s/%s", v->path, key);
        return xs_write(v->xs, XBT_NULL, path, value, (unsigned)strlen(value));
}

/* libxl puts hotplug-error into its own error text. */
static int
fail(const struct vif_env *v, const char *what, int r)
{
        char text[200];

        snprintf(text, sizeof(text), "dompool-vif %s %s: %s: %s", v->action, v->name, what, strerror(-r));
        fprintf(stderr, "%s\n", text);
        if (v->path && v->xs) {
                backend_write(v, "hotplug-error", text);
                backend_write(v, "hotplug-status", "error");
        }
        return 1;
}

static int
plug_in(const struct vif_env *v)
{
        _cleanup_free_ char *bridge = backend_read(v, "bridge");
        _cleanup_free_ char *mtu = backend_read(v, "mtu");
        uint32_t mtu_value;
        int r;

        if (!bridge || !*bridge)
                return fail(v, "no bridge is named in xenstore", -ENOENT);
        if (mtu && parse_u32(mtu, 65535, &mtu_value) == 0 && mtu_value >= 68) {
                r = netlink_set_mtu(v->name, mtu_value);
                if (r < 0)
                        return fail(v, "setting the MTU", r);
        }
        r = netlink_set_master(v->name, bridge);
        if (r < 0)
                return fail(v, bridge, r);
        r = netlink_link_up(v->name, true);
        if (r < 0)
                return fail(v, "bringing it up", r);
        if (!backend_write(v, "hotplug-status", "connected"))
                return fail(v, "writing hotplug-status", -errno);
        return 0;
}

/* The interface may be gone already; that is what was wanted. */
static int
plug_out(const struct vif_env *v)
{
        netlink_link_up(v->name, false);
        netlink_set_master(v->name, NULL);
        return 0;
}

int
main(int argc, char **argv)
{
        struct vif_env v = {.path = getenv("XENBUS_PATH"), .name = getenv("vif")};
        int status;

        if (!v.name)
                v.name = getenv("INTERFACE");
        if (argc < 2 || !v.name || !v.path) {
                fprintf(stderr,
                        "usage: XENBUS_PATH=... vif=... dompool-vif online|offline|add|remove\nlibxl runs this program.\n");
                return 2;
        }
        v.action = argv[1];
        if (strcmp(v.action, "offline") == 0 || strcmp(v.action, "remove") == 0)
                return plug_out(&v);
        if (strcmp(v.action, "online") != 0 && strcmp(v.action, "add") != 0)
                return 0; /* "move" and what else may come asks nothing of a bridge port */
        v.xs = xs_open(0);
        if (!v.xs)
                return fail(&v, "xenstored cannot be reached", -errno);
        status = plug_in(&v);
        xs_close(v.xs);
        return status;
}
