/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_CTL_CTL_OUT_H
#define DOMPOOL_CTL_CTL_OUT_H
/*
 * What the commands print: tables that fit the terminal, one thing in full, JSON. Texts of the server may hold what strangers
 * sent; control characters never reach the terminal.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ctl/ctl.h"

#define CTL_MAX_COLUMNS 12

enum ctl_output { CTL_OUT_TABLE, CTL_OUT_JSON, CTL_OUT_NAME };

/* From --json and -o; ERR_USAGE for another word. */
int
ctl_output(const struct ctl *c, enum ctl_output *ret, struct error *err);

/* How a value of JSON becomes a cell. */
enum ctl_format {
        FMT_TEXT,     /* string or number as it is; "-" when empty */
        FMT_KIB,      /* KiB -> "512 MiB" */
        FMT_BYTES,
        FMT_SINCE,    /* wall clock ms -> "3 m" ago */
        FMT_TIME,     /* wall clock ms -> "2026-11-21 21:40:03" local time */
        FMT_NS,       /* nanoseconds -> "12.3 s" */
        FMT_ID,       /* the first 16 digits of a hash */
        FMT_YES,      /* boolean */
        FMT_LIST,     /* array of strings */
};

struct ctl_column {
        const char *head;
        const char *key;      /* of the row's object; "a.b" goes inside */
        enum ctl_format format;
        bool right;           /* numbers */
        bool elastic;         /* may be cut when the terminal is narrow */
};

/* A table of an array's objects to stdout. @width: columns of the terminal, 0: never cut. Pure but for the output. */
void
ctl_table_print(FILE *f, const struct ctl_column *columns, size_t n, const json_t *rows, unsigned width, int64_t now_ms);

/* One object: "key: value" lines. */
void
ctl_object_print(FILE *f, const struct ctl_column *fields, size_t n, const json_t *object, int64_t now_ms);

/* The list @key of @answer by the chosen output: as table, whole JSON, or the names ("name" or @name_key). */
int
ctl_print_list(const struct ctl *c, const json_t *answer, const char *key, const char *name_key,
               const struct ctl_column *columns, size_t n, struct error *err);

/* The same of what the server answers to GET @path: a list command as it usually is. */
int
ctl_list(struct ctl *c, const char *path, const char *key, const char *name_key, const struct ctl_column *columns, size_t n,
         struct error *err);

int
ctl_print_object(const struct ctl *c, const json_t *object, const char *name_key, const struct ctl_column *fields, size_t n,
                 struct error *err);

void
ctl_print_json(FILE *f, const json_t *value);

/* @text without control characters (each becomes '?'), cut at the buffer. Returns @buf. */
char *
ctl_clean(const char *text, char *buf, size_t size);

/* Columns that a UTF-8 text takes on a terminal. */
size_t
ctl_text_width(const char *text);

/* Of the terminal that stdout is, 0 when it is none. */
unsigned
ctl_terminal_width(void);

char *
ctl_format(enum ctl_format format, const json_t *value, int64_t now_ms, char *buf, size_t size);

/* "a.b" inside @object; NULL. */
const json_t *
ctl_value(const json_t *object, const char *key);

const char *
ctl_string(const json_t *object, const char *key);

int64_t
ctl_integer(const json_t *object, const char *key);

#endif
