/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying and hashing of guest files, see guest_blob.h. Which file it is, and whether anybody may have it, is core's decision:
 * here comes an open descriptor. Runs in: a child of work.
 */
#include "server/guest_blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"

#define COPY_CHUNK (4u << 20)
#define COPY_PERCENT 70 /* of the work; the rest is hashing and the disk */

struct blob_copy {
        int from, to;
        uint64_t size;
        guest_blob_progress_fn progress;
        void *arg;
};

static int
copy(const struct blob_copy *b)
{
        off_t at = 0;

        while ((uint64_t)at < b->size) {
                uint64_t left = b->size - (uint64_t)at;
                ssize_t n = sendfile(b->to, b->from, &at, left < COPY_CHUNK ? (size_t)left : COPY_CHUNK);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -ESTALE; /* it became shorter while we read */
                if (b->progress)
                        b->progress(b->arg, (unsigned)((uint64_t)at * COPY_PERCENT / b->size));
        }
        return 0;
}

/* The copy is hashed, not the file: what hosts will get is what the hash is of, even if the file changes in between. */
static int
copy_and_hash(const struct blob_copy *b, struct guest_file *ret)
{
        uint64_t size = 0;
        int r = copy(b);

        if (r == 0 && lseek(b->to, 0, SEEK_SET) < 0)
                r = -errno;
        if (r == 0)
                r = digest_sha256_fd(b->to, ret->sha256, &size);
        if (r == 0 && fsync(b->to) < 0)
                r = -errno;
        ret->size = size;
        return r;
}

int
guest_blob_make(const char *blob_dir, const char *tag, int from, guest_blob_progress_fn progress, void *arg,
                struct guest_file *ret, struct error *err)
{
        char part[PATH_SIZE], path[PATH_SIZE], hex[SHA256_TEXT_SIZE];
        struct blob_copy b = {.from = from, .progress = progress, .arg = arg};
        _cleanup_close_ int to = -1;
        struct guest_file made;
        struct stat st;
        int r;

        if (fstat(from, &st) < 0)
                return error_errno_set(err, errno, "guest file");
        b.size = (uint64_t)st.st_size;
        snprintf(part, sizeof(part), "%s/" GUEST_BLOB_PART "-%s", blob_dir, tag);
        unlink(part); /* of a task that was killed */
        to = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (to < 0)
                return error_errno_set(err, errno, "%s", part);
        b.to = to;
        r = copy_and_hash(&b, &made);
        snprintf(path, sizeof(path), "%s/%s", blob_dir, hex_text(made.sha256, sizeof(made.sha256), hex));
        if (r == 0 && (fchmod(to, 0644) < 0 || rename(part, path) < 0)) /* whatever the umask was: files reads it */
                r = -errno;
        if (r < 0) {
                unlink(part);
                return error_errno_set(err, -r, "copying into %s", blob_dir);
        }
        memcpy(ret->sha256, made.sha256, sizeof(ret->sha256));
        ret->size = made.size;
        return 0;
}
