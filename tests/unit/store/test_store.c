/* SPDX-License-Identifier: Apache-2.0 */
/* The database: rows come back as they went, what is not committed is not there, and files that are not ours are refused in
 * words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

struct fixture {
        char dir[64];
        char path[96];
        struct store *store;
};

static int
setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        strcpy(f->dir, "/tmp/dompool-store-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->path, sizeof(f->path), "%s/dompool.db", f->dir);
        *state = f;
        return 0;
}

static int
teardown(void **state)
{
        static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
        struct fixture *f = *state;
        char path[128];

        store_close(f->store);
        for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
                snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
                unlink(path);
        }
        rmdir(f->dir);
        free(f);
        return 0;
}

static void
open_store(struct fixture *f)
{
        struct error err;

        if (store_open(f->path, &f->store, &err))
                fail_msg("open: %s", err.message);
}

static void
reopen(struct fixture *f)
{
        store_close(f->store);
        f->store = NULL;
        open_store(f);
}

static void
commit(struct fixture *f)
{
        struct error err;

        if (store_commit(f->store, &err))
                fail_msg("commit: %s", err.message);
        assert_false(store_dirty(f->store));
}

static void
assert_open_fails(struct fixture *f, enum error_code code, const char *word)
{
        struct store *s = NULL;
        struct error err;

        assert_true(store_open(f->path, &s, &err) < 0);
        assert_null(s);
        if (err.code != code || !strstr(err.message, word) || !strstr(err.message, f->path))
                fail_msg("%s: %s", error_text(err.code), err.message);
}

/* What sqlite3(1) would do to the file. */
static void
raw_sql(const char *path, const char *sql)
{
        char *message = NULL;
        sqlite3 *db;

        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
                fail_msg("%s", message);
        sqlite3_close(db);
}

/* --- rows --- */

static struct store_host
some_host(const char *name)
{
        struct store_host h = {
                .state = HOST_READY, .since_ms = 1795298400123, .boot = 7, .attempt_ms = 42, .address_now = 0x0a090001};

        strcpy(h.host.name, name);
        h.host.mac = (struct mac){{0x52, 0x54, 0, 0, 0, (uint8_t)name[1]}};
        strcpy(h.host.profile, "pool");
        strcpy(h.host.enrolled, "lab");
        h.seen = (struct machine_seen){.time_ms = 99, .network = 1, .uuid = {1, 2, 3}, .other_uuid = {4}, .other_uuid_ms = 5};
        h.has_inventory = true;
        h.inventory.free_memory_kib = 123456;
        strcpy(h.inventory.xen_version, "4.17.5");
        return h;
}

static int
keep_host(void *arg, const struct store_host *h)
{
        *(struct store_host *)arg = *h;
        return 0;
}

static void
a_host_comes_back_as_it_went(void **state)
{
        struct fixture *f = *state;
        struct store_host h = some_host("n1"), back = {0};
        struct error err;

        open_store(f);
        h.has_session = true;
        memset(h.session_sha256, 0xab, sizeof(h.session_sha256));
        strcpy(h.setting.profile, "local");
        strcpy(h.setting.image, "old");
        strcpy(h.setting.once, "inspect");
        assert_int_equal(store_host_put(f->store, &h, &err), 0);
        commit(f);
        reopen(f);
        assert_int_equal(store_hosts(f->store, keep_host, &back, &err), 0);
        assert_true(rec_equal(&host_desc, &h.host, &back.host));
        assert_true(rec_equal(&host_inventory_desc, &h.inventory, &back.inventory));
        assert_true(back.has_session && back.has_inventory);
        assert_true(rec_equal(&host_setting_desc, &h.setting, &back.setting));
        assert_true(rec_equal(&machine_seen_desc, &h.seen, &back.seen));
        assert_int_equal(back.state, HOST_READY);
        assert_int_equal(back.since_ms, h.since_ms);
        assert_int_equal(back.boot, 7);
        assert_int_equal(back.attempt_ms, 42);
        assert_int_equal(back.address_now, h.address_now);
        assert_memory_equal(back.session_sha256, h.session_sha256, 32);
}

