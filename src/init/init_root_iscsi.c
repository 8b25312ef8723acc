/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root by iSCSI: open-iscsi's iscsid logs in, and logs in anew for as long as it takes whenever the connection is lost; the
 * kernel alone would not. What is read from the root waits meanwhile (replacement_timeout -1).
 *
 *   attempt:  iBFT of the same target? -> iscsid, once -> iscsiadm: node, its settings, login -> /dev/sdX -> mount
 *
 * iscsid is of the initrd's memory and locks itself in it. It gets a mount name space of its own, which keeps the /sys and
 * /proc that it works with when the first process moves to the root; systemd does not end one whose name begins with '@'
 * (systemd.io/ROOT_STORAGE_DAEMONS).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "init/init_ibft.h"
#include "init/init_root.h"
#include "init/init_system.h"
#include "model/root.h"

#define ISCSID_SOCKET "ISCSIADM_ABSTRACT_NAMESPACE" /* as /proc/net/unix shows it, behind an '@' */
#define ISCSID_START_MS 10000
#define INITIATOR_FILE "/etc/iscsi/initiatorname.iscsi"

/* A target tells sessions apart by the initiator's name: two hosts of one name would throw each other out. */
static void
initiator_name(const struct mac *mac, char ret[INIT_IBFT_NAME_SIZE])
{
        char hex[2 * sizeof(mac->b) + 1];

        snprintf(ret, INIT_IBFT_NAME_SIZE, ROOT_INITIATOR "%s", hex_text(mac->b, sizeof(mac->b), hex));
}

static int
write_initiator(const char *name, struct error *err)
{
        char text[INIT_IBFT_NAME_SIZE + 20];

        snprintf(text, sizeof(text), "InitiatorName=%s\n", name);
        return system_write(INITIATOR_FILE, text) < 0 ? error_errno_set(err, errno, INITIATOR_FILE) : 0;
}

static bool
iscsid_listens(void)
{
        _cleanup_fclose_ FILE *f = fopen("/proc/net/unix", "re");
        char line[256];

        while (f && fgets(line, sizeof(line), f))
                if (strstr(line, "@" ISCSID_SOCKET))
                        return true;
        return false;
}

/* It says several lines for each try to log in; the kernel tells of a lost connection in one, iscsiadm of a failure. */
static _Noreturn void
iscsid_main(void)
{
        int null = open("/dev/null", O_RDWR);

        alarm(0);
        setsid();
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                _exit(126);
        execl("/sbin/iscsid", "@iscsid", "-f", NULL);
        _exit(127);
}

/* One of an attempt before this one goes on. */
static int
start_iscsid(const char *initiator, struct error *err)
{
        pid_t pid;
        int r;

        if (iscsid_listens())
                return 0;
        r = write_initiator(initiator, err);
        if (r < 0)
                return r;
        pid = fork();
        if (pid == 0)
                iscsid_main();
        if (pid < 0)
                return error_errno_set(err, errno, "starting iscsid");
        for (unsigned ms = 0; !iscsid_listens(); ms += 50) {
                if (ms >= ISCSID_START_MS || waitpid(pid, NULL, WNOHANG) == pid)
                        return error_set(err, ERR_TOOL, "iscsid did not start");
                usleep(50000);
        }
        return 0;
}

