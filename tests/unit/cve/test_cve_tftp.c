/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes of other TFTP servers in reading requests and writing answers, made impossible here. See cve.h. */
#include "cve.h"

#include <stdio.h>

#include "proto/tftp.h"
#include "proto/tftp_xfer.h"

/* tftp_parse_request on memory that ends with the packet, into memory that ends with the struct; the caller frees. */
static int
parse(const void *packet, size_t size, struct tftp_request **ret)
{
        uint8_t *data = cve_exact(packet, size);
        struct tftp_request *r = calloc(1, sizeof(*r));
        int why;

        assert_non_null(r);
        why = tftp_parse_request(data, size, r);
        free(data);
        if (ret)
                *ret = r;
        else
                free(r);
        return why;
}

/* An RRQ for @name whose options are "@tail" (NULs inside, the last one added by the compiler). */
#define RRQ(NAME, TAIL) "\0\1" NAME "\0octet\0" TAIL

/* dnsmasq: a very long file name ran over the heap. */
static void
cve_2009_2957_a_very_long_file_name(void **state)
{
        (void)state;
        for (size_t n = 1; n < 480; n++) {
                struct tftp_request *r;
                char packet[520];
                int size = snprintf(packet, sizeof(packet), "%c%c%0*d%coctet", '\0', '\1', (int)n, 0, '\0') + 1;

                assert_int_equal(parse(packet, (size_t)size, &r), n < TFTP_NAME_SIZE ? 0 : TFTP_REFUSED_NAME);
                assert_true(strlen(r->name) < TFTP_NAME_SIZE);
                free(r);
        }
}

/* dnsmasq: an option without a value was a NULL pointer. */
static void
cve_2009_2958_an_option_without_a_value(void **state)
{
        static const char packet[] = RRQ("f", "tsize\0"
                                              "0\0blksize");
        struct tftp_request *r;

        (void)state;
        assert_int_equal(parse(packet, sizeof(packet), &r), 0);
        assert_true(r->options.tsize);
        assert_int_equal(r->options.blksize, 0);
        free(r);
}

/* tftpd-hpa: `utimeout` of a large value ran over and made it send without pause. */
static void
cve_2011_2199_a_large_timeout(void **state)
{
        static const char *const values[] = {"0",  "256", "65536", "4294967295", "4294967297", "99999999999999999999",
                                             "-1", "1e3"};

        (void)state;
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
                struct tftp_request *r;
                char packet[200];
                int size = snprintf(packet, sizeof(packet), "%c%cf%coctet%ctimeout%c%s%cutimeout%c%s", '\0', '\1', '\0', '\0',
                                    '\0', values[i], '\0', '\0', values[i]) +
                           1;

                assert_int_equal(parse(packet, (size_t)size, &r), 0);
                assert_int_equal(r->options.timeout, 0);
                free(r);
        }
}

/* atftpd: the text of a client's ERROR packet was copied as long as it was. */
static void
cve_2019_11365_the_text_of_an_error(void **state)
{
        uint8_t packet[300], *data;
        char *text = malloc(16);

        (void)state;
        memset(packet, 'e', sizeof(packet));
        memcpy(packet, "\0\5\0\0", 4);
        for (size_t size = 0; size <= sizeof(packet); size += 5) {
                data = cve_exact(packet, size);
                tftp_error_text(data, size, text, 16);
                assert_true(strlen(text) < 16);
                free(data);
        }
        free(text);
}

/* atftpd: a request with the multicast option led into an assert. */
static void
cve_2020_6097_multicast_and_other_unknown_options(void **state)
{
        static const char packet[] = RRQ("f", "multicast\0\0rollover\0"
                                              "0\0\0\0blksize\0"
                                              "1024");
        struct tftp_request *r;

        (void)state;
        assert_int_equal(parse(packet, sizeof(packet), &r), 0);
        assert_int_equal(r->options.blksize, 1024);
        free(r);
}

/* atftpd: options were granted that its buffers could not hold. */
static void
cve_2021_41054_options_larger_than_the_buffers(void **state)
{
        const struct tftp_options all = {.blksize = TFTP_MAX_BLKSIZE, .windowsize = 65535, .timeout = 255, .tsize = true};
        uint8_t *buf = malloc(TFTP_MAX_ANSWER);
        struct tftp_xfer x;

        (void)state;
        tftp_xfer_init(&x, &all, UINT64_MAX / 2, 1468);
        assert_true(x.blksize <= 1468 && x.window <= TFTP_XFER_MAX_WINDOW);
        assert_true(tftp_build_oack(buf, &x.accepted, UINT64_MAX) <= TFTP_MAX_ANSWER);
        free(buf);
}

/* atftpd: a request without its last NUL was read on into memory that was not its own. */
static void
cve_2021_46671_a_request_without_its_nul(void **state)
{
        static const char packet[] = RRQ("name", "blksize\0"
                                                 "1024\0windowsize\0"
                                                 "4");

        (void)state;
        for (size_t size = 0; size <= sizeof(packet); size++) {
                int why = parse(packet, size, NULL);

                assert_int_equal(why == 0, size >= 13);
        }
}

/* Serva: a request longer than any honest one ran over the stack. */
static void
cve_2021_44429_a_request_of_64_kib(void **state)
{
        static uint8_t packet[65507];

        (void)state;
        memset(packet, 'A', sizeof(packet));
        memcpy(packet, "\0\1f\0", 4);
        packet[sizeof(packet) - 1] = '\0';
        assert_int_equal(parse(packet, sizeof(packet), NULL), TFTP_REFUSED_MALFORMED);
        packet[TFTP_MAX_REQUEST - 1] = '\0';
        assert_int_equal(parse(packet, TFTP_MAX_REQUEST, NULL), TFTP_REFUSED_MODE);
}

/* Two servers whose ERROR packets answer each other for ever: what is no request is never answered. */
static void
cve_2024_2169_what_is_no_request(void **state)
{
        (void)state;
        for (unsigned opcode = 0; opcode <= 0xffff; opcode++) {
                const uint8_t packet[] = {(uint8_t)(opcode >> 8), (uint8_t)opcode, 'x', 0, 'o', 'c', 't', 'e', 't', 0};
                int why = parse(packet, sizeof(packet), NULL);

                assert_int_equal(why, opcode == TFTP_RRQ || opcode == TFTP_WRQ ? 0 : TFTP_REFUSED_OPCODE);
        }
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(cve_2009_2957_a_very_long_file_name),
        cmocka_unit_test(cve_2009_2958_an_option_without_a_value),
        cmocka_unit_test(cve_2011_2199_a_large_timeout),
        cmocka_unit_test(cve_2019_11365_the_text_of_an_error),
        cmocka_unit_test(cve_2020_6097_multicast_and_other_unknown_options),
        cmocka_unit_test(cve_2021_41054_options_larger_than_the_buffers),
        cmocka_unit_test(cve_2021_46671_a_request_without_its_nul),
        cmocka_unit_test(cve_2021_44429_a_request_of_64_kib),
        cmocka_unit_test(cve_2024_2169_what_is_no_request),
};

CVE_MAIN(tests)
