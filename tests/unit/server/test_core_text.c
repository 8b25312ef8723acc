/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of strangers become UTF-8 that JSON and the database take; jansson is the judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/messages.h"
#include "server/core_text.h"

static void
assert_cleaned(const char *in, const char *out)
{
        char text[200];
        json_t *json;

        strcpy(text, in);
        core_text_clean(text);
        assert_string_equal(text, out);
        json = json_string(text);
        assert_non_null(json);
        json_decref(json);
}

static void
good_text_stays(void **state)
{
        (void)state;
        assert_cleaned("", "");
        assert_cleaned("pxelinux.cfg/01-52-54\tx\n", "pxelinux.cfg/01-52-54\tx\n");
        assert_cleaned("r\xc3\xa9seau \xe2\x82\xac \xf0\x9f\x96\xa5", "r\xc3\xa9seau \xe2\x82\xac \xf0\x9f\x96\xa5");
}

static void
what_is_no_utf8_is_replaced(void **state)
{
        (void)state;
        assert_cleaned("a\xff"
                       "b",
                       "a?b");
        assert_cleaned("\xc0\xaf", "??");           /* overlong '/' */
        assert_cleaned("\xed\xa0\x80", "???");      /* a surrogate */
        assert_cleaned("\xf4\x90\x80\x80", "????"); /* beyond U+10FFFF */
        assert_cleaned("cut \xe2\x82", "cut ??");   /* cut in the middle by a buffer's end */
        assert_cleaned("\x80\xbf", "??");
}

static void
control_characters_become_blanks(void **state)
{
        (void)state;
        assert_cleaned("a\x1b[31mb\x7f\r", "a [31mb  ");
}

static void
every_byte_pair_ends_as_json(void **state)
{
        char text[4];
        json_t *json;

        (void)state;
        for (int a = 1; a < 256; a++)
                for (int b = 1; b < 256; b++) {
                        text[0] = (char)a;
                        text[1] = (char)b;
                        text[2] = '\0';
                        core_text_clean(text);
                        json = json_string(text);
                        assert_non_null(json);
                        json_decref(json);
                }
}

static void
a_record_is_cleaned_down_to_its_lists(void **state)
{
        struct msg_agent_domains *m = calloc(1, sizeof(*m));
        struct msg_api_domain_create *create = calloc(1, sizeof(*create));

        (void)state;
        m->n_domains = 2;
        strcpy(m->domains[1].name, "vm\xff");
        core_text_clean_record(message_desc(MSG_AGENT_DOMAINS), m);
        assert_string_equal(m->domains[1].name, "vm?");
        strcpy(create->config.kernel.path, "\xfe");
        create->config.n_disks = 1;
        strcpy(create->config.disks[0].target, "\xfe");
        core_text_clean_record(message_desc(MSG_API_DOMAIN_CREATE), create);
        assert_string_equal(create->config.kernel.path, "?");
        assert_string_equal(create->config.disks[0].target, "?");
        free(m);
        free(create);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(good_text_stays),
                cmocka_unit_test(what_is_no_utf8_is_replaced),
                cmocka_unit_test(control_characters_become_blanks),
                cmocka_unit_test(every_byte_pair_ends_as_json),
                cmocka_unit_test(a_record_is_cleaned_down_to_its_lists),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
