/* SPDX-License-Identifier: Apache-2.0 */
/* An iBFT as the kernel shows it: what is read, and when it counts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "init/init_ibft.h"

#define OURS "iqn.2026-01.dompool:0123456789abcdef"
#define OTHERS "iqn.1992-08.com.example:boot.pc7"

/* Takes @line as file @name; what init_ibft_take() says. */
static int
take(struct init_ibft *t, const char *name, const char *line)
{
        const char *file;

        for (size_t i = 0; (file = init_ibft_file(i)); i++)
                if (strcmp(file, name) == 0)
                        return init_ibft_take(t, i, line);
        fail_msg("%s is not read", name);
        return 0;
}

/* As iPXE's table of a root of ours is shown by Linux 6.1. */
static void
ours(struct init_ibft *t)
{
        *t = (struct init_ibft){0};
        assert_int_equal(take(t, "initiator/initiator-name", "iqn.2026-01.dompool:host-525400770001"), 0);
        assert_int_equal(take(t, "target0/flags", "3"), 0);
        assert_int_equal(take(t, "target0/ip-addr", "10.77.0.9"), 0);
        assert_int_equal(take(t, "target0/port", "3261"), 0);
        assert_int_equal(take(t, "target0/lun", "02000000"), 0);
        assert_int_equal(take(t, "target0/chap-type", "0"), 0);
        assert_int_equal(take(t, "target0/target-name", OURS), 0);
}

static struct init_root
menu(void)
{
        struct init_root r;

        assert_int_equal(init_root_parse("iscsi:10.77.0.1:3260:1:" OURS, &r), 0);
        return r;
}

static void
the_menus_target_is_taken_as_the_firmware_reached_it(void **state)
{
        const struct init_root m = menu();
        char why[INIT_IBFT_TEXT_SIZE];
        struct init_ibft t;
        struct init_root r;

        (void)state;
        ours(&t);
        assert_true(init_ibft_choose(&t, &m, &r, why));
        assert_int_equal(r.kind, INIT_ROOT_ISCSI);
        assert_int_equal(r.address, 0x0a4d0009);
        assert_int_equal(r.port, 3261);
        assert_int_equal(r.lun, 2);
        assert_string_equal(r.name, OURS);
        assert_non_null(strstr(why, "from the firmware's iBFT"));
        /* behind one that is not */
        t.targets[1] = t.targets[0];
        strcpy(t.targets[0].name, OTHERS);
        assert_true(init_ibft_choose(&t, &m, &r, why));
        assert_int_equal(r.address, 0x0a4d0009);
}

/* A machine with a disk of its own in a SAN is not to get that as its root. */
static void
what_is_not_ours_or_not_whole_leaves_the_menu_as_it_is(void **state)
{
        static const struct {
                const char *file, *line; /* on top of what is good */
                const char *says;
        } cases[] = {
                {"target0/target-name", OTHERS, "another target, " OTHERS},
                {"target0/target-name", OURS "0", "another target"},
                {"target0/flags", "0", "the firmware left no iBFT"},
                {"target0/flags", "2", "the firmware left no iBFT"},
                {"target0/ip-addr", "0.0.0.0", "no IPv4 address"},
                {"target0/port", "0", "no IPv4 address and port"},
                {"target0/chap-type", "1", "CHAP"},
        };
        const struct init_root m = menu();
        char why[INIT_IBFT_TEXT_SIZE];
        struct init_ibft t;
        struct init_root r;

        (void)state;
        t = (struct init_ibft){0};
        assert_false(init_ibft_choose(&t, &m, &r, why));
        assert_memory_equal(&r, &m, sizeof(r));
        assert_string_equal(why, "from the command line; the firmware left no iBFT");
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                ours(&t);
                assert_int_equal(take(&t, cases[i].file, cases[i].line), 0);
                if (init_ibft_choose(&t, &m, &r, why) || memcmp(&r, &m, sizeof(r)) != 0 || !strstr(why, cases[i].says))
                        fail_msg("%s = %s: %s", cases[i].file, cases[i].line, why);
        }
}

static void
a_lun_is_read_as_the_kernel_writes_its_bytes(void **state)
{
        static const struct {
                const char *line;
                uint32_t lun;
        } good[] = {{"00000000", 0}, {"01000000", 1}, {"0f000000", 15}, {"010000000", 16}, {"0ff000000", 255}};
        struct init_ibft t = {0};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(good); i++) {
                assert_int_equal(take(&t, "target1/lun", good[i].line), 0);
                assert_int_equal(t.targets[1].lun, good[i].lun);
        }
}

static void
what_is_of_another_form_is_refused(void **state)
{
        static const struct {
                const char *file, *line;
        } bad[] = {
                {"target0/lun", ""},
                {"target0/lun", "1"},
                {"target0/lun", "40000000"}, /* another way of addressing, another LUN */
                {"target0/lun", "01000001"},
                {"target0/lun", "0g000000"},
                {"target0/lun", "0100000000"},
                {"target0/ip-addr", "fe80::1"},
                {"target0/ip-addr", ""},
                {"target0/port", "65536"},
                {"target0/port", "-1"},
                {"target0/target-name", "target"},
                {"target0/target-name", "iqn.a b"},
                {"target0/target-name", "iqn.\x1b[2J"},
                {"initiator/initiator-name", ""},
        };
        char longest[INIT_IBFT_NAME_SIZE + 2];
        struct init_ibft t, before;

        (void)state;
        ours(&t);
        before = t;
        for (size_t i = 0; i < N_ELEMENTS(bad); i++)
                if (take(&t, bad[i].file, bad[i].line) != -EINVAL)
                        fail_msg("%s: '%s' is taken", bad[i].file, bad[i].line);
        memset(longest, 'x', sizeof(longest));
        memcpy(longest, "iqn.", 4);
        longest[INIT_IBFT_NAME_SIZE] = '\0';
        assert_int_equal(take(&t, "target0/target-name", longest), -EINVAL);
        assert_memory_equal(&t, &before, sizeof(t));
        longest[INIT_IBFT_NAME_SIZE - 1] = '\0';
        assert_int_equal(take(&t, "target0/target-name", longest), 0);
        assert_int_equal(init_ibft_take(&t, 1000, "1"), -EINVAL);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_menus_target_is_taken_as_the_firmware_reached_it),
                cmocka_unit_test(what_is_not_ours_or_not_whole_leaves_the_menu_as_it_is),
                cmocka_unit_test(a_lun_is_read_as_the_kernel_writes_its_bytes),
                cmocka_unit_test(what_is_of_another_form_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
