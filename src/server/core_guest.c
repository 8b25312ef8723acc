/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests' kernels and ramdisks: from the guest-files directory into STATE/blobs/<sha256>, where files serves them to hosts. A
 * file is found below its directory only, whatever ".." and symbolic links say (openat2, RESOLVE_BENEATH). What was hashed
 * before and has not changed is not read again. Process: core.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "server/core_private.h"

/* Copied and hashed in one go while others wait: about a third of a second at the most. */
#define GUEST_FILE_MAX (256ull << 20)
#define BLOB_PATH_SIZE (CONFIG_PATH_SIZE + 128)

/* The part of @path below the guest-files directory, or NULL when it is an absolute path to elsewhere. */
static const char *
below(const char *dir, const char *path)
{
        size_t n = strlen(dir);

        if (*path != '/')
                return path;
        while (n > 0 && dir[n - 1] == '/')
                n--;
        if (strncmp(path, dir, n) != 0 || path[n] != '/')
                return NULL;
        while (path[n] == '/')
                n++;
        return path + n;
}

static int
open_beneath(const char *dir, const char *path, int *ret, struct error *err)
{
        struct open_how how = {
                .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, /* a FIFO must not hold us up */
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
        };
        const char *rel = below(dir, path);
        _cleanup_close_ int dir_fd = -1;
        int fd;

        if (!rel || !*rel)
                return error_set(err, ERR_DENIED, "'%s' is not below the guest-files directory %s", path, dir);
        dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
                return error_errno_set(err, errno, "guest-files directory %s", dir);
        fd = (int)syscall(SYS_openat2, dir_fd, rel, &how, sizeof(how));
        if (fd >= 0) {
                *ret = fd;
                return 0;
        }
        if (errno == ENOENT || errno == ENOTDIR)
                return error_set(err, ERR_NOT_FOUND, "there is no file %s/%s on the server", dir, rel);
        if (errno == EXDEV || errno == ELOOP)
                return error_set(err, ERR_DENIED, "%s/%s leads out of the guest-files directory", dir, rel);
        return error_errno_set(err, errno, "%s/%s", dir, rel);
}

static int
check_file(int fd, const char *path, struct store_guest_file *ret, struct error *err)
{
        struct stat st;

        if (fstat(fd, &st))
                return error_errno_set(err, errno, "%s", path);
        if (!S_ISREG(st.st_mode))
                return error_set(err, ERR_INVALID, "%s is not a regular file", path);
        if (st.st_size == 0)
                return error_set(err, ERR_INVALID, "%s is empty", path);
        if ((uint64_t)st.st_size > GUEST_FILE_MAX)
                return error_set(err, ERR_LIMIT, "%s has %lld MiB; at most %llu MiB are taken", path,
                                 (long long)st.st_size >> 20, GUEST_FILE_MAX >> 20);
        *ret = (struct store_guest_file){
                .dev = st.st_dev,
                .inode = st.st_ino,
                .size = (uint64_t)st.st_size,
                .mtime_ns = st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec,
                .ctime_ns = st.st_ctim.tv_sec * 1000000000ll + st.st_ctim.tv_nsec,
        };
        return 0;
}

static bool
have_blob(const char *blob_dir, const struct store_guest_file *f)
{
        char path[BLOB_PATH_SIZE], hex[SHA256_TEXT_SIZE];
        struct stat st;

        snprintf(path, sizeof(path), "%s/%s", blob_dir, hex_text(f->sha256, sizeof(f->sha256), hex));
        return !stat(path, &st) && (uint64_t)st.st_size == f->size;
}

static int
copy(int from, int to, uint64_t size)
{
        uint64_t left = size;
        ssize_t n;

        while (left > 0) {
                n = sendfile(to, from, NULL, left > (1 << 20) ? 1 << 20 : (size_t)left);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -ESTALE; /* it became shorter while we read */
                left -= (uint64_t)n;
        }
        return 0;
}

/* The copy is hashed, not the file: what hosts will get is what the hash is of, even if the file changes in between. */
static int
make_blob(struct core *c, int from, struct store_guest_file *f, struct error *err)
{
        char tmp[BLOB_PATH_SIZE], path[BLOB_PATH_SIZE], hex[SHA256_TEXT_SIZE];
        _cleanup_close_ int fd = -1;
        uint64_t size = 0;
        int r;

        snprintf(tmp, sizeof(tmp), "%s/.new", c->params.blob_dir);
        fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return error_errno_set(err, errno, "%s", tmp);
        r = copy(from, fd, f->size);
        if (!r && lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        if (!r)
                r = digest_sha256_fd(fd, f->sha256, &size);
        if (!r && fsync(fd))
                r = -errno;
        snprintf(path, sizeof(path), "%s/%s", c->params.blob_dir, hex_text(f->sha256, sizeof(f->sha256), hex));
        if (!r && rename(tmp, path))
                r = -errno;
        if (!r)
                return 0;
        unlink(tmp);
        return error_errno_set(err, -r, "copying to %s", path);
}

/* Is the blob of this name what a domain was, or is to be, started from? A configuration is JSON and has its hashes in hex. */
static bool
is_used(struct core *c, const char *hex)
{
        struct core_domain *d, *next;

        HASH_ITER(hh, c->domains, d, next)
        if (d->row.config && strstr(d->row.config, hex))
                return true;
        return false;
}

void
core_guest_sweep(struct core *c)
{
        _cleanup_closedir_ DIR *dir = opendir(c->params.blob_dir);
        struct dirent *e;

        while (dir && (e = readdir(dir)))
                if (strlen(e->d_name) == SHA256_TEXT_SIZE - 1 && !is_used(c, e->d_name))
                        unlinkat(dirfd(dir), e->d_name, 0);
}

int
core_guest_file(struct core *c, struct guest_file *f, struct error *err)
{
        _cleanup_close_ int fd = -1;
        struct store_guest_file known;
        int r;

        if ((r = open_beneath(c->config->guest_files, f->path, &fd, err)) || (r = check_file(fd, f->path, &known, err)))
                return r;
        r = store_guest_file_get(c->store, &known, err);
        if (r < 0)
                return r;
        if (r == 0 || !have_blob(c->params.blob_dir, &known)) {
                if ((r = make_blob(c, fd, &known, err)) || (r = store_guest_file_put(c->store, &known, err)))
                        return r;
        }
        memcpy(f->sha256, known.sha256, sizeof(f->sha256));
        f->size = known.size;
        return 0;
}
