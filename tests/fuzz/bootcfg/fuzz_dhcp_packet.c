/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCP packets through parser and server. The input is a list of packets (two bytes of length before each, the top bits choose
 * a MAC that the policy knows); it is heard in each of the rooms below. Each answer must be a well-formed packet to the same
 * client that hands out only addresses of the network it comes from, and none at all in proxy mode.
 */
#include <assert.h>
#include <stdlib.h>

#include "../../unit/bootcfg/fixture.h"
#include "bootcfg/dhcp_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct room {
        uint32_t n_networks; /* 3: with one on an interface of its own, and one behind a relay agent */
        uint32_t mode;       /* of all of them */
        const char *prompt;
        struct dhcp_arrival from;
} rooms[] = {
        {1, NETWORK_DHCP, "", {.port = DHCP_SERVER_PORT}},
        {3, NETWORK_DHCP, "", {.port = DHCP_SERVER_PORT, .network = 1}},
        {1, NETWORK_PROXY, "", {.port = DHCP_SERVER_PORT}},
        {3, NETWORK_PROXY, "Press F8", {.port = DHCP_SERVER_PORT}},
        {1, NETWORK_PROXY, "", {.port = DHCP_PXE_PORT, .source = RANGE_FIRST, .source_port = 4011}},
};
#define N_ROOMS (sizeof(rooms) / sizeof(rooms[0]))

static struct policy *
make_policy(const struct room *room)
{
        static const uint32_t nets[] = {NET_ADDRESS, 0x0a590000, 0x0a5a0000};
        struct policy_header header;
        struct policy_image image;
        struct policy_host hosts[3];

        fixture_header(&header);
        fixture_image(&image);
        fixture_hosts(hosts);
        header.n_networks = room->n_networks;
        for (uint32_t i = 0; i < room->n_networks; i++) {
                struct config_network *n = &header.networks[i];

                *n = header.networks[0];
                n->net = nets[i];
                n->range_first = nets[i] + 100;
                n->range_last = nets[i] + 103;
                n->mode = room->mode;
                snprintf(n->pxe_prompt, sizeof(n->pxe_prompt), "%s", room->prompt);
                if (i == 2) {
                        n->interface[0] = '\0';
                        n->relay = 0xc0a80001;
                }
        }
        return fixture_build(&header, &image, 1, hosts, 3);
}

static void
check_answer(const struct dhcp_packet *p, const struct dhcp_decision *d)
{
        struct dhcp_packet back;

        if (!d->reply)
                return;
        assert(dhcp_parse(d->data, d->size, &back) == 0);
        assert(back.h.xid == p->h.xid && mac_eq(&back.h.mac, &p->h.mac) && back.type == d->reply);
        assert(back.h.yiaddr == 0 || config_network_has(d->network, back.h.yiaddr));
        assert(d->network->mode != NETWORK_PROXY || (back.h.yiaddr == 0 && !back.slots[DHCP_OPT_LEASE_TIME].present));
}

static void
hear(const struct room *room, const struct policy *policy, const uint8_t *data, size_t size)
{
        static const struct mac *const macs[] = {NULL, &mac_pool, &mac_fixed, &mac_no_image};
        struct dhcp_server s = {.policy = policy, .address = SERVER_ADDRESS, .leases = lease_table_new()};
        int64_t now = 1000;

        if (dhcp_server_configure(&s) < 0)
                abort();
        while (size >= 2) {
                unsigned lead = (unsigned)(data[0] << 8 | data[1]);
                size_t n = (lead & 0x7ff) < size - 2 ? (lead & 0x7ff) : size - 2;
                uint8_t *packet = malloc(n + 1); /* exact, for the sanitizer */
                struct dhcp_decision d;
                struct dhcp_packet p;

                memcpy(packet, data + 2, n);
                if (lead >> 14 != 0 && n >= 34)
                        memcpy(packet + 28, macs[lead >> 14]->b, 6);
                packet = realloc(packet, n ? n : 1);
                if (dhcp_parse(packet, n, &p) == 0) {
                        dhcp_server_decide(&s, &p, &room->from, now, &d);
                        check_answer(&p, &d);
                }
                free(packet);
                now += (lead >> 11 & 7) * 100000;
                data += 2 + n;
                size -= 2 + n;
        }
        lease_table_free(s.leases);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct policy *policies[N_ROOMS];

        for (size_t i = 0; i < N_ROOMS; i++) {
                if (!policies[i])
                        policies[i] = make_policy(&rooms[i]);
                hear(&rooms[i], policies[i], data, size);
        }
        return 0;
}
