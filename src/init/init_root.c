/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt to mount the root: modules, transport, layer. Runs in a child of dompool-init's first stage, as root. */
#include "init/init_root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "init/init_nfs.h"
#include "init/init_root_layer.h"
#include "init/init_system.h"
#include "net/netlink.h"

#define CONNECT_TIMEOUT_S 5

struct attempt {
        const struct init_options *o;
        struct init_root_cost cost;
        struct init_root_used used;
};

void
init_root_step(const char *fmt, ...)
{
        char text[300];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        system_write(INIT_ROOT_ERROR, text);
}

int
init_root_connect(uint32_t address, uint16_t port, struct error *err)
{
        const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
        const struct timeval limit = {.tv_sec = CONNECT_TIMEOUT_S};
        _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char text[IP4_TEXT_SIZE];

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
            connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
                return error_errno_set(err, errno == EINPROGRESS ? ETIMEDOUT : errno, "connecting to %s port %u",
                                       ip4_text(address, text), port);
        return TAKE_FD(fd);
}

int
init_root_mount_device(const char *device, struct error *err)
{
        init_root_step("reading the root's file system from %s", device);
        if (mount(device, INIT_ROOT_LOWER, "squashfs", MS_RDONLY, NULL) < 0)
                return error_errno_set(err, errno, "%s holds no squashfs that can be read", device);
        return 0;
}

/* Waits for a device that a driver makes. */
static int
wait_for(const char *path, const char *whose, struct error *err)
{
        for (unsigned ms = 0; access(path, F_OK) < 0; ms += 100) {
                if (ms >= INIT_ROOT_DEVICE_MS)
                        return error_set(err, ERR_TIMEOUT, "%s does not answer: no %s after %d s", whose, path,
                                         INIT_ROOT_DEVICE_MS / 1000);
                usleep(100000);
        }
        return 0;
}

static int
mount_http(struct attempt *a, struct error *err)
{
        return init_root_http(a->o, &a->cost, err);
}

static int
mount_nfs(struct attempt *a, struct error *err)
{
        const struct init_root *r = &a->o->root;
        char address[IP4_TEXT_SIZE];
        int e;

        init_root_step("connecting to the NFS server");
        e = init_nfs_reach(r->address, r->version, err);
        if (e < 0)
                return e;
        init_root_step("mounting %s:%s, NFS version %s: the server does not answer", ip4_text(r->address, address), r->name,
                       r->version);
        return init_nfs_mount(r->address, r->name, r->version, INIT_ROOT_LOWER, MS_RDONLY | MS_NOATIME, err);
}

static int
mount_nbd(struct attempt *a, struct error *err)
{
        return init_root_nbd(&a->o->root, err);
}

/* The driver asks on all interfaces; what guests' networks answer is not to be believed. */
static void
keep_aoe_from_guests(const struct init_options *o)
{
        char device[16] = GUEST_BRIDGE;

        if (o->guest_nic.kind == GUEST_NIC_BOOT && o->vlans.n == 0)
                return;
        if (o->guest_nic.kind == GUEST_NIC_BOOT || netlink_find_by_mac(&o->mac, device) == 0)
                system_write("/dev/etherd/interfaces", device);
}

/* The driver asks for its targets by itself, again and again; its devices come up one after another. It would give up a server
 * that is silent for three minutes (aoe_deadsecs). */
static int
mount_aoe(struct attempt *a, struct error *err)
{
        const struct init_root *r = &a->o->root;
        char path[64], what[64];
        int e;

        snprintf(path, sizeof(path), "/dev/etherd/e%u.%u", r->shelf, r->slot);
        snprintf(what, sizeof(what), "AoE target e%u.%u", r->shelf, r->slot);
        init_root_step("waiting for %s", what);
        system_write("/sys/module/aoe/parameters/aoe_deadsecs", "31536000");
        keep_aoe_from_guests(a->o);
        system_write("/dev/etherd/discover", "1");
        e = wait_for(path, what, err);
        return e < 0 ? e : init_root_mount_device(path, err);
}

static int
mount_iscsi(struct attempt *a, struct error *err)
{
        return init_root_iscsi(&a->o->root, &a->o->mac, &a->used, err);
}

#define MAX_MODULES 5

