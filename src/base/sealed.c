/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed files in memory, see sealed.h. Used by every role of dompoold and its parent. */
#include "base/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"

#define NO_CHANGE (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)
#define COPY_SIZE (256u << 10)

static int
seal(int *fd, int *ret_fd)
{
        if (fcntl(*fd, F_ADD_SEALS, NO_CHANGE | F_SEAL_SEAL) < 0)
                return -errno;
        *ret_fd = TAKE_FD(*fd);
        return 0;
}

int
sealed_file_new(const char *name, const void *bytes, size_t size, int *ret_fd)
{
        _cleanup_close_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        int r = fd < 0 ? -errno : fd_write_all(fd, bytes, size);

        return r < 0 ? r : seal(&fd, ret_fd);
}

int
sealed_file_copy(const char *name, int from, size_t max, int *ret_fd)
{
        _cleanup_close_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        _cleanup_free_ uint8_t *buf = malloc(COPY_SIZE);
        size_t done = 0;
        int r = 0;

        if (fd < 0 || !buf)
                return fd < 0 ? -errno : -ENOMEM;
        while (r == 0) {
                ssize_t n = pread(from, buf, COPY_SIZE, (off_t)done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return seal(&fd, ret_fd);
                done += (size_t)n;
                r = done > max ? -EFBIG : fd_write_all(fd, buf, (size_t)n);
        }
        return r;
}

bool
sealed_file_ok(int fd)
{
        int seals = fcntl(fd, F_GET_SEALS);

        return seals >= 0 && (seals & NO_CHANGE) == NO_CHANGE;
}
