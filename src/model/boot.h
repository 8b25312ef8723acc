/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_BOOT_H
#define DOMPOOL_MODEL_BOOT_H
/*
 * One boot of a host: when it reached which stage, and which files were asked for in vain. boot_stuck says in words what is
 * wrong with it. Pure data and pure functions.
 */
#include "base/rec.h"
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

struct boot {
        uint64_t number; /* 1.. per host */
        int64_t started_ms;
        int64_t last_ms;    /* the last word of any kind */
        int64_t attempt_ms; /* of the token rendered into its menu; 0: no menu yet */
        bool failed;        /* dompool-init reported a failure; the words are in @failure */
        char failure[512];
        uint32_t n_steps; /* in the order of time; a stage stands here at most once */
        struct boot_step steps[STAGE_N];
        uint32_t n_search;
        struct boot_search search[BOOT_MAX_SEARCH];
};
extern const struct rec_desc boot_desc;

/* True when the stage is new to this boot (it is then added, at its place in time: word of it may come late). */
bool boot_reach(struct boot *b, enum boot_stage stage, int64_t time_ms, const char *text);

/* A file that was asked for and is not there; the same one twice counts once, the oldest falls out. True when it is new. */
bool boot_missing(struct boot *b, const char *text);

/* The stage it got furthest, or -1. */
int boot_furthest(const struct boot *b);

/*
 * Writes to @buf where the boot hangs, since when, what usually is the cause and which files were missing; an empty text while
 * it is still within the usual time of its stage, or done. Returns @buf.
 */
char *boot_stuck(const struct boot *b, int64_t now_ms, char *buf, size_t size);

#endif
