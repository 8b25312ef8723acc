/* SPDX-License-Identifier: Apache-2.0 */
/* keep's decisions as pure functions. */
#include "agent/keep_plan.h"

#include <string.h>

#include "model/keep.h"

uint64_t
keep_next_look_ms(uint64_t size)
{
        return size > KEEP_LARGE ? KEEP_LARGE_LOOK_MS : KEEP_LOOK_MS;
}

bool
keep_part_fits(const struct msg_agent_keep_part *m, uint64_t have, uint64_t total)
{
        return m->size <= KEEP_LIMIT_MAX && m->offset == have && have < m->size && (have == 0 || m->size == total) &&
               m->data.size > 0 && m->data.size <= m->size - have;
}

enum keep_step
keep_step(const struct msg_agent_keep_answer *m, const uint8_t sha256[SHA256_SIZE], size_t size)
{
        if (m->verdict == KEEP_ASK)
                return KEEP_STEP_OFFER;
        if (memcmp(m->sha256, sha256, SHA256_SIZE) != 0)
                return KEEP_STEP_NOTHING;
        switch ((enum keep_verdict)m->verdict) {
        case KEEP_WANT:
                return size == 0 ? KEEP_STEP_LOOK : m->offset < size ? KEEP_STEP_SEND : KEEP_STEP_NOTHING;
        case KEEP_BUSY:
                return KEEP_STEP_LATER;
        case KEEP_DROPPED:
                return KEEP_STEP_STOP;
        case KEEP_HAVE:
        case KEEP_TOO_LARGE:
                return KEEP_STEP_DONE;
        case KEEP_ASK:
        case KEEP_VERDICT_N:
                break;
        }
        return KEEP_STEP_NOTHING;
}
