/* SPDX-License-Identifier: Apache-2.0 */
/* The Range header for one file. Pure text; the `files` role (unprivileged) asks it, and it answers with numbers that lie in
 * the file. */
#include "proto/http_range.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Digits at *text; false if there are none. What does not fit in 64 bits is as good as the largest number (CVE-2017-7529 was a
 * wrap). */
static bool
take_number(const char **text, uint64_t *ret)
{
        const char *p = *text;
        uint64_t v = 0;

        if (*p < '0' || *p > '9')
                return false;
        for (; *p >= '0' && *p <= '9'; p++)
                if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
                        v = UINT64_MAX;
        *text = p;
        *ret = v;
        return true;
}

static const char *
skip_blanks(const char *p)
{
        return p + strspn(p, " \t");
}

/* "-N": the last N bytes. */
static enum http_range_result
suffix_range(uint64_t n, uint64_t size, uint64_t *ret_start, uint64_t *ret_length)
{
        if (n == 0 || size == 0)
                return HTTP_RANGE_BAD;
        *ret_length = n < size ? n : size;
        *ret_start = size - *ret_length;
        return HTTP_RANGE_PART;
}

/* "A-" and "A-B". */
static enum http_range_result
closed_range(uint64_t first, uint64_t last, uint64_t size, uint64_t *ret_start, uint64_t *ret_length)
{
        if (first >= size)
                return HTTP_RANGE_BAD;
        if (last >= size)
                last = size - 1;
        *ret_start = first;
        *ret_length = last - first + 1;
        return HTTP_RANGE_PART;
}

enum http_range_result
http_range_parse(const char *text, uint64_t size, uint64_t *ret_start, uint64_t *ret_length)
{
        uint64_t first = 0, last = UINT64_MAX;
        bool has_first, has_last;

        if (!text || strncasecmp(text, "bytes=", 6) != 0)
                return HTTP_RANGE_NONE;
        text = skip_blanks(text + 6);
        has_first = take_number(&text, &first);
        if (*text++ != '-')
                return HTTP_RANGE_NONE;
        has_last = take_number(&text, &last);
        if (*skip_blanks(text) != '\0' || (!has_first && !has_last))
                return HTTP_RANGE_NONE;
        if (!has_first)
                return suffix_range(last, size, ret_start, ret_length);
        if (has_last && last < first)
                return HTTP_RANGE_NONE; /* RFC 9110, 14.1.1: such a range is invalid and ignored */
        return closed_range(first, last, size, ret_start, ret_length);
}
