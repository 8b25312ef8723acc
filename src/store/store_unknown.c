/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about machines that are no host. Process: core. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "store/store_private.h"

int
store_unknown_put(struct store *s, const struct unknown *u, struct error *err)
{
        _cleanup_free_ char *json = store_json(&unknown_desc, u, err);

        if (!json)
                return error_to_errno(err->code);
        return store_run(s, ST_UNKNOWN_PUT, err, "bit", u->mac.b, sizeof(u->mac.b), u->first_ms, json);
}

int
store_unknown_delete(struct store *s, const struct mac *mac, struct error *err)
{
        return store_run(s, ST_UNKNOWN_DELETE, err, "b", mac->b, sizeof(mac->b));
}

int
store_unknowns(struct store *s, int (*fn)(void *arg, const struct unknown *u), void *arg, struct error *err)
{
        _cleanup_free_ struct unknown *u = malloc(sizeof(*u));
        sqlite3_stmt *stmt;
        int r;

        if (!u)
                return error_set(err, ERR_NO_SPACE, "no memory for unknown machines");
        r = store_query(s, ST_UNKNOWNS, &stmt, err, "");
        if (r)
                return r;
        while ((r = store_step(s, stmt, err)) == 1) {
                r = store_record(stmt, 0, &unknown_desc, u, "an unknown machine", err);
                if (!r)
                        r = fn(arg, u);
                if (r)
                        break;
        }
        store_done(stmt);
        return r;
}
