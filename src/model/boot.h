/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_BOOT_H
#define DOMPOOL_MODEL_BOOT_H
/*
 * One boot of a host: when it reached which stage, which files were asked for in vain, and what else was noticed. What is wrong
 * with one that is stuck: boot_verdict.h. Pure data and pure functions.
 */
#include "base/rec.h"
#include "model/hardware.h"
#include "model/host.h"

#define BOOT_MAX_SEARCH 16 /* the latest missing files kept for a boot */
#define BOOT_TEXT_SIZE 200
#define BOOT_SILENCE_MS 60000 /* a firmware's DHCP after this long without a word from the host is a new boot */

struct boot_step {
        uint32_t stage;  /* enum boot_stage */
        int64_t time_ms; /* wall, when it was reached first */
        char text[BOOT_TEXT_SIZE];
};

struct boot_search {
        char text[BOOT_TEXT_SIZE];
};

struct boot_note {
        uint32_t kind; /* enum boot_note_kind */
        uint32_t count;
        int64_t time_ms; /* wall, of the latest */
        char text[BOOT_TEXT_SIZE];
};

struct boot {
        uint64_t number; /* 1.. per host */
        int64_t started_ms;
        int64_t last_ms;    /* the last word of any kind */
        struct host_firmware firmware; /* stays when the next boot begins, until that one has asked */
        int64_t attempt_ms; /* of the token rendered into its menu; 0: no menu yet */
        char via[NAME_SIZE]; /* the satellite that it booted from; empty: from this server */
        bool failed;        /* dompool-init reported a failure; the words are in @failure */
        char failure[512];
        uint32_t n_steps; /* in the order of time; a stage stands here at most once */
        struct boot_step steps[STAGE_N];
        uint32_t n_search;
        struct boot_search search[BOOT_MAX_SEARCH];
        uint32_t n_notes; /* one a kind, the latest */
        struct boot_note notes[BOOT_NOTE_N];
};
extern const struct rec_desc boot_desc;

/* True when the stage is new to this boot (it is then added, at its place in time: word of it may come late). */
bool boot_reach(struct boot *b, enum boot_stage stage, int64_t time_ms, const char *text);

/* A file that was asked for and is not there; the same one twice counts once, the oldest falls out. True when it is new. */
bool boot_missing(struct boot *b, const char *text);

/* The stage it got furthest, or -1. */
int boot_furthest(const struct boot *b);

/* Enters a note; a further one of the same kind takes its place and is counted. */
void boot_note(struct boot *b, enum boot_note_kind kind, int64_t time_ms, const char *text);

/* NULL: nothing of the kind was noticed. */
const struct boot_note *boot_note_find(const struct boot *b, enum boot_note_kind kind);

#endif
