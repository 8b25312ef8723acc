/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and words of a text, cut in place. Pure. */
#include "import/lines.h"

#include <string.h>

static bool
is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

static char *
trim(char *text)
{
        char *end = text + strlen(text);

        while (end > text && is_blank(end[-1]))
                *--end = '\0';
        while (is_blank(*text))
                text++;
        return text;
}

void
lines_init(struct lines *l, char *text, bool joins)
{
        *l = (struct lines){.next = text, .next_line = 1, .joins = joins};
        if (strncmp(text, "\xef\xbb\xbf", 3) == 0) /* some editors begin a file with a byte order mark */
                l->next += 3;
}

/* Is the line end at @end escaped? Blanks both characters out if so. */
static bool
joined(char *start, char *end)
{
        char *p = end;

        if (p > start && p[-1] == '\r')
                p--;
        if (p == start || p[-1] != '\\')
                return false;
        p[-1] = *end = ' ';
        return true;
}

char *
lines_next(struct lines *l)
{
        char *start = l->next, *end = start;

        if (!start || !*start)
                return NULL;
        l->line = l->next_line;
        while ((end = strchr(end, '\n'))) {
                l->next_line++;
                if (!l->joins || !joined(start, end))
                        break;
        }
        if (end)
                *end++ = '\0';
        l->next = end;
        return trim(start);
}

char *
lines_word(char **rest)
{
        char *word = *rest, *end;

        while (is_blank(*word))
                word++;
        for (end = word; *end && !is_blank(*end);)
                end++;
        if (*end)
                *end++ = '\0';
        while (is_blank(*end))
                end++;
        *rest = end;
        return word;
}

char *
lines_part(char **rest, char separator)
{
        char *part = *rest, *end;

        if (!part)
                return NULL;
        end = strchr(part, separator);
        if (end)
                *end++ = '\0';
        *rest = end;
        return trim(part);
}
