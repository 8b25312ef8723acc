/* SPDX-License-Identifier: Apache-2.0 */
/* Text with braces to statements, and conditions of dhcpd.conf asked for firmware. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import/brace.h"
#include "import/dhcpd_expr.h"

/* The tree as text: words with blanks, blocks in brackets. */
static void
print_block(const struct brace_tree *t, size_t parent, FILE *f)
{
        for (size_t i = t->statements[parent].first; i; i = t->statements[i].next) {
                const struct brace_statement *s = &t->statements[i];

                for (size_t k = 0; k < s->n_words; k++)
                        fprintf(f, "%s%s", k ? " " : "", brace_words(t, s)[k].text);
                if (s->has_block) {
                        fprintf(f, "[");
                        print_block(t, i, f);
                        fprintf(f, "]");
                }
                fprintf(f, "@%u;", s->line);
        }
}

/* @why NULL: the whole is good. */
static void
must_parse(const char *source, const char *expected, const char *why, unsigned line)
{
        char *text = strdup(source), *got = NULL;
        const char *ret_why = NULL;
        struct brace_tree t;
        struct error err;
        unsigned ret_line;
        size_t size;
        FILE *f = open_memstream(&got, &size);

        assert_int_equal(brace_parse(&t, "x", text, &ret_line, &ret_why, &err), why ? 1 : 0);
        print_block(&t, 0, f);
        fclose(f);
        assert_string_equal(got, expected);
        if (why) {
                assert_non_null(strstr(ret_why, why));
                assert_int_equal(ret_line, line);
        }
        brace_deinit(&t);
        free(got);
        free(text);
}

static void
statements_have_words_and_blocks(void **state)
{
        (void)state;
        must_parse("", "", NULL, 0);
        must_parse("a;", "a@1;", NULL, 0);
        must_parse("a b;c\nd;;", "a b@1;c d@1;", NULL, 0);
        must_parse("# no {\nhost x{a 1;}b;", "host x[a 1@2;]@2;b@2;", NULL, 0);
        must_parse("x#y\n z;", "x z@1;", NULL, 0);
        must_parse("a{b{c;}d;}", "a[b[c@1;]@1;d@1;]@1;", NULL, 0);
        must_parse("if f(a,1)!=\"x;}\"{}", "if f ( a , 1 ) != x;}[]@1;", NULL, 0);
        must_parse("s \"a\\\"b\"\"\";", "s a\"b @1;", NULL, 0);
        must_parse("o a~=b~~c=d;", "o a ~= b ~~ c = d@1;", NULL, 0);
}

static void
what_stands_before_an_error_is_kept(void **state)
{
        (void)state;
        must_parse("a;\nb", "a@1;b@2;", "no ';'", 2);
        must_parse("a;\n}b;", "a@1;", "without its '{'", 2);
        must_parse("a{b;", "a[b@1;]@1;", "no closing '}'", 1);
        must_parse("a{b}", "a[b@1;]@1;", "no ';'", 1);
        must_parse("a;\"b\nc", "a@1;", "no closing quote", 2);
        must_parse("a ~ b;", "a@1;", "operator", 1);
}

static void
nesting_has_a_limit(void **state)
{
        char text[3 * BRACE_MAX_DEPTH + 4] = "", *p = text;
        struct brace_tree t;
        struct error err;
        const char *why;
        unsigned line;

        (void)state;
        for (int i = 0; i <= BRACE_MAX_DEPTH; i++)
                p = stpcpy(p, "a{");
        assert_int_equal(brace_parse(&t, "x", text, &line, &why, &err), 1);
        assert_string_equal(why, "blocks are nested too deep");
        brace_deinit(&t);
}

/* ---- conditions ---- */

static unsigned
option_code(const void *arg, const char *name)
{
        (void)arg;
        return strcmp(name, "arch") == 0                      ? 93
               : strcmp(name, "vendor-class-identifier") == 0 ? 60
               : strcmp(name, "user-class") == 0              ? 77
                                                              : 0;
}

