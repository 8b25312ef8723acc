/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox from inside: each test locks a child in and tries what must work and what must not. Needs root, as the parent has
 * it. */
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox/sandbox.h"
#include "sandbox/sandbox_syscalls.h"

#define UID 61899

static char folder[] = "/tmp/dompool-sandbox-XXXXXX";
static char readable[100], writable[100], outside[100];

/* sandbox.c leaves out two layers then. */
#ifdef __SANITIZE_ADDRESS__
#define SKIP_INSTRUMENTED()                                                                                                    \
        do {                                                                                                                   \
                print_message("# an instrumented build has no seccomp and no limit of memory\n");                              \
                skip();                                                                                                        \
        } while (0)
#else
#define SKIP_INSTRUMENTED() (void)0
#endif

typedef int (*child_fn)(void);

/* The child's exit code, or minus the signal that ended it. */
static int
run_locked(const struct sandbox *s, child_fn fn)
{
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                struct error err = {0};

                if (sandbox_enter(s, &err) < 0) {
                        dprintf(2, "# %s\n", err.message);
                        _exit(200);
                }
                _exit(fn());
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int
try_open(const char *dir, int flags)
{
        char path[200];
        int fd;

        snprintf(path, sizeof(path), "%s/file", dir);
        fd = openat(AT_FDCWD, path, flags | O_CLOEXEC, 0644);
        return fd < 0 ? errno : 0;
}

static const struct sandbox_path paths[] = {
        {.path = readable}, {.path = writable, .write = true}, {.path = "/tmp/no/such/folder"}};
static const struct sandbox files = {
        .user = "no-such-user-here",
        .fallback_uid = UID,
        .syscalls = SYS_FILES_READ | SYS_FILES_WRITE,
        .paths = paths,
        .n_paths = 3,
};

static int
read_readable(void)
{
        return try_open(readable, O_RDONLY);
}

static int
write_readable(void)
{
        return try_open(readable, O_WRONLY);
}

static int
write_writable(void)
{
        return try_open(writable, O_RDWR | O_CREAT | O_TRUNC);
}

static int
read_outside(void)
{
        return try_open(outside, O_RDONLY);
}

static int
link_out(void)
{
        char from[200], to[200];

        snprintf(from, sizeof(from), "%s/file", outside);
        snprintf(to, sizeof(to), "%s/stolen", writable);
        return linkat(AT_FDCWD, from, AT_FDCWD, to, 0) < 0 ? errno : 0;
}

static void
only_the_named_folders_can_be_opened(void **state)
{
        (void)state;
        if (sandbox_landlock_abi() == 0) {
                print_message("# this kernel has no Landlock\n");
                skip();
        }
        assert_int_equal(run_locked(&files, read_readable), 0);
        assert_int_equal(run_locked(&files, write_readable), EACCES);
        assert_int_equal(run_locked(&files, write_writable), 0);
        assert_int_equal(run_locked(&files, read_outside), EACCES);
        assert_true(run_locked(&files, link_out) > 0);
}

static int
connect_tcp(void)
{
        const struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        return connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ? errno : 0;
}

static int
bind_tcp(void)
{
        const struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        return bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ? errno : 0;
}

static void
tcp_goes_nowhere_of_its_own_where_that_is_said(void **state)
{
        struct sandbox s = {.fallback_uid = UID, .syscalls = SYS_NET};

        (void)state;
        if (sandbox_landlock_abi() < 4) {
                print_message("# Landlock ABI %d knows no TCP\n", sandbox_landlock_abi());
                skip();
        }
        assert_int_equal(run_locked(&s, connect_tcp), ECONNREFUSED);
        assert_int_equal(run_locked(&s, bind_tcp), 0);
        s.no_new_tcp = true;
        assert_int_equal(run_locked(&s, connect_tcp), EACCES);
        assert_int_equal(run_locked(&s, bind_tcp), EACCES);
}

static int
who_am_i(void)
{
        uid_t r, e, s;

        if (getresuid(&r, &e, &s) < 0 || r != UID || e != UID || s != UID)
                return 1;
        return getgroups(0, NULL) == 0 ? 0 : 2;
}

static void
the_user_is_gone_for_good(void **state)
{
        struct sandbox s = {.fallback_uid = UID, .no_seccomp = true, .no_landlock = true};

        (void)state;
        assert_int_equal(run_locked(&s, who_am_i), 0);
}

static int
become_root(void)
{
        return setuid(0) < 0 && setresuid((uid_t)-1, 0, 0) < 0 ? errno : 0;
}

static void
no_way_back_to_root(void **state)
{
        struct sandbox s = {.fallback_uid = UID, .no_seccomp = true, .no_landlock = true};

        (void)state;
        assert_int_equal(run_locked(&s, become_root), EPERM);
}

static int
no_capability(void)
{
        char line[200];
        int bad = 0, seen = 0;
        FILE *f = fopen("/proc/self/status", "re");

        while (f && fgets(line, sizeof(line), f)) {
                if (strncmp(line, "Cap", 3) == 0) {
                        seen++;
                        bad += strstr(line, "0000000000000000") == NULL;
                }
                if (strncmp(line, "NoNewPrivs:", 11) == 0)
                        bad += strchr(line, '1') == NULL;
        }
        return seen == 5 ? bad : 99;
}

static void
no_capability_is_left_in_any_set(void **state)
{
        struct sandbox s = {.fallback_uid = UID, .no_seccomp = true, .no_landlock = true};

        (void)state;
        assert_int_equal(run_locked(&s, no_capability), 0);
}

static int
mount_something(void)
{
        return (int)syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL);
}

