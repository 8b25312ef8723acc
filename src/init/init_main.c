/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dompool-init: the first process of a diskless dom0. Sets up mounts, modules and the bridge, then keeps the programs of the
 * table in init_plan.c running, puts the lease on the bridge, tells console and server how far it is, and ends the machine when
 * told. One loop; whatever could block is a child. It reads no byte from the network.
 *
 * Where dompool.root says so it runs twice: from a small initrd, as far as the lease and the mounted root, and then, taking
 * over from itself, from that root. A root that is a whole system has a first process of its own, systemd; there dompool-init
 * is one of its services (--service), and leaves modules, cards and the machine's end to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "init/init_guest_net.h"
#include "init/init_hardware.h"
#include "init/init_keep.h"
#include "init/init_machine_id.h"
#include "init/init_net.h"
#include "init/init_nfs_dirs.h"
#include "init/init_options.h"
#include "init/init_plan.h"
#include "init/init_report.h"
#include "init/init_root.h"
#include "init/init_root_switch.h"
#include "init/init_services.h"
#include "init/init_system.h"
#include "init/init_systemd.h"

/* How often things are looked at that nobody announces: a new network card, its carrier, xenstored's socket. A boot is in a
 * hurry; a host whose cable was never plugged in is not. */
#define LOOK_MS 20
#define LOOK_LATER_MS 500
#define HURRY_MS 60000
/* xenconsoled opens five descriptors for each domain; the kernel gives its first process 4096. */
#define MAX_FILES 65536
/* It saves the kept files first, see agent_parent.c. */
#define AGENT_GRACE_MS 9000
/* The agent writes it when the server has the host restarted. */
#define REBOOT_REASON_FILE "/run/dompool/reboot"
/* Between a failure that only a restart heals, and that restart: time for the report to leave and for somebody to read the
 * console. */
#define FATAL_GRACE_MS 30000
#define FATAL_UNHEARD_MS 120000
/* A machine that is only inspected does not stay up for a server that is away. */
#define INSPECT_LIMIT_MS (10 * 60000)
/* For the reports of the first stage, which would be lost with it. */
#define SWITCH_GRACE_MS 3000

struct init {
        struct init_options options;
        struct clock clock;
        unsigned conditions; /* enum init_condition */
        struct service services[SERVICE_N];
        struct wait waits[WAIT_N];
        struct report_queue reports;
        struct init_lease lease;
        uint32_t last_address;
        int lease_fd;
        int signal_fd;
        int xenstored_fd; /* of one that an earlier run of the service started; -1: it is a child of ours */
        struct init_net net;
        struct init_guest_net guests;
        int64_t fatal_at_ms; /* the machine is restarted then; 0: no */
        bool first_stage;    /* the root is still to be mounted */
        bool on_root;        /* it is, and this process runs from it */
        bool below_systemd;  /* a service, not the first process */
        struct init_layer_watch layer;
        struct init_nfs_dirs_news nfs_dirs;
        bool ready_said;
        bool mode_said; /* the report of a mode without an agent is on its way */
};

static int64_t
now(const struct init *x)
{
        return clock_mono_ms(&x->clock);
}

