/* SPDX-License-Identifier: Apache-2.0 */
/* pcap files byte for byte; that tcpdump and scapy read them is shown in tests/system/test_capture.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/pcap.h"

static void
head_is_that_of_a_little_endian_ethernet_file(void **state)
{
        static const uint8_t want[PCAP_HEAD_SIZE] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0,
                                                     0,    0,    0,    0,    0, 0, 4, 0, 1, 0, 0, 0};
        uint8_t got[PCAP_HEAD_SIZE];

        (void)state;
        pcap_head(got);
        assert_memory_equal(got, want, sizeof(want));
}

static void
record_has_time_and_both_sizes(void **state)
{
        static const uint8_t want[PCAP_RECORD_SIZE] = {0x78, 0x56, 0x34, 0x12, 0x3f, 0x42, 0x0f, 0, 0, 2, 0, 0, 0xdc, 5, 0, 0};
        uint8_t got[PCAP_RECORD_SIZE];

        (void)state;
        pcap_record(got, 0x12345678ll * 1000000 + 999999, 512, 1500);
        assert_memory_equal(got, want, sizeof(want));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(head_is_that_of_a_little_endian_ethernet_file),
                cmocka_unit_test(record_has_time_and_both_sizes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
