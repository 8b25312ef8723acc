/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated hypervisor behaves like one: memory runs out, domains end, consoles answer, settings are checked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "hv/hv.h"

struct seen {
        unsigned n_results, n_domains;
        struct msg_agent_op_result last;
        char events[200];
        char console[200];
        char closed[40];
};

static void
on_inventory(void *arg, const struct host_inventory *inv)
{
        (void)arg;
        (void)inv;
}

static void
on_domains(void *arg, const struct domain_info *list, uint32_t n)
{
        (void)list;
        ((struct seen *)arg)->n_domains = n;
}

static void
on_domain(void *arg, const struct domain_info *info, const char *what, const char *text)
{
        struct seen *s = arg;
        size_t n = strlen(s->events);

        (void)text;
        snprintf(s->events + n, sizeof(s->events) - n, "%s:%s ", what, info->name);
}

static void
on_progress(void *arg, const struct msg_agent_op_progress *p)
{
        (void)arg;
        (void)p;
}

static void
on_result(void *arg, const struct msg_agent_op_result *r)
{
        struct seen *s = arg;

        s->n_results++;
        s->last = *r;
}

static void
on_console_data(void *arg, uint64_t session, const void *data, size_t size)
{
        struct seen *s = arg;
        size_t n = strlen(s->console);

        (void)session;
        snprintf(s->console + n, sizeof(s->console) - n, "%.*s", (int)size, (const char *)data);
}

static void
on_console_closed(void *arg, uint64_t session, enum error_code code, const char *text)
{
        (void)session;
        (void)text;
        str_copy(((struct seen *)arg)->closed, 40, error_text(code));
}

static const struct hv_events events = {on_inventory, on_domains,      on_domain,        on_progress,
                                        on_result,    on_console_data, on_console_closed};

struct fixture {
        uv_loop_t loop;
        struct hv *hv;
        struct seen seen;
};

static void
setup(struct fixture *f, const char *settings)
{
        struct error err;

        memset(f, 0, sizeof(*f));
        uv_loop_init(&f->loop);
        assert_int_equal(hv_simulated_ops.open(&f->loop, settings, &events, &f->seen, &f->hv, &err), 0);
}

static void
teardown(struct fixture *f)
{
        hv_simulated_ops.close(f->hv);
        uv_run(&f->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&f->loop), 0);
}

static const struct msg_agent_op_result *
run(struct fixture *f, uint64_t id, uint32_t kind, const char *name, uint64_t memory_kib)
{
        struct msg_agent_op op = {.id = id, .epoch = 1, .kind = kind};
        unsigned before = f->seen.n_results;

        str_copy(op.config.name, sizeof(op.config.name), name);
        op.config.uuid[0] = (uint8_t)name[strlen(name) - 1];
        op.config.memory_kib = memory_kib;
        hv_simulated_ops.op(f->hv, &op);
        while (f->seen.n_results == before)
                uv_run(&f->loop, UV_RUN_ONCE);
        return &f->seen.last;
}

static void
creates_and_ends_domains(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f, "create_ms=1,shutdown_ms=1");
        assert_string_equal(run(&f, 1, OP_DOMAIN_CREATE, "vm1", 1024)->code, "none");
        assert_string_equal(run(&f, 2, OP_DOMAIN_CREATE, "vm2", 1024)->code, "none");
        assert_string_equal(run(&f, 3, OP_DOMAIN_SHUTDOWN, "vm1", 0)->code, "none");
        assert_string_equal(run(&f, 4, OP_DOMAIN_DESTROY, "vm2", 0)->code, "none");
        assert_string_equal(run(&f, 5, OP_DOMAIN_DESTROY, "vm2", 0)->code, "none");
        assert_string_equal(f.seen.events, "appeared:vm1 appeared:vm2 gone:vm1 gone:vm2 ");
        teardown(&f);
}

static void
refuses_what_does_not_fit_into_memory_and_says_how_much_is_free(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f, "create_ms=1,memory=2G");
        assert_string_equal(run(&f, 1, OP_DOMAIN_CREATE, "vm1", 1 << 20)->code, "none");
        assert_string_equal(run(&f, 2, OP_DOMAIN_CREATE, "vm2", 1024)->code, "no-space");
        assert_non_null(strstr(f.seen.last.text, "0 KiB free"));
        teardown(&f);
}

static void
fails_the_domains_that_its_settings_name(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f, "create_ms=1,fail=bad");
        assert_string_equal(run(&f, 1, OP_DOMAIN_CREATE, "bad-1", 1024)->code, "hypervisor");
        assert_string_equal(run(&f, 2, OP_DOMAIN_CREATE, "good-2", 1024)->code, "none");
        teardown(&f);
}

static void
a_console_says_hello_echoes_and_closes_with_its_domain(void **state)
{
        struct fixture f;
        uint8_t uuid[UUID_SIZE] = {'1'};

        (void)state;
        setup(&f, "create_ms=1");
        hv_simulated_ops.console_open(f.hv, 9, uuid);
        assert_string_equal(f.seen.closed, "not-found");
        run(&f, 1, OP_DOMAIN_CREATE, "vm1", 1024);
        hv_simulated_ops.console_open(f.hv, 10, uuid);
        hv_simulated_ops.console_write(f.hv, 10, "abc", 3);
        assert_string_equal(f.seen.console, "hello from vm1 (simulated)\r\nabc");
        run(&f, 2, OP_DOMAIN_DESTROY, "vm1", 0);
        assert_string_equal(f.seen.closed, "none");
        teardown(&f);
}

static void
refuses_unknown_settings(void **state)
{
        struct error err;
        struct hv *hv;
        uv_loop_t loop;

        (void)state;
        uv_loop_init(&loop);
        assert_true(hv_simulated_ops.open(&loop, "cpus=8,colour=red", &events, NULL, &hv, &err) < 0);
        assert_non_null(strstr(err.message, "colour"));
        assert_true(hv_simulated_ops.open(&loop, "cpus=many", &events, NULL, &hv, &err) < 0);
        assert_int_equal(uv_loop_close(&loop), 0);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(creates_and_ends_domains),
                cmocka_unit_test(refuses_what_does_not_fit_into_memory_and_says_how_much_is_free),
                cmocka_unit_test(fails_the_domains_that_its_settings_name),
                cmocka_unit_test(a_console_says_hello_echoes_and_closes_with_its_domain),
                cmocka_unit_test(refuses_unknown_settings),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
