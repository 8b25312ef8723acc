/* SPDX-License-Identifier: Apache-2.0 */
/* Makes texts of other roles fit for rows and JSON. Does not shorten or judge them. Pure; process: core. */
#include <string.h>

#include "server/core_text.h"

/* Length of the UTF-8 sequence at @s, 0: there is none. RFC 3629, table 3-7 of the Unicode standard: no overlong forms, no
 * surrogates. */
static size_t
sequence(const unsigned char *s)
{
        unsigned char low = 0x80, high = 0xbf;
        size_t n, i;

        if (s[0] < 0x80)
                return 1;
        if (s[0] >= 0xc2 && s[0] <= 0xdf)
                n = 2;
        else if (s[0] >= 0xe0 && s[0] <= 0xef)
                n = 3;
        else if (s[0] >= 0xf0 && s[0] <= 0xf4)
                n = 4;
        else
                return 0;
        if (s[0] == 0xe0)
                low = 0xa0;
        else if (s[0] == 0xed)
                high = 0x9f;
        else if (s[0] == 0xf0)
                low = 0x90;
        else if (s[0] == 0xf4)
                high = 0x8f;
        for (i = 1; i < n; i++, low = 0x80, high = 0xbf)
                if (s[i] < low || s[i] > high)
                        return 0;
        return n;
}

void
core_text_clean(char *text)
{
        unsigned char *p = (unsigned char *)text;
        size_t n;

        while (*p) {
                n = sequence(p);
                if (n == 0)
                        *p = '?';
                else if ((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
                        *p = ' ';
                p += n ? n : 1;
        }
}

static void
clean_list(const struct rec_field *f, void *rec)
{
        uint32_t n, i;

        memcpy(&n, (char *)rec + f->count_offset, sizeof(n));
        for (i = 0; i < n && i < f->size; i++)
                core_text_clean_record(f->sub, (char *)rec + f->offset + i * f->sub->size);
}

void
core_text_clean_record(const struct rec_desc *d, void *rec)
{
        const struct rec_field *f;

        for (f = d->fields; f < d->fields + d->n_fields; f++) {
                if (f->type == REC_TYPE_STR)
                        core_text_clean((char *)rec + f->offset);
                else if (f->type == REC_TYPE_REC)
                        core_text_clean_record(f->sub, (char *)rec + f->offset);
                else if (f->type == REC_TYPE_LIST)
                        clean_list(f, rec);
        }
}
