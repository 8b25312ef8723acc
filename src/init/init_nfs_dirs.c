/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts a host's directories over NFS. Runs in a child of dompool-init, as root, and in its children; all of it may block. */
#include "init/init_nfs_dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/parse.h"
#include "init/init_nfs.h"
#include "init/init_system.h"

#define PLACEHOLDER "dompool-nfs-away"
#define TARGET_SIZE 40 /* "/proc/self/fd/N" */

/* All that the processes of an attempt tell each other. */
struct shared {
        struct init_nfs_tried tried[NFS_DIRS_MAX];
};

int
init_nfs_dirs_folder(const char *root, const char *path, struct error *err)
{
        _cleanup_close_ int fd = open(*root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        char copy[NFS_PATH_SIZE], *save = NULL;

        if (fd < 0)
                return error_errno_set(err, errno, "%s", *root ? root : "/");
        str_copy(copy, sizeof(copy), path);
        for (char *part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
                int next;

                if (mkdirat(fd, part, 0755) < 0 && errno != EEXIST)
                        return error_errno_set(err, errno, "making %s", path);
                next = openat(fd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0)
                        return error_errno_set(err, errno, "%s of %s, which must be a folder and no link", part, path);
                close(fd);
                fd = next;
        }
        return TAKE_FD(fd);
}

/* Is there a mount on @root@path whose source, or type, begins so? */
static bool
is_mounted(const char *root, const char *path, const char *source, const char *type)
{
        FILE *f = setmntent("/proc/self/mounts", "re");
        char where[NFS_PATH_SIZE + 32], line[2048];
        struct mntent e;
        bool found = false;

        snprintf(where, sizeof(where), "%s%s", root, path);
        while (f && !found && getmntent_r(f, &e, line, sizeof(line)))
                found = strcmp(e.mnt_dir, where) == 0 && strncmp(e.mnt_fsname, source, strlen(source)) == 0 &&
                        strncmp(e.mnt_type, type, strlen(type)) == 0;
        if (f)
                endmntent(f);
        return found;
}

/* Mounts are made on what was opened, not on a path that somebody could change. */
static int
open_target(const char *root, const char *path, char target[TARGET_SIZE], struct error *err)
{
        int fd = init_nfs_dirs_folder(root, path, err);

        if (fd >= 0)
                snprintf(target, TARGET_SIZE, "/proc/self/fd/%d", fd);
        return fd;
}

static int
mount_one(const struct nfs_dir *d, const char *root, struct init_nfs_tried *t, struct error *err)
{
        const unsigned long flags = MS_NOSUID | MS_NODEV | (d->read_only ? MS_RDONLY : 0);
        _cleanup_close_ int fd = -1;
        char target[TARGET_SIZE];
        int r;

        fd = open_target(root, d->path, target, err);
        if (fd < 0)
                return fd;
        r = init_nfs_reach(d->address, d->version, err);
        if (r < 0)
                return r;
        snprintf(t->why, sizeof(t->why), "a server is there and does not answer as one of NFS version %s", d->version);
        return init_nfs_mount(d->address, d->export, d->version, target, flags, err);
}

static void
child_begin(const char *name, unsigned limit_s)
{
        prctl(PR_SET_NAME, name);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGALRM, SIG_DFL);
        alarm(limit_s);
}

/* A process for one directory; 0: there is none. */
static pid_t
start_one(const struct nfs_dir *d, const char *root, struct init_nfs_tried *t)
{
        struct error err = {0};
        pid_t pid = fork();

        if (pid != 0) {
                if (pid < 0)
                        str_copy(t->why, sizeof(t->why), strerror(errno));
                return pid < 0 ? 0 : pid;
        }
        child_begin("dompool-nfs-dir", INIT_NFS_DIRS_LIMIT_S);
        if (mount_one(d, root, t, &err) < 0) {
                str_copy(t->why, sizeof(t->why), err.message);
                _exit(1);
        }
        _exit(0);
}