static void
a_state_is_written_without_the_rest(void **state)
{
        struct fixture *f = *state;
        struct store_host h = some_host("n1"), back = {0};
        const struct machine_seen seen = {.time_ms = 1234, .network = 2};
        const struct store_host_state now = {.name = "n1",
                                             .state = HOST_BOOTING,
                                             .address_now = 0x0a090007,
                                             .boot = 8,
                                             .since_ms = 77,
                                             .attempt_ms = 43,
                                             .seen = &seen};
        struct error err;

        open_store(f);
        assert_int_equal(store_host_put(f->store, &h, &err), 0);
        assert_int_equal(store_host_put_state(f->store, &now, &err), 0);
        commit(f);
        reopen(f);
        assert_int_equal(store_hosts(f->store, keep_host, &back, &err), 0);
        assert_int_equal(back.state, HOST_BOOTING);
        assert_int_equal(back.address_now, 0x0a090007);
        assert_int_equal(back.boot, 8);
        assert_int_equal(back.since_ms, 77);
        assert_int_equal(back.attempt_ms, 43);
        assert_true(rec_equal(&machine_seen_desc, &seen, &back.seen));
        assert_true(rec_equal(&host_desc, &h.host, &back.host));
        assert_true(rec_equal(&host_inventory_desc, &h.inventory, &back.inventory));
}

static void
a_setting_and_a_session_can_be_taken_back(void **state)
{
        struct fixture *f = *state;
        struct store_host h = some_host("n1"), back = {0};
        struct error err;

        open_store(f);
        strcpy(h.setting.profile, "pool");
        h.has_session = true;
        assert_int_equal(store_host_put(f->store, &h, &err), 0);
        h.setting = (struct host_setting){0};
        h.has_session = h.has_inventory = false;
        assert_int_equal(store_host_put(f->store, &h, &err), 0);
        assert_int_equal(store_hosts(f->store, keep_host, &back, &err), 0);
        assert_string_equal(back.setting.profile, "");
        assert_false(back.has_session || back.has_inventory);
}

static int
count(void *arg, const struct store_host *h)
{
        (void)h;
        ++*(int *)arg;
        return 0;
}

static void
what_was_not_committed_is_not_there(void **state)
{
        struct fixture *f = *state;
        struct store_host h = some_host("n1");
        struct error err;
        int n = 0;

        open_store(f);
        assert_int_equal(store_host_put(f->store, &h, &err), 0);
        commit(f);
        h = some_host("n2");
        assert_int_equal(store_host_put(f->store, &h, &err), 0);
        assert_true(store_dirty(f->store));
        reopen(f); /* as after a kill */
        assert_int_equal(store_hosts(f->store, count, &n, &err), 0);
        assert_int_equal(n, 1);
}

static int
keep_numbers(void *arg, const struct boot *b)
{
        uint64_t **p = arg;

        *(*p)++ = b->number;
        return 0;
}

static void
only_the_newest_boots_are_kept(void **state)
{
        struct fixture *f = *state;
        uint64_t numbers[8] = {0}, *p = numbers;
        struct error err;

        open_store(f);
        for (uint64_t i = 1; i <= 5; i++) {
                struct boot b = {.number = i, .started_ms = (int64_t)i * 1000};

                boot_reach(&b, STAGE_DHCP, b.started_ms, "x");
                assert_int_equal(store_boot_put(f->store, "n1", &b, &err), 0);
                assert_int_equal(store_boot_put(f->store, "n2", &b, &err), 0);
        }
        assert_int_equal(store_boots_trim(f->store, "n1", 2, &err), 0);
        assert_int_equal(store_boots(f->store, "n1", 10, keep_numbers, &p, &err), 0);
        assert_int_equal(p - numbers, 2);
        assert_int_equal(numbers[0], 5);
        assert_int_equal(numbers[1], 4);
        p = numbers;
        assert_int_equal(store_boots(f->store, "n2", 10, keep_numbers, &p, &err), 0);
        assert_int_equal(p - numbers, 5);
}

static int
last_kept(void *arg, const struct store_kept *k)
{
        *(struct store_kept *)arg = *k;
        return 0;
}

