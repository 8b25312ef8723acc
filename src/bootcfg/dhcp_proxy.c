/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DHCP packet is answered with where the addresses are another server's. Pure but for the table of addresses seen. Runs
 * in dompoold's `boot` role. What each firmware needs was recorded: tests/data/boot-traces.
 */
#include "bootcfg/dhcp_proxy.h"

#include <string.h>

#include "base/cleanup.h"
#include "bootcfg/dhcp_reply.h"
#include "bootcfg/policy_choice.h"
#include "proto/wire.h"

#define silence dhcp_reply_silence

/* GRUB on UEFI asks for its menu at the server of the lease, which is not us; iPXE asks DHCP again and then finds us. */
#define BEST_LOADER "snponly"

/* Items of option 43: PXE 2.1, table 2-1. */
enum pxe_item {
        PXE_DISCOVERY_CONTROL = 6,
        PXE_BOOT_SERVERS = 8,
        PXE_BOOT_MENU = 9,
        PXE_MENU_PROMPT = 10,
        PXE_BOOT_ITEM = 71,
        PXE_END = 255,
};

/* Bits of the discovery control. */
enum {
        PXE_NO_BROADCAST = 1,
        PXE_NO_MULTICAST = 2,
        PXE_USE_FILE_NOW = 8,
};

#define PXE_TYPE_LOCAL 0     /* a menu's item of this type leads to the local disk, without a question to anybody */
#define PXE_TYPE_OURS 0x8000 /* vendors' own types begin here */
#define PXE_ITEM_SIZE 4      /* type and layer */

/* What firmware wants to know. */
enum question {
        ASKS_WHO = 1,      /* DISCOVER: who has a boot file? */
        ASKS_FILE = 2,     /* REQUEST to port 4011: which is it? */
        ASKS_ITEM = 4,     /* REQUEST with a boot item, to port 4011 or broadcast: the file of that menu's item */
        TELLS_ADDRESS = 8, /* REQUEST: it takes the site's address */
        ASKS_NOTHING = 16,
};

struct talk {
        const struct dhcp_server *s;
        const struct dhcp_packet *p;
        struct firmware firmware;
        const uint8_t *item; /* boot item of the request; NULL: none */
        struct dhcp_decision *d;
};

static const uint8_t *
boot_item(const struct dhcp_packet *p)
{
        size_t vendor_size, size;
        const uint8_t *vendor = dhcp_option(p, DHCP_OPT_VENDOR, &vendor_size);
        const uint8_t *item = vendor ? dhcp_suboption(vendor, vendor_size, PXE_BOOT_ITEM, &size) : NULL;

        return item && size == PXE_ITEM_SIZE ? item : NULL;
}

static enum question
question_of(const struct talk *t, uint16_t port)
{
        if (t->p->type == DHCP_DISCOVER && port == DHCP_SERVER_PORT)
                return ASKS_WHO;
        if (t->p->type != DHCP_REQUEST)
                return ASKS_NOTHING;
        if (t->item)
                return ASKS_ITEM;
        return port == DHCP_PXE_PORT ? ASKS_FILE : TELLS_ADDRESS;
}

/* --- Answers. --- */

static void
start(const struct talk *t, uint8_t type, bool with_file, struct dhcp_builder *b)
{
        struct dhcp_header h = dhcp_reply_header(t->p);

        h.siaddr = t->s->address;
        if (with_file)
                dhcp_reply_boot_header(t->s, t->d, &h);
        if (type == DHCP_OFFER)
                h.flags |= DHCP_FLAG_BROADCAST; /* whoever asks has no address yet */
        dhcp_build_start(b, &h, type, dhcp_reply_max_size(t->p));
        dhcp_build_u32(b, DHCP_OPT_SERVER_ID, t->s->address);
        if (t->firmware.client != FIRMWARE_HTTP) /* that class comes with the loader's options */
                dhcp_build_text(b, DHCP_OPT_VENDOR_CLASS, "PXEClient");
        dhcp_reply_echo_uuid(t->p, b);
        if (with_file)
                dhcp_reply_boot_options(t->s, &t->firmware, t->d, b);
}

/* UEFI HTTP boot: one offer with the URL. Its loader never asks port 4011. */
static void
offer_url(const struct talk *t)
{
        struct dhcp_builder b;

        start(t, DHCP_OFFER, true, &b);
        dhcp_reply_finish(t->p, DHCP_OFFER, &b, t->d);
}

/* BIOS and iPXE take the file of the offer when they are told to look for no boot server. */
static void
offer_file(const struct talk *t)
{
        static const uint8_t use_now[] = {PXE_DISCOVERY_CONTROL, 1, PXE_USE_FILE_NOW, PXE_END};
        struct dhcp_builder b;

        start(t, DHCP_OFFER, true, &b);
        dhcp_build_option(&b, DHCP_OPT_VENDOR, use_now, sizeof(use_now));
        dhcp_reply_finish(t->p, DHCP_OFFER, &b, t->d);
}

