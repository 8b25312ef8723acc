/* SPDX-License-Identifier: Apache-2.0 */
/* The enrolment's file: what is taken is written and read again as the same. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "model/satellite_enrolment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct satellite_enrolment e, again;
        char text[SATELLITE_ENROLMENT_TEXT_SIZE];
        struct error err;

        if (satellite_enrolment_parse((const char *)data, size, &e, &err) < 0)
                return 0;
        satellite_enrolment_text(&e, text);
        assert(satellite_enrolment_parse(text, strlen(text), &again, &err) == 0);
        assert(memcmp(&e, &again, sizeof(e)) == 0);
        return 0;
}
