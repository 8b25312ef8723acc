/* SPDX-License-Identifier: Apache-2.0 */
/* Text with braces to a tree of statements. Knows no keywords. Pure. */
#include "import/brace.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "import/import_private.h"

enum token { TOKEN_WORD, TOKEN_END_OF_STATEMENT, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_END, TOKEN_BAD };

struct parser {
        struct brace_tree *t;
        const char *file;
        char *next;
        unsigned line;
        const char *why;
        char held; /* a character that a NUL was written over to end the word before it */
        struct error *err;
};

/* ---- tokens ---- */

/* The next character, seen through the NUL that ends a word. */
static char
peek(const struct parser *p)
{
        return p->held ? p->held : *p->next;
}

static void
step(struct parser *p)
{
        p->line += peek(p) == '\n';
        p->held = 0;
        p->next++;
}

static void
skip_blanks(struct parser *p)
{
        for (;;) {
                char c = peek(p);

                if (c == '#')
                        while ((c = peek(p)) && c != '\n')
                                step(p);
                if (!c || !strchr(" \t\r\n\f\v", c))
                        return;
                step(p);
        }
}

/* Ends the word that stops before the next character. */
static void
end_word(struct parser *p)
{
        p->held = *p->next;
        *p->next = '\0';
}

static enum token
take_string(struct parser *p, struct brace_word *w)
{
        char *out;

        step(p);
        w->text = out = p->next;
        w->quoted = true;
        while (*p->next && *p->next != '"') {
                if (*p->next == '\\' && p->next[1])
                        step(p);
                *out++ = *p->next;
                step(p);
        }
        if (!*p->next) {
                p->why = "a string has no closing quote";
                return TOKEN_BAD;
        }
        step(p);
        *out = '\0'; /* at or before the closing quote */
        return TOKEN_WORD;
}

/* Operators are words of one or two characters; static, for the text has no room for their ends. */
static enum token
take_operator(struct parser *p, struct brace_word *w)
{
        static const char names[][3] = {"!=", "~=", "~~", "=", ",", "(", ")", "!"};

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                size_t n = strlen(names[i]);

                if (peek(p) != names[i][0] || (n == 2 && p->next[1] != names[i][1]))
                        continue;
                w->text = names[i];
                step(p);
                if (n == 2)
                        step(p);
                return TOKEN_WORD;
        }
        w->text = p->next;
        step(p);
        return TOKEN_BAD;
}

static enum token
next_token(struct parser *p, struct brace_word *w)
{
        char c;

        skip_blanks(p);
        c = peek(p);
        *w = (struct brace_word){.line = p->line};
        if (!c)
                return TOKEN_END;
        if (c == ';' || c == '{' || c == '}') {
                step(p);
                return c == ';' ? TOKEN_END_OF_STATEMENT : c == '{' ? TOKEN_OPEN : TOKEN_CLOSE;
        }
        if (c == '"')
                return take_string(p, w);
        if (strchr("=,()!~", c)) {
                if (take_operator(p, w) == TOKEN_WORD)
                        return TOKEN_WORD;
                p->why = "an operator is not known";
                return TOKEN_BAD;
        }
        w->text = p->next; /* nothing is held here: what ends a word never begins one */
        while (*p->next && !strchr(" \t\r\n\f\v;{}\"=,()!~#", *p->next))
                p->next++;
        if (*p->next)
                end_word(p);
        return TOKEN_WORD;
}

/* ---- statements ---- */

static int
add_statement(struct parser *p, unsigned line, size_t *ret)
{
        struct brace_tree *t = p->t;
        int r = import_grow(&t->statements, &t->statements_size, t->n_statements, sizeof(*t->statements), BRACE_MAX_STATEMENTS,
                            "statements", p->err);

        if (r < 0)
                return r;
        *ret = t->n_statements++;
        t->statements[*ret] = (struct brace_statement){.file = p->file, .line = line, .first_word = t->n_words};
        return 0;
}

static int
add_word(struct parser *p, size_t statement, const struct brace_word *w)
{
        struct brace_tree *t = p->t;
        int r = import_grow(&t->words, &t->words_size, t->n_words, sizeof(*t->words), BRACE_MAX_TOTAL_WORDS, "words", p->err);

        if (r < 0)
                return r;
        if (t->statements[statement].n_words >= BRACE_MAX_WORDS)
                return error_set(p->err, ERR_LIMIT, "%s:%u: a statement of more than %d words", p->file, p->line,
                                 BRACE_MAX_WORDS);
        t->words[t->n_words++] = *w;
        t->statements[statement].n_words++;
        return 0;
}

static int
bad(struct parser *p, const char *why)
{
        p->why = p->why ?: why;
        return 1;
}

/* Everything up to the closing brace (or, for the file, its end) becomes the block of @parent. */
static int
parse_block(struct parser *p, size_t parent, unsigned depth)
{
        size_t last = 0, s = 0;
        struct brace_word w;
        int r;

        if (depth > BRACE_MAX_DEPTH)
                return bad(p, "blocks are nested too deep");
        for (;;) {
                enum token token = next_token(p, &w);

                if (token == TOKEN_BAD)
                        return bad(p, "syntax");
                if ((token == TOKEN_CLOSE || token == TOKEN_END) && s)
                        return bad(p, "the statement before has no ';' at its end");
                if (token == TOKEN_CLOSE)
                        return depth ? 0 : bad(p, "a '}' without its '{'");
                if (token == TOKEN_END)
                        return depth ? bad(p, "a block has no closing '}'") : 0;
                if (token == TOKEN_END_OF_STATEMENT && !s)
                        continue;
                if (!s) {
                        r = add_statement(p, w.line, &s);
                        if (r < 0)
                                return r;
                        *(last ? &p->t->statements[last].next : &p->t->statements[parent].first) = s;
                        last = s;
                }
                r = 0;
                if (token == TOKEN_WORD) {
                        r = add_word(p, s, &w);
                } else if (token == TOKEN_OPEN) {
                        p->t->statements[s].has_block = true;
                        r = parse_block(p, s, depth + 1);
                }
                if (r)
                        return r;
                if (token != TOKEN_WORD)
                        s = 0;
        }
}

int
brace_parse(struct brace_tree *t, const char *file, char *text, unsigned *ret_line, const char **ret_why, struct error *err)
{
        struct parser p = {.t = t, .file = file, .next = text, .line = 1, .err = err};
        size_t root;
        int r;

        *t = (struct brace_tree){0};
        r = add_statement(&p, 0, &root);
        if (r == 0) {
                t->statements[root].has_block = true;
                r = parse_block(&p, root, 0);
        }
        *ret_line = p.line;
        *ret_why = p.why;
        return r;
}

void
brace_deinit(struct brace_tree *t)
{
        free(t->words);
        free(t->statements);
        *t = (struct brace_tree){0};
}
