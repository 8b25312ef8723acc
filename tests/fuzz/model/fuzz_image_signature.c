/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.sig and image.pub as dompool-init fetched or found them: the input is both, a NUL between. */
#include <stdlib.h>
#include <string.h>

#include "model/image_signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 2), *second;
        char key[IMAGE_KEY_ID_SIZE];
        struct error err;

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = text[size + 1] = '\0';
        second = text + strlen(text) + (strlen(text) < size);
        image_signature_check(second, text, "{}", 2, key, &err);
        free(text);
        return 0;
}