/* A stage of the boot: to the console and to the server. */
static struct msg_init_report *say(struct init *x, const char *stage, bool failed, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

static struct msg_init_report *
say(struct init *x, const char *stage, bool failed, const char *fmt, ...)
{
        char text[sizeof(((struct msg_init_report *)0)->text)];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        log_write(failed ? LOG_LEVEL_ERROR : LOG_LEVEL_NOTICE, "%s%s: %s", stage,
                  failed && strcmp(stage, INIT_ROOT_FAILED) != 0 ? " failed" : "", text);
        return report_add(&x->reports, &x->options, stage, text, failed, (uint64_t)now(x));
}

/* Nothing here can go on: the firmware gets another try, unless somebody asked for a shell to look. */
static void
fatal(struct init *x, const char *stage, const char *text)
{
        struct msg_init_report *m;

        if (x->fatal_at_ms)
                return;
        x->fatal_at_ms = now(x) + FATAL_GRACE_MS;
        if (x->options.shell)
                m = say(x, stage, true, "%s; dompool.shell=1: staying up", text);
        else
                m = say(x, stage, true, "%s; restarting the machine in %d seconds", text, FATAL_GRACE_MS / 1000);
        str_copy(m->image, sizeof(m->image), x->options.image);
}

/* When the machine is restarted: a server that is away is waited for a little longer, for only it can make the next boot
 * another one. */
static int64_t
fatal_end_ms(const struct init *x)
{
        bool unheard = x->reports.n > 0 && x->options.server != 0 && (x->conditions & COND_LEASE);

        return x->fatal_at_ms == 0 || x->options.shell ? INT64_MAX : x->fatal_at_ms + (unheard ? FATAL_UNHEARD_MS : 0);
}

static void
condition_met(struct init *x, enum init_condition c)
{
        if (x->conditions & c)
                return;
        x->conditions |= c;
        if (c == COND_LINK)
                log_info("link card=%s uptime_ms=%lld", x->net.card, (long long)now(x));
        if (c == COND_XENSTORE)
                log_info("xenstored answers uptime_ms=%lld", (long long)now(x));
}

static void
start_service(struct init *x, enum service_id id)
{
        struct service *s = &x->services[id];
        int pid;

        if (id == SERVICE_DHCP) {
                if (x->lease_fd >= 0)
                        close(x->lease_fd);
                x->lease_fd = -1;
                pid = init_dhcp_start(&x->net, x->last_address, &x->lease_fd);
        } else if (id == SERVICE_ROOT) {
                pid = init_root_start(&x->options);
        } else if (id == SERVICE_DIRS) {
                pid = init_nfs_dirs_start(&x->options.nfs_dirs, x->first_stage ? INIT_ROOT_NEW : "");
        } else {
                pid = services_spawn(id, &x->options, id == SERVICE_KEEP && x->first_stage ? INIT_ROOT_NEW : NULL);
        }
        s->started_ms = now(x);
        if (pid < 0) {
                say(x, "error", true, "starting %s: %s", service_infos[id].name, strerror(-pid));
                service_ended(id, s, false, now(x));
                return;
        }
        s->pid = pid;
        log_info("started service=%s pid=%d uptime_ms=%lld", service_infos[id].name, pid, (long long)s->started_ms);
        if (id == SERVICE_AGENT && !x->ready_said) {
                x->ready_said = true;
                say(x, "agent", false, "agent started");
                if (x->options.root.kind == INIT_ROOT_RAM)
                        log_info("removed modules that this host does not need bytes=%llu",
                                 (unsigned long long)modules_remove_unused());
        }
}

static void
start_due(struct init *x)
{
        for (size_t i = 0; i < SERVICE_N; i++)
                if (service_due((enum service_id)i, &x->services[i], x->conditions, now(x)))
                        start_service(x, (enum service_id)i);
        if (x->conditions & COND_LEASE)
                report_start(&x->reports, &x->options, now(x));
}

/* The root is mounted: over to it. */
static void
switch_root(struct init *x)
{
        const struct init_handover h = {.dhcp_pid = x->services[SERVICE_DHCP].pid, .lease_fd = x->lease_fd, .lease = x->lease};
        struct error err;

        if (x->services[SERVICE_SHELL].pid > 0)
                kill(x->services[SERVICE_SHELL].pid, SIGKILL);
        report_flush(&x->reports, &x->options, &x->clock, SWITCH_GRACE_MS);
        if (init_machine_id_write(INIT_ROOT_NEW, &x->net.mac, &err) < 0)
                say(x, "error", true, "%s", err.message);
        init_root_switch(&h, &err);
        fatal(x, INIT_ROOT_FAILED, err.message);
}

/* An attempt has failed, or was ended by its time limit; it wrote down at what. */
static void
root_failed(struct init *x, bool last)
{
        char why[300];

        if (!system_read_line(INIT_ROOT_ERROR, why, sizeof(why)))
                str_copy(why, sizeof(why), "no word of why");
        x->services[SERVICE_ROOT].wanted = !last; /* the server is told: it must not come after all */
        if (last)
                fatal(x, INIT_ROOT_FAILED, why);
        else
                say(x, "root", true, "%s; tried again in %lld ms", why,
                    (long long)(x->services[SERVICE_ROOT].not_before_ms - now(x)));
}

/* Nothing of the root has run yet. */
static void
root_complete(struct init *x)
{
        if (x->options.nfs_dirs.n > 0)
                x->services[SERVICE_DIRS].wanted = true;
        else
                switch_root(x);
}

static void
root_mounted(struct init *x)
{
        if (init_keep_wanted(&x->options, INIT_ROOT_NEW))
                x->services[SERVICE_KEEP].wanted = true;
        else
                root_complete(x);
}

/* They are put back, or the host goes on without them. */
static void
kept(struct init *x, const char *failure)
{
        char why[400] = "kept files are as the server has them";

        if (failure)
                init_keep_failure(failure, why, sizeof(why));
        condition_met(x, COND_KEPT);
        say(x, "keep", failure != NULL, "%s", why);
        if (x->first_stage)
                root_complete(x);
}

/* An attempt is over; the boot waits for no other. A host without one of them is a host all the same: no boot has failed. */
static void
nfs_dirs_tried(struct init *x, bool all)
{
        if (init_nfs_dirs_news(&x->nfs_dirs, all, now(x)))
                say(x, INIT_NFS_DIRS, !all, "%s", x->nfs_dirs.text)->failed = false;
        condition_met(x, COND_DIRS);
        if (!x->first_stage)
                return;
        x->services[SERVICE_DIRS].wanted = false;
        switch_root(x);
}

static void
service_exited(struct init *x, enum service_id id, int status)
{
        struct service *s = &x->services[id];
        bool success = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        char how[100], text[200];

        services_describe_end(status, how, sizeof(how));
        if (id == SERVICE_DIRS) {
                service_ended(id, s, success, now(x));
                nfs_dirs_tried(x, success);
                return;
        }
        switch (service_ended(id, s, success, now(x))) {
        case VERDICT_DONE:
                if (id == SERVICE_INIT_DOM0) {
                        condition_met(x, COND_DOM0);
                        say(x, "xen", false, "Xen's daemons are up");
                }
                if (id == SERVICE_ROOT)
                        root_mounted(x);
                if (id == SERVICE_KEEP)
                        kept(x, NULL);
                break;
        case VERDICT_FATAL:
                if (id == SERVICE_KEEP) {
                        kept(x, how);
                        break;
                }
                if (id == SERVICE_ROOT) {
                        root_failed(x, true);
                        break;
                }
                snprintf(text, sizeof(text), "%s ended: %s", service_infos[id].name, how);
                fatal(x, "error", text);
                break;
        case VERDICT_RESTART:
                if (id == SERVICE_SHELL)
                        break;
                if (id == SERVICE_ROOT) {
                        root_failed(x, false);
                        break;
                }
                say(x, "error", true, "%s ended: %s; started again in %lld ms", service_infos[id].name, how,
                    (long long)(s->not_before_ms - now(x)));
                break;
        }
}

/* Takes every child that has ended: ours, and those of others that were left to the first process. */
static void
reap(struct init *x)
{
        int status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
                if (pid == x->reports.pid) {
                        report_ended(&x->reports, WIFEXITED(status) && WEXITSTATUS(status) == 0, now(x));
                        continue;
                }
                for (size_t i = 0; i < SERVICE_N; i++)
                        if (x->services[i].pid == pid)
                                service_exited(x, (enum service_id)i, status);
        }
}

