/* SPDX-License-Identifier: Apache-2.0 */
/* What dompool-init reads from the kernel's command line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "init/init_options.h"
#include "proto/boot_home.h"

#define FP "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
test_a_full_command_line_gives_all_values(void **state)
{
        static const char line[] =
                "console=hvc0 quiet dompool.server=10.77.0.1 dompool.http=8081 dompool.agent=9000 dompool.fp=" FP
                " dompool.token=v1.525400aabbcc.0.1.ff dompool.host=n1 dompool.mac=52:54:00:AA:bb:cc "
                "dompool.image=0123456789abcdef dompool.shell=1\n";
        static const struct mac mac = {{0x52, 0x54, 0, 0xaa, 0xbb, 0xcc}};
        struct init_options o;
        struct error err;

        (void)state;
        assert_int_equal(init_options_parse(line, &o, &err), 0);
        assert_int_equal(o.server, 0x0a4d0001);
        assert_int_equal(o.http_port, 8081);
        assert_int_equal(o.agent_port, 9000);
        assert_string_equal(o.fingerprint, FP);
        assert_string_equal(o.token, "v1.525400aabbcc.0.1.ff");
        assert_string_equal(o.host, "n1");
        assert_true(mac_eq(&o.mac, &mac));
        assert_string_equal(o.image, "0123456789abcdef");
        assert_true(o.shell);
}

static void
test_the_agent_may_have_another_server(void **state)
{
        static const char head[] = "dompool.server=10.78.0.1 dompool.fp=" FP " dompool.host=n1 dompool.agent=";
        static const char *const bad[] = {"10.77.0.1:", "10.77.0.1:0", "10.77.0:8444", ":8444", "10.77.0.1000000000:8444"};
        char line[400];
        struct init_options o;
        struct error err;

        (void)state;
        snprintf(line, sizeof(line), "%s10.77.0.1:9000", head);
        assert_int_equal(init_options_parse(line, &o, &err), 0);
        assert_int_equal(o.agent_server, 0x0a4d0001);
        assert_int_equal(o.agent_port, 9000);
        assert_int_equal(o.server, 0x0a4e0001);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                snprintf(line, sizeof(line), "%s%s", head, bad[i]);
                assert_true(init_options_parse(line, &o, &err) < 0);
        }
}

static void
test_one_word_can_say_the_whole_way_home(void **state)
{
        static const char token[] = "v1.52540077000b.0000018f00000001.0000018f00100001." FP;
        struct boot_home home = {
                .server = 0x0a4d0001, .http_port = 8081, .agent_port = 9000, .mac = {{0x52, 0x54, 0, 0x77, 0, 0x0b}}};
        char text[BOOT_HOME_TEXT_SIZE], line[400];
        struct init_options o;
        struct error err;

        (void)state;
        strcpy(home.fingerprint, FP);
        strcpy(home.token, token);
        assert_int_equal(boot_home_encode(&home, text), 0);
        snprintf(line, sizeof(line), "console=hvc0 dompool.home=%s dompool.host=n1", text);
        assert_int_equal(init_options_parse(line, &o, &err), 0);
        assert_int_equal(o.server, 0x0a4d0001);
        assert_int_equal(o.http_port, 8081);
        assert_int_equal(o.agent_port, 9000);
        assert_true(mac_eq(&o.mac, &home.mac));
        assert_string_equal(o.fingerprint, FP);
        assert_string_equal(o.token, token);
        assert_int_not_equal(init_options_parse("dompool.home=AAAA", &o, &err), 0);
        assert_null(strstr(err.message, "AAAA"));
}

static void
test_without_our_words_there_is_no_server_and_defaults_hold(void **state)
{
        struct init_options o;
        struct error err;

        (void)state;
        assert_int_equal(init_options_parse("root=/dev/sda1 ro dompool=x dompool.unknown=1", &o, &err), 0);
        assert_int_equal(o.server, 0);
        assert_int_equal(o.http_port, 8080);
        assert_int_equal(o.agent_port, 8444);
        assert_true(mac_zero(&o.mac));
        assert_false(o.shell);
        assert_int_equal(o.root_wait_s, 300);
        assert_int_equal(init_options_parse("dompool.root-wait=86400", &o, &err), 0);
        assert_int_equal(o.root_wait_s, 86400);
        assert_int_not_equal(init_options_parse("dompool.root-wait=86401", &o, &err), 0);
        assert_int_not_equal(init_options_parse("dompool.root-wait=5m", &o, &err), 0);
}

static void
test_bootif_serves_where_dompool_mac_is_not_given(void **state)
{
        static const struct mac first = {{2, 0, 0, 0, 0, 1}}, second = {{2, 0, 0, 0, 0, 2}};
        struct init_options o;
        struct error err;

        (void)state;
        assert_int_equal(init_options_parse("BOOTIF=01-02-00-00-00-00-01", &o, &err), 0);
        assert_true(mac_eq(&o.mac, &first));
        assert_int_equal(init_options_parse("BOOTIF=01-02-00-00-00-00-01 dompool.mac=02:00:00:00:00:02", &o, &err), 0);
        assert_true(mac_eq(&o.mac, &second));
        assert_int_equal(init_options_parse("dompool.mac=02:00:00:00:00:02 BOOTIF=01-02-00-00-00-00-01", &o, &err), 0);
        assert_true(mac_eq(&o.mac, &second));
}

static void
test_a_wrong_value_is_named_and_the_rest_is_read(void **state)
{
        static const char *const lines[] = {
                "dompool.server=10.77.0 dompool.host=n1",      "dompool.http=0 dompool.host=n1",
                "dompool.agent=65536 dompool.host=n1",         "dompool.fp=00 dompool.host=n1",
                "dompool.token=a\"b dompool.host=n1",          "dompool.mac=52:54 dompool.host=n1",
                "BOOTIF=20-02-00-00-00-00-01 dompool.host=n1", "dompool.shell=yes dompool.host=n1",
                "dompool.image=xyz dompool.host=n1",           "dompool.host=../x dompool.host=n1",
        };
        struct init_options o;
        struct error err;

        (void)state;
        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                char word[32];
                size_t n = strcspn(lines[i], "=");

                memcpy(word, lines[i], n);
                word[n] = '\0';
                assert_int_equal(init_options_parse(lines[i], &o, &err), -EINVAL);
                assert_non_null(strstr(err.message, word));
                if (i != 4) /* its quote swallows the rest */
                        assert_string_equal(o.host, "n1");
        }
}

