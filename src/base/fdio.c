/* SPDX-License-Identifier: Apache-2.0 */
/* See fdio.h. */
#include "base/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

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

int
fd_read_all(int fd, size_t max, uint8_t **ret, size_t *ret_size)
{
        _cleanup_free_ uint8_t *data = NULL;
        size_t have = 0;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
                return -EFBIG;
        data = malloc((size_t)st.st_size + 1);
        if (!data)
                return -ENOMEM;
        while (have < (size_t)st.st_size) {
                ssize_t n = pread(fd, data + have, (size_t)st.st_size - have, (off_t)have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                have += (size_t)n;
        }
        data[have] = '\0';
        *ret = TAKE_PTR(data);
        if (ret_size)
                *ret_size = have;
        return 0;
}

int
fd_read_file(int dir_fd, const char *name, size_t max, uint8_t **ret, size_t *ret_size)
{
        _cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

        if (fd < 0 && errno == ENOENT) {
                *ret = NULL;
                if (ret_size)
                        *ret_size = 0;
                return 0;
        }
        return fd < 0 ? -errno : fd_read_all(fd, max, ret, ret_size);
}

static int
write_new(const char *path, mode_t mode, const void *bytes, size_t size)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        int r;

        if (fd < 0)
                return -errno;
        r = fd_write_all(fd, bytes, size);
        return r < 0 ? r : fsync(fd) < 0 ? -errno : 0;
}

int
fd_replace_file(const char *path, mode_t mode, const void *bytes, size_t size)
{
        char fresh[PATH_MAX];
        int r;

        if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
                return -ENAMETOOLONG;
        unlink(fresh); /* of a writer that was killed */
        r = write_new(fresh, mode, bytes, size);
        if (r == 0 && rename(fresh, path) < 0)
                r = -errno;
        if (r < 0)
                unlink(fresh);
        return r;
}
