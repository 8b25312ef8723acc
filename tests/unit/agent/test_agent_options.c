/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's command line: what dompool-init passes is understood, what is wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/agent_options.h"

#define FP "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static int
parse(struct agent_options *o, struct error *err, const char *a, const char *b, const char *c)
{
        char *argv[] = {(char *)"dompool-agent", (char *)a, (char *)b, (char *)c, NULL};
        int argc = 0;

        while (argv[argc])
                argc++;
        return agent_options_parse(argc, argv, o, err);
}

static void
takes_what_init_passes(void **state)
{
        char *argv[] = {(char *)"dompool-agent",
                        (char *)"--server",
                        (char *)"10.0.0.1",
                        (char *)"--agent-port=7",
                        (char *)"--fingerprint",
                        (char *)FP,
                        (char *)"--token",
                        (char *)"v1.x",
                        (char *)"--host",
                        (char *)"n1",
                        NULL};
        struct agent_options o;
        struct error err;

        (void)state;
        assert_int_equal(agent_options_parse(10, argv, &o, &err), 0);
        assert_int_equal(o.server, 0x0a000001);
        assert_int_equal(o.agent_port, 7);
        assert_int_equal(o.http_port, 8080);
        assert_int_equal(o.fingerprint[31], 0xff);
        assert_string_equal(o.token, "v1.x");
        assert_string_equal(o.run_dir, "/run/dompool");
        assert_false(o.is_link);
}

static void
names_what_is_wrong(void **state)
{
        static const struct {
                const char *a, *b, *c, *named;
        } rows[] = {
                {"--server", "10.0.0.256", NULL, "--server"},   {"--server=10.0.0.1", "--agent-port=0", NULL, "--agent-port"},
                {"--fingerprint", "00", NULL, "--fingerprint"}, {"--colour", NULL, NULL, "--colour"},
                {"--server=10.0.0.1", "more", NULL, "more"},    {"--debug", NULL, NULL, "--server"},
                {"--run-dir", "relative", NULL, "--run-dir"},   {"--server", NULL, NULL, "--server"},
        };
        struct agent_options o;
        struct error err;

        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                assert_true(parse(&o, &err, rows[i].a, rows[i].b, rows[i].c) < 0);
                assert_int_equal(err.code, ERR_USAGE);
                if (!strstr(err.message, rows[i].named))
                        fail_msg("row %zu: '%s' does not name %s", i, err.message, rows[i].named);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(takes_what_init_passes),
                cmocka_unit_test(names_what_is_wrong),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