static int
run(const char *const argv[], struct error *err)
{
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                execv(argv[0], (char *const *)argv);
                _exit(127);
        }
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (pid < 0)
                return error_errno_set(err, errno, "starting %s", argv[0]);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        return error_set(err, ERR_TOOL, "%s: exit code %d; the lines above may say why", argv[0],
                         WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

#define NODE "/sbin/iscsiadm", "-m", "node", "-T", r->name, "-p", portal

/* A session that is lost is waited for without end; a connection that is silent for 15 s is lost; the first login has 30 s. */
static int
log_in(const struct init_root *r, struct error *err)
{
        char portal[IP4_TEXT_SIZE + 16], address[IP4_TEXT_SIZE], session[64], login_s[12];
        const char *const new[] = {NODE, "-o", "new", NULL};
        const char *const update[] = {NODE,
                                      "-o",
                                      "update",
                                      "-n",
                                      "node.session.timeo.replacement_timeout",
                                      "-v",
                                      "-1",
                                      "-n",
                                      "node.conn[0].timeo.noop_out_interval",
                                      "-v",
                                      "5",
                                      "-n",
                                      "node.conn[0].timeo.noop_out_timeout",
                                      "-v",
                                      "10",
                                      "-n",
                                      "node.conn[0].timeo.login_timeout",
                                      "-v",
                                      login_s,
                                      "-n",
                                      "node.session.initial_login_retry_max",
                                      "-v",
                                      "2",
                                      NULL};
        const char *const login[] = {NODE, "--login", NULL};
        int e;

        snprintf(login_s, sizeof(login_s), "%d", INIT_ROOT_LOGIN_S);
        snprintf(portal, sizeof(portal), "%s:%u,1", ip4_text(r->address, address), r->port);
        init_root_step("logging in to iSCSI target %s at %s", r->name, portal);
        system_first_entry("/sys/class/iscsi_session", session, sizeof(session));
        if (session[0]) /* of an attempt before this one: iscsid is at it */
                return 0;
        if ((e = run(new, err)) < 0 || (e = run(update, err)) < 0 || (e = run(login, err)) < 0)
                return error_prefix(err, "iSCSI target %s at %s", r->name, portal);
        return 0;
}

/* The disk's name below /dev. */
static int
find_disk(const struct init_root *r, char *ret, size_t size, struct error *err)
{
        char path[80];

        init_root_step("waiting for the disk of iSCSI target %s", r->name);
        for (unsigned ms = 0; ms < INIT_ROOT_DEVICE_MS; ms += 100) {
                for (unsigned host = 0; host < 16; host++) {
                        snprintf(path, sizeof(path), "/sys/bus/scsi/devices/%u:0:0:%u/block", host, r->lun);
                        system_first_entry(path, ret, size);
                        if (ret[0])
                                return 0;
                }
                usleep(100000);
        }
        return error_set(err, ERR_TIMEOUT, "iSCSI target %s shows no disk at LUN %u", r->name, r->lun);
}

/* An initrd without the module is one that has no table: what the command line says is whole. */
static void
read_ibft(struct init_ibft *ret)
{
        char path[80], line[INIT_IBFT_NAME_SIZE + 2];
        struct error err;
        const char *file;

        *ret = (struct init_ibft){0};
        if (modules_load_name("iscsi_ibft", &err) < 0)
                log_notice("no iBFT is looked for: %s", err.message);
        for (size_t i = 0; (file = init_ibft_file(i)); i++) {
                snprintf(path, sizeof(path), INIT_IBFT_DIR "/%s", file);
                if (system_read_line(path, line, sizeof(line)) && init_ibft_take(ret, i, line) < 0)
                        log_warning("%s: '%.60s' is not understood", path, line);
        }
}

/* The portal that answers: the table's, where it counts, or else that of the command line. */
static int
find_portal(const struct init_root *menu, struct init_root *ret, char initiator[INIT_IBFT_NAME_SIZE],
            char why[INIT_IBFT_TEXT_SIZE], struct error *err)
{
        char own[INIT_IBFT_NAME_SIZE];
        struct init_ibft table;
        bool by_table;
        int fd;

        str_copy(own, sizeof(own), initiator);
        read_ibft(&table);
        by_table = init_ibft_choose(&table, menu, ret, why);
        if (by_table && *table.initiator)
                str_copy(initiator, INIT_IBFT_NAME_SIZE, table.initiator);
        log_notice("iSCSI: %s", why);
        fd = init_root_connect(ret->address, ret->port, err);
        if (fd < 0 && by_table) {
                snprintf(why, INIT_IBFT_TEXT_SIZE, "from the command line; the iBFT's portal does not answer");
                log_warning("iSCSI: %s: %s", why, err->message);
                *ret = *menu;
                str_copy(initiator, INIT_IBFT_NAME_SIZE, own);
                fd = init_root_connect(ret->address, ret->port, err);
        }
        if (fd < 0)
                return fd;
        close(fd);
        return 0;
}

int
init_root_iscsi(const struct init_root *menu, const struct mac *mac, struct init_root_used *ret, struct error *err)
{
        char disk[64], device[80], initiator[INIT_IBFT_NAME_SIZE];
        struct init_root *r = &ret->root;
        int e;

        init_root_step("connecting to the iSCSI target");
        initiator_name(mac, initiator);
        e = find_portal(menu, r, initiator, ret->by, err);
        if (e < 0)
                return e;
        if ((e = start_iscsid(initiator, err)) < 0 || (e = log_in(r, err)) < 0 ||
            (e = find_disk(r, disk, sizeof(disk), err)) < 0)
                return e;
        snprintf(device, sizeof(device), "/dev/%s", disk);
        return init_root_mount_device(device, err);
}
