/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_STORE_STORE_H
#define DOMPOOL_STORE_STORE_H
/*
 * The database: a narrow door to one SQLite file (WAL, synchronous=FULL, STRICT tables). Only the process `core` opens it; the
 * file is locked for as long as it is open.
 *
 * Writes join the transaction that is open, or open one; store_commit ends it with one fsync. So all that a turn of the event
 * loop wrote is durable together (group commit), and no answer may leave before store_commit has returned 0. When a write or a
 * commit fails, what the caller holds in memory is no longer what is on disk: it must stop and start again from the file.
 *
 * All functions return 0 or a negative errno with @err set (ERR_NO_SPACE, ERR_IO, ERR_BUSY, ERR_UNSUPPORTED for a newer
 * schema).
 */
#include "base/error.h"
#include "model/boot.h"
#include "model/canary.h"
#include "model/domain.h"
#include "model/enrol.h"
#include "model/event.h"
#include "model/hardware.h"
#include "model/host.h"
#include "model/operation.h"
#include "model/satellite.h"

struct store;

/* Opens or makes @path and brings its schema up to date. */
int store_open(const char *path, struct store **ret, struct error *err);

/* NULL is allowed. An open transaction is rolled back. */
void store_close(struct store *s);

/* Is there anything that store_commit would write? */
bool store_dirty(const struct store *s);

int store_commit(struct store *s, struct error *err);

/* The number of the newest schema this program knows. */
unsigned store_schema_version(void);

/* --- settings: small secrets and numbers of the server itself --- */
/* 1: found, 0: no such key. Exactly @size bytes. */
int store_setting_get(struct store *s, const char *key, void *ret, size_t size, struct error *err);
int store_setting_put(struct store *s, const char *key, const void *value, size_t size, struct error *err);

/* --- hosts --- */
struct store_host {
        struct host host; /* as described; the setting is not in it */
        struct host_setting setting;
        uint32_t state;   /* enum host_state */
        int64_t since_ms; /* wall: since when in this state */
        uint32_t address_now;
        uint64_t boot;      /* number of the last boot; 0: none yet */
        int64_t attempt_ms; /* of the last token accepted; 0: none */
        bool has_session;
        uint8_t session_sha256[32];
        bool has_inventory;
        struct host_inventory inventory;
        struct host_hardware hardware; /* the newest report; time_ms 0: none */
        struct machine_seen seen;      /* when it last asked; time_ms 0: not yet */
};
int store_host_put(struct store *s, const struct store_host *h, struct error *err);
/* The same of a host whose row is there, and of which nothing else has changed. */
struct store_host_state {
        const char *name;
        uint32_t state, address_now;
        uint64_t boot;
        int64_t since_ms, attempt_ms;
        const struct machine_seen *seen;
};
int store_host_put_state(struct store *s, const struct store_host_state *h, struct error *err);
/* With its session, its boots and its kept files. */
int store_host_delete(struct store *s, const char *name, struct error *err);
/* @fn returns 0 to go on; another value ends the walk and is handed up. */
int store_hosts(struct store *s, int (*fn)(void *arg, const struct store_host *h), void *arg, struct error *err);

/* --- kept files of hosts (model/keep.h), an archive each --- */
struct store_kept {
        char host[NAME_SIZE];
        int64_t time_ms;    /* wall: when it was saved, or dropped */
        int64_t attempt_ms; /* of the token of the dom0 that ran then */
        uint32_t n_files;
        uint64_t size; /* 0: they were dropped */
        uint8_t sha256[32];
};
/* @data: @k->size bytes. */
int store_kept_put(struct store *s, const struct store_kept *k, const uint8_t *data, struct error *err);
int store_kepts(struct store *s, int (*fn)(void *arg, const struct store_kept *k), void *arg, struct error *err);
/* At most @max bytes from @offset on; none behind the end, and @ret as it was where nothing is known of the host. */
int store_kept_part(struct store *s, const char *host, uint64_t offset, size_t max, struct blob *ret, struct error *err);

/* --- machines that are no host: those of which more is known than that they asked --- */
int store_unknown_put(struct store *s, const struct unknown *u, struct error *err);
int store_unknown_delete(struct store *s, const struct mac *mac, struct error *err);
/* In the order of first sight. */
int store_unknowns(struct store *s, int (*fn)(void *arg, const struct unknown *u), void *arg, struct error *err);

