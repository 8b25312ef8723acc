/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_HV_HV_BLOB_H
#define DOMPOOL_HV_HV_BLOB_H
/* Kernels and ramdisks that link fetched. link may write to that folder at any time, so hv takes a sealed copy and checks what
 * it took. */
#include "base/error.h"
#include "model/domain.h"

/* A descriptor (memfd, sealed) whose content has @file's size and hash; or negative errno with @err. */
int
hv_blob_take(const char *folder, const struct guest_file *file, struct error *err);

/* Removes files that no record in @records (RUN/domains) refers to and that are older than half an hour. */
void
hv_blob_collect(const char *folder, const char *records, int64_t now_s);

#endif