static void
end_one(pid_t pid, struct init_nfs_tried *t)
{
        int status;

        t->there = waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Where it cannot be made nothing is lost: a root that is read-only there takes no writes. */
static void
hold_place(const char *root, const char *path)
{
        _cleanup_close_ int fd = -1;
        char target[TARGET_SIZE];
        struct error err;

        if (is_mounted(root, path, PLACEHOLDER, "tmpfs"))
                return;
        fd = open_target(root, path, target, &err);
        if (fd >= 0)
                (void)!mount(PLACEHOLDER, target, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=0555");
}

/* After a switch of the root it is loaded, and perhaps no file of the root. */
static int
load_module(const char *version, struct error *err)
{
        const char *name = version[0] == '3' ? "nfsv3" : "nfsv4";
        char path[40];

        snprintf(path, sizeof(path), "/sys/module/%s", name);
        return access(path, F_OK) == 0 ? 0 : modules_load_name(name, err);
}

void
init_nfs_dirs_text(const struct nfs_dirs *dirs, const struct init_nfs_tried tried[NFS_DIRS_MAX], char *buf, size_t size)
{
        size_t n = 0;

        buf[0] = '\0';
        for (int there = 0; there <= 1; there++)
                for (uint32_t i = 0; i < dirs->n && n < size; i++) {
                        const struct nfs_dir *d = &dirs->list[i];
                        char address[IP4_TEXT_SIZE];

                        if (tried[i].there == (there == 1))
                                n += (size_t)snprintf(buf + n, size - n, "%s%s%s from %s:%s%s%s", n > 0 ? "; " : "", d->path,
                                                      there ? "" : " is not", ip4_text(d->address, address), d->export,
                                                      there ? "" : " yet: ", there ? "" : tried[i].why);
                }
}

bool
init_nfs_dirs_news(struct init_nfs_dirs_news *n, bool all, int64_t now_ms)
{
        char text[NFS_DIRS_STATE_SIZE];

        if (!system_read_line(NFS_DIRS_FILE, text, sizeof(text)) || !*text)
                str_copy(text, sizeof(text), "no word of what has become of them");
        if (strcmp(text, n->text) == 0 || (*n->text && !all && now_ms - n->said_ms < INIT_NFS_DIRS_SAY_MS))
                return false;
        str_copy(n->text, sizeof(n->text), text);
        n->said_ms = now_ms;
        return true;
}

/* What the root keeps for each host; of a list that cannot be read, nothing: the agent says what is wrong with it. */
static void
read_kept(const char *root, struct keep_list *ret)
{
        _cleanup_close_ int fd = -1;
        _cleanup_free_ uint8_t *text = NULL;
        char path[64];
        struct error err;

        snprintf(path, sizeof(path), "%s" KEEP_LIST_PATH, root);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fd_read_all(fd, KEEP_LIST_SIZE - 1, &text, NULL) < 0 || keep_list_parse((char *)text, ret, &err) < 0)
                ret->n = 0;
}

/* Nothing is mounted there, not even what holds the place: it would hide kept files, and the agent would save that they are
 * gone. */
static bool
is_kept(const struct nfs_dir *d, const struct keep_list *kept, struct init_nfs_tried *t)
{
        const char *pattern = nfs_dirs_kept(d->path, kept);

        if (pattern)
                snprintf(t->why, sizeof(t->why),
                         "the image keeps %.60s for each host, and one lies in the other; name another path in nfs-dirs, or "
                         "take that one out of the recipe's keep",
                         pattern);
        return pattern;
}

static bool
attempt(const struct nfs_dirs *dirs, const char *root, struct shared *s)
{
        char text[NFS_DIRS_STATE_SIZE];
        pid_t pids[NFS_DIRS_MAX] = {0};
        struct keep_list kept;
        bool all = true;

        read_kept(root, &kept);
        for (uint32_t i = 0; i < dirs->n; i++) {
                const struct nfs_dir *d = &dirs->list[i];
                struct init_nfs_tried *t = &s->tried[i];
                struct error err;

                t->there = is_mounted(root, d->path, "", "nfs");
                if (t->there || is_kept(d, &kept, t))
                        continue;
                hold_place(root, d->path); /* first: this process may be ended before it knows; NFS is mounted above it */
                if (load_module(d->version, &err) < 0)
                        str_copy(t->why, sizeof(t->why), err.message);
        }
        for (uint32_t i = 0; i < dirs->n; i++)
                if (!s->tried[i].there && !*s->tried[i].why)
                        pids[i] = start_one(&dirs->list[i], root, &s->tried[i]);
        for (uint32_t i = 0; i < dirs->n; i++) {
                if (pids[i])
                        end_one(pids[i], &s->tried[i]);
                all = all && s->tried[i].there;
        }
        init_nfs_dirs_text(dirs, s->tried, text, sizeof(text));
        system_write(NFS_DIRS_FILE, text);
        return all;
}

int
init_nfs_dirs_start(const struct nfs_dirs *dirs, const char *root)
{
        pid_t pid = fork();
        struct shared *s;
        sigset_t none;

        if (pid != 0)
                return pid < 0 ? -errno : pid;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        child_begin("dompool-nfs", INIT_NFS_DIRS_LIMIT_S + 5); /* a process that no signal ends must not hold up a boot */
        s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        _exit(s != MAP_FAILED && attempt(dirs, root, s) ? 0 : 1);
}
