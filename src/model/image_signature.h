/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_IMAGE_SIGNATURE_H
#define DOMPOOL_MODEL_IMAGE_SIGNATURE_H
/*
 * Who made a version of an image: the room's Ed25519 key signs its manifest.json, which has the size and SHA-256 of every file
 * of the version. Three small texts, each one line:
 *
 *     STATE/image.key (0600)           dompool-image-key-1 <secret, 64 hex> <public, 64 hex>
 *     /etc/dompool/image.pub           dompool-image-pub-1 <public, 64 hex>       one or more lines: any of these keys is good
 *     STORE/versions/<id>/manifest.sig dompool-image-sig-1 <key id, 16 hex> <signature, 128 hex>
 *
 * What is signed is "dompool-image-sig-1\n" and the bytes of manifest.json. A key's id is the begin of its SHA-256. The public
 * part is also STORE/image.pub, and lies in the initrd of every image: dompool-init believes no root that it fetched without
 * it.
 */
#include "base/error.h"
#include "base/sign.h"

#define IMAGE_SIGNATURE_MAX 256 /* bytes of manifest.sig */
#define IMAGE_PUBLIC_MAX 1024   /* of image.pub */
#define IMAGE_KEY_MAX 256       /* of image.key */
#define IMAGE_MANIFEST_MAX (64u << 10)
#define IMAGE_KEY_ID_SIZE 17

#define IMAGE_PUBLIC_PATH "/etc/dompool/image.pub" /* in an initrd */

/* The id of a public key, for people. */
void image_key_id(const uint8_t public[SIGN_KEY_SIZE], char ret[IMAGE_KEY_ID_SIZE]);

void image_key_text(const struct sign_pair *pair, char ret[IMAGE_KEY_MAX]);
void image_public_text(const uint8_t public[SIGN_KEY_SIZE], char ret[IMAGE_KEY_MAX]);
/* @text: NUL-terminated; 0 or -EINVAL. */
int image_key_read(const char *text, struct sign_pair *ret);

int image_signature_make(const struct sign_pair *pair, const void *manifest, size_t size, char ret[IMAGE_SIGNATURE_MAX],
                         struct error *err);

/* @public: text of image.pub; @signature: of manifest.sig; both NUL-terminated. ERR_DENIED says what is wrong: not signed by
 * one of these keys, or not the bytes that were signed. @ret_key may be NULL: the id of the key that it was. */
int image_signature_check(const char *public, const char *signature, const void *manifest, size_t size,
                          char ret_key[IMAGE_KEY_ID_SIZE], struct error *err);

#endif