static void
kept_files_come_back_in_parts(void **state)
{
        struct fixture *f = *state;
        struct store_kept k = {.host = "n1", .time_ms = 1, .attempt_ms = 2, .n_files = 3, .size = 100000, .sha256 = {9}}, back;
        static uint8_t data[100000], joined[100000];
        struct error err;
        struct blob part = {0};

        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t)(i * 31 + i / 256);
        open_store(f);
        assert_int_equal(store_kept_put(f->store, &k, data, &err), 0);
        for (uint64_t at = 0; at < sizeof(data); at += part.size) { /* before the commit as well as behind it */
                assert_int_equal(store_kept_part(f->store, "n1", at, 30000, &part, &err), 0);
                assert_int_equal(part.size, at < 90000 ? 30000 : 10000);
                memcpy(joined + at, part.data, part.size);
                if (at == 0)
                        commit(f);
                if (at == 30000)
                        reopen(f);
        }
        assert_memory_equal(joined, data, sizeof(data));
        assert_int_equal(store_kept_part(f->store, "n1", sizeof(data), 30000, &part, &err), 0);
        assert_int_equal(part.size, 0);
        assert_int_equal(store_kept_part(f->store, "n1", 1ull << 40, 30000, &part, &err), 0);
        assert_int_equal(part.size, 0);
        assert_int_equal(store_kept_part(f->store, "n2", 0, 30000, &part, &err), 0);
        assert_int_equal(part.size, 0);
        k.size = 0; /* dropped */
        assert_int_equal(store_kept_put(f->store, &k, NULL, &err), 0);
        assert_int_equal(store_kept_part(f->store, "n1", 0, 30000, &part, &err), 0);
        assert_int_equal(part.size, 0);
        assert_int_equal(store_kepts(f->store, last_kept, &back, &err), 0);
        assert_string_equal(back.host, "n1");
        assert_true(back.time_ms == 1 && back.attempt_ms == 2 && back.n_files == 3 && back.size == 0 && back.sha256[0] == 9);
        blob_clear(&part);
}

static int
keep_domain(void *arg, const struct store_domain *d)
{
        struct store_domain *back = arg;

        *back = *d;
        back->config = d->config ? strdup(d->config) : NULL;
        return 0;
}

static void
a_domain_comes_back_as_it_went(void **state)
{
        struct fixture *f = *state;
        struct store_domain d = {.managed = true, .since_ms = 5}, back = {0};
        char config[] = "{\"name\":\"vm1\"}";
        struct error err;

        open_store(f);
        strcpy(d.info.name, "vm1");
        strcpy(d.host, "n1");
        d.info.uuid[3] = 9;
        d.info.state = DOMAIN_RUNNING;
        d.config = config;
        assert_int_equal(store_domain_put(f->store, &d, &err), 0);
        d.info.state = DOMAIN_PAUSED;
        assert_int_equal(store_domain_put(f->store, &d, &err), 0);
        commit(f);
        reopen(f);
        assert_int_equal(store_domains(f->store, keep_domain, &back, &err), 0);
        assert_true(rec_equal(&domain_info_desc, &d.info, &back.info));
        assert_string_equal(back.config, config);
        assert_string_equal(back.host, "n1");
        assert_true(back.managed);
        free(back.config);
        assert_int_equal(store_domain_delete(f->store, d.info.uuid, &err), 0);
        memset(&back, 0, sizeof(back));
        assert_int_equal(store_domains(f->store, keep_domain, &back, &err), 0);
        assert_string_equal(back.info.name, "");
}

static int
keep_op(void *arg, const struct store_op *op)
{
        *(struct store_op *)arg = *op;
        return 0;
}

static void
an_operations_number_is_never_used_again(void **state)
{
        struct fixture *f = *state;
        struct store_op op = {.timeout_seconds = 60}, back = {0};
        struct error err;
        uint64_t first;

        open_store(f);
        op.op.state = OP_DONE;
        strcpy(op.op.target, "vm1");
        assert_int_equal(store_op_insert(f->store, &op, &err), 0);
        first = op.op.id;
        assert_int_equal(store_ops_trim(f->store, 0, &err), 0);
        assert_int_equal(store_op_get(f->store, first, &back, &err), 0);
        commit(f);
        reopen(f);
        assert_int_equal(store_op_insert(f->store, &op, &err), 0);
        assert_true(op.op.id > first);
        assert_int_equal(store_op_get(f->store, op.op.id, &back, &err), 1);
        assert_int_equal(back.op.id, op.op.id);
        assert_int_equal(back.timeout_seconds, 60);
}

