/* SPDX-License-Identifier: Apache-2.0 */
/* Records: every description of the program - the model's and every message's - goes through binary and JSON and comes back the
 * same. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rec_json.h"
#include "ipc/messages.h"
#include "model/image.h"
#include "random_rec.h"

static const struct {
        const char *name;
        const struct rec_desc *desc;
} model_descs[] = {
        {"config_network", &config_network_desc},
        {"domain_config", &domain_config_desc},
        {"domain_info", &domain_info_desc},
        {"event", &event_desc},
        {"host", &host_desc},
        {"host_inventory", &host_inventory_desc},
        {"image", &image_desc},
        {"operation", &operation_desc},
};

typedef void (*desc_fn)(const char *name, const struct rec_desc *d, uint64_t *state);

static void
for_each_desc(desc_fn fn)
{
        static const int types[] = {
#define MESSAGE(ID, NUMBER, STRUCT, FROM, TO) NUMBER,
#include "ipc/messages.def"
#undef MESSAGE
        };
        uint64_t state = 20261121;

        for (size_t i = 0; i < sizeof(model_descs) / sizeof(model_descs[0]); i++)
                fn(model_descs[i].name, model_descs[i].desc, &state);
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
                fn(message_name((enum msg_type)types[i]), message_desc((enum msg_type)types[i]), &state);
}

static uint8_t *
encoded(const struct rec_desc *d, const void *rec, size_t *ret_size)
{
        size_t size = rec_encoded_size(d, rec);
        uint8_t *buf = malloc(size + 1);

        assert_non_null(buf);
        buf[size] = 0xa5; /* a write behind the end shows */
        rec_encode(d, rec, buf);
        assert_int_equal(buf[size], 0xa5);
        *ret_size = size;
        return buf;
}

static void
check_binary(const char *name, const struct rec_desc *d, uint64_t *state)
{
        void *rec = calloc(1, d->size), *back = calloc(1, d->size);

        for (unsigned round = 0; round < 20; round++) {
                size_t size;
                uint8_t *buf;

                random_rec(state, d, rec, true);
                buf = encoded(d, rec, &size);
                if (rec_decode(d, buf, size, back) || !rec_equal(d, rec, back))
                        fail_msg("%s came back different", name);
                free(buf);
                rec_clear(d, back);
                assert_int_equal(rec_copy(d, back, rec), 0);
                assert_true(rec_equal(d, rec, back));
                rec_clear(d, back);
                rec_clear(d, rec);
        }
        free(rec);
        free(back);
}

static void
random_records_survive_the_binary_form(void **unused)
{
        (void)unused;
        for_each_desc(check_binary);
}

static void
check_json(const char *name, const struct rec_desc *d, uint64_t *state)
{
        void *rec = calloc(1, d->size), *back = calloc(1, d->size);

        for (unsigned round = 0; round < 10; round++) {
                struct error err;
                json_t *json, *again;
                char *text;

                random_rec(state, d, rec, false);
                json = rec_to_json(d, rec);
                assert_non_null(json);
                text = json_text(json);
                again = json_parse(text, strlen(text), 64u << 20, &err);
                assert_non_null(again);
                if (rec_from_json(d, again, back, &err))
                        fail_msg("%s: %s", name, err.message);
                if (!rec_equal(d, rec, back))
                        fail_msg("%s came back different", name);
                json_decref(json);
                json_decref(again);
                free(text);
                rec_clear(d, rec);
                rec_clear(d, back);
        }
        free(rec);
        free(back);
}

static void
random_records_survive_json(void **unused)
{
        (void)unused;
        for_each_desc(check_json);
}

static void
check_cut(const char *name, const struct rec_desc *d, uint64_t *state)
{
        void *rec = calloc(1, d->size), *back = calloc(1, d->size), *zero = calloc(1, d->size);
        size_t size, step;
        uint8_t *buf;

        random_rec(state, d, rec, true);
        buf = encoded(d, rec, &size);
        step = size / 500 + 1;
        for (size_t n = 0; n < size; n += step) {
                uint8_t *exact = malloc(n ? n : 1); /* so that a sanitizer sees a read behind the end */

                memcpy(exact, buf, n);
                if (rec_decode(d, exact, n, back) != -EBADMSG)
                        fail_msg("%s: %zu of %zu bytes are accepted", name, n, size);
                assert_memory_equal(back, zero, d->size);
                free(exact);
        }
        assert_int_equal(rec_decode(d, buf, size + 1, back), -EBADMSG);
        free(buf);
        rec_clear(d, rec);
        free(rec);
        free(back);
        free(zero);
}

