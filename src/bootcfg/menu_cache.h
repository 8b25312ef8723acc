/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_MENU_CACHE_H
#define DOMPOOL_BOOTCFG_MENU_CACHE_H
/*
 * Menus as they were rendered, for hosts that ask again: a menu is the same bytes for as long as nothing changes that it is
 * made of, so it is rendered and signed once for each host, language, boot attempt and policy.
 *
 * Not kept longer than its policy: the first question with another snapshot empties it. Only menus of the policy's hosts are
 * kept, the oldest make room, so strangers make nothing grow. No I/O; who may read a menu is menu_server.c's business.
 */
#include "bootcfg/menu.h"

#define MENU_CACHE_BYTES (32u << 20) /* some 10,000 menus */

struct menu_cache;

struct menu_rendered {
        enum profile_kind kind; /* of what it boots by itself */
        const char *why;        /* LOCAL: static text */
        const char *text;
        size_t size;
};

/* Keeps at most so many bytes. NULL: out of memory. */
struct menu_cache *menu_cache_new(size_t max_bytes);

void menu_cache_free(struct menu_cache *c);

/* What was rendered for the same request; r->token does not count, @attempt_ms stands for it (0: there is none). NULL: nothing.
 * What is returned here and below is good until the next call. */
const struct menu_rendered *menu_cache_find(struct menu_cache *c, const struct menu_request *r, int64_t attempt_ms);

/* Renders, and keeps it where it can. */
const struct menu_rendered *menu_cache_render(struct menu_cache *c, const struct menu_request *r, int64_t attempt_ms);

/* The menu that boots the local disk; not kept. */
const struct menu_rendered *menu_cache_render_local(struct menu_cache *c, const struct menu_doc *doc, const char *why);

/* Bytes that are kept. */
size_t menu_cache_bytes(const struct menu_cache *c);

#endif
