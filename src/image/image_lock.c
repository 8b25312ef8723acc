/* SPDX-License-Identifier: Apache-2.0 */
/* The image store's lock and what may be swept under it. Runs in role work's children and in `dompool image ... --store`. */
#include "image/image_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/image_files.h"

/* The lock's file, open; *ret_free: and locked now. */
static int
open_lock(const char *store, char path[IMAGE_PATH_SIZE], bool *ret_free, struct error *err)
{
        int r, fd;

        if ((r = image_mkdir(store, err)) < 0 || (r = image_path(path, err, "%s/lock", store)) < 0)
                return r;
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return error_errno_set(err, errno, "%s", path);
        *ret_free = flock(fd, LOCK_EX | LOCK_NB) == 0;
        return fd;
}

int
image_lock_try(const char *store, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        bool is_free = false;
        _cleanup_close_ int fd = open_lock(store, path, &is_free, err);

        if (fd < 0)
                return fd;
        return is_free ? TAKE_FD(fd) : error_set(err, ERR_BUSY, "a build or another change is under way in %s", store);
}

int
image_lock(const char *store, void (*waiting)(void *arg), void *arg, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        bool is_free = false;
        _cleanup_close_ int fd = open_lock(store, path, &is_free, err);

        if (fd < 0)
                return fd;
        if (!is_free && waiting)
                waiting(arg);
        while (!is_free && flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return error_errno_set(err, errno, "%s", path);
        return TAKE_FD(fd);
}

int
image_sweep(const char *store, struct error *err)
{
        char tmp[IMAGE_PATH_SIZE];
        int r = image_path(tmp, err, "%s/tmp", store);

        return r < 0 ? r : image_remove(tmp, err);
}
