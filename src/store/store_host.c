/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about hosts: descriptions with their state, sessions, boots, leases. Process: core. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "store/store_private.h"

int
store_host_put(struct store *s, const struct store_host *h, struct error *err)
{
        _cleanup_free_ char *host = store_json(&host_desc, &h->host, err);
        _cleanup_free_ char *setting = store_json(&host_setting_desc, &h->setting, err);
        _cleanup_free_ char *seen = store_json(&machine_seen_desc, &h->seen, err);
        _cleanup_free_ char *inventory = NULL, *hardware = NULL;
        int r;

        if (!host || !setting || !seen)
                return error_to_errno(err->code);
        if (h->has_inventory && !(inventory = store_json(&host_inventory_desc, &h->inventory, err)))
                return error_to_errno(err->code);
        if (h->hardware.time_ms && !(hardware = store_json(&host_hardware_desc, &h->hardware, err)))
                return error_to_errno(err->code);
        r = store_run(s, ST_HOST_PUT, err, "tttiiiiittt", h->host.name, host, setting, (int64_t)h->state, h->since_ms,
                      (int64_t)h->address_now, (int64_t)h->boot, h->attempt_ms, inventory, hardware, seen);
        if (r)
                return r;
        if (h->has_session)
                return store_run(s, ST_SESSION_PUT, err, "tb", h->host.name, h->session_sha256, sizeof(h->session_sha256));
        return store_run(s, ST_SESSION_DELETE, err, "t", h->host.name);
}

int
store_host_put_state(struct store *s, const struct store_host_state *h, struct error *err)
{
        _cleanup_free_ char *seen = store_json(&machine_seen_desc, h->seen, err);

        if (!seen)
                return error_to_errno(err->code);
        return store_run(s, ST_HOST_STATE, err, "tiiiiit", h->name, (int64_t)h->state, h->since_ms, (int64_t)h->address_now,
                         (int64_t)h->boot, h->attempt_ms, seen);
}

int
store_host_delete(struct store *s, const char *name, struct error *err)
{
        int r;

        if ((r = store_run(s, ST_HOST_DELETE, err, "t", name)) || (r = store_run(s, ST_SESSION_DELETE, err, "t", name)) ||
            (r = store_run(s, ST_KEPT_DELETE, err, "t", name)))
                return r;
        return store_run(s, ST_BOOTS_DELETE, err, "t", name);
}

static int
host_row(sqlite3_stmt *stmt, struct store_host *h, struct error *err)
{
        char what[NAME_SIZE + 16];
        int r;

        *h = (struct store_host){0};
        snprintf(what, sizeof(what), "host '%s'", store_text(stmt, 0));
        r = store_record(stmt, 1, &host_desc, &h->host, what, err);
        if (r)
                return r;
        r = store_record(stmt, 2, &host_setting_desc, &h->setting, what, err);
        if (r)
                return r;
        h->state = (uint32_t)sqlite3_column_int64(stmt, 3);
        h->since_ms = sqlite3_column_int64(stmt, 4);
        h->address_now = (uint32_t)sqlite3_column_int64(stmt, 5);
        h->boot = (uint64_t)sqlite3_column_int64(stmt, 6);
        h->attempt_ms = sqlite3_column_int64(stmt, 7);
        h->has_inventory = sqlite3_column_type(stmt, 8) != SQLITE_NULL;
        h->has_session = store_bytes(stmt, 9, h->session_sha256, sizeof(h->session_sha256));
        if (h->state >= HOST_N)
                return error_set(err, ERR_IO, "database: %s has an unknown state", what);
        if (sqlite3_column_type(stmt, 10) != SQLITE_NULL)
                r = store_record(stmt, 10, &host_hardware_desc, &h->hardware, what, err);
        if (!r)
                r = store_record(stmt, 11, &machine_seen_desc, &h->seen, what, err);
        if (r)
                return r;
        return h->has_inventory ? store_record(stmt, 8, &host_inventory_desc, &h->inventory, what, err) : 0;
}

int
store_hosts(struct store *s, int (*fn)(void *arg, const struct store_host *h), void *arg, struct error *err)
{
        _cleanup_free_ struct store_host *h = malloc(sizeof(*h));
        sqlite3_stmt *stmt;
        int r;

        if (!h)
                return error_set(err, ERR_NO_SPACE, "no memory for hosts");
        r = store_query(s, ST_HOSTS, &stmt, err, "");
        if (r)
                return r;
        while ((r = store_step(s, stmt, err)) == 1) {
                r = host_row(stmt, h, err);
                if (!r)
                        r = fn(arg, h);
                if (r)
                        break;
        }
        store_done(stmt);
        return r;
}

int
store_boot_put(struct store *s, const char *host, const struct boot *b, struct error *err)
{
        _cleanup_free_ char *json = store_json(&boot_desc, b, err);

        if (!json)
                return error_to_errno(err->code);
        return store_run(s, ST_BOOT_PUT, err, "tit", host, (int64_t)b->number, json);
}

int
store_boots(struct store *s, const char *host, uint32_t limit, int (*fn)(void *arg, const struct boot *b), void *arg,
            struct error *err)
{
        _cleanup_free_ struct boot *b = malloc(sizeof(*b));
        sqlite3_stmt *stmt;
        int r;

        if (!b)
                return error_set(err, ERR_NO_SPACE, "no memory for boots");
        r = store_query(s, ST_BOOTS, &stmt, err, "ti", host, (int64_t)limit);
        if (r)
                return r;
        while ((r = store_step(s, stmt, err)) == 1) {
                r = store_record(stmt, 0, &boot_desc, b, "a boot", err);
                if (!r)
                        r = fn(arg, b);
                if (r)
                        break;
        }
        store_done(stmt);
        return r;
}

int
store_boots_trim(struct store *s, const char *host, uint32_t keep, struct error *err)
{
        return store_run(s, ST_BOOTS_TRIM, err, "ti", host, (int64_t)keep);
}

int
store_lease_put(struct store *s, const struct store_lease *l, struct error *err)
{
        return store_run(s, ST_LEASE_PUT, err, "biii", l->mac.b, sizeof(l->mac.b), (int64_t)l->address, (int64_t)l->state,
                         l->expiry_ms);
}

int
store_lease_get(struct store *s, const struct mac *mac, struct store_lease *ret, struct error *err)
{
        sqlite3_stmt *stmt;
        int r;

        r = store_query(s, ST_LEASE_GET, &stmt, err, "b", mac->b, sizeof(mac->b));
        if (r)
                return r;
        r = store_step(s, stmt, err);
        if (r == 1)
                *ret = (struct store_lease){
                        .mac = *mac,
                        .address = (uint32_t)sqlite3_column_int64(stmt, 0),
                        .state = (uint32_t)sqlite3_column_int64(stmt, 1),
                        .expiry_ms = sqlite3_column_int64(stmt, 2),
                };
        store_done(stmt);
        return r;
}
