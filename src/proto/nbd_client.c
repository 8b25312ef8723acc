/* SPDX-License-Identifier: Apache-2.0 */
/* NBD's handshake, bytes to structs. The words of the protocol's document: "NBDMAGIC", "IHAVEOPT", 0x3e889045565a9. */
#include "proto/nbd_client.h"

#include <errno.h>
#include <string.h>

#include "proto/wire.h"

#define FIXED_NEWSTYLE (1u << 0)
#define NO_ZEROES (1u << 1)
#define OPT_GO 7
#define REP_ACK 1
#define REP_INFO 3
#define REP_ERROR (1u << 31)
#define INFO_EXPORT 0

static const uint8_t option_magic[8] = {'I', 'H', 'A', 'V', 'E', 'O', 'P', 'T'};
static const uint8_t reply_magic[8] = {0x00, 0x03, 0xe8, 0x89, 0x04, 0x55, 0x65, 0xa9};

int
nbd_greeting_read(const uint8_t data[NBD_GREETING_SIZE])
{
        if (memcmp(data, "NBDMAGIC", 8) != 0 || memcmp(data + 8, option_magic, 8) != 0 ||
            !(get_be16(data + 16) & FIXED_NEWSTYLE))
                return -EPROTO;
        return 0;
}

size_t
nbd_go_write(const char *name, uint8_t ret[NBD_GO_SIZE])
{
        size_t n = strnlen(name, NBD_NAME_MAX);

        /* The flags that the server offered and we know; one that does not know NO_ZEROES takes the bit for nothing, and sends
         * no zeroes behind NBD_OPT_GO anyway. */
        put_be32(ret, FIXED_NEWSTYLE | NO_ZEROES);
        memcpy(ret + 4, option_magic, 8);
        put_be32(ret + 12, OPT_GO);
        put_be32(ret + 16, (uint32_t)(4 + n + 2));
        put_be32(ret + 20, (uint32_t)n);
        memcpy(ret + 24, name, n);
        put_be16(ret + 24 + n, 0);
        return 24 + n + 2;
}

int
nbd_reply_read(const uint8_t data[NBD_REPLY_SIZE], enum nbd_reply *ret, uint32_t *ret_size)
{
        uint32_t type = get_be32(data + 12), size = get_be32(data + 16);

        if (memcmp(data, reply_magic, 8) != 0 || get_be32(data + 8) != OPT_GO || size > NBD_DATA_MAX)
                return -EPROTO;
        if (type & REP_ERROR)
                *ret = NBD_REPLY_REFUSED;
        else if (type == REP_ACK)
                *ret = NBD_REPLY_ACK;
        else if (type == REP_INFO)
                *ret = NBD_REPLY_INFO;
        else
                return -EPROTO;
        *ret_size = size;
        return 0;
}

int
nbd_info_read(const uint8_t *data, size_t size, struct nbd_export *ret)
{
        if (size < 2)
                return -EPROTO;
        if (get_be16(data) != INFO_EXPORT)
                return 0;
        if (size != 12)
                return -EPROTO;
        ret->size = (uint64_t)get_be32(data + 2) << 32 | get_be32(data + 6);
        ret->flags = get_be16(data + 10);
        return 0;
}