static void
take_lease(struct init *x)
{
        uint8_t wire[INIT_LEASE_WIRE_SIZE];
        struct init_lease fresh;
        char address[IP4_TEXT_SIZE], router[IP4_TEXT_SIZE];
        struct error err;
        ssize_t n;

        while ((n = read(x->lease_fd, wire, sizeof(wire))) == (ssize_t)sizeof(wire)) {
                if (rec_decode(&init_lease_desc, wire, sizeof(wire), &fresh) < 0 || !init_lease_ok(&fresh)) {
                        say(x, "error", true, "the DHCP client offers an impossible lease; ignored");
                        continue;
                }
                if (init_net_lease(x->net.device, &x->lease, &fresh, &err) < 0)
                        say(x, "error", true, "network: %s", err.message);
                if (fresh.address && fresh.address != x->lease.address)
                        say(x, "network", false, "%s/%u on %s with card %s, router %s, for %u seconds",
                            ip4_text(fresh.address, address), fresh.prefix, x->net.device, x->net.card,
                            ip4_text(fresh.router, router), fresh.seconds);
                else if (!fresh.address)
                        say(x, "error", true, "the DHCP lease is lost; domains run on, asking for a new one");
                x->conditions = fresh.address ? x->conditions | COND_LEASE : x->conditions & ~(unsigned)COND_LEASE;
                if (fresh.address)
                        x->last_address = fresh.address;
                x->lease = fresh;
                if (x->below_systemd)
                        init_handover_lease(&x->lease);
        }
        /* The child has gone; reap() starts another. */
        if (n == 0) {
                close(x->lease_fd);
                x->lease_fd = -1;
        }
}