static void
a_cut_or_lengthened_record_is_refused_and_leaves_nothing(void **unused)
{
        (void)unused;
        for_each_desc(check_cut);
}

static void
check_flips(const char *name, const struct rec_desc *d, uint64_t *state)
{
        void *rec = calloc(1, d->size), *back = calloc(1, d->size);
        size_t size;
        uint8_t *buf;

        (void)name;
        random_rec(state, d, rec, true);
        buf = encoded(d, rec, &size);
        for (unsigned round = 0; round < 200 && size > 0; round++) {
                size_t where = random_u32(state) % size;
                uint8_t old = buf[where];

                buf[where] = (uint8_t)random_u32(state);
                if (rec_decode(d, buf, size, back) == 0) {
                        size_t again_size;
                        uint8_t *again = encoded(d, back, &again_size);

                        assert_int_equal(again_size, size); /* what is accepted has one form only */
                        assert_memory_equal(again, buf, size);
                        free(again);
                }
                rec_clear(d, back);
                buf[where] = old;
        }
        free(buf);
        rec_clear(d, rec);
        free(rec);
        free(back);
}

static void
a_changed_byte_is_refused_or_means_exactly_what_it_says(void **unused)
{
        (void)unused;
        for_each_desc(check_flips);
}

/* ---- limits and refusals, on a small record ---- */

struct inner {
        uint32_t n;
};
static const struct rec_field inner_fields[] = {REC_U32(struct inner, n)};
static const struct rec_desc inner_desc = REC_DESC(struct inner, inner_fields);

static const char *const colours[] = {"red", "green", NULL};

struct outer {
        char text[4];
        uint32_t colour;
        bool flag;
        uint64_t big;
        uint8_t key[2];
        struct mac mac;
        uint32_t ip;
        struct blob blob;
        uint32_t n_list;
        struct inner list[2];
        uint32_t secret;
};
static const struct rec_field outer_fields[] = {
        REC_STR(struct outer, text),
        REC_ENUM(struct outer, colour, colours),
        REC_BOOL(struct outer, flag),
        REC_U64(struct outer, big),
        REC_BYTES(struct outer, key),
        REC_MAC(struct outer, mac),
        REC_IP4(struct outer, ip),
        REC_BLOB(struct outer, blob, 3),
        REC_LIST(struct outer, list, inner_desc),
        REC_U32_HIDDEN(struct outer, secret),
};
static const struct rec_desc outer_desc = REC_DESC(struct outer, outer_fields);

static void
json_that_is_not_the_record_is_refused_with_the_place(void **unused)
{
        static const struct {
                const char *json, *words;
                enum error_code code;
        } rows[] = {
                {"[]", "must be an object", ERR_INVALID},
                {"{\"more\":1}", "'more' is no key", ERR_INVALID},
                {"{\"secret\":1}", "'secret' is no key", ERR_INVALID},
                {"{\"text\":\"four\"}", "text: 4 bytes, at most 3", ERR_LIMIT},
                {"{\"text\":1}", "text: must be a string", ERR_INVALID},
                {"{\"colour\":\"blue\"}", "colour: 'blue'", ERR_INVALID},
                {"{\"colour\":0}", "colour: must be a string", ERR_INVALID},
                {"{\"flag\":1}", "flag: must be true or false", ERR_INVALID},
                {"{\"big\":-1}", "big: must be a number from 0", ERR_INVALID},
                {"{\"big\":1.0}", "big: must be a whole number", ERR_INVALID},
                {"{\"key\":\"abc\"}", "key: must be 4 hex digits", ERR_INVALID},
                {"{\"mac\":\"1:2:3:4:5:6\"}", "mac: must be a MAC address", ERR_INVALID},
                {"{\"ip\":\"1.2.3\"}", "ip: must be an IPv4 address", ERR_INVALID},
                {"{\"blob\":\"four\"}", "blob: 4 bytes, at most 3", ERR_LIMIT},
                {"{\"list\":{}}", "list: must be a list", ERR_INVALID},
                {"{\"list\":[{},{},{}]}", "list: 3 entries, at most 2", ERR_LIMIT},
                {"{\"list\":[{},{\"n\":4294967296}]}", "list[1]: n: must be a number up to", ERR_INVALID},
        };

        (void)unused;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct outer rec, zero = {0};
                struct error err;
                json_t *json = json_parse(rows[i].json, strlen(rows[i].json), 1000, &err);

                assert_non_null(json);
                if (rec_from_json(&outer_desc, json, &rec, &err) != error_to_errno(rows[i].code))
                        fail_msg("%s is accepted or another errno", rows[i].json);
                if (err.code != rows[i].code || !strstr(err.message, rows[i].words))
                        fail_msg("%s: %s, expected %s", rows[i].json, err.message, rows[i].words);
                assert_memory_equal(&rec, &zero, sizeof(rec));
                json_decref(json);
        }
}

