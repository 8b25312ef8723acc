/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts: names of their states, record tables and the check of a description from outside. Pure; linked by every program. */
#include <string.h>

#include "base/error.h"
#include "model/host.h"

const char *const host_state_names[] = {
        [HOST_OFF] = "off", [HOST_BOOTING] = "booting", [HOST_READY] = "ready", [HOST_LOST] = "lost", [HOST_N] = NULL,
};

const char *const boot_stage_names[] = {
        [STAGE_DHCP] = "dhcp",     [STAGE_LOADER] = "loader", [STAGE_MENU] = "menu", [STAGE_XEN] = "xen",
        [STAGE_KERNEL] = "kernel", [STAGE_INITRD] = "initrd", [STAGE_INIT] = "init", [STAGE_AGENT] = "agent",
        [STAGE_READY] = "ready",   [STAGE_N] = NULL,
};

const char *const boot_note_names[] = {
        [BOOT_NOTE_NONE] = "none",
        [BOOT_NOTE_MISSING] = "missing-file",
        [BOOT_NOTE_OTHER_SERVER] = "other-dhcp-server",
        [BOOT_NOTE_NO_ADDRESS] = "no-free-address",
        [BOOT_NOTE_NO_LOADER] = "no-loader",
        [BOOT_NOTE_UNREQUESTED] = "offers-not-taken",
        [BOOT_NOTE_FOREIGN_MENU] = "another-hosts-menu",
        [BOOT_NOTE_DAMAGED] = "damaged-file",
        [BOOT_NOTE_CUT] = "transfer-broken-off",
        [BOOT_NOTE_TOKEN] = "token-refused",
        [BOOT_NOTE_LOADER] = "other-loader",
        [BOOT_NOTE_FOOTPRINT] = "footprint",
        [BOOT_NOTE_ROOT] = "root",
        [BOOT_NOTE_GUEST_NET] = "guest-net",
        [BOOT_NOTE_NFS_DIRS] = "nfs-dirs",
        [BOOT_NOTE_N] = NULL,
};

static const struct rec_field host_fields[] = {
        REC_STR(struct host, name),        REC_MAC(struct host, mac),     REC_IP4(struct host, address),
        REC_STR(struct host, profile),     REC_STR(struct host, image),   REC_STR(struct host, xen_args),
        REC_STR(struct host, kernel_args), REC_STR(struct host, console), REC_BOOL(struct host, configured),
        REC_STR(struct host, labels),      REC_STR(struct host, loader),  REC_STR(struct host, enrolled),
        REC_STR(struct host, root),
};
const struct rec_desc host_desc = REC_DESC(struct host, host_fields);

static const struct rec_field host_fallback_fields[] = {
        REC_STR(struct host_fallback, failed),
        REC_ENUM(struct host_fallback, root, root_names),
        REC_ENUM(struct host_fallback, kind, profile_kind_names),
        REC_STR(struct host_fallback, instead),
        REC_I64(struct host_fallback, since_ms),
        REC_STR(struct host_fallback, why),
};
const struct rec_desc host_fallback_desc = REC_DESC(struct host_fallback, host_fallback_fields);

static const struct rec_field host_setting_fields[] = {
        REC_STR(struct host_setting, profile),
        REC_STR(struct host_setting, image),
        REC_STR(struct host_setting, once),
        REC_STR(struct host_setting, once_image),
        REC_I64(struct host_setting, once_set_ms),
        REC_I64(struct host_setting, once_sent_ms),
        REC_REC(struct host_setting, fallback, host_fallback_desc),
};
const struct rec_desc host_setting_desc = REC_DESC(struct host_setting, host_setting_fields);

static const struct rec_field host_inventory_fields[] = {
        REC_STR(struct host_inventory, hostname),
        REC_STR(struct host_inventory, xen_version),
        REC_STR(struct host_inventory, kernel_version),
        REC_STR(struct host_inventory, xen_caps),
        REC_STR(struct host_inventory, xen_commandline),
        REC_STR(struct host_inventory, cpu_model),
        REC_STR(struct host_inventory, image),
        REC_STR(struct host_inventory, agent_version),
        REC_U64(struct host_inventory, memory_kib),
        REC_U64(struct host_inventory, free_memory_kib),
        REC_U64(struct host_inventory, dom0_memory_kib),
        REC_U32(struct host_inventory, n_cpus),
        REC_U32(struct host_inventory, cpu_khz),
        REC_BOOL(struct host_inventory, hvm),
        REC_BOOL(struct host_inventory, pv),
        REC_BOOL(struct host_inventory, pvh),
        REC_U64(struct host_inventory, boot_time),
        REC_REC(struct host_inventory, root, root_cost_desc),
        REC_STR(struct host_inventory, bridges),
        REC_STR(struct host_inventory, nfs_dirs),
};
const struct rec_desc host_inventory_desc = REC_DESC(struct host_inventory, host_inventory_fields);

/*
 * These texts become part of a boot menu: a line break, a quote or an escape would end the line there, and "---" is how
 * mboot.c32 tells one module from the next.
 */
int
boot_args_check(const char *what, const char *args, struct error *err)
{
        const char *p;

        for (p = args; *p; p++)
                if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e || strchr("\"'\\`;#$|&<>{}", *p))
                        return error_set(err, ERR_INVALID,
                                         "%s may hold printable ASCII without quotes, shell or menu characters; "
                                         "byte %zu is 0x%02x",
                                         what, (size_t)(p - args) + 1, (unsigned char)*p);
        if (strstr(args, "---"))
                return error_set(err, ERR_INVALID, "%s may not hold '---', which separates modules in a menu", what);
        return 0;
}

bool
image_name_ok(const char *text)
{
        const char *colon = strchr(text, ':');
        char base[NAME_SIZE];

        if (!colon)
                return name_ok(text);
        if ((size_t)(colon - text) >= sizeof(base) || (strcmp(colon, ":current") != 0 && strcmp(colon, ":previous") != 0))
                return false;
        memcpy(base, text, (size_t)(colon - text));
        base[colon - text] = '\0';
        return name_ok(base);
}

int
host_check(const struct host *h, struct error *err)
{
        char mac[MAC_TEXT_SIZE];
        int r;

        if (!name_ok(h->name))
                return error_set(err, ERR_INVALID,
                                 "host name '%s' must be 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit", h->name);
        if (mac_zero(&h->mac))
                return error_set(err, ERR_INVALID, "host '%s' has no MAC address", h->name);
        if (h->mac.b[0] & 1)
                return error_set(err, ERR_INVALID, "host '%s': %s is a multicast address, not a machine's", h->name,
                                 mac_text(&h->mac, mac));
        if (*h->profile && !name_ok(h->profile))
                return error_set(err, ERR_INVALID, "host '%s': '%s' is no profile's name", h->name, h->profile);
        if (*h->image && !image_name_ok(h->image))
                return error_set(
                        err, ERR_INVALID,
                        "host '%s': image '%s' must be a name, NAME:current, NAME:previous or the beginning of a version's id",
                        h->name, h->image);
        r = boot_args_check("xen-args", h->xen_args, err);
        if (!r)
                r = boot_args_check("kernel-args", h->kernel_args, err);
        if (!r)
                r = boot_args_check("console", h->console, err);
        if (!r)
                r = labels_check("labels", h->labels, err);
        if (!r)
                r = root_check(h->root, err);
        if (!r && strchr(h->console, ' '))
                r = error_set(err, ERR_INVALID, "console is one word such as \"com1,vga\"");
        return r < 0 ? error_prefix(err, "host '%s'", h->name) : 0;
}
