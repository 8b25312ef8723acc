/* SPDX-License-Identifier: Apache-2.0 */
/* Which firmware gets which loader, and by which words of DHCP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bootcfg/loader.h"
#include "bootcfg/menu.h"

#define ALL_FEATURES (FIRMWARE_IPXE_HTTP | FIRMWARE_IPXE_MULTIBOOT | FIRMWARE_IPXE_EFI)
#define BIOS_IPXE (FIRMWARE_IPXE_HTTP | FIRMWARE_IPXE_MULTIBOOT)
#define EFI_IPXE (FIRMWARE_IPXE_HTTP | FIRMWARE_IPXE_EFI)

static const struct loader_site site = {.address = 0x0a4d0001, .http_port = 8080, .mac = {{0x52, 0x54, 0, 0x77, 0, 0x0b}}};

static void
each_firmware_gets_the_loader_that_it_can_run(void **state)
{
        static const struct {
                struct firmware f;
                const char *wish, *want, *name; /* NULL: none */
        } cases[] = {
                {{FIRMWARE_PXE, 0, 0}, NULL, "pxelinux", "pxelinux.0"},
                {{FIRMWARE_PXE, 0, 0}, "lpxelinux", "lpxelinux", "lpxelinux.0"},
                {{FIRMWARE_PXE, 0, 0}, "grub-pc", "grub-pc", "grub-pc/core.0"},
                {{FIRMWARE_PXE, 0, 0}, "pxegrub", "pxegrub", "pxegrub"},
                {{FIRMWARE_PXE, 0, 0}, "undionly", "undionly", "undionly.kpxe"},
                {{FIRMWARE_PXE, 0, 0}, "ipxe-pxe", "ipxe-pxe", "ipxe.pxe"},
                {{FIRMWARE_PXE, 0, 0}, "grub-efi", "pxelinux", "pxelinux.0"}, /* a wish for other firmware */
                {{FIRMWARE_PXE, 0, 0}, "nonsense", "pxelinux", "pxelinux.0"},
                {{FIRMWARE_PXE, 7, 0}, NULL, "snponly", "snponly.efi"},
                {{FIRMWARE_PXE, 9, 0}, NULL, "snponly", "snponly.efi"},
                {{FIRMWARE_PXE, 8, 0}, NULL, "snponly", "snponly.efi"},
                {{FIRMWARE_PXE, 7, 0}, "grub-efi", "grub-efi", "grub/x86_64-efi/core.efi"},
                {{FIRMWARE_PXE, 7, 0}, "ipxe-efi", "ipxe-efi", "ipxe.efi"},
                {{FIRMWARE_HTTP, 16, 0}, NULL, "snponly", "http://10.77.0.1:8080/snponly.efi"},
                {{FIRMWARE_HTTP, 16, 0}, "grub-efi", "grub-efi", "http://10.77.0.1:8080/grub/x86_64-efi/core.efi"},
                {{FIRMWARE_PXE, 11, 0}, NULL, "grub-arm64", "grub-arm64/core.efi"},
                {{FIRMWARE_HTTP, 19, 0}, NULL, "grub-arm64", "http://10.77.0.1:8080/grub-arm64/core.efi"},
                {{FIRMWARE_PXE, 6, 0}, NULL, NULL, NULL},  /* UEFI of 32 bits */
                {{FIRMWARE_PXE, 27, 0}, NULL, NULL, NULL}, /* RISC-V */
                {{FIRMWARE_PXE, 0xffff, 0}, NULL, NULL, NULL},
                {{FIRMWARE_IPXE, 0, BIOS_IPXE}, NULL, "ipxe", "http://10.77.0.1:8080/ipxe/01-52-54-00-77-00-0b"},
                {{FIRMWARE_IPXE, 0, BIOS_IPXE},
                 "undionly",
                 "ipxe",
                 "http://10.77.0.1:8080/ipxe/01-52-54-00-77-00-0b"}, /* no loop */
                {{FIRMWARE_IPXE, 0, BIOS_IPXE}, "pxelinux", "pxelinux", "pxelinux.0"},
                {{FIRMWARE_IPXE, 0, FIRMWARE_IPXE_HTTP}, NULL, "pxelinux", "pxelinux.0"},      /* knows no multiboot */
                {{FIRMWARE_IPXE, 0, FIRMWARE_IPXE_MULTIBOOT}, NULL, "pxelinux", "pxelinux.0"}, /* knows no HTTP */
                {{FIRMWARE_IPXE, 7, EFI_IPXE}, NULL, "ipxe-xen", "http://10.77.0.1:8080/ipxe-efi/01-52-54-00-77-00-0b"},
                {{FIRMWARE_IPXE, 7, EFI_IPXE}, "snponly", "ipxe-xen", "http://10.77.0.1:8080/ipxe-efi/01-52-54-00-77-00-0b"},
                {{FIRMWARE_IPXE, 16, EFI_IPXE}, NULL, "ipxe-xen", "http://10.77.0.1:8080/ipxe-efi/01-52-54-00-77-00-0b"},
                {{FIRMWARE_IPXE, 7, FIRMWARE_IPXE_EFI}, NULL, "grub-efi", "grub/x86_64-efi/core.efi"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const struct loader_wish wish = {.name = cases[i].wish};
                const struct loader *l = loader_choose(&cases[i].f, &wish);
                char name[LOADER_URL_SIZE];

                if (!cases[i].want != !l || (l && strcmp(l->name, cases[i].want) != 0))
                        fail_msg("case %zu: %s", i, l ? l->name : "none");
                if (l)
                        assert_string_equal(loader_boot_name(l, &cases[i].f, &site, name), cases[i].name);
        }
}

