/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_CONFIG_H
#define DOMPOOL_SERVER_CONFIG_H
/*
 * dompoold.conf(5): reading, checking, canonical print. The schema (config_schema.c) is the one list of sections and options;
 * the parser, the check, the print and the test of the manual page are made from it. Read by the parent alone, as root.
 */
#include <stdio.h>

#include "base/error.h"
#include "model/config.h"

#define CONFIG_DEFAULT_FILE "/etc/dompool/dompoold.conf"

struct config_places; /* config_check.h */

/* Reads and checks @file. On success *ret is the caller's, for config_free; so is *ret_places, for config_places_free, unless
 * it is NULL: where the sections stand. On failure ERR_CONFIG with "file:line: what is wrong". */
int config_read(const char *file, struct config **ret, struct config_places **ret_places, struct error *err);

/* Of a satellite: fills c->main_server in from the file that c->satellite_file names. ERR_CONFIG with what to do; also when
 * others than root can read the file, since there is a secret in it. */
int config_read_satellite(struct config *c, struct error *err);

/* Canonical form: every option that has a value, defaults too, in the schema's order. Reading it gives an equal configuration.
 */
void config_print(const struct config *c, FILE *f);

void config_free(struct config *c);

/* The sections, and the options in them. Top-level options are in the section "". */
enum config_section {
        SECTION_TOP,
        SECTION_NETWORK,
        SECTION_SUBNET,
        SECTION_API,
        SECTION_TOKEN,
        SECTION_PROFILE,
        SECTION_MENU,
        SECTION_ENTRY,
        SECTION_RULE,
        SECTION_QUIRK,
        SECTION_EXPORT,
        SECTION_ENROLMENT,
        SECTION_ENROL,
        SECTION_HOST,
        SECTION_N
};

struct config_type;

struct config_option {
        enum config_section section;
        const char *name;
        const struct config_type *type;
        size_t offset;          /* in struct config; of a section that may stand several times: in its record */
        size_t size;            /* of a text field, with NUL */
        const char *by_default; /* NULL: none */
        bool required;
        const char *meaning; /* one line for people */
};

struct config_type {
        const char *form; /* for messages and the manual: "a path", "a TCP or UDP port, 1 to 65535" */
        /* Fills the field from text. 0, or -EINVAL: not of that form; with a message in @err where more is to be said. */
        int (*parse)(const struct config_option *o, const char *text, void *field, struct error *err);
        /* Canonical text into @buf; an empty one where there is no value, which is then not printed. */
        void (*print)(const struct config_option *o, const void *field, char *buf, size_t size);
};

extern const struct config_option config_options[];
extern const size_t config_n_options;
extern const char *const config_section_names[]; /* "" for SECTION_TOP */

#endif
