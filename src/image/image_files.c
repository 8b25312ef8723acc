/* SPDX-License-Identifier: Apache-2.0 */
/* Files and child programs for the image builder, blocking. Runs in role work's child and in `dompool image build`. */
#include "image/image_files.h"

#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/fdio.h"

DEFINE_CLEANUP(struct archive *, archive_read_free)

#define OUTPUT_MAX (4u << 20)
#define LAST_WORDS 700

int
image_path(char ret[IMAGE_PATH_SIZE], struct error *err, const char *fmt, ...)
{
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(ret, IMAGE_PATH_SIZE, fmt, ap);
        va_end(ap);
        if (n < 0 || n >= IMAGE_PATH_SIZE)
                return error_set(err, ERR_LIMIT, "path over %d bytes: %.100s...", IMAGE_PATH_SIZE - 1, ret);
        return 0;
}

static int
read_fd(int fd, const char *name, size_t max, uint8_t **ret, size_t *ret_size, struct error *err)
{
        int r = fd_read_all(fd, max, ret, ret_size);

        if (r == -EFBIG)
                return error_set(err, ERR_LIMIT, "%s: over %zu bytes, or no plain file", name, max);
        return r < 0 ? error_errno_set(err, -r, "%s", name) : 0;
}

int
image_read(const char *path, size_t max, uint8_t **ret, size_t *ret_size, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return error_errno_set(err, errno, "%s", path);
        return read_fd(fd, path, max, ret, ret_size, err);
}

int
image_write(const char *path, const void *data, size_t size, struct error *err)
{
        int r = fd_replace_file(path, 0644, data, size);

        return r < 0 ? error_errno_set(err, -r, "%s", path) : 0;
}

int
image_copy(const char *from, const char *to, mode_t mode, struct error *err)
{
        _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
        ssize_t n;

        if (in < 0)
                return error_errno_set(err, errno, "%s", from);
        out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
        if (out < 0)
                return error_errno_set(err, errno, "%s", to);
        do
                n = sendfile(out, in, NULL, 1u << 30);
        while (n > 0);
        if (n < 0 || fchmod(out, mode) < 0 || fsync(out) < 0)
                return error_errno_set(err, errno, "copying %s to %s", from, to);
        return 0;
}

static int
unpack_failed(struct archive *a, const char *from, struct error *err)
{
        return error_set(err, ERR_IO, "%s: %s", from, archive_error_string(a) ? archive_error_string(a) : "cannot be unpacked");
}

int
image_gunzip(const char *from, const char *to, mode_t mode, struct error *err)
{
        CLEANUP(archive_read_free) struct archive *a = archive_read_new();
        _cleanup_close_ int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
        struct archive_entry *e;

        if (!a || out < 0)
                return error_errno_set(err, a ? errno : ENOMEM, "%s", to);
        if (archive_read_support_filter_gzip(a) != ARCHIVE_OK || archive_read_support_format_raw(a) != ARCHIVE_OK ||
            archive_read_open_filename(a, from, 64 << 10) != ARCHIVE_OK || archive_read_next_header(a, &e) != ARCHIVE_OK ||
            archive_read_data_into_fd(a, out) != ARCHIVE_OK)
                return unpack_failed(a, from, err);
        if (fchmod(out, mode) < 0 || fsync(out) < 0)
                return error_errno_set(err, errno, "%s", to);
        return 0;
}

int
image_mkdir(const char *path, struct error *err)
{
        char part[IMAGE_PATH_SIZE];
        int r;

        r = image_path(part, err, "%s", path);
        if (r < 0)
                return r;
        for (char *p = part + 1;; p++) {
                char c = *p;

                if (c != '/' && c != '\0')
                        continue;
                *p = '\0';
                if (mkdir(part, 0755) < 0 && errno != EEXIST)
                        return error_errno_set(err, errno, "%s", part);
                if (c == '\0')
                        return 0;
                *p = c;
        }
}

static int
remove_step(const char *path, const struct stat *st, int flag, struct FTW *f)
{
        (void)st, (void)flag, (void)f;
        return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int
image_remove(const char *path, struct error *err)
{
        if (nftw(path, remove_step, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
                return error_errno_set(err, errno, "%s", path);
        return 0;
}

int
image_hash(const char *path, uint8_t ret[32], uint64_t *ret_size, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        int r;

        if (fd < 0)
                return error_errno_set(err, errno, "%s", path);
        r = digest_sha256_fd(fd, ret, ret_size);
        return r < 0 ? error_errno_set(err, -r, "%s", path) : 0;
}

static _Noreturn void
run_child(const char *const argv[], const char *dir, int out, int errors, pid_t parent)
{
        int null = open("/dev/null", O_RDONLY);

        /* A builder that is killed takes its tools along. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || null < 0 || (dir && chdir(dir) < 0))
                _exit(126);
        dup2(null, 0);
        dup2(out >= 0 ? out : errors, 1);
        dup2(errors, 2);
        /* Tools' messages are parsed and shown; their language must not depend on the caller's. */
        setenv("LC_ALL", "C.UTF-8", 1);
        setenv("DEBIAN_FRONTEND", "noninteractive", 1);
        execvp(argv[0], (char *const *)argv);
        _exit(errno == ENOENT ? 127 : 126);
}

/* The end of what a tool wrote to standard error, as one line. */
static void
last_words(int fd, char ret[LAST_WORDS])
{
        struct stat st;
        off_t from;
        ssize_t n;

        ret[0] = '\0';
        if (fstat(fd, &st) < 0)
                return;
        from = st.st_size > LAST_WORDS - 1 ? st.st_size - (LAST_WORDS - 1) : 0;
        n = pread(fd, ret, LAST_WORDS - 1, from);
        if (n < 0)
                n = 0;
        while (n > 0 && ret[n - 1] == '\n')
                n--;
        ret[n] = '\0';
        for (char *p = ret; *p; p++)
                if ((unsigned char)*p < 0x20)
                        *p = ' ';
}

int
image_run(const char *const argv[], const char *dir, const char *package, char **ret_output, struct error *err)
{
        _cleanup_close_ int out = -1, errors = memfd_create("stderr", MFD_CLOEXEC);
        char words[LAST_WORDS];
        pid_t self = getpid(), pid;
        int status;

        if (ret_output)
                out = memfd_create("stdout", MFD_CLOEXEC);
        if (errors < 0 || (ret_output && out < 0))
                return error_errno_set(err, errno, "memfd_create");
        pid = fork();
        if (pid < 0)
                return error_errno_set(err, errno, "fork");
        if (pid == 0)
                run_child(argv, dir, out, errors, self);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return error_errno_set(err, errno, "waiting for %s", argv[0]);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
                return error_set(err, ERR_TOOL, "%s is not installed: apt-get install %s", argv[0], package);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                last_words(errors, words);
                return error_set(err, ERR_TOOL, "%s %s: %s %d: %s", argv[0], argv[1] ? argv[1] : "",
                                 WIFSIGNALED(status) ? "signal" : "exit code",
                                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), words);
        }
        return ret_output ? read_fd(out, argv[0], OUTPUT_MAX, (uint8_t **)ret_output, NULL, err) : 0;
}
