/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about canaries. Process: core. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "store/store_private.h"

int
store_canary_insert(struct store *s, struct canary *canary, struct error *err)
{
        int r = store_run(s, ST_CANARY_INSERT, err, "");

        if (r)
                return r;
        canary->id = (uint64_t)sqlite3_last_insert_rowid(s->db);
        return store_canary_put(s, canary, err);
}

int
store_canary_put(struct store *s, const struct canary *canary, struct error *err)
{
        _cleanup_free_ char *json = store_json(&canary_desc, canary, err);

        return json ? store_run(s, ST_CANARY_PUT, err, "ti", json, (int64_t)canary->id) : error_to_errno(err->code);
}

int
store_canary_delete(struct store *s, uint64_t id, struct error *err)
{
        return store_run(s, ST_CANARY_DELETE, err, "i", (int64_t)id);
}

int
store_canaries(struct store *s, int (*fn)(void *arg, struct canary *canary), void *arg, struct error *err)
{
        _cleanup_free_ struct canary *canary = calloc(1, sizeof(*canary));
        sqlite3_stmt *stmt;
        int r;

        if (!canary)
                return error_set(err, ERR_NO_SPACE, "no memory for canaries");
        r = store_query(s, ST_CANARIES, &stmt, err, "");
        if (r)
                return r;
        while ((r = store_step(s, stmt, err)) == 1) {
                r = store_record(stmt, 0, &canary_desc, canary, "a canary", err);
                if (!r)
                        r = fn(arg, canary);
                rec_clear(&canary_desc, canary);
                if (r)
                        break;
        }
        store_done(stmt);
        return r;
}
