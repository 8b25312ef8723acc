/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_XLCFG_XLCFG_LEX_H
#define DOMPOOL_XLCFG_XLCFG_LEX_H
/* The tokens of xl.cfg. Used by xlcfg_doc.c only. */
#include <stddef.h>

#include "base/error.h"

enum xlcfg_token_kind {
        TOKEN_END,
        TOKEN_NEWLINE, /* also ends a comment */
        TOKEN_SEMICOLON,
        TOKEN_KEY,
        TOKEN_NUMBER,
        TOKEN_STRING, /* start and size are without the quotes, escapes not yet resolved */
        TOKEN_ASSIGN,
        TOKEN_ADD, /* += */
        TOKEN_OPEN,
        TOKEN_CLOSE,
        TOKEN_COMMA,
};

struct xlcfg_token {
        enum xlcfg_token_kind kind;
        unsigned line;
        const char *start;
        size_t size;
};

struct xlcfg_lex {
        const char *name; /* of the file, for messages */
        const char *next;
        const char *end;
        unsigned line;
};

void xlcfg_lex_init(struct xlcfg_lex *lex, const char *name, const char *text, size_t size);

/* 0 and the next token (TOKEN_END for ever at the end), or ERR_CONFIG. */
int xlcfg_lex_next(struct xlcfg_lex *lex, struct xlcfg_token *ret, struct error *err);

/* A new string with the token's text, escapes resolved; 0, ERR_CONFIG or ERR_NO_SPACE. */
int xlcfg_lex_text(const struct xlcfg_lex *lex, const struct xlcfg_token *token, char **ret, struct error *err);

#endif