static void
look_for_card(struct init *x)
{
        struct error err;
        int r = init_net_card(&x->options.mac, x->options.guest_nic.kind == GUEST_NIC_BOOT, &x->net, &err);

        if (r == 0) {
                x->options.mac = x->net.mac;
                condition_met(x, COND_CARD);
        } else if (r != -EAGAIN) {
                fatal(x, "error", err.message);
        }
}

static void
look_for_guest_net(struct init *x)
{
        struct error err;
        int r = init_guest_net_step(&x->guests, &x->options, &x->net, now(x), &err);
        char text[sizeof(((struct msg_init_report *)0)->text)];

        if (r < 0 && r != -EAGAIN)
                say(x, "error", true, "%s", err.message);
        if (x->guests.done && *init_guest_net_text(&x->guests, &x->options, &x->net, text, sizeof(text)))
                say(x, INIT_GUEST_NET, false, "%s", text);
}

/* What nobody announces. Returns whether there is anything left to look for. */
static bool
look_around(struct init *x)
{
        if (!(x->conditions & COND_CARD) && !x->fatal_at_ms)
                look_for_card(x);
        if ((x->conditions & COND_CARD) && !(x->conditions & COND_LINK) && init_net_carrier(x->net.card))
                condition_met(x, COND_LINK);
        if (x->services[SERVICE_XENSTORED].pid && !(x->conditions & COND_XENSTORE) && services_xenstore_pid() > 0)
                condition_met(x, COND_XENSTORE);
        if ((x->conditions & COND_CARD) && !x->guests.done)
                look_for_guest_net(x);
        return !x->guests.done || !(x->conditions & COND_CARD) || !(x->conditions & COND_LINK) ||
               !(x->conditions & COND_XENSTORE);
}

static void
say_wait(struct init *x, size_t i, unsigned seconds, bool is_fatal)
{
        char text[300], there[200] = "", mac[MAC_TEXT_SIZE];

        if (wait_infos[i].condition == COND_CARD) {
                char found[150];

                init_net_describe(found, sizeof(found));
                snprintf(there, sizeof(there), " %s; there are: %s",
                         mac_zero(&x->options.mac) ? "" : mac_text(&x->options.mac, mac), found);
        }
        snprintf(text, sizeof(text), "waiting for %s%s since %u s", wait_infos[i].what, there, seconds);
        if (is_fatal)
                fatal(x, "error", text);
        else
                log_warning("%s", text);
}

static void
check_waits(struct init *x)
{
        for (size_t i = 0; i < WAIT_N; i++) {
                unsigned seconds = 0;
                enum wait_verdict v = wait_check(i, &x->waits[i], x->conditions, now(x), &seconds);

                if (v != WAIT_QUIET)
                        say_wait(x, i, seconds, v == WAIT_FATAL);
        }
}

/* Before all others: it says good-bye to the server while the network and xenstored are still there. */
static void
stop_agent(const struct init *x)
{
        int agent = x->services[SERVICE_AGENT].pid;
        int64_t end = now(x) + AGENT_GRACE_MS;

        if (agent <= 0)
                return;
        kill(agent, SIGTERM);
        while (waitpid(agent, NULL, WNOHANG) == 0 && now(x) < end)
                usleep(10000);
}

