/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_PROTO_SATELLITE_FILES_H
#define DOMPOOL_PROTO_SATELLITE_FILES_H
/*
 * The list of files that a satellite is to have, as text: a line a file, sorted as the main server likes,
 *
 *     <SHA-256, 64 hex digits> <size> <path>\n
 *
 * where the path is below the image store: "loaders/..." or "versions/<64 hex digits>/<name>". Pure; the text came from the
 * main server over TLS, and what it says becomes names on a disk.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SATELLITE_MAX_FILES 4096
#define SATELLITE_PATH_SIZE 256

struct satellite_file {
        uint8_t sha256[32];
        uint64_t size;
        char path[SATELLITE_PATH_SIZE];
};

/* Appends a line; the text's new size, or 0 when it does not fit. */
size_t satellite_files_add(char *text, size_t size, size_t room, const struct satellite_file *f);
#define SATELLITE_FILE_LINE_MAX (64 + 1 + 20 + 1 + SATELLITE_PATH_SIZE)

/* May a list name this path? */
bool satellite_files_path_ok(const char *path);

/* *ret is malloc'ed (NULL for an empty list). ERR_PROTOCOL with the line's number, ERR_LIMIT. */
int satellite_files_parse(const char *text, size_t size, struct satellite_file **ret, size_t *ret_n, struct error *err);

/* The path under which the main server's HTTP has the file: "/loaders/x", "/i/<16 digits>/<name>". */
void satellite_files_url(const struct satellite_file *f, char ret[SATELLITE_PATH_SIZE + 2]);

#endif
