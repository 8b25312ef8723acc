/* SPDX-License-Identifier: Apache-2.0 */
/* A boot's stages and notes. Pure; used by core (and shown by the client). */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "model/boot.h"

static const struct rec_field boot_step_fields[] = {
        REC_ENUM(struct boot_step, stage, boot_stage_names),
        REC_I64(struct boot_step, time_ms),
        REC_STR(struct boot_step, text),
};
static const struct rec_desc boot_step_desc = REC_DESC(struct boot_step, boot_step_fields);

static const struct rec_field boot_search_fields[] = {
        REC_STR(struct boot_search, text),
};
static const struct rec_desc boot_search_desc = REC_DESC(struct boot_search, boot_search_fields);

static const struct rec_field boot_note_fields[] = {
        REC_ENUM(struct boot_note, kind, boot_note_names),
        REC_U32(struct boot_note, count),
        REC_I64(struct boot_note, time_ms),
        REC_STR(struct boot_note, text),
};
static const struct rec_desc boot_note_desc = REC_DESC(struct boot_note, boot_note_fields);

static const struct rec_field boot_fields[] = {
        REC_U64(struct boot, number),
        REC_I64(struct boot, started_ms),
        REC_I64(struct boot, last_ms),
        REC_REC(struct boot, firmware, host_firmware_desc),
        REC_I64(struct boot, attempt_ms),
        REC_STR(struct boot, via),
        REC_BOOL(struct boot, failed),
        REC_STR(struct boot, failure),
        REC_LIST(struct boot, steps, boot_step_desc),
        REC_LIST(struct boot, search, boot_search_desc),
        REC_LIST(struct boot, notes, boot_note_desc),
};
const struct rec_desc boot_desc = REC_DESC(struct boot, boot_fields);

bool
boot_reach(struct boot *b, enum boot_stage stage, int64_t time_ms, const char *text)
{
        uint32_t i, at = 0;

        for (i = 0; i < b->n_steps; i++) {
                if (b->steps[i].stage == stage)
                        return false;
                if (b->steps[i].time_ms <= time_ms)
                        at = i + 1;
        }
        if (b->n_steps >= STAGE_N)
                return false;
        memmove(&b->steps[at + 1], &b->steps[at], (b->n_steps - at) * sizeof(b->steps[0]));
        b->n_steps++;
        b->steps[at] = (struct boot_step){.stage = stage, .time_ms = time_ms};
        str_copy(b->steps[at].text, sizeof(b->steps[at].text), text);
        if (b->started_ms > time_ms)
                b->started_ms = time_ms;
        if (b->last_ms < time_ms)
                b->last_ms = time_ms;
        return true;
}

bool
boot_missing(struct boot *b, const char *text)
{
        uint32_t i;

        for (i = 0; i < b->n_search; i++)
                if (!strcmp(b->search[i].text, text))
                        return false;
        if (b->n_search == BOOT_MAX_SEARCH) {
                memmove(&b->search[0], &b->search[1], sizeof(b->search) - sizeof(b->search[0]));
                b->n_search--;
        }
        str_copy(b->search[b->n_search++].text, BOOT_TEXT_SIZE, text);
        return true;
}

int
boot_furthest(const struct boot *b)
{
        int furthest = -1;
        uint32_t i;

        for (i = 0; i < b->n_steps; i++)
                if ((int)b->steps[i].stage > furthest)
                        furthest = (int)b->steps[i].stage;
        return furthest;
}

void
boot_note(struct boot *b, enum boot_note_kind kind, int64_t time_ms, const char *text)
{
        struct boot_note *n = (struct boot_note *)(uintptr_t)boot_note_find(b, kind);

        if (!n) {
                if (kind <= BOOT_NOTE_NONE || kind >= BOOT_NOTE_N || b->n_notes >= BOOT_NOTE_N)
                        return;
                n = &b->notes[b->n_notes++];
                *n = (struct boot_note){.kind = kind};
        }
        n->count++;
        n->time_ms = time_ms;
        str_copy(n->text, sizeof(n->text), text);
}

const struct boot_note *
boot_note_find(const struct boot *b, enum boot_note_kind kind)
{
        for (uint32_t i = 0; i < b->n_notes; i++)
                if (b->notes[i].kind == kind)
                        return &b->notes[i];
        return NULL;
}
