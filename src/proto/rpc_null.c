/* SPDX-License-Identifier: Apache-2.0 */
/* A NULL call of ONC RPC, and the head of its answer. Pure. */
#include "proto/rpc_null.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/wire.h"

#define LAST_FRAGMENT 0x80000000u
#define RPC_VERSION 2

enum { CALL, REPLY };

void
rpc_null_write(uint32_t xid, uint32_t program, uint32_t version, uint8_t ret[RPC_CALL_SIZE])
{
        /* Behind the record's mark; procedure, credential and verifier are 0 (AUTH_NONE). */
        const uint32_t words[] = {LAST_FRAGMENT | (RPC_CALL_SIZE - 4), xid, CALL, RPC_VERSION, program, version};

        memset(ret, 0, RPC_CALL_SIZE);
        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                put_be32(ret + 4 * i, words[i]);
}

int
rpc_null_read(const uint8_t data[RPC_REPLY_SIZE], uint32_t xid)
{
        const uint32_t size = get_be32(data) & ~LAST_FRAGMENT;

        return size >= RPC_REPLY_SIZE - 4 && get_be32(data + 4) == xid && get_be32(data + 8) == REPLY &&
                               get_be32(data + 12) <= 1 /* accepted, denied */
                       ? 0
                       : -EPROTO;
}
