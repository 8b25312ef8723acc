/* SPDX-License-Identifier: Apache-2.0 */
/* A role of dompoold inside a test: see stage.h. Nothing here knows what the roles do. */
#include "cve.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "stage.h"

/* A role ends with its process and is never taken down; LeakSanitizer is to find what it lost, not what it has. */
static struct stage *kept[32];

static struct sockaddr_in
loopback(unsigned host, uint16_t port)
{
        return (struct sockaddr_in){
                .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000000u + host)};
}

/* A bound socket as the parent would make it. */
static int
server_socket(int type, uint16_t *ret_port)
{
        struct sockaddr_in a = loopback(1, 0);
        socklen_t size = sizeof(a);
        int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
        if (type == SOCK_STREAM)
                assert_int_equal(listen(fd, 128), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
        *ret_port = ntohs(a.sin_port);
        return fd;
}

const char *
stage_path(const struct stage *s, const char *name)
{
        static char path[512];

        snprintf(path, sizeof(path), "%s/%s", s->path, name);
        return path;
}

void
stage_file(const struct stage *s, const char *name, const void *data, size_t size)
{
        char path[512];
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", s->path, name);
        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                mkdir(path, 0755);
                *slash = '/';
        }
        f = fopen(path, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(data, 1, size, f), size);
        fclose(f);
}

/* The descriptors that each role takes; those that it does not take are closed again. */
static void
give_descriptors(struct stage *s, enum role role)
{
        for (size_t i = 0; i < FD_N; i++)
                for (size_t n = 0; n < ROLE_FDS; n++)
                        s->ctx.fds[i][n] = -1;
        if (role == ROLE_BOOT) {
                s->ctx.fds[FD_DHCP][0] = server_socket(SOCK_DGRAM, &s->dhcp_port);
                s->ctx.fds[FD_TFTP][0] = server_socket(SOCK_DGRAM, &s->tftp_port);
                s->ctx.fds[FD_STATE_DIR][0] = open(stage_path(s, "state/boot"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        } else {
                s->ctx.fds[FD_HTTP][0] = server_socket(SOCK_STREAM, &s->http_port);
        }
}

struct stage *
stage_new(const struct role_def *def)
{
        struct stage *s = calloc(1, sizeof(*s));
        struct error err = {0};

        assert_non_null(s);
        for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
                if (!kept[i]) {
                        kept[i] = s;
                        break;
                }
        log_init("cve", LOG_LEVEL_ERROR);
        signal(SIGPIPE, SIG_IGN);
        strcpy(s->path, "/tmp/dompool-cve-XXXXXX");
        assert_non_null(mkdtemp(s->path));
        stage_file(s, "state/boot/.keep", "", 0);
        stage_file(s, "state/blobs/.keep", "", 0);
        stage_file(s, "images/loaders/.keep", "", 0);
        stage_file(s, "images/versions/.keep", "", 0);
        s->config = calloc(1, sizeof(*s->config));
        snprintf(s->config->image_store, sizeof(s->config->image_store), "%s/images", s->path);
        snprintf(s->config->state_dir, sizeof(s->config->state_dir), "%s/state", s->path);
        s->config->network.address = 0x7f000001;
        assert_int_equal(uv_loop_init(&s->loop), 0);
        s->ctx = (struct role_ctx){.def = def, .loop = &s->loop, .config = s->config};
        clock_init_real(&s->ctx.clock);
        give_descriptors(s, def->role);
        if (def->start(&s->ctx, &err) < 0)
                fail_msg("%s", err.message);
        return s;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
        (void)st, (void)flag, (void)ftw;
        return remove(path);
}

void
stage_remove_files(struct stage *s)
{
        nftw(s->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int64_t
now_ms(void)
{
        const struct clock real = {0};

        return clock_mono_ms(&real);
}

void
stage_turn(struct stage *s, int ms)
{
        int64_t end = now_ms() + ms;

        do {
                uv_run(&s->loop, UV_RUN_NOWAIT);
                usleep(200);
        } while (now_ms() < end);
}

int
stage_client(const struct stage *s, int type, unsigned host, uint16_t port)
{
        const struct sockaddr_in from = loopback(host, port), to = loopback(1, s->http_port);
        int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), e;

        if (fd < 0)
                return -1;
        if (bind(fd, (const struct sockaddr *)&from, sizeof(from)) == 0 &&
            (type == SOCK_DGRAM || connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS))
                return fd;
        e = errno;
        close(fd);
        errno = e;
        return -1;
}

bool
stage_wait(struct stage *s, int fd, int ms)
{
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t end = now_ms() + ms;

        do {
                uv_run(&s->loop, UV_RUN_NOWAIT);
                if (poll(&p, 1, 0) > 0)
                        return true;
                usleep(200);
        } while (now_ms() < end);
        return false;
}

unsigned
stage_n_fds(void)
{
        DIR *dir = opendir("/proc/self/fd");
        unsigned n = 0;

        assert_non_null(dir);
        while (readdir(dir))
                n++;
        closedir(dir);
        return n;
}
