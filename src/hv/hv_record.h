/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_HV_HV_RECORD_H
#define DOMPOOL_HV_HV_RECORD_H
/*
 * What hv keeps of each domain that it made, a file RUN/domains/<uuid> (binary record, written whole and renamed): so a new hv
 * knows which domains are complete, what they were made of, and what is to happen when they end. In RAM, as the domains are.
 *
 *     (none) --create begins--> building --built, before unpause--> complete --destroyed--> (none)
 *
 * A domain on the host whose record says building, with no task at work on it, is half-built and gets destroyed.
 * A domain on the host without a record was made by somebody else: it is reported and never touched.
 */
#include "base/error.h"
#include "model/domain.h"

struct hv_record {
        uint64_t op;
        uint32_t domid; /* valid when complete */
        bool complete;
        bool preserved;     /* it has ended and is kept: its end has been dealt with */
        bool restarting;    /* between its old and its new life; with nobody at work on it, to be begun again */
        uint32_t n_fast;    /* restarts in a row after a short life */
        int64_t started_ms; /* CLOCK_BOOTTIME */
        struct domain_config config;
};
extern const struct rec_desc hv_record_desc;

/* @dir is RUN/domains. All return 0 or negative errno; load: -ENOENT there is none, -EBADMSG it is damaged. */
int
hv_record_save(const char *dir, const struct hv_record *record);

int
hv_record_load(const char *dir, const uint8_t uuid[UUID_SIZE], struct hv_record *ret);

int
hv_record_delete(const char *dir, const uint8_t uuid[UUID_SIZE]);

/* Calls @fn for each readable record; damaged files are left alone. */
int
hv_record_each(const char *dir, void (*fn)(void *arg, const struct hv_record *record), void *arg);

/* What is to become of a domain that ended; libxl's shutdown reasons as hv sees them. */
enum hv_end { HV_END_POWEROFF, HV_END_REBOOT, HV_END_SUSPEND, HV_END_CRASH, HV_END_SOFT_RESET };

#define HV_FAST_MS 10000
#define HV_FAST_MAX 5

struct hv_end_decision {
        uint32_t action;  /* enum domain_action; only DESTROY, RESTART, RENAME_RESTART, PRESERVE */
        uint32_t n_fast;  /* for the record of the restarted domain */
        const char *note; /* for people: why it is not what the configuration says; "" otherwise */
};

/* Pure. A domain that ends HV_FAST_MAX times in a row within HV_FAST_MS of its start is destroyed instead of restarted once
 * more. */
struct hv_end_decision
hv_end_decide(const struct hv_record *record, enum hv_end end, int64_t now_ms);

#endif
