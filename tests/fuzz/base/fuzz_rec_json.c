/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses a message, the rest is JSON for it: no crash, and what is accepted comes back the same. */
#include <stdint.h>
#include <stdlib.h>

#include "base/rec_json.h"
#include "ipc/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct rec_desc *d, const json_t *json)
{
        void *rec = malloc(d->size), *back = malloc(d->size);
        struct error err;

        if (rec_from_json(d, json, rec, &err) == 0) {
                json_t *again = rec_to_json(d, rec);

                if (!again || rec_from_json(d, again, back, &err) || !rec_equal(d, rec, back))
                        abort();
                json_decref(again);
                rec_clear(d, back);
        }
        rec_clear(d, rec);
        free(rec);
        free(back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct rec_desc *d = size ? message_desc((enum msg_type)data[0]) : NULL;
        struct error err;
        json_t *json;

        if (!d)
                return 0;
        json = json_parse((const char *)data + 1, size - 1, 1u << 20, &err);
        if (json)
                check(d, json);
        json_decref(json);
        return 0;
}
