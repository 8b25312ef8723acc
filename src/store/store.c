/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database's connection: opening, transactions, prepared statements, settings. The rows are in store_host.c, store_domain.c
 * and store_event.c. Process: core.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/rec_json.h"
#include "store/store_private.h"

static const char *const statements[ST_N] = {
#define STATEMENT(ID, SQL) [ST_##ID] = SQL,
#include "store/statements.def"
#undef STATEMENT
};

int
store_error(struct store *s, struct error *err, const char *what)
{
        int code = sqlite3_extended_errcode(s->db);
        enum error_code e = ERR_IO;

        switch (code & 0xff) {
        case SQLITE_FULL:
        case SQLITE_NOMEM:
                e = ERR_NO_SPACE;
                break;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                e = ERR_BUSY;
                break;
        case SQLITE_READONLY:
        case SQLITE_PERM:
                e = ERR_DENIED;
                break;
        }
        return error_set(err, e, "database: %s: %s (SQLite %d)", what, sqlite3_errmsg(s->db), code);
}

/* What an administrator can do about a file that does not open. */
static int
open_error(struct store *s, const char *path, struct error *err)
{
        int code = sqlite3_errcode(s->db) & 0xff;

        if (code == SQLITE_BUSY)
                return error_set(err, ERR_BUSY, "%s is locked: another dompoold uses it", path);
        if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
                return error_set(err, ERR_IO, "%s is damaged (%s): restore it from a copy, or move it away to begin anew", path,
                                 sqlite3_errmsg(s->db));
        store_error(s, err, "open");
        return error_prefix(err, "%s", path);
}

/*
 * EXCLUSIVE: one process owns the file, and WAL then needs no shared memory. FULL: a commit is on the disk before it returns,
 * which is what an operation's 202 promises.
 */
static const char open_pragmas[] = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                   "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;"
                                   "BEGIN IMMEDIATE; COMMIT;";

int
store_open(const char *path, struct store **ret, struct error *err)
{
        struct store *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return error_set(err, ERR_NO_SPACE, "no memory for the database");
        if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
            SQLITE_OK) {
                r = s->db ? open_error(s, path, err) : error_set(err, ERR_NO_SPACE, "no memory for the database");
                goto out;
        }
        sqlite3_extended_result_codes(s->db, 1);
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        if (sqlite3_exec(s->db, open_pragmas, NULL, NULL, NULL) != SQLITE_OK) {
                r = open_error(s, path, err);
                goto out;
        }
        r = store_migrate(s->db, err);
        if (r) {
                error_prefix(err, "%s", path);
                goto out;
        }
        *ret = TAKE_PTR(s);
out:
        store_close(s);
        return r;
}

void
store_close(struct store *s)
{
        size_t i;

        if (!s)
                return;
        for (i = 0; i < ST_N; i++)
                sqlite3_finalize(s->stmts[i]);
        sqlite3_close(s->db); /* rolls back what was not committed */
        free(s);
}

bool
store_dirty(const struct store *s)
{
        return s->in_transaction;
}

