/* SPDX-License-Identifier: Apache-2.0 */
/* An explanation is what really would be sent: the bytes are those of the DHCP server and of the menus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"
#include "bootcfg/explain.h"
#include "bootcfg/menu.h"
#include "fixture.h"
#include "proto/dhcp.h"

struct told {
        char text[60000]; /* "kind|title" and "  text # why", a line each */
        size_t size;
        uint8_t answers[8][1500];
        size_t sizes[8], n_answers;
        char menu[MENU_SIZE];
};

static void
keep_item(void *arg, const char *kind, const char *title, const void *data, size_t size)
{
        struct told *t = arg;

        t->size += (size_t)snprintf(t->text + t->size, sizeof(t->text) - t->size, "%s|%s\n", kind, title);
        if (strcmp(kind, "answer") == 0) {
                memcpy(t->answers[t->n_answers], data, size);
                t->sizes[t->n_answers++] = size;
        }
        if (strcmp(kind, "file") == 0 && data)
                snprintf(t->menu, sizeof(t->menu), "%.*s", (int)size, (const char *)data);
}

static void
keep_line(void *arg, const char *text, const char *why)
{
        struct told *t = arg;

        t->size += (size_t)snprintf(t->text + t->size, sizeof(t->text) - t->size, "  %s # %s\n", text, why);
}

static struct told *
tell_by(struct explain_server *server, const struct policy *p, const struct mac *mac, const char *firmware)
{
        struct told *t = calloc(1, sizeof(*t));
        const struct explain_request r = {.policy = p,
                                          .address = SERVER_ADDRESS,
                                          .mac = *mac,
                                          .firmware = firmware,
                                          .now_ms = 1795298400000,
                                          .server = server};
        const struct explain_sink sink = {.item = keep_item, .line = keep_line, .arg = t};
        struct error err;

        assert_int_equal(explain_boot(&r, &sink, &err), 0);
        return t;
}

static struct told *
tell(const struct policy *p, const struct mac *mac, const char *firmware)
{
        return tell_by(NULL, p, mac, firmware);
}

static void
answers_are_packets_and_the_menu_is_the_rendered_one(void **state)
{
        struct policy *p = fixture_policy();
        struct told *t = tell(p, &mac_pool, "bios");
        char token[TOKEN_TEXT_SIZE];
        struct menu_request r = {.policy = p,
                                 .host = fixture_find(p, &mac_pool),
                                 .chosen = fixture_choose(p, fixture_find(p, &mac_pool)),
                                 .server = SERVER_ADDRESS,
                                 .token = token};
        static const uint8_t no_key[32];
        struct menu_text menu;
        struct dhcp_packet packet;
        const char *why;

        (void)state;
        assert_int_equal(t->n_answers, 2);
        assert_int_equal(dhcp_parse(t->answers[0], t->sizes[0], &packet), 0);
        assert_int_equal(packet.type, DHCP_OFFER);
        assert_int_equal(dhcp_parse(t->answers[1], t->sizes[1], &packet), 0);
        assert_int_equal(packet.type, DHCP_ACK);
        assert_non_null(strstr(t->text, "pxelinux.cfg/01-52-54-00-88-00-01"));
        for (size_t i = 0; (r.doc = menu_doc_at(i)); i++)
                if (strcmp(r.doc->name, "pxelinux") == 0)
                        break;
        token_render(no_key, &(struct token){.mac = mac_pool}, token);
        menu_render(&r, &menu, &why);
        assert_string_equal(t->menu, menu.text);
        assert_non_null(strstr(t->text, "another for each boot"));
        assert_non_null(strstr(t->text, "xen_args of the image"));
        free(t);
        policy_free(p);
}

/* A policy whose profile of the pool is @profile's but for its name and kind. */
static struct policy *
policy_with(const struct policy_profile *profile)
{
        struct policy_profile profiles[PROFILE_N], *pool = &profiles[PROFILE_POOL];
        struct policy_header header;
        struct policy_image image;
        struct policy_host hosts[3];
        const struct policy_parts parts = {.header = &header,
                                           .images = &image,
                                           .n_images = 1,
                                           .profiles = profiles,
                                           .n_profiles = PROFILE_N,
                                           .hosts = hosts,
                                           .n_hosts = 3};
        struct policy *p = NULL;

        fixture_header(&header);
        fixture_image(&image);
        fixture_profiles(profiles);
        fixture_hosts(hosts);
        memcpy(pool->vlans, profile->vlans, sizeof(pool->vlans));
        pool->root = profile->root;
        pool->iscsi_hook = profile->iscsi_hook;
        memcpy(pool->nfs_dirs, profile->nfs_dirs, sizeof(pool->nfs_dirs));
        assert_int_equal(policy_build(&parts, &p), 0);
        return p;
}

