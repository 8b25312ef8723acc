/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Xen's and dom0's command lines: which setting adds what, in which order, and what may never get into a menu. Pure; runs in
 * `boot` and `files`.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "bootcfg/menu.h"
#include "bootcfg/quirk_match.h"
#include "proto/boot_home.h"

bool
menu_args_safe(const struct menu_language *language, const char *text)
{
        if (text[strcspn(text, "'\"\\`")] != '\0' || text[strcspn(text, language->forbidden)] != '\0')
                return false;
        for (const char *p = text; *p; p++)
                if (*p < 0x20 || *p > 0x7e)
                        return false;
        for (const char *p = text; (p = strstr(p, "---")); p += 3)
                if (p == text || p[-1] == ' ')
                        return false;
        return true;
}

/* Appends @more and a blank before it where needed; false when it does not fit or is not fit for a menu. */
static bool
add(const struct menu_language *language, char *args, size_t size, const char *more)
{
        size_t have = strlen(args);
        size_t n = strlen(more);

        if (n == 0)
                return true;
        if (!menu_args_safe(language, more) || have + 1 + n >= size)
                return false;
        if (have > 0)
                args[have++] = ' ';
        memcpy(args + have, more, n + 1);
        return true;
}

/* Is @word one of the comma-separated words of @list? */
static bool
list_has(const char *list, const char *word)
{
        size_t n = strlen(word);

        for (const char *p = list; p; p = strchr(p, ','), p = p ? p + 1 : NULL)
                if (strncmp(p, word, n) == 0 && (p[n] == '\0' || p[n] == ','))
                        return true;
        return false;
}

/* console=..., and the serial port's speed when it is named and nobody has set it. */
static bool
add_console(const struct menu_language *language, char *args, size_t size, const char *console)
{
        static const struct {
                const char *name, *setting, *set;
        } ports[] = {{"com1", "com1=", "com1=115200,8n1"}, {"com2", "com2=", "com2=115200,8n1"}};
        char text[NAME_SIZE + 16];
        bool ok;

        if (*console == '\0')
                return true;
        if (strchr(console, ' '))
                return false;
        snprintf(text, sizeof(text), "console=%s", console);
        ok = add(language, args, size, text);
        for (size_t i = 0; i < N_ELEMENTS(ports); i++)
                if (list_has(console, ports[i].name) && !strstr(args, ports[i].setting))
                        ok = ok && add(language, args, size, ports[i].set);
        return ok;
}

/* What dompool-init is to do with the machine; a pool host needs no word. */
static const char *
mode_arg(enum profile_kind kind)
{
        switch (kind) {
        case PROFILE_INSPECT:
                return "dompool.mode=inspect";
        case PROFILE_RESCUE:
                return "dompool.mode=rescue";
        default:
                return "";
        }
}

/* The quirks' part of a command line. */
static bool
add_quirks(const struct menu_request *r, char *args, size_t size, size_t member)
{
        struct quirk_effects e;

        quirk_effects(r->policy, r->host, r->doc->firmware, &e);
        for (uint32_t i = 0; i < e.n; i++)
                if (!add(r->doc->language, args, size, (const char *)e.applied[i] + member))
                        return false;
        return true;
}

static bool
make_xen_args(const struct menu_request *r, const struct policy_chosen *c, char *args)
{
        const struct menu_language *l = r->doc->language;
        const struct policy_header *h = policy_header(r->policy);
        const char *console = r->host->console[0] ? r->host->console : h->console;
        const size_t size = MENU_XEN_ARGS_SIZE;

        args[0] = '\0';
        return add(l, args, size, h->xen_args) && add(l, args, size, c->image->xen_args) &&
               add(l, args, size, c->profile->xen_args) && add_quirks(r, args, size, offsetof(struct quirk, xen_args)) &&
               add(l, args, size, r->host->xen_args) && add_console(l, args, size, console) &&
               add(l, args, size, r->doc->xen_args);
}

/* Where the menu is a satellite's the main server exports. */
static bool
word_of(const struct menu_request *r, const struct policy_chosen *c, char word[ROOT_WORD_SIZE])
{
        const struct policy_header *h = policy_header(r->policy);

        return root_word(h->root_patterns[c->root], h->agent_address ? h->agent_address : r->server, c->image->id, word);
}

/* dompool.root= and dompool.layer=; a root in RAM needs no word. */
static bool
add_root(const struct menu_request *r, const struct policy_chosen *c, char *args, size_t size)
{
        char word[ROOT_WORD_SIZE], text[ROOT_WORD_SIZE + 16];

        if (c->root == ROOT_RAM)
                return true;
        if (!word_of(r, c, word))
                return false;
        snprintf(text, sizeof(text), "dompool.root=%s", word);
        if (!add(r->doc->language, args, size, text))
                return false;
        snprintf(text, sizeof(text), "dompool.layer=%s", c->profile->layer);
        return !*c->profile->layer || add(r->doc->language, args, size, text);
}

