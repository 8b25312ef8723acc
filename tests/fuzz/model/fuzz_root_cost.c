/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as what the kernel and dompool-init say of a root: hv reads it as root, and a server's name and path are in it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "model/root_cost.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1), line[256];
        struct root_cost cost;
        uint64_t bytes = 0;

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        if (root_cost_facts(text, &cost) == 0) {
                assert(cost.root[0] && strlen(cost.root) < sizeof(cost.root));
                root_cost_text(&cost, line, sizeof(line));
                (void)root_layer_level(ROOT_LAYER_FINE, cost.fetched, cost.layer_size);
        }
        if (!root_cost_nfs(text, ROOT_LOWER, &bytes))
                assert(bytes == 0);
        if (root_cost_block(text, &bytes))
                assert(bytes % 512 == 0);
        free(text);
        return 0;
}
