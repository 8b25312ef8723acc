/* SPDX-License-Identifier: Apache-2.0 */
/* The DHCP client against hostile servers: each piece of the input is a packet, with the exchange's number and MAC put right.
 */
#include <assert.h>
#include <string.h>

#include "proto/dhcp_client.h"
#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct mac mac = {{0x52, 0x54, 0, 0x88, 0, 1}};
        struct dhcp_client_out out;
        struct dhcp_client c;
        int64_t now = 0;

        dhcp_client_init(&c, &mac, 1, now);
        while (size >= 3) {
                size_t n = (size_t)(data[0] << 8 | data[1]) % 600;
                uint8_t packet[600];

                now += data[2] * 1000;
                data += 3;
                size -= 3;
                dhcp_client_tick(&c, now, 7, &out);
                if (n > size)
                        n = size;
                memcpy(packet, data, n);
                if (n >= 34) {
                        put_be32(packet + 4, c.xid);
                        memcpy(packet + 28, mac.b, 6);
                }
                dhcp_client_input(&c, packet, n, now, 9, &out);
                assert(out.size == 0 || out.size >= DHCP_MIN_REPLY_SIZE);
                assert(c.state != DHCP_CLIENT_BOUND_STATE ||
                       (c.lease.address != 0 && c.lease.t1_seconds <= c.lease.t2_seconds &&
                        c.lease.t2_seconds <= c.lease.lease_seconds));
                data += n;
                size -= n;
        }
        dhcp_client_release(&c, &out);
        return 0;
}
