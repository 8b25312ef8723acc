/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCP packets through parser and server. The input is a list of packets (two bytes of length before each, the top bits choose
 * a MAC that the policy knows); each answer must be a well-formed packet to the same client that hands out only addresses of
 * the boot LAN.
 */
#include <assert.h>
#include <stdlib.h>

#include "../../unit/bootcfg/fixture.h"
#include "bootcfg/dhcp_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_answer(const struct dhcp_packet *p, const struct dhcp_decision *d)
{
        struct dhcp_packet back;

        if (!d->reply)
                return;
        assert(dhcp_parse(d->data, d->size, &back) == 0);
        assert(back.h.xid == p->h.xid && mac_eq(&back.h.mac, &p->h.mac) && back.type == d->reply);
        assert(back.h.yiaddr == 0 || (back.h.yiaddr & 0xffffff00) == NET_ADDRESS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct dhcp_arrival from = {.port = DHCP_SERVER_PORT};
        static const struct mac *const macs[] = {NULL, &mac_pool, &mac_fixed, &mac_no_image};
        static struct policy *policy;
        struct dhcp_server s = {.address = SERVER_ADDRESS, .leases = lease_table_new()};
        int64_t now = 1000;

        if (!policy)
                policy = fixture_policy();
        s.policy = policy;
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
                        dhcp_server_decide(&s, &p, &from, now, &d);
                        check_answer(&p, &d);
                }
                free(packet);
                now += (lead >> 11 & 7) * 100000;
                data += 2 + n;
                size -= 2 + n;
        }
        lease_table_free(s.leases);
        return 0;
}
