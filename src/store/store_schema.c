/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema as a list of numbered steps. A step that has been released is never changed: what comes later is a new one. Each
 * runs in a transaction of its own together with its number (PRAGMA user_version), so a crash leaves an older schema, never a
 * half one. Process: core.
 *
 * Records are stored as their JSON (base/rec_json.h); columns beside it are what rows are found by.
 */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/store_private.h"

#define APPLICATION_ID 0x646d706c /* "dmpl": file(1) and we know the file by it */

static const struct migration {
        unsigned number;
        const char *sql;
} migrations[] = {
        {1, "CREATE TABLE settings(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"
            "CREATE TABLE hosts(name TEXT PRIMARY KEY, host TEXT NOT NULL, profile INTEGER, image TEXT, state INTEGER NOT NULL,"
            " since_ms INTEGER NOT NULL, address INTEGER NOT NULL, boot INTEGER NOT NULL, attempt_ms INTEGER NOT NULL,"
            " inventory TEXT) STRICT;"
            "CREATE TABLE sessions(host TEXT PRIMARY KEY, sha256 BLOB NOT NULL) STRICT;"
            "CREATE TABLE boots(host TEXT NOT NULL, number INTEGER NOT NULL, boot TEXT NOT NULL, PRIMARY KEY(host, number)) "
            "STRICT;"
            "CREATE TABLE leases(mac BLOB PRIMARY KEY, address INTEGER NOT NULL, state INTEGER NOT NULL,"
            " expiry_ms INTEGER NOT NULL) STRICT;"},
        {2, "CREATE TABLE domains(uuid BLOB PRIMARY KEY, name TEXT NOT NULL, host TEXT NOT NULL, managed INTEGER NOT NULL,"
            " since_ms INTEGER NOT NULL, info TEXT NOT NULL, config TEXT) STRICT;"
            "CREATE TABLE operations(id INTEGER PRIMARY KEY AUTOINCREMENT, active INTEGER NOT NULL, op TEXT NOT NULL, uuid "
            "BLOB NOT NULL,"
            " timeout_seconds INTEGER NOT NULL) STRICT;"
            "CREATE INDEX operations_active ON operations(id) WHERE active = 1;"
            "CREATE TABLE operation_keys(who TEXT NOT NULL, key TEXT NOT NULL, op INTEGER NOT NULL, PRIMARY KEY(who, key)) "
            "STRICT;"},
        {3, "CREATE TABLE events(id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,"
            " what TEXT NOT NULL, text TEXT NOT NULL, boot INTEGER NOT NULL) STRICT;"
            "CREATE INDEX events_kind ON events(kind, id);"
            "CREATE TABLE guest_files(dev INTEGER NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER "
            "NOT NULL,"
            " ctime_ns INTEGER NOT NULL, sha256 BLOB NOT NULL, PRIMARY KEY(dev, inode)) STRICT;"},
        /* Profiles have names now: what was switched through the API is a record of its own. */
        {4, "ALTER TABLE hosts ADD COLUMN setting TEXT NOT NULL DEFAULT '{}';"
            "UPDATE hosts SET setting = json_object('profile', CASE profile WHEN 1 THEN 'pool' ELSE 'local' END,"
            " 'image', coalesce(image, '')) WHERE profile IS NOT NULL;"
            "ALTER TABLE hosts DROP COLUMN profile;"
            "ALTER TABLE hosts DROP COLUMN image;"},
        {5, "ALTER TABLE hosts ADD COLUMN hardware TEXT;"},
        {6, "CREATE TABLE satellites(name TEXT PRIMARY KEY, satellite TEXT NOT NULL) STRICT;"},
        {7, "ALTER TABLE hosts ADD COLUMN seen TEXT NOT NULL DEFAULT '{}';"
            "CREATE TABLE unknown_machines(mac BLOB PRIMARY KEY, first_ms INTEGER NOT NULL, machine TEXT NOT NULL) STRICT;"},
        {8, "CREATE TABLE canaries(id INTEGER PRIMARY KEY AUTOINCREMENT, canary TEXT NOT NULL) STRICT;"},
        {9, "CREATE TABLE kept(host TEXT PRIMARY KEY, time_ms INTEGER NOT NULL, attempt_ms INTEGER NOT NULL,"
            " files INTEGER NOT NULL, sha256 BLOB NOT NULL, data BLOB NOT NULL) STRICT;"},
};

unsigned
store_schema_version(void)
{
        return migrations[N_ELEMENTS(migrations) - 1].number;
}

static int
exec(sqlite3 *db, const char *sql, struct error *err)
{
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
                return 0;
        return error_set(err, sqlite3_errcode(db) == SQLITE_FULL ? ERR_NO_SPACE : ERR_IO, "%s", sqlite3_errmsg(db));
}

static int
pragma_get(sqlite3 *db, const char *sql, int64_t *ret, struct error *err)
{
        sqlite3_stmt *stmt = NULL;
        int r = 0;

        if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK || sqlite3_step(stmt) != SQLITE_ROW)
                r = error_set(err, ERR_IO, "%s", sqlite3_errmsg(db));
        else
                *ret = sqlite3_column_int64(stmt, 0);
        sqlite3_finalize(stmt);
        return r;
}

static int
migrate_one(sqlite3 *db, const struct migration *m, struct error *err)
{
        char sql[128];
        int r;

        snprintf(sql, sizeof(sql), "PRAGMA user_version = %u; PRAGMA application_id = %d; COMMIT;", m->number, APPLICATION_ID);
        r = exec(db, "BEGIN IMMEDIATE;", err);
        if (r)
                return r;
        r = exec(db, m->sql, err);
        if (!r)
                r = exec(db, sql, err);
        if (r) {
                sqlite3_exec(db, "ROLLBACK;", NULL, NULL, NULL);
                return error_prefix(err, "schema step %u", m->number);
        }
        return 0;
}

int
store_migrate(sqlite3 *db, struct error *err)
{
        int64_t version, application, tables;
        size_t i;
        int r;

        if ((r = pragma_get(db, "PRAGMA user_version", &version, err)) ||
            (r = pragma_get(db, "PRAGMA application_id", &application, err)) ||
            (r = pragma_get(db, "SELECT count(*) FROM sqlite_master", &tables, err)))
                return r;
        if (application != APPLICATION_ID && (tables > 0 || version > 0))
                return error_set(err, ERR_UNSUPPORTED, "it is a database of another program");
        if (version > store_schema_version())
                return error_set(err, ERR_UNSUPPORTED,
                                 "its schema is number %" PRId64
                                 ", this dompoold knows up to %u: start the newer dompoold, or restore the "
                                 "copy of before the upgrade",
                                 version, store_schema_version());
        for (i = 0; i < N_ELEMENTS(migrations); i++)
                if (migrations[i].number > version && (r = migrate_one(db, &migrations[i], err)))
                        return r;
        return 0;
}
