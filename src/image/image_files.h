/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_FILES_H
#define DOMPOOL_IMAGE_IMAGE_FILES_H
/* Files and child programs as the image builder needs them; every failure names the path or the tool. Blocking. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define IMAGE_PATH_SIZE 512

/* snprintf that refuses to cut. */
int image_path(char ret[IMAGE_PATH_SIZE], struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A whole file of at most @max bytes, malloc'ed and NUL-terminated behind its end. */
int image_read(const char *path, size_t max, uint8_t **ret, size_t *ret_size, struct error *err);

/* Replaces @path by rename, after fsync. */
int image_write(const char *path, const void *data, size_t size, struct error *err);

/* Copies contents, not owner or times; @mode of the new file. */
int image_copy(const char *from, const char *to, mode_t mode, struct error *err);

/* Likewise, unpacked where it is gzipped. */
int image_gunzip(const char *from, const char *to, mode_t mode, struct error *err);

/* mkdir -p */
int image_mkdir(const char *path, struct error *err);

/* rm -rf; nothing there is no error. Follows no symbolic link. */
int image_remove(const char *path, struct error *err);

/* SHA-256 and size of a file. */
int image_hash(const char *path, uint8_t ret[32], uint64_t *ret_size, struct error *err);

/*
 * Runs a tool in folder @dir (NULL: here) and waits for it. @package is the Debian package that has it, for the message when it
 * is missing. *ret_output, when asked for, is its standard output, malloc'ed. A failing tool's last words are in @err
 * (ERR_TOOL).
 */
int image_run(const char *const argv[], const char *dir, const char *package, char **ret_output, struct error *err);

#endif
