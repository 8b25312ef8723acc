/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_PROTO_PCAP_H
#define DOMPOOL_PROTO_PCAP_H
/*
 * The classic pcap file that tcpdump and Wireshark read (draft-ietf-opsawg-pcap): a head, then a record a packet, little-endian,
 * microseconds, Ethernet. Only writing: what we capture is for others' eyes.
 */
#include <stdint.h>

#define PCAP_HEAD_SIZE 24
#define PCAP_RECORD_SIZE 16
#define PCAP_SNAP_MAX 262144u /* as tcpdump writes it */

void
pcap_head(uint8_t ret[PCAP_HEAD_SIZE]);

/* What stands before the @kept bytes of a packet that had @size; @us: since 1970. */
void
pcap_record(uint8_t ret[PCAP_RECORD_SIZE], int64_t us, uint32_t kept, uint32_t size);

#endif
