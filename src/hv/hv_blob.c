/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of fetched files, seen from root's side: nothing in it is believed. Runs in: hv and its tasks. */
#include "hv/hv_blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "hv/hv_record.h"

#define BLOB_KEEP_S 1800

static int
copy_sealed(int from, uint64_t size)
{
        _cleanup_close_ int to = memfd_create("dompool-blob", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        if (to < 0)
                return -errno;
        for (uint64_t done = 0; done < size;) {
                ssize_t n = sendfile(to, from, NULL, size - done);

                if (n < 0)
                        return -errno;
                if (n == 0) /* shorter than it was: the hash will say so */
                        break;
                done += (uint64_t)n;
        }
        if (fcntl(to, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0 || lseek(to, 0, SEEK_SET) < 0)
                return -errno;
        return TAKE_FD(to);
}

int
hv_blob_take(const char *folder, const struct guest_file *file, struct error *err)
{
        _cleanup_close_ int from = -1, copy = -1;
        char hex[SHA256_TEXT_SIZE], path[PATH_SIZE + SHA256_TEXT_SIZE];
        uint8_t sha[SHA256_SIZE];
        struct stat st;
        int r;

        snprintf(path, sizeof(path), "%s/%s", folder, hex_text(file->sha256, sizeof(file->sha256), hex));
        from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (from < 0 || fstat(from, &st) < 0)
                return error_errno_set(err, errno, "file %.16s... (%s)", hex, file->path);
        if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != file->size)
                return error_set(err, ERR_PROTOCOL, "file %.16s... (%s) has not the announced size", hex, file->path);
        copy = copy_sealed(from, file->size);
        if (copy < 0)
                return error_errno_set(err, -copy, "copy of %.16s... (%s)", hex, file->path);
        r = digest_sha256_fd(copy, sha, NULL);
        if (r < 0)
                return error_errno_set(err, -r, "hash of %.16s... (%s)", hex, file->path);
        if (!digest_equal(sha, file->sha256, sizeof(sha)))
                return error_set(err, ERR_PROTOCOL, "file %.16s... (%s) has not the announced SHA-256", hex, file->path);
        return TAKE_FD(copy);
}

struct search {
        uint8_t sha256[32];
        bool found;
};

static void
search_record(void *arg, const struct hv_record *record)
{
        struct search *s = arg;

        if (memcmp(record->config.kernel.sha256, s->sha256, sizeof(s->sha256)) == 0 ||
            memcmp(record->config.ramdisk.sha256, s->sha256, sizeof(s->sha256)) == 0)
                s->found = true;
}

static bool
referenced(const char *name, const char *records)
{
        struct search s = {0};

        if (parse_hex(name, s.sha256, sizeof(s.sha256)) < 0)
                return false; /* a part file that nobody finished */
        hv_record_each(records, search_record, &s);
        return s.found;
}

void
hv_blob_collect(const char *folder, const char *records, int64_t now_s)
{
        _cleanup_closedir_ DIR *d = opendir(folder);
        struct dirent *e;
        struct stat st;

        if (!d)
                return;
        while ((e = readdir(d)))
                if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                    now_s - (int64_t)st.st_mtime > BLOB_KEEP_S && !referenced(e->d_name, records))
                        unlinkat(dirfd(d), e->d_name, 0);
}
