/* SPDX-License-Identifier: Apache-2.0 */
/* dompool-init's question to an NFS server: any bytes as its answer. */
#include <assert.h>
#include <stdint.h>

#include "proto/rpc_null.h"
#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size >= RPC_REPLY_SIZE && rpc_null_read(data, 0xcafe0001) == 0)
                assert(get_be32(data + 4) == 0xcafe0001);
        return 0;
}
