/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes to Xen's libxlu and to our reader: they agree on what is an xl.cfg and on every value in it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../unit/xlcfg/oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libxlu leaks in its error paths; that is not ours to find. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
        return "leak:libxlutil";
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char why[2000] = "";

        if (oracle_compare_text((const char *)data, size, why, sizeof(why)) == ORACLE_DIFFER) {
                fprintf(stderr, "%s\n", why);
                abort();
        }
        return 0;
}
