/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Beside iscsid, for a root by iSCSI: tells when the session is lost and when it is back, and frees an iscsid that can never
 * log in again because of iscsi_netlink.h's fault. Whether it is that one cannot be seen from outside; so every session that
 * has been lost for longer than iscsid's whole attempt takes is freed, which ends at most an attempt that was to fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "init/init_root.h"
#include "init/init_root_keeper.h"
#include "init/init_system.h"
#include "net/iscsi_netlink.h"

#define SESSIONS "/sys/class/iscsi_session"
#define TRANSPORT "/sys/class/iscsi_transport/tcp/handle"
#define LOOK_S 1
/* The login has INIT_ROOT_LOGIN_S; iscsid waits two or three seconds before the next. */
#define FREE_AFTER_S (INIT_ROOT_LOGIN_S + 5)

struct session {
        int state_fd; /* its file in sysfs */
        uint32_t number;
        uint64_t transport;
};

static bool
logged_in(const struct session *s)
{
        char text[32];
        ssize_t n = pread(s->state_fd, text, sizeof(text) - 1, 0);

        if (n < 0)
                return false;
        text[n] = '\0';
        return strncmp(text, "LOGGED_IN", strlen("LOGGED_IN")) == 0;
}

static void
free_iscsid(const struct session *s)
{
        int r = iscsi_netlink_lost(s->transport, s->number);

        if (r < 0)
                log_warning("root: session %u could not be freed for iscsid: %s", s->number, strerror(-r));
}

static void
keeper_main(const void *arg)
{
        const struct session *s = arg;
        unsigned lost_s = 0;

        for (;; sleep(LOOK_S)) {
                if (logged_in(s)) {
                        if (lost_s > 0)
                                log_notice("root: the iSCSI server is back");
                        lost_s = 0;
                        continue;
                }
                if (lost_s == 0)
                        log_warning("root: the session with the iSCSI server is lost; what is read from the root waits");
                lost_s += LOOK_S;
                if (lost_s % FREE_AFTER_S == 0)
                        free_iscsid(s);
        }
}

int
init_root_iscsi_keep(const struct init_root *r, struct error *err)
{
        char name[64], path[sizeof(SESSIONS) + sizeof(name) + 8], handle[32];
        struct session s = {.state_fd = -1};

        (void)r;
        system_first_entry(SESSIONS, name, sizeof(name));
        if (sscanf(name, "session%u", &s.number) != 1 || !system_read_line(TRANSPORT, handle, sizeof(handle)))
                return error_set(err, ERR_INTERNAL, "the session of the root is not in " SESSIONS);
        s.transport = strtoull(handle, NULL, 10);
        snprintf(path, sizeof(path), SESSIONS "/%s/state", name);
        s.state_fd = open(path, O_RDONLY | O_CLOEXEC);
        return s.state_fd < 0 ? error_errno_set(err, errno, "%s", path)
                              : init_root_keeper_start("dompool-iscsi", keeper_main, &s, err);
}
