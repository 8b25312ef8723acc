/* SPDX-License-Identifier: Apache-2.0 */
/* Menus for those who may read them, and the per-boot tokens in them. Pure but for its tables; runs in `boot` and `files`. */
#include "bootcfg/menu_server.h"

#include <stdlib.h>
#include <uthash.h>

/* One a host of the policy. */
struct attempt {
        struct mac mac;
        int64_t attempt_ms;
        bool used;
        UT_hash_handle hh;
};

struct menu_attempts {
        struct attempt *attempts;
};

struct menu_attempts *
menu_attempts_new(void)
{
        return calloc(1, sizeof(struct menu_attempts));
}

void
menu_attempts_free(struct menu_attempts *t)
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
find(const struct menu_attempts *t, const struct mac *mac)
{
        struct attempt *a;

        HASH_FIND(hh, t->attempts, mac, sizeof(*mac), a);
        return a;
}

static struct attempt *
add(struct menu_attempts *t, const struct mac *mac, int64_t attempt_ms)
{
        struct attempt *a = calloc(1, sizeof(*a));

        if (!a)
                return NULL;
        a->mac = *mac;
        a->attempt_ms = attempt_ms;
        HASH_ADD(hh, t->attempts, mac, sizeof(a->mac), a);
        return a;
}

void
menu_attempts_used(struct menu_attempts *t, const struct mac *mac, int64_t attempt_ms)
{
        struct attempt *a = find(t, mac);

        if (a && attempt_ms >= a->attempt_ms)
                a->used = true;
}

void
menu_attempts_learn(struct menu_attempts *t, const struct mac *mac, int64_t attempt_ms)
{
        struct attempt *a = find(t, mac);

        if (!a) {
                add(t, mac, attempt_ms);
        } else if (attempt_ms > a->attempt_ms) {
                a->attempt_ms = attempt_ms;
                a->used = false;
        }
}

int64_t
menu_attempts_get(const struct menu_attempts *t, const struct mac *mac)
{
        const struct attempt *a = find(t, mac);

        return a ? a->attempt_ms : 0;
}

void
menu_attempts_each(const struct menu_attempts *t, void (*fn)(void *arg, const struct mac *mac, int64_t attempt_ms), void *arg)
{
        const struct attempt *a;

        for (a = t->attempts; a; a = a->hh.next)
                if (!a->used)
                        fn(arg, &a->mac, a->attempt_ms);
}

/* The attempt that a menu rendered now belongs to; 0: out of memory. Firmware asks twice, so it stays the same for a while. */
static int64_t
attempt_now(const struct menu_server *s, const struct mac *mac, int64_t now_ms)
{
        struct attempt *a = find(s->attempts, mac);
        int64_t age = a ? now_ms - a->attempt_ms : 0;

        if (a && !a->used && age >= 0 && age < TOKEN_SAME_MS)
                return a->attempt_ms;
        if (!a)
                a = add(s->attempts, mac, 0);
        if (!a)
                return 0;
        /* Always later than the last, whatever the clock did: core takes no older one. */
        a->attempt_ms = now_ms > a->attempt_ms ? now_ms : a->attempt_ms + 1;
        a->used = false;
        s->begun(s->arg, mac, a->attempt_ms);
        return a->attempt_ms;
}

bool
menu_serve(const struct menu_server *s, const struct menu_doc *doc, const struct mac *mac, uint32_t address, int64_t now_ms,
           struct menu_served *ret)
{
        const struct lease *lease = lease_by_address(s->leases, address);
        char text[TOKEN_TEXT_SIZE] = "";
        struct menu_request r = {.doc = doc, .policy = s->policy, .server = s->address, .token = text};
        struct token token = {.mac = *mac};
        const struct menu_rendered *menu;
        struct policy_time time;

        *ret = (struct menu_served){0};
        /* Without a lease we do not know who asks: no token for him, but a way to his own disk. */
        if (lease && lease_kept(lease, now_ms)) {
                if (!mac_eq(&lease->mac, mac))
                        return false;
                r.host = s->policy ? policy_host_by_mac(s->policy, mac, &ret->known) : NULL;
        }
        policy_time_at(now_ms, &time);
        policy_choose(s->policy, r.host, &time, &r.chosen);
        if (menu_wants_token(&r))
                token.attempt_ms = attempt_now(s, mac, now_ms);
        menu = menu_cache_find(s->cache, &r, token.attempt_ms);
        if (!menu) {
                token.expiry_ms = token.attempt_ms + TOKEN_VALID_MS;
                if (token.attempt_ms != 0)
                        token_render(policy_header(s->policy)->token_key, &token, text);
                menu = menu_cache_render(s->cache, &r, token.attempt_ms);
        }
        ret->host = r.host;
        ret->menu = *menu;
        return true;
}

void
menu_serve_default(const struct menu_server *s, const struct menu_doc *doc, struct menu_served *ret)
{
        *ret = (struct menu_served){.menu = *menu_cache_render_local(s->cache, doc, "the menu of last resort")};
}