/* --- boots of a host, newest first --- */
int store_boot_put(struct store *s, const char *host, const struct boot *b, struct error *err);
int store_boots(struct store *s, const char *host, uint32_t limit, int (*fn)(void *arg, const struct boot *b), void *arg,
                struct error *err);
/* Forgets all but the newest @keep. */
int store_boots_trim(struct store *s, const char *host, uint32_t keep, struct error *err);

/* --- leases, a copy of what boot has in its journal --- */
struct store_lease {
        struct mac mac;
        uint32_t address;
        uint32_t state;
        int64_t expiry_ms;
};
int store_lease_put(struct store *s, const struct store_lease *l, struct error *err);
/* 1: found, 0: none. */
int store_lease_get(struct store *s, const struct mac *mac, struct store_lease *ret, struct error *err);

/* --- satellites, by name --- */
int store_satellite_put(struct store *s, const struct satellite *sat, struct error *err);
int store_satellite_delete(struct store *s, const char *name, struct error *err);
int store_satellites(struct store *s, int (*fn)(void *arg, const struct satellite *sat), void *arg, struct error *err);

/* --- canaries --- */
/* Gives @canary->id, larger than any before. */
int store_canary_insert(struct store *s, struct canary *canary, struct error *err);
int store_canary_put(struct store *s, const struct canary *canary, struct error *err);
int store_canary_delete(struct store *s, uint64_t id, struct error *err);
/* Newest first; @fn may take what the record owns. */
int store_canaries(struct store *s, int (*fn)(void *arg, struct canary *canary), void *arg, struct error *err);

/* --- domains --- */
struct store_domain {
        struct domain_info info;
        char host[NAME_SIZE];
        bool managed; /* made by an operation of ours */
        int64_t since_ms;
        char *config; /* JSON of struct domain_config; NULL: not known. Owned by the row's owner. */
};
int store_domain_put(struct store *s, const struct store_domain *d, struct error *err);
int store_domain_delete(struct store *s, const uint8_t uuid[UUID_SIZE], struct error *err);
int store_domains(struct store *s, int (*fn)(void *arg, const struct store_domain *d), void *arg, struct error *err);

/* --- operations --- */
struct store_op {
        struct operation op;
        uint8_t uuid[UUID_SIZE]; /* of the domain; zero where there is none */
        uint32_t timeout_seconds;
};
/* Gives @op->op.id, larger than any before. */
int store_op_insert(struct store *s, struct store_op *op, struct error *err);
int store_op_update(struct store *s, const struct store_op *op, struct error *err);
/* 1: found, 0: no such operation. */
int store_op_get(struct store *s, uint64_t id, struct store_op *ret, struct error *err);
/* Newest first; @active_only: queued or running, oldest first. */
int store_ops(struct store *s, bool active_only, uint32_t limit, int (*fn)(void *arg, const struct store_op *op), void *arg,
              struct error *err);
/* Forgets the oldest finished ones, with their idempotency keys, so that at most @keep remain. */
int store_ops_trim(struct store *s, uint32_t keep, struct error *err);

/* Idempotency keys: one operation for each (who, key). 1: found, 0: free. */
int store_key_get(struct store *s, const char *by, const char *key, uint64_t *ret_op, struct error *err);
int store_key_put(struct store *s, const char *by, const char *key, uint64_t op, struct error *err);

/* --- events: numbers without gaps, trimmed only from the front --- */
/* @ev->id must be the last one's plus 1. */
int store_event_append(struct store *s, const struct event *ev, struct error *err);
/* 0 when there has never been one. */
int store_event_last(struct store *s, uint64_t *ret, struct error *err);
/* Those after @after, oldest first; @kind may be empty: all. */
int store_events(struct store *s, uint64_t after, const char *kind, uint32_t limit,
                 int (*fn)(void *arg, const struct event *ev), void *arg, struct error *err);
/* Keeps the newest @keep (at least one). */
int store_events_trim(struct store *s, uint64_t keep, struct error *err);

/* --- guest files whose hash is known, so that the same file is not read twice --- */
struct store_guest_file {
        uint64_t dev, inode, size;
        int64_t mtime_ns, ctime_ns;
        uint8_t sha256[32];
};
/* 1: a file of the same identity, size and times was hashed before; then sha256 is filled in. */
int store_guest_file_get(struct store *s, struct store_guest_file *f, struct error *err);
int store_guest_file_put(struct store *s, const struct store_guest_file *f, struct error *err);

#endif
