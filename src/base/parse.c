/* SPDX-License-Identifier: Apache-2.0 */
/* Strict parsing and printing of numbers, addresses, sizes and names. Pure; used by every process. */
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Reads decimal digits; *end is set behind them. -EINVAL when there is none. */
static int
digits(const char *text, uint64_t max, uint64_t *ret, const char **end)
{
        uint64_t v = 0;
        const char *p = text;

        for (; *p >= '0' && *p <= '9'; p++) {
                uint64_t d = (uint64_t)(*p - '0');

                if (v > (UINT64_MAX - d) / 10)
                        return -ERANGE;
                v = v * 10 + d;
        }
        if (p == text)
                return -EINVAL;
        if (v > max)
                return -ERANGE;
        *ret = v;
        *end = p;
        return 0;
}

int
parse_u64(const char *text, uint64_t max, uint64_t *ret)
{
        const char *end;
        uint64_t v;
        int r;

        r = digits(text, max, &v, &end);
        if (r < 0)
                return r;
        if (*end)
                return -EINVAL;
        *ret = v;
        return 0;
}

int
parse_u32(const char *text, uint32_t max, uint32_t *ret)
{
        uint64_t v;
        int r;

        r = parse_u64(text, max, &v);
        if (r == 0)
                *ret = (uint32_t)v;
        return r;
}

static int
hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

int
parse_mac(const char *text, struct mac *ret)
{
        struct mac m;
        char sep = 0;

        for (int i = 0; i < 6; i++) {
                int hi, lo;

                if (i > 0) {
                        if (i == 1 && (*text == ':' || *text == '-'))
                                sep = *text;
                        if (!sep || *text++ != sep)
                                return -EINVAL;
                }
                hi = hex_digit(text[0]);
                lo = hi < 0 ? -1 : hex_digit(text[1]);
                if (lo < 0)
                        return -EINVAL;
                m.b[i] = (uint8_t)(hi << 4 | lo);
                text += 2;
        }
        if (*text)
                return -EINVAL;
        *ret = m;
        return 0;
}

/* Reads a dotted quad and leaves *end behind it. */
static int
ip4(const char *text, uint32_t *ret, const char **end)
{
        uint32_t ip = 0;

        for (int i = 0; i < 4; i++) {
                const char *start, *stop;
                uint64_t v;
                int r;

                if (i > 0 && *text++ != '.')
                        return -EINVAL;
                start = text;
                r = digits(text, 255, &v, &stop);
                if (r < 0)
                        return r;
                if (stop - start > 1 && *start == '0')
                        return -EINVAL;
                ip = ip << 8 | (uint32_t)v;
                text = stop;
        }
        *ret = ip;
        *end = text;
        return 0;
}

int
parse_ip4(const char *text, uint32_t *ret)
{
        const char *end;
        uint32_t ip;
        int r;

        r = ip4(text, &ip, &end);
        if (r < 0)
                return r;
        if (*end)
                return -EINVAL;
        *ret = ip;
        return 0;
}

int
parse_subnet(const char *text, uint32_t *ret_net, unsigned *ret_prefix)
{
        const char *end;
        uint32_t net, prefix;
        int r;

        r = ip4(text, &net, &end);
        if (r < 0)
                return r;
        if (*end != '/')
                return -EINVAL;
        r = parse_u32(end + 1, 32, &prefix);
        if (r < 0)
                return r;
        if (net & ~prefix_mask(prefix))
                return -EINVAL;
        *ret_net = net;
        *ret_prefix = prefix;
        return 0;
}

int
parse_size(const char *text, uint64_t *ret)
{
        static const char units[] = "KMGTPE";
        const char *end, *unit = NULL;
        unsigned shift = 0;
        uint64_t v;
        int r;

        r = digits(text, UINT64_MAX, &v, &end);
        if (r < 0)
                return r;
        if (*end)
                unit = strchr(units, toupper((unsigned char)*end));
        if (unit) {
                shift = 10 * (unsigned)(unit - units + 1);
                end++;
                if (*end == 'i' && end[1] == 'B')
                        end++;
        }
        if (*end == 'B')
                end++;
        if (*end)
                return -EINVAL;
        if (shift && v > UINT64_MAX >> shift)
                return -ERANGE;
        *ret = v << shift;
        return 0;
}

int
parse_duration(const char *text, uint64_t *ret)
{
        uint64_t v, factor = 1;
        const char *end;
        int r;

        r = digits(text, UINT64_MAX, &v, &end);
        if (r < 0)
                return r;
        switch (*end) {
        case '\0':
                break;
        case 's':
                end++;
                break;
        case 'm':
                factor = 60;
                end++;
                break;
        case 'h':
                factor = 3600;
                end++;
                break;
        case 'd':
                factor = 86400;
                end++;
                break;
        default:
                return -EINVAL;
        }
        if (*end)
                return -EINVAL;
        if (v > UINT64_MAX / factor)
                return -ERANGE;
        *ret = v * factor;
        return 0;
}

int
parse_hex(const char *text, uint8_t *ret, size_t n)
{
        if (strlen(text) != 2 * n)
                return -EINVAL;
        for (size_t i = 0; i < 2 * n; i++)
                if (hex_digit(text[i]) < 0)
                        return -EINVAL;
        for (size_t i = 0; i < n; i++)
                ret[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
        return 0;
}

bool
name_ok(const char *text)
{
        size_t n = strlen(text);

        if (n < 1 || n > 63 || !isalnum((unsigned char)text[0]))
                return false;
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)text[i];

                if (c > 0x7f || (!isalnum(c) && c != '.' && c != '_' && c != '-'))
                        return false;
        }
        return true;
}

bool
mac_eq(const struct mac *a, const struct mac *b)
{
        return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

uint32_t
mac_hash(const struct mac *m)
{
        uint32_t hash = 2166136261u;

        for (size_t i = 0; i < sizeof(m->b); i++)
                hash = (hash ^ m->b[i]) * 16777619u;
        return hash;
}

bool
mac_zero(const struct mac *m)
{
        static const struct mac zero;

        return mac_eq(m, &zero);
}

char *
mac_text(const struct mac *m, char buf[MAC_TEXT_SIZE])
{
        snprintf(buf, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", m->b[0], m->b[1], m->b[2], m->b[3], m->b[4], m->b[5]);
        return buf;
}

char *
ip4_text(uint32_t ip, char buf[IP4_TEXT_SIZE])
{
        snprintf(buf, IP4_TEXT_SIZE, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
        return buf;
}

char *
hex_text(const uint8_t *data, size_t n, char *buf)
{
        static const char hex[] = "0123456789abcdef";

        for (size_t i = 0; i < n; i++) {
                buf[2 * i] = hex[data[i] >> 4];
                buf[2 * i + 1] = hex[data[i] & 15];
        }
        buf[2 * n] = '\0';
        return buf;
}

bool
str_copy(char *dst, size_t size, const char *src)
{
        size_t n = strlen(src);
        bool fits = n < size;

        if (!fits)
                n = size - 1;
        memcpy(dst, src, n);
        dst[n] = '\0';
        return fits;
}
