/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_ERROR_H
#define DOMPOOL_BASE_ERROR_H
/*
 * Errors that a person reads: a stable code from one table (error_codes.def) and a message that names the thing,
 * the place and what to do about it.
 *
 * Functions that can fail for such a reason take `struct error *` as their last argument (never NULL) and return
 * the negative errno of the code, so that a caller may hand both up unchanged:
 *
 *         if (!host)
 *                 return error_set(err, ERR_NOT_FOUND, "host '%s' is not known; see 'dompool host list'", name);
 */
#include <stddef.h>

enum error_code {
        ERR_NONE = 0,
#define ERROR_CODE(ID, TEXT, HTTP, ERRNO, EXIT, MEANING) ERR_##ID,
#include "base/error_codes.def"
#undef ERROR_CODE
        ERR_N,
};

struct error {
        enum error_code code;
        char message[1000];
};

/* Writes code and message (cut at the buffer's size) and returns the negative errno that belongs to the code. */
int
error_set(struct error *err, enum error_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "PREFIX: " before the message that is there already; the code stays. Returns error_errno(err). */
int
error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* For a failed system call: picks the code that fits the errno @e (positive) and appends strerror(e). */
int
error_errno_set(struct error *err, int e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The stable text of a code, "not-found"; "none" for ERR_NONE. */
const char *
error_text(enum error_code code);

/* The HTTP status an API answer with this code has. */
unsigned
error_http_status(enum error_code code);

/* The exit code of the command line for it (1..125); listed in dompool(1). */
int
error_exit_code(enum error_code code);

/* One sentence for the manual. */
const char *
error_meaning(enum error_code code);

/* Negative errno that belongs to the code. */
int
error_to_errno(enum error_code code);

/* The code of a text such as "not-found"; ERR_INTERNAL if the text is no code. */
enum error_code
error_from_text(const char *text);

#endif
