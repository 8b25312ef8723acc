/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_XLCFG_XLCFG_H
#define DOMPOOL_XLCFG_XLCFG_H
/*
 * Reads xl.cfg(5) into a typed configuration. Pure: no file is opened, nothing is run. Its oracle is Xen's own libxlu.
 */
#include "base/error.h"
#include "model/domain.h"

#define XLCFG_MAX_SIZE (256u << 10)
#define XLCFG_MAX_NOTES 64

/* A key that was read but has no effect here, with the reason; never silent. */
struct xlcfg_note {
        unsigned line;
        char text[200];
};

struct xlcfg_notes {
        uint32_t n;
        struct xlcfg_note notes[XLCFG_MAX_NOTES];
};

/*
 * @name is used in messages ("vm.cfg:12: ..."). File names stay as paths in kernel.path and ramdisk.path. Fills domain defaults
 * first (domain_config_init) and checks the whole (domain_config_check). ERR_CONFIG with file:line, ERR_UNSUPPORTED for what
 * dompool cannot do yet.
 */
int xlcfg_read(const char *name, const char *text, size_t size, struct domain_config *ret, struct xlcfg_notes *notes,
               struct error *err);

#endif