static void
who_leaves_an_ibft_and_who_does_not_is_told(void **state)
{
        struct policy *p = policy_with(&(struct policy_profile){.root = ROOT_ISCSI, .iscsi_hook = 1});
        struct told *efi = tell(p, &mac_pool, "efi64"), *bios = tell(p, &mac_pool, "bios");

        (void)state;
        assert_non_null(strstr(efi->text, "sanhook iscsi:10.88.0.1::3260:1:"));
        assert_non_null(strstr(efi->text, "iscsi-hook of the profile"));
        assert_null(strstr(efi->text, "decision|iBFT"));
        assert_non_null(strstr(bios->text, "decision|iBFT"));
        assert_non_null(strstr(bios->text, "none by pxelinux: the target is on dom0's command line"));
        assert_null(strstr(bios->menu, "sanhook"));
        free(efi);
        free(bios);
        policy_free(p);
}

static void
the_setting_that_made_a_word_about_guests_networks_is_named(void **state)
{
        struct policy *p = policy_with(
                &(struct policy_profile){.root = ROOT_N, .vlans = "10,20:labs", .nfs_dirs = "/home=10.0.0.5:/export/home"});
        struct told *t;

        (void)state;
        t = tell(p, &mac_pool, "bios");
        assert_non_null(strstr(t->text, "dompool.vlans=10,20:labs"));
        assert_non_null(strstr(t->text, "vlans of the profile"));
        assert_non_null(strstr(t->text, "dompool.nfs-dirs=/home=10.0.0.5:/export/home"));
        assert_non_null(strstr(t->text, "nfs-dirs of the profile"));
        assert_null(strstr(t->text, "guest-nic of the profile"));
        free(t);
        policy_free(p);
}

static void
a_stranger_gets_silence_and_the_reason_is_told(void **state)
{
        struct policy *p = fixture_policy();
        struct told *t = tell(p, &mac_unknown, "efi64");

        (void)state;
        assert_int_equal(t->n_answers, 0);
        assert_non_null(strstr(t->text, "silence|"));
        assert_non_null(strstr(t->text, "unknown MAC"));
        free(t);
        policy_free(p);
}

static void
a_stranger_is_told_what_the_enrolment_rules_make_of_it(void **state)
{
        static const struct mac stranger = {{2, 9, 9, 9, 9, 9}};
        struct policy *p = fixture_policy(), *inspecting = fixture_guest_policy();
        struct told *none = tell(p, &mac_unknown, "efi64"), *rule = tell(inspecting, &stranger, "bios"),
                    *guest = tell(inspecting, &mac_unknown, "bios");

        (void)state;
        assert_non_null(
                strstr(none->text, "enrolment, asked in network 10.88.0.0/24: it is refused # there is no enrol section"));
        assert_non_null(
                strstr(rule->text, "it boots the inspection once, and then waits for 'dompool host adopt' # enrol 'look'"));
        assert_int_equal(rule->n_answers, 0);
        assert_non_null(strstr(guest->text, "host guest-525400880099 # it is let in for an inspection"));
        assert_int_equal(guest->n_answers, 2);
        assert_non_null(strstr(guest->menu, "dompool.mode=inspect"));
        free(none);
        free(rule);
        free(guest);
        policy_free(p);
        policy_free(inspecting);
}

static void
every_firmware_of_the_list_is_explained(void **state)
{
        struct policy *p = fixture_policy();
        const char *name;

        (void)state;
        for (size_t i = 0; (name = explain_firmware_name(i)); i++) {
                struct told *t = tell(p, &mac_pool, name);

                if (!strstr(t->text, "decision|loader") || !strstr(t->text, "vmlinuz") || !strstr(t->menu, "dompool.image="))
                        fail_msg("%s:\n%s", name, t->text);
                /* An iPXE that was loaded asks once more. */
                assert_int_equal(t->n_answers, strstr(t->text, "|snponly.efi") ? 4 : 2);
                assert_int_equal(strstr(t->text, "discover of the firmware (ipxe-efi)") != NULL,
                                 strncmp(name, "efi64", 5) == 0 || strcmp(name, "ipxe-efi") == 0);
                free(t);
        }
        policy_free(p);
}

