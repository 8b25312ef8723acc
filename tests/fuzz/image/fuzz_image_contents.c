/* SPDX-License-Identifier: Apache-2.0 */
/* The list of a version's files: read, and looked for in its order. */
#include <stdlib.h>
#include <string.h>

#include "image/image_contents.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1);
        struct contents c;
        struct error err;

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        if (contents_parse(&c, "contents", text, &err) == 0) {
                for (size_t i = 0; i < c.n; i++)
                        contents_find(&c, (enum contents_type)c.entries[i].type, c.entries[i].path);
                contents_deinit(&c);
        }
        free(text);
        return 0;
}
