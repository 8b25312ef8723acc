/* SPDX-License-Identifier: Apache-2.0 */
/* Boot tokens: what is rendered is accepted until it runs out, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bootcfg/token.h"

static const uint8_t key[32] = {1, 2, 3};
static const struct token token = {
        .mac = {{0x52, 0x54, 0, 0x88, 0, 1}}, .attempt_ms = 1000, .expiry_ms = 1000 + TOKEN_VALID_MS};

static void
a_rendered_token_is_accepted(void **state)
{
        char text[TOKEN_TEXT_SIZE];
        struct token back;
        struct error err;

        (void)state;
        token_render(key, &token, text);
        assert_int_equal(token_verify(key, text, 2000, &back, &err), 0);
        assert_true(mac_eq(&back.mac, &token.mac));
        assert_int_equal(back.attempt_ms, token.attempt_ms);
        assert_int_equal(back.expiry_ms, token.expiry_ms);
}

static void
the_same_attempt_gives_the_same_bytes(void **state)
{
        char a[TOKEN_TEXT_SIZE], b[TOKEN_TEXT_SIZE];

        (void)state;
        token_render(key, &token, a);
        token_render(key, &token, b);
        assert_string_equal(a, b);
}

static void
a_token_runs_out(void **state)
{
        char text[TOKEN_TEXT_SIZE];
        struct token back;
        struct error err;

        (void)state;
        token_render(key, &token, text);
        assert_int_equal(token_verify(key, text, token.expiry_ms - 1, &back, &err), 0);
        assert_true(token_verify(key, text, token.expiry_ms, &back, &err) < 0);
        assert_int_equal(err.code, ERR_UNAUTHENTICATED);
}

static void
one_changed_character_is_enough_to_be_refused(void **state)
{
        char text[TOKEN_TEXT_SIZE];
        struct token back;
        struct error err;

        (void)state;
        token_render(key, &token, text);
        for (size_t i = 0; text[i]; i++) {
                char was = text[i];

                text[i] = was == '0' ? '1' : '0';
                if (token_verify(key, text, 2000, &back, &err) == 0)
                        fail_msg("character %zu does not matter", i);
                text[i] = was;
        }
}

static void
tokens_of_other_keys_and_lengths_are_refused(void **state)
{
        static const uint8_t other[32] = {9};
        char text[TOKEN_TEXT_SIZE + 8], cut[TOKEN_TEXT_SIZE];
        struct token back;
        struct error err;

        (void)state;
        token_render(other, &token, text);
        assert_true(token_verify(key, text, 2000, &back, &err) < 0);
        token_render(key, &token, text);
        for (size_t n = 0; n < strlen(text); n++) {
                memcpy(cut, text, n);
                cut[n] = '\0';
                assert_true(token_verify(key, cut, 2000, &back, &err) < 0);
        }
        strcat(text, "0");
        assert_true(token_verify(key, text, 2000, &back, &err) < 0);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_rendered_token_is_accepted),
                cmocka_unit_test(the_same_attempt_gives_the_same_bytes),
                cmocka_unit_test(a_token_runs_out),
                cmocka_unit_test(one_changed_character_is_enough_to_be_refused),
                cmocka_unit_test(tokens_of_other_keys_and_lengths_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
