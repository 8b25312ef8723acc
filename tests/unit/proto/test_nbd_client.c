/* SPDX-License-Identifier: Apache-2.0 */
/* NBD's handshake against the bytes of the protocol's document. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/nbd_client.h"

static void
test_only_fixed_newstyle_is_taken(void **state)
{
        (void)state;
        assert_int_equal(nbd_greeting_read((const uint8_t *)"NBDMAGICIHAVEOPT\0\3"), 0);
        assert_int_equal(nbd_greeting_read((const uint8_t *)"NBDMAGICIHAVEOPT\0\2"), -EPROTO);
        assert_int_equal(nbd_greeting_read((const uint8_t *)"NBDMAGIC\0\0\x42\x02\x81\x86\x12\x53\0\3"), -EPROTO);
        assert_int_equal(nbd_greeting_read((const uint8_t *)"SSH-2.0-OpenSSH_9."), -EPROTO);
}

static void
test_the_export_is_asked_for_by_name(void **state)
{
        static const uint8_t want[] = "\0\0\0\3IHAVEOPT\0\0\0\7\0\0\0\11\0\0\0\3abc\0\0";
        uint8_t go[NBD_GO_SIZE];
        size_t n = nbd_go_write("abc", go);

        (void)state;
        assert_int_equal(n, sizeof(want) - 1);
        assert_memory_equal(go, want, n);
}

static void
test_replies_are_told_apart_and_bounded(void **state)
{
        uint8_t reply[NBD_REPLY_SIZE] = {0, 3, 0xe8, 0x89, 4, 0x55, 0x65, 0xa9, 0, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0, 12};
        enum nbd_reply kind;
        uint32_t size = 0;

        (void)state;
        assert_int_equal(nbd_reply_read(reply, &kind, &size), 0);
        assert_int_equal(kind, NBD_REPLY_INFO);
        assert_int_equal(size, 12);
        reply[12] = 0x80;
        reply[15] = 6;
        assert_int_equal(nbd_reply_read(reply, &kind, &size), 0);
        assert_int_equal(kind, NBD_REPLY_REFUSED);
        reply[17] = 1; /* 64 KiB of words */
        assert_int_equal(nbd_reply_read(reply, &kind, &size), -EPROTO);
        reply[17] = 0;
        reply[11] = 6; /* of another option */
        assert_int_equal(nbd_reply_read(reply, &kind, &size), -EPROTO);
}

static void
test_size_and_flags_are_read(void **state)
{
        static const uint8_t info[] = {0, 0, 0, 0, 0, 1, 0, 0, 0x10, 0, 0, 3}, other[] = {0, 3, 0, 0};
        struct nbd_export e = {0};

        (void)state;
        assert_int_equal(nbd_info_read(other, sizeof(other), &e), 0);
        assert_int_equal(e.size, 0);
        assert_int_equal(nbd_info_read(info, sizeof(info), &e), 0);
        assert_true(e.size == 0x100001000);
        assert_int_equal(e.flags, 3);
        assert_int_equal(nbd_info_read(info, sizeof(info) - 1, &e), -EPROTO);
        assert_int_equal(nbd_info_read(info, 1, &e), -EPROTO);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_only_fixed_newstyle_is_taken),
                cmocka_unit_test(test_the_export_is_asked_for_by_name),
                cmocka_unit_test(test_replies_are_told_apart_and_bounded),
                cmocka_unit_test(test_size_and_flags_are_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
