/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMPORT_DHCPD_EXPR_H
#define DOMPOOL_IMPORT_DHCPD_EXPR_H
/* Conditions of dhcpd.conf (dhcp-eval(5)), asked for one kind of client: would they be true? */
#include "import/brace.h"
#include "import/import_private.h"

enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNKNOWN };

/* The code of an option by its name in this file; 0: not known. */
typedef unsigned (*dhcpd_option_code)(const void *arg, const char *name);

/* TRUTH_UNKNOWN where the condition asks for something that such a client does not decide, or that is not understood. */
enum truth
dhcpd_expr_ask(const struct brace_word *words, size_t n_words, const struct import_client *client, dhcpd_option_code code,
               const void *arg);

#endif
