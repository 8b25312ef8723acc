/* SPDX-License-Identifier: Apache-2.0 */
/* The web socket handshake against RFC 6455's own example. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above first */
#include <cmocka.h>
#include <string.h>

#include "net/ws_key.h"

static void
the_accept_value_is_that_of_rfc_6455_section_1_3(void **state)
{
        char accept[WS_ACCEPT_SIZE];

        (void)state;
        ws_key_accept("dGhlIHNhbXBsZSBub25jZQ==", accept);
        assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void
a_made_key_is_one_and_each_is_another(void **state)
{
        char a[WS_KEY_SIZE], b[WS_KEY_SIZE];

        (void)state;
        ws_key_make(a);
        ws_key_make(b);
        assert_true(ws_key_ok(a));
        assert_string_not_equal(a, b);
}

static void
what_is_not_16_bytes_of_base64_is_no_key(void **state)
{
        (void)state;
        assert_true(ws_key_ok("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_false(ws_key_ok(""));
        assert_false(ws_key_ok("dGhlIHNhbXBsZSBub25jZQ="));
        assert_false(ws_key_ok("dGhlIHNhbXBsZSBub25jZQ==="));
        assert_false(ws_key_ok("dGhlIHNhbXBsZSBub25jZSEh")); /* 18 bytes */
        assert_false(ws_key_ok("!!!!!!!!!!!!!!!!!!!!!!!!"));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_accept_value_is_that_of_rfc_6455_section_1_3),
                cmocka_unit_test(a_made_key_is_one_and_each_is_another),
                cmocka_unit_test(what_is_not_16_bytes_of_base64_is_no_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
