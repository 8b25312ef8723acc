/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_SEALED_H
#define DOMPOOL_BASE_SEALED_H
/*
 * Files in memory that nobody can write or cut any more (memfd_create(2), F_ADD_SEALS in fcntl(2)). What one process has made
 * and others map is there once, and whoever has checked it need not check again: the maker, too, can no longer change it, and
 * no access ends in SIGBUS.
 */
#include <stdbool.h>
#include <stddef.h>

/* A sealed file with these bytes; @name shows in /proc. 0 or negative errno. */
int sealed_file_new(const char *name, const void *bytes, size_t size, int *ret_fd);

/* A sealed copy of the plain file @fd, from its begin. -EFBIG: it has more than @max bytes. */
int sealed_file_copy(const char *name, int fd, size_t max, int *ret_fd);

/* Can nobody write to it or cut it? */
bool sealed_file_ok(int fd);

#endif
