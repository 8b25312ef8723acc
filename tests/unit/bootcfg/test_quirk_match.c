/* SPDX-License-Identifier: Apache-2.0 */
/* Quirks: whom they concern, what they come to, and what a row must be like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bootcfg/menu.h"
#include "bootcfg/quirk_match.h"
#include "fixture.h"

static const struct mac pi = {{0xb8, 0x27, 0xeb, 1, 2, 3}};

static void
each_condition_must_be_met_and_what_is_not_known_meets_none(void **state)
{
        static const struct host_hardware nothing,
                dell = {.manufacturer = "Dell Inc.",
                        .product = "PowerEdge R620",
                        .n_nics = 2,
                        .nics = {{.vendor = 0x8086, .device = 0x10fb}, {.vendor = 0x10ec, .device = 0x8168}}};
        static const struct {
                struct quirk q;
                const struct host_hardware *hw;
                bool concerns;
        } cases[] = {
                {{.macs = "52:54:00 b8:27:eb"}, &nothing, true},
                {{.macs = "b8:27:ec"}, &nothing, false},
                {{.pci = "8086:57a0 10ec:*"}, &dell, true},
                {{.pci = "8086:57a0"}, &dell, false},
                {{.pci = "8086:57a0"}, &nothing, false},
                {{.smbios = "dell inc./PowerEdge R620*"}, &dell, true},
                {{.smbios = "*"}, &nothing, false},
                {{.macs = "b8:27:eb", .pci = "8086:57a0"}, &dell, false},
                {{.firmware = QUIRK_EFI}, &nothing, true}, /* that is looked at when it asks */
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_int_equal(quirk_concerns(&cases[i].q, &pi, cases[i].hw), cases[i].concerns);
}

/* A policy of one host with all of @quirks. */
static struct policy *
policy_with(const struct quirk *quirks, uint32_t n)
{
        struct policy_profile profiles[PROFILE_N];
        struct policy_header header;
        struct policy_image image;
        struct policy_host host;
        const struct policy_parts parts = {.header = &header,
                                           .images = &image,
                                           .n_images = 1,
                                           .profiles = profiles,
                                           .n_profiles = PROFILE_N,
                                           .quirks = quirks,
                                           .n_quirks = n,
                                           .hosts = &host,
                                           .n_hosts = 1};
        uint16_t refs[POLICY_MAX_QUIRKS];
        struct policy *p;

        fixture_header(&header);
        fixture_image(&image);
        fixture_profiles(profiles);
        fixture_host(&host, "n1", &mac_pool, PROFILE_POOL, 0, 0);
        for (uint32_t i = 0; i < n; i++)
                refs[i] = (uint16_t)i;
        host.quirks = refs;
        host.n_quirks = (uint16_t)n;
        assert_int_equal(policy_build(&parts, &p), 0);
        return p;
}

static void
effects_add_up_for_the_firmware_that_asks(void **state)
{
        static const struct quirk quirks[] = {
                {.name = "a", .firmware = QUIRK_EFI, .loader = "snponly", .tftp_blksize = 1024},
                {.name = "b", .loader = "grub-efi", .tftp_blksize = 512, .no_http = true},
                {.name = "c", .firmware = QUIRK_BIOS, .no_tftp_window = true},
        };
        struct policy *p = policy_with(quirks, 3);
        const struct policy_host *h = fixture_find(p, &mac_pool);
        struct quirk_effects e;

        (void)state;
        quirk_effects(p, h, QUIRK_EFI, &e);
        assert_int_equal(e.n, 2);
        assert_string_equal(e.loader, "snponly"); /* the first that has a wish */
        assert_int_equal(e.tftp_blksize, 512);    /* the smallest */
        assert_true(e.no_http);
        assert_false(e.no_tftp_window);
        quirk_effects(p, h, QUIRK_BIOS | QUIRK_IPXE, &e);
        assert_string_equal(e.loader, "grub-efi");
        assert_true(e.no_tftp_window);
        quirk_effects(p, h, QUIRK_ANY_FIRMWARE, &e);
        assert_int_equal(e.n, 3);
        policy_free(p);
}

static void
arguments_of_quirks_stand_in_the_menu_before_the_hosts_own(void **state)
{
        static const struct quirk quirks[] = {{.name = "rhine", .xen_args = "noapic", .kernel_args = "via-rhine.avoid_D3=1"},
                                              {.name = "efi", .firmware = QUIRK_EFI, .xen_args = "efi=attr=uc"}};
        struct policy *p = policy_with(quirks, 2);
        struct menu_request r = {.doc = &menu_doc_pxelinux,
                                 .policy = p,
                                 .host = fixture_find(p, &mac_pool),
                                 .server = SERVER_ADDRESS,
                                 .token = "v1.525400880001.0000000000000001.0000000000000002."
                                          "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"};
        struct menu_text bios, efi;
        const char *why;

        (void)state;
        r.chosen = fixture_choose(p, r.host);
        assert_int_equal(menu_render(&r, &bios, &why), PROFILE_POOL);
        assert_non_null(strstr(bios.text, " noapic "));
        assert_non_null(strstr(bios.text, " via-rhine.avoid_D3=1 "));
        assert_null(strstr(bios.text, "efi=attr=uc"));
        r.doc = &menu_doc_grub_efi;
        assert_int_equal(menu_render(&r, &efi, &why), PROFILE_POOL);
        assert_non_null(strstr(efi.text, "efi=attr=uc"));
        policy_free(p);
}

static void
a_row_needs_a_condition_an_effect_and_a_reason(void **state)
{
        static const struct {
                struct quirk q;
                const char *words; /* of the error; NULL: it is good */
        } cases[] = {
                {{.name = "q", .pci = "8086:57a0 10ec:*", .loader = "snponly", .why = "x"}, NULL},
                {{.name = "q", .firmware = QUIRK_BIOS, .no_http = true, .why = "x"}, NULL},
                {{.name = "q", .loader = "snponly", .why = "x"}, "every machine"},
                {{.name = "q", .macs = "b8:27:eb", .why = "x"}, "changes nothing"},
                {{.name = "q", .macs = "b8:27:eb", .no_http = true}, "no why"},
                {{.name = "q", .macs = "b8:27:e", .no_http = true, .why = "x"}, "b8:27:e"},
                {{.name = "q", .macs = "B8:27:EB", .no_http = true, .why = "x"}, "B8:27:EB"},
                {{.name = "q", .pci = "8086", .no_http = true, .why = "x"}, "vendor:device"},
                {{.name = "q", .pci = "8086:57A0", .no_http = true, .why = "x"}, "vendor:device"},
                {{.name = "q", .pci = "*:57a0", .no_http = true, .why = "x"}, "vendor:device"},
                {{.name = "q", .macs = "b8:27:eb", .tftp_blksize = 7, .why = "x"}, "tftp-blksize"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct error err = {0};
                int r = quirk_check(&cases[i].q, &err);

                assert_int_equal(r == 0, cases[i].words == NULL);
                if (cases[i].words)
                        assert_non_null(strstr(err.message, cases[i].words));
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_condition_must_be_met_and_what_is_not_known_meets_none),
                cmocka_unit_test(effects_add_up_for_the_firmware_that_asks),
                cmocka_unit_test(arguments_of_quirks_stand_in_the_menu_before_the_hosts_own),
                cmocka_unit_test(a_row_needs_a_condition_an_effect_and_a_reason),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
