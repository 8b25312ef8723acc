/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NFS by calls of ONC RPC (RFC 5531) that a kernel once made, sent word for word, each after the answer to the one before.
 * Nothing of NFS is known here: the script, made by bench/rootrecord.py, says which words of an answer (a session's id, a
 * stateid) are to stand where in later calls. File handles are as recorded, for the server makes the same ones of the same
 * tree.
 *
 *     call:  size, status, answer's size, number of takes, of puts    words of 32 bits, little-endian
 *            takes: register, offset in the answer, length
 *            puts:  register, offset in the call, length
 *            the call, without its record mark
 *
 * Register 0 has the reader's number, two digits. Status NO_STATUS: none is compared.
 */
#include "rootreader.h"

#include <endian.h>

#include "loadgen.h"
#include "proto/wire.h"

#define REGISTERS 65536
#define REGISTER_SIZE 16
#define ANSWER_MAX (4u << 20)
#define LAST_FRAGMENT 0x80000000u
#define NO_STATUS 0xffffffffu
#define STATUS_AT 24 /* xid, reply, accepted, verifier (two words), success */

struct move {
        uint32_t slot, offset, length;
};

struct call {
        uint32_t size, status, answer_size, n_takes, n_puts;
};

static uint8_t registers[REGISTERS][REGISTER_SIZE];
static uint8_t answer[ANSWER_MAX];

void
rpc_open(struct reader *r)
{
        char digits[3];

        snprintf(digits, sizeof(digits), "%02u", (unsigned)option_number(r->argv, "number", 0) % 100);
        memcpy(registers[0], digits, 2);
        reader_connect(r);
}

static size_t
receive_answer(struct reader *r)
{
        size_t n = 0;
        uint32_t mark;

        do {
                reader_receive(r, &mark, sizeof(mark));
                mark = be32toh(mark);
                if (n + (mark & ~LAST_FRAGMENT) > sizeof(answer))
                        reader_fail("an answer is longer than %u bytes", ANSWER_MAX);
                reader_receive(r, answer + n, mark & ~LAST_FRAGMENT);
                n += mark & ~LAST_FRAGMENT;
        } while (!(mark & LAST_FRAGMENT));
        return n;
}

static void
check_moves(const struct move *moves, uint32_t n, size_t room)
{
        for (uint32_t i = 0; i < n; i++)
                if (moves[i].slot >= REGISTERS || moves[i].length > REGISTER_SIZE || moves[i].offset + moves[i].length > room)
                        reader_fail("the script moves words that are not there");
}

/* @data: the call, which is changed. */
static void
one_call(struct reader *r, const struct call *c, const struct move *takes, const struct move *puts, uint8_t *data)
{
        const uint32_t mark = htobe32(c->size | LAST_FRAGMENT);
        size_t n;

        check_moves(puts, c->n_puts, c->size);
        for (uint32_t i = 0; i < c->n_puts; i++)
                memcpy(data + puts[i].offset, registers[puts[i].slot], puts[i].length);
        reader_send(r, &mark, sizeof(mark));
        reader_send(r, data, c->size);
        n = receive_answer(r);
        if (n < STATUS_AT || memcmp(answer, data, 4) != 0 || get_be32(answer + 8) != 0 || get_be32(answer + 16) != 0 ||
            get_be32(answer + 20) != 0)
                reader_fail("call %llu is refused", (unsigned long long)r->requests);
        if (c->status != NO_STATUS && (n < STATUS_AT + 4 || get_be32(answer + STATUS_AT) != c->status))
                reader_fail("call %llu: status %u, recorded was %u", (unsigned long long)r->requests,
                            get_be32(answer + STATUS_AT), c->status);
        check_moves(takes, c->n_takes, n);
        for (uint32_t i = 0; i < c->n_takes; i++)
                memcpy(registers[takes[i].slot], answer + takes[i].offset, takes[i].length);
        r->requests++;
        r->bytes += n;
        r->lost += n != c->answer_size;
}

void
rpc_replay(struct reader *r)
{
        size_t size;
        uint8_t *script = reader_script(r, &size), *at = script, *end = script + size;

        while (at < end) {
                const struct call *c = (const struct call *)at;
                const struct move *takes = (const struct move *)(c + 1);
                const struct move *puts;
                uint8_t *data;

                if ((size_t)(end - at) < sizeof(*c))
                        reader_fail("the script is cut off");
                puts = takes + c->n_takes;
                data = (uint8_t *)(puts + c->n_puts);
                if ((size_t)(end - data) < c->size || data > end)
                        reader_fail("the script is cut off");
                one_call(r, c, takes, puts, data);
                at = data + (c->size + 3) / 4 * 4;
        }
        free(script);
}
