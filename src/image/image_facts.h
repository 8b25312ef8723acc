/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_FACTS_H
#define DOMPOOL_IMAGE_IMAGE_FACTS_H
/*
 * Works out the facts of an image's and of loaders' files. All that is looked into is opened first; then a child without user,
 * files and network (started by root; otherwise one of the caller's user) reads it, within limits of memory and time, and says
 * what it found by a pipe. A file that breaks the child costs its facts. Blocking: seconds.
 *
 *     caller: open --fork--> child: sandbox, unpack (libarchive), parse --pipe: a record--> caller: decode, check
 */
#include "base/error.h"
#include "model/facts.h"

/* What only the kernel's package has; NULL where that is not at hand. */
struct image_facts_hints {
        const char *config;  /* /boot/config-RELEASE */
        const char *modinfo; /* /lib/modules/RELEASE/modules.builtin.modinfo */
};

/* Of a version's folder. What is missing or broken in it is a fact, not an error. Free with rec_clear(&image_facts_desc). */
int image_facts_make(const char *folder, const char *id, const struct image_facts_hints *hints, struct image_facts *ret,
                     struct error *err);

/* Of STORE/loaders. */
int loaders_facts_make(const char *folder, struct loaders_facts *ret, struct error *err);

#endif