int
store_commit(struct store *s, struct error *err)
{
        if (!s->in_transaction)
                return 0;
        if (sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
                return store_error(s, err, "commit");
        s->in_transaction = false;
        return 0;
}

static int
begin(struct store *s, struct error *err)
{
        if (s->in_transaction)
                return 0;
        if (sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
                return store_error(s, err, "begin");
        s->in_transaction = true;
        return 0;
}

static int
bind(struct store *s, enum store_stmt id, sqlite3_stmt **ret, struct error *err, const char *types, va_list ap)
{
        sqlite3_stmt **stmt = &s->stmts[id];
        int r = SQLITE_OK, column = 1;
        const void *data;

        if (!*stmt && sqlite3_prepare_v3(s->db, statements[id], -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL) != SQLITE_OK)
                return store_error(s, err, statements[id]);
        for (; *types && r == SQLITE_OK; types++, column++)
                switch (*types) {
                case 't':
                        r = sqlite3_bind_text(*stmt, column, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
                        break;
                case 'i':
                        r = sqlite3_bind_int64(*stmt, column, va_arg(ap, int64_t));
                        break;
                case 'z': /* a number that is left out: null */
                        (void)va_arg(ap, int64_t);
                        r = sqlite3_bind_null(*stmt, column);
                        break;
                case 'b':
                        data = va_arg(ap, const void *);
                        r = sqlite3_bind_blob64(*stmt, column, data, va_arg(ap, size_t), SQLITE_TRANSIENT);
                        break;
                }
        if (r != SQLITE_OK) {
                r = store_error(s, err, statements[id]);
                store_done(*stmt);
                return r;
        }
        *ret = *stmt;
        return 0;
}

int
store_run(struct store *s, enum store_stmt id, struct error *err, const char *types, ...)
{
        sqlite3_stmt *stmt;
        va_list ap;
        int r;

        r = begin(s, err);
        if (r)
                return r;
        va_start(ap, types);
        r = bind(s, id, &stmt, err, types, ap);
        va_end(ap);
        if (r)
                return r;
        if (sqlite3_step(stmt) != SQLITE_DONE)
                r = store_error(s, err, statements[id]);
        store_done(stmt);
        return r;
}

int
store_query(struct store *s, enum store_stmt id, sqlite3_stmt **ret, struct error *err, const char *types, ...)
{
        va_list ap;
        int r;

        va_start(ap, types);
        r = bind(s, id, ret, err, types, ap);
        va_end(ap);
        return r;
}

int
store_step(struct store *s, sqlite3_stmt *stmt, struct error *err)
{
        switch (sqlite3_step(stmt)) {
        case SQLITE_ROW:
                return 1;
        case SQLITE_DONE:
                return 0;
        default:
                return store_error(s, err, sqlite3_sql(stmt));
        }
}

void
store_done(sqlite3_stmt *stmt)
{
        sqlite3_reset(stmt);
        sqlite3_clear_bindings(stmt);
}

const char *
store_text(sqlite3_stmt *stmt, int column)
{
        const unsigned char *text = sqlite3_column_text(stmt, column);

        return text ? (const char *)text : "";
}

bool
store_bytes(sqlite3_stmt *stmt, int column, void *ret, size_t size)
{
        const void *data = sqlite3_column_blob(stmt, column);

        if (!data || (size_t)sqlite3_column_bytes(stmt, column) != size) {
                memset(ret, 0, size);
                return false;
        }
        memcpy(ret, data, size);
        return true;
}

/* A row is as large as we wrote it; the limit only guards against a damaged file. */
#define RECORD_MAX (1u << 20)

int
store_record(sqlite3_stmt *stmt, int column, const struct rec_desc *desc, void *ret, const char *what, struct error *err)
{
        const char *text = store_text(stmt, column);
        json_t *json;
        int r;

        json = json_parse(text, strlen(text), RECORD_MAX, err);
        if (!json)
                return error_prefix(err, "database: %s", what);
        r = rec_from_json(desc, json, ret, err);
        json_decref(json);
        return r ? error_prefix(err, "database: %s", what) : 0;
}

char *
store_json(const struct rec_desc *desc, const void *rec, struct error *err)
{
        json_t *json = rec_to_json(desc, rec);
        char *text = json ? json_text(json) : NULL;

        json_decref(json);
        if (!text)
                error_set(err, ERR_NO_SPACE, "no memory, or no UTF-8, for a record of %s", desc->name);
        return text;
}

int
store_setting_get(struct store *s, const char *key, void *ret, size_t size, struct error *err)
{
        sqlite3_stmt *stmt;
        int r;

        r = store_query(s, ST_SETTING_GET, &stmt, err, "t", key);
        if (r)
                return r;
        r = store_step(s, stmt, err);
        if (r == 1 && !store_bytes(stmt, 0, ret, size))
                r = error_set(err, ERR_IO, "database: setting '%s' is not of %zu bytes", key, size);
        store_done(stmt);
        return r;
}

int
store_setting_put(struct store *s, const char *key, const void *value, size_t size, struct error *err)
{
        return store_run(s, ST_SETTING_PUT, err, "tb", key, value, size);
}
