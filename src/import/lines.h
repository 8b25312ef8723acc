/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMPORT_LINES_H
#define DOMPOOL_IMPORT_LINES_H
/* Line by line through a text that may be cut up: the readers of dnsmasq, ethers, PXELINUX and GRUB use it. */
#include <stdbool.h>
#include <stddef.h>

struct lines {
        char *next;
        unsigned next_line;
        bool joins;    /* a backslash at a line's end joins it with the next */
        unsigned line; /* number of the current line, its first where lines were joined */
};

void
lines_init(struct lines *l, char *text, bool joins);

/* The next line, NUL-terminated, without line end and without blanks at both ends; NULL at the end. */
char *
lines_next(struct lines *l);

/* Cuts the first word off: returns it, *rest is what follows, without leading blanks. "" at the end. */
char *
lines_word(char **rest);

/* As above, up to the character @separator, blanks around taken off; an empty part is "". NULL at the end. */
char *
lines_part(char **rest, char separator);

#endif
