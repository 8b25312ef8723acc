/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts, log, small files and the end of the machine. Runs in dompool-init, PID 1 of a diskless dom0. */
#include "init/init_system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fdio.h"
#include "base/log.h"

/* klogctl(2): messages of notice and above go to the consoles, whatever "quiet" says: they are few, and they are ours. */
#define SYSLOG_ACTION_CONSOLE_LEVEL 8
#define CONSOLE_LEVEL 6
#define END_GRACE_MS 5000
#define END_SYNC_MS 30000

struct mount_entry {
        const char *source, *target, *type;
        unsigned long flags;
        const char *options;
};

/* A second tmpfs would hide the first one's files. */
static bool
is_mounted(const char *target)
{
        char parent[64];
        struct stat here, above;

        snprintf(parent, sizeof(parent), "%s/..", target);
        return stat(target, &here) == 0 && stat(parent, &above) == 0 && here.st_dev != above.st_dev;
}

static int
mount_one(const struct mount_entry *m, struct error *err)
{
        mkdir(m->target, 0755);
        if (is_mounted(m->target))
                return 0;
        if (mount(m->source, m->target, m->type, m->flags, m->options) < 0 && errno != EBUSY)
                return error_errno_set(err, errno, "mounting %s on %s", m->type, m->target);
        return 0;
}

int
system_signals(bool first)
{
        static const int signals[] = {SIGCHLD, SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
        sigset_t set;

        sigemptyset(&set);
        for (size_t i = 0; i < N_ELEMENTS(signals); i++)
                sigaddset(&set, signals[i]);
        sigprocmask(SIG_BLOCK, &set, NULL);
        signal(SIGPIPE, SIG_IGN);
        if (first)
                reboot(RB_DISABLE_CAD);
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
system_mount(struct error *err)
{
        static const struct mount_entry mounts[] = {
                {"proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
                {"sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
                {"devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755"},
                {"devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666"},
                {"tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=50%"},
        };

        for (size_t i = 0; i < N_ELEMENTS(mounts); i++) {
                int r = mount_one(&mounts[i], err);

                if (r < 0)
                        return r;
        }
        mkdir("/run/lock", 0755);
        return 0;
}

void
system_log_open(void)
{
        int null = open("/dev/null", O_RDONLY), log;

        /* Without it the kernel keeps a chatty writer down to ten lines in five seconds. */
        system_write("/proc/sys/kernel/printk_devkmsg", "on\n");
        klogctl(SYSLOG_ACTION_CONSOLE_LEVEL, NULL, CONSOLE_LEVEL);
        log = open("/dev/kmsg", O_WRONLY);
        if (log < 0)
                log = open("/dev/console", O_WRONLY | O_NOCTTY);
        if (null >= 0)
                dup2(null, STDIN_FILENO);
        if (log >= 0) {
                dup2(log, STDOUT_FILENO);
                dup2(log, STDERR_FILENO);
        }
        if (null > STDERR_FILENO)
                close(null);
        if (log > STDERR_FILENO)
                close(log);
}

void
system_start_random(void)
{
        char byte;

        if (fork() == 0) {
                (void)!getrandom(&byte, sizeof(byte), 0);
                _exit(0);
        }
}

int
system_mount_xen(struct error *err)
{
        static const struct mount_entry xenfs = {"xenfs", "/proc/xen", "xenfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL};
        /* Domains write there as much as they like (xenconsoled --log): it must not be dom0's memory that ends it. */
        static const struct mount_entry logs = {"tmpfs", "/var/log/xen", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                                                "mode=0750,size=16m"};
        /* libxl's state of each domain, some KiB: where the root's writable layer is full, domains can still be created. */
        static const struct mount_entry state = {"tmpfs", "/var/lib/xen", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                                                 "mode=0755,size=16m"};
        char caps[64];
        int r;

        if (access("/proc/xen", F_OK) < 0)
                return error_set(err, ERR_UNSUPPORTED, "the kernel does not run on Xen: it was booted without the hypervisor");
        if ((r = mount_one(&xenfs, err)) < 0 || (r = mount_one(&logs, err)) < 0 || (r = mount_one(&state, err)) < 0)
                return r;
        mkdir("/var/log/xen/console", 0750);
        mkdir("/run/xen", 0755);
        mkdir("/run/xenstored", 0755);
        if (!system_read_line("/proc/xen/capabilities", caps, sizeof(caps)) || !strstr(caps, "control_d"))
                return error_set(err, ERR_UNSUPPORTED, "this is no dom0: /proc/xen/capabilities lacks control_d");
        return 0;
}

int
system_write(const char *path, const char *text)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
                return -errno;
        return 0;
}

bool
system_read_line(const char *path, char *ret, size_t size)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

        if (n < 0)
                return false;
        ret[n] = '\0';
        ret[strcspn(ret, "\n")] = '\0';
        return true;
}

int
system_read_file(const char *path, size_t max, char **ret, size_t *ret_size, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        uint8_t *data;
        int r;

        if (fd < 0)
                return error_errno_set(err, errno, "%s", path);
        r = fd_read_all(fd, max, &data, ret_size);
        if (r == -EFBIG)
                return error_set(err, ERR_LIMIT, "%s: more than %zu bytes, or no plain file", path, max);
        if (r < 0)
                return error_errno_set(err, -r, "%s", path);
        *ret = (char *)data;
        return 0;
}

void
system_first_entry(const char *path, char *ret, size_t size)
{
        _cleanup_closedir_ DIR *d = opendir(path);
        struct dirent *e;

        ret[0] = '\0';
        while (d && (e = readdir(d)))
                if (e->d_name[0] != '.' && str_copy(ret, size, e->d_name))
                        return;
}

uint64_t
system_memory_available(void)
{
        _cleanup_fclose_ FILE *f = fopen("/proc/meminfo", "re");
        unsigned long long kib = 0;
        char line[128];

        while (f && fgets(line, sizeof(line), f))
                if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
                        break;
        return (uint64_t)kib << 10;
}

/* Waits until no child is left, at most @ms. */
static void
wait_children(int64_t ms)
{
        struct clock clock;
        int64_t end;

        clock_init_real(&clock);
        end = clock_mono_ms(&clock) + ms;
        while (clock_mono_ms(&clock) < end) {
                pid_t pid = waitpid(-1, NULL, WNOHANG);

                if (pid < 0)
                        return;
                if (pid == 0)
                        usleep(20000);
        }
}

/* What was written to a server that is away would hold sync(2) up for ever, and this process with it. */
static void
sync_for(int64_t ms)
{
        pid_t pid = fork();

        if (pid == 0) {
                sync();
                _exit(0);
        }
        for (int64_t waited = 0; pid > 0 && waited < ms && waitpid(pid, NULL, WNOHANG) == 0; waited += 20)
                usleep(20000);
}

void
system_end(bool power_off)
{
        kill(-1, SIGTERM);
        wait_children(END_GRACE_MS);
        kill(-1, SIGKILL);
        wait_children(1000);
        sync_for(END_SYNC_MS);
        reboot(power_off ? RB_POWER_OFF : RB_AUTOBOOT);
        /* The kernel refused; without this process it would panic, with panic= or by the watchdog end up in the same place. */
        log_error("reboot failed errno=%d", errno);
        for (;;)
                pause();
}
