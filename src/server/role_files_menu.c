/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Menus by HTTP. A menu holds a boot token, so its asker must own the lease of the host: `boot` tells each lease before its ACK
 * leaves, and the two tell each other of attempts, so that a host gets the same bytes by TFTP. Runs in: files.
 */
#include <stdlib.h>

#include "base/log.h"
#include "bootcfg/menu_server.h"
#include "server/role_files.h"

struct files_menus {
        struct lease_table *leases;
        struct menu_attempts *attempts;
        struct menu_cache *cache;
};

struct files_menus *
files_menus_new(void)
{
        struct files_menus *m = calloc(1, sizeof(*m));

        if (!m)
                return NULL;
        m->leases = lease_table_new();
        m->attempts = menu_attempts_new();
        m->cache = menu_cache_new(MENU_CACHE_BYTES);
        if (m->leases && m->attempts && m->cache)
                return m;
        lease_table_free(m->leases);
        menu_attempts_free(m->attempts);
        menu_cache_free(m->cache);
        free(m);
        return NULL;
}

void
files_menus_message(struct files_menus *m, enum msg_type type, const void *payload)
{
        const struct msg_lease_event *lease = payload;
        const struct msg_boot_attempt *attempt = payload;
        const struct msg_token_used *used = payload;

        if (type == MSG_LEASE_EVENT && lease->state < LEASE_N) {
                const struct lease l = {.mac = lease->mac,
                                        .address = lease->address,
                                        .state = (enum lease_state)lease->state,
                                        .expiry_ms = lease->expiry_ms};

                if (lease_put(m->leases, &l) < 0)
                        log_warning("lease not kept, its host gets no menu by HTTP: the table is full");
        }
        if (type == MSG_BOOT_ATTEMPT)
                menu_attempts_learn(m->attempts, &attempt->mac, attempt->attempt_ms);
        if (type == MSG_TOKEN_USED)
                menu_attempts_used(m->attempts, &used->mac, used->attempt_ms);
}

/* boot, when it is away, learns of it as soon as it is back: its own attempts are older, and the later one counts. */
static void
tell_attempt(void *arg, const struct mac *mac, int64_t attempt_ms)
{
        struct files *f = arg;
        const struct msg_boot_attempt m = {.mac = *mac, .attempt_ms = attempt_ms};

        (void)role_send(f->ctx, ROLE_BOOT, MSG_BOOT_ATTEMPT, &m, -1);
}

void
files_menus_boot_up(struct files *f)
{
        menu_attempts_each(f->menus->attempts, tell_attempt, f);
}

static bool
lease_known(const struct files *f, const struct files_path *path, uint32_t address)
{
        const struct lease *l = lease_by_address(f->menus->leases, address);

        return l && mac_eq(&l->mac, &path->mac) && lease_kept(l, clock_wall_ms(&f->ctx->clock));
}

bool
files_menu(struct files *f, const struct files_path *path, uint32_t address, uint32_t local_address, struct menu_served *ret)
{
        const struct menu_server s = {.policy = f->policy,
                                      .leases = f->menus->leases,
                                      .attempts = f->menus->attempts,
                                      .cache = f->menus->cache,
                                      .address = local_address,
                                      .begun = tell_attempt,
                                      .arg = f};
        char mac[MAC_TEXT_SIZE], ip[IP4_TEXT_SIZE];

        if (path->target == FILES_MENU_DEFAULT) {
                menu_serve_default(&s, path->menu, ret);
                return true;
        }
        if (!lease_known(f, path, address))
                role_drain(f->ctx, ROLE_BOOT); /* it was told before this request could be made */
        if (!menu_serve(&s, path->menu, &path->mac, address, clock_wall_ms(&f->ctx->clock), ret))
                return false;
        if (log_max_level() >= LOG_LEVEL_DEBUG)
                log_debug("menu host=%s mac=%s address=%s menu=%s profile=%s reason=\"%s\"", ret->host ? ret->host->name : "",
                          mac_text(&path->mac, mac), ip4_text(address, ip), path->menu->name,
                          profile_kind_names[ret->menu.kind], ret->menu.why);
        return true;
}
