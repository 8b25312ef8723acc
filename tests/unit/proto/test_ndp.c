/* SPDX-License-Identifier: Apache-2.0 */
/* Router solicitations: the one that iPXE sends, and malformed ones; the advertisement that says "no router". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/ndp.h"

/* As iPXE's in QEMU: source link-layer address 52:54:00:77:00:01. */
static const uint8_t solicit[] = {133, 0, 0x12, 0x34, 0, 0, 0, 0, 1, 1, 0x52, 0x54, 0, 0x77, 0, 1};

static void
the_solicitation_of_ipxe_tells_its_mac(void **state)
{
        static const struct mac ipxe = {{0x52, 0x54, 0, 0x77, 0, 1}};
        struct mac mac;

        (void)state;
        assert_true(ndp_parse_solicit(solicit, sizeof(solicit), &mac));
        assert_true(mac_eq(&mac, &ipxe));
}

static void
an_unknown_option_before_the_mac_is_passed_over(void **state)
{
        uint8_t data[sizeof(solicit) + 16] = {133};
        struct mac mac;

        (void)state;
        data[8] = 14; /* nonce, 16 bytes */
        data[9] = 2;
        memcpy(data + 24, solicit + 8, 8);
        assert_true(ndp_parse_solicit(data, sizeof(data), &mac));
        assert_int_equal(mac.b[3], 0x77);
}

static void
what_is_malformed_or_no_solicitation_tells_nothing(void **state)
{
        uint8_t data[sizeof(solicit)];
        struct mac mac;

        (void)state;
        for (size_t size = 0; size < sizeof(solicit); size++)
                assert_false(ndp_parse_solicit(solicit, size, &mac));
        for (int i = 0; i < 3; i++) {
                static const struct {
                        size_t at;
                        uint8_t value;
                } wrong[] = {
                        {0, NDP_ROUTER_ADVERT}, {9, 0 /* an option without length never ends */}, {9, 2 /* over the end */}};

                memcpy(data, solicit, sizeof(data));
                data[wrong[i].at] = wrong[i].value;
                assert_false(ndp_parse_solicit(data, sizeof(data), &mac));
        }
}

static void
the_advertisement_names_no_router_and_no_prefix(void **state)
{
        uint8_t advert[NDP_EMPTY_ADVERT_SIZE];

        (void)state;
        memset(advert, 0xff, sizeof(advert));
        ndp_empty_advert(advert);
        assert_int_equal(advert[0], 134);
        for (size_t i = 1; i < sizeof(advert); i++)
                assert_int_equal(advert[i], 0); /* flags, life time, timers; no option follows */
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_solicitation_of_ipxe_tells_its_mac),
                cmocka_unit_test(an_unknown_option_before_the_mac_is_passed_over),
                cmocka_unit_test(what_is_malformed_or_no_solicitation_tells_nothing),
                cmocka_unit_test(the_advertisement_names_no_router_and_no_prefix),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
