/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BENCH_ROOTREADER_H
#define DOMPOOL_BENCH_ROOTREADER_H
/*
 * One host that reads its root as a recorded boot did: what the transports of rootreader.c share. A failure ends the program
 * with a line on standard error.
 *
 *     rootreader.c        the program, HTTP, NBD
 *     rootreader_rpc.c    NFS: recorded calls, word for word
 *     rootreader_iscsi.c  a login and READ(10)
 *     rootreader_aoe.c    ATA reads in frames of their own
 */
#include <stddef.h>
#include <stdint.h>

struct reader {
        char **argv; /* options: loadgen.h */
        int fd;
        uint64_t requests, bytes; /* bytes: of files and devices; for NFS all of the answers */
        uint64_t sum;             /* of what was read, as little-endian words of 64 bits; NFS: none */
        uint64_t lost;            /* frames asked for again (AoE); answers of another length than the recorded (NFS) */
};

/* What reads one transport: first a connection, then, when all readers have one, the whole script. */
struct transport {
        const char *name;
        void (*open)(struct reader *r);
        void (*replay)(struct reader *r);
};

void rpc_open(struct reader *r);
void rpc_replay(struct reader *r);
void iscsi_open(struct reader *r);
void iscsi_replay(struct reader *r);
void aoe_open(struct reader *r);
void aoe_replay(struct reader *r);

_Noreturn void reader_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* TCP to the options "server" and "port". */
void reader_connect(struct reader *r);

void reader_send(struct reader *r, const void *data, size_t size);

/* All of it. */
void reader_receive(struct reader *r, void *data, size_t size);

/* Adds @size bytes, the last word filled with zeros, to sum and bytes. */
void reader_add(struct reader *r, const uint8_t *data, size_t size);

/* The option "script", whole. */
uint8_t *reader_script(const struct reader *r, size_t *ret_size);

/* A script of block reads: two words of 64 bits each, offset and length in bytes, multiples of 512. */
struct block_read {
        uint64_t offset, length;
};

#define BLOCK_READ_MAX (4u << 20)

struct block_read *reader_block_script(const struct reader *r, size_t *ret_n);

#endif
