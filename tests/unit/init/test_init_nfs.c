/* SPDX-License-Identifier: Apache-2.0 */
/* Who listens on NFS' port, and is it a server? In a network name space of the test's own. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/init_nfs.h"
#include "proto/rpc_null.h"

#define HERE 0x7f000001

static int
listener(void)
{
        const struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(2049), .sin_addr.s_addr = htonl(HERE)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

        assert_true(fd >= 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
        assert_int_equal(listen(fd, 1), 0);
        return fd;
}

/* Takes one call, and answers with its own transaction and @rest, or with @rest alone. */
static pid_t
server(int fd, const uint8_t *rest, size_t size, bool rpc)
{
        pid_t pid = fork();
        uint8_t call[RPC_CALL_SIZE], answer[64] = {0x80, 0, 0, 0x18};
        int peer;

        if (pid != 0)
                return pid;
        peer = accept(fd, NULL, NULL);
        if (recv(peer, call, sizeof(call), MSG_WAITALL) != (ssize_t)sizeof(call))
                _exit(1);
        memcpy(answer + 4, call + 4, 4);
        memcpy(answer + (rpc ? 8 : 0), rest, size);
        _exit(write(peer, answer, size + (rpc ? 8 : 0)) < 0);
}

static int
reach_of(const uint8_t *rest, size_t size, bool rpc, struct error *err)
{
        int fd = listener(), r;
        pid_t pid = server(fd, rest, size, rpc);

        assert_true(pid > 0);
        r = init_nfs_reach(HERE, "4.1", err);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        close(fd);
        return r;
}

static void
a_server_that_answers_is_reached(void **state)
{
        static const uint8_t accepted[20] = {0, 0, 0, 1};
        struct error err;

        (void)state;
        assert_int_equal(reach_of(accepted, sizeof(accepted), true, &err), 0);
}

static void
what_is_no_nfs_server_is_said(void **state)
{
        static const char text[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
        struct error err = {0};

        (void)state;
        assert_true(reach_of((const uint8_t *)text, sizeof(text) - 1, false, &err) < 0);
        assert_string_equal(err.message, "127.0.0.1 port 2049 is no NFS server: what it answers is no RPC");
        assert_true(reach_of((const uint8_t *)text, 0, false, &err) < 0);
        assert_non_null(strstr(err.message, "takes connections on port 2049 and closes them"));
}

/* The backlog takes the connection, and nobody is there. */
static void
a_silent_server_is_not_waited_for(void **state)
{
        struct error err = {0};
        int fd = listener();

        (void)state;
        assert_true(init_nfs_reach(HERE, "3", &err) < 0);
        assert_string_equal(err.message, "127.0.0.1 takes connections on port 2049 and does not answer: look whether its NFS "
                                         "service runs");
        close(fd);
}

static int
enter(void **state)
{
        struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
        int fd, r;

        (void)state;
        if (unshare(CLONE_NEWNET) < 0 || (fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
                return -1;
        r = ioctl(fd, SIOCSIFFLAGS, &lo);
        close(fd);
        return r;
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_server_that_answers_is_reached),
                cmocka_unit_test(what_is_no_nfs_server_is_said),
                cmocka_unit_test(a_silent_server_is_not_waited_for),
        };

        return cmocka_run_group_tests(tests, enter, NULL);
}
