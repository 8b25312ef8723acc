/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_PROTO_RPC_NULL_H
#define DOMPOOL_PROTO_RPC_NULL_H
/*
 * "Are you there?" in ONC RPC over TCP: the NULL procedure of a program's version, and what of the answer says that one is
 * (RFC 5531, 9 and 11). Only the fixed head of an answer is read; no length in it is followed. Pure.
 */
#include <stddef.h>
#include <stdint.h>

#define RPC_NFS 100003
#define RPC_CALL_SIZE 44
#define RPC_REPLY_SIZE 24 /* no answer is shorter */

void rpc_null_write(uint32_t xid, uint32_t program, uint32_t version, uint8_t ret[RPC_CALL_SIZE]);

/* 0: it is an answer to @xid, be it a refusal; -EPROTO: it is none. */
int rpc_null_read(const uint8_t data[RPC_REPLY_SIZE], uint32_t xid);

#endif
