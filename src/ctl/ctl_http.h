/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_CTL_CTL_HTTP_H
#define DOMPOOL_CTL_CTL_HTTP_H
/* Requests to the server's API, by libcurl, over its Unix socket or TLS. */
#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "model/profile.h"
#include "ctl/ctl.h"

struct ctl_request {
        const char *method;
        char path[512];       /* "/v1/hosts?…"; see ctl_path */
        const json_t *body;   /* NULL: none */
        unsigned patience_s;  /* how long a server that is away is waited for; 0: five seconds */
};

/* Formats a path; every %s argument must be a checked name or number (ctl_name). */
void
ctl_path(struct ctl_request *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sends it and waits for the answer. Every POST carries an Idempotency-Key of its own, so that it may be sent again while the
 * server is being restarted. 0 and the answer's JSON (owned by the caller), or the server's error, ERR_UNREACHABLE,
 * ERR_CANCELLED after Ctrl-C. */
int
ctl_http_send(struct ctl *c, const struct ctl_request *q, json_t **ret, struct error *err);

/* The short way of reading. */
int
ctl_get(struct ctl *c, json_t **ret, struct error *err, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* A connection for other uses than requests (consoles): TLS is up and the server checked. Caller: curl_easy_cleanup. */
int
ctl_http_connect(struct ctl *c, CURL **ret, struct error *err);

/* "Authorization: Bearer …" or NULL. */
const char *
ctl_http_authorization(struct ctl *c);

/* An error answer of the server, {"error":{...}}, as struct error. Returns its negative errno. */
int
ctl_http_error(const json_t *answer, long status, struct error *err);

void
ctl_http_free(struct ctl_http *h);

/* Ctrl-C from here on sets a flag instead of ending the program; requests then end with ERR_CANCELLED. */
void
ctl_catch_interrupt(void);
bool
ctl_interrupted(void);

/* Is it a name (or version id) that may stand in a path? ERR_USAGE. */
int
ctl_name(const char *what, const char *text, struct error *err);

/* What a host or a MAC address is in a path: MACs have dashes there. true: it is a MAC address. */
bool
ctl_machine(const char *text, char ret[NAME_SIZE]);

/* An image's name or version id as the API takes it: a whole id is one digit longer than a name may be, and its first 63 name the
 * version as well. */
#define CTL_IMAGE_SIZE 64
int
ctl_image_name(const char *text, char ret[CTL_IMAGE_SIZE], struct error *err);

#endif
