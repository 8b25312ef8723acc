/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two accounts of a boot as lists of lines, their longest common subsequence, and what is left as hunks. Pure; runs in core, on
 * the policy in force and on one as it would be.
 */
#include "bootcfg/explain_diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bootcfg/policy_choice.h"

#define CONTEXT 3
#define HEX_LINE 32          /* bytes a line */
#define MAX_CELLS (1u << 24) /* of the table; what differs more is shown as all out, all in */

struct doc_line {
        char *text, *why;
        uint32_t hash; /* of the text: most lines differ, and all are compared with all */
        bool item;     /* the head of an item */
        bool boot;     /* of a packet or a file: what the machine sees */
};

struct doc {
        struct doc_line *lines;
        size_t n, room;
        bool boot, failed;
        char *hex; /* of the item whose lines come now */
        char what[80];
};

/* --- an account as lines --- */

static uint32_t
hash_of(const char *text)
{
        uint32_t hash = 2166136261u; /* FNV-1a */

        for (const char *p = text; *p; p++)
                hash = (hash ^ (uint8_t)*p) * 16777619u;
        return hash;
}

static void
add(struct doc *d, bool item, const char *text, const char *why)
{
        struct doc_line *l;

        if (d->n == d->room) {
                size_t room = d->room ? 2 * d->room : 256;

                l = realloc(d->lines, room * sizeof(*l));
                if (!l) {
                        d->failed = true;
                        return;
                }
                d->lines = l;
                d->room = room;
        }
        l = &d->lines[d->n++];
        *l = (struct doc_line){.text = strdup(text), .why = strdup(why), .hash = hash_of(text), .item = item, .boot = d->boot};
        if (!l->text || !l->why)
                d->failed = true;
}

/* A packet's bytes stand behind its decoded lines. */
static void
flush_hex(struct doc *d)
{
        size_t size = d->hex ? strlen(d->hex) : 0;
        char line[2 * HEX_LINE + 32];

        for (size_t at = 0; at < size; at += 2 * HEX_LINE) {
                snprintf(line, sizeof(line), "    %04zx  %.*s", at / 2, 2 * HEX_LINE, d->hex + at);
                add(d, false, line, "");
        }
        free(d->hex);
        d->hex = NULL;
}

static void
on_item(void *arg, const char *kind, const char *title, const void *data, size_t size)
{
        struct doc *d = arg;
        char head[300], bytes[32] = "";

        flush_hex(d);
        d->boot = strcmp(kind, "decision") != 0;
        if (data)
                snprintf(bytes, sizeof(bytes), " (%zu bytes)", size);
        snprintf(head, sizeof(head), "%s: %s%s", kind, title, bytes);
        add(d, true, head, "");
        if (data && strcmp(kind, "file") != 0) { /* a menu's lines are its bytes */
                d->hex = malloc(2 * size + 1);
                if (d->hex)
                        hex_text(data, size, d->hex);
                else
                        d->failed = true;
        }
}

static void
on_line(void *arg, const char *text, const char *why)
{
        struct doc *d = arg;
        char line[2700];

        snprintf(line, sizeof(line), "  %s", text);
        add(d, false, line, why);
}

static void
doc_clear(struct doc *d)
{
        for (size_t i = 0; i < d->n; i++) {
                free(d->lines[i].text);
                free(d->lines[i].why);
        }
        free(d->lines);
        free(d->hex);
}

static void
say_what(const struct explain_request *r, char *buf, size_t size)
{
        struct policy_host found;
        const struct policy_host *h = policy_host_by_mac(r->policy, &r->mac, &found);
        struct policy_chosen chosen;
        struct policy_time t;

        policy_time_at(r->now_ms, &t);
        policy_choose(r->policy, h, &t, &chosen);
        if (!h)
                snprintf(buf, size, "nothing");
        else if (chosen.image)
                snprintf(buf, size, "profile %.24s, image %.16s %.16s", chosen.profile->name, chosen.image->name,
                         chosen.image->id);
        else
                snprintf(buf, size, "profile %.40s", chosen.profile->name);
}

static int
doc_make(struct doc *d, const struct explain_request *r, struct error *err)
{
        const struct explain_sink sink = {.item = on_item, .line = on_line, .arg = d};
        int e = explain_boot(r, &sink, err);

        flush_hex(d);
        say_what(r, d->what, sizeof(d->what));
        return e < 0 ? e : d->failed ? error_errno_set(err, ENOMEM, "explain") : 0;
}

/* --- the comparison --- */

static bool
same(const struct doc_line *a, const struct doc_line *b)
{
        return a->hash == b->hash && strcmp(a->text, b->text) == 0;
}

/* What becomes of the lines, in order. */
struct step {
        char op;
        size_t a, b; /* positions before it */
};

struct steps {
        struct step *list;
        size_t n;
};

static void
take(struct steps *s, char op, size_t *a, size_t *b)
{
        s->list[s->n++] = (struct step){.op = op, .a = *a, .b = *b};
        *a += op != '+';
        *b += op != '-';
}

