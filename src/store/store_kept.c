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

int
store_kept_part(struct store *s, const char *host, uint64_t offset, size_t max, struct blob *ret, struct error *err)
{
        sqlite3_stmt *stmt;
        int r = store_query(s, ST_KEPT_PART, &stmt, err, "tii", host, (int64_t)offset + 1, (int64_t)max);

        if (r)
                return r;
        r = store_step(s, stmt, err);
        if (r == 1 && blob_set(ret, sqlite3_column_blob(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0)) < 0)
                r = error_set(err, ERR_NO_SPACE, "no memory for kept files");
        store_done(stmt);
        return r < 0 ? r : 0;
}
