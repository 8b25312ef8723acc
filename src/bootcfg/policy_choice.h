/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_POLICY_CHOICE_H
#define DOMPOOL_BOOTCFG_POLICY_CHOICE_H
/*
 * What a host boots now: the snapshot and the time of day in, a profile, its image and who decided it out. Asked by `boot` at
 * the moment when a host asks, and by `core` for what it shows.
 */
#include "bootcfg/policy.h"

/* A moment on the server's clock on the wall, in its time zone. */
struct policy_time {
        uint8_t weekday; /* 0 is Monday */
        uint16_t minute; /* of the day */
};

/* By localtime_r(3): the offset of summer time is that of the moment. tzset(3) must have been called, before the sandbox. */
void policy_time_at(int64_t wall_ms, struct policy_time *ret);

struct policy_chosen {
        const struct policy_profile *profile; /* NULL: the host is not known */
        const struct policy_image *image;     /* of kinds that boot one; NULL: it is not there, so the disk is the answer */
        const struct policy_menu *menu;       /* shown to a person first; NULL: none */
        const struct policy_rule *rule;       /* that decided; NULL: none did */
        enum policy_by by;
        bool fallen;         /* instead of what is wanted, which the host could not boot */
        enum root_kind root; /* of the image; ROOT_RAM unless the profile is of the pool */
};

/* Is @t within the choice's days and times? */
bool policy_choice_is_due(const struct policy_choice *c, const struct policy_time *t);

/* Pure. @host NULL: unknown, everything in @ret is NULL. */
void policy_choose(const struct policy *p, const struct policy_host *host, const struct policy_time *t,
                   struct policy_chosen *ret);

/* What one choice means on the host, whenever it is due. */
void policy_choose_one(const struct policy *p, const struct policy_host *host, const struct policy_choice *c,
                       struct policy_chosen *ret);

/* Each thing that the host may boot, at any time and by any menu that it is shown. Returns how many. */
#define POLICY_MAX_WAYS (POLICY_MAX_CHOICES * (1 + MENU_MAX_ENTRIES))
uint32_t policy_choose_all(const struct policy *p, const struct policy_host *host, struct policy_chosen ret[POLICY_MAX_WAYS]);

/* What booting @profile on @host means when a person picks it from a menu: the image, and no menu. */
void policy_choose_entry(const struct policy *p, const struct policy_host *host, const struct policy_entry *entry,
                         struct policy_chosen *ret);

#endif
