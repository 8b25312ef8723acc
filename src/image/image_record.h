/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_RECORD_H
#define DOMPOOL_IMAGE_IMAGE_RECORD_H
/* A record as a JSON file of the image store. Failures name the file. */
#include "base/error.h"
#include "base/rec.h"

/* @max: bytes of the file. -ENOENT where there is none. */
int image_record_read(const char *path, const struct rec_desc *d, size_t max, void *ret, struct error *err);

/* Replaces the file by rename. */
int image_record_write(const char *path, const struct rec_desc *d, const void *rec, struct error *err);

#endif
