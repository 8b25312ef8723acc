/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of pcap files and of their records. Pure. */
#include "proto/pcap.h"

#include <endian.h>
#include <string.h>

#define MAGIC_MICROSECONDS 0xa1b2c3d4u
#define LINKTYPE_ETHERNET 1u

static void
put(uint8_t *p, const uint32_t *words, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                const uint32_t le = htole32(words[i]);

                memcpy(p + 4 * i, &le, 4);
        }
}

void
pcap_head(uint8_t ret[PCAP_HEAD_SIZE])
{
        const uint32_t words[] = {MAGIC_MICROSECONDS, 4u << 16 | 2u /* version 2.4 */, 0, 0, PCAP_SNAP_MAX, LINKTYPE_ETHERNET};

        put(ret, words, 6);
}

void
pcap_record(uint8_t ret[PCAP_RECORD_SIZE], int64_t us, uint32_t kept, uint32_t size)
{
        const uint32_t words[] = {(uint32_t)(us / 1000000), (uint32_t)(us % 1000000), kept, size};

        put(ret, words, 4);
}
