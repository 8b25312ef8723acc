/* SPDX-License-Identifier: Apache-2.0 */
/* A NULL call and its answers against the bytes of RFC 5531. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/rpc_null.h"

static void
the_call_is_that_of_the_rfc(void **state)
{
        static const uint8_t want[RPC_CALL_SIZE] = {0x80, 0, 0, 0x28, 0xca, 0xfe, 0,    1,    0, 0, 0, 0,
                                                    0,    0, 0, 2,    0,    1,    0x86, 0xa3, 0, 0, 0, 4};
        uint8_t call[RPC_CALL_SIZE];

        (void)state;
        rpc_null_write(0xcafe0001, RPC_NFS, 4, call);
        assert_memory_equal(call, want, sizeof(want));
}

static void
any_answer_counts_and_nothing_else(void **state)
{
        uint8_t accepted[RPC_REPLY_SIZE] = {0x80, 0, 0, 0x18, 0xca, 0xfe, 0, 1, 0, 0, 0, 1};
        uint8_t denied[RPC_REPLY_SIZE] = {0x80, 0, 0, 0x14, 0xca, 0xfe, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5};

        (void)state;
        assert_int_equal(rpc_null_read(accepted, 0xcafe0001), 0);
        assert_int_equal(rpc_null_read(denied, 0xcafe0001), 0);
        assert_int_equal(rpc_null_read(accepted, 0xcafe0002), -EPROTO); /* another's */
        accepted[11] = 0;
        assert_int_equal(rpc_null_read(accepted, 0xcafe0001), -EPROTO); /* our call, sent back */
        denied[15] = 2;
        assert_int_equal(rpc_null_read(denied, 0xcafe0001), -EPROTO);
        denied[15] = 1;
        denied[3] = 0x13; /* shorter than an answer can be */
        assert_int_equal(rpc_null_read(denied, 0xcafe0001), -EPROTO);
        assert_int_equal(rpc_null_read((const uint8_t *)"SSH-2.0-OpenSSH_9.2p1 Debian", 0xcafe0001), -EPROTO);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_call_is_that_of_the_rfc),
                cmocka_unit_test(any_answer_counts_and_nothing_else),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
