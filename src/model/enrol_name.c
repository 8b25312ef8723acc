/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of names and what machines make of them. Pure; the hardware's texts are hostile. */
#include "model/enrol_name.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "model/machine_id.h"

#define NUMBER_SIZE 16

/* What stands in braces. */
enum part { PART_TEXT, PART_NUMBER, PART_MAC, PART_SERIAL, PART_ASSET, PART_BAD };

struct piece {
        enum part part;
        const char *text; /* PART_TEXT */
        size_t size;
        unsigned digits; /* PART_NUMBER */
};

static bool
is_number(const char *inside, size_t size, unsigned *ret_digits)
{
        *ret_digits = 0;
        if (inside[0] != 'n')
                return false;
        if (size == 4 && inside[1] == ':' && inside[2] == '0' && inside[3] >= '1' && inside[3] <= '9') {
                *ret_digits = (unsigned)(inside[3] - '0');
                return true;
        }
        return size == 1;
}

/* Takes the piece at *at; false at the end. */
static bool
piece_next(const char **at, struct piece *ret)
{
        static const struct {
                const char *word;
                enum part part;
        } words[] = {{"mac", PART_MAC}, {"serial", PART_SERIAL}, {"asset", PART_ASSET}};
        const char *begin = *at, *end;

        *ret = (struct piece){.part = PART_TEXT, .text = begin, .size = strcspn(begin, "{}")};
        if (ret->size > 0) {
                *at += ret->size;
                return true;
        }
        if (!*begin)
                return false;
        end = *begin == '{' ? strchr(begin, '}') : NULL;
        ret->part = PART_BAD;
        *at = end ? end + 1 : begin + strlen(begin);
        if (!end)
                return true;
        ret->size = (size_t)(end - begin) - 1;
        if (ret->size > 0 && is_number(begin + 1, ret->size, &ret->digits))
                ret->part = PART_NUMBER;
        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (strlen(words[i].word) == ret->size && memcmp(begin + 1, words[i].word, ret->size) == 0)
                        ret->part = words[i].part;
        return true;
}

int
enrol_pattern_check(const char *pattern, struct error *err)
{
        const char *at = pattern;
        char name[NAME_SIZE], text[NAME_SIZE];
        unsigned numbers = 0;
        struct piece p;

        if (strlen(pattern) >= sizeof(text))
                return error_set(err, ERR_INVALID, "names: the pattern is longer than %zu bytes", sizeof(text) - 1);
        while (piece_next(&at, &p)) {
                if (p.part == PART_BAD)
                        return error_set(err, ERR_INVALID, "names '%s': in braces stand n, n:03, mac, serial or asset",
                                         pattern);
                numbers += p.part == PART_NUMBER;
        }
        if (numbers > 1)
                return error_set(err, ERR_INVALID, "names '%s': {n} can stand once", pattern);
        /* With every word at its shortest and its longest it must be a name that says which machine it is. */
        enrol_name(pattern, &(struct mac){{2, 0, 0, 0, 0, 1}}, &(struct host_hardware){0}, 1, name);
        if (!*pattern || !name_ok(name))
                return error_set(err, ERR_INVALID,
                                 "names '%s' must give 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit", pattern);
        return 0;
}

bool
enrol_pattern_needs_hardware(const char *pattern)
{
        struct piece p;

        while (piece_next(&pattern, &p))
                if (p.part == PART_SERIAL || p.part == PART_ASSET)
                        return true;
        return false;
}

/* A stranger's text as a part of a name; "" when nothing of it is left. */
static void
clean_word(const char *text, char ret[ENROL_WORD_MAX + 1])
{
        size_t n = 0;

        for (; *text && n < ENROL_WORD_MAX; text++) {
                char c = *text;

                if (c >= 'A' && c <= 'Z')
                        c = (char)(c - 'A' + 'a');
                if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
                        ret[n++] = c;
                else if (n > 0 && ret[n - 1] != '-')
                        ret[n++] = '-';
        }
        while (n > 0 && ret[n - 1] == '-')
                n--;
        ret[n] = '\0';
}

static void
piece_text(const struct piece *p, const struct mac *mac, const struct host_hardware *hw, uint32_t n, char *buf, size_t size)
{
        const char *word = p->part == PART_SERIAL ? hw->serial : p->part == PART_ASSET ? hw->asset : "";
        char cleaned[ENROL_WORD_MAX + 1] = "";

        buf[0] = '\0';
        if (p->part == PART_TEXT)
                snprintf(buf, size, "%.*s", (int)p->size, p->text);
        else if (p->part == PART_NUMBER)
                snprintf(buf, size, "%0*u", (int)p->digits, n);
        else if (!machine_text_is_junk(word))
                clean_word(word, cleaned);
        if (*cleaned)
                snprintf(buf, size, "%s", cleaned);
        else if (p->part != PART_TEXT && p->part != PART_NUMBER)
                hex_text(mac->b, sizeof(mac->b), buf);
}

void
enrol_name(const char *pattern, const struct mac *mac, const struct host_hardware *hw, uint32_t n, char ret[NAME_SIZE])
{
        /* What stands before the number, the number and what stands behind it: of these the first and the last are cut. */
        char before[NAME_SIZE] = "", number[NUMBER_SIZE] = "", behind[NAME_SIZE] = "", text[NAME_SIZE];
        bool counted = false;
        struct piece p;
        int room;

        while (piece_next(&pattern, &p)) {
                char *to = counted ? behind : before;

                piece_text(&p, mac, hw, n, text, sizeof(text));
                if (p.part == PART_NUMBER) {
                        snprintf(number, sizeof(number), "%s", text);
                        counted = true;
                } else {
                        snprintf(to + strlen(to), NAME_SIZE - strlen(to), "%s", text);
                }
        }
        if (!counted && n > 1)
                snprintf(number, sizeof(number), "-%u", n);
        room = NAME_SIZE - 1 - (int)strlen(number);
        snprintf(ret, NAME_SIZE, "%.*s%s", room, before, number);
        room = NAME_SIZE - 1 - (int)strlen(ret);
        snprintf(ret + strlen(ret), (size_t)room + 1, "%s", behind);
}
