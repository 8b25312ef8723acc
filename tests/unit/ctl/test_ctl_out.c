/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, values and hints of the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above first */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/ctl_help.h"
#include "ctl/ctl_out.h"

static const struct ctl_column columns[] = {
        {"NAME", "name", .elastic = true},
        {"SIZE", "size", FMT_BYTES, .right = true},
        {"NOTE", "in.note"},
};

static char *
table(const char *rows, unsigned width)
{
        json_t *json = json_loads(rows, 0, NULL);
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(json);
        ctl_table_print(f, columns, N_ELEMENTS(columns), json, width, 0);
        fclose(f);
        json_decref(json);
        return text;
}

static void
columns_are_as_wide_as_their_widest_cell(void **state)
{
        _cleanup_free_ char *text =
                table("[{\"name\":\"a\",\"size\":2048,\"in\":{\"note\":\"x\"}},{\"name\":\"longer\",\"size\":1}]", 0);

        (void)state;
        assert_string_equal(text, "NAME     SIZE  NOTE\n"
                                  "a       2 KiB  x\n"
                                  "longer    1 B  -\n");
}

static void
a_narrow_terminal_cuts_elastic_columns_only(void **state)
{
        _cleanup_free_ char *text =
                table("[{\"name\":\"abcdefghijklmnopqrstuvwxyz\",\"size\":1,\"in\":{\"note\":\"whole\"}}]", 30);

        (void)state;
        assert_string_equal(text, "NAME               SIZE  NOTE\n"
                                  "abcdefghijklmnop…   1 B  whole\n");
}

static void
width_counts_characters_not_bytes(void **state)
{
        _cleanup_free_ char *text = table("[{\"name\":\"äöü\",\"size\":1},{\"name\":\"abcd\",\"size\":1}]", 0);

        (void)state;
        assert_non_null(strstr(text, "\näöü    1 B"));
        assert_int_equal(ctl_text_width("äöü…"), 4);
}

static void
control_characters_become_question_marks(void **state)
{
        char buf[40];

        (void)state;
        assert_string_equal(ctl_clean("a\x1b[31mb\n\t\x7f", buf, sizeof(buf)), "a?[31mb???");
        assert_string_equal(ctl_clean("\xc2\x9b"
                                      "31m",
                                      buf, sizeof(buf)),
                            "?31m"); /* CSI in one character */
        assert_string_equal(ctl_clean("äöü", buf, sizeof(buf)), "äöü");
}

static void
a_cut_is_never_inside_a_character(void **state)
{
        char buf[5];

        (void)state;
        assert_string_equal(ctl_clean("aaaä", buf, sizeof(buf)), "aaa");
        assert_string_equal(ctl_clean("ääää", buf, sizeof(buf)), "ää");
        assert_string_equal(ctl_clean("a…b", buf, sizeof(buf)), "a…");
}

static void
assert_format(enum ctl_format format, json_t *value, const char *want)
{
        char buf[100];

        assert_string_equal(ctl_format(format, value, 1000000000000, buf, sizeof(buf)), want);
        json_decref(value);
}

static void
values_are_written_for_people(void **state)
{
        (void)state;
        assert_format(FMT_KIB, json_integer(524288), "512 MiB");
        assert_format(FMT_KIB, json_integer(1572864), "1.5 GiB");
        assert_format(FMT_BYTES, json_integer(0), "0 B");
        assert_format(FMT_BYTES, json_integer(27000000), "25.7 MiB");
        assert_format(FMT_SINCE, json_integer(1000000000000 - 59000), "59 s");
        assert_format(FMT_SINCE, json_integer(1000000000000 - 3599000), "59 m");
        assert_format(FMT_SINCE, json_integer(1000000000000 - 90000000), "25 h");
        assert_format(FMT_SINCE, json_integer(1000000000000 - 864000000), "10 d");
        assert_format(FMT_SINCE, json_integer(1000000005000), "0 s");
        assert_format(FMT_SINCE, json_integer(0), "-");
        assert_format(FMT_NS, json_integer(12345678901), "12.3 s");
        assert_format(FMT_TEXT, json_string(""), "-");
        assert_format(FMT_TEXT, json_true(), "yes");
        assert_format(FMT_LIST, json_pack("[s,s]", "a", "b"), "a, b");
        assert_format(FMT_LIST, json_array(), "-");
        assert_format(FMT_ID, json_string("0123456789abcdef0123"), "0123456789abcdef");
        assert_format(FMT_TEXT, NULL, "-");
}

static void
a_hint_is_near_or_there_is_none(void **state)
{
        static const char *const words[] = {"host", "profile", "image", "domain", "op"};
        size_t n = N_ELEMENTS(words);

        (void)state;
        assert_string_equal(ctl_nearest("hots", words, n), "host");
        assert_string_equal(ctl_nearest("domian", words, n), "domain");
        assert_string_equal(ctl_nearest("imag", words, n), "image");
        assert_null(ctl_nearest("vm", words, n));
        assert_null(ctl_nearest("zzzzz", words, n));
        assert_null(ctl_nearest("a-word-that-is-much-longer-than-any", words, n));
}

static void
the_tables_are_sound(void **state)
{
        (void)state;
        for (size_t i = 0; i < OPT_N; i++) {
                assert_non_null(ctl_options[i].name);
                assert_non_null(ctl_options[i].help);
                for (size_t k = 0; k < i; k++)
                        assert_true(!ctl_options[i].letter || ctl_options[i].letter != ctl_options[k].letter);
        }
        for (size_t i = 0; i < ctl_n_commands; i++) {
                const struct ctl_command *cmd = &ctl_commands[i];

                assert_true((cmd->run != NULL) != (cmd->raw != NULL));
                assert_true(cmd->min_args <= cmd->max_args);
                for (size_t k = 0; k < i; k++)
                        assert_true(strcmp(cmd->noun, ctl_commands[k].noun) != 0 ||
                                    (cmd->verb && strcmp(cmd->verb, ctl_commands[k].verb) != 0));
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
                cmocka_unit_test(a_narrow_terminal_cuts_elastic_columns_only),
                cmocka_unit_test(width_counts_characters_not_bytes),
                cmocka_unit_test(control_characters_become_question_marks),
                cmocka_unit_test(a_cut_is_never_inside_a_character),
                cmocka_unit_test(values_are_written_for_people),
                cmocka_unit_test(a_hint_is_near_or_there_is_none),
                cmocka_unit_test(the_tables_are_sound),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
