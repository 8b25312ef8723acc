/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_GUARD_PRIVATE_H
#define DOMPOOL_BOOTCFG_GUARD_PRIVATE_H
/* Inside of the guards: what their files offer each other. */
#include "bootcfg/guard.h"

/* Adds a finding at its code's level; what is over GUARD_MAX_FINDINGS is dropped. Returns it, or NULL. */
struct guard_finding *guard_add(struct guard_report *report, enum guard_code code, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

/* The architecture that the host must be given. */
enum facts_arch guard_arch(const struct guard_request *r);

/* The value of the last word NAME=VALUE of a command line; false: there is none. */
bool guard_word(const char *args, const char *name, char *value, size_t size);

/* Is it known that the initrd which is loaded has not this module? Where none is listed it is not known what there is. */
bool guard_lacks_module(const struct guard_request *r, const char *name);

/* "the initrd" or "initrd-root": which of the image's is loaded. */
const char *guard_initrd_name(const struct guard_request *r);

/* The checks, each for itself; the order is that of findings. */
void guard_loader(const struct guard_request *r, struct guard_report *report);
void guard_xen(const struct guard_request *r, struct guard_report *report);
void guard_root(const struct guard_request *r, struct guard_report *report);
void guard_iscsi(const struct guard_request *r, struct guard_report *report);
void guard_satellite(const struct guard_request *r, struct guard_report *report);
void guard_cpu(const struct guard_request *r, struct guard_report *report);
void guard_nics(const struct guard_request *r, struct guard_report *report);
void guard_guest_net(const struct guard_request *r, struct guard_report *report);
void guard_nfs_dirs(const struct guard_request *r, struct guard_report *report);
void guard_memory(const struct guard_request *r, struct guard_report *report);
void guard_args(const struct guard_request *r, struct guard_report *report);

#endif
