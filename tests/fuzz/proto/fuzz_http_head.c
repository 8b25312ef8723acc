/* SPDX-License-Identifier: Apache-2.0 */
/* link's parser of an HTTP response head: any bytes, and the same bytes in pieces give the same verdict. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "proto/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct http_head whole = {0}, part = {0};
        int r = http_head_parse((const char *)data, size, &whole);

        if (r == 1) {
                assert(whole.size <= size && whole.size <= HTTP_HEAD_MAX);
                assert(whole.status >= 100 && whole.status <= 999);
                /* the head alone is enough, one byte less is not */
                assert(http_head_parse((const char *)data, whole.size, &part) == 1);
                assert(memcmp(&whole, &part, sizeof(whole)) == 0);
                assert(http_head_parse((const char *)data, whole.size - 1, &part) == 0);
        }
        return 0;
}
