/* SPDX-License-Identifier: Apache-2.0 */
/* Record tables of a node image's manifest. Pure; linked by every program. */
#include "model/image.h"

#include <string.h>

static const struct rec_field image_file_fields[] = {
        REC_STR(struct image_file, name),
        REC_U64(struct image_file, size),
        REC_BYTES(struct image_file, sha256),
};
static const struct rec_desc image_file_desc = REC_DESC(struct image_file, image_file_fields);

static const struct rec_field image_fields[] = {
        REC_STR(struct image, id),
        REC_STR(struct image, name),
        REC_STR(struct image, recipe),
        REC_STR(struct image, xen_version),
        REC_STR(struct image, kernel_version),
        REC_STR(struct image, xen_args),
        REC_STR(struct image, kernel_args),
        REC_I64(struct image, built_ms),
        REC_LIST(struct image, files, image_file_desc),
};
const struct rec_desc image_desc = REC_DESC(struct image, image_fields);

const struct image_file *
image_file_find(const struct image *im, const char *name)
{
        for (uint32_t i = 0; i < im->n_files; i++)
                if (strcmp(im->files[i].name, name) == 0)
                        return &im->files[i];
        return NULL;
}
