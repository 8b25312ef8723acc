/* SPDX-License-Identifier: Apache-2.0 */
/* The writable layer over a read-only root. Runs in the child that mounts the root (init_root.c). */
#include "init/init_root_layer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/init_root.h"
#include "init/init_system.h"

#define FLASH_FILE_MAX (64u << 10)
#define FLASH_DEPTH 16
#define FLASH_FULL_SIZE 512

/* snprintf that refuses to cut. */
static int path_make(char ret[FLASH_FULL_SIZE], struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int
path_make(char ret[FLASH_FULL_SIZE], struct error *err, const char *fmt, ...)
{
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(ret, FLASH_FULL_SIZE, fmt, ap);
        va_end(ap);
        return n < 0 || n >= FLASH_FULL_SIZE ? error_set(err, ERR_LIMIT, "path over %d bytes", FLASH_FULL_SIZE - 1) : 0;
}

static int
copy_contents(const char *from, const char *to, struct error *err)
{
        _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
        ssize_t n = -1;

        out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (in < 0 || out < 0)
                return error_errno_set(err, errno, "copying %s to RAM", from);
        while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
                ;
        return n < 0 ? error_errno_set(err, errno, "copying %s to RAM", from) : 0;
}

int
init_flash_next(const char **text, struct init_flash_line *ret)
{
        while (**text) {
                size_t n = strcspn(*text, "\n"), used = strcspn(*text, "#\n");
                char line[INIT_FLASH_PATH_SIZE + 16], *save = NULL, *path, *word;

                if (used >= sizeof(line))
                        return -EINVAL;
                memcpy(line, *text, used);
                line[used] = '\0';
                *text += n + ((*text)[n] == '\n');
                path = strtok_r(line, " \t\r", &save);
                if (!path)
                        continue;
                word = strtok_r(NULL, " \t\r", &save);
                if (path[0] != '/' || !path[1] || strstr(path, "/..") || !str_copy(ret->path, sizeof(ret->path), path) ||
                    (word && strcmp(word, "copy") != 0) || strtok_r(NULL, " \t\r", &save))
                        return -EINVAL;
                ret->copy = word != NULL;
                return 1;
        }
        return 0;
}

static int
mount_tmpfs(const struct init_layer *l, struct error *err)
{
        char options[64];

        if (l->size)
                snprintf(options, sizeof(options), "mode=0755,size=%llu", (unsigned long long)l->size);
        else
                snprintf(options, sizeof(options), "mode=0755,size=%u%%", l->percent ? l->percent : INIT_LAYER_PERCENT);
        if (mount("dompool-layer", INIT_ROOT_LAYER, "tmpfs", 0, options) < 0)
                return error_errno_set(err, errno, "mounting the writable layer (%s)", options);
        return 0;
}

static int
layer_overlay(struct error *err)
{
        static const char options[] =
                "lowerdir=" INIT_ROOT_LOWER ",upperdir=" INIT_ROOT_LAYER "/upper,workdir=" INIT_ROOT_LAYER "/work";

        if (mkdir(INIT_ROOT_LAYER "/upper", 0755) < 0 || mkdir(INIT_ROOT_LAYER "/work", 0700) < 0)
                return error_errno_set(err, errno, INIT_ROOT_LAYER);
        if (mount("dompool-root", INIT_ROOT_NEW, "overlay", 0, options) < 0)
                return error_errno_set(err, errno, "mounting overlayfs; dompool.layer=flash does without");
        return 0;
}

/* The same kind, mode and owner. */
static int copy_entry(const char *from, const char *to, bool contents, unsigned depth, struct error *err);

static int
copy_folder(const char *from, const char *to, unsigned depth, struct error *err)
{
        _cleanup_closedir_ DIR *d = opendir(from);
        struct dirent *e;
        int r = 0;

        if (!d)
                return error_errno_set(err, errno, "%s", from);
        while (r == 0 && (e = readdir(d))) {
                char f[FLASH_FULL_SIZE], t[FLASH_FULL_SIZE];

                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                if ((r = path_make(f, err, "%s/%s", from, e->d_name)) == 0 &&
                    (r = path_make(t, err, "%s/%s", to, e->d_name)) == 0)
                        r = copy_entry(f, t, true, depth + 1, err);
        }
        return r;
}

static int
copy_entry(const char *from, const char *to, bool contents, unsigned depth, struct error *err)
{
        char target[FLASH_FULL_SIZE];
        struct stat st;
        ssize_t n;
        int r = 0;

        if (lstat(from, &st) < 0)
                return error_errno_set(err, errno, "%s", from);
        if (depth > FLASH_DEPTH)
                return error_set(err, ERR_LIMIT, "%s: more than %d folders deep", from, FLASH_DEPTH);
        if (S_ISLNK(st.st_mode)) {
                n = readlink(from, target, sizeof(target) - 1);
                if (n < 0)
                        return error_errno_set(err, errno, "%s", from);
                target[n] = '\0';
                r = symlink(target, to);
        } else if (S_ISDIR(st.st_mode)) {
                r = mkdir(to, 0700);
        } else if (S_ISREG(st.st_mode)) {
                int fd = contents ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

                if (fd >= 0)
                        close(fd);
                else if (!contents)
                        r = -1;
                else if ((r = copy_contents(from, to, err)) < 0)
                        return r;
        } else {
                r = mknod(to, st.st_mode, st.st_rdev);
        }
        if (r < 0 || lchown(to, st.st_uid, st.st_gid) < 0 || (!S_ISLNK(st.st_mode) && chmod(to, st.st_mode & 07777) < 0))
                return error_errno_set(err, errno, "%s", to);
        return S_ISDIR(st.st_mode) && contents ? copy_folder(from, to, depth, err) : 0;
}

/* One path of the list: made in RAM as it is in the image, and put over it. */
static int
flash_one(const struct init_flash_line *l, unsigned number, struct error *err)
{
        char from[FLASH_FULL_SIZE], to[FLASH_FULL_SIZE], over[FLASH_FULL_SIZE];
        int r;

        if ((r = path_make(from, err, INIT_ROOT_LOWER "%s", l->path)) < 0 ||
            (r = path_make(to, err, INIT_ROOT_LAYER "/%u", number)) < 0 ||
            (r = path_make(over, err, INIT_ROOT_NEW "%s", l->path)) < 0 || (r = copy_entry(from, to, l->copy, 0, err)) < 0)
                return r;
        if (mount(to, over, NULL, MS_BIND, NULL) < 0)
                return error_errno_set(err, errno, INIT_FLASH_LIST ": %s", l->path);
        return 0;
}

static int
layer_flash(struct error *err)
{
        _cleanup_free_ char *text = NULL;
        struct init_flash_line l;
        const char *p;
        int r;

        r = system_read_file(INIT_ROOT_LOWER INIT_FLASH_LIST, FLASH_FILE_MAX, &text, NULL, err);
        if (r < 0)
                return error_prefix(err, "dompool.layer=flash needs the image's list of writable paths");
        if (mount(INIT_ROOT_LOWER, INIT_ROOT_NEW, NULL, MS_BIND, NULL) < 0)
                return error_errno_set(err, errno, INIT_ROOT_NEW);
        p = text;
        for (unsigned n = 0; (r = init_flash_next(&p, &l)) > 0; n++) {
                if (n == INIT_FLASH_MAX)
                        return error_set(err, ERR_LIMIT, INIT_FLASH_LIST ": more than %d paths", INIT_FLASH_MAX);
                r = flash_one(&l, n, err);
                if (r < 0)
                        return r;
        }
        return r < 0 ? error_set(err, ERR_INVALID, INIT_FLASH_LIST ": a line is not 'PATH' or 'PATH copy'") : 0;
}

int
init_root_layer(const struct init_layer *l, struct error *err)
{
        int r = mount_tmpfs(l, err);

        if (r < 0)
                return r;
        return l->flash ? layer_flash(err) : layer_overlay(err);
}
