/* SPDX-License-Identifier: Apache-2.0 */
/* iSCSI as far as reading goes (RFC 7143): a login without authentication or digests, then READ(10) to LUN 1, one at a time. */
#include "rootreader.h"

#include <stdbool.h>

#include "loadgen.h"
#include "proto/wire.h"

#define HEAD_SIZE 48
#define SECTOR 512
#define SEGMENT_MAX (1u << 20)
#define PART_MAX (256u << 10) /* tgt's limit of a command, and what the kernel's initiator asks for at most */
#define LUN 1
#define UNIT_ATTENTIONS 5

enum { OP_COMMAND = 0x01, OP_LOGIN = 0x03, OP_RESPONSE = 0x21, OP_LOGIN_RESPONSE = 0x23, OP_DATA_IN = 0x25 };

static uint8_t segment[SEGMENT_MAX];
static uint32_t next_command = 1, next_tag = 1, next_status;

/* A head, and its data in `segment`; the data's length. */
static uint32_t
receive_pdu(struct reader *r, uint8_t head[HEAD_SIZE])
{
        uint32_t n;

        reader_receive(r, head, HEAD_SIZE);
        n = get_be32(head + 4) & 0xffffff;
        if (head[4] != 0 || n > SEGMENT_MAX - 4)
                reader_fail("iSCSI: an answer's segment of %u bytes", n);
        reader_receive(r, segment, (n + 3) / 4 * 4);
        return n;
}

void
iscsi_open(struct reader *r)
{
        uint8_t head[HEAD_SIZE] = {0x40 | OP_LOGIN, 0x87}; /* transit, operational negotiation, then full feature */
        char text[1024];
        int n;

        n = snprintf(text, sizeof(text),
                     "InitiatorName=%s%cTargetName=%s%cSessionType=Normal%cHeaderDigest=None%cDataDigest=None%c"
                     "MaxRecvDataSegmentLength=262144%cInitialR2T=Yes%cImmediateData=No%cMaxBurstLength=262144%c",
                     option_text(r->argv, "initiator", ""), 0, option_text(r->argv, "target", ""), 0, 0, 0, 0, 0, 0, 0, 0);
        reader_connect(r);
        put_be32(head + 4, (uint32_t)n);
        head[8] = 0x40;                /* ISID: EN format */
        put_be32(head + 16, next_tag); /* initiator's task tag */
        put_be32(head + 24, next_command);
        reader_send(r, head, sizeof(head));
        memset(text + n, 0, 4);
        reader_send(r, text, (size_t)(n + 3) / 4 * 4);
        receive_pdu(r, head);
        if ((head[0] & 0x3f) != OP_LOGIN_RESPONSE || head[36] != 0 || (head[1] & 0x83) != 0x83)
                reader_fail("iSCSI: login refused, class %u detail %u", head[36], head[37]);
        next_status = get_be32(head + 24) + 1;
}

/* A command that reads @length bytes, or none; its SCSI status. */
static uint8_t
command(struct reader *r, const uint8_t cdb[10], uint32_t length)
{
        uint8_t head[HEAD_SIZE] = {OP_COMMAND, (uint8_t)(0x80 | (length ? 0x40 : 0))};
        uint32_t had = 0;

        head[9] = LUN;
        put_be32(head + 16, ++next_tag);
        put_be32(head + 20, length);
        put_be32(head + 24, next_command++);
        put_be32(head + 28, next_status);
        memcpy(head + 32, cdb, 10);
        reader_send(r, head, sizeof(head));
        for (;;) {
                uint32_t n = receive_pdu(r, head);
                const uint8_t op = head[0] & 0x3f;
                const bool last = op == OP_RESPONSE || (op == OP_DATA_IN && (head[1] & 1));

                if (op != OP_RESPONSE && op != OP_DATA_IN)
                        reader_fail("iSCSI: an answer of kind %u", op);
                if (op == OP_DATA_IN) {
                        reader_add(r, segment, n);
                        had += n;
                }
                if (!last)
                        continue;
                next_status = get_be32(head + 24) + 1;
                if (head[3] == 0 && had != length)
                        reader_fail("iSCSI: %u of %u bytes", had, length);
                return head[3];
        }
}

void
iscsi_replay(struct reader *r)
{
        const uint8_t test_unit_ready[10] = {0};
        size_t n;
        struct block_read *reads = reader_block_script(r, &n);

        for (int i = 0; i < UNIT_ATTENTIONS && command(r, test_unit_ready, 0) != 0; i++)
                ;
        for (size_t i = 0; i < n; i++)
                for (uint64_t at = 0; at < reads[i].length; at += PART_MAX) {
                        const uint32_t length = (uint32_t)(reads[i].length - at < PART_MAX ? reads[i].length - at : PART_MAX);
                        uint8_t cdb[10] = {0x28};

                        put_be32(cdb + 2, (uint32_t)((reads[i].offset + at) / SECTOR));
                        cdb[7] = (uint8_t)(length / SECTOR >> 8);
                        cdb[8] = (uint8_t)(length / SECTOR);
                        if (command(r, cdb, length) != 0)
                                reader_fail("iSCSI: read %zu is refused", i);
                        r->requests++;
                }
        free(reads);
}
