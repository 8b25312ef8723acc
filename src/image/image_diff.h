/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_DIFF_H
#define DOMPOOL_IMAGE_IMAGE_DIFF_H
/* What makes two versions different, and what makes one big. Both read the versions' lists (image_contents.h). */
#include <jansson.h>

#include "base/error.h"
#include "model/image.h"

#define IMAGE_DIFF_ROWS 2000 /* of files; the counts are of all */
#define IMAGE_BIGGEST 10

/*
 * {"from","to": id, "same": bool, "values": [{"what","from","to"}], "packages": [{"change","name","from","to"}],
 *  "modules": [{"change","name"}], "files": [{"change","path","size_from","size_to"}], "counts": {"added","removed","changed"},
 *  "bytes": difference of the trees}
 * change: "added", "removed", "changed". A module is named by its file name without ".ko..."; its file stands in files as well.
 */
int image_diff_json(const char *store, const struct image *a, const struct image *b, json_t **ret, struct error *err);

/* [{"path","size"}], biggest first; of the tree, or of the version's files where it has no list. */
json_t *image_biggest_json(const char *store, const struct image *im);

#endif