static void
text_that_is_no_json_is_refused(void **unused)
{
        static const char *const texts[] = {"",        "{",   "{\"a\":1,\"a\":2}",  "{}x", "{\"a\":\"\xff\"}",
                                            "{'a':1}", "nul", "{\"a\":\"\\u0000\"}"};
        struct error err;
        char deep[5000];

        (void)unused;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                assert_null(json_parse(texts[i], strlen(texts[i]), 1000, &err));
        memset(deep, '[', sizeof(deep));
        assert_null(json_parse(deep, sizeof(deep), sizeof(deep), &err));
        assert_null(json_parse("{}", 2, 1, &err));
        assert_int_equal(err.code, ERR_LIMIT);
}

static void
hidden_fields_stay_out_of_json_and_unset_addresses_are_left_out(void **unused)
{
        struct outer rec = {.text = "a", .secret = 7};
        json_t *json = rec_to_json(&outer_desc, &rec);
        char *text = json_text(json);

        (void)unused;
        assert_string_equal(
                text,
                "{\"text\":\"a\",\"colour\":\"red\",\"flag\":false,\"big\":0,\"key\":\"0000\",\"blob\":\"\",\"list\":[]}");
        free(text);
        json_decref(json);
}

static void
a_string_that_is_not_utf8_gets_no_json(void **unused)
{
        struct outer rec = {.text = "\xff"};

        (void)unused;
        assert_null(rec_to_json(&outer_desc, &rec));
}

static void
binary_values_out_of_range_are_refused(void **unused)
{
        struct outer rec = {.text = "abc"}, back;
        size_t size;
        uint8_t *buf = encoded(&outer_desc, &rec, &size);
        /* text: length at 0, 3 bytes at 4; colour at 7; flag at 11 */
        static const struct {
                size_t at;
                uint8_t value;
        } bad[] = {{0, 4}, {3, 0xff}, {5, 0}, {7, 2}, {10, 0x80}, {11, 2}};

        (void)unused;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                uint8_t old = buf[bad[i].at];

                buf[bad[i].at] = bad[i].value;
                if (rec_decode(&outer_desc, buf, size, &back) != -EBADMSG)
                        fail_msg("byte %zu = %u is accepted", bad[i].at, bad[i].value);
                buf[bad[i].at] = old;
        }
        assert_int_equal(rec_decode(&outer_desc, buf, size, &back), 0);
        assert_string_equal(back.text, "abc");
        free(buf);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(random_records_survive_the_binary_form),
                cmocka_unit_test(random_records_survive_json),
                cmocka_unit_test(a_cut_or_lengthened_record_is_refused_and_leaves_nothing),
                cmocka_unit_test(a_changed_byte_is_refused_or_means_exactly_what_it_says),
                cmocka_unit_test(json_that_is_not_the_record_is_refused_with_the_place),
                cmocka_unit_test(text_that_is_no_json_is_refused),
                cmocka_unit_test(hidden_fields_stay_out_of_json_and_unset_addresses_are_left_out),
                cmocka_unit_test(a_string_that_is_not_utf8_gets_no_json),
                cmocka_unit_test(binary_values_out_of_range_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
