/* SPDX-License-Identifier: Apache-2.0 */
/* dompool-init's NBD handshake: any bytes as greeting, replies and their data. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "proto/nbd_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        enum nbd_reply reply = NBD_REPLY_INFO;
        struct nbd_export e = {0};
        uint32_t n;

        if (size < NBD_GREETING_SIZE || nbd_greeting_read(data) < 0)
                return 0;
        data += NBD_GREETING_SIZE;
        size -= NBD_GREETING_SIZE;
        while (reply == NBD_REPLY_INFO && size >= NBD_REPLY_SIZE && nbd_reply_read(data, &reply, &n) == 0) {
                assert(n <= NBD_DATA_MAX);
                data += NBD_REPLY_SIZE;
                size -= NBD_REPLY_SIZE;
                if (n > size || nbd_info_read(data, n, &e) < 0)
                        break;
                data += n;
                size -= n;
        }
        return 0;
}