static int
open_a_file(void)
{
        return try_open(readable, O_RDONLY);
}

static int
make_socket(void)
{
        return socket(AF_INET, SOCK_DGRAM, 0) < 0;
}

static int
make_packet_socket(void)
{
        return socket(AF_PACKET, SOCK_RAW, 0) < 0;
}

static int
make_child(void)
{
        return fork() < 0 ? errno : 0;
}

static int
run_program(void)
{
        execl("/bin/true", "true", NULL);
        return errno;
}

static int
steal_terminal(void)
{
        return ioctl(0, TIOCSTI, "x") < 0;
}

static int
nothing(void)
{
        return 0;
}

static void
a_forbidden_system_call_kills_the_process(void **state)
{
        struct sandbox s = {.fallback_uid = UID, .syscalls = SYS_FILES_READ};

        (void)state;
        SKIP_INSTRUMENTED();
        assert_int_equal(run_locked(&s, nothing), 0);
        assert_int_equal(run_locked(&s, mount_something), -SIGSYS);
        assert_int_equal(run_locked(&s, make_socket), -SIGSYS);
        assert_int_equal(run_locked(&s, make_child), -SIGSYS);
        assert_int_equal(run_locked(&s, run_program), -SIGSYS);
        assert_int_equal(run_locked(&s, steal_terminal), -SIGSYS);
        s.syscalls = SYS_BASE;
        assert_int_equal(run_locked(&s, open_a_file), -SIGSYS);
}

static void
sockets_are_of_ip_and_unix_only(void **state)
{
        struct sandbox s = {.fallback_uid = UID, .syscalls = SYS_NET};

        (void)state;
        SKIP_INSTRUMENTED();
        assert_int_equal(run_locked(&s, make_socket), 0);
        assert_int_equal(run_locked(&s, make_packet_socket), -SIGSYS);
}

/* As the parent hands it to the capture role. */
static int packet_socket;
static const struct sockaddr_ll loopback = {.sll_family = AF_PACKET, .sll_ifindex = 1, .sll_halen = 6};
static const char frame[64];

static int
send_without_address(void)
{
        return write(packet_socket, frame, sizeof(frame)) < 0 && errno == ENXIO &&
                               send(packet_socket, frame, sizeof(frame), 0) < 0 && errno == ENXIO
                       ? 0
                       : 1;
}

static int
send_to_an_interface(void)
{
        return sendto(packet_socket, frame, sizeof(frame), 0, (const struct sockaddr *)&loopback, sizeof(loopback)) < 0;
}

static int
send_by_a_message(void)
{
        struct iovec iov = {.iov_base = (char *)frame, .iov_len = sizeof(frame)};
        const struct msghdr m = {
                .msg_name = (void *)&loopback, .msg_namelen = sizeof(loopback), .msg_iov = &iov, .msg_iovlen = 1};

        return sendmsg(packet_socket, &m, 0) < 0;
}

static int
bind_to_an_interface(void)
{
        return bind(packet_socket, (const struct sockaddr *)&loopback, sizeof(loopback)) < 0;
}

static int
change_the_socket(void)
{
        return setsockopt(packet_socket, SOL_SOCKET, SO_DETACH_FILTER, frame, sizeof(int)) < 0;
}

static void
a_packet_socket_that_is_taken_sends_nothing(void **state)
{
        const struct sandbox s = {.fallback_uid = UID, .syscalls = SYS_BASE | SYS_FD_TAKING};
        const struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

        (void)state;
        SKIP_INSTRUMENTED();
        packet_socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
        assert_true(packet_socket >= 0);
        assert_int_equal(bind(packet_socket, (const struct sockaddr *)&all, sizeof(all)), 0);
        assert_int_equal(run_locked(&s, send_without_address), 0);
        assert_int_equal(run_locked(&s, send_to_an_interface), -SIGSYS);
        assert_int_equal(run_locked(&s, send_by_a_message), -SIGSYS);
        assert_int_equal(run_locked(&s, bind_to_an_interface), -SIGSYS);
        assert_int_equal(run_locked(&s, change_the_socket), -SIGSYS);
        close(packet_socket);
}