static void
test_a_token_never_stands_in_an_error_message(void **state)
{
        struct init_options o;
        struct error err;

        (void)state;
        assert_int_equal(init_options_parse("dompool.token=SECRET", &o, &err), -EINVAL);
        assert_null(strstr(err.message, "SECRET"));
}

static void
test_a_server_without_fingerprint_or_name_is_refused(void **state)
{
        struct init_options o;
        struct error err;

        (void)state;
        assert_int_equal(init_options_parse("dompool.server=10.77.0.1 dompool.host=n1", &o, &err), -EINVAL);
        assert_non_null(strstr(err.message, "dompool.fp"));
        assert_int_equal(init_options_parse("dompool.server=10.77.0.1 dompool.fp=" FP, &o, &err), -EINVAL);
        assert_non_null(strstr(err.message, "dompool.host"));
}

static void
test_the_last_word_about_guests_networks_holds(void **state)
{
        struct init_options o;
        struct error err;

        (void)state;
        assert_int_equal(
                init_options_parse("dompool.guest-nic=other dompool.vlans=10 dompool.vlans=20:labs dompool.guest-nic=eth2", &o,
                                   &err),
                0);
        assert_int_equal(o.guest_nic.kind, GUEST_NIC_NAME);
        assert_string_equal(o.guest_nic.name, "eth2");
        assert_int_equal(o.vlans.n, 1);
        assert_string_equal(o.vlans.list[0].bridge, "labs");
        assert_int_equal(init_options_parse("", &o, &err), 0);
        assert_int_equal(o.guest_nic.kind, GUEST_NIC_BOOT);
        assert_int_equal(o.vlans.n, 0);
}

static void
test_a_wrong_card_for_guests_is_not_the_hosts_own(void **state)
{
        struct init_options o;
        struct error err;

        (void)state;
        assert_int_equal(init_options_parse("dompool.guest-nic=eth/1 dompool.vlans=5000", &o, &err), -EINVAL);
        assert_non_null(strstr(err.message, "dompool.guest-nic=eth/1 is not boot, other"));
        assert_int_equal(o.guest_nic.kind, GUEST_NIC_NONE);
        assert_int_equal(o.vlans.n, 0);
}

static void
test_directories_over_nfs_are_named_in_one_word(void **state)
{
        struct init_options o;
        struct error err;

        (void)state;
        assert_int_equal(init_options_parse("dompool.nfs-dirs=/home=10.0.0.5:/export/home,/srv=10.0.0.6:/vol:3:ro", &o, &err),
                         0);
        assert_int_equal(o.nfs_dirs.n, 2);
        assert_string_equal(o.nfs_dirs.list[1].path, "/srv");
        assert_int_equal(init_options_parse("dompool.nfs-dirs=/home=10.0.0.5:/x dompool.nfs-dirs=", &o, &err), 0);
        assert_int_equal(o.nfs_dirs.n, 0); /* a host's own word takes it back */
        assert_int_equal(init_options_parse("dompool.nfs-dirs=/etc=10.0.0.5:/x", &o, &err), -EINVAL);
        assert_non_null(strstr(err.message, "dompool.nfs-dirs=/etc=10.0.0.5:/x is not a list of directories such as"));
        assert_int_equal(o.nfs_dirs.n, 0);
}

/* The longest setting must not be longer than a word may be. */
static void
test_the_longest_list_of_directories_fits_into_a_word(void **state)
{
        const size_t word = strlen("dompool.nfs-dirs=");
        struct init_options o;
        struct error err;
        char line[300];

        (void)state;
        snprintf(line, sizeof(line), "dompool.nfs-dirs=/a=10.0.0.5:/%0100d,/b=10.0.0.5:/%0104d", 0, 0);
        assert_int_equal(strlen(line) - word, NFS_DIRS_SIZE - 1);
        assert_int_equal(init_options_parse(line, &o, &err), 0);
        assert_int_equal(o.nfs_dirs.n, 2);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_full_command_line_gives_all_values),
                cmocka_unit_test(test_the_agent_may_have_another_server),
                cmocka_unit_test(test_one_word_can_say_the_whole_way_home),
                cmocka_unit_test(test_without_our_words_there_is_no_server_and_defaults_hold),
                cmocka_unit_test(test_bootif_serves_where_dompool_mac_is_not_given),
                cmocka_unit_test(test_a_wrong_value_is_named_and_the_rest_is_read),
                cmocka_unit_test(test_a_token_never_stands_in_an_error_message),
                cmocka_unit_test(test_a_server_without_fingerprint_or_name_is_refused),
                cmocka_unit_test(test_the_last_word_about_guests_networks_holds),
                cmocka_unit_test(test_a_wrong_card_for_guests_is_not_the_hosts_own),
                cmocka_unit_test(test_directories_over_nfs_are_named_in_one_word),
                cmocka_unit_test(test_the_longest_list_of_directories_fits_into_a_word),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
