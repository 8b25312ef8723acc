/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_INITRD_FACTS_H
#define DOMPOOL_IMAGE_INITRD_FACTS_H
/*
 * Collects what an initrd's archive tells: has it an /init, how much RAM it takes, which kernel's modules are in it, which
 * network cards these drive, and which paths it keeps. A sink for cpio_walk.h; pure, bounded.
 */
#include "image/cpio_walk.h"
#include "model/facts.h"

struct initrd_collect;

/* @release: the kernel's, whose modules count; "" counts those of the first folder. NULL: out of memory. */
struct initrd_collect *initrd_collect_new(const char *release);
void initrd_collect_free(struct initrd_collect *c);

/* Hand it to cpio_walk_start(); valid as long as @c. */
const struct cpio_sink *initrd_collect_sink(struct initrd_collect *c);

/* modules.builtin.modinfo from elsewhere, where the archive has none: NUL-separated "module.key=value". */
void initrd_collect_builtin(struct initrd_collect *c, const char *modinfo, size_t size);

/* Fills init, unpacked, modules_release, modules, nics_known, nics, no_firmware and keep. 0 or -ENOMEM. */
int initrd_collect_finish(struct initrd_collect *c, struct initrd_facts *ret);

#endif
