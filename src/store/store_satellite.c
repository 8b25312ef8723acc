/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about satellites. Process: core. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "store/store_private.h"

int
store_satellite_put(struct store *s, const struct satellite *sat, struct error *err)
{
        _cleanup_free_ char *json = store_json(&satellite_desc, sat, err);

        return json ? store_run(s, ST_SATELLITE_PUT, err, "tt", sat->name, json) : error_to_errno(err->code);
}

int
store_satellite_delete(struct store *s, const char *name, struct error *err)
{
        return store_run(s, ST_SATELLITE_DELETE, err, "t", name);
}

int
store_satellites(struct store *s, int (*fn)(void *arg, const struct satellite *sat), void *arg, struct error *err)
{
        _cleanup_free_ struct satellite *sat = malloc(sizeof(*sat));
        sqlite3_stmt *stmt;
        int r;

        if (!sat)
                return error_set(err, ERR_NO_SPACE, "no memory for satellites");
        r = store_query(s, ST_SATELLITES, &stmt, err, "");
        if (r)
                return r;
        while ((r = store_step(s, stmt, err)) == 1) {
                r = store_record(stmt, 0, &satellite_desc, sat, "a satellite", err);
                if (!r)
                        r = fn(arg, sat);
                if (r)
                        break;
        }
        store_done(stmt);
        return r;
}
