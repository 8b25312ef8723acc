/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines of the programs that dompool-init starts, and fork and exec. */
#include "init/init_services.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/init_keep.h"

#define MAX_ARGS 24

struct arguments {
        const char *argv[MAX_ARGS];
        char server[IP4_TEXT_SIZE], agent_port[8], http_port[8];
};

/* @last: an option more, or NULL. */
static void
agent_arguments(struct arguments *a, const struct init_options *o, const char *last)
{
        const char *const argv[] = {"/usr/lib/dompool/dompool-agent",
                                    "--server",
                                    a->server,
                                    "--agent-port",
                                    a->agent_port,
                                    "--http-port",
                                    a->http_port,
                                    "--fingerprint",
                                    o->fingerprint,
                                    "--token-file",
                                    INIT_TOKEN_FILE,
                                    "--host",
                                    o->host,
                                    "--run-dir",
                                    "/run/dompool",
                                    last,
                                    NULL};

        ip4_text(o->agent_server ? o->agent_server : o->server, a->server);
        snprintf(a->agent_port, sizeof(a->agent_port), "%u", o->agent_port);
        snprintf(a->http_port, sizeof(a->http_port), "%u", o->http_port);
        memcpy(a->argv, argv, sizeof(argv));
}

static void
service_arguments(enum service_id id, const struct init_options *o, struct arguments *a)
{
        /* -N, -i: in the foreground, so that their death is seen. Guests' consoles are kept as well as shown; see the
         * size of /var/log/xen in init_system.c. */
        static const char *const fixed[SERVICE_N][MAX_ARGS] = {
                [SERVICE_XENSTORED] = {"/usr/sbin/xenstored", "-N", "--pid-file", "/run/xen/xenstored.pid"},
                [SERVICE_INIT_DOM0] = {"/usr/sbin/xen-init-dom0"},
                [SERVICE_XENCONSOLED] = {"/usr/sbin/xenconsoled", "-i", "--log=guest", "--pid-file=/run/xen/xenconsoled.pid"},
                [SERVICE_SHELL] = {"/bin/sh", "-l"},
        };

        memcpy(a->argv, fixed[id], sizeof(a->argv));
        if (id == SERVICE_AGENT)
                agent_arguments(a, o, NULL);
        if (id == SERVICE_KEEP)
                agent_arguments(a, o, "--restore");
}

/* A session of its own on the console that the kernel prefers. */
static void
take_console(void)
{
        int fd;

        setsid();
        fd = open("/dev/hvc0", O_RDWR);
        if (fd < 0)
                fd = open("/dev/console", O_RDWR);
        if (fd < 0)
                return;
        ioctl(fd, TIOCSCTTY, 0);
        dup2(fd, STDIN_FILENO);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
}

int
services_spawn(enum service_id id, const struct init_options *o, const char *root)
{
        struct arguments a = {0};
        pid_t pid;

        service_arguments(id, o, &a);
        pid = fork();
        if (pid != 0)
                return pid < 0 ? -errno : pid;
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL); /* what is ignored stays so over exec */
        /* Below systemd we may end before the machine does, and be started anew: never two agents. xenstored cannot be had
         * twice. */
        if (id != SERVICE_XENSTORED)
                prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (id == SERVICE_SHELL)
                take_console();
        else
                setsid();
        if (root && init_keep_enter(root) < 0)
                _exit(126);
        execv(a.argv[0], (char *const *)a.argv);
        _exit(127);
}

int
services_write_token(const struct init_options *o)
{
        _cleanup_close_ int fd = -1;
        size_t n = strlen(o->token);

        mkdir("/run/dompool", 0755);
        fd = open(INIT_TOKEN_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, o->token, n) != (ssize_t)n)
                return -errno;
        return 0;
}

void
services_describe_end(int status, char *buf, size_t size)
{
        if (WIFSIGNALED(status))
                snprintf(buf, size, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
        else if (WEXITSTATUS(status) == 126)
                snprintf(buf, size, "the root cannot be entered");
        else if (WEXITSTATUS(status) == 127)
                snprintf(buf, size, "it is not in the image or cannot be executed");
        else
                snprintf(buf, size, "exit code %d", WEXITSTATUS(status));
}

int
services_xenstore_pid(void)
{
        const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = XENSTORED_SOCKET};
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct ucred who;
        socklen_t size = sizeof(who);

        if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
                return 0;
        return who.pid;
}
