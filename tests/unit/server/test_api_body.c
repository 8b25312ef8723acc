/* SPDX-License-Identifier: Apache-2.0 */
/* Request bodies of the API: text in, message or refusal out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above first */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "server/api_auth.h"
#include "server/api_body.h"

#define BODY(text) text, sizeof(text) - 1

static void
a_host_takes_its_name_from_the_path(void **state)
{
        struct msg_api_host_put m = {0};
        struct error err;

        (void)state;
        assert_int_equal(api_body_host(BODY("{\"mac\":\"52:54:00:00:00:09\",\"profile\":\"pool\"}"), "n9", &m, &err), 0);
        assert_string_equal(m.host.name, "n9");
        assert_string_equal(m.host.profile, "pool");
}

static void
a_host_without_profile_leaves_it_to_rules_and_default(void **state)
{
        struct msg_api_host_put m = {0};
        struct error err;

        (void)state;
        assert_int_equal(api_body_host(BODY("{\"mac\":\"52:54:00:00:00:09\"}"), "n9", &m, &err), 0);
        assert_string_equal(m.host.profile, "");
}

static void
a_host_that_contradicts_the_path_or_poses_as_configured_is_refused(void **state)
{
        struct msg_api_host_put m = {0};
        struct error err;

        (void)state;
        assert_true(api_body_host(BODY("{\"name\":\"n8\",\"mac\":\"52:54:00:00:00:09\"}"), "n9", &m, &err) < 0);
        assert_true(api_body_host(BODY("{\"mac\":\"52:54:00:00:00:09\",\"configured\":true}"), "n9", &m, &err) < 0);
        assert_true(api_body_host(BODY("{}"), "n9", &m, &err) < 0);
}

static void
a_profile_must_be_said(void **state)
{
        struct msg_api_host_profile m = {0};
        struct error err;

        (void)state;
        assert_true(api_body_profile(BODY(""), "n1", &m, &err) < 0);
        assert_string_equal(err.message, "profile: missing");
        assert_int_equal(api_body_profile(BODY("{\"profile\":\"local\"}"), "n1", &m, &err), 0);
        assert_string_equal(m.profile, "local");
        assert_true(api_body_profile(BODY("{\"profile\":\"../x\"}"), "n1", &m, &err) < 0);
        assert_true(api_body_profile(BODY("{\"profile\":\"pool\",\"canary\":2}"), "n1", &m, &err) < 0);
        assert_string_equal(err.message, "canary: it is for POST /v1/profiles");
        assert_int_equal(
                api_body_profile(BODY("{\"profile\":\"pool\",\"all\":true,\"canary\":2,\"watch_seconds\":9}"), "", &m, &err),
                0);
        assert_int_equal(m.canary, 2);
        assert_int_equal(m.watch_seconds, 9);
}

static void
what_if_takes_a_configuration_that_its_reader_would_take(void **state)
{
        static const struct {
                const char *text, *words; /* NULL: it is taken */
        } bodies[] = {
                {"{\"profile\":\"pool\",\"all\":true}", NULL},
                {"{\"profile\":\"../x\"}", "profile:"},
                {"{\"request\":7}", "request"},
                {"{\"has_host\":true,\"host\":{\"name\":\"n1\"}}", ""},
                {"{\"has_config\":true,\"config\":{}}", "network 0 is none"},
                {"{\"has_config\":true,\"config\":{\"network\":{\"interface\":\"br0\",\"net\":\"10.0.0.0\",\"prefix\":24,"
                 "\"lease_seconds\":600}}}",
                 NULL},
                {"{\"has_config\":true,\"config\":{\"network\":{\"interface\":\"br0\",\"net\":\"10.0.0.0\",\"prefix\":24,"
                 "\"lease_seconds\":600,\"range_first\":\"10.0.0.9\",\"range_last\":\"10.0.1.9\"}}}",
                 "range"},
                {"{\"has_config\":true,\"config\":{\"network\":{\"interface\":\"br0\",\"net\":\"10.0.0.0\",\"prefix\":60,"
                 "\"lease_seconds\":600}}}",
                 "network 0"},
        };
        struct msg_api_what_if *m = calloc(1, sizeof(*m));

        (void)state;
        assert_non_null(m);
        for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
                struct error err = {0};
                int r = api_body_what_if(bodies[i].text, strlen(bodies[i].text), m, &err);

                if (bodies[i].words && (r == 0 || !strstr(err.message, bodies[i].words)))
                        fail_msg("%s: %s", bodies[i].text, r < 0 ? err.message : "taken");
                if (!bodies[i].words && r < 0)
                        fail_msg("%s: %s", bodies[i].text, err.message);
                rec_clear(message_desc(MSG_API_WHAT_IF), m);
        }
        free(m);
}

