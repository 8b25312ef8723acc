/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults and limits of a domain's configuration; UUIDs as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "model/domain.h"

static struct domain_config
good_config(void)
{
        struct domain_config c;

        domain_config_init(&c);
        strcpy(c.name, "vm1");
        c.type = DOMAIN_PVH;
        strcpy(c.kernel.path, "vmlinuz");
        return c;
}

static void
assert_refused(const struct domain_config *c, const char *word)
{
        struct error err;

        assert_true(domain_config_check(c, &err) < 0);
        if (!strstr(err.message, word))
                fail_msg("'%s' is not in: %s", word, err.message);
}

static void
defaults_are_those_of_xl(void **state)
{
        struct domain_config c;

        (void)state;
        domain_config_init(&c);
        assert_int_equal(c.vcpus, 1);
        assert_int_equal(c.type, DOMAIN_PV);
        assert_int_equal(c.on_poweroff, ACTION_DESTROY);
        assert_int_equal(c.on_reboot, ACTION_RESTART);
        assert_int_equal(c.on_crash, ACTION_DESTROY);
}

static void
a_plain_configuration_is_accepted(void **state)
{
        struct domain_config c = good_config();
        struct error err;

        (void)state;
        assert_int_equal(domain_config_check(&c, &err), 0);
}

static void
memory_and_vcpus_have_limits(void **state)
{
        struct domain_config c = good_config();

        (void)state;
        c.memory_kib = (8 << 10) - 1;
        assert_refused(&c, "memory");
        c = good_config();
        c.memory_kib = (16ull << 30) + 1;
        assert_refused(&c, "memory");
        c = good_config();
        c.maxmem_kib = c.memory_kib - 1;
        assert_refused(&c, "maxmem");
        c = good_config();
        c.vcpus = 0;
        assert_refused(&c, "vcpus");
        c.vcpus = 129;
        assert_refused(&c, "vcpus");
        c = good_config();
        c.vcpus = 2;
        c.maxvcpus = 1;
        assert_refused(&c, "maxvcpus");
}

static void
a_pv_guest_without_kernel_is_refused(void **state)
{
        struct domain_config c = good_config();

        (void)state;
        c.kernel.path[0] = '\0';
        assert_refused(&c, "kernel");
        c.type = DOMAIN_PV;
        assert_refused(&c, "kernel");
}

static void
two_disks_cannot_be_the_same_device(void **state)
{
        struct domain_config c = good_config();

        (void)state;
        c.n_disks = 2;
        strcpy(c.disks[0].vdev, "xvda");
        strcpy(c.disks[1].vdev, "xvda");
        assert_refused(&c, "xvda");
}

static void
two_vifs_cannot_have_the_same_mac(void **state)
{
        struct domain_config c = good_config();
        struct error err;

        (void)state;
        c.n_vifs = 2; /* none given: core makes them */
        assert_int_equal(domain_config_check(&c, &err), 0);
        c.vifs[0].mac = c.vifs[1].mac = (struct mac){{0, 0x16, 0x3e, 1, 2, 3}};
        assert_refused(&c, "same MAC");
}

static void
numbers_outside_an_enum_are_refused(void **state)
{
        struct domain_config c = good_config();

        (void)state;
        c.type = 3;
        assert_refused(&c, "type");
        c = good_config();
        c.on_crash = 99;
        assert_refused(&c, "on_");
}

static void
the_host_itself_is_no_domain(void **state)
{
        struct domain_config c = good_config();

        (void)state;
        strcpy(c.name, "Domain-0");
        assert_refused(&c, "host itself");
}

static void
a_uuid_survives_its_text(void **state)
{
        static const uint8_t uuid[UUID_SIZE] = {0x00, 0x16, 0x3e, 0xff, 0x12, 0x34, 0x45, 0x67,
                                                0x89, 0xab, 0xcd, 0xef, 0x01, 0x02, 0x03, 0x04};
        char text[UUID_TEXT_SIZE];
        uint8_t back[UUID_SIZE];

        (void)state;
        assert_string_equal(uuid_text(uuid, text), "00163eff-1234-4567-89ab-cdef01020304");
        assert_int_equal(parse_uuid(text, back), 0);
        assert_memory_equal(uuid, back, sizeof(uuid));
}

static void
what_is_no_uuid_is_refused(void **state)
{
        static const char *const texts[] = {
                "",
                "00163eff-1234-4567-89ab-cdef0102030",
                "00163eff-1234-4567-89ab-cdef010203045",
                "00163eff12344567-89ab-cdef01020304--",
                "g0163eff-1234-4567-89ab-cdef01020304",
                "00163eff 1234 4567 89ab cdef01020304",
        };
        uint8_t out[UUID_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                assert_true(parse_uuid(texts[i], out) < 0);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(defaults_are_those_of_xl),
                cmocka_unit_test(a_plain_configuration_is_accepted),
                cmocka_unit_test(memory_and_vcpus_have_limits),
                cmocka_unit_test(a_pv_guest_without_kernel_is_refused),
                cmocka_unit_test(two_disks_cannot_be_the_same_device),
                cmocka_unit_test(two_vifs_cannot_have_the_same_mac),
                cmocka_unit_test(numbers_outside_an_enum_are_refused),
                cmocka_unit_test(the_host_itself_is_no_domain),
                cmocka_unit_test(a_uuid_survives_its_text),
                cmocka_unit_test(what_is_no_uuid_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
