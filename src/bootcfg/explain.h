/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_EXPLAIN_H
#define DOMPOOL_BOOTCFG_EXPLAIN_H
/*
 * What a machine would get, packet by packet and file by file, and which setting decided each line. Pure, and no second
 * account: it sends a machine's packets to dhcp_server_decide() with leases of its own and renders its menu by menu_render().
 *
 * The boot token in a menu is one that the server does not take: an explanation boots nothing.
 */
#include "bootcfg/loader.h"
#include "bootcfg/policy.h"

/* The kinds of firmware that can be asked about, by name: "bios", "efi64" ...; NULL behind the last. */
const char *explain_firmware_name(size_t i);

/* How the kind introduces itself; false: there is none of the name. */
bool explain_firmware(const char *name, struct firmware *ret);

struct explain_request {
        const struct policy *policy;
        uint32_t address; /* the server's on the boot LAN */
        struct mac mac;
        const char *firmware;                 /* one of the names above */
        int64_t now_ms;                       /* wall */
        const struct host_hardware *hardware; /* of a machine that is no host, if it was inspected; NULL */
        uint32_t network;                     /* where it asks, as config_network_at counts */
        struct explain_server *server;        /* of @policy and @address, for many machines; NULL: one is made for this one */
};

/* The addresses that are given in an explanation: it takes as long to make as there are hosts, and is as before after each.
 * NULL: no memory. */
struct explain_server *explain_server_new(const struct policy *policy, uint32_t address);
void explain_server_free(struct explain_server *s);

/* What is found is told in order: an item, then its lines. */
struct explain_sink {
        /* @kind: "decision", "request", "answer", "silence", "file". @data: a packet's or a menu's bytes; NULL for files that
         * are only named, and for decisions. */
        void (*item)(void *arg, const char *kind, const char *title, const void *data, size_t size);
        /* A line of the last item, decoded, and where it comes from (may be empty). */
        void (*line)(void *arg, const char *text, const char *why);
        void *arg;
};

/* 0; ERR_INVALID for a firmware that there is not; -ENOMEM. */
int explain_boot(const struct explain_request *r, const struct explain_sink *sink, struct error *err);

#endif
