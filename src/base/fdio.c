/* SPDX-License-Identifier: Apache-2.0 */
/* See fdio.h. */
#include "base/fdio.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

int
fd_write_all(int fd, const void *bytes, size_t size)
{
        const uint8_t *at = bytes;

        while (size > 0) {
                ssize_t n = write(fd, at, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                at += n;
                size -= (size_t)n;
        }
        return 0;
}

int
fd_pwrite_all(int fd, const void *bytes, size_t size, uint64_t offset)
{
        const uint8_t *p = bytes;

        while (size > 0) {
                ssize_t n = pwrite(fd, p, size, (off_t)offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                p += n;
                offset += (uint64_t)n;
                size -= (size_t)n;
        }
        return 0;
}
