/* SPDX-License-Identifier: Apache-2.0 */
/* Record table of an event. Pure; linked by every program. */
#include "model/event.h"

static const struct rec_field event_fields[] = {
        REC_U64(struct event, id),      REC_I64(struct event, time_ms), REC_STR(struct event, kind),
        REC_STR(struct event, subject), REC_STR(struct event, what),    REC_STR(struct event, text),
        REC_U64(struct event, boot),
};
const struct rec_desc event_desc = REC_DESC(struct event, event_fields);
