/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the store on disk: manifests, tags, facts. Blocking; wherever the store is read or written. */
#include "image/image_record.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/rec_json.h"
#include "image/image_files.h"

int
image_record_read(const char *path, const struct rec_desc *d, size_t max, void *ret, struct error *err)
{
        _cleanup_free_ uint8_t *text = NULL;
        size_t size;
        json_t *obj;
        int r;

        r = image_read(path, max, &text, &size, err);
        if (r < 0)
                return r;
        obj = json_parse((const char *)text, size, max, err);
        if (!obj)
                return error_prefix(err, "%s", path);
        r = rec_from_json(d, obj, ret, err);
        json_decref(obj);
        return r < 0 ? error_prefix(err, "%s", path) : 0;
}

int
image_record_write(const char *path, const struct rec_desc *d, const void *rec, struct error *err)
{
        _cleanup_free_ char *text = NULL;
        json_t *obj = rec_to_json(d, rec);

        text = obj ? json_text(obj) : NULL;
        json_decref(obj);
        return text ? image_write(path, text, strlen(text), err) : error_errno_set(err, ENOMEM, "%s", path);
}
