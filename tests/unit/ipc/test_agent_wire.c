/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of JSON between link and api: what goes over, what is refused, who may say what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above first */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/rec.h"
#include "ipc/agent_wire.h"

static int
decode(const char *line, enum role reader, enum msg_type *type, void **payload, struct error *err)
{
        memset(err, 0, sizeof(*err));
        return agent_wire_decode(line, strlen(line), reader, type, payload, err);
}

static void
assert_refused(const char *line, enum role reader, enum error_code code, const char *words)
{
        enum msg_type type;
        void *payload = NULL;
        struct error err;

        assert_true(decode(line, reader, &type, &payload, &err) < 0);
        assert_null(payload);
        assert_int_equal(err.code, code);
        assert_non_null(strstr(err.message, words));
}

static void
a_message_is_one_line_with_its_name_first(void **state)
{
        struct msg_agent_ping ping = {.conn = 7, .free_memory_kib = 1024, .uptime_ms = 5};
        _cleanup_free_ char *line = agent_wire_encode(MSG_AGENT_PING, &ping);

        (void)state;
        assert_string_equal(line, "{\"m\":\"AGENT_PING\",\"free_memory_kib\":1024,\"uptime_ms\":5}");
}

static void
the_number_of_a_connection_never_travels(void **state)
{
        (void)state;
        assert_refused("{\"m\":\"AGENT_PING\",\"conn\":1}", ROLE_API, ERR_INVALID, "conn");
        assert_refused("{\"m\":\"AGENT_HELLO\",\"address\":\"10.0.0.1\"}", ROLE_API, ERR_INVALID, "address");
}

static void
console_bytes_of_every_value_survive(void **state)
{
        uint8_t bytes[CONSOLE_CHUNK];
        struct msg_console_data out = {.session = 3};
        _cleanup_free_ char *line = NULL;
        struct msg_console_data *in;
        enum msg_type type;
        struct error err;
        void *payload;

        (void)state;
        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t)i;
        assert_int_equal(blob_set(&out.data, bytes, sizeof(bytes)), 0);
        line = agent_wire_encode(MSG_CONSOLE_DATA, &out);
        blob_clear(&out.data);
        assert_int_equal(decode(line, ROLE_LINK, &type, &payload, &err), 0);
        in = payload;
        assert_int_equal(type, MSG_CONSOLE_DATA);
        assert_int_equal(in->session, 3);
        assert_int_equal(in->data.size, sizeof(bytes));
        assert_memory_equal(in->data.data, bytes, sizeof(bytes));
        agent_wire_free(type, payload);
}

static void
console_bytes_over_the_limit_are_refused(void **state)
{
        size_t n = (CONSOLE_CHUNK / 3 + 2) * 4;
        _cleanup_free_ char *line = malloc(n + 100);
        char *at = line + sprintf(line, "{\"m\":\"CONSOLE_DATA\",\"session\":1,\"data\":\"");

        (void)state;
        memset(at, 'A', n);
        strcpy(at + n, "\"}");
        assert_refused(line, ROLE_API, ERR_LIMIT, "16384");
}

static void
what_is_no_base64_is_refused(void **state)
{
        (void)state;
        assert_refused("{\"m\":\"CONSOLE_DATA\",\"session\":1,\"data\":\"?!\"}", ROLE_API, ERR_PROTOCOL, "base64");
        assert_refused("{\"m\":\"CONSOLE_DATA\",\"session\":1,\"data\":7}", ROLE_API, ERR_PROTOCOL, "base64");
}

static void
each_end_takes_only_what_the_other_may_say(void **state)
{
        (void)state;
        assert_refused("{\"m\":\"AGENT_WELCOME\"}", ROLE_API, ERR_PROTOCOL, "is not for api to read");
        assert_refused("{\"m\":\"AGENT_HELLO\"}", ROLE_LINK, ERR_PROTOCOL, "is not for link to read");
        assert_refused("{\"m\":\"AGENT_DROP\"}", ROLE_LINK, ERR_PROTOCOL, "is not for link to read");
        assert_refused("{\"m\":\"WORK_TASK\"}", ROLE_API, ERR_PROTOCOL, "is not for api to read");
        assert_refused("{\"m\":\"API_GET\"}", ROLE_API, ERR_PROTOCOL, "is not for api to read");
}

static void
malformed_lines_are_refused_with_a_reason(void **state)
{
        (void)state;
        assert_refused("{\"m\":\"NONE\"}", ROLE_API, ERR_PROTOCOL, "unknown message 'NONE'");
        assert_refused("{}", ROLE_API, ERR_PROTOCOL, "without a message name");
        assert_refused("{\"m\":7}", ROLE_API, ERR_PROTOCOL, "without a message name");
        assert_refused("{\"m\":\"AGENT_PING\",\"x\":1}", ROLE_API, ERR_INVALID, "AGENT_PING: ");
        assert_refused("{\"m\":\"AGENT_PING\",\"uptime_ms\":\"1\"}", ROLE_API, ERR_INVALID, "uptime_ms");
}

static void
a_full_list_of_domains_fits_into_a_line(void **state)
{
        struct msg_agent_domains *all = calloc(1, sizeof(*all));
        _cleanup_free_ char *line = NULL;
        enum msg_type type;
        struct error err;
        void *payload;

        (void)state;
        all->n_domains = AGENT_MAX_DOMAINS;
        for (uint32_t i = 0; i < AGENT_MAX_DOMAINS; i++) {
                memset(all->domains[i].name, 'n', sizeof(all->domains[i].name) - 1);
                all->domains[i].cpu_time_ns = INT64_MAX;
        }
        line = agent_wire_encode(MSG_AGENT_DOMAINS, all);
        assert_true(strlen(line) < AGENT_WIRE_MAX);
        assert_int_equal(decode(line, ROLE_API, &type, &payload, &err), 0);
        assert_true(rec_equal(message_desc(type), all, payload));
        agent_wire_free(type, payload);
        free(all);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_message_is_one_line_with_its_name_first),
                cmocka_unit_test(the_number_of_a_connection_never_travels),
                cmocka_unit_test(console_bytes_of_every_value_survive),
                cmocka_unit_test(console_bytes_over_the_limit_are_refused),
                cmocka_unit_test(what_is_no_base64_is_refused),
                cmocka_unit_test(each_end_takes_only_what_the_other_may_say),
                cmocka_unit_test(malformed_lines_are_refused_with_a_reason),
                cmocka_unit_test(a_full_list_of_domains_fits_into_a_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
