/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_REPORT_H
#define DOMPOOL_IMAGE_IMAGE_REPORT_H
/* What an image weighs on the wire, and its biggest parts, as lines for people. */
#include "image/image_tree.h"

#define REPORT_BIGGEST 10

struct image_report {
        uint64_t wire; /* bytes that a host fetches: loader, hypervisor, kernel, initrd */
        size_t n_lines;
        char lines[1 + REPORT_BIGGEST][200];
};

/* @out: folder of the image's files; @store: where the loaders are (the heavier one counts). */
int image_report_make(const char *out, const char *store, const struct tree *t, struct image_report *ret, struct error *err);

#endif
