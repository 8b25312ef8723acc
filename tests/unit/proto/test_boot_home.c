/* SPDX-License-Identifier: Apache-2.0 */
/* The way home in one word, there and back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/boot_home.h"

#define FP "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define TOKEN "v1.52540077000b.0000018f00000001.0000018f00100001." FP

static void
example(struct boot_home *h)
{
        *h = (struct boot_home){
                .server = 0x0a4d0001, .http_port = 8080, .agent_port = 8444, .mac = {{0x52, 0x54, 0, 0x77, 0, 0x0b}}};
        strcpy(h->fingerprint, FP);
        strcpy(h->token, TOKEN);
}

static void
what_is_encoded_comes_back(void **state)
{
        struct boot_home h, back;
        char text[BOOT_HOME_TEXT_SIZE];

        (void)state;
        example(&h);
        assert_int_equal(boot_home_encode(&h, text), 0);
        assert_int_equal(strlen(text), 128);
        assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 128);
        assert_int_equal(boot_home_decode(text, &back), 0);
        assert_int_equal(back.server, h.server);
        assert_int_equal(back.http_port, h.http_port);
        assert_int_equal(back.agent_port, h.agent_port);
        assert_true(mac_eq(&back.mac, &h.mac));
        assert_string_equal(back.fingerprint, FP);
        assert_string_equal(back.token, TOKEN);
}

static void
another_server_for_the_agent_is_in_it(void **state)
{
        struct boot_home h, back;
        char text[BOOT_HOME_TEXT_SIZE];

        (void)state;
        example(&h);
        h.agent_server = 0x0a4e0001;
        assert_int_equal(boot_home_encode(&h, text), 0);
        assert_int_equal(strlen(text), 136);
        assert_int_equal(boot_home_decode(text, &back), 0);
        assert_int_equal(back.agent_server, h.agent_server);
        assert_int_equal(back.server, h.server);
        assert_string_equal(back.token, TOKEN);
        text[128] = '\0'; /* a version of one length is none of the other */
        assert_int_equal(boot_home_decode(text, &back), -EINVAL);
}

static void
only_a_real_token_of_the_same_host_is_taken(void **state)
{
        static const char *const bad[] = {"", "v1.token", "v2.52540077000b.0000018f00000001.0000018f00100001." FP,
                                          "v1.525400770000.0000018f00000001.0000018f00100001." FP,
                                          "v1.52540077000b.0000018f0000000g.0000018f00100001." FP};
        char text[BOOT_HOME_TEXT_SIZE];
        struct boot_home h;

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                example(&h);
                strcpy(h.token, bad[i]);
                assert_int_equal(boot_home_encode(&h, text), -EINVAL);
        }
}

static void
damaged_text_is_refused(void **state)
{
        char text[BOOT_HOME_TEXT_SIZE], other[BOOT_HOME_TEXT_SIZE];
        struct boot_home h;

        (void)state;
        example(&h);
        boot_home_encode(&h, text);
        strcpy(other, text);
        other[127] = '\0';
        assert_int_equal(boot_home_decode(other, &h), -EINVAL); /* cut, as an old iPXE would */
        strcpy(other, text);
        other[40] = '+';
        assert_int_equal(boot_home_decode(other, &h), -EINVAL);
        strcpy(other, text);
        other[0] = 'B'; /* another version */
        assert_int_equal(boot_home_decode(other, &h), -EINVAL);
        assert_int_equal(boot_home_decode("", &h), -EINVAL);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_encoded_comes_back),
                cmocka_unit_test(another_server_for_the_agent_is_in_it),
                cmocka_unit_test(only_a_real_token_of_the_same_host_is_taken),
                cmocka_unit_test(damaged_text_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
