/* SPDX-License-Identifier: Apache-2.0 */
/* Which bridges a host has, out of a folder that looks like /sys/class/net. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "hv/hv_bridges.h"

static char net[] = "/tmp/dompool-test-bridges-XXXXXX";

static const char *const paths[] = {"eth0",        "vlan20", "vlan20/bridge", "labs",  "bridge",
                                    "labs/bridge", "xenbr0", "xenbr0/bridge", "vif1.0"};

static void
add(const char *path)
{
        char full[128];

        snprintf(full, sizeof(full), "%s/%s", net, path);
        assert_int_equal(mkdir(full, 0755), 0);
}

static int
folder_setup(void **state)
{
        (void)state;
        if (!mkdtemp(net))
                return -1;
        for (size_t i = 0; i < N_ELEMENTS(paths); i++)
                add(paths[i]);
        return 0;
}

static int
folder_teardown(void **state)
{
        char full[128];

        (void)state;
        for (size_t i = N_ELEMENTS(paths); i > 0; i--) {
                snprintf(full, sizeof(full), "%s/%s", net, paths[i - 1]);
                rmdir(full);
        }
        return rmdir(net);
}

static void
the_usual_bridge_is_the_first_of_the_list(void **state)
{
        char text[HOST_BRIDGES_SIZE];

        (void)state;
        hv_bridges_list(net, text);
        assert_string_equal(text, "xenbr0 labs vlan20");
        hv_bridges_list("/nowhere", text);
        assert_string_equal(text, "");
}

static void
a_domain_is_refused_whose_bridge_is_not_there(void **state)
{
        struct domain_config c = {.name = "web1", .n_vifs = 2};
        struct error err;

        (void)state;
        str_copy(c.vifs[1].bridge, sizeof(c.vifs[1].bridge), "labs");
        assert_int_equal(hv_bridges_check(net, &c, &err), 0);
        str_copy(c.vifs[1].bridge, sizeof(c.vifs[1].bridge), "vlan30");
        assert_true(hv_bridges_check(net, &c, &err) < 0);
        assert_int_equal(err.code, ERR_NOT_FOUND);
        assert_string_equal(err.message, "domain 'web1': vif 1: this host has no bridge 'vlan30'; it has xenbr0 labs vlan20");
        str_copy(c.vifs[1].bridge, sizeof(c.vifs[1].bridge), "eth0"); /* an interface, and no bridge */
        assert_true(hv_bridges_check(net, &c, &err) < 0);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_usual_bridge_is_the_first_of_the_list),
                cmocka_unit_test(a_domain_is_refused_whose_bridge_is_not_there),
        };

        return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
