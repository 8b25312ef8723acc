/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an xl.cfg: no crash, and what is accepted passes the model's own check and survives a message to another
 * process. */
#include <stdint.h>
#include <stdlib.h>

#include "xlcfg/xlcfg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct domain_config config, copy;
        static struct xlcfg_notes notes;
        struct error err;
        uint8_t *wire;
        size_t n;

        if (xlcfg_read("fuzz", (const char *)data, size, &config, &notes, &err))
                return 0;
        if (domain_config_check(&config, &err))
                abort();
        n = rec_encoded_size(&domain_config_desc, &config);
        wire = malloc(n);
        rec_encode(&domain_config_desc, &config, wire);
        if (rec_decode(&domain_config_desc, wire, n, &copy) || !rec_equal(&domain_config_desc, &config, &copy))
                abort();
        free(wire);
        return 0;
}
