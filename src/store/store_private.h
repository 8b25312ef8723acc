/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_STORE_STORE_PRIVATE_H
#define DOMPOOL_STORE_STORE_PRIVATE_H
/* Inside of src/store: the connection, its prepared statements and two helpers that bind and run them. */
#include <sqlite3.h>
#include <stdarg.h>

#include "store/store.h"

/* Every statement of the store; each is prepared once, when it is first used. */
enum store_stmt {
#define STATEMENT(ID, SQL) ST_##ID,
#include "store/statements.def"
#undef STATEMENT
        ST_N,
};

struct store {
        sqlite3 *db;
        bool in_transaction;
        sqlite3_stmt *stmts[ST_N];
};

/* Sets @err from the connection's last failure; returns its negative errno. */
int store_error(struct store *s, struct error *err, const char *what);

/*
 * Binds by letters: 't' const char * (NULL: null), 'i' int64_t, 'z' int64_t (bound as null), 'b' const void *, size_t (pointer
 * NULL: null). store_run executes a statement that gives no rows, in the open transaction or a new one. store_query hands out a
 * bound statement to be stepped by store_step (1: a row, 0: the end) and put back by store_done.
 */
int store_run(struct store *s, enum store_stmt id, struct error *err, const char *types, ...);
int store_query(struct store *s, enum store_stmt id, sqlite3_stmt **ret, struct error *err, const char *types, ...);
int store_step(struct store *s, sqlite3_stmt *stmt, struct error *err);
void store_done(sqlite3_stmt *stmt);

/* "" where the column is null. */
const char *store_text(sqlite3_stmt *stmt, int column);
/* Exactly @size bytes, else zeroes; says whether they were there. */
bool store_bytes(sqlite3_stmt *stmt, int column, void *ret, size_t size);

/* A record from its JSON in a column; what cannot be read is ERR_IO and names the row. */
int store_record(sqlite3_stmt *stmt, int column, const struct rec_desc *desc, void *ret, const char *what, struct error *err);
/* malloc'ed JSON of a record, or NULL and ERR_NO_SPACE. */
char *store_json(const struct rec_desc *desc, const void *rec, struct error *err);

/* store_schema.c: brings a fresh or older file up to date; refuses a newer one and one that is not ours. */
int store_migrate(sqlite3 *db, struct error *err);

#endif
