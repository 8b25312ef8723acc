/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_LAB_LAB_API_H
#define DOMPOOL_LAB_LAB_API_H
/* Asks the room's server (GET, Unix socket). What a person would do, the demo does with the real `dompool` client instead. */
#include <jansson.h>

#include "lab/lab_room.h"

/*
 * Answer of GET @path as JSON, owned by the caller. ERR_UNREACHABLE while the server is not there, ERR_CANCELLED after a
 * signal, else the server's own code and message.
 */
int lab_api_get(const struct lab_room *room, const char *path, json_t **ret, struct error *err);

#endif
