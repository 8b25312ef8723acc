/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Menus of the `boot` role: who may read which, and the per-boot token in them. The text is src/bootcfg/menu.c's.
 */
#include <stdlib.h>
#include <uthash.h>

#include "base/log.h"
#include "server/boot.h"

/* One a host of the policy: who is not in it gets no token, so this does not grow by strangers. */
struct attempt {
        struct mac mac;
        int64_t attempt_ms;
        bool used;
        UT_hash_handle hh;
};

struct boot_tokens {
        struct attempt *attempts;
};

struct boot_tokens *
boot_tokens_new(void)
{
        return calloc(1, sizeof(struct boot_tokens));
}

void
boot_tokens_free(struct boot_tokens *t)
{
        struct attempt *a, *next;

        if (!t)
                return;
        HASH_ITER(hh, t->attempts, a, next)
        {
                HASH_DEL(t->attempts, a);
                free(a);
        }
        free(t);
}

static struct attempt *
find(const struct boot_tokens *t, const struct mac *mac)
{
        struct attempt *a;

        HASH_FIND(hh, t->attempts, mac, sizeof(*mac), a);
        return a;
}

void
boot_tokens_used(struct boot_tokens *t, const struct mac *mac, int64_t attempt_ms)
{
        struct attempt *a = find(t, mac);

        if (a && attempt_ms >= a->attempt_ms)
                a->used = true;
}

int64_t
boot_tokens_attempt(const struct boot_tokens *t, const struct mac *mac)
{
        const struct attempt *a = find(t, mac);

        return a ? a->attempt_ms : 0;
}

/* The attempt that a menu rendered now belongs to; 0: out of memory. Firmware asks twice, so it stays the same for a while. */
static int64_t
attempt_now(struct boot_tokens *t, const struct mac *mac, int64_t now_ms)
{
        struct attempt *a = find(t, mac);
        int64_t age;

        if (!a) {
                a = calloc(1, sizeof(*a));
                if (!a)
                        return 0;
                a->mac = *mac;
                a->attempt_ms = now_ms;
                HASH_ADD(hh, t->attempts, mac, sizeof(a->mac), a);
        }
        age = now_ms - a->attempt_ms;
        if (a->used || age >= TOKEN_SAME_MS || age < 0) {
                /* Always later than the last, whatever the clock did: core takes no older one. */
                a->attempt_ms = now_ms > a->attempt_ms ? now_ms : a->attempt_ms + 1;
                a->used = false;
        }
        return a->attempt_ms;
}

static enum profile_kind
render(struct boot *b, const struct bootfile *file, const struct policy_host *host, int64_t now_ms, struct menu_text *out,
       const char **why)
{
        char text[TOKEN_TEXT_SIZE] = "";
        struct menu_request request = {
                .loader = file->loader, .policy = b->policy, .host = host, .server = b->server.address, .token = text};
        struct token token = {.mac = file->mac};
        struct policy_time time;

        policy_time_at(now_ms, &time);
        policy_choose(b->policy, host, &time, &request.chosen);
        if (request.chosen.profile && profile_kind_boots_image(request.chosen.profile->kind)) {
                token.attempt_ms = attempt_now(b->tokens, &file->mac, now_ms);
                token.expiry_ms = token.attempt_ms + TOKEN_VALID_MS;
                token_render(policy_header(b->policy)->token_key, &token, text);
        }
        return menu_render(&request, out, why);
}

enum boot_menu_result
boot_menu(struct boot *b, const struct bootfile *file, uint32_t address, int64_t now_ms, struct menu_text *out)
{
        const struct lease *lease = lease_by_address(b->server.leases, address);
        char mac[MAC_TEXT_SIZE], ip[IP4_TEXT_SIZE];
        const struct policy_host *host = NULL;
        enum profile_kind kind;
        const char *why = "";

        if (file->kind == BOOTFILE_MENU_DEFAULT) {
                menu_render_local(file->loader, "the menu of last resort", out);
                return BOOT_MENU_OK;
        }
        if (lease && lease_active(lease, now_ms)) {
                if (!mac_eq(&lease->mac, &file->mac))
                        return BOOT_MENU_FOREIGN;
                host = b->policy ? policy_host_by_mac(b->policy, &file->mac) : NULL;
        }
        /* Without a lease we do not know who asks: no token for him, but a way to his own disk. */
        kind = render(b, file, host, now_ms, out, &why);
        log_info("menu host=%s mac=%s address=%s loader=%s profile=%s reason=\"%s\"", host ? host->name : "",
                 mac_text(&file->mac, mac), ip4_text(address, ip), file->loader->name, profile_kind_names[kind],
                 kind == PROFILE_LOCAL ? why : "");
        return BOOT_MENU_OK;
}
