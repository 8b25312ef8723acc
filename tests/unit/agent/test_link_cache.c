/* SPDX-License-Identifier: Apache-2.0 */
/* The list of domains that a returning server gets is true to the last event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/link_cache.h"

static void
event(struct link_cache *c, uint8_t uuid, uint32_t domain_state)
{
        struct msg_agent_domain_event e = {.domain = {.uuid = {uuid}, .state = domain_state}};

        link_cache_event(c, &e);
}

static void
events_add_change_and_remove(void **state)
{
        static struct link_cache c;

        (void)state;
        event(&c, 1, DOMAIN_RUNNING);
        event(&c, 2, DOMAIN_RUNNING);
        event(&c, 1, DOMAIN_PAUSED);
        assert_int_equal(c.domains.n_domains, 2);
        assert_int_equal(c.domains.domains[0].state, DOMAIN_PAUSED);
        event(&c, 1, DOMAIN_GONE);
        event(&c, 3, DOMAIN_GONE);
        assert_int_equal(c.domains.n_domains, 1);
        assert_int_equal(c.domains.domains[0].uuid[0], 2);
}

static void
the_list_never_passes_its_limit(void **state)
{
        static struct link_cache c;

        (void)state;
        for (unsigned i = 0; i < AGENT_MAX_DOMAINS + 10; i++) {
                struct msg_agent_domain_event e = {
                        .domain = {.uuid = {(uint8_t)i, (uint8_t)(i >> 8)}, .state = DOMAIN_RUNNING}};

                link_cache_event(&c, &e);
        }
        assert_int_equal(c.domains.n_domains, AGENT_MAX_DOMAINS);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(events_add_change_and_remove),
                cmocka_unit_test(the_list_never_passes_its_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
