/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_APT_H
#define DOMPOOL_IMAGE_IMAGE_APT_H
/* Debian packages by apt's own tools: which version there is, the file in our cache, its contents. Needs apt's lists; no root.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "image/image_recipe.h"

#define APT_FILE_SIZE 200

struct apt_package {
        char name[NAME_SIZE];
        char version[NAME_SIZE];
        char file[APT_FILE_SIZE]; /* name of the .deb */
        uint64_t size;
        uint8_t sha256[32]; /* from apt's signed lists */
};

/* The newest kernel image package behind a meta package; the package itself when it is one. */
int apt_kernel(const char *package, char ret[NAME_SIZE], struct error *err);

/* Fills @ret with one entry for each name, in the order of names. */
int apt_resolve(const char (*names)[NAME_SIZE], size_t n, struct apt_package *ret, struct error *err);

/* One line of `apt-get --print-uris download`. Pure. 0 or -EINVAL. */
int apt_parse_uri(const char *line, struct apt_package *ret);

/* Makes sure that the package is in folder @cache, with the right hash; downloads in @temp. */
int apt_fetch(const struct apt_package *p, const char *cache, const char *temp, struct error *err);

/* Unpacks it over folder @root. */
int apt_unpack(const struct apt_package *p, const char *cache, const char *root, struct error *err);

#endif
