/* SPDX-License-Identifier: Apache-2.0 */
/* What a description of a host may hold, and that every enum has its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "model/host_brief.h"
#include "model/operation.h"

static struct host
good_host(void)
{
        return (struct host){.name = "n1", .mac = {{0x52, 0x54, 0, 0x77, 0, 1}}, .profile = "pool"};
}

static void
a_plain_host_is_accepted(void **state)
{
        struct host h = good_host();
        struct error err;

        (void)state;
        strcpy(h.xen_args, "dom0_mem=512M,max:512M com1=115200,8n1");
        strcpy(h.kernel_args, "noapic via-rhine.avoid_D3=1");
        strcpy(h.console, "com1,vga");
        strcpy(h.image, "micro:previous");
        assert_int_equal(host_check(&h, &err), 0);
}

static void
a_name_must_be_one_of_ours(void **state)
{
        static const char *const names[] = {"", "-n1", "n 1", "n/1", "../n1", "n\n1"};
        struct error err;

        (void)state;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                struct host h = good_host();

                strcpy(h.name, names[i]);
                assert_true(host_check(&h, &err) < 0);
                assert_int_equal(err.code, ERR_INVALID);
        }
}

static void
a_mac_must_be_a_machines(void **state)
{
        struct host h = good_host();
        struct error err;

        (void)state;
        h.mac = (struct mac){{0}};
        assert_true(host_check(&h, &err) < 0);
        h.mac = (struct mac){{0x01, 0, 0x5e, 0, 0, 1}};
        assert_true(host_check(&h, &err) < 0);
        assert_non_null(strstr(err.message, "01:00:5e:00:00:01"));
}

/* These texts go into a boot menu: none may end its line or begin another module. */
static void
arguments_cannot_leave_their_line_of_the_menu(void **state)
{
        static const char *const args[] = {"a\nkernel evil", "a --- evil", "a \"b", "a; b", "a\x7f",
                                           "a\xc3\xa9",      "$(x)",       "a\\b",  "{"};
        struct error err;

        (void)state;
        for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
                struct host h = good_host();

                strcpy(h.xen_args, args[i]);
                assert_true(host_check(&h, &err) < 0);
                h = good_host();
                strcpy(h.kernel_args, args[i]);
                assert_true(host_check(&h, &err) < 0);
        }
}

static void
an_image_is_a_name_a_tag_or_an_id(void **state)
{
        (void)state;
        assert_true(image_name_ok("micro"));
        assert_true(image_name_ok("micro:current"));
        assert_true(image_name_ok("0123456789abcdef"));
        assert_false(image_name_ok(""));
        assert_false(image_name_ok("micro:old"));
        assert_false(image_name_ok(":previous"));
        assert_false(image_name_ok("../micro:previous"));
}

static void
every_state_has_a_name(void **state)
{
        (void)state;
        for (int i = 0; i < HOST_N; i++)
                assert_non_null(host_state_names[i]);
        for (int i = 0; i < STAGE_N; i++)
                assert_non_null(boot_stage_names[i]);
        for (int i = 0; i < PROFILE_N; i++)
                assert_non_null(profile_kind_names[i]);
        for (int i = 0; i < OP_KIND_N; i++)
                assert_non_null(op_kind_names[i]);
        assert_null(host_state_names[HOST_N]);
        assert_string_equal(profile_kind_names[0], "local"); /* the answer to every doubt is zero */
}

/* Every field that the record has, so that one that is added and forgotten in the brief form is found. */
static struct host
full_host(void)
{
        struct host h = {.mac = {{2, 0, 0, 0, 0, 7}}};

        for (size_t i = 0; i < host_desc.n_fields; i++) {
                const struct rec_field *f = &host_desc.fields[i];

                if (f->type == REC_TYPE_STR)
                        str_copy((char *)&h + f->offset, f->size, f->name);
                else if (f->type == REC_TYPE_BOOL)
                        *(bool *)((char *)&h + f->offset) = true;
                else if (f->type != REC_TYPE_MAC)
                        *(uint32_t *)(void *)((char *)&h + f->offset) = 1;
        }
        memset(h.xen_args, 'x', sizeof(h.xen_args) - 1);
        h.loader[0] = '\0';
        return h;
}

static void
a_brief_form_keeps_every_field(void **state)
{
        struct host h = full_host(), back;
        struct host_brief b, view = host_brief_of(&h);

        (void)state;
        assert_int_equal(host_brief_make(&h, &b), 0);
        assert_ptr_equal(view.name, h.name);
        assert_null(view.texts);
        memset(&h, 'y', sizeof(h)); /* nothing of it is needed any more */
        assert_string_equal(b.name, "name");
        assert_string_equal(b.loader, "");
        host_brief_expand(&b, &back);
        h = full_host();
        assert_true(rec_equal(&host_desc, &h, &back));
        host_brief_clear(&b);
        assert_null(b.texts);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_plain_host_is_accepted),
                cmocka_unit_test(a_name_must_be_one_of_ours),
                cmocka_unit_test(a_mac_must_be_a_machines),
                cmocka_unit_test(arguments_cannot_leave_their_line_of_the_menu),
                cmocka_unit_test(an_image_is_a_name_a_tag_or_an_id),
                cmocka_unit_test(every_state_has_a_name),
                cmocka_unit_test(a_brief_form_keeps_every_field),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
