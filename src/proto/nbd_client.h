/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_PROTO_NBD_CLIENT_H
#define DOMPOOL_PROTO_NBD_CLIENT_H
/*
 * The client's side of NBD's fixed newstyle handshake, as far as opening one export needs it (NetworkBlockDevice/nbd,
 * doc/proto.md, "Fixed newstyle negotiation", NBD_OPT_GO). Pure.
 *
 *     S: greeting (18)   C: flags, NBD_OPT_GO   S: reply head (20) + data, again and again, until the acknowledgement
 */
#include <stddef.h>
#include <stdint.h>

#define NBD_GREETING_SIZE 18
#define NBD_REPLY_SIZE 20
#define NBD_NAME_MAX 128
#define NBD_GO_SIZE (4 + 16 + 4 + NBD_NAME_MAX + 2)
#define NBD_DATA_MAX 4096 /* of a reply; a server that says more is none of ours */

/* Transmission flags */
#define NBD_FLAG_READ_ONLY_BIT 2

struct nbd_export {
        uint64_t size; /* bytes; 0: not said */
        uint16_t flags;
};

/* 0, or -EPROTO: it is no NBD server, or one that knows no NBD_OPT_GO. */
int nbd_greeting_read(const uint8_t data[NBD_GREETING_SIZE]);

/* The client's flags and its one option. The length. */
size_t nbd_go_write(const char *name, uint8_t ret[NBD_GO_SIZE]);

enum nbd_reply { NBD_REPLY_ACK, NBD_REPLY_INFO, NBD_REPLY_REFUSED };

/* *ret_size: bytes of data behind it, at most NBD_DATA_MAX. -EPROTO: no reply to NBD_OPT_GO. */
int nbd_reply_read(const uint8_t data[NBD_REPLY_SIZE], enum nbd_reply *ret, uint32_t *ret_size);

/* The data of NBD_REPLY_INFO: fills *ret where it is the export's, and leaves it otherwise. -EPROTO: cut. */
int nbd_info_read(const uint8_t *data, size_t size, struct nbd_export *ret);

#endif
