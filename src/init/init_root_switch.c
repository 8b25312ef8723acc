/* SPDX-License-Identifier: Apache-2.0 */
/* Moves the first process from the initrd to the mounted root. Runs in dompool-init, PID 1. */
#include "init/init_root_switch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "init/init_system.h"

#define REMOVE_DEPTH 32

/* Everything on file system @dev below folder @fd, which is closed. What is mounted in it stays. */
static void
remove_below(int fd, dev_t dev, unsigned depth)
{
        DIR *d = fdopendir(fd);
        struct dirent *e;

        if (!d) {
                close(fd);
                return;
        }
        while ((e = readdir(d))) {
                struct stat st;

                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
                    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != dev)
                        continue;
                if (S_ISDIR(st.st_mode) && depth < REMOVE_DEPTH) {
                        int below = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

                        if (below >= 0)
                                remove_below(below, dev, depth + 1);
                        /* iscsid's name space has its /sys there; the kernel would take it away with the folder. */
                        if (depth == 0)
                                continue;
                }
                unlinkat(dirfd(d), e->d_name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
        }
        closedir(d);
}

/* Only an initrd is removed: anything else than RAM is not ours. */
static bool
is_initrd(int fd)
{
        struct statfs fs;

        return fstatfs(fd, &fs) == 0 && (fs.f_type == RAMFS_MAGIC || fs.f_type == TMPFS_MAGIC);
}

static int
move_mounts(struct error *err)
{
        static const char *const moved[] = {"/dev", "/proc", "/sys", "/run"};

        for (size_t i = 0; i < N_ELEMENTS(moved); i++) {
                char to[32];

                snprintf(to, sizeof(to), INIT_ROOT_NEW "%s", moved[i]);
                if (mount(moved[i], to, NULL, MS_MOVE, NULL) < 0)
                        return error_errno_set(err, errno, "moving %s to the new root (has it that folder?)", moved[i]);
        }
        return 0;
}

int
init_root_switch(const struct init_handover *h, struct error *err)
{
        static char path[] = "/sbin/init", *const argv[] = {path, NULL};
        char text[200];
        struct stat st;
        int old, r;

        init_handover_write(h, text, sizeof(text));
        if (system_write(INIT_ROOT_HANDOVER, text) < 0)
                return error_errno_set(err, errno, INIT_ROOT_HANDOVER);
        if (h->lease_fd >= 0)
                fcntl(h->lease_fd, F_SETFD, 0);
        old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (old < 0 || fstat(old, &st) < 0)
                return error_errno_set(err, errno, "/");
        r = move_mounts(err);
        if (r < 0)
                return r;
        if (chdir(INIT_ROOT_NEW) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
                return error_errno_set(err, errno, "moving to the new root");
        if (is_initrd(old))
                remove_below(old, st.st_dev, 0);
        else
                close(old);
        execv(argv[0], argv);
        return error_errno_set(err, errno, "/sbin/init of the new root");
}

void
init_handover_lease(const struct init_lease *lease)
{
        const struct init_handover h = {.lease_fd = -1, .lease = *lease};
        char text[200];

        init_handover_write(&h, text, sizeof(text));
        if (system_write(INIT_ROOT_HANDOVER, text) < 0)
                log_warning("the lease is not in " INIT_ROOT_HANDOVER ": %s", strerror(errno));
}

void
init_handover_write(const struct init_handover *h, char *buf, size_t size)
{
        snprintf(buf, size, "dhcp=%d fd=%d address=%u prefix=%u router=%u dns=%u seconds=%u\n", h->dhcp_pid, h->lease_fd,
                 h->lease.address, h->lease.prefix, h->lease.router, h->lease.dns, h->lease.seconds);
}

int
init_handover_read(const char *text, struct init_handover *ret)
{
        struct init_handover h;

        if (sscanf(text, "dhcp=%d fd=%d address=%u prefix=%u router=%u dns=%u seconds=%u", &h.dhcp_pid, &h.lease_fd,
                   &h.lease.address, &h.lease.prefix, &h.lease.router, &h.lease.dns, &h.lease.seconds) != 7 ||
            h.dhcp_pid < 0 || h.lease_fd < -1 || !init_lease_ok(&h.lease))
                return -EINVAL;
        *ret = h;
        return 0;
}

void
init_root_facts_text(char *buf, size_t size)
{
        char line[300], fetched[80] = "read as it is needed";
        struct root_cost f = {0};

        if (!system_read_line(INIT_ROOT_FILE, line, sizeof(line)) || root_cost_facts(line, &f) < 0)
                str_copy(f.root, sizeof(f.root), "of unknown origin");
        if (f.fetched)
                snprintf(fetched, sizeof(fetched), "%.1f MiB fetched, %.1f MiB of them stay in RAM",
                         (double)f.fetched / (1 << 20), (double)f.ram / (1 << 20));
        snprintf(buf, size, "%s; %s, up to %.0f MiB may be written", f.root, fetched, (double)f.layer_size / (1 << 20));
}

static bool
layer_used(uint64_t *ret_used, uint64_t *ret_size)
{
        struct statvfs s;

        if (statvfs(INIT_ROOT_LAYER, &s) < 0 || s.f_blocks == 0)
                return false;
        *ret_used = (uint64_t)(s.f_blocks - s.f_bfree) * s.f_frsize;
        *ret_size = (uint64_t)s.f_blocks * s.f_frsize;
        return true;
}

void
init_layer_watch(struct init_layer_watch *w, int64_t now_ms)
{
        uint64_t used, size;
        enum root_layer_level level;

        if (w->looked_ms && now_ms - w->looked_ms < INIT_LAYER_LOOK_MS)
                return;
        w->looked_ms = now_ms;
        if (!layer_used(&used, &size))
                return;
        level = root_layer_level(w->level, used, size);
        if (level > w->level)
                log_warning("the root's writable layer is %s: %llu of %llu MiB; remove what was written, or give it more by "
                            "dompool.layer",
                            root_layer_level_names[level], (unsigned long long)(used >> 20), (unsigned long long)(size >> 20));
        w->level = level;
}
