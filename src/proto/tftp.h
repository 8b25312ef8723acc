/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_PROTO_TFTP_H
#define DOMPOOL_PROTO_TFTP_H
/*
 * TFTP packets of a server that only sends: RFC 1350, options 2347, blksize 2348, tsize and timeout 2349, windowsize 7440.
 * Bytes to struct and back; the order of packets is tftp_xfer.h's business.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TFTP_PORT 69
#define TFTP_NAME_SIZE 256 /* a file name asked for, with NUL; longer ones are refused */
#define TFTP_DEFAULT_BLKSIZE 512
#define TFTP_MIN_BLKSIZE 8
#define TFTP_MAX_BLKSIZE 65464
#define TFTP_MAX_REQUEST 512 /* RFC 2347: a request fits in 512 bytes */
#define TFTP_HEADER_SIZE 4
#define TFTP_MAX_ANSWER 256 /* an OACK or ERROR of ours */

enum tftp_opcode { TFTP_RRQ = 1, TFTP_WRQ, TFTP_DATA, TFTP_ACK, TFTP_ERROR, TFTP_OACK };

enum tftp_error {
        TFTP_ERR_UNDEFINED,
        TFTP_ERR_NOT_FOUND,
        TFTP_ERR_ACCESS,
        TFTP_ERR_DISK_FULL,
        TFTP_ERR_ILLEGAL,
        TFTP_ERR_UNKNOWN_TID,
        TFTP_ERR_EXISTS,
        TFTP_ERR_NO_USER,
        TFTP_ERR_OPTIONS,
};

/* Options that were asked for with a value that the RFCs allow; others are as if never named (RFC 2347). 0: not asked. */
struct tftp_options {
        uint32_t blksize;
        uint32_t windowsize;
        uint32_t timeout; /* seconds */
        bool tsize;
};

struct tftp_request {
        uint16_t opcode; /* RRQ or WRQ */
        char name[TFTP_NAME_SIZE];
        bool netascii;
        struct tftp_options options;
};

enum tftp_refusal {
        TFTP_REFUSED_SHORT = 1, /* not even an opcode */
        TFTP_REFUSED_OPCODE,    /* not a request: nothing may be answered (CVE-2024-2169) */
        TFTP_REFUSED_MALFORMED, /* a request, but no NUL-terminated name and mode: ERROR 4 is due */
        TFTP_REFUSED_NAME,      /* empty or too long: ERROR 4 */
        TFTP_REFUSED_MODE,      /* neither octet nor netascii: ERROR 4 */
};

/* The first packet of a transfer. 0, or a positive enum tftp_refusal. */
int
tftp_parse_request(const uint8_t *data, size_t size, struct tftp_request *ret);

/* What a client sends while it receives: ACK (*ret_value: block) or ERROR (*ret_value: code). The opcode, or 0 for anything
 * else. */
int
tftp_parse_reply(const uint8_t *data, size_t size, uint16_t *ret_value);

/* Text of an ERROR packet for a log: printable, cut. */
void
tftp_error_text(const uint8_t *data, size_t size, char *buf, size_t buf_size);

/* Each returns the packet's size. @accepted: what is granted, in tftp_options' terms; @tsize: the file's size. */
size_t
tftp_build_oack(uint8_t buf[TFTP_MAX_ANSWER], const struct tftp_options *accepted, uint64_t tsize);
size_t
tftp_build_error(uint8_t buf[TFTP_MAX_ANSWER], enum tftp_error code, const char *text);
void
tftp_build_data_header(uint8_t buf[TFTP_HEADER_SIZE], uint16_t block);

#endif
