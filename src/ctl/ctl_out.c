/* SPDX-License-Identifier: Apache-2.0 */
/* Output of the command line; see ctl_out.h. Nothing here talks to a server. Runs in: dompool. */
#include <stdio.h>

#include "ctl/ctl_out.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"
#include "ctl/ctl_http.h"

#define CELL_SIZE 1100
#define NARROWEST 8

/* ---- values ---- */

const json_t *
ctl_value(const json_t *object, const char *key)
{
        char part[64];

        while (object && *key) {
                size_t n = strcspn(key, ".");

                snprintf(part, sizeof(part), "%.*s", (int)n, key);
                object = json_object_get(object, part);
                key += n + (key[n] == '.');
        }
        return object;
}

const char *
ctl_string(const json_t *object, const char *key)
{
        return json_string_value(ctl_value(object, key)) ?: "";
}

int64_t
ctl_integer(const json_t *object, const char *key)
{
        return json_integer_value(ctl_value(object, key));
}

char *
ctl_clean(const char *text, char *buf, size_t size)
{
        size_t n = 0;

        for (; *text && n + 1 < size; text++) {
                unsigned char c = (unsigned char)*text;

                /* C1 controls are 0xc2 0x80-0x9f in UTF-8 */
                if (c == 0xc2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] <= 0x9f) {
                        text++;
                        c = 1;
                }
                buf[n++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
        }
        if (((unsigned char)*text & 0xc0) == 0x80) { /* the cut is inside a character */
                while (n > 0 && ((unsigned char)buf[n - 1] & 0xc0) == 0x80)
                        n--;
                n -= n > 0;
        }
        buf[n] = '\0';
        return buf;
}

static char *
format_scaled(uint64_t bytes, char *buf, size_t size)
{
        static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
        double value = (double)bytes;
        size_t unit = 0;

        while (value >= 1024 && unit + 1 < N_ELEMENTS(units)) {
                value /= 1024;
                unit++;
        }
        if (value >= 100 || value == (double)(uint64_t)value)
                snprintf(buf, size, "%.0f %s", value, units[unit]);
        else
                snprintf(buf, size, "%.1f %s", value, units[unit]);
        return buf;
}

static char *
format_since(int64_t ms, int64_t now_ms, char *buf, size_t size)
{
        int64_t s = (now_ms - ms) / 1000;

        if (ms <= 0)
                snprintf(buf, size, "-");
        else if (s < 60)
                snprintf(buf, size, "%lld s", (long long)(s < 0 ? 0 : s));
        else if (s < 3600)
                snprintf(buf, size, "%lld m", (long long)(s / 60));
        else if (s < 2 * 86400)
                snprintf(buf, size, "%lld h", (long long)(s / 3600));
        else
                snprintf(buf, size, "%lld d", (long long)(s / 86400));
        return buf;
}

static char *
format_time(int64_t ms, char *buf, size_t size)
{
        time_t s = (time_t)(ms / 1000);
        struct tm tm;

        if (ms <= 0 || !localtime_r(&s, &tm) || strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
                snprintf(buf, size, "-");
        return buf;
}

static char *
format_list(const json_t *list, char *buf, size_t size)
{
        const json_t *item;
        size_t i, n = 0;
        char word[200];

        buf[0] = '\0';
        json_array_foreach(list, i, item)
        {
                if (n + 1 >= size)
                        break;
                n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "",
                                      ctl_clean(json_string_value(item) ?: "?", word, sizeof(word)));
        }
        if (buf[0] == '\0')
                snprintf(buf, size, "-");
        return buf;
}

static char *
format_text(const json_t *value, char *buf, size_t size)
{
        if (json_is_integer(value))
                snprintf(buf, size, "%lld", (long long)json_integer_value(value));
        else if (json_is_boolean(value))
                snprintf(buf, size, "%s", json_is_true(value) ? "yes" : "no");
        else if (json_is_string(value) && json_string_length(value) > 0)
                ctl_clean(json_string_value(value), buf, size);
        else
                snprintf(buf, size, "-");
        return buf;
}

char *
ctl_format(enum ctl_format format, const json_t *value, int64_t now_ms, char *buf, size_t size)
{
        int64_t n = json_integer_value(value);

        if (!value || json_is_null(value)) {
                snprintf(buf, size, "-");
                return buf;
        }
        switch (format) {
        case FMT_KIB:
                return format_scaled((uint64_t)n << 10, buf, size);
        case FMT_BYTES:
                return format_scaled((uint64_t)n, buf, size);
        case FMT_SINCE:
                return format_since(n, now_ms, buf, size);
        case FMT_TIME:
                return format_time(n, buf, size);
        case FMT_NS:
                snprintf(buf, size, "%.1f s", (double)n / 1e9);
                return buf;
        case FMT_ID:
                format_text(value, buf, size);
                if (size > 16)
                        buf[16] = '\0';
                return buf;
        case FMT_LIST:
                return format_list(value, buf, size);
        case FMT_TEXT:
        case FMT_YES:
                break;
        }
        return format_text(value, buf, size);
}

/* ---- tables ---- */

size_t
ctl_text_width(const char *text)
{
        size_t n = 0;

        for (; *text; text++)
                n += ((unsigned char)*text & 0xc0) != 0x80;
        return n;
}

unsigned
ctl_terminal_width(void)
{
        struct winsize w = {0};

        if (!isatty(STDOUT_FILENO))
                return 0;
        return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}

/* Narrows the widest elastic column, one step at a time, until the line fits or nothing gives any more. */
static void
fit_widths(const struct ctl_column *columns, size_t n, size_t *widths, unsigned total)
{
        for (;;) {
                size_t sum = 2 * (n - 1), widest = n;

                for (size_t i = 0; i < n; i++) {
                        sum += widths[i];
                        if (columns[i].elastic && widths[i] > NARROWEST && (widest == n || widths[i] > widths[widest]))
                                widest = i;
                }
                if (sum <= total || widest == n)
                        return;
                widths[widest]--;
        }
}

