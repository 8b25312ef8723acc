/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_KEY_H
#define DOMPOOL_IMAGE_IMAGE_KEY_H
/* The room's key for images, on disk; formats: model/image_signature.h. The secret is read by root alone: by the server's
 * parent, which makes it at the first start, and by the tasks of work. */
#include "model/image_signature.h"

#define IMAGE_PUBLIC_NAME "image.pub" /* in the store */
#define IMAGE_KEY_NAME "image.key"    /* in the server's state; in a store without a server */

/* Reads the key file; makes it, 0600, where there is none. One that others may read is refused (ERR_DENIED). */
int image_key_load(const char *path, struct sign_pair *ret, struct error *err);

/* Sees to it that STORE/image.pub names the key. */
int image_key_publish(const char *store, const struct sign_pair *pair, struct error *err);

/* Signs the manifest in @folder: manifest.sig beside it. */
int image_sign(const char *folder, const struct sign_pair *pair, struct error *err);

/* Is the manifest in @folder signed by a key of STORE/image.pub? ERR_DENIED says why not. @ret_key: the key's id. */
int image_sign_check(const char *store, const char *folder, char ret_key[IMAGE_KEY_ID_SIZE], struct error *err);

#endif