static void
no_real_token_is_shown(void **state)
{
        struct policy *p = fixture_policy();
        struct told *t = tell(p, &mac_pool, "efi64");
        char *at = strstr(t->menu, "dompool.token="), text[TOKEN_TEXT_SIZE] = "";
        struct token token;
        struct error err;

        (void)state;
        assert_non_null(at);
        sscanf(at, "dompool.token=%119s", text);
        assert_true(token_verify(policy_header(p)->token_key, text, 0, &token, &err) < 0);
        free(t);
        policy_free(p);
}

/* A server that explains many machines tells each what it would tell it alone: the same address of the range, first of all. */
static void
machines_explained_one_after_another_get_what_each_gets_alone(void **state)
{
        const struct mac macs[] = {mac_pool, mac_no_image, mac_fixed, mac_unknown, mac_pool};
        struct policy *p = fixture_policy();
        struct explain_server *server = explain_server_new(p, SERVER_ADDRESS);

        (void)state;
        assert_non_null(server);
        for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++) {
                struct told *alone = tell(p, &macs[i], "efi64"), *together = tell_by(server, p, &macs[i], "efi64");

                assert_string_equal(together->text, alone->text);
                assert_memory_equal(together->answers, alone->answers, sizeof(alone->answers));
                free(alone);
                free(together);
        }
        explain_server_free(server);
        policy_free(p);
}

static void
a_firmware_that_there_is_not_is_refused(void **state)
{
        const struct explain_request r = {.firmware = "coreboot"};
        struct error err;

        (void)state;
        assert_true(explain_boot(&r, &(struct explain_sink){0}, &err) < 0);
        assert_int_equal(err.code, ERR_INVALID);
}

/* Beside another DHCP server: UEFI asks once more at port 4011, BIOS has its file with the offer; both go on to their files. */
static void
beside_another_server_the_account_goes_on_to_the_files(void **state)
{
        static const struct {
                const char *firmware, *asks;
        } cases[] = {{"bios", NULL}, {"efi64", "request of the firmware (efi64) to port 4011"}, {"efi64-http", NULL}};
        struct policy_header header;
        struct policy_image image;
        struct policy_host hosts[3];
        struct policy *p;

        (void)state;
        fixture_header(&header);
        fixture_image(&image);
        fixture_hosts(hosts);
        header.networks[0].mode = NETWORK_PROXY;
        header.networks[0].range_first = header.networks[0].range_last = 0;
        p = fixture_build(&header, &image, 1, hosts, 3);
        assert_non_null(p);
        for (size_t i = 0; i < 3; i++) {
                struct told *t = tell(p, &mac_pool, cases[i].firmware);

                assert_non_null(strstr(t->text, "another server's; it is asked for there # mode proxy of the network"));
                assert_null(strstr(t->text, "silence|"));
                assert_int_equal(strstr(t->text, "port 4011") != NULL, cases[i].asks != NULL);
                assert_non_null(strstr(t->text, "\nfile|"));
                assert_non_null(strstr(t->menu, "dompool.image="));
                free(t);
        }
        policy_free(p);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(beside_another_server_the_account_goes_on_to_the_files),
                cmocka_unit_test(answers_are_packets_and_the_menu_is_the_rendered_one),
                cmocka_unit_test(who_leaves_an_ibft_and_who_does_not_is_told),
                cmocka_unit_test(the_setting_that_made_a_word_about_guests_networks_is_named),
                cmocka_unit_test(a_stranger_gets_silence_and_the_reason_is_told),
                cmocka_unit_test(a_stranger_is_told_what_the_enrolment_rules_make_of_it),
                cmocka_unit_test(every_firmware_of_the_list_is_explained),
                cmocka_unit_test(no_real_token_is_shown),
                cmocka_unit_test(a_firmware_that_there_is_not_is_refused),
                cmocka_unit_test(machines_explained_one_after_another_get_what_each_gets_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