static void
no_process_can_be_started_where_that_is_said(void **state)
{
        struct sandbox s = {.fallback_uid = UID, .no_seccomp = true, .no_landlock = true, .no_new_processes = true};

        (void)state;
        assert_int_equal(run_locked(&s, make_child), EAGAIN);
}

static int
open_many(void)
{
        int n = 0;

        while (n < 100 && dup(0) >= 0)
                n++;
        return n;
}

static void
open_files_are_limited(void **state)
{
        struct sandbox s = {.fallback_uid = UID, .max_files = 20};

        (void)state;
        assert_in_range(run_locked(&s, open_many), 1, 19);
}

static int
take_memory(void)
{
        void *p = malloc(256u << 20);

        return p == NULL;
}

static void
memory_is_limited(void **state)
{
        struct sandbox s = {.fallback_uid = UID, .max_memory = 64u << 20};

        (void)state;
        SKIP_INSTRUMENTED();
        assert_int_equal(run_locked(&s, take_memory), 1);
}

static void
a_user_that_is_root_is_refused(void **state)
{
        struct sandbox s = {.user = "root", .fallback_uid = UID};

        (void)state;
        assert_int_equal(run_locked(&s, nothing), 200);
}

static void
without_root_it_fails_closed(void **state)
{
        struct sandbox s = {.fallback_uid = UID};
        int status;
        pid_t pid;

        (void)state;
        pid = fork();
        if (pid == 0) {
                struct error err = {0};

                if (setresuid(UID, UID, UID) < 0)
                        _exit(1);
                _exit(sandbox_enter(&s, &err) < 0 && err.code == ERR_DENIED ? 0 : 2);
        }
        waitpid(pid, &status, 0);
        assert_int_equal(status, 0);
}

static int
abort_itself(void)
{
        abort();
}

/* An assert that fails must look like one in the parent's log, not like a break-in. */
static void
abort_is_still_seen_as_abort(void **state)
{
        struct sandbox s = {.fallback_uid = UID};

        (void)state;
        assert_int_equal(run_locked(&s, abort_itself), -SIGABRT);
}

static void
every_group_of_system_calls_is_in_the_table(void **state)
{
        unsigned all = 0;

        (void)state;
        for (size_t i = 0; i < sandbox_n_groups; i++) {
                assert_non_null(sandbox_groups[i].names[0]);
                assert_int_equal(all & sandbox_groups[i].bit, 0);
                all |= sandbox_groups[i].bit;
        }
        assert_int_equal(all,
                         SYS_BASE | SYS_FILES_READ | SYS_FILES_WRITE | SYS_NET | SYS_FD_PASSING | SYS_PROCESS | SYS_FD_TAKING);
}

static int
make_folders(void **state)
{
        static const char *const names[] = {"readable", "writable", "outside"};
        char *const texts[] = {readable, writable, outside};

        (void)state;
        if (!mkdtemp(folder) || chmod(folder, 0755) < 0)
                return -1;
        for (int i = 0; i < 3; i++) {
                char path[200];
                int fd;

                snprintf(texts[i], 100, "%s/%s", folder, names[i]);
                if (mkdir(texts[i], 0777) < 0 || chmod(texts[i], 0777) < 0)
                        return -1;
                snprintf(path, sizeof(path), "%s/file", texts[i]);
                fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
                if (fd < 0 || fchmod(fd, 0666) < 0)
                        return -1;
                close(fd);
        }
        return 0;
}

static int
remove_folders(void **state)
{
        char command[200];

        (void)state;
        snprintf(command, sizeof(command), "rm -rf '%s'", folder);
        return system(command);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_the_named_folders_can_be_opened),
                cmocka_unit_test(tcp_goes_nowhere_of_its_own_where_that_is_said),
                cmocka_unit_test(the_user_is_gone_for_good),
                cmocka_unit_test(no_way_back_to_root),
                cmocka_unit_test(no_capability_is_left_in_any_set),
                cmocka_unit_test(a_forbidden_system_call_kills_the_process),
                cmocka_unit_test(sockets_are_of_ip_and_unix_only),
                cmocka_unit_test(a_packet_socket_that_is_taken_sends_nothing),
                cmocka_unit_test(no_process_can_be_started_where_that_is_said),
                cmocka_unit_test(open_files_are_limited),
                cmocka_unit_test(memory_is_limited),
                cmocka_unit_test(a_user_that_is_root_is_refused),
                cmocka_unit_test(without_root_it_fails_closed),
                cmocka_unit_test(abort_is_still_seen_as_abort),
                cmocka_unit_test(every_group_of_system_calls_is_in_the_table),
        };
        const struct CMUnitTest without_root[] = {
                cmocka_unit_test(every_group_of_system_calls_is_in_the_table),
        };

        if (geteuid() != 0) {
                puts("# not root: what needs root is not tested");
                return cmocka_run_group_tests(without_root, NULL, NULL);
        }
        return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
