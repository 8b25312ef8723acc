/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of an answer that the DHCP server and the proxy have in common. Decides nothing. Runs in dompoold's `boot` role.
 */
#include "bootcfg/dhcp_reply.h"

#include <string.h>

#include "base/cleanup.h"
#include "bootcfg/loader_memory.h"
#include "bootcfg/quirk_match.h"

#define IP_UDP_HEADERS 28
#define MAX_ECHO                                                                                                               \
        255 /* of client identifier and relay options: longer ones are no honest client's, and no echo is owed to them */
#define UUID_OPTION_SIZE 17

void
dhcp_reply_silence(struct dhcp_decision *d, const char *reason)
{
        d->reply = 0;
        d->reason = reason;
}

struct dhcp_header
dhcp_reply_header(const struct dhcp_packet *p)
{
        return (struct dhcp_header){
                .op = DHCP_BOOTREPLY,
                .xid = p->h.xid,
                .flags = p->h.flags,
                .giaddr = p->h.giaddr,
                .mac = p->h.mac,
        };
}

size_t
dhcp_reply_max_size(const struct dhcp_packet *p)
{
        uint16_t size;

        return dhcp_option_u16(p, DHCP_OPT_MAX_SIZE, &size) && size > IP_UDP_HEADERS ? size - IP_UDP_HEADERS : 0;
}

void
dhcp_reply_echo(const struct dhcp_packet *p, uint8_t code, size_t min, size_t max, struct dhcp_builder *b)
{
        size_t size;
        const uint8_t *data = dhcp_option(p, code, &size);

        if (data && size >= min && size <= max)
                dhcp_build_option(b, code, data, size);
}

void
dhcp_reply_echo_uuid(const struct dhcp_packet *p, struct dhcp_builder *b)
{
        dhcp_reply_echo(p, DHCP_OPT_CLIENT_UUID, UUID_OPTION_SIZE, UUID_OPTION_SIZE, b);
}

static struct loader_site
site_of(const struct dhcp_server *s, const struct dhcp_decision *d)
{
        return (struct loader_site){
                .address = s->address, .http_port = policy_header(s->policy)->http_port, .mac = d->host->mac};
}

const struct loader *
dhcp_reply_choose_loader(const struct dhcp_server *s, const struct firmware *f, const char *best, struct dhcp_decision *d)
{
        const struct loader_site site = site_of(s, d);
        struct quirk_effects quirks;
        struct loader_wish wish = {.name = d->host->loader};

        d->firmware = *f;
        quirk_effects(s->policy, d->host, quirk_firmware_of(f), &quirks);
        wish.no_http = quirks.no_http;
        if (!*wish.name)
                wish.name = quirks.loader ? quirks.loader : best;
        d->loader = loader_choose(f, &wish);
        if (d->loader && s->memory && !*d->host->loader)
                d->loader = loader_memory_choose(s->memory, &d->host->mac, f, &wish, d->loader, &d->failed);
        if (d->failed)
                d->note = BOOT_NOTE_LOADER;
        if (d->loader)
                loader_boot_name(d->loader, f, &site, d->boot_name);
        return d->loader;
}

void
dhcp_reply_boot_header(const struct dhcp_server *s, const struct dhcp_decision *d, struct dhcp_header *h)
{
        h->siaddr = s->address;
        str_copy(h->file, sizeof(h->file), d->boot_name);
}

/* The name goes into both places, `file` and 67: some ROMs read only one. */
void
dhcp_reply_boot_options(const struct dhcp_server *s, const struct firmware *f, const struct dhcp_decision *d,
                        struct dhcp_builder *b)
{
        const struct loader_site site = site_of(s, d);

        loader_add_options(d->loader, f, &site, b);
}

void
dhcp_reply_finish(const struct dhcp_packet *p, uint8_t type, struct dhcp_builder *b, struct dhcp_decision *d)
{
        dhcp_reply_echo(p, DHCP_OPT_CLIENT_ID, 2, MAX_ECHO, b);   /* RFC 6842 */
        dhcp_reply_echo(p, DHCP_OPT_RELAY_AGENT, 0, MAX_ECHO, b); /* last: RFC 3046, 2.1 */
        d->size = dhcp_build_finish(b);
        if (d->size == 0) {
                dhcp_reply_silence(d, "the answer does not fit into what the client takes");
                return;
        }
        memcpy(d->data, b->data, d->size);
        dhcp_reply_destination(&p->h, type, &d->destination, &d->port);
        d->reply = type;
}
