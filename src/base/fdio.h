/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_FDIO_H
#define DOMPOOL_BASE_FDIO_H
/* Writing to a descriptor that may take less at a time than it is given. */
#include <stddef.h>
#include <stdint.h>

/* All of @size bytes, on a blocking descriptor. 0 or negative errno; how much was written is unknown then. */
int fd_write_all(int fd, const void *bytes, size_t size);

/* Likewise at @offset of a file; the descriptor's own position stays. */
int fd_pwrite_all(int fd, const void *bytes, size_t size, uint64_t offset);

#endif
