/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_TWIN_H
#define DOMPOOL_MODEL_TWIN_H
/*
 * Machines that show the same UUID or serial number. All machines in, for each its twin out: O(n log n), once after something
 * has changed and not for each packet. Pure.
 */
#include "model/hardware.h"
#include "model/profile.h"

enum twin_by {
        TWIN_NONE,
        TWIN_CARD, /* not another machine: this MAC is a further network card of that host, as it reported */
        TWIN_UUID,
        TWIN_SERIAL, /* of the same manufacturer */
        TWIN_N,
};
extern const char *const twin_by_names[];

struct twin {
        uint32_t by;          /* enum twin_by */
        char with[NAME_SIZE]; /* one of the others */
        uint32_t others;      /* how many there are */
};

/* Beyond this it is a value that a board's maker filled in for all, and no news any more. */
#define TWIN_NEWS_MAX 8u

struct twin_machine {
        const char *name; /* a host's, or a MAC address */
        struct mac mac;
        const uint8_t *uuid;                  /* that its firmware shows to DHCP; NULL: none */
        const struct host_hardware *hardware; /* NULL or time_ms 0: it was not inspected */
        struct twin twin;                     /* filled in */
};

/* Values that are junk (machine_id.h) are nobody's. 0 or -ENOMEM, then no twin is set. */
int twins_find(struct twin_machine *machines, size_t n);

/* "its UUID is also that of n2 and 3 more". @buf empty: it has none. */
char *twin_text(const struct twin *t, char *buf, size_t size);

#endif
