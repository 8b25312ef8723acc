/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root by NBD, and the process that keeps it: the kernel says by netlink that a connection has died, and is given a new
 * one.
 *
 *   attempt:  connect -> handshake (a child without rights) -> /dev/nbd0 -> mount
 *   keeper:   wait for "link dead" -> connect -> handshake -> reconfigure -> wait ...
 *
 * While there is no connection, what is read from the root waits (DEAD_CONN_S).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "init/init_root.h"
#include "init/init_root_keeper.h"
#include "init/init_system.h"
#include "net/nbd_netlink.h"
#include "proto/nbd_client.h"
#include "sandbox/sandbox.h"

#define NBD_DEVICE "/dev/nbd0"
#define HANDSHAKE_S 5
#define REQUEST_S 10
#define DEAD_CONN_S (7u * 86400)
#define RETRY_MS 1000
/* A death that was not said is seen by the next try. */
#define LOOK_MS 30000

static int
read_all(int fd, void *data, size_t size)
{
        return recv(fd, data, size, MSG_WAITALL) == (ssize_t)size ? 0 : -EPROTO;
}

static int
handshake(int fd, const char *name, struct nbd_export *ret)
{
        uint8_t greeting[NBD_GREETING_SIZE], go[NBD_GO_SIZE], head[NBD_REPLY_SIZE], data[NBD_DATA_MAX];
        enum nbd_reply reply = NBD_REPLY_INFO;
        uint32_t size;
        size_t n;

        if (read_all(fd, greeting, sizeof(greeting)) < 0 || nbd_greeting_read(greeting) < 0)
                return -EPROTO;
        n = nbd_go_write(name, go);
        if (send(fd, go, n, MSG_NOSIGNAL) != (ssize_t)n)
                return -EPIPE;
        while (reply == NBD_REPLY_INFO) {
                if (read_all(fd, head, sizeof(head)) < 0 || nbd_reply_read(head, &reply, &size) < 0 ||
                    (size > 0 && read_all(fd, data, size) < 0) ||
                    (reply == NBD_REPLY_INFO && nbd_info_read(data, size, ret) < 0))
                        return -EPROTO;
        }
        return reply == NBD_REPLY_REFUSED ? -ENOENT : ret->size == 0 ? -EPROTO : 0;
}

/* Exit codes: 0 with the export on the pipe; 1: it is not there; 2: it speaks otherwise; 3: sandbox. */
static _Noreturn void
child_main(int fd, int pipe, const char *name)
{
        static const struct sandbox s = {.user = INIT_NET_USER,
                                         .fallback_uid = INIT_NET_UID,
                                         .syscalls = SYS_NET,
                                         .max_files = 16,
                                         .no_new_processes = true};
        struct nbd_export export = {0};
        struct error err;
        int r;

        prctl(PR_SET_NAME, "dompool-nbd");
        if (sandbox_enter(&s, &err) < 0)
                _exit(3);
        r = handshake(fd, name, &export);
        if (r == 0 && write(pipe, &export, sizeof(export)) == (ssize_t)sizeof(export))
                _exit(0);
        _exit(r == -ENOENT ? 1 : 2);
}

/* A connection past its handshake, or -1. */
static int
open_export(const struct init_root *r, struct nbd_export *ret, struct error *err)
{
        static const char *const ends[] = {"", "the server has no such export", "it is no NBD server, or fell silent",
                                           "the process for its handshake could not lock itself in"};
        const struct timeval limit = {.tv_sec = HANDSHAKE_S}, none = {0};
        _cleanup_close_ int fd = init_root_connect(r->address, r->port, err);
        char what[INIT_ROOT_TEXT_SIZE + 40];
        int ends_fd[2], status = 0;
        bool got;
        pid_t pid;

        if (fd < 0)
                return fd;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 || pipe2(ends_fd, O_CLOEXEC) < 0)
                return error_errno_set(err, errno, "NBD connection");
        pid = fork();
        if (pid == 0)
                child_main(fd, ends_fd[1], r->name);
        close(ends_fd[1]);
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        got = pid > 0 && read(ends_fd[0], ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
        close(ends_fd[0]);
        /* The kernel's own receiver waits for as long as nothing is asked. */
        if (got && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none)) == 0 &&
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none)) == 0)
                return TAKE_FD(fd);
        init_root_text(r, what, sizeof(what));
        return error_set(
                err, ERR_PROTOCOL, "%s: %s", what,
                ends[WIFEXITED(status) && WEXITSTATUS(status) >= 1 && WEXITSTATUS(status) <= 3 ? WEXITSTATUS(status) : 2]);
}

static struct nbd_device
device_of(const struct nbd_export *e)
{
        return (struct nbd_device){.index = 0,
                                   .size = e->size & ~4095ull,
                                   .flags = (uint16_t)(e->flags | NBD_FLAG_READ_ONLY_BIT),
                                   .timeout_s = REQUEST_S,
                                   .dead_conn_s = DEAD_CONN_S};
}

int
init_root_nbd(const struct init_root *r, struct error *err)
{
        struct nbd_export export = {0};
        _cleanup_close_ int fd = -1;
        struct nbd_device d;
        int e;

        nbd_netlink_disconnect(0);
        init_root_step("connecting to the NBD server: it does not answer");
        fd = open_export(r, &export, err);
        if (fd < 0)
                return fd;
        d = device_of(&export);
        e = nbd_netlink_connect(&d, fd);
        if (e < 0)
                return error_errno_set(err, -e, "making " NBD_DEVICE);
        e = init_root_mount_device(NBD_DEVICE, err);
        if (e < 0)
                nbd_netlink_disconnect(0);
        return e;
}

/* One try. 0: there is a connection again, or it was never lost. */
static int
mend(const struct init_root *r, const struct nbd_device *d)
{
        struct nbd_export export = {0};
        _cleanup_close_ int fd = -1;
        struct error err;
        int e;

        fd = open_export(r, &export, &err);
        if (fd < 0)
                return fd;
        if ((export.size & ~4095ull) != d->size) {
                log_error("root: the NBD export has another size now, %llu bytes: not taken", (unsigned long long)export.size);
                return -EINVAL;
        }
        e = nbd_netlink_reconfigure(d, fd);
        return e == -ENOSPC ? 0 : e;
}

struct keeper {
        const struct init_root *root;
        struct nbd_device device;
        int watch;
};

static void
keeper_main(const void *arg)
{
        const struct keeper *k = arg;

        for (;;) {
                struct pollfd p = {.fd = k->watch, .events = POLLIN};

                if (poll(&p, 1, -1) <= 0 || nbd_netlink_watch_read(k->watch, k->device.index) == 0)
                        continue;
                log_warning("root: the connection to the NBD server is lost; what is read from the root waits");
                while (mend(k->root, &k->device) < 0)
                        usleep(RETRY_MS * 1000);
                log_notice("root: the NBD server is back");
        }
}

int
init_root_nbd_keep(const struct init_root *r, struct error *err)
{
        struct nbd_export export = {0};
        struct keeper k = {.root = r};
        int fd;

        /* Once more, for its size: the attempt's own connection is the kernel's by now. */
        fd = open_export(r, &export, err);
        if (fd < 0)
                return fd;
        close(fd);
        k.device = device_of(&export);
        k.watch = nbd_netlink_watch();
        return k.watch < 0 ? error_errno_set(err, -k.watch, "watching " NBD_DEVICE)
                           : init_root_keeper_start("dompool-nbd", keeper_main, &k, err);
}