static void
who_fails_on_http_gets_tftp(void **state)
{
        static const struct firmware rom = {FIRMWARE_IPXE, 0, ALL_FEATURES}, efi = {FIRMWARE_IPXE, 7, ALL_FEATURES},
                                     pxe = {FIRMWARE_PXE, 7, 0};
        const struct loader_wish wish = {.no_http = true};

        (void)state;
        assert_string_equal(loader_choose(&rom, &wish)->name, "pxelinux");
        assert_string_equal(loader_choose(&efi, &wish)->name, "grub-efi");
        assert_string_equal(loader_choose(&pxe, &wish)->name, "grub-efi"); /* what would an iPXE be good for? */
}

/* Each loader that a firmware can run is tried in turn, and none leads round in a circle without HTTP boot. */
static void
after_a_failure_another_loader_comes(void **state)
{
        static const struct firmware firmwares[] = {
                {FIRMWARE_PXE, 0, 0}, {FIRMWARE_PXE, 7, 0}, {FIRMWARE_IPXE, 0, BIOS_IPXE}, {FIRMWARE_IPXE, 7, EFI_IPXE}};

        (void)state;
        for (size_t i = 0; i < sizeof(firmwares) / sizeof(firmwares[0]); i++) {
                const struct loader *first = loader_choose(&firmwares[i], NULL), *l = first;
                unsigned n = 0;

                do {
                        const struct loader *next = loader_after(&firmwares[i], NULL, l);

                        assert_non_null(next);
                        assert_ptr_not_equal(next, l);
                        assert_true(next->menu || firmwares[i].client != FIRMWARE_IPXE);
                        l = next;
                } while (l != first && ++n < 20);
                assert_ptr_equal(l, first);
                assert_true(n >= 1);
        }
        assert_null(loader_after(&(struct firmware){FIRMWARE_PXE, 11, 0}, NULL, loader_find("grub-arm64")));
}

static void
packet(struct dhcp_packet *p, const uint8_t *options, size_t size)
{
        static const struct dhcp_header h = {.op = DHCP_BOOTREPLY, .xid = 7, .mac = {{2, 0, 0, 0, 0, 1}}};
        struct dhcp_builder b;
        size_t n;

        dhcp_build_start(&b, &h, DHCP_DISCOVER, 0);
        for (size_t at = 0; at < size; at += 2u + options[at + 1])
                dhcp_build_option(&b, options[at], options + at + 2, options[at + 1]);
        n = dhcp_build_finish(&b);
        assert_true(n > 0);
        assert_int_equal(dhcp_parse(b.data, n, p), 0);
}

#define PXE_CLIENT 60, 9, 'P', 'X', 'E', 'C', 'l', 'i', 'e', 'n', 't'
#define HTTP_CLIENT 60, 10, 'H', 'T', 'T', 'P', 'C', 'l', 'i', 'e', 'n', 't'