static void
trimming_leaves_operations_under_way(void **state)
{
        struct fixture *f = *state;
        struct store_op op = {0}, back = {0};
        struct error err;
        uint64_t active, key_op;

        open_store(f);
        op.op.state = OP_RUNNING;
        assert_int_equal(store_op_insert(f->store, &op, &err), 0);
        active = op.op.id;
        assert_int_equal(store_key_put(f->store, "uid:0", "k1", active, &err), 0);
        op.op.state = OP_FAILED;
        assert_int_equal(store_op_insert(f->store, &op, &err), 0);
        assert_int_equal(store_key_put(f->store, "uid:0", "k2", op.op.id, &err), 0);
        assert_int_equal(store_ops_trim(f->store, 0, &err), 0);
        assert_int_equal(store_ops(f->store, true, 0, keep_op, &back, &err), 0);
        assert_int_equal(back.op.id, active);
        assert_int_equal(store_key_get(f->store, "uid:0", "k1", &key_op, &err), 1);
        assert_int_equal(key_op, active);
        assert_int_equal(store_key_get(f->store, "uid:0", "k2", &key_op, &err), 0);
        assert_int_equal(store_key_get(f->store, "uid:1", "k1", &key_op, &err), 0);
}

static void
append_event(struct fixture *f, uint64_t id, const char *kind)
{
        struct event ev = {.id = id, .time_ms = (int64_t)id};
        struct error err;

        strcpy(ev.kind, kind);
        assert_int_equal(store_event_append(f->store, &ev, &err), 0);
}

static int
keep_ids(void *arg, const struct event *ev)
{
        uint64_t **p = arg;

        *(*p)++ = ev->id;
        return 0;
}

static void
events_are_trimmed_from_the_front_and_keep_their_numbers(void **state)
{
        struct fixture *f = *state;
        uint64_t ids[16] = {0}, *p = ids, last;
        struct error err;

        open_store(f);
        assert_int_equal(store_event_last(f->store, &last, &err), 0);
        assert_int_equal(last, 0);
        for (uint64_t i = 1; i <= 10; i++)
                append_event(f, i, i % 2 ? "host" : "op");
        assert_int_equal(store_events_trim(f->store, 4, &err), 0);
        commit(f);
        reopen(f);
        assert_int_equal(store_event_last(f->store, &last, &err), 0);
        assert_int_equal(last, 10);
        assert_int_equal(store_events(f->store, 0, "", 100, keep_ids, &p, &err), 0);
        assert_int_equal(p - ids, 4);
        assert_int_equal(ids[0], 7);
        p = ids;
        assert_int_equal(store_events(f->store, 7, "op", 100, keep_ids, &p, &err), 0);
        assert_int_equal(p - ids, 2);
        assert_int_equal(ids[0], 8);
        assert_int_equal(store_events_trim(f->store, 0, &err), 0); /* the last stays: it holds the number */
        assert_int_equal(store_event_last(f->store, &last, &err), 0);
        assert_int_equal(last, 10);
}

static void
an_event_number_cannot_be_taken_twice(void **state)
{
        struct fixture *f = *state;
        struct event ev = {.id = 1};
        struct error err;

        open_store(f);
        append_event(f, 1, "host");
        assert_true(store_event_append(f->store, &ev, &err) < 0);
}

static void
a_guest_file_is_known_only_while_it_is_the_same(void **state)
{
        struct fixture *f = *state;
        struct store_guest_file file = {.dev = 1, .inode = UINT64_MAX, .size = 10, .mtime_ns = 5, .ctime_ns = 6}, ask;
        struct error err;

        open_store(f);
        memset(file.sha256, 1, 32);
        assert_int_equal(store_guest_file_put(f->store, &file, &err), 0);
        ask = file;
        memset(ask.sha256, 0, 32);
        assert_int_equal(store_guest_file_get(f->store, &ask, &err), 1);
        assert_memory_equal(ask.sha256, file.sha256, 32);
        ask.mtime_ns++;
        assert_int_equal(store_guest_file_get(f->store, &ask, &err), 0);
}

static void
a_setting_of_another_size_is_an_error(void **state)
{
        struct fixture *f = *state;
        uint8_t key[32] = {1, 2, 3}, back[32];
        struct error err;

        open_store(f);
        assert_int_equal(store_setting_get(f->store, "k", back, 32, &err), 0);
        assert_int_equal(store_setting_put(f->store, "k", key, 32, &err), 0);
        assert_int_equal(store_setting_get(f->store, "k", back, 32, &err), 1);
        assert_memory_equal(key, back, 32);
        assert_true(store_setting_get(f->store, "k", back, 16, &err) < 0);
}

/* --- the file --- */

