/* SPDX-License-Identifier: Apache-2.0 */
/* The enrolment's line to and fro. No I/O; runs in `core`, which makes it, and in the satellite's parent, which reads it. */
#include "model/satellite_enrolment.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"

#define ENROLMENT_WORD "dompool-satellite-1"
#define SATELLITE_ENROLMENT_WORDS 5

static const struct rec_field satellite_enrolment_fields[] = {
        REC_STR(struct satellite_enrolment, name),     REC_IP4(struct satellite_enrolment, address),
        REC_U32(struct satellite_enrolment, port),     REC_BYTES(struct satellite_enrolment, fingerprint),
        REC_BYTES(struct satellite_enrolment, secret),
};
const struct rec_desc satellite_enrolment_desc = REC_DESC(struct satellite_enrolment, satellite_enrolment_fields);

char *
satellite_enrolment_text(const struct satellite_enrolment *e, char buf[SATELLITE_ENROLMENT_TEXT_SIZE])
{
        char ip[IP4_TEXT_SIZE], fingerprint[SHA256_TEXT_SIZE], secret[SHA256_TEXT_SIZE];

        snprintf(buf, SATELLITE_ENROLMENT_TEXT_SIZE, "%s %s %s:%u %s %s", ENROLMENT_WORD, e->name, ip4_text(e->address, ip),
                 e->port, hex_text(e->fingerprint, sizeof(e->fingerprint), fingerprint),
                 hex_text(e->secret, sizeof(e->secret), secret));
        return buf;
}

static int
parse_endpoint(char *text, struct satellite_enrolment *e)
{
        char *colon = strchr(text, ':');

        if (!colon)
                return -1;
        *colon = '\0';
        return parse_ip4(text, &e->address) < 0 || e->address == 0 || parse_u32(colon + 1, 65535, &e->port) < 0 || e->port == 0
                       ? -1
                       : 0;
}

static int
parse_words(char *const words[SATELLITE_ENROLMENT_WORDS], struct satellite_enrolment *e, struct error *err)
{
        if (strcmp(words[0], ENROLMENT_WORD) != 0)
                return error_set(err, ERR_CONFIG,
                                 "it does not begin with '%s': put in the line that 'dompool satellite add' prints",
                                 ENROLMENT_WORD);
        if (!name_ok(words[1]))
                return error_set(err, ERR_CONFIG, "its second word is no name");
        str_copy(e->name, sizeof(e->name), words[1]);
        if (parse_endpoint(words[2], e) < 0)
                return error_set(err, ERR_CONFIG, "its third word is no address and port");
        if (parse_hex(words[3], e->fingerprint, sizeof(e->fingerprint)) < 0)
                return error_set(err, ERR_CONFIG, "its fourth word is no fingerprint of 64 hex digits");
        if (parse_hex(words[4], e->secret, sizeof(e->secret)) < 0)
                return error_set(err, ERR_CONFIG, "its fifth word is no secret of 64 hex digits");
        return 0;
}

/* The one line that says something; NULL with @err set when there is none, or another one. */
static char *
only_line(char *text, struct error *err)
{
        char *found = NULL, *save = NULL;

        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                line += strspn(line, " \t\r");
                if (*line == '\0' || *line == '#')
                        continue;
                if (found) {
                        error_set(err, ERR_CONFIG, "there are several lines; one is wanted");
                        return NULL;
                }
                found = line;
        }
        if (!found)
                error_set(err, ERR_CONFIG, "there is no line: put in the one that 'dompool satellite add' prints");
        return found;
}

int
satellite_enrolment_parse(const char *text, size_t size, struct satellite_enrolment *ret, struct error *err)
{
        struct satellite_enrolment e = {0};
        char copy[2048], *words[SATELLITE_ENROLMENT_WORDS + 1], *line, *save = NULL;
        size_t n = 0;
        int r;

        if (size >= sizeof(copy) || memchr(text, '\0', size))
                return error_set(err, ERR_CONFIG, "it is longer than %zu bytes or no text", sizeof(copy) - 1);
        memcpy(copy, text, size);
        copy[size] = '\0';
        line = only_line(copy, err);
        if (!line)
                return error_to_errno(err->code);
        for (char *w = strtok_r(line, " \t\r", &save); w && n <= SATELLITE_ENROLMENT_WORDS; w = strtok_r(NULL, " \t\r", &save))
                words[n++] = w;
        if (n != SATELLITE_ENROLMENT_WORDS)
                return error_set(err, ERR_CONFIG,
                                 "its line has not %d words: put in the one that 'dompool satellite add' prints",
                                 SATELLITE_ENROLMENT_WORDS);
        r = parse_words(words, &e, err);
        if (r == 0)
                *ret = e;
        return r;
}