static const struct transport {
        int (*mount)(struct attempt *a, struct error *err);
        unsigned limit_s; /* of an attempt */
        const char *modules[MAX_MODULES];
        int (*keep)(const struct init_root *r, struct error *err); /* starts what must go on; NULL: nothing */
} transports[INIT_ROOT_N] = {
        [INIT_ROOT_HTTP] = {mount_http, 900, {"loop", "squashfs", "overlay"}},
        [INIT_ROOT_NFS] = {mount_nfs, 60, {"nfsv3", "nfsv4", "overlay"}},
        [INIT_ROOT_NBD] = {mount_nbd, 60, {"nbd", "squashfs", "overlay"}, init_root_nbd_keep},
        [INIT_ROOT_ISCSI] = {mount_iscsi,
                             60,
                             {"crc32c_generic", "iscsi_tcp", "sd_mod", "squashfs", "overlay"},
                             init_root_iscsi_keep},
        [INIT_ROOT_AOE] = {mount_aoe, 60, {"aoe", "squashfs", "overlay"}},
};

/* What an attempt before this one left. */
static void
clean_up(void)
{
        static const char *const mounts[] = {INIT_ROOT_NEW, INIT_ROOT_LAYER, INIT_ROOT_LOWER, INIT_ROOT_IMAGE};

        for (size_t i = 0; i < N_ELEMENTS(mounts); i++)
                while (umount2(mounts[i], MNT_DETACH) == 0)
                        ;
        for (size_t i = 0; i < N_ELEMENTS(mounts); i++)
                mkdir(mounts[i], 0755);
}

static int
write_facts(const struct attempt *a, struct error *err)
{
        char what[INIT_ROOT_TEXT_SIZE + 40 + INIT_IBFT_TEXT_SIZE], text[sizeof(what) + 100];
        size_t n;
        struct statvfs layer = {0};

        init_root_text(&a->used.root, what, sizeof(what));
        n = strlen(what);
        if (*a->used.by)
                snprintf(what + n, sizeof(what) - n, " (%s)", a->used.by);
        statvfs(INIT_ROOT_LAYER, &layer);
        snprintf(text, sizeof(text), "fetched=%llu ram=%llu layer=%llu root=%s\n", (unsigned long long)a->cost.fetched,
                 (unsigned long long)a->cost.ram, (unsigned long long)layer.f_blocks * layer.f_frsize, what);
        return system_write(INIT_ROOT_FILE, text) < 0 ? error_errno_set(err, errno, INIT_ROOT_FILE) : 0;
}

/* All of it is read: a root that is damaged there would leave the machine without a first process. Its links, such as that of a
 * Debian, lead on within the root. */
static int
check_program(struct error *err)
{
        const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
        _cleanup_close_ int root = open(INIT_ROOT_NEW, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
        static char buf[65536];
        ssize_t n = -1;

        fd = (int)syscall(SYS_openat2, root, "sbin/init", &how, sizeof(how));
        while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
                ;
        return n < 0 ? error_errno_set(err, errno, "the root has no /sbin/init that can be read") : 0;
}

static int
attempt(struct attempt *a, struct error *err)
{
        const struct transport *t = &transports[a->o->root.kind];
        int r;

        clean_up();
        init_root_step("loading the modules for root %s", init_root_names[a->o->root.kind]);
        for (size_t i = 0; i < MAX_MODULES && t->modules[i]; i++)
                if ((r = modules_load_name(t->modules[i], err)) < 0)
                        return r;
        r = t->mount(a, err);
        if (r < 0)
                return r;
        init_root_step("making the writable layer");
        r = init_root_layer(&a->o->layer, err);
        if (r < 0)
                return r;
        r = check_program(err);
        if (r < 0)
                return r;
        r = t->keep ? t->keep(&a->o->root, err) : 0;
        return r < 0 ? r : write_facts(a, err);
}

static _Noreturn void
child_main(const struct init_options *o)
{
        struct attempt a = {.o = o, .used.root = o->root};
        struct error err = {0};

        prctl(PR_SET_NAME, "dompool-root");
        signal(SIGALRM, SIG_DFL);
        alarm(transports[o->root.kind].limit_s);
        if (attempt(&a, &err) < 0) {
                init_root_step("%s", err.message);
                clean_up();
                _exit(1);
        }
        _exit(0);
}

int
init_root_start(const struct init_options *o)
{
        pid_t pid = fork();

        if (pid == 0) {
                sigset_t none;

                sigemptyset(&none);
                sigprocmask(SIG_SETMASK, &none, NULL);
                child_main(o);
        }
        return pid < 0 ? -errno : pid;
}
