/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_PROTO_HTTP_HEAD_H
#define DOMPOOL_PROTO_HTTP_HEAD_H
/*
 * The head of an HTTP/1.1 response (RFC 9112 §4, §5), as far as a client needs it to fetch a file whose size it knows: status
 * and Content-Length. Any Transfer-Encoding is refused: the length is the only end that it believes.
 */
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX 8192

struct http_head {
        unsigned status;
        uint64_t content_length;
        size_t size; /* bytes of the head, the body begins behind them */
};

/* 1: whole head, @ret is filled; 0: more bytes are needed; -EBADMSG: malformed, or larger than HTTP_HEAD_MAX. Pure. */
int http_head_parse(const char *data, size_t size, struct http_head *ret);

#endif
