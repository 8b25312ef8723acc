/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles, rules and menus as the administrator describes them: their small grammars and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "model/profile.h"

static void
days_are_names_and_spans_of_them(void **state)
{
        static const struct {
                const char *text;
                uint32_t days;
                const char *canonical;
        } good[] = {
                {"mon", 0x01, "mon"},
                {"mon-fri", 0x1f, "mon-fri"},
                {"sat,sun", 0x60, "sat-sun"},
                {"mon-wed,fri", 0x17, "mon-wed,fri"},
                {"fri-mon", 0x71, "mon,fri-sun"},
                {"sun,mon", 0x41, "mon,sun"},
        };
        static const char *const bad[] = {"", "monday", "mon-", "-fri", "mon,", "Mon", "mon fri", "mo", "mon-fri-sat", "xyz"};
        char text[DAYS_TEXT_SIZE];
        uint32_t days;

        (void)state;
        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
                assert_int_equal(parse_days(good[i].text, &days), 0);
                assert_int_equal(days, good[i].days);
                assert_string_equal(days_text(days, text), good[i].canonical);
        }
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                if (parse_days(bad[i], &days) == 0)
                        fail_msg("'%s' was taken", bad[i]);
}

static void
times_are_four_digits_up_to_24_00(void **state)
{
        static const char *const bad[] = {"8:00", "08:60", "24:01", "25:00", "08.00", "0800", "08:0a", "-1:00", "08:00 "};
        uint32_t minute;

        (void)state;
        assert_int_equal(parse_minute("08:05", &minute), 0);
        assert_int_equal(minute, 485);
        assert_int_equal(parse_minute("24:00", &minute), 0);
        assert_int_equal(minute, MINUTES_PER_DAY);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                if (parse_minute(bad[i], &minute) == 0)
                        fail_msg("'%s' was taken", bad[i]);
}

static void
labels_are_names_between_blanks_or_commas(void **state)
{
        struct error err;

        (void)state;
        assert_true(labels_has("a, room-b  c", "room-b"));
        assert_false(labels_has("a, room-b", "room"));
        assert_int_equal(labels_check("labels", "a, room-b  c", &err), 0);
        assert_int_equal(labels_check("labels", "", &err), 0);
        assert_true(labels_check("labels", "a,*b", &err) < 0);
}

static void
a_profile_that_makes_no_sense_is_refused_with_the_reason(void **state)
{
        static const struct {
                struct profile profile;
                const char *says; /* NULL: it is good */
        } cases[] = {
                {{.name = "lab", .kind = PROFILE_POOL, .image = "micro:previous", .root = "ram"}, NULL},
                {{.name = "ltsp", .kind = PROFILE_CHAIN, .server = 1, .file = "ltsp/ltsp.ipxe"}, NULL},
                {{.name = "a b"}, "name"},
                {{.name = "auto"}, "rules decide"},
                {{.name = "x", .kind = PROFILE_POOL, .image = "../x"}, "image"},
                {{.name = "x", .kind = PROFILE_LOCAL, .image = "micro"}, "boots no image"},
                {{.name = "x", .kind = PROFILE_POOL, .root = "nfs", .layer = "overlay:50%"}, NULL},
                {{.name = "x", .kind = PROFILE_POOL, .guest_nic = "other", .vlans = "10,20:labs"}, NULL},
                {{.name = "x", .kind = PROFILE_POOL, .guest_nic = "a/b"}, "guest-nic 'a/b' must be"},
                {{.name = "x", .kind = PROFILE_POOL, .vlans = "4095"}, "'4095' is no VLAN"},
                {{.name = "x", .kind = PROFILE_RESCUE, .vlans = "10"}, "are for kind \"pool\""},
                {{.name = "x", .kind = PROFILE_POOL, .root = "iscsi", .iscsi_hook = true}, NULL},
                {{.name = "x", .kind = PROFILE_POOL, .iscsi_hook = true}, NULL},
                {{.name = "x", .kind = PROFILE_POOL, .root = "nbd", .iscsi_hook = true}, "iscsi-hook is for"},
                {{.name = "x", .kind = PROFILE_LOCAL, .iscsi_hook = true}, "iscsi-hook is for"},
                {{.name = "x", .kind = PROFILE_POOL, .nfs_dirs = "/home=10.0.0.5:/export/home"}, NULL},
                {{.name = "x", .kind = PROFILE_POOL, .nfs_dirs = "/etc=10.0.0.5:/x"},
                 "/etc would hide a part of the host's own"},
                {{.name = "x", .kind = PROFILE_RESCUE, .nfs_dirs = "/home=10.0.0.5:/x"}, "nfs-dirs is for kind \"pool\""},
                {{.name = "x", .kind = PROFILE_POOL, .root = "nfs5"}, "root 'nfs5' must be ram, http, nfs"},
                {{.name = "x", .kind = PROFILE_POOL, .layer = "overlay:5T"}, "layer 'overlay:5T' must be"},
                {{.name = "x", .kind = PROFILE_RESCUE, .root = "nfs"}, "are for kind \"pool\""},
                {{.name = "x", .kind = PROFILE_POOL, .xen_args = "a\nb"}, "xen-args"},
                {{.name = "x", .kind = PROFILE_POOL, .kernel_args = "a --- b"}, "kernel-args"},
                {{.name = "x", .kind = PROFILE_CHAIN, .file = "f"}, "needs the other server's address"},
                {{.name = "x", .kind = PROFILE_CHAIN, .server = 1}, "what to load"},
                {{.name = "x", .kind = PROFILE_CHAIN, .server = 1, .file = "a b"}, "file may hold"},
                {{.name = "x", .kind = PROFILE_POOL, .server = 1}, "are for kind \"chain\""},
        };
        struct error err;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                int r = profile_check(&cases[i].profile, &err);

                if (!cases[i].says)
                        assert_int_equal(r, 0);
                else if (r == 0 || !strstr(err.message, cases[i].says))
                        fail_msg("case %zu: %s", i, r == 0 ? "was taken" : err.message);
        }
}

