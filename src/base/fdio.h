/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_FDIO_H
#define DOMPOOL_BASE_FDIO_H
/* Descriptors that take or give less at a time than is wanted, and whole files. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All of @size bytes, on a blocking descriptor. 0 or negative errno; how much was written is unknown then. */
int fd_write_all(int fd, const void *bytes, size_t size);

/* Likewise at @offset of a file; the descriptor's own position stays. */
int fd_pwrite_all(int fd, const void *bytes, size_t size, uint64_t offset);

/*
 * All of a regular file from its begin, wherever the descriptor stands, as malloc'ed bytes with a NUL behind them that does not
 * count. 0, -EFBIG when it is larger than @max or no regular file, or another negative errno. @ret_size may be NULL.
 */
int fd_read_all(int fd, size_t max, uint8_t **ret, size_t *ret_size);

/*
 * All of the regular file @name in @dir_fd, no link, likewise; one that is not there is empty (*ret NULL).
 */
int fd_read_file(int dir_fd, const char *name, size_t max, uint8_t **ret, size_t *ret_size);

/*
 * The file @path has these bytes, whole and on the disk, or is as it was before: they are written to PATH.new, which is then
 * renamed. 0 or negative errno.
 */
int fd_replace_file(const char *path, mode_t mode, const void *bytes, size_t size);

#endif
