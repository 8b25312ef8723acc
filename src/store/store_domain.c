/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about domains and the operations on them, and the hashes of guest files. Process: core. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "store/store_private.h"

int
store_domain_put(struct store *s, const struct store_domain *d, struct error *err)
{
        _cleanup_free_ char *info = store_json(&domain_info_desc, &d->info, err);

        if (!info)
                return error_to_errno(err->code);
        return store_run(s, ST_DOMAIN_PUT, err, "bttiitt", d->info.uuid, sizeof(d->info.uuid), d->info.name, d->host,
                         (int64_t)d->managed, d->since_ms, info, d->config);
}

int
store_domain_delete(struct store *s, const uint8_t uuid[UUID_SIZE], struct error *err)
{
        return store_run(s, ST_DOMAIN_DELETE, err, "b", uuid, (size_t)UUID_SIZE);
}

int
store_domains(struct store *s, int (*fn)(void *arg, const struct store_domain *d), void *arg, struct error *err)
{
        struct store_domain d;
        char what[NAME_SIZE + 16];
        sqlite3_stmt *stmt;
        int r;

        r = store_query(s, ST_DOMAINS, &stmt, err, "");
        if (r)
                return r;
        while ((r = store_step(s, stmt, err)) == 1) {
                d = (struct store_domain){0};
                snprintf(what, sizeof(what), "domain '%s'", store_text(stmt, 0));
                r = store_record(stmt, 4, &domain_info_desc, &d.info, what, err);
                if (r)
                        break;
                str_copy(d.host, sizeof(d.host), store_text(stmt, 1));
                d.managed = sqlite3_column_int64(stmt, 2) != 0;
                d.since_ms = sqlite3_column_int64(stmt, 3);
                d.config = sqlite3_column_type(stmt, 5) == SQLITE_NULL ? NULL : (char *)sqlite3_column_text(stmt, 5);
                r = fn(arg, &d);
                if (r)
                        break;
        }
        store_done(stmt);
        return r;
}

static bool
op_active(const struct store_op *op)
{
        return op->op.state == OP_QUEUED || op->op.state == OP_RUNNING;
}

int
store_op_insert(struct store *s, struct store_op *op, struct error *err)
{
        _cleanup_free_ char *json = NULL;
        int r;

        op->op.id = 0;
        json = store_json(&operation_desc, &op->op, err);
        if (!json)
                return error_to_errno(err->code);
        r = store_run(s, ST_OP_INSERT, err, "itbi", (int64_t)op_active(op), json, op->uuid, sizeof(op->uuid),
                      (int64_t)op->timeout_seconds);
        if (!r)
                op->op.id = (uint64_t)sqlite3_last_insert_rowid(s->db);
        return r;
}

int
store_op_update(struct store *s, const struct store_op *op, struct error *err)
{
        _cleanup_free_ char *json = store_json(&operation_desc, &op->op, err);

        if (!json)
                return error_to_errno(err->code);
        return store_run(s, ST_OP_UPDATE, err, "iitbi", (int64_t)op->op.id, (int64_t)op_active(op), json, op->uuid,
                         sizeof(op->uuid), (int64_t)op->timeout_seconds);
}

static int
op_row(sqlite3_stmt *stmt, struct store_op *op, struct error *err)
{
        char what[48];
        int r;

        snprintf(what, sizeof(what), "operation %lld", (long long)sqlite3_column_int64(stmt, 0));
        r = store_record(stmt, 1, &operation_desc, &op->op, what, err);
        if (r)
                return r;
        op->op.id = (uint64_t)sqlite3_column_int64(stmt, 0); /* the row's own number was not known when its JSON was made */
        store_bytes(stmt, 2, op->uuid, sizeof(op->uuid));
        op->timeout_seconds = (uint32_t)sqlite3_column_int64(stmt, 3);
        return 0;
}

int
store_op_get(struct store *s, uint64_t id, struct store_op *ret, struct error *err)
{
        sqlite3_stmt *stmt;
        int r;

        if (id > INT64_MAX)
                return 0;
        r = store_query(s, ST_OP_GET, &stmt, err, "i", (int64_t)id);
        if (r)
                return r;
        r = store_step(s, stmt, err);
        if (r == 1) {
                r = op_row(stmt, ret, err);
                r = r ? r : 1;
        }
        store_done(stmt);
        return r;
}

int
store_ops(struct store *s, bool active_only, uint32_t limit, int (*fn)(void *arg, const struct store_op *op), void *arg,
          struct error *err)
{
        struct store_op op;
        sqlite3_stmt *stmt;
        int r;

        r = store_query(s, active_only ? ST_OPS_ACTIVE : ST_OPS, &stmt, err, "i", limit ? (int64_t)limit : INT64_C(-1));
        if (r)
                return r;
        while ((r = store_step(s, stmt, err)) == 1) {
                r = op_row(stmt, &op, err);
                if (!r)
                        r = fn(arg, &op);
                if (r)
                        break;
        }
        store_done(stmt);
        return r;
}

int
store_ops_trim(struct store *s, uint32_t keep, struct error *err)
{
        int r = store_run(s, ST_OPS_TRIM, err, "i", (int64_t)keep);

        return r ? r : store_run(s, ST_KEYS_TRIM, err, "");
}

int
store_key_get(struct store *s, const char *by, const char *key, uint64_t *ret_op, struct error *err)
{
        sqlite3_stmt *stmt;
        int r;

        r = store_query(s, ST_KEY_GET, &stmt, err, "tt", by, key);
        if (r)
                return r;
        r = store_step(s, stmt, err);
        if (r == 1)
                *ret_op = (uint64_t)sqlite3_column_int64(stmt, 0);
        store_done(stmt);
        return r;
}

int
store_key_put(struct store *s, const char *by, const char *key, uint64_t op, struct error *err)
{
        return store_run(s, ST_KEY_PUT, err, "tti", by, key, (int64_t)op);
}

int
store_guest_file_get(struct store *s, struct store_guest_file *f, struct error *err)
{
        sqlite3_stmt *stmt;
        int r;

        r = store_query(s, ST_GUEST_FILE_GET, &stmt, err, "iiiii", (int64_t)f->dev, (int64_t)f->inode, (int64_t)f->size,
                        f->mtime_ns, f->ctime_ns);
        if (r)
                return r;
        r = store_step(s, stmt, err);
        if (r == 1 && !store_bytes(stmt, 0, f->sha256, sizeof(f->sha256)))
                r = 0;
        store_done(stmt);
        return r;
}

int
store_guest_file_put(struct store *s, const struct store_guest_file *f, struct error *err)
{
        return store_run(s, ST_GUEST_FILE_PUT, err, "iiiiib", (int64_t)f->dev, (int64_t)f->inode, (int64_t)f->size, f->mtime_ns,
                         f->ctime_ns, f->sha256, sizeof(f->sha256));
}
