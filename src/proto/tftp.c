/* SPDX-License-Identifier: Apache-2.0 */
/* TFTP packets from and to bytes. No I/O, no order of packets. Runs in dompoold's unprivileged `boot` role. */
#include "proto/tftp.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "proto/wire.h"

/* The NUL-terminated text at *pos, which moves behind it; NULL when no NUL follows. */
static const char *
take_text(const uint8_t *data, size_t size, size_t *pos)
{
        const char *text = (const char *)data + *pos;
        const uint8_t *end = *pos < size ? memchr(data + *pos, '\0', size - *pos) : NULL;

        if (!end)
                return NULL;
        *pos = (size_t)(end - data) + 1;
        return text;
}

static void
set_blksize(struct tftp_options *o, uint32_t value)
{
        if (value >= TFTP_MIN_BLKSIZE && o->blksize == 0)
                o->blksize = value;
}

static void
set_windowsize(struct tftp_options *o, uint32_t value)
{
        if (value >= 1 && o->windowsize == 0)
                o->windowsize = value;
}

static void
set_timeout(struct tftp_options *o, uint32_t value)
{
        if (value >= 1 && o->timeout == 0)
                o->timeout = value;
}

static void
set_tsize(struct tftp_options *o, uint32_t value)
{
        (void)value; /* a reader's tsize only asks (RFC 2349) */
        o->tsize = true;
}

/* A value that is no number or out of range is as if the option had not been named; the first of two counts. */
static void
take_option(const char *name, const char *value, struct tftp_options *o)
{
        static const struct {
                const char *name;
                uint32_t max;
                void (*set)(struct tftp_options *o, uint32_t value);
        } known[] = {
                {"blksize", TFTP_MAX_BLKSIZE, set_blksize},
                {"windowsize", 65535, set_windowsize},
                {"timeout", 255, set_timeout},
                {"tsize", UINT32_MAX, set_tsize},
        };
        uint32_t v;

        for (size_t i = 0; i < N_ELEMENTS(known); i++)
                if (strcasecmp(name, known[i].name) == 0 && parse_u32(value, known[i].max, &v) == 0)
                        known[i].set(o, v);
}

int
tftp_parse_request(const uint8_t *data, size_t size, struct tftp_request *ret)
{
        const char *name, *mode, *option, *value;
        size_t pos = 2;

        memset(ret, 0, sizeof(*ret));
        if (size < 2)
                return TFTP_REFUSED_SHORT;
        ret->opcode = get_be16(data);
        if (ret->opcode != TFTP_RRQ && ret->opcode != TFTP_WRQ)
                return TFTP_REFUSED_OPCODE;
        if (size > TFTP_MAX_REQUEST)
                return TFTP_REFUSED_MALFORMED;
        name = take_text(data, size, &pos);
        mode = name ? take_text(data, size, &pos) : NULL;
        if (!mode)
                return TFTP_REFUSED_MALFORMED;
        if (name[0] == '\0' || !str_copy(ret->name, sizeof(ret->name), name))
                return TFTP_REFUSED_NAME;
        ret->netascii = strcasecmp(mode, "netascii") == 0;
        if (!ret->netascii && strcasecmp(mode, "octet") != 0)
                return TFTP_REFUSED_MODE;
        /* An option without a value (CVE-2009-2958) ends the list. */
        while ((option = take_text(data, size, &pos)) && (value = take_text(data, size, &pos)))
                take_option(option, value, &ret->options);
        return 0;
}

int
tftp_parse_reply(const uint8_t *data, size_t size, uint16_t *ret_value)
{
        uint16_t opcode;

        if (size < TFTP_HEADER_SIZE)
                return 0;
        opcode = get_be16(data);
        if (opcode != TFTP_ACK && opcode != TFTP_ERROR)
                return 0;
        *ret_value = get_be16(data + 2);
        return opcode;
}

void
tftp_error_text(const uint8_t *data, size_t size, char *buf, size_t buf_size)
{
        size_t n = 0;

        for (size_t i = TFTP_HEADER_SIZE; i < size && data[i] != '\0' && n < buf_size - 1; i++)
                buf[n++] = data[i] >= 0x20 && data[i] < 0x7f ? (char)data[i] : '?';
        buf[n] = '\0';
}

/* One option of an OACK; names and numbers of ours always fit TFTP_MAX_ANSWER. */
static size_t
put_option(uint8_t *buf, size_t pos, const char *name, uint64_t value)
{
        size_t left = TFTP_MAX_ANSWER - pos;
        int n = snprintf((char *)buf + pos, left, "%s%c%llu", name, '\0', (unsigned long long)value);

        return pos + (size_t)n + 1;
}

size_t
tftp_build_oack(uint8_t buf[TFTP_MAX_ANSWER], const struct tftp_options *accepted, uint64_t tsize)
{
        size_t pos = 2;

        put_be16(buf, TFTP_OACK);
        if (accepted->tsize)
                pos = put_option(buf, pos, "tsize", tsize);
        if (accepted->blksize)
                pos = put_option(buf, pos, "blksize", accepted->blksize);
        if (accepted->windowsize)
                pos = put_option(buf, pos, "windowsize", accepted->windowsize);
        if (accepted->timeout)
                pos = put_option(buf, pos, "timeout", accepted->timeout);
        return pos;
}

size_t
tftp_build_error(uint8_t buf[TFTP_MAX_ANSWER], enum tftp_error code, const char *text)
{
        size_t n = strnlen(text, TFTP_MAX_ANSWER - TFTP_HEADER_SIZE - 1);

        put_be16(buf, TFTP_ERROR);
        put_be16(buf + 2, (uint16_t)code);
        memcpy(buf + TFTP_HEADER_SIZE, text, n);
        buf[TFTP_HEADER_SIZE + n] = '\0';
        return TFTP_HEADER_SIZE + n + 1;
}

void
tftp_build_data_header(uint8_t buf[TFTP_HEADER_SIZE], uint16_t block)
{
        put_be16(buf, TFTP_DATA);
        put_be16(buf + 2, block);
}