static enum truth
ask(const char *condition, enum import_client_kind client)
{
        char *text = malloc(strlen(condition) + 2);
        const struct brace_statement *s;
        struct brace_tree t;
        struct error err;
        const char *why;
        unsigned line;
        enum truth truth;

        sprintf(text, "%s;", condition);
        assert_int_equal(brace_parse(&t, "x", text, &line, &why, &err), 0);
        s = &t.statements[t.statements[0].first];
        truth = dhcpd_expr_ask(brace_words(&t, s), s->n_words, &import_clients[client], option_code, NULL);
        brace_deinit(&t);
        free(text);
        return truth;
}

static void
conditions_tell_kinds_of_firmware_apart(void **state)
{
        static const struct {
                const char *condition;
                enum truth bios, uefi, ipxe;
        } cases[] = {
                {"substring(option vendor-class-identifier, 0, 9) = \"PXEClient\"", TRUTH_TRUE, TRUTH_TRUE, TRUTH_TRUE},
                {"substring(option vendor-class-identifier, 0, 20) = \"PXEClient:Arch:00007\"", TRUTH_FALSE, TRUTH_TRUE,
                 TRUTH_FALSE},
                {"substring(option vendor-class-identifier, 15, 5) = \"00000\"", TRUTH_TRUE, TRUTH_FALSE, TRUTH_TRUE},
                {"suffix(option vendor-class-identifier, 6) = \"003016\"", TRUTH_FALSE, TRUTH_TRUE, TRUTH_FALSE},
                {"substring(option vendor-class-identifier, 900, 9) = \"\"", TRUTH_UNKNOWN, TRUTH_UNKNOWN, TRUTH_UNKNOWN},
                {"option arch = 00:07", TRUTH_FALSE, TRUTH_TRUE, TRUTH_FALSE},
                {"option arch != 00:07", TRUTH_TRUE, TRUTH_FALSE, TRUTH_TRUE},
                {"not option arch = 0:7", TRUTH_TRUE, TRUTH_FALSE, TRUTH_TRUE},
                {"option arch = 00:06 or option arch = 00:07", TRUTH_FALSE, TRUTH_TRUE, TRUTH_FALSE},
                {"exists user-class and option user-class = \"iPXE\"", TRUTH_FALSE, TRUTH_FALSE, TRUTH_TRUE},
                {"exists ipxe.http", TRUTH_FALSE, TRUTH_FALSE, TRUTH_TRUE},
                {"(known)", TRUTH_TRUE, TRUTH_TRUE, TRUTH_TRUE},
                {"lcase(option user-class) = \"ipxe\"", TRUTH_FALSE, TRUTH_FALSE, TRUTH_TRUE},
                {"option host-name = \"x\"", TRUTH_UNKNOWN, TRUTH_UNKNOWN, TRUTH_UNKNOWN},
                {"option host-name = \"x\" or option arch = 00:07", TRUTH_UNKNOWN, TRUTH_TRUE, TRUTH_UNKNOWN},
                {"option host-name = \"x\" and option arch = 00:07", TRUTH_FALSE, TRUTH_UNKNOWN, TRUTH_FALSE},
                {"option arch = 00:07 00", TRUTH_UNKNOWN, TRUTH_UNKNOWN, TRUTH_UNKNOWN},
                {"option arch =", TRUTH_UNKNOWN, TRUTH_UNKNOWN, TRUTH_UNKNOWN},
                {"exists", TRUTH_UNKNOWN, TRUTH_UNKNOWN, TRUTH_UNKNOWN},
                {"binary-to-ascii(16, 8, \":\", hardware) = \"x\"", TRUTH_UNKNOWN, TRUTH_UNKNOWN, TRUTH_UNKNOWN},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                if (ask(cases[i].condition, IMPORT_CLIENT_BIOS) != cases[i].bios ||
                    ask(cases[i].condition, IMPORT_CLIENT_UEFI_X64) != cases[i].uefi ||
                    ask(cases[i].condition, IMPORT_CLIENT_IPXE) != cases[i].ipxe)
                        fail_msg("%s", cases[i].condition);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(statements_have_words_and_blocks),
                cmocka_unit_test(what_stands_before_an_error_is_kept),
                cmocka_unit_test(nesting_has_a_limit),
                cmocka_unit_test(conditions_tell_kinds_of_firmware_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
