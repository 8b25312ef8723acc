/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_HV_HV_LIBXL_H
#define DOMPOOL_HV_HV_LIBXL_H
/* What all users of libxl in hv share: its version, its log, errors for people, finding a domain. `rc` is a libxl code, as in
 * libxl itself. */
#define LIBXL_API_VERSION 0x041400
#include <libxl.h>
#include <libxl_utils.h>
#include <xentoollog.h>

#include "base/error.h"
#include "model/domain.h"

/* A logger that keeps libxl's last complaints; they become part of the error's text. */
struct hv_libxl_log {
        xentoollog_logger vtable; /* first: libxl hands us a pointer to it */
        char last[600];           /* the last lines of warning or worse, joined by "; " */
};

void
hv_libxl_log_init(struct hv_libxl_log *log);

/* Error from a libxl code: "WHAT: CODE (last lines of libxl)". */
int
hv_libxl_error(struct error *err, const struct hv_libxl_log *log, int rc, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/* Live (not dying) domain of this uuid: 0 and its info, -ENOENT, or -EIO. The caller disposes of @ret. */
int
hv_libxl_find(libxl_ctx *ctx, const uint8_t uuid[UUID_SIZE], libxl_dominfo *ret);

/* libxl's view of a domain as ours; name, type and op of domains that hv made come from the record and are filled in by the
 * caller. */
void
hv_libxl_info(const libxl_dominfo *in, struct domain_info *ret);

/* An enum domain_type as libxl's. */
libxl_domain_type
hv_libxl_type(uint32_t type);

/* Gives a domain another uuid in Xen itself; libxl_domain_preserve changes it in xenstore only. 0 or negative errno. */
int
hv_libxl_set_uuid(uint32_t domid, const libxl_uuid *uuid);

#endif