/* xenstored goes on, for a start of this service anew; the others end with us (services_spawn). */
static _Noreturn void
stop_service(const struct init *x)
{
        log_notice("stopped; domains run on");
        stop_agent(x);
        _exit(0);
}

static _Noreturn void
end_machine(struct init *x, bool power_off, const char *why)
{
        char reason[128];

        log_notice("%s: %s", power_off ? "power off" : "restart", why);
        stop_agent(x);
        if (system_read_line(REBOOT_REASON_FILE, reason, sizeof(reason)) && reason[0])
                log_notice("the server's reason: %s", reason);
        if (x->below_systemd)
                init_systemd_end(power_off);
        system_end(power_off);
}

static void
take_signal(struct init *x)
{
        struct signalfd_siginfo s;

        while (read(x->signal_fd, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
                switch (s.ssi_signo) {
                case SIGCHLD:
                        reap(x);
                        break;
                case SIGTERM: /* busybox reboot; systemd's stop */
                case SIGINT:  /* Ctrl-Alt-Del */
                        if (x->below_systemd)
                                stop_service(x);
                        end_machine(x, false, strsignal((int)s.ssi_signo));
                case SIGUSR1: /* the agent */
                        end_machine(x, false, strsignal((int)s.ssi_signo));
                case SIGUSR2:
                        end_machine(x, true, strsignal((int)s.ssi_signo));
                default:
                        break;
                }
        }
}

/* Milliseconds until something is due by time alone. */
static int
poll_timeout(const struct init *x, bool looking)
{
        int64_t until = service_next(x->services, x->conditions), t = now(x), left;

        if (looking)
                return t < HURRY_MS ? LOOK_MS : LOOK_LATER_MS;
        if (x->reports.n && x->reports.pid == 0 && (x->conditions & COND_LEASE) && x->reports.not_before_ms < until)
                until = x->reports.not_before_ms;
        if (fatal_end_ms(x) < until)
                until = fatal_end_ms(x);
        left = until == INT64_MAX ? INT64_MAX : until - t;
        /* A wait that has no event of its own is checked once a second; a host that is up sleeps. */
        if ((x->conditions & (COND_LEASE | COND_DOM0)) != (COND_LEASE | COND_DOM0) && left > 1000)
                left = 1000;
        if (x->on_root && left > INIT_LAYER_LOOK_MS)
                left = INIT_LAYER_LOOK_MS;
        return left == INT64_MAX ? -1 : left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void
report_hardware(struct init *x)
{
        struct msg_init_report *m;
        struct host_hardware h;
        char text[300];

        init_hardware_find(&h);
        init_hardware_text(&h, text, sizeof(text));
        m = say(x, init_mode_names[INIT_MODE_INSPECT], false, "%s", text);
        m->hardware = h;
}

/* The modes that have no agent: what they do once there is a network, and when they are done. */
static void
look_at_mode(struct init *x)
{
        if (x->options.mode == INIT_MODE_POOL)
                return;
        if ((x->conditions & COND_LEASE) && !x->mode_said) {
                x->mode_said = true;
                if (x->options.mode == INIT_MODE_INSPECT)
                        report_hardware(x);
                else
                        say(x, init_mode_names[x->options.mode], false, "a shell on the console");
                start_due(x);
        }
        if (x->options.mode != INIT_MODE_INSPECT)
                return;
        if (x->mode_said && x->reports.n == 0)
                end_machine(x, true, "the hardware is reported");
        if (now(x) >= INSPECT_LIMIT_MS)
                end_machine(x, true, "the server could not be told of the hardware");
}

static void
xenstored_gone(struct init *x)
{
        close(x->xenstored_fd);
        x->xenstored_fd = -1;
        fatal(x, "error", "xenstored ended, which an earlier run of this service had started");
}

static _Noreturn void
run(struct init *x)
{
        for (;;) {
                bool looking = look_around(x);

                start_due(x);
                check_waits(x);
                look_at_mode(x);
                if (x->on_root)
                        init_layer_watch(&x->layer, now(x));
                if (now(x) >= fatal_end_ms(x))
                        end_machine(x, false, "a failure that only a restart can heal");
                struct pollfd fds[] = {{.fd = x->signal_fd, .events = POLLIN},
                                       {.fd = x->lease_fd, .events = POLLIN},
                                       {.fd = x->xenstored_fd, .events = POLLIN}};

                if (poll(fds, N_ELEMENTS(fds), poll_timeout(x, looking)) <= 0)
                        continue;
                if (fds[0].revents)
                        take_signal(x);
                if (fds[1].revents && x->lease_fd >= 0)
                        take_lease(x);
                if (fds[2].revents)
                        xenstored_gone(x);
        }
}

static void
setup_options(struct init *x)
{
        char line[4096], mac[MAC_TEXT_SIZE];
        struct error err;

        if (!system_read_line("/proc/cmdline", line, sizeof(line)))
                line[0] = '\0';
        if (init_options_parse(line, &x->options, &err) < 0)
                say(x, "error", true, "%s", err.message);
        if (x->options.host[0])
                (void)!sethostname(x->options.host, strlen(x->options.host));
        if (x->options.server == 0)
                log_warning("no dompool.server on the kernel command line: nobody to report to, no agent");
        say(x, "init", false, "dompool-init " DOMPOOL_VERSION ", host %s, card %s, image %s",
            x->options.host[0] ? x->options.host : "without a name",
            mac_zero(&x->options.mac) ? "any" : mac_text(&x->options.mac, mac),
            x->options.image[0] ? x->options.image : "unknown");
}

/* The first stage and modes without guests need none of Xen's daemons, only cards, and for an inspection disks. */
static void
setup_without_xen(struct init *x)
{
        struct error err;

        x->conditions |= COND_XENBUS | COND_XENSTORE | COND_DOM0;
        if (modules_load_list(MODULES_FIRST, &err) < 0)
                say(x, "error", true, "%s", err.message);
        if (modules_load_devices(x->options.mode == INIT_MODE_INSPECT, &err) < 0)
                say(x, "error", true, "%s", err.message);
        look_around(x);
        start_due(x);
}

/* What the first stage left: the lease and its renewal go on as they are. Below systemd, which kept no pipe, another DHCP
 * client takes the place of the one that is there, for the same address. */
static bool
take_over(struct init *x)
{
        struct init_handover h;
        char text[200];

        if (!system_read_line(INIT_ROOT_HANDOVER, text, sizeof(text)) || init_handover_read(text, &h) < 0)
                return false;
        if (x->below_systemd && h.dhcp_pid > 0) {
                kill(h.dhcp_pid, SIGKILL);
        } else if (!x->below_systemd) {
                unlink(INIT_ROOT_HANDOVER);
                x->services[SERVICE_DHCP].pid = h.dhcp_pid;
                x->services[SERVICE_DHCP].started_ms = now(x);
                x->lease_fd = h.lease_fd;
                if (h.lease_fd >= 0)
                        fcntl(h.lease_fd, F_SETFD, FD_CLOEXEC);
        }
        x->lease = h.lease;
        x->last_address = h.lease.address;
        if (h.lease.address)
                x->conditions |= COND_LEASE;
        if (x->below_systemd)
                init_handover_lease(&x->lease);
        return true;
}

/* What the root took, once it is mounted. */
static void
setup_on_root(struct init *x)
{
        struct init_lease before = x->lease;
        char text[400];
        struct error err;

        /* This process must go on when no page of the root can be had. */
        if (x->options.root.kind != INIT_ROOT_HTTP && mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
                say(x, "error", true, "locking memory: %s", strerror(errno));
        before.dns = 0;
        if (init_net_lease(x->net.device, &before, &x->lease, &err) < 0)
                say(x, "error", true, "network: %s", err.message);
        init_root_facts_text(text, sizeof(text));
        say(x, "root", false, "%s", text);
}

static void
setup_xen(struct init *x)
{
        struct error err;

        if (system_mount_xen(&err) < 0)
                fatal(x, "error", err.message);
        else
                condition_met(x, COND_XENBUS);
        start_due(x);
}

/* Modules are loaded (modules-load.d, udev). xenstored may run, from before this service was started anew. */
static void
setup_below_systemd(struct init *x)
{
        int pid = services_xenstore_pid();

        if (pid > 0) {
                x->services[SERVICE_XENSTORED].wanted = false;
                x->xenstored_fd = pidfd_open(pid, 0);
                condition_met(x, COND_XENSTORE);
        }
        setup_xen(x);
        look_around(x);
        start_due(x);
}

/* In the order in which others wait: Xen's devices for xenstored, cards for DHCP, then what only a domain needs. */
static void
setup_machine(struct init *x)
{
        struct error err;

        if (modules_load_list(MODULES_FIRST, &err) < 0)
                say(x, "error", true, "%s", err.message);
        setup_xen(x);
        if (modules_load_devices(false, &err) < 0)
                say(x, "error", true, "%s", err.message);
        look_around(x);
        start_due(x);
        if (modules_load_list(MODULES_LATE, &err) < 0)
                say(x, "error", true, "%s", err.message);
}

static void
choose_services(struct init *x)
{
        for (size_t i = 0; i < SERVICE_N; i++)
                x->services[i].wanted = i == SERVICE_DHCP || (x->options.mode == INIT_MODE_POOL && !x->first_stage);
        x->services[SERVICE_ROOT].wanted = x->first_stage;
        /* On a root they are back already: the first stage did that. */
        x->services[SERVICE_KEEP].wanted =
                x->options.mode == INIT_MODE_POOL && !x->first_stage && !x->on_root && init_keep_wanted(&x->options, "");
        if (!x->services[SERVICE_KEEP].wanted)
                x->conditions |= COND_KEPT;
        x->services[SERVICE_DIRS].wanted = x->services[SERVICE_DIRS].wanted && x->options.nfs_dirs.n > 0;
        /* On a root the first stage has tried: what is missing comes while the host is up. */
        if (x->on_root)
                init_nfs_dirs_news(&x->nfs_dirs, false, now(x));
        if (x->on_root || !x->services[SERVICE_DIRS].wanted)
                x->conditions |= COND_DIRS;
        x->services[SERVICE_ROOT].limit_ms = (int64_t)x->options.root_wait_s * 1000;
        if (x->options.server == 0)
                x->services[SERVICE_AGENT].wanted = false;
        x->options.shell = x->options.shell || x->options.mode == INIT_MODE_RESCUE;
        /* A whole system has a unit for it. */
        x->services[SERVICE_SHELL].wanted = x->options.shell && !x->below_systemd;
}

int
main(int argc, char **argv)
{
        static const struct rlimit files = {.rlim_cur = MAX_FILES, .rlim_max = MAX_FILES};
        static struct init x = {.lease_fd = -1, .signal_fd = -1, .xenstored_fd = -1};
        struct error err = {0};
        int r;

        if (!init_systemd_may_run(argc, argv, &x.below_systemd))
                return 2;
        log_init("dompool-init", LOG_LEVEL_INFO);
        clock_init_real(&x.clock);
        x.signal_fd = system_signals(!x.below_systemd);
        setrlimit(RLIMIT_NOFILE, &files);
        system_start_random();
        x.on_root = take_over(&x) || x.below_systemd;
        r = x.on_root ? 0 : system_mount(&err);
        if (!x.below_systemd)
                system_log_open();
        if (r < 0)
                say(&x, "error", true, "%s", err.message);
        setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/dompool", 1);
        setup_options(&x);
        if (services_write_token(&x.options) < 0)
                say(&x, "error", true, "writing " INIT_TOKEN_FILE ": %s", strerror(errno));
        x.first_stage = x.options.mode == INIT_MODE_POOL && x.options.root.kind != INIT_ROOT_RAM && !x.on_root;
        choose_services(&x);
        if (x.on_root)
                setup_on_root(&x);
        if (x.below_systemd)
                setup_below_systemd(&x);
        else if (x.options.mode == INIT_MODE_POOL && !x.first_stage)
                setup_machine(&x);
        else
                setup_without_xen(&x);
        run(&x);
}