/* The longest common subsequence of what is between the common beginning and end, by the textbook's table: accounts have some
 * hundred lines. */
static int
compare(const struct doc *x, const struct doc *y, struct steps *s)
{
        size_t a = 0, b = 0, n = x->n, m = y->n;
        _cleanup_free_ uint16_t *table = NULL;

        s->list = calloc(x->n + y->n + 1, sizeof(*s->list));
        if (!s->list)
                return -ENOMEM;
        while (a < n && b < m && same(&x->lines[a], &y->lines[b]))
                take(s, ' ', &a, &b);
        while (n > a && m > b && same(&x->lines[n - 1], &y->lines[m - 1]))
                n--, m--;
        if ((n - a) * (m - b) < MAX_CELLS && n - a < UINT16_MAX) {
                const size_t a0 = a, b0 = b, width = m - b + 1;

                table = calloc((n - a + 1) * width, sizeof(*table));
                if (!table)
                        return -ENOMEM;
#define CELL(i, j) table[((i)-a0) * width + ((j)-b0)]
                for (size_t i = n; i-- > a0;)
                        for (size_t j = m; j-- > b0;)
                                CELL(i, j) = same(&x->lines[i], &y->lines[j])   ? (uint16_t)(CELL(i + 1, j + 1) + 1)
                                             : CELL(i + 1, j) >= CELL(i, j + 1) ? CELL(i + 1, j)
                                                                                : CELL(i, j + 1);
                while (a < n && b < m)
                        take(s, same(&x->lines[a], &y->lines[b]) ? ' ' : CELL(a + 1, b) >= CELL(a, b + 1) ? '-' : '+', &a, &b);
#undef CELL
        }
        while (a < n)
                take(s, '-', &a, &b);
        while (b < m)
                take(s, '+', &a, &b);
        while (a < x->n)
                take(s, ' ', &a, &b);
        return 0;
}

static const struct doc_line *
line_of(const struct doc *x, const struct doc *y, const struct step *s)
{
        return s->op == '+' ? &y->lines[s->b] : &x->lines[s->a];
}

/* The item that a line before is in. */
static const char *
item_at(const struct doc *x, size_t a)
{
        if (x->n == 0)
                return "";
        for (size_t i = a < x->n ? a : x->n - 1; i > 0; i--)
                if (x->lines[i].item)
                        return x->lines[i].text;
        return x->lines[0].text;
}

/* Steps [from, to) as one hunk. */
static void
print_hunk(const struct doc *x, const struct doc *y, const struct steps *s, size_t from, size_t to,
           const struct explain_diff_sink *sink)
{
        size_t n_before = 0, n_after = 0;
        char head[400];

        for (size_t i = from; i < to; i++) {
                n_before += s->list[i].op != '+';
                n_after += s->list[i].op != '-';
        }
        snprintf(head, sizeof(head), "@@ -%zu,%zu +%zu,%zu @@ %s", s->list[from].a + (n_before > 0), n_before,
                 s->list[from].b + (n_after > 0), n_after, item_at(x, s->list[from].a));
        sink->line(sink->arg, '@', head, "");
        for (size_t i = from; i < to; i++) {
                const struct doc_line *l = line_of(x, y, &s->list[i]);

                sink->line(sink->arg, s->list[i].op, l->text, l->why);
        }
}

static void
print(const struct doc *x, const struct doc *y, const struct steps *s, const struct explain_diff_sink *sink)
{
        size_t i = 0;

        while (i < s->n) {
                size_t from, to, quiet = 0;

                while (i < s->n && s->list[i].op == ' ')
                        i++;
                if (i == s->n)
                        return;
                from = i > CONTEXT ? i - CONTEXT : 0;
                for (to = i; to < s->n && quiet <= 2 * CONTEXT; to++)
                        quiet = s->list[to].op == ' ' ? quiet + 1 : 0;
                i = to;
                if (quiet > CONTEXT)
                        to -= quiet - CONTEXT;
                print_hunk(x, y, s, from, to, sink);
        }
}

int
explain_diff(const struct explain_request *before, const struct explain_request *after, const struct explain_diff_sink *sink,
             struct explain_diff_result *ret, struct error *err)
{
        struct doc x = {0}, y = {0};
        struct steps s = {0};
        int r = doc_make(&x, before, err);

        if (r == 0)
                r = doc_make(&y, after, err);
        if (r == 0 && compare(&x, &y, &s) < 0)
                r = error_errno_set(err, ENOMEM, "explain");
        if (r == 0) {
                *ret = (struct explain_diff_result){0};
                memcpy(ret->before, x.what, sizeof(ret->before));
                memcpy(ret->after, y.what, sizeof(ret->after));
                for (size_t i = 0; i < s.n; i++)
                        ret->changes += s.list[i].op != ' ' && line_of(&x, &y, &s.list[i])->boot;
                if (sink)
                        print(&x, &y, &s, sink);
        }
        free(s.list);
        doc_clear(&x);
        doc_clear(&y);
        return r;
}
