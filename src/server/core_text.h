/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_CORE_TEXT_H
#define DOMPOOL_SERVER_CORE_TEXT_H
/*
 * Texts at core's door. A name in a TFTP request, a vendor class, a tool's last words end in rows and JSON, which take UTF-8
 * only: what is none must not be able to stop core. Pure.
 */
#include "base/rec.h"

/* Replaces, in place, bytes that are no UTF-8 by '?' (also a sequence that was cut) and control characters but '\n' and '\t' by
 * ' '. */
void core_text_clean(char *text);

/* The same for every string of a record. */
void core_text_clean_record(const struct rec_desc *d, void *rec);

#endif