static void
a_domain_is_read_as_xl_cfg_with_its_file_name_in_errors(void **state)
{
        struct msg_api_domain_create m = {0};
        struct xlcfg_notes notes = {0};
        struct error err;

        (void)state;
        assert_int_equal(api_body_domain(BODY("{\"host\":\"n1\",\"file\":\"a.cfg\",\"config\":\"name='a'\\ntype='pvh'\\nkernel="
                                              "'k'\\nmemory=64\\n\"}"),
                                         &m, &notes, &err),
                         0);
        assert_string_equal(m.config.name, "a");
        assert_string_equal(m.host, "n1");
        assert_int_equal(m.config.memory_kib, 64 << 10);
        assert_true(api_body_domain(BODY("{\"file\":\"a.cfg\",\"config\":\"name='a'\\nmemory='x'\\n\"}"), &m, &notes, &err) <
                    0);
        assert_int_equal(err.code, ERR_CONFIG);
        assert_non_null(strstr(err.message, "a.cfg:2"));
}

static void
unknown_keys_wrong_types_and_lengths_are_refused(void **state)
{
        struct msg_api_domain_action a = {0};
        struct msg_api_name n = {0};
        struct error err;

        (void)state;
        assert_true(api_body_action(BODY("{\"timeout\":1,\"force\":true}"), &a, &err) < 0);
        assert_true(api_body_action(BODY("{\"timeout\":\"1\"}"), &a, &err) < 0);
        assert_true(api_body_action(BODY("{\"timeout\":-1}"), &a, &err) < 0);
        assert_true(api_body_action(BODY("{\"timeout\":86401}"), &a, &err) < 0);
        assert_true(api_body_image(BODY("{\"recipe\":\"a/b\"}"), &n, &err) < 0);
        assert_true(api_body_image(BODY("{\"recipe\":\"a\",\"recipe\":\"b\"}"), &n, &err) < 0);
        assert_true(api_body_none(BODY("{\"x\":1}"), &err) < 0);
        assert_int_equal(api_body_none(BODY(""), &err), 0);
        assert_int_equal(api_body_none(BODY("{}"), &err), 0);
}

static void
a_body_over_the_limit_is_refused(void **state)
{
        _cleanup_free_ char *text = malloc(API_BODY_MAX + 1);
        struct error err;

        (void)state;
        memset(text, ' ', API_BODY_MAX + 1);
        text[0] = '{';
        text[API_BODY_MAX] = '}';
        assert_true(api_body_none(text, API_BODY_MAX + 1, &err) < 0);
        assert_int_equal(err.code, ERR_LIMIT);
}

static void
a_token_is_known_by_its_hash(void **state)
{
        struct config *config = calloc(1, sizeof(*config));
        struct api_caller caller;
        struct error err;

        (void)state;
        config->n_tokens = 2;
        strcpy(config->tokens[0].name, "one");
        strcpy(config->tokens[1].name, "two");
        digest_sha256("first", 5, config->tokens[0].sha256);
        digest_sha256("second", 6, config->tokens[1].sha256);
        assert_int_equal(api_auth_token(config, "Bearer second", &caller, &err), 0);
        assert_string_equal(caller.by, "token:two");
        assert_true(api_auth_token(config, "Bearer third", &caller, &err) < 0);
        assert_int_equal(err.code, ERR_UNAUTHENTICATED);
        assert_true(api_auth_token(config, NULL, &caller, &err) < 0);
        assert_true(api_auth_token(config, "Bearer ", &caller, &err) < 0);
        config->n_tokens = 0;
        assert_true(api_auth_token(config, "Bearer first", &caller, &err) < 0);
        free(config);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_host_takes_its_name_from_the_path),
                cmocka_unit_test(a_host_without_profile_leaves_it_to_rules_and_default),
                cmocka_unit_test(a_host_that_contradicts_the_path_or_poses_as_configured_is_refused),
                cmocka_unit_test(a_profile_must_be_said),
                cmocka_unit_test(what_if_takes_a_configuration_that_its_reader_would_take),
                cmocka_unit_test(a_domain_is_read_as_xl_cfg_with_its_file_name_in_errors),
                cmocka_unit_test(unknown_keys_wrong_types_and_lengths_are_refused),
                cmocka_unit_test(a_body_over_the_limit_is_refused),
                cmocka_unit_test(a_token_is_known_by_its_hash),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
