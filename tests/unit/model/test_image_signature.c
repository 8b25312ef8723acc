/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of images: RFC 8032's vectors, and what is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/parse.h"
#include "model/image_signature.h"

static const char manifest[] = "{\"id\":\"1234\"}";

struct room {
        struct sign_pair pair;
        char public[IMAGE_KEY_MAX], signature[IMAGE_SIGNATURE_MAX];
};

static struct room
room_new(void)
{
        struct room r;
        struct error err;

        assert_int_equal(sign_pair_new(&r.pair), 0);
        image_public_text(r.pair.public, r.public);
        assert_int_equal(image_signature_make(&r.pair, manifest, strlen(manifest), r.signature, &err), 0);
        return r;
}

static int
check(const struct room *r, const char *text, struct error *err)
{
        return image_signature_check(r->public, r->signature, text, strlen(text), NULL, err);
}

/* RFC 8032, 7.1, test 2 */
static void
signs_as_the_rfc(void **state)
{
        static const char secret[] = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                          public[] = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                          wanted[] = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                                     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        uint8_t signature[SIGN_SIZE], expected[SIGN_SIZE];
        struct sign_pair pair;

        (void)state;
        assert_int_equal(parse_hex(secret, pair.secret, sizeof(pair.secret)), 0);
        assert_int_equal(parse_hex(public, pair.public, sizeof(pair.public)), 0);
        assert_int_equal(parse_hex(wanted, expected, sizeof(expected)), 0);
        assert_int_equal(sign_make(&pair, "\x72", 1, signature), 0);
        assert_memory_equal(signature, expected, sizeof(signature));
        assert_true(sign_verify(pair.public, "\x72", 1, signature));
        assert_false(sign_verify(pair.public, "\x73", 1, signature));
}

static void
a_signed_manifest_is_believed_and_a_changed_one_is_not(void **state)
{
        struct room r = room_new();
        struct error err;

        (void)state;
        assert_int_equal(check(&r, manifest, &err), 0);
        assert_true(check(&r, "{\"id\":\"1235\"}", &err) < 0);
        assert_int_equal(err.code, ERR_DENIED);
        assert_non_null(strstr(err.message, "was changed"));
        r.signature[60] ^= 1;
        assert_true(check(&r, manifest, &err) < 0);
}

static void
another_rooms_key_is_named(void **state)
{
        struct room r = room_new(), other = room_new();
        char id[IMAGE_KEY_ID_SIZE], both[2 * IMAGE_KEY_MAX];
        struct error err;

        (void)state;
        image_key_id(r.pair.public, id);
        assert_true(image_signature_check(other.public, r.signature, manifest, strlen(manifest), NULL, &err) < 0);
        assert_non_null(strstr(err.message, id));
        /* A room that changes its key knows both for a time. */
        snprintf(both, sizeof(both), "%s%s", other.public, r.public);
        assert_int_equal(image_signature_check(both, r.signature, manifest, strlen(manifest), NULL, &err), 0);
}

static void
a_key_survives_its_text(void **state)
{
        struct room r = room_new();
        char text[IMAGE_KEY_MAX];
        struct sign_pair back;

        (void)state;
        image_key_text(&r.pair, text);
        assert_int_equal(image_key_read(text, &back), 0);
        assert_memory_equal(&back, &r.pair, sizeof(back));
        text[strlen(text) - 2] = 'x';
        assert_true(image_key_read(text, &back) < 0);
}

static void
what_is_no_signature_is_refused(void **state)
{
        static const char *const bad[] = {"",
                                          "\n",
                                          "dompool-image-sig-1",
                                          "dompool-image-sig-1 0123456789abcdef",
                                          "dompool-image-sig-2 0123456789abcdef 00",
                                          "dompool-image-sig-1 0123456789abcdef 00\n"};
        struct room r = room_new();
        struct error err;

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
                assert_true(image_signature_check(r.public, bad[i], manifest, strlen(manifest), NULL, &err) < 0);
                assert_int_equal(err.code, ERR_DENIED);
        }
        assert_true(image_signature_check("", r.signature, manifest, strlen(manifest), NULL, &err) < 0);
        assert_true(image_signature_check("nonsense\n", r.signature, manifest, strlen(manifest), NULL, &err) < 0);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(signs_as_the_rfc),
                cmocka_unit_test(a_signed_manifest_is_believed_and_a_changed_one_is_not),
                cmocka_unit_test(another_rooms_key_is_named),
                cmocka_unit_test(a_key_survives_its_text),
                cmocka_unit_test(what_is_no_signature_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
