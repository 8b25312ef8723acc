/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMPORT_BRACE_H
#define DOMPOOL_IMPORT_BRACE_H
/*
 * The grammar that dhcpd.conf shares with its relatives: statements of words that end with ';' or a block in braces.
 *
 *     block     = { statement }
 *     statement = { word } ( ';' | '{' block '}' )
 *     word      = "string" | = | != | ~= | ~~ | , | ( | ) | run of other characters          '#' begins a comment
 *
 * No meaning here. Words point into the text, which is cut up; it must live as long as the tree.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define BRACE_MAX_DEPTH 32
#define BRACE_MAX_WORDS 4096 /* of one statement */
#define BRACE_MAX_STATEMENTS 200000
#define BRACE_MAX_TOTAL_WORDS 2000000

struct brace_word {
        const char *text;
        unsigned line;
        bool quoted;
};

struct brace_statement {
        const char *file;
        unsigned line;
        size_t first_word, n_words; /* in brace_tree.words */
        bool has_block;
        /* Statements of the block: the first one and then each one's next; 0: none (statement 0 is the file itself). */
        size_t first, next;
};

struct brace_tree {
        struct brace_word *words;
        size_t n_words, words_size;
        struct brace_statement *statements; /* [0]: the file, with everything in its block */
        size_t n_statements, statements_size;
};

/*
 * 0, or 1 and @ret_line, @ret_why (static text) when the syntax is wrong there: what stands before it is in the tree. ERR_LIMIT or
 * ERR_NO_SPACE.
 */
int
brace_parse(struct brace_tree *t, const char *file, char *text, unsigned *ret_line, const char **ret_why, struct error *err);

void
brace_deinit(struct brace_tree *t);

static inline const struct brace_word *
brace_words(const struct brace_tree *t, const struct brace_statement *s)
{
        return t->words + s->first_word;
}

#endif
