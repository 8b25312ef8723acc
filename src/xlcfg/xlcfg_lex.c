/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts an xl.cfg into tokens, with the longest-match rules of libxlu_cfg_l.l. Knows no keys and no grammar. Pure; run by the
 * API role.
 */
#include "xlcfg/xlcfg_lex.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void
xlcfg_lex_init(struct xlcfg_lex *lex, const char *name, const char *text, size_t size)
{
        *lex = (struct xlcfg_lex){.name = name, .next = text, .end = text + size, .line = 1};
}

static bool
is_key_start(char c)
{
        return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool
is_key_rest(char c)
{
        return is_key_start(c) || is_digit(c) || c == '.' || c == '_';
}

static bool
is_number_rest(char c)
{
        return is_digit(c) || (c >= 'a' && c <= 'f') || c == 'x';
}

static void
skip_blanks_and_comment(struct xlcfg_lex *lex)
{
        while (lex->next < lex->end && (*lex->next == ' ' || *lex->next == '\t'))
                lex->next++;
        if (lex->next < lex->end && *lex->next == '#')
                while (lex->next < lex->end && *lex->next != '\n')
                        lex->next++;
}

static void
take_while(struct xlcfg_lex *lex, struct xlcfg_token *t, bool (*belongs)(char))
{
        do
                lex->next++;
        while (lex->next < lex->end && belongs(*lex->next));
        t->size = (size_t)(lex->next - t->start);
}

static int
take_string(struct xlcfg_lex *lex, struct xlcfg_token *t, struct error *err)
{
        char quote = *lex->next++;

        t->kind = TOKEN_STRING;
        t->start = lex->next;
        while (lex->next < lex->end && *lex->next != quote && *lex->next != '\n') {
                if (*lex->next == '\\' && lex->next + 1 < lex->end && lex->next[1] != '\n')
                        lex->next++;
                else if (*lex->next == '\\' || *lex->next == '\0')
                        break;
                lex->next++;
        }
        if (lex->next >= lex->end || *lex->next != quote)
                return error_set(err, ERR_CONFIG, "%s:%u: string without its closing %c on the same line", lex->name, lex->line,
                                 quote);
        t->size = (size_t)(lex->next - t->start);
        lex->next++;
        return 0;
}

/* Files for xm, xl's forerunner, were Python programs; say so instead of only pointing at a character. */
static int
bad_character(const struct xlcfg_lex *lex, struct error *err)
{
        unsigned char c = (unsigned char)*lex->next;

        if (c == '\0')
                return error_set(err, ERR_CONFIG, "%s:%u: NUL byte: this is no text file", lex->name, lex->line);
        if (c == '\r')
                return error_set(err, ERR_CONFIG, "%s:%u: DOS line end: write lines that end in LF only", lex->name, lex->line);
        if (strchr("+-.():%*/{}<>!|&", c))
                return error_set(
                        err, ERR_CONFIG,
                        "%s:%u: not xl.cfg: Python expression at '%c'; only strings, numbers and lists can be given, write the "
                        "value itself",
                        lex->name, lex->line, c);
        if (c >= 'A' && c <= 'Z')
                return error_set(err, ERR_CONFIG,
                                 "%s:%u: '%c': keys are in lower case, true is 1, false is 0, strings stand in quotes",
                                 lex->name, lex->line, c);
        if (c > 0x20 && c < 0x7f)
                return error_set(err, ERR_CONFIG, "%s:%u: unexpected character '%c'", lex->name, lex->line, c);
        return error_set(err, ERR_CONFIG, "%s:%u: unexpected byte 0x%02x outside of a string or comment", lex->name, lex->line,
                         c);
}

static int
take_punctuation(struct xlcfg_lex *lex, struct xlcfg_token *t, struct error *err)
{
        static const struct {
                char c;
                enum xlcfg_token_kind kind;
        } single[] = {{';', TOKEN_SEMICOLON}, {'=', TOKEN_ASSIGN}, {'[', TOKEN_OPEN}, {']', TOKEN_CLOSE}, {',', TOKEN_COMMA}};

        for (size_t i = 0; i < N_ELEMENTS(single); i++) {
                if (*lex->next != single[i].c)
                        continue;
                t->kind = single[i].kind;
                t->size = 1;
                lex->next++;
                return 0;
        }
        if (*lex->next == '+' && lex->next + 1 < lex->end && lex->next[1] == '=') {
                t->kind = TOKEN_ADD;
                t->size = 2;
                lex->next += 2;
                return 0;
        }
        return bad_character(lex, err);
}

int
xlcfg_lex_next(struct xlcfg_lex *lex, struct xlcfg_token *t, struct error *err)
{
        skip_blanks_and_comment(lex);
        *t = (struct xlcfg_token){.kind = TOKEN_END, .line = lex->line, .start = lex->next};
        if (lex->next == lex->end)
                return 0;
        if (*lex->next == '\n') {
                t->kind = TOKEN_NEWLINE;
                lex->next++;
                lex->line++;
                return 0;
        }
        if (is_key_start(*lex->next)) {
                t->kind = TOKEN_KEY;
                take_while(lex, t, is_key_rest);
                return 0;
        }
        if (is_digit(*lex->next)) {
                t->kind = TOKEN_NUMBER;
                take_while(lex, t, is_number_rest);
                return 0;
        }
        if (*lex->next == '\'' || *lex->next == '"')
                return take_string(lex, t, err);
        return take_punctuation(lex, t, err);
}

/* The character that a backslash and @c mean, or 0. */
static char
escape(char c)
{
        static const char from[] = "\"'\\abfnrtv";
        static const char to[] = "\"'\\\a\b\f\n\r\t\v";
        const char *at = c ? strchr(from, c) : NULL;

        return at ? to[at - from] : 0;
}

int
xlcfg_lex_text(const struct xlcfg_lex *lex, const struct xlcfg_token *t, char **ret, struct error *err)
{
        _cleanup_free_ char *text = malloc(t->size + 1);
        size_t n = 0;

        if (!text)
                return error_set(err, ERR_NO_SPACE, "out of memory");
        for (size_t i = 0; i < t->size; i++) {
                char c = t->start[i];

                if (t->kind == TOKEN_STRING && c == '\\') {
                        char which = t->start[++i];

                        c = escape(which);
                        if (!c)
                                return error_set(err, ERR_CONFIG,
                                                 "%s:%u: escape \\%c in a string; known are \\\" \\' \\\\ and \\a \\b \\f \\n "
                                                 "\\r \\t \\v",
                                                 lex->name, t->line, which >= 0x20 && which < 0x7f ? which : '?');
                }
                text[n++] = c;
        }
        text[n] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}
