/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_XLCFG_XLCFG_DOC_H
#define DOMPOOL_XLCFG_XLCFG_DOC_H
/*
 * The grammar of xl.cfg as Xen's libxlu reads it (tools/libs/util/libxlu_cfg_{l.l,y.y} of 4.17): text to settings, no meaning
 * yet.
 *
 *     file       = { [ assignment ] ( newline | ';' ) } [ assignment ]
 *     assignment = key ( '=' | '+=' ) value             a key's last '=' wins; '+=' joins strings, or lists
 *     value      = string | number | '[' [ value { ',' value } [ ',' ] ] ']'       newlines may stand inside the brackets
 *
 * Three differences, all towards a clear answer: a comment may end the file without a newline; the escapes \x.. and \0.. are
 * refused (libxlu drops or misreads them); NUL bytes and DOS line ends are named as such.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define XLCFG_MAX_SETTINGS 1024 /* different keys */
#define XLCFG_MAX_ASSIGNMENTS 4096
#define XLCFG_MAX_VALUES 16384 /* atoms and lists together */
#define XLCFG_MAX_DEPTH 8      /* lists in lists */

enum xlcfg_kind { XLCFG_STRING, XLCFG_LIST };

struct xlcfg_value {
        enum xlcfg_kind kind;
        unsigned line;
        char *string;              /* XLCFG_STRING; a number keeps its spelling. Never contains NUL before its end */
        struct xlcfg_value *items; /* XLCFG_LIST */
        size_t n_items;
};

struct xlcfg_setting {
        char *key;
        unsigned line;            /* of the last assignment */
        unsigned overridden_line; /* of an earlier one that the last one replaced; 0: none */
        bool added;               /* the last assignment was '+=', which a number must not have */
        struct xlcfg_value value;
};

struct xlcfg_doc {
        struct xlcfg_setting *settings; /* in the order in which keys first appear */
        size_t n_settings;
};

/* 0, or ERR_CONFIG "NAME:LINE: ..." or ERR_LIMIT; @ret is empty then. @ret need not be initialised. */
int xlcfg_doc_parse(const char *name, const char *text, size_t size, struct xlcfg_doc *ret, struct error *err);

void xlcfg_doc_deinit(struct xlcfg_doc *doc);

/* NULL when the key is not given. */
const struct xlcfg_setting *xlcfg_doc_find(const struct xlcfg_doc *doc, const char *key);

#endif
