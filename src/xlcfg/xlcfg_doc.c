/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of xl.cfg: tokens to settings. Knows no keys. Stops at the first error. Pure; run by the API role.
 */
#include "xlcfg/xlcfg_doc.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "xlcfg/xlcfg_lex.h"

struct parser {
        struct xlcfg_lex lex;
        struct xlcfg_token token; /* the next one, not yet used */
        struct xlcfg_doc *doc;
        struct error *err;
        size_t n_values;
        size_t n_assignments;
};

static void
value_deinit(struct xlcfg_value *v)
{
        for (size_t i = 0; i < v->n_items; i++)
                value_deinit(&v->items[i]);
        free(v->items);
        free(v->string);
        *v = (struct xlcfg_value){0};
}

void
xlcfg_doc_deinit(struct xlcfg_doc *doc)
{
        for (size_t i = 0; i < doc->n_settings; i++) {
                free(doc->settings[i].key);
                value_deinit(&doc->settings[i].value);
        }
        free(doc->settings);
        *doc = (struct xlcfg_doc){0};
}

static struct xlcfg_setting *
find(const struct xlcfg_doc *doc, const char *key)
{
        for (size_t i = 0; i < doc->n_settings; i++)
                if (strcmp(doc->settings[i].key, key) == 0)
                        return &doc->settings[i];
        return NULL;
}

const struct xlcfg_setting *
xlcfg_doc_find(const struct xlcfg_doc *doc, const char *key)
{
        return find(doc, key);
}

static int
no_memory(struct error *err)
{
        return error_set(err, ERR_NO_SPACE, "out of memory");
}

/* Room for one element behind the @n of an array that is only ever grown here: its capacity is the next power of two. */
static int
reserve_one(void **array, size_t n, size_t element_size, struct error *err)
{
        void *bigger;

        if (n & (n - 1))
                return 0;
        bigger = reallocarray(*array, n ? n * 2 : 1, element_size);
        if (!bigger)
                return no_memory(err);
        *array = bigger;
        return 0;
}

static int
advance(struct parser *p)
{
        return xlcfg_lex_next(&p->lex, &p->token, p->err);
}

static const char *
token_name(const struct xlcfg_token *t)
{
        static const char *const names[] = {
                [TOKEN_END] = "the end of the file",
                [TOKEN_NEWLINE] = "the end of the line",
                [TOKEN_SEMICOLON] = "';'",
                [TOKEN_KEY] = "a word",
                [TOKEN_NUMBER] = "a number",
                [TOKEN_STRING] = "a string",
                [TOKEN_ASSIGN] = "'='",
                [TOKEN_ADD] = "'+='",
                [TOKEN_OPEN] = "'['",
                [TOKEN_CLOSE] = "']'",
                [TOKEN_COMMA] = "','",
        };

        return names[t->kind];
}

static int
expected(struct parser *p, const char *what)
{
        return error_set(p->err, ERR_CONFIG, "%s:%u: expected %s, found %s", p->lex.name, p->token.line, what,
                         token_name(&p->token));
}

static bool
token_is(const struct xlcfg_token *t, const char *word)
{
        return t->kind == TOKEN_KEY && t->size == strlen(word) && memcmp(t->start, word, t->size) == 0;
}

/* xm's files were Python programs. */
static bool
is_python_word(const struct xlcfg_token *t)
{
        static const char *const words[] = {"import", "from",  "def", "if",    "elif", "else",
                                            "for",    "while", "try", "print", "exec"};

        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (token_is(t, words[i]))
                        return true;
        return false;
}

static int
parse_atom(struct parser *p, struct xlcfg_value *ret)
{
        int r;

        if (p->token.kind == TOKEN_KEY)
                return error_set(p->err, ERR_CONFIG,
                                 "%s:%u: '%.*s' is no value: strings stand in quotes; there are no variables (a Python "
                                 "expression of xm?)",
                                 p->lex.name, p->token.line, (int)(p->token.size < 60 ? p->token.size : 60), p->token.start);
        if (p->token.kind != TOKEN_STRING && p->token.kind != TOKEN_NUMBER)
                return expected(p, "a string, a number or a list");
        r = xlcfg_lex_text(&p->lex, &p->token, &ret->string, p->err);
        return r ? r : advance(p);
}

static int
skip_newlines(struct parser *p)
{
        int r = 0;

        while (!r && p->token.kind == TOKEN_NEWLINE)
                r = advance(p);
        return r;
}

static int parse_value(struct parser *p, unsigned depth, struct xlcfg_value *ret);

static int
parse_list(struct parser *p, unsigned depth, struct xlcfg_value *ret)
{
        int r;

        if (depth > XLCFG_MAX_DEPTH)
                return error_set(p->err, ERR_LIMIT, "%s:%u: lists nested deeper than %d", p->lex.name, p->token.line,
                                 XLCFG_MAX_DEPTH);
        ret->kind = XLCFG_LIST;
        if ((r = advance(p)) || (r = skip_newlines(p)))
                return r;
        while (p->token.kind != TOKEN_CLOSE) {
                r = reserve_one((void **)&ret->items, ret->n_items, sizeof(*ret->items), p->err);
                if (r)
                        return r;
                ret->items[ret->n_items] = (struct xlcfg_value){0};
                r = parse_value(p, depth, &ret->items[ret->n_items++]);
                if (r || (r = skip_newlines(p)))
                        return r;
                if (p->token.kind == TOKEN_CLOSE)
                        break;
                if (p->token.kind != TOKEN_COMMA)
                        return expected(p, "',' or ']' in a list");
                if ((r = advance(p)) || (r = skip_newlines(p)))
                        return r;
        }
        return advance(p);
}

