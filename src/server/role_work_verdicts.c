/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What role_work_check.c has found, over a restart of the server: STATE/work/verdicts, a record (base/rec.h) that is replaced
 * by rename. Only work writes it. One that is cut or damaged is as none: all is read once more. Runs in role work.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/log.h"
#include "server/role_work_export.h"

#define VERSION 1
#define FILE_MAX (1u << 20)

static const struct rec_field verdict_row_fields[] = {
        REC_STR(struct verdict_row, image),    REC_U64(struct verdict_row, dev),     REC_U64(struct verdict_row, ino),
        REC_I64(struct verdict_row, size),     REC_I64(struct verdict_row, mtime_s), REC_I64(struct verdict_row, mtime_ns),
        REC_BOOL(struct verdict_row, damaged),
};
static const struct rec_desc verdict_row_desc = REC_DESC(struct verdict_row, verdict_row_fields);

static const struct rec_field work_verdicts_fields[] = {
        REC_U32(struct work_verdicts, version),
        REC_LIST(struct work_verdicts, rows, verdict_row_desc),
};
static const struct rec_desc work_verdicts_desc = REC_DESC(struct work_verdicts, work_verdicts_fields);

static void
path_of(const struct role_ctx *ctx, char ret[ROLE_PATH_SIZE + 32])
{
        char dir[ROLE_PATH_SIZE];

        role_path_text(ctx->config, ROLE_WORK, ROLE_PATH_STATE_OWN, dir);
        snprintf(ret, ROLE_PATH_SIZE + 32, "%s/verdicts", dir);
}

/* An id becomes a part of a path. */
static bool
names_versions(const struct work_verdicts *v)
{
        for (uint32_t i = 0; i < v->n_rows; i++)
                if (strspn(v->rows[i].image, "0123456789abcdef") != IMAGE_ID_SIZE - 1)
                        return false;
        return v->version == VERSION;
}

struct work_verdicts *
work_verdicts_read(const struct role_ctx *ctx)
{
        struct work_verdicts *v = calloc(1, sizeof(*v));
        _cleanup_free_ uint8_t *bytes = NULL;
        char path[ROLE_PATH_SIZE + 32];
        size_t size = 0;
        int r;

        if (!v)
                return NULL;
        path_of(ctx, path);
        r = fd_read_file(AT_FDCWD, path, FILE_MAX, &bytes, &size);
        if (r == 0 && size > 0)
                r = rec_decode(&work_verdicts_desc, bytes, size, v);
        if (r == 0 && size > 0 && !names_versions(v))
                r = -EBADMSG;
        if (r < 0) {
                log_warning("file=%s cannot be used (%s), roots are read anew", path, strerror(-r));
                *v = (struct work_verdicts){0};
        }
        return v;
}

void
work_verdicts_write(const struct role_ctx *ctx, struct work_verdicts *v)
{
        char path[ROLE_PATH_SIZE + 32];
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size;
        int r;

        v->version = VERSION;
        size = rec_encoded_size(&work_verdicts_desc, v);
        bytes = malloc(size);
        if (!bytes)
                return;
        rec_encode(&work_verdicts_desc, v, bytes);
        path_of(ctx, path);
        r = fd_replace_file(path, 0600, bytes, size);
        if (r < 0)
                log_error("file=%s not written (%s), roots are read anew at the next start", path, strerror(-r));
}
