/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_VERIFY_H
#define DOMPOOL_IMAGE_IMAGE_VERIFY_H
/* Is a version what this room's key signed, byte by byte? */
#include "base/error.h"
#include "model/image.h"
#include "model/image_signature.h"

#define IMAGE_VERIFY_DAMAGE 8 /* places that are named */

struct image_verify {
        char key[IMAGE_KEY_ID_SIZE]; /* that signed it */
        uint32_t files;              /* looked at */
        uint64_t bytes;
        uint32_t n_damaged;
        char damaged[IMAGE_VERIFY_DAMAGE][300]; /* the first of them: "vmlinuz: its SHA-256 is not the manifest's" */
};

/* Reads all of it. 0, whatever is damaged; ERR_DENIED: the signature is missing, wrong or another room's. */
int image_verify(const char *store, const struct image *im, struct image_verify *ret, struct error *err);

/* The damage as an error: ERR_IO, with the first places and what to do. */
int image_verify_error(const struct image *im, const struct image_verify *v, struct error *err);

#endif