/* Files as the first two schema numbers left them, with a row each that must survive. */
static void
a_file_of_an_older_schema_is_brought_up_to_date(void **state)
{
        static const char schema_1[] =
                "CREATE TABLE settings(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"
                "CREATE TABLE hosts(name TEXT PRIMARY KEY, host TEXT NOT NULL, profile INTEGER, image TEXT, state INTEGER NOT "
                "NULL,"
                " since_ms INTEGER NOT NULL, address INTEGER NOT NULL, boot INTEGER NOT NULL, attempt_ms INTEGER NOT NULL,"
                " inventory TEXT) STRICT;"
                "CREATE TABLE sessions(host TEXT PRIMARY KEY, sha256 BLOB NOT NULL) STRICT;"
                "CREATE TABLE boots(host TEXT NOT NULL, number INTEGER NOT NULL, boot TEXT NOT NULL, PRIMARY KEY(host, "
                "number)) STRICT;"
                "CREATE TABLE leases(mac BLOB PRIMARY KEY, address INTEGER NOT NULL, state INTEGER NOT NULL,"
                " expiry_ms INTEGER NOT NULL) STRICT;"
                "INSERT INTO hosts VALUES('n9','{\"name\":\"n9\"}',NULL,NULL,0,1,0,0,0,NULL);"
                "PRAGMA application_id=1684893804; PRAGMA user_version=1;";
        static const char schema_2[] =
                "CREATE TABLE domains(uuid BLOB PRIMARY KEY, name TEXT NOT NULL, host TEXT NOT NULL, managed INTEGER NOT NULL,"
                " since_ms INTEGER NOT NULL, info TEXT NOT NULL, config TEXT) STRICT;"
                "CREATE TABLE operations(id INTEGER PRIMARY KEY AUTOINCREMENT, active INTEGER NOT NULL, op TEXT NOT NULL,"
                " uuid BLOB NOT NULL, timeout_seconds INTEGER NOT NULL) STRICT;"
                "CREATE INDEX operations_active ON operations(id) WHERE active = 1;"
                "CREATE TABLE operation_keys(who TEXT NOT NULL, key TEXT NOT NULL, op INTEGER NOT NULL, PRIMARY KEY(who, key)) "
                "STRICT;"
                "PRAGMA user_version=2;";
        struct fixture *f = *state;
        struct store_host back;
        struct error err;

        for (int version = 1; version <= 2; version++) {
                raw_sql(f->path, schema_1);
                if (version == 2)
                        raw_sql(f->path, schema_2);
                open_store(f);
                memset(&back, 0, sizeof(back));
                assert_int_equal(store_hosts(f->store, keep_host, &back, &err), 0);
                assert_string_equal(back.host.name, "n9");
                append_event(f, 1, "host");
                commit(f);
                reopen(f); /* nothing is done twice */
                store_close(f->store);
                f->store = NULL;
                assert_int_equal(unlink(f->path), 0);
        }
}

static void
a_newer_schema_is_refused_in_words(void **state)
{
        struct fixture *f = *state;

        open_store(f);
        store_close(f->store);
        f->store = NULL;
        raw_sql(f->path, "PRAGMA user_version=999");
        assert_open_fails(f, ERR_UNSUPPORTED, "999");
        assert_open_fails(f, ERR_UNSUPPORTED, "newer dompoold");
}

static void
another_programs_database_is_left_alone(void **state)
{
        struct fixture *f = *state;

        raw_sql(f->path, "CREATE TABLE theirs(x)");
        assert_open_fails(f, ERR_UNSUPPORTED, "another program");
        raw_sql(f->path, "INSERT INTO theirs VALUES(1)"); /* still a database of theirs */
}

static void
a_file_that_is_no_database_is_refused_in_words(void **state)
{
        struct fixture *f = *state;
        int fd = open(f->path, O_WRONLY | O_CREAT, 0600);

        for (int i = 0; i < 1000; i++)
                assert_int_equal(write(fd, "this is no database ", 20), 20);
        close(fd);
        assert_open_fails(f, ERR_IO, "damaged");
}

static void
a_database_in_use_is_refused_in_words(void **state)
{
        struct fixture *f = *state;

        open_store(f);
        assert_open_fails(f, ERR_BUSY, "another dompoold");
}