static void
a_packet_tells_its_firmware(void **state)
{
        static const uint8_t bios[] = {PXE_CLIENT}, efi[] = {PXE_CLIENT, 93, 2, 0, 7}, two[] = {PXE_CLIENT, 93, 4, 0, 7, 0, 6};
        static const uint8_t http[] = {HTTP_CLIENT, 93, 2, 0, 16}, none[] = {93, 2, 0, 7};
        static const uint8_t rom[] = {PXE_CLIENT, 93, 2,    0, 0, 77,   4, 'i', 'P',  'X', 'E',
                                      175,        9,  0x19, 1, 1, 0x13, 1, 1,   0x24, 1,   0};
        static const uint8_t user[] = {PXE_CLIENT, 77, 5, 4, 'i', 'P', 'X', 'E'};
        static const uint8_t cut[] = {PXE_CLIENT, 175, 5, 0x13, 1, 1, 0x19, 9};
        static const struct {
                const uint8_t *data;
                size_t size;
                bool is;
                struct firmware want;
        } cases[] = {
                {bios, sizeof(bios), true, {FIRMWARE_PXE, 0, 0}},
                {efi, sizeof(efi), true, {FIRMWARE_PXE, 7, 0}},
                {two, sizeof(two), true, {FIRMWARE_PXE, 7, 0}},
                {http, sizeof(http), true, {FIRMWARE_HTTP, 16, 0}},
                {none, sizeof(none), false, {0}},
                {rom, sizeof(rom), true, {FIRMWARE_IPXE, 0, BIOS_IPXE}},
                {user, sizeof(user), true, {FIRMWARE_IPXE, 0, 0}},
                {cut, sizeof(cut), true, {FIRMWARE_IPXE, 0, FIRMWARE_IPXE_HTTP}},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct dhcp_packet p;
                struct firmware f = {0};

                packet(&p, cases[i].data, cases[i].size);
                assert_int_equal(firmware_parse(&p, &f), cases[i].is);
                if (f.client != cases[i].want.client || f.arch != cases[i].want.arch || f.features != cases[i].want.features)
                        fail_msg("case %zu: client %u arch %u features %u", i, f.client, f.arch, f.features);
        }
}

/* The options of a reply, parsed again. */
static void
options_of(const char *name, const struct firmware *f, struct dhcp_packet *ret)
{
        static const struct dhcp_header h = {.op = DHCP_BOOTREPLY, .xid = 7, .mac = {{2, 0, 0, 0, 0, 1}}};
        struct dhcp_builder b;
        size_t n;

        dhcp_build_start(&b, &h, DHCP_OFFER, 0);
        loader_add_options(loader_find(name), f, &site, &b);
        n = dhcp_build_finish(&b);
        assert_int_equal(dhcp_parse(b.data, n, ret), 0);
}

static void
assert_option(const struct dhcp_packet *p, uint8_t code, const char *want)
{
        char text[200];

        if (dhcp_option_text(p, code, text, sizeof(text)))
                assert_string_equal(text, want ? want : "nothing");
        else
                assert_null(want);
}

static void
dhcp_says_what_the_loader_needs_and_no_more(void **state)
{
        static const struct firmware bios = {FIRMWARE_PXE, 0, 0}, http = {FIRMWARE_HTTP, 16, 0};
        struct dhcp_packet p;

        (void)state;
        options_of("pxelinux", &bios, &p);
        assert_option(&p, DHCP_OPT_TFTP_SERVER, "10.77.0.1");
        assert_option(&p, DHCP_OPT_BOOT_FILE, "pxelinux.0");
        assert_option(&p, DHCP_OPT_GRUB_MENU, NULL);
        assert_option(&p, DHCP_OPT_PXELINUX_PREFIX, NULL);
        assert_option(&p, DHCP_OPT_VENDOR_CLASS, NULL);
        options_of("lpxelinux", &bios, &p);
        assert_option(&p, DHCP_OPT_PXELINUX_PREFIX, "http://10.77.0.1:8080/");
        options_of("pxegrub", &bios, &p);
        assert_option(&p, DHCP_OPT_GRUB_MENU, "(nd)/pxegrub/01-52-54-00-77-00-0b");
        options_of("grub-efi", &http, &p);
        assert_option(&p, DHCP_OPT_VENDOR_CLASS, "HTTPClient");
        assert_option(&p, DHCP_OPT_TFTP_SERVER, NULL);
        assert_option(&p, DHCP_OPT_BOOT_FILE, "http://10.77.0.1:8080/grub/x86_64-efi/core.efi");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_firmware_gets_the_loader_that_it_can_run), cmocka_unit_test(who_fails_on_http_gets_tftp),
                cmocka_unit_test(after_a_failure_another_loader_comes),          cmocka_unit_test(a_packet_tells_its_firmware),
                cmocka_unit_test(dhcp_says_what_the_loader_needs_and_no_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
