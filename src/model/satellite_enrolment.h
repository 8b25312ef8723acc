/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_SATELLITE_ENROLMENT_H
#define DOMPOOL_MODEL_SATELLITE_ENROLMENT_H
/* The line that makes a dompoold the satellite of another one. Pure. */
#include <stddef.h>

#include "base/error.h"
#include "base/rec.h"
#include "model/host.h"

/* What the satellite's administrator puts into /etc/dompool/satellite: one line, made by `dompool satellite add`. */
struct satellite_enrolment {
        char name[NAME_SIZE];
        uint32_t address; /* of the main server, host order */
        uint32_t port;    /* agent-port there */
        uint8_t fingerprint[32];
        uint8_t secret[32];
};
extern const struct rec_desc satellite_enrolment_desc;

/* "dompool-satellite-1 NAME ADDRESS:PORT FINGERPRINT SECRET" */
#define SATELLITE_ENROLMENT_TEXT_SIZE 320

char *satellite_enrolment_text(const struct satellite_enrolment *e, char buf[SATELLITE_ENROLMENT_TEXT_SIZE]);

/* Lines that are empty or begin with '#' are skipped, and there must be one other. ERR_CONFIG and what is wrong with it; the
 * secret is never in the message. */
int satellite_enrolment_parse(const char *text, size_t size, struct satellite_enrolment *ret, struct error *err);

#endif
