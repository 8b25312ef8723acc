/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_PROTO_HTTP_RANGE_H
#define DOMPOOL_PROTO_HTTP_RANGE_H
/* The Range header of HTTP (RFC 9110, 14.2) for one file of known size. One range only: several are answered by the whole file.
 */
#include <stdint.h>

enum http_range_result {
        HTTP_RANGE_NONE = 200, /* no header, not in bytes, malformed, or several ranges: send the whole file */
        HTTP_RANGE_PART = 206,
        HTTP_RANGE_BAD = 416, /* well-formed, but nothing of it lies in the file */
};

/* @text: the header's value, NULL when there is none. @ret_start and @ret_length are set for PART only (length > 0). */
enum http_range_result
http_range_parse(const char *text, uint64_t size, uint64_t *ret_start, uint64_t *ret_length);

#endif
