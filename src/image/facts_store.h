/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_FACTS_STORE_H
#define DOMPOOL_IMAGE_FACTS_STORE_H
/* Facts beside the image store's versions: STORE/facts, see model/facts.h. Reading needs no privilege. */
#include "base/error.h"
#include "image/image_facts.h"

/* 0; -ENOENT: there are none, or they are of another FACTS_VERSION. Free with rec_clear(&image_facts_desc). */
int facts_store_read(const char *store, const char *id, struct image_facts *ret, struct error *err);
int facts_store_read_loaders(const char *store, struct loaders_facts *ret, struct error *err);

/* Makes and keeps those of a published version. */
int facts_store_make(const char *store, const char *id, const struct image_facts_hints *hints, struct error *err);
int facts_store_make_loaders(const char *store, struct error *err);

/* Makes what is missing: of each version, and the loaders' anew. Goes on past one that fails; @err is the first one's. */
int facts_store_fill(const char *store, struct error *err);

#endif
