/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_FDIO_H
#define DOMPOOL_BASE_FDIO_H
/* Writing to a descriptor that may take less at a time than it is given. */
#include <stddef.h>

/* All of @size bytes, on a blocking descriptor. 0 or negative errno; how much was written is unknown then. */
int fd_write_all(int fd, const void *bytes, size_t size);

#endif
