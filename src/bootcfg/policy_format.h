/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_POLICY_FORMAT_H
#define DOMPOOL_BOOTCFG_POLICY_FORMAT_H
/* What reading (policy.c) and building (policy_build.c) a snapshot share; the layout itself is told in policy.h. */
#include "bootcfg/policy.h"

/* The tables behind the header, in the file's order. */
enum policy_part {
        PART_IMAGES,
        PART_PROFILES,
        PART_RULES,
        PART_MENUS,
        PART_QUIRKS,
        PART_ENROLS,
        PART_SETTINGS,
        PART_CHOICES,
        PART_QUIRK_REFS,
        PART_HOSTS,
        PART_BY_MAC,
        PART_BY_ADDRESS,
        PART_BY_NAME,
        PART_TEXTS,
        PART_N,
};

struct policy_table {
        const char *name;
        size_t count_offset; /* in the header */
        size_t size;         /* of one */
        uint32_t max;
};
extern const struct policy_table policy_tables[PART_N];

struct policy {
        const uint8_t *bytes;
        size_t size;
        bool mapped;       /* else malloc'ed */
        size_t at[PART_N]; /* where each table begins */
};

uint32_t policy_count(const struct policy_header *h, enum policy_part part);

/* Fills @at and returns the size of the whole file. */
uint64_t policy_layout(const struct policy_header *h, size_t at[PART_N]);

/* Checks @p, whose bytes and size are set, and fills in the rest of it. 0 or ERR_INVALID. */
int policy_check(struct policy *p, bool with_checksum, struct error *err);

/* The first slot to look at for a key; @n_slots is a power of two. */
uint32_t policy_slot_of_mac(const struct mac *mac, uint32_t n_slots);

uint32_t policy_slot_of_address(uint32_t address, uint32_t n_slots);

uint32_t policy_slot_of_name(const char *name, uint32_t n_slots);

#endif
