/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of a response head. Pure: bytes in, numbers out. Runs in: link, satellite; unprivileged. */
#include "proto/http_head.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"

/* "HTTP/1.1 200 OK"; the reason may be missing. */
static int
parse_status(const char *line, size_t size, unsigned *ret)
{
        unsigned status = 0;

        if (size < 12 || (memcmp(line, "HTTP/1.1 ", 9) != 0 && memcmp(line, "HTTP/1.0 ", 9) != 0))
                return -EBADMSG;
        for (size_t i = 9; i < 12; i++) {
                if (line[i] < '0' || line[i] > '9')
                        return -EBADMSG;
                status = status * 10 + (unsigned)(line[i] - '0');
        }
        if (status < 100 || (size > 12 && line[12] != ' '))
                return -EBADMSG;
        *ret = status;
        return 0;
}

/* @value without the blanks around it. */
static int
parse_length(const char *value, size_t size, uint64_t *ret)
{
        char text[24];

        if (size == 0 || size >= sizeof(text))
                return -EBADMSG;
        memcpy(text, value, size);
        text[size] = '\0';
        return parse_u64(text, INT64_MAX, ret) < 0 ? -EBADMSG : 0;
}

static bool
name_is(const char *name, size_t size, const char *wanted)
{
        return size == strlen(wanted) && strncasecmp(name, wanted, size) == 0;
}

static int
parse_field(const char *line, size_t size, struct http_head *head, bool *have_length)
{
        const char *colon = memchr(line, ':', size), *value;
        uint64_t length;
        size_t n;

        /* a folded line or a name with blanks is how responses get smuggled */
        if (!colon || colon == line || memchr(line, ' ', (size_t)(colon - line)) || memchr(line, '\t', (size_t)(colon - line)))
                return -EBADMSG;
        value = colon + 1;
        n = size - (size_t)(value - line);
        while (n > 0 && (*value == ' ' || *value == '\t')) {
                value++;
                n--;
        }
        while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
                n--;
        if (name_is(line, (size_t)(colon - line), "transfer-encoding"))
                return -EBADMSG;
        if (!name_is(line, (size_t)(colon - line), "content-length"))
                return 0;
        if (parse_length(value, n, &length) < 0 || (*have_length && length != head->content_length))
                return -EBADMSG;
        head->content_length = length;
        *have_length = true;
        return 0;
}

int
http_head_parse(const char *data, size_t size, struct http_head *ret)
{
        size_t limit = size < HTTP_HEAD_MAX ? size : HTTP_HEAD_MAX;
        struct http_head head = {0};
        bool have_length = false;

        for (size_t at = 0; at < limit;) {
                const char *end = memchr(data + at, '\n', limit - at);
                size_t n;

                if (!end)
                        break;
                n = (size_t)(end - data) - at;
                if (n == 0 || data[at + n - 1] != '\r' || memchr(data + at, '\0', n))
                        return -EBADMSG;
                n--;
                if (n == 0 && at > 0) {
                        if (!have_length)
                                return -EBADMSG;
                        head.size = at + 2;
                        *ret = head;
                        return 1;
                }
                if ((at == 0 ? parse_status(data, n, &head.status) : parse_field(data + at, n, &head, &have_length)) < 0)
                        return -EBADMSG;
                at += n + 2;
        }
        return size >= HTTP_HEAD_MAX ? -EBADMSG : 0;
}