/* dompool.guest-nic= and dompool.vlans=, before the host's own arguments: those may say it otherwise for one host. */
static bool
add_guest_net(const struct menu_request *r, const struct policy_chosen *c, char *args, size_t size)
{
        const struct policy_profile *p = c->profile;
        char text[GUEST_VLANS_SIZE + 24];

        if (p->kind != PROFILE_POOL)
                return true;
        snprintf(text, sizeof(text), "dompool.guest-nic=%s", p->guest_nic);
        if (*p->guest_nic && !add(r->doc->language, args, size, text))
                return false;
        snprintf(text, sizeof(text), "dompool.vlans=%s", p->vlans);
        return !*p->vlans || add(r->doc->language, args, size, text);
}

/* dompool.nfs-dirs=, likewise before the host's own. */
static bool
add_nfs_dirs(const struct menu_request *r, const struct policy_chosen *c, char *args, size_t size)
{
        char text[NFS_DIRS_SIZE + 24];

        if (c->profile->kind != PROFILE_POOL || !*c->profile->nfs_dirs)
                return true;
        snprintf(text, sizeof(text), "dompool.nfs-dirs=%s", c->profile->nfs_dirs);
        return add(r->doc->language, args, size, text);
}

/* init=: an initrd that could not be unpacked whole (too little memory) has an /init that does not run, or none. Without a word
 * the kernel then tries /bin/sh, so whoever stands at the console would be root; with init= it panics, and Xen starts the
 * machine anew 5 s later (Linux init/main.c kernel_init, arch/x86/xen/enlighten.c xen_panic_event). The last init= counts: an
 * administrator's own, in kernel-args, still does. */
#define ALWAYS "console=hvc0 init=/init"

static bool
make_dom0_args(const struct menu_request *r, const struct policy_chosen *c, char *args)
{
        const struct menu_language *l = r->doc->language;
        const size_t size = MENU_DOM0_ARGS_SIZE - MENU_HOME_SIZE;
        char image[48];

        snprintf(image, sizeof(image), "dompool.image=%.16s", c->image->id);
        args[0] = '\0';
        return add(l, args, size, ALWAYS) && add(l, args, size, policy_header(r->policy)->kernel_args) &&
               add(l, args, size, c->image->kernel_args) && add(l, args, size, c->profile->kernel_args) &&
               add_guest_net(r, c, args, size) && add_nfs_dirs(r, c, args, size) &&
               add_quirks(r, args, size, offsetof(struct quirk, kernel_args)) && add(l, args, size, r->host->kernel_args) &&
               add(l, args, size, mode_arg(c->profile->kind)) && add_root(r, c, args, size) && add(l, args, size, image);
}

/* Its characters are those of dompool.root=, which has been checked; a word that is no target's leaves it out. */
static void
make_hook(const struct menu_request *r, const struct policy_chosen *c, char hook[ROOT_WORD_SIZE])
{
        char word[ROOT_WORD_SIZE];

        if (c->root != ROOT_ISCSI || !c->profile->iscsi_hook || !word_of(r, c, word) || !root_iscsi_uri(word, hook))
                hook[0] = '\0';
}

const char *
menu_args_make(const struct menu_request *r, const struct policy_chosen *chosen, struct menu_item *item)
{
        if (!make_xen_args(r, chosen, item->xen_args))
                return "Xen's arguments are too long or hold characters that a menu cannot";
        if (!make_dom0_args(r, chosen, item->dom0_args))
                return "dom0's arguments are too long or hold characters that a menu cannot";
        make_hook(r, chosen, item->hook);
        return NULL;
}

/* Without a token nothing in the page needs a way home, and most languages have room for the long form. */
static bool
make_home_short(const struct menu_request *r, struct menu_page *page)
{
        const struct policy_header *h = policy_header(r->policy);
        struct boot_home home = {.server = r->server,
                                 .http_port = (uint16_t)h->http_port,
                                 .agent_port = (uint16_t)h->agent_port,
                                 .agent_server = h->agent_address,
                                 .mac = r->host->mac};
        char text[BOOT_HOME_TEXT_SIZE];

        page->home_short[0] = '\0';
        if (!*r->token || !r->doc->language->short_home)
                return true;
        if (!str_copy(home.fingerprint, sizeof(home.fingerprint), h->tls_fingerprint) ||
            !str_copy(home.token, sizeof(home.token), r->token) || boot_home_encode(&home, text) < 0)
                return false;
        snprintf(page->home_short, sizeof(page->home_short), "dompool.home=%s dompool.host=%s", text, r->host->name);
        return true;
}

/* What dompool-init needs to find home (docs/ARCHITECTURE.md, "The life of a boot", 3). */
bool
menu_args_home(const struct menu_request *r, struct menu_page *page)
{
        const struct policy_header *h = policy_header(r->policy);
        char ip[IP4_TEXT_SIZE], agent[IP4_TEXT_SIZE], mac[MAC_TEXT_SIZE];
        int n;

        ip4_text(r->server, ip);
        mac_text(&r->host->mac, mac);
        n = snprintf(page->home, sizeof(page->home),
                     "dompool.server=%s dompool.http=%u dompool.agent=%s%s%u dompool.fp=%s dompool.token=%s dompool.host=%s "
                     "dompool.mac=%s",
                     ip, h->http_port, h->agent_address ? ip4_text(h->agent_address, agent) : "", h->agent_address ? ":" : "",
                     h->agent_port, h->tls_fingerprint, r->token, r->host->name, mac);
        return (size_t)n < sizeof(page->home) && menu_args_safe(r->doc->language, page->home) && make_home_short(r, page);
}