static void
a_rule_that_makes_no_sense_is_refused(void **state)
{
        struct error err;

        (void)state;
        assert_int_equal(rule_check(&(struct rule){.name = "r", .mac = "52:54:00", .labels = "a b"}, &err), 0);
        assert_true(rule_check(&(struct rule){.name = "r", .mac = "52:5"}, &err) < 0);
        assert_true(rule_check(&(struct rule){.name = "r", .mac = "52:5G"}, &err) < 0);
        assert_true(rule_check(&(struct rule){.name = "r", .mac = "52:"}, &err) < 0);
        assert_true(rule_check(&(struct rule){.name = "r", .labels = "$x"}, &err) < 0);
        assert_true(rule_check(&(struct rule){.name = "r", .days = 0x80}, &err) < 0);
        assert_true(rule_check(&(struct rule){.name = ""}, &err) < 0);
}

static void
a_menu_keeps_out_what_a_loader_could_misread(void **state)
{
        struct menu m = {.name = "m", .timeout = 10, .n_entries = 1, .entries = {{.title = "Xen pool", .profile = "pool"}}};
        struct error err;

        (void)state;
        assert_int_equal(menu_check(&m, &err), 0);
        strcpy(m.entries[0].title, "a\"b");
        assert_true(menu_check(&m, &err) < 0);
        strcpy(m.entries[0].title, "a\nb");
        assert_true(menu_check(&m, &err) < 0);
        strcpy(m.entries[0].title, "good");
        strcpy(m.entries[0].password_grub, "plain");
        assert_true(menu_check(&m, &err) < 0);
        strcpy(m.entries[0].password_grub, "grub.pbkdf2.sha512.10000.AB.CD");
        strcpy(m.entries[0].password_syslinux, "$6$salt$hash' ");
        assert_true(menu_check(&m, &err) < 0);
        strcpy(m.entries[0].password_syslinux, "$6$salt$hash");
        strcpy(m.entries[0].password_pxegrub, "$1$salt$hash");
        assert_int_equal(menu_check(&m, &err), 0);
        m.timeout = 0;
        assert_true(menu_check(&m, &err) < 0);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(days_are_names_and_spans_of_them),
                cmocka_unit_test(times_are_four_digits_up_to_24_00),
                cmocka_unit_test(labels_are_names_between_blanks_or_commas),
                cmocka_unit_test(a_profile_that_makes_no_sense_is_refused_with_the_reason),
                cmocka_unit_test(a_rule_that_makes_no_sense_is_refused),
                cmocka_unit_test(a_menu_keeps_out_what_a_loader_could_misread),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
