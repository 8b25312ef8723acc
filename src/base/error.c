/* SPDX-License-Identifier: Apache-2.0 */
/* The table of error codes and the messages that go with them. No I/O; used by every process. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct code_row {
        const char *text;
        unsigned http;
        int e;
        int exit;
        const char *meaning;
};

static const struct code_row rows[ERR_N] = {
        [ERR_NONE] = {"none", 200, 0, 0, "Success."},
#define ERROR_CODE(ID, TEXT, HTTP, ERRNO, EXIT, MEANING) [ERR_##ID] = {TEXT, HTTP, ERRNO, EXIT, MEANING},
#include "base/error_codes.def"
#undef ERROR_CODE
};

static const struct code_row *
row(enum error_code code)
{
        return &rows[(unsigned)code < ERR_N ? code : ERR_INTERNAL];
}

int
error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
        va_list ap;

        err->code = code;
        va_start(ap, fmt);
        vsnprintf(err->message, sizeof(err->message), fmt, ap);
        va_end(ap);
        return -row(code)->e;
}

int
error_prefix(struct error *err, const char *fmt, ...)
{
        char old[sizeof(err->message)];
        va_list ap;
        int n;

        memcpy(old, err->message, sizeof(old));
        va_start(ap, fmt);
        n = vsnprintf(err->message, sizeof(err->message), fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t)n < sizeof(err->message))
                snprintf(err->message + n, sizeof(err->message) - (size_t)n, ": %s", old);
        return -row(err->code)->e;
}

static enum error_code
code_of_errno(int e)
{
        switch (e) {
        case ENOENT:
                return ERR_NOT_FOUND;
        case EEXIST:
                return ERR_EXISTS;
        case EACCES:
        case EPERM:
                return ERR_DENIED;
        case EBUSY:
                return ERR_BUSY;
        case ENOSPC:
        case ENOMEM:
        case EDQUOT:
                return ERR_NO_SPACE;
        case ETIMEDOUT:
                return ERR_TIMEOUT;
        case ECONNREFUSED:
        case EHOSTUNREACH:
        case ENETUNREACH:
                return ERR_UNREACHABLE;
        default:
                return ERR_IO;
        }
}

int
error_errno_set(struct error *err, int e, const char *fmt, ...)
{
        va_list ap;
        int n;

        err->code = code_of_errno(e);
        va_start(ap, fmt);
        n = vsnprintf(err->message, sizeof(err->message), fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t)n < sizeof(err->message))
                snprintf(err->message + n, sizeof(err->message) - (size_t)n, ": %s", strerror(e));
        return -e;
}

const char *
error_text(enum error_code code)
{
        return row(code)->text;
}

unsigned
error_http_status(enum error_code code)
{
        return row(code)->http;
}

int
error_exit_code(enum error_code code)
{
        return row(code)->exit;
}

const char *
error_meaning(enum error_code code)
{
        return row(code)->meaning;
}

int
error_to_errno(enum error_code code)
{
        return -row(code)->e;
}

enum error_code
error_from_text(const char *text)
{
        for (unsigned i = 0; i < ERR_N; i++)
                if (strcmp(rows[i].text, text) == 0)
                        return (enum error_code)i;
        return ERR_INTERNAL;
}
