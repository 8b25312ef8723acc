/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about hosts' kept files. Process: core. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/store_private.h"

int
store_kept_put(struct store *s, const struct store_kept *k, const uint8_t *data, struct error *err)
{
        return store_run(s, ST_KEPT_PUT, err, "tiiibb", k->host, k->time_ms, k->attempt_ms, (int64_t)k->n_files, k->sha256,
                         sizeof(k->sha256), data ? data : (const uint8_t *)"", (size_t)k->size);
}

int
store_kepts(struct store *s, int (*fn)(void *arg, const struct store_kept *k), void *arg, struct error *err)
{
        sqlite3_stmt *stmt;
        int r = store_query(s, ST_KEPTS, &stmt, err, "");

        if (r)
                return r;
        while ((r = store_step(s, stmt, err)) == 1) {
                struct store_kept k = {
                        .time_ms = sqlite3_column_int64(stmt, 1),
                        .attempt_ms = sqlite3_column_int64(stmt, 2),
                        .n_files = (uint32_t)sqlite3_column_int64(stmt, 3),
                        .size = (uint64_t)sqlite3_column_int64(stmt, 5),
                };

                str_copy(k.host, sizeof(k.host), store_text(stmt, 0));
                store_bytes(stmt, 4, k.sha256, sizeof(k.sha256));
                r = fn(arg, &k);
                if (r)
                        break;
        }
        store_done(stmt);
        return r;
}

static int
read_part(struct store *s, sqlite3_blob *b, uint64_t offset, size_t max, struct blob *ret, struct error *err)
{
        const uint64_t size = (uint64_t)sqlite3_blob_bytes(b);
        const size_t n = offset >= size ? 0 : size - offset < max ? (size_t)(size - offset) : max;
        _cleanup_free_ uint8_t *data = malloc(n + 1);

        if (!data)
                return error_set(err, ERR_NO_SPACE, "no memory for kept files");
        if (n > 0 && sqlite3_blob_read(b, data, (int)n, (int)offset) != SQLITE_OK)
                return store_error(s, err, "reading kept files");
        data[n] = '\0';
        blob_clear(ret);
        *ret = (struct blob){.data = n > 0 ? TAKE_PTR(data) : NULL, .size = n};
        return 0;
}

/* As a blob, not by substr(): that reads all that lies before, so an archive in parts would be read again and again. */
int
store_kept_part(struct store *s, const char *host, uint64_t offset, size_t max, struct blob *ret, struct error *err)
{
        sqlite3_blob *b = NULL;
        sqlite3_int64 row = 0;
        sqlite3_stmt *stmt;
        int r = store_query(s, ST_KEPT_ROW, &stmt, err, "t", host);

        if (r)
                return r;
        r = store_step(s, stmt, err);
        if (r == 1)
                row = sqlite3_column_int64(stmt, 0);
        store_done(stmt);
        if (r != 1)
                return r;
        if (sqlite3_blob_open(s->db, "main", "kept", "data", row, 0, &b) == SQLITE_OK)
                r = read_part(s, b, offset, max, ret, err);
        else
                r = store_error(s, err, "opening kept files");
        sqlite3_blob_close(b);
        return r;
}