/* On failure @ret holds what had been made and is still to be freed. */
static int
parse_value(struct parser *p, unsigned depth, struct xlcfg_value *ret)
{
        if (++p->n_values > XLCFG_MAX_VALUES)
                return error_set(p->err, ERR_LIMIT, "%s:%u: more than %d values", p->lex.name, p->token.line, XLCFG_MAX_VALUES);
        ret->line = p->token.line;
        if (p->token.kind == TOKEN_OPEN)
                return parse_list(p, depth + 1, ret);
        return parse_atom(p, ret);
}

/* Puts @from behind @to; @from is empty afterwards. */
static int
join_values(struct parser *p, const char *key, struct xlcfg_value *to, struct xlcfg_value *from)
{
        char *text;

        if (to->kind != from->kind)
                return error_set(p->err, ERR_CONFIG,
                                 "%s:%u: '%s': a list and a single value cannot be joined by +=", p->lex.name, from->line, key);
        if (to->kind == XLCFG_LIST) {
                for (size_t i = 0; i < from->n_items; i++) {
                        int r = reserve_one((void **)&to->items, to->n_items, sizeof(*to->items), p->err);

                        if (r)
                                return r;
                        to->items[to->n_items++] = from->items[i];
                        from->items[i] = (struct xlcfg_value){0};
                }
                return 0;
        }
        text = realloc(to->string, strlen(to->string) + strlen(from->string) + 1);
        if (!text)
                return no_memory(p->err);
        strcat(text, from->string);
        to->string = text;
        return 0;
}

/* Adds a setting without a value for a key seen for the first time. */
static int
add_setting(struct parser *p, const struct xlcfg_token *key, struct xlcfg_setting **ret)
{
        struct xlcfg_doc *doc = p->doc;
        struct xlcfg_setting *s;
        int r;

        if (doc->n_settings == XLCFG_MAX_SETTINGS)
                return error_set(p->err, ERR_LIMIT, "%s:%u: more than %d different keys", p->lex.name, key->line,
                                 XLCFG_MAX_SETTINGS);
        r = reserve_one((void **)&doc->settings, doc->n_settings, sizeof(*doc->settings), p->err);
        if (r)
                return r;
        s = &doc->settings[doc->n_settings];
        *s = (struct xlcfg_setting){0};
        r = xlcfg_lex_text(&p->lex, key, &s->key, p->err);
        if (r)
                return r;
        doc->n_settings++;
        *ret = s;
        return 0;
}

static int
store(struct parser *p, const struct xlcfg_token *key, bool add, struct xlcfg_value *value)
{
        _cleanup_free_ char *text = NULL;
        struct xlcfg_setting *s;
        bool is_new;
        int r;

        r = xlcfg_lex_text(&p->lex, key, &text, p->err);
        if (r)
                return r;
        s = find(p->doc, text);
        is_new = !s;
        if (is_new && (r = add_setting(p, key, &s)))
                return r;
        s->overridden_line = !is_new && !add ? s->line : 0;
        s->line = value->line;
        s->added = add;
        if (add && !is_new)
                return join_values(p, s->key, &s->value, value);
        value_deinit(&s->value);
        s->value = *value;
        *value = (struct xlcfg_value){0};
        return 0;
}

static int
parse_assignment(struct parser *p)
{
        struct xlcfg_value value = {0};
        struct xlcfg_token key = p->token;
        bool add;
        int r;

        if (++p->n_assignments > XLCFG_MAX_ASSIGNMENTS)
                return error_set(p->err, ERR_LIMIT, "%s:%u: more than %d assignments", p->lex.name, key.line,
                                 XLCFG_MAX_ASSIGNMENTS);
        r = advance(p);
        if (r)
                return r;
        add = p->token.kind == TOKEN_ADD;
        if (!add && p->token.kind != TOKEN_ASSIGN) {
                if (is_python_word(&key))
                        return error_set(p->err, ERR_CONFIG, "%s:%u: not xl.cfg: Python statement '%.*s'", p->lex.name,
                                         key.line, (int)key.size, key.start);
                return expected(p, "= or += after a key");
        }
        r = advance(p);
        if (!r)
                r = parse_value(p, 0, &value);
        if (!r)
                r = store(p, &key, add, &value);
        value_deinit(&value);
        return r;
}

static int
parse_file(struct parser *p)
{
        int r = advance(p);

        while (!r && p->token.kind != TOKEN_END) {
                if (p->token.kind == TOKEN_KEY)
                        r = parse_assignment(p);
                else if (p->token.kind != TOKEN_NEWLINE && p->token.kind != TOKEN_SEMICOLON)
                        return expected(p, "a key");
                if (r || p->token.kind == TOKEN_END)
                        return r;
                if (p->token.kind != TOKEN_NEWLINE && p->token.kind != TOKEN_SEMICOLON)
                        return expected(p, "a new line or ';' behind a value");
                r = advance(p);
        }
        return r;
}

int
xlcfg_doc_parse(const char *name, const char *text, size_t size, struct xlcfg_doc *ret, struct error *err)
{
        struct parser p = {.doc = ret, .err = err};
        int r;

        *ret = (struct xlcfg_doc){0};
        xlcfg_lex_init(&p.lex, name, text, size);
        r = parse_file(&p);
        if (r)
                xlcfg_doc_deinit(ret);
        return r;
}