/* A power cut may leave any prefix of the WAL: every one opens, with the transactions that are whole. */
static void
a_torn_wal_opens_with_a_prefix_of_the_commits(void **state)
{
        struct fixture *f = *state;
        char wal[160], db_copy[128], wal_copy[160], command[1000];
        uint64_t last, before = 0;
        struct error err;
        struct stat st;

        open_store(f);
        commit(f);
        for (uint64_t i = 1; i <= 8; i++) {
                append_event(f, i, "host");
                commit(f);
        }
        snprintf(wal, sizeof(wal), "%s-wal", f->path);
        snprintf(db_copy, sizeof(db_copy), "%s/copy.db", f->dir);
        snprintf(wal_copy, sizeof(wal_copy), "%s-wal", db_copy);
        assert_int_equal(stat(wal, &st), 0);
        for (off_t size = 0; size <= st.st_size; size += 1999) {
                struct store *s = NULL;

                snprintf(command, sizeof(command), "cp %s %s && cp %s %s", f->path, db_copy, wal, wal_copy);
                assert_int_equal(system(command), 0);
                assert_int_equal(truncate(wal_copy, size), 0);
                if (store_open(db_copy, &s, &err))
                        fail_msg("WAL cut at %ld: %s", (long)size, err.message);
                assert_int_equal(store_event_last(s, &last, &err), 0);
                assert_true(last >= before && last <= 8);
                before = last;
                store_close(s);
                unlink(db_copy);
                unlink(wal_copy);
        }
        assert_in_range(before, 6, 8); /* the longest prefixes have (almost) all of them */
}

static void
an_unwritable_folder_is_refused_in_words(void **state)
{
        struct fixture *f = *state;

        strcpy(f->path, "/proc/dompool.db");
        assert_open_fails(f, ERR_IO, "unable to open");
}

static int
keep_unknown(void *arg, const struct unknown *u)
{
        struct unknown **at = arg;

        *(*at)++ = *u;
        return 0;
}

static void
an_unknown_machine_comes_back_as_it_went(void **state)
{
        struct fixture *f = *state;
        struct unknown u[2] = {{.mac = {{2, 0, 0, 0, 0, 9}}, .first_ms = 5, .state = UNKNOWN_INSPECTED, .tries = 2},
                               {.mac = {{2, 0, 0, 0, 0, 1}}, .first_ms = 9, .state = UNKNOWN_IGNORED}},
                       back[2] = {0}, *end = back;
        struct error err;

        open_store(f);
        strcpy(u[0].reason, "inspected");
        strcpy(u[0].hardware.serial, "S1");
        u[0].hardware.time_ms = 7;
        u[0].seen.network = MACHINE_NO_NETWORK;
        for (int i = 1; i >= 0; i--)
                assert_int_equal(store_unknown_put(f->store, &u[i], &err), 0);
        u[0].count = 3; /* put again, it is changed */
        assert_int_equal(store_unknown_put(f->store, &u[0], &err), 0);
        commit(f);
        reopen(f);
        assert_int_equal(store_unknowns(f->store, keep_unknown, &end, &err), 0);
        assert_int_equal(end - back, 2);
        assert_true(rec_equal(&unknown_desc, &back[0], &u[0])); /* in the order of first sight */
        assert_true(rec_equal(&unknown_desc, &back[1], &u[1]));
        assert_int_equal(store_unknown_delete(f->store, &u[0].mac, &err), 0);
        end = back;
        assert_int_equal(store_unknowns(f->store, keep_unknown, &end, &err), 0);
        assert_int_equal(end - back, 1);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(a_host_comes_back_as_it_went),
                T(a_state_is_written_without_the_rest),
                T(a_setting_and_a_session_can_be_taken_back),
                T(what_was_not_committed_is_not_there),
                T(only_the_newest_boots_are_kept),
                T(kept_files_come_back_in_parts),
                T(a_domain_comes_back_as_it_went),
                T(an_operations_number_is_never_used_again),
                T(trimming_leaves_operations_under_way),
                T(events_are_trimmed_from_the_front_and_keep_their_numbers),
                T(an_event_number_cannot_be_taken_twice),
                T(an_unknown_machine_comes_back_as_it_went),
                T(a_guest_file_is_known_only_while_it_is_the_same),
                T(a_setting_of_another_size_is_an_error),
                T(a_file_of_an_older_schema_is_brought_up_to_date),
                T(a_newer_schema_is_refused_in_words),
                T(another_programs_database_is_left_alone),
                T(a_file_that_is_no_database_is_refused_in_words),
                T(a_database_in_use_is_refused_in_words),
                T(a_torn_wal_opens_with_a_prefix_of_the_commits),
                T(an_unwritable_folder_is_refused_in_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