static void
print_cell(FILE *f, const char *text, size_t width, bool right, bool last)
{
        size_t n = ctl_text_width(text), shown = 0;

        if (right)
                fprintf(f, "%*s", (int)(width > n ? width - n : 0), "");
        if (n <= width) {
                fputs(text, f);
        } else {
                for (; *text; text++) {
                        shown += ((unsigned char)*text & 0xc0) != 0x80;
                        if (shown > width - 1)
                                break;
                        fputc(*text, f);
                }
                fputs("…", f);
        }
        if (!last)
                fprintf(f, "%*s  ", (int)(!right && width > n ? width - n : 0), "");
}

void
ctl_table_print(FILE *f, const struct ctl_column *columns, size_t n, const json_t *rows, unsigned width, int64_t now_ms)
{
        size_t widths[CTL_MAX_COLUMNS], i;
        char cell[CELL_SIZE];
        const json_t *row;

        for (size_t k = 0; k < n; k++)
                widths[k] = ctl_text_width(columns[k].head);
        json_array_foreach(rows, i, row)
        {
                for (size_t k = 0; k < n; k++) {
                        size_t w = ctl_text_width(
                                ctl_format(columns[k].format, ctl_value(row, columns[k].key), now_ms, cell, sizeof(cell)));

                        widths[k] = w > widths[k] ? w : widths[k];
                }
        }
        if (width > 0)
                fit_widths(columns, n, widths, width);
        for (size_t k = 0; k < n; k++)
                print_cell(f, columns[k].head, widths[k], columns[k].right, k + 1 == n);
        fputc('\n', f);
        json_array_foreach(rows, i, row)
        {
                for (size_t k = 0; k < n; k++) {
                        ctl_format(columns[k].format, ctl_value(row, columns[k].key), now_ms, cell, sizeof(cell));
                        print_cell(f, cell, widths[k], columns[k].right, k + 1 == n);
                }
                fputc('\n', f);
        }
}

void
ctl_object_print(FILE *f, const struct ctl_column *fields, size_t n, const json_t *object, int64_t now_ms)
{
        char cell[CELL_SIZE];
        size_t width = 0;

        for (size_t i = 0; i < n; i++)
                width = strlen(fields[i].head) > width ? strlen(fields[i].head) : width;
        for (size_t i = 0; i < n; i++) {
                const json_t *value = ctl_value(object, fields[i].key);

                if (value)
                        fprintf(f, "%-*s  %s\n", (int)width, fields[i].head,
                                ctl_format(fields[i].format, value, now_ms, cell, sizeof(cell)));
        }
}

void
ctl_print_json(FILE *f, const json_t *value)
{
        json_dumpf(value, f, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
        fputc('\n', f);
}

/* ---- by the chosen output ---- */

int
ctl_output(const struct ctl *c, enum ctl_output *ret, struct error *err)
{
        const char *o = c->opt[OPT_OUTPUT];

        if (c->opt[OPT_JSON] || (o && strcmp(o, "json") == 0))
                *ret = CTL_OUT_JSON;
        else if (!o || strcmp(o, "table") == 0)
                *ret = CTL_OUT_TABLE;
        else if (strcmp(o, "name") == 0)
                *ret = CTL_OUT_NAME;
        else
                return error_set(err, ERR_USAGE, "-o '%s': table, json or name is wanted", o);
        return 0;
}

static int64_t
wall_now(void)
{
        struct clock clock;

        clock_init_real(&clock);
        return clock_wall_ms(&clock);
}

static void
print_name(const json_t *object, const char *key)
{
        char cell[CELL_SIZE];

        printf("%s\n", ctl_format(FMT_TEXT, ctl_value(object, key), 0, cell, sizeof(cell)));
}

int
ctl_print_list(const struct ctl *c, const json_t *answer, const char *key, const char *name_key,
               const struct ctl_column *columns, size_t n, struct error *err)
{
        const json_t *rows = json_object_get(answer, key), *row;
        enum ctl_output output;
        int r = ctl_output(c, &output, err);
        size_t i;

        if (r < 0)
                return r;
        if (!json_is_array(rows))
                return error_set(err, ERR_PROTOCOL, "the server's answer has no list '%s'", key);
        if (output == CTL_OUT_JSON)
                ctl_print_json(stdout, answer);
        else if (output == CTL_OUT_TABLE)
                ctl_table_print(stdout, columns, n, rows, ctl_terminal_width(), wall_now());
        else
                json_array_foreach(rows, i, row)
                {
                        print_name(row, name_key);
                }
        return 0;
}

int
ctl_list(struct ctl *c, const char *path, const char *key, const char *name_key, const struct ctl_column *columns, size_t n,
         struct error *err)
{
        json_t *answer = NULL;
        int r = ctl_get(c, &answer, err, "%s", path);

        if (r == 0)
                r = ctl_print_list(c, answer, key, name_key, columns, n, err);
        json_decref(answer);
        return r;
}

int
ctl_print_object(const struct ctl *c, const json_t *object, const char *name_key, const struct ctl_column *fields, size_t n,
                 struct error *err)
{
        enum ctl_output output;
        int r = ctl_output(c, &output, err);

        if (r < 0)
                return r;
        if (output == CTL_OUT_JSON)
                ctl_print_json(stdout, object);
        else if (output == CTL_OUT_TABLE)
                ctl_object_print(stdout, fields, n, object, wall_now());
        else
                print_name(object, name_key);
        return 0;
}
