/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NBD's door: accepts connections, looks at the sender's address, and hands each to an nbdkit of its own, which serves it on
 * its standard input. No byte of a connection is read here. One connection cannot disturb another, and a change of who is let
 * in disturbs nobody. Runs in role work.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "server/role_work_export.h"

#define MAX_CONNECTIONS 2048
#define PER_ADDRESS 8 /* a host that reconnects has some that are not over yet */
#define BACKLOG 512

struct connection {
        pid_t pid; /* 0: free */
        uint32_t address;
};

struct work_nbd {
        struct role_ctx *ctx;
        const char *dir;
        int fd; /* -1: it does not listen */
        uv_poll_t *poll;
        const struct export_server *server;
        const struct export_grant *grants;
        size_t n_grants;
        int64_t refused_mono_ms; /* when the log had a line of a refusal */
        struct connection connections[MAX_CONNECTIONS];
};

struct work_nbd *
work_nbd_new(struct role_ctx *ctx, const char *dir)
{
        struct work_nbd *n = calloc(1, sizeof(*n));

        if (n) {
                n->ctx = ctx;
                n->dir = dir;
                n->fd = -1;
        }
        return n;
}

/* A free place for one more of the address; NULL: it, or all, have enough. */
static struct connection *
place_for(struct work_nbd *n, uint32_t address)
{
        struct connection *free_one = NULL;
        unsigned has = 0;

        for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
                struct connection *c = &n->connections[i];

                has += c->pid > 0 && c->address == address;
                if (c->pid == 0 && !free_one)
                        free_one = c;
        }
        return has < PER_ADDRESS ? free_one : NULL;
}

static void
refused(struct work_nbd *n, uint32_t address, const char *why)
{
        char text[IP4_TEXT_SIZE];

        if (n->refused_mono_ms && clock_mono_ms(&n->ctx->clock) - n->refused_mono_ms < 1000)
                return;
        n->refused_mono_ms = clock_mono_ms(&n->ctx->clock);
        log_notice("export nbd: connection refused address=%s reason=\"%s\"", ip4_text(address, text), why);
}

/* A host that loses its network is noticed in a minute or two, so that its process does not stay. */
static void
set_alive(int fd)
{
        const int on = 1, idle = 60, every = 15, times = 4;

        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void
on_listener(uv_poll_t *poll, int status, int events)
{
        struct work_nbd *n = poll->data;
        struct sockaddr_in from;
        socklen_t size = sizeof(from);
        _cleanup_close_ int fd = accept4(n->fd, (struct sockaddr *)&from, &size, SOCK_CLOEXEC);
        struct connection *c;
        uint32_t address;
        pid_t pid;

        (void)status, (void)events;
        if (fd < 0)
                return;
        address = ntohl(from.sin_addr.s_addr);
        if (!export_address_known(n->grants, n->n_grants, ROOT_NBD, address)) {
                refused(n, address, "no host with root nbd has it");
                return;
        }
        c = place_for(n, address);
        if (!c) {
                refused(n, address, "it has too many connections");
                return;
        }
        set_alive(fd);
        pid = export_process_start(EXPORT_NBD, n->server->args, n->dir, fd);
        if (pid > 0)
                *c = (struct connection){.pid = pid, .address = address};
}

static void
on_poll_closed(uv_handle_t *handle)
{
        free(handle);
}

void
work_nbd_close(struct work_nbd *n)
{
        if (n->fd < 0)
                return;
        uv_close((uv_handle_t *)n->poll, on_poll_closed);
        close(n->fd);
        n->fd = -1;
        n->n_grants = 0;
        for (size_t i = 0; i < MAX_CONNECTIONS; i++)
                if (n->connections[i].pid > 0)
                        kill(n->connections[i].pid, SIGKILL);
}

static int
start_listening(struct work_nbd *n)
{
        const struct config *c = n->ctx->config;
        const struct sockaddr_in at = {.sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)c->exports.nbd_port),
                                       .sin_addr.s_addr = htonl(c->network.address)};
        _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int on = 1;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, BACKLOG) < 0)
                return -errno;
        n->poll = calloc(1, sizeof(*n->poll));
        if (!n->poll)
                return -ENOMEM;
        uv_poll_init(n->ctx->loop, n->poll, fd);
        n->poll->data = n;
        n->fd = TAKE_FD(fd);
        return uv_poll_start(n->poll, UV_READABLE, on_listener);
}

static bool
is_given(const struct work_nbd *n, const char *id16)
{
        for (size_t i = 0; i < n->n_grants; i++)
                if (n->grants[i].root == ROOT_NBD && strncmp(n->grants[i].image, id16, 16) == 0)
                        return true;
        return false;
}

/* Of versions that are given no more, or were by a work before this one. Connections that have their file open go on. */
static void
remove_links(const struct work_nbd *n, const char *path)
{
        _cleanup_closedir_ DIR *d = opendir(path);
        const struct dirent *e;

        while (d && (e = readdir(d)))
                if (e->d_name[0] != '.' && !is_given(n, e->d_name))
                        unlinkat(dirfd(d), e->d_name, 0);
}

/* DIR/nbd/<id16> leads to a version's file: the names under which nbdkit gives them. */
static void
make_links(const struct work_nbd *n)
{
        char dir[ROLE_PATH_SIZE + 8], link[ROLE_PATH_SIZE + 32], to[CONFIG_PATH_SIZE + IMAGE_ID_SIZE + 32];

        snprintf(dir, sizeof(dir), "%s/nbd", n->dir);
        mkdir(dir, 0755);
        remove_links(n, dir);
        for (size_t i = 0; i < n->n_grants; i++) {
                const struct export_grant *g = &n->grants[i];

                if (g->root != ROOT_NBD || (i > 0 && strcmp(g->image, g[-1].image) == 0 && g[-1].root == ROOT_NBD))
                        continue;
                snprintf(link, sizeof(link), "%s/%.16s", dir, g->image);
                snprintf(to, sizeof(to), "%s/versions/%s/root.squashfs", n->ctx->config->image_store, g->image);
                if (symlink(to, link) < 0 && errno != EEXIST)
                        log_error("cannot make link=%s error=\"%s\"", link, strerror(errno));
        }
}

int
work_nbd_serve(struct work_nbd *n, const struct export_server *server, const struct export_grant *grants, size_t n_grants)
{
        n->server = server;
        n->grants = grants;
        n->n_grants = n_grants;
        make_links(n);
        for (size_t i = 0; i < MAX_CONNECTIONS; i++)
                if (n->connections[i].pid > 0 && !export_address_known(grants, n_grants, ROOT_NBD, n->connections[i].address))
                        kill(n->connections[i].pid, SIGKILL);
        return n->fd >= 0 ? 0 : start_listening(n);
}

/* Which connection has which version nobody here knows. */
void
work_nbd_disconnect(struct work_nbd *n)
{
        for (size_t i = 0; i < MAX_CONNECTIONS; i++)
                if (n->connections[i].pid > 0)
                        kill(n->connections[i].pid, SIGKILL);
}

void
work_nbd_reap(struct work_nbd *n)
{
        for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
                struct connection *c = &n->connections[i];

                if (c->pid > 0 && waitpid(c->pid, NULL, WNOHANG) == c->pid)
                        c->pid = 0;
        }
}
