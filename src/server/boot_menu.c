/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Menus of the `boot` role, by TFTP. Who may read what is src/bootcfg/menu_server.c's, the text menu.c's.
 */
#include "base/log.h"
#include "server/boot.h"

/* `files` may be away; it gets everything when it is back. */
static void
tell_attempt(void *arg, const struct mac *mac, int64_t attempt_ms)
{
        struct boot *b = arg;
        const struct msg_boot_attempt m = {.mac = *mac, .attempt_ms = attempt_ms};

        (void)role_send(b->ctx, ROLE_FILES, MSG_BOOT_ATTEMPT, &m, -1);
}

void
boot_menu_files_up(struct boot *b)
{
        menu_attempts_each(b->attempts, tell_attempt, b);
}

bool
boot_menu(struct boot *b, const struct bootfile *file, uint32_t address, int64_t now_ms, struct menu_served *ret)
{
        const struct menu_server s = {.policy = b->policy,
                                      .leases = b->server.leases,
                                      .attempts = b->attempts,
                                      .cache = b->menus,
                                      .address = b->server.address,
                                      .begun = tell_attempt,
                                      .arg = b};
        char mac[MAC_TEXT_SIZE], ip[IP4_TEXT_SIZE];

        if (file->kind == BOOTFILE_MENU_DEFAULT) {
                menu_serve_default(&s, file->menu, ret);
                return true;
        }
        if (!menu_serve(&s, file->menu, &file->mac, address, now_ms, ret))
                return false;
        if (!log_budget_take(&b->lines, clock_mono_ms(&b->ctx->clock)))
                return true;
        log_info("menu host=%s mac=%s address=%s menu=%s profile=%s reason=\"%s\"", ret->host ? ret->host->name : "",
                 mac_text(&file->mac, mac), ip4_text(address, ip), file->menu->name, profile_kind_names[ret->menu.kind],
                 ret->menu.kind == PROFILE_LOCAL ? ret->menu.why : "");
        return true;
}
