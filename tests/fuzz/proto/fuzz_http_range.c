/* SPDX-License-Identifier: Apache-2.0 */
/* A Range header and a file's size: whatever is asked, the part lies in the file. */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "proto/http_range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint64_t file_size = 0, start = 0, length = 0;
        char *text;

        if (size < 8)
                return 0;
        memcpy(&file_size, data, 8);
        text = malloc(size - 8 + 1);
        memcpy(text, data + 8, size - 8);
        text[size - 8] = '\0';
        if (http_range_parse(text, file_size, &start, &length) == HTTP_RANGE_PART)
                assert(length > 0 && start < file_size && length <= file_size - start);
        free(text);
        return 0;
}
