/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_XLCFG_XLCFG_READER_H
#define DOMPOOL_XLCFG_XLCFG_READER_H
/* What the files of src/xlcfg share while one xl.cfg is read. Nobody else includes this. */
#include "xlcfg/xlcfg.h"
#include "xlcfg/xlcfg_doc.h"

struct xlcfg_reader {
        const char *name; /* of the file */
        const struct xlcfg_doc *doc;
        struct domain_config *config;
        struct xlcfg_notes *notes;
        struct error *err;
};

/* Sets the error "NAME:LINE: ..." and returns its negative errno. */
int xlcfg_refuse(const struct xlcfg_reader *r, unsigned line, enum error_code code, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/* Says that something has no effect; beyond XLCFG_MAX_NOTES the last note says that there are more. */
void xlcfg_note(const struct xlcfg_reader *r, unsigned line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Copies a text that the guest's configuration keeps: UTF-8, no control characters, at most @size - 1 bytes; @what names it in
 * the error. */
int xlcfg_copy(const struct xlcfg_reader *r, unsigned line, const char *what, const char *text, char *dst, size_t size);

/* One NET_SPEC_STRING of xl-network-configuration(5). @ret is untouched on failure. */
int xlcfg_vif_read(const struct xlcfg_reader *r, unsigned line, const char *spec, struct vif *ret);

/* "10MB/s@50ms": bytes per interval and the interval. 0, -EINVAL (form) or -ERANGE (zero or too large). */
int xlcfg_vif_rate(const char *text, uint64_t *ret_bytes, uint32_t *ret_interval_us);

/* One DISK_SPEC_STRING of xl-disk-configuration(5), its old positional forms too. @ret is untouched on failure. */
int xlcfg_disk_read(const struct xlcfg_reader *r, unsigned line, const char *spec, struct disk *ret);

#endif
