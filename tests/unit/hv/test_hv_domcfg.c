/* SPDX-License-Identifier: Apache-2.0 */
/* Our configuration of a domain becomes libxl's; what this hv cannot do is refused with the reason. Without a hypervisor:
 * libxl's types need none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hv/hv_domcfg.h"

static const struct hv_domcfg_files files = {
        .kernel = "/proc/self/fd/8", .ramdisk = "/proc/self/fd/9", .vif_script = "/x/dompool-vif"};

static struct domain_config
sample(void)
{
        struct domain_config c;

        domain_config_init(&c);
        c.type = DOMAIN_PVH;
        str_copy(c.name, sizeof(c.name), "vm1");
        memset(c.uuid, 0xaa, sizeof(c.uuid));
        c.kernel.size = 1;
        c.memory_kib = 98304;
        c.vcpus = 2;
        c.maxvcpus = 4;
        str_copy(c.cmdline, sizeof(c.cmdline), "console=hvc0");
        c.n_vifs = 2;
        c.vifs[0].mac = (struct mac){{0, 0x16, 0x3e, 0, 0, 1}};
        str_copy(c.vifs[1].bridge, sizeof(c.vifs[1].bridge), "br7");
        return c;
}

static void
fills_every_field_that_libxl_gets_from_us(void **state)
{
        struct domain_config c = sample();
        libxl_domain_config x;
        struct error err;

        (void)state;
        libxl_domain_config_init(&x);
        assert_int_equal(hv_domcfg_fill(&c, &files, &x, &err), 0);
        assert_int_equal(x.c_info.type, LIBXL_DOMAIN_TYPE_PVH);
        assert_string_equal(x.c_info.name, "vm1");
        assert_memory_equal(libxl_uuid_bytearray(&x.c_info.uuid), c.uuid, UUID_SIZE);
        assert_int_equal(x.b_info.target_memkb, 98304);
        assert_int_equal(x.b_info.max_memkb, 98304);
        assert_int_equal(x.b_info.max_vcpus, 4);
        assert_true(libxl_bitmap_test(&x.b_info.avail_vcpus, 1));
        assert_false(libxl_bitmap_test(&x.b_info.avail_vcpus, 2));
        assert_string_equal(x.b_info.kernel, files.kernel);
        assert_string_equal(x.b_info.ramdisk, files.ramdisk);
        assert_string_equal(x.b_info.cmdline, "console=hvc0");
        assert_int_equal(x.num_nics, 2);
        assert_memory_equal(x.nics[0].mac, c.vifs[0].mac.b, 6);
        assert_string_equal(x.nics[0].bridge, "xenbr0");
        assert_string_equal(x.nics[0].script, files.vif_script);
        assert_string_equal(x.nics[1].bridge, "br7");
        assert_int_equal(x.nics[1].devid, 1);
        libxl_domain_config_dispose(&x);
}

static void
refuses_hvm_and_disks_and_says_what_to_do(void **state)
{
        struct domain_config c = sample();
        struct error err;

        (void)state;
        c.type = DOMAIN_HVM;
        assert_int_equal(hv_domcfg_supported(&c, true, &err), 0);
        assert_true(hv_domcfg_supported(&c, false, &err) < 0);
        assert_int_equal(err.code, ERR_UNSUPPORTED);
        assert_non_null(strstr(err.message, "micro-hvm"));
        c = sample();
        c.n_disks = 1;
        str_copy(c.disks[0].vdev, sizeof(c.disks[0].vdev), "xvda");
        assert_true(hv_domcfg_supported(&c, true, &err) < 0);
        assert_non_null(strstr(err.message, "xvda"));
        c = sample();
        c.kernel.size = 0;
        assert_true(hv_domcfg_supported(&c, true, &err) < 0);
        assert_int_equal(err.code, ERR_INVALID);
}

static void
vnc_listens_on_the_host_alone_and_only_where_there_is_a_device_model(void **state)
{
        struct hv_domcfg_files with = files;
        struct domain_config c = sample();
        libxl_domain_config x;
        struct error err;

        (void)state;
        with.device_model = c.vnc = true;
        libxl_domain_config_init(&x);
        assert_int_equal(hv_domcfg_fill(&c, &with, &x, &err), 0);
        assert_int_equal(x.num_vfbs, 1);
        assert_int_equal(x.num_vkbs, 1);
        assert_string_equal(x.vfbs[0].vnc.listen, "127.0.0.1");
        libxl_domain_config_dispose(&x);
        libxl_domain_config_init(&x);
        assert_int_equal(hv_domcfg_fill(&c, &files, &x, &err), 0); /* without: the domain runs all the same */
        assert_int_equal(x.num_vfbs, 0);
        libxl_domain_config_dispose(&x);
        c.type = DOMAIN_HVM;
        libxl_domain_config_init(&x);
        assert_int_equal(hv_domcfg_fill(&c, &with, &x, &err), 0);
        assert_int_equal(x.c_info.type, LIBXL_DOMAIN_TYPE_HVM);
        assert_int_equal(x.num_vfbs, 0);
        assert_string_equal(x.b_info.u.hvm.vnc.listen, "127.0.0.1");
        assert_true(libxl_defbool_val(x.b_info.u.hvm.vnc.enable));
        libxl_domain_config_dispose(&x);
        c.vnc = false;
        libxl_domain_config_init(&x);
        assert_int_equal(hv_domcfg_fill(&c, &with, &x, &err), 0);
        assert_false(libxl_defbool_val(x.b_info.u.hvm.vnc.enable));
        libxl_domain_config_dispose(&x);
}

static void
libxls_last_complaints_become_part_of_the_error(void **state)
{
        struct hv_libxl_log log;
        struct error err;

        (void)state;
        hv_libxl_log_init(&log);
        xtl_log(&log.vtable, XTL_DEBUG, -1, "x", "of no interest");
        for (int i = 0; i < 100; i++)
                xtl_log(&log.vtable, XTL_ERROR, -1, "x", "complaint number %d", i);
        hv_libxl_error(&err, &log, ERROR_FAIL, "creating '%s'", "vm1");
        assert_int_equal(err.code, ERR_HYPERVISOR);
        assert_non_null(strstr(err.message, "creating 'vm1'"));
        assert_non_null(strstr(err.message, "complaint number 99"));
        assert_null(strstr(err.message, "complaint number 0;"));
        assert_null(strstr(err.message, "of no interest"));
        hv_libxl_error(&err, &log, ERROR_NOMEM, "creating '%s'", "vm1");
        assert_int_equal(err.code, ERR_NO_SPACE);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fills_every_field_that_libxl_gets_from_us),
                cmocka_unit_test(refuses_hvm_and_disks_and_says_what_to_do),
                cmocka_unit_test(vnc_listens_on_the_host_alone_and_only_where_there_is_a_device_model),
                cmocka_unit_test(libxls_last_complaints_become_part_of_the_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