/* UEFI PXE: an offer with neither file nor option 43 makes EDK2 ask port 4011 ("BINL"), one with a file it may pass over. */
static void
offer_to_be_asked(const struct talk *t)
{
        struct dhcp_builder b;

        start(t, DHCP_OFFER, false, &b);
        dhcp_reply_finish(t->p, DHCP_OFFER, &b, t->d);
}

static size_t
put_menu_item(uint8_t *to, uint16_t type, const char *text)
{
        size_t n = strlen(text);

        put_be16(to, type);
        to[2] = (uint8_t)n;
        memcpy(to + 3, text, n);
        return 3 + n;
}

/* A prompt, a menu of two, and where its first item is asked for. The first item is taken when the time runs out. */
static void
offer_menu(const struct talk *t)
{
        const struct config_network *n = t->d->network;
        uint8_t menu[64], prompt[1 + PXE_PROMPT_SIZE], servers[7], data[32 + sizeof(menu) + sizeof(prompt)];
        size_t size = 0, menu_size = put_menu_item(menu, PXE_TYPE_OURS, "Network (dompool)"),
               prompt_size = strlen(n->pxe_prompt);
        struct dhcp_builder b;

        menu_size += put_menu_item(menu + menu_size, PXE_TYPE_LOCAL, "Local disk");
        prompt[0] = (uint8_t)n->pxe_timeout_seconds;
        memcpy(prompt + 1, n->pxe_prompt, prompt_size);
        put_be16(servers, PXE_TYPE_OURS);
        servers[2] = 1; /* address */
        put_be32(servers + 3, t->s->address);
        const struct {
                uint8_t item;
                const uint8_t *data;
                size_t size;
        } items[] = {
                {PXE_DISCOVERY_CONTROL, (const uint8_t[]){PXE_NO_BROADCAST | PXE_NO_MULTICAST}, 1},
                {PXE_MENU_PROMPT, prompt, 1 + prompt_size},
                {PXE_BOOT_SERVERS, servers, sizeof(servers)},
                {PXE_BOOT_MENU, menu, menu_size},
        };

        for (size_t i = 0; i < N_ELEMENTS(items); i++) {
                data[size++] = items[i].item;
                data[size++] = (uint8_t)items[i].size;
                memcpy(data + size, items[i].data, items[i].size);
                size += items[i].size;
        }
        data[size++] = PXE_END;
        start(t, DHCP_OFFER, false, &b);
        dhcp_build_option(&b, DHCP_OPT_VENDOR, data, size);
        dhcp_reply_finish(t->p, DHCP_OFFER, &b, t->d);
}

static void
acknowledge_file(const struct talk *t)
{
        struct dhcp_builder b;

        start(t, DHCP_ACK, true, &b);
        dhcp_reply_finish(t->p, DHCP_ACK, &b, t->d);
}

/* As the answer to a boot item, firmware wants the same item back. */
static void
acknowledge_item(const struct talk *t)
{
        uint8_t data[2 + PXE_ITEM_SIZE + 1] = {PXE_BOOT_ITEM, PXE_ITEM_SIZE};
        struct dhcp_builder b;

        if (get_be16(t->item) != PXE_TYPE_OURS) {
                silence(t->d, "a boot server of another type is asked for");
                return;
        }
        memcpy(data + 2, t->item, PXE_ITEM_SIZE);
        data[sizeof(data) - 1] = PXE_END;
        start(t, DHCP_ACK, true, &b);
        dhcp_build_option(&b, DHCP_OPT_VENDOR, data, sizeof(data));
        dhcp_reply_finish(t->p, DHCP_ACK, &b, t->d);
}

/* --- Which answer: the first row that fits. --- */

enum platform { BIOS = 1, UEFI = 2, ANY = BIOS | UEFI };

static const struct answer {
        unsigned questions; /* enum question */
        unsigned clients;   /* enum firmware_client */
        unsigned platforms; /* enum platform */
        bool with_menu;     /* only where a prompt is configured */
        void (*give)(const struct talk *t);
} answers[] = {
        {ASKS_WHO, FIRMWARE_HTTP, ANY, false, offer_url},
        {ASKS_WHO, FIRMWARE_PXE | FIRMWARE_IPXE, BIOS, true, offer_menu},
        {ASKS_WHO, FIRMWARE_PXE, UEFI, true, offer_menu},
        {ASKS_WHO, FIRMWARE_PXE, BIOS, false, offer_file},
        {ASKS_WHO, FIRMWARE_IPXE, ANY, false, offer_file},
        {ASKS_WHO, FIRMWARE_PXE, UEFI, false, offer_to_be_asked},
        {ASKS_FILE, FIRMWARE_PXE | FIRMWARE_IPXE, ANY, false, acknowledge_file},
        {ASKS_ITEM, FIRMWARE_PXE | FIRMWARE_IPXE, ANY, false, acknowledge_item},
};

