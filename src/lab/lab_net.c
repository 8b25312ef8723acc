/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes and removes the room's network namespace. A namespace is entered only by short-lived children, so that the client
 * itself stays where the user started it. Runs in the command-line client, as root.
 */
#include "lab/lab_net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "net/netlink.h"

#define NETNS_DIR "/run/netns"

static const struct mac bridge_mac = {{0x52, 0x54, 0x00, 0x77, 0xff, 0x01}};

char *
lab_net_path(const struct lab_room *room, char buf[LAB_PATH_SIZE])
{
        snprintf(buf, LAB_PATH_SIZE, NETNS_DIR "/%s", room->netns);
        return buf;
}

char *
lab_net_site_path(const struct lab_room *room, char buf[LAB_PATH_SIZE])
{
        snprintf(buf, LAB_PATH_SIZE, NETNS_DIR "/%s-site", room->netns);
        return buf;
}

/* As ip-netns(8) does it, so that `ip netns` sees the room: a shared mount point, in it one file a namespace. */
static int
prepare_dir(struct error *err)
{
        if (mkdir(NETNS_DIR, 0755) < 0 && errno != EEXIST)
                return error_errno_set(err, errno, "cannot make %s", NETNS_DIR);
        if (mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) == 0)
                return 0;
        if (mount(NETNS_DIR, NETNS_DIR, "none", MS_BIND | MS_REC, NULL) < 0 ||
            mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) < 0)
                return error_errno_set(err, errno, "cannot mount %s", NETNS_DIR);
        return 0;
}

static int
make_tap(const char *name)
{
        _cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        struct ifreq req = {.ifr_flags = IFF_TAP | IFF_NO_PI};

        if (fd < 0)
                return -errno;
        str_copy(req.ifr_name, sizeof(req.ifr_name), name);
        if (ioctl(fd, TUNSETIFF, &req) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0)
                return -errno;
        return 0;
}

static void
no_ipv6(void)
{
        _cleanup_close_ int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

        /* For what is made from now on: keeps the hosts' taps quiet. A kernel without IPv6 is quiet already. */
        if (fd >= 0 && write(fd, "1", 1) != 1)
                return;
}

/* Inside the new namespace. */
static int
make_interfaces(const struct lab_room *room, struct error *err)
{
        const struct lab_host *h;
        int r;

        r = netlink_link_up("lo", true);
        if (r == 0)
                r = netlink_bridge_add(LAB_BRIDGE, &bridge_mac);
        if (r == 0)
                r = netlink_address_set(LAB_BRIDGE, LAB_SERVER_ADDRESS, LAB_PREFIX);
        if (r == 0)
                r = netlink_link_up(LAB_BRIDGE, true);
        if (r < 0)
                return error_errno_set(err, -r, "cannot make the bridge %s", LAB_BRIDGE);
        no_ipv6();
        for (uint32_t i = 0; i < room->n_hosts; i++) {
                h = &room->hosts[i];
                r = make_tap(h->tap);
                if (r == 0)
                        r = netlink_set_master(h->tap, LAB_BRIDGE);
                if (r == 0)
                        r = netlink_link_up(h->tap, true);
                if (r < 0)
                        return error_errno_set(err, -r, "cannot make the interface %s", h->tap);
        }
        return 0;
}

/* A new namespace with the name @path, which the process is in from then on. */
static int
make_namespace(const char *path, struct error *err)
{
        int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

        if (fd < 0)
                return error_errno_set(err, errno, "cannot make %s; 'dompool lab down' takes an old room away", path);
        close(fd);
        if (unshare(CLONE_NEWNET) < 0 || mount("/proc/self/ns/net", path, "none", MS_BIND, NULL) < 0)
                return error_errno_set(err, errno, "cannot make the network namespace %s", path);
        return 0;
}

/* A cable from the room's bridge to the machine of the site's DHCP server, in the namespace @site; the process ends up there.
 */
static int
connect_site(int site, struct error *err)
{
        int r = netlink_veth_add("site0", LAB_SITE_INTERFACE);

        if (r == 0)
                r = netlink_set_master("site0", LAB_BRIDGE);
        if (r == 0)
                r = netlink_link_up("site0", true);
        if (r == 0)
                r = netlink_set_netns(LAB_SITE_INTERFACE, site);
        if (r == 0 && setns(site, CLONE_NEWNET) < 0)
                r = -errno;
        if (r == 0)
                r = netlink_address_set(LAB_SITE_INTERFACE, LAB_SITE_ADDRESS, LAB_PREFIX);
        if (r == 0)
                r = netlink_link_up(LAB_SITE_INTERFACE, true);
        return r < 0 ? error_errno_set(err, -r, "cannot make the site's interface %s", LAB_SITE_INTERFACE) : 0;
}

static int
child_create(const struct lab_room *room, struct error *err)
{
        char path[LAB_PATH_SIZE];
        _cleanup_close_ int site = -1;
        int r = 0;

        if (room->proxy) {
                r = make_namespace(lab_net_site_path(room, path), err);
                if (r < 0)
                        return r;
                site = open(path, O_RDONLY | O_CLOEXEC);
        }
        r = make_namespace(lab_net_path(room, path), err);
        if (r == 0)
                r = make_interfaces(room, err);
        return r == 0 && room->proxy ? connect_site(site, err) : r;
}

int
lab_net_create(const struct lab_room *room, struct error *err)
{
        _cleanup_close_ int from_child = -1;
        int pipes[2], status, r;
        pid_t pid;

        r = prepare_dir(err);
        if (r < 0)
                return r;
        if (pipe2(pipes, O_CLOEXEC) < 0)
                return error_errno_set(err, errno, "cannot make a pipe");
        from_child = pipes[0];
        pid = fork();
        if (pid == 0) {
                r = child_create(room, err);
                _exit(r < 0 && write(pipes[1], err, sizeof(*err)) > 0);
        }
        close(pipes[1]);
        if (pid < 0)
                return error_errno_set(err, errno, "cannot fork");
        if (read(from_child, err, sizeof(*err)) == sizeof(*err))
                r = error_to_errno(err->code);
        waitpid(pid, &status, 0);
        return r;
}

int
lab_net_enter(const struct lab_room *room)
{
        char path[LAB_PATH_SIZE];
        _cleanup_close_ int fd = open(lab_net_path(room, path), O_RDONLY | O_CLOEXEC);

        return fd < 0 || setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

void
lab_net_delete(const struct lab_room *room)
{
        char path[LAB_PATH_SIZE];

        umount2(lab_net_path(room, path), MNT_DETACH);
        unlink(path);
        umount2(lab_net_site_path(room, path), MNT_DETACH);
        unlink(path);
}