static const struct answer *
answer_find(const struct talk *t, enum question question)
{
        unsigned platform = t->firmware.arch == 0 ? BIOS : UEFI;
        bool menu = t->d->network->pxe_prompt[0] != '\0';

        for (size_t i = 0; i < N_ELEMENTS(answers); i++) {
                const struct answer *a = &answers[i];

                if ((a->questions & question) && (a->clients & t->firmware.client) && (a->platforms & platform) &&
                    (menu || !a->with_menu))
                        return a;
        }
        return NULL;
}

/* --- Addresses seen. --- */

/* The address that the client says it has or takes; 0: none of the network. */
static uint32_t
address_of(const struct dhcp_packet *p, const struct dhcp_arrival *from, const struct config_network *n)
{
        uint32_t address = p->h.ciaddr;

        if (from->port == DHCP_PXE_PORT)
                address = from->source;
        else if (address == 0)
                dhcp_option_u32(p, DHCP_OPT_REQUESTED_ADDRESS, &address);
        return config_network_has(n, address) ? address : 0;
}

/*
 * Who may read which menu is asked of the lease table, by TFTP and by HTTP alike; so it holds the addresses that hosts were
 * seen to take (docs/decisions/0011-proxy-learns-addresses.md). The latest word counts, but an address that somebody asks for
 * without a server's offer (INIT-REBOOT, a renewal) may be of an earlier time: it takes nobody's away.
 */
static void
remember(struct dhcp_server *s, const struct dhcp_packet *p, uint32_t address, int64_t now_ms, struct dhcp_decision *d)
{
        const struct lease *held = lease_by_address(s->leases, address);
        bool active = held && lease_active(held, now_ms), own = active && mac_eq(&held->mac, &p->h.mac);
        uint32_t server;

        d->lease = (struct lease){
                .mac = p->h.mac, .address = address, .state = LEASE_BOUND, .expiry_ms = now_ms + DHCP_PROXY_SEEN_MS};
        if (active && !own && !dhcp_option_u32(p, DHCP_OPT_SERVER_ID, &server))
                return;
        if (own && held->expiry_ms - now_ms > DHCP_PROXY_SEEN_MS / 2)
                return; /* known, and for a while yet */
        d->lease_changed = lease_put(s->leases, &d->lease) == 0;
}

/* Is the disk all that it would find in the end? Then it is sent there at once. */
static bool
boots_disk(const struct dhcp_server *s, const struct policy_host *host, int64_t now_ms)
{
        struct policy_chosen chosen;
        struct policy_time t;

        policy_time_at(now_ms, &t);
        policy_choose(s->policy, host, &t, &chosen);
        if (!chosen.profile)
                return true;
        if (chosen.menu)
                return false; /* a person is to choose */
        return chosen.profile->kind == PROFILE_LOCAL || (profile_kind_boots_image(chosen.profile->kind) && !chosen.image);
}

void
dhcp_proxy_decide(struct dhcp_server *s, const struct dhcp_packet *p, const struct dhcp_arrival *from, int64_t now_ms,
                  struct dhcp_decision *d)
{
        struct talk t = {.s = s, .p = p, .item = boot_item(p), .d = d};
        enum question question = question_of(&t, from->port);
        uint32_t address = question & (TELLS_ADDRESS | ASKS_FILE | ASKS_ITEM) ? address_of(p, from, d->network) : 0;
        const struct answer *answer;

        if (address != 0)
                remember(s, p, address, now_ms, d);
        if (!firmware_parse(p, &t.firmware)) {
                silence(d, "addresses are another server's, and it looks for no boot file");
                return;
        }
        if (boots_disk(s, d->host, now_ms)) {
                silence(d, "its disk is what it boots: its firmware goes on to it");
                return;
        }
        if (!dhcp_reply_choose_loader(s, &t.firmware, BEST_LOADER, d)) {
                silence(d, "no loader for this firmware");
                return;
        }
        if (address != 0)
                d->event = DHCP_EVENT_BOOT;
        answer = answer_find(&t, question);
        if (!answer) {
                silence(d, question == TELLS_ADDRESS ? "it takes another server's address" : "nothing that a proxy answers");
                return;
        }
        answer->give(&t);
        if (d->reply && from->port == DHCP_PXE_PORT) {
                d->destination = from->source;
                d->port = from->source_port;
        }
}
