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
static const struct mac segment_bridge_mac = {{0x52, 0x54, 0x00, 0x80, 0xff, 0x01}};
static const struct mac satellite_bridge_mac = {{0x52, 0x54, 0x00, 0x78, 0xff, 0x01}};

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

char *
lab_net_satellite_path(const struct lab_room *room, char buf[LAB_PATH_SIZE])
{
        snprintf(buf, LAB_PATH_SIZE, NETNS_DIR "/%s-satellite", room->netns);
        return buf;
}

bool
lab_net_path_at(const struct lab_room *room, unsigned i, char buf[LAB_PATH_SIZE])
{
        static char *(*const paths[])(const struct lab_room *room, char buf[LAB_PATH_SIZE]) = {lab_net_path, lab_net_site_path,
                                                                                               lab_net_satellite_path};

        if (i >= N_ELEMENTS(paths))
                return false;
        paths[i](room, buf);
        return true;
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

/* Switches something on in the namespace that the process is in. */
static int
set_sysctl(const char *path)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd < 0 || write(fd, "1", 1) != 1 ? -errno : 0;
}

/* A host's end of its cable, in the bridge. */
static int
make_port(const char *tap, const char *bridge, struct error *err)
{
        int r = make_tap(tap);

        if (r == 0)
                r = netlink_set_master(tap, bridge);
        if (r == 0)
                r = netlink_link_up(tap, true);
        return r < 0 ? error_errno_set(err, -r, "cannot make the interface %s", tap) : 0;
}

static int
make_segment(struct error *err)
{
        int r = netlink_bridge_add(LAB_SEGMENT_BRIDGE, &segment_bridge_mac);

        if (r == 0)
                r = netlink_address_set(LAB_SEGMENT_BRIDGE, LAB_SEGMENT_ADDRESS, LAB_PREFIX);
        if (r == 0)
                r = netlink_link_up(LAB_SEGMENT_BRIDGE, true);
        return r < 0 ? error_errno_set(err, -r, "cannot make the bridge %s", LAB_SEGMENT_BRIDGE) : 0;
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
        /* For what is made from now on: keeps the hosts' taps quiet. A kernel without IPv6 is quiet already. */
        set_sysctl("/proc/sys/net/ipv6/conf/default/disable_ipv6");
        r = room->satellite ? netlink_bridge_add(LAB_SATELLITE_BRIDGE, &satellite_bridge_mac) : 0;
        if (r == 0 && room->satellite)
                r = netlink_link_up(LAB_SATELLITE_BRIDGE, true);
        if (r < 0)
                return error_errno_set(err, -r, "cannot make the bridge %s", LAB_SATELLITE_BRIDGE);
        r = room->segment ? make_segment(err) : 0;
        for (uint32_t i = 0; r == 0 && i < room->n_hosts; i++) {
                h = &room->hosts[i];
                r = make_port(h->tap, h->satellite ? LAB_SATELLITE_BRIDGE : LAB_BRIDGE, err);
                if (r == 0 && *h->tap2)
                        r = make_port(h->tap2, LAB_SEGMENT_BRIDGE, err);
        }
        return r;
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

/* A cable from the room's namespace to a machine in one of its own. */
struct cable {
        const char *outer, *inner; /* the interfaces at its ends */
        const char *bridge;        /* that the outer one is in; NULL: it has an address instead */
        uint32_t outer_address, inner_address;
        unsigned prefix;
};

static const struct cable site_cables[] = {
        {"site0", LAB_SITE_INTERFACE, LAB_BRIDGE, 0, LAB_SITE_ADDRESS, LAB_PREFIX},
};
static const struct cable satellite_cables[] = {
        {"sat0", LAB_SATELLITE_INTERFACE, LAB_SATELLITE_BRIDGE, 0, LAB_SATELLITE_ADDRESS, LAB_PREFIX},
        {"up0", "up1", NULL, LAB_SATELLITE_LINK_SERVER, LAB_SATELLITE_LINK, LAB_SATELLITE_LINK_PREFIX},
};

/* In the room's namespace; the inner end goes to the @machine. */
static int
lay_cable(const struct cable *c, int machine)
{
        int r = netlink_veth_add(c->outer, c->inner);

        if (r == 0)
                r = c->bridge ? netlink_set_master(c->outer, c->bridge)
                              : netlink_address_set(c->outer, c->outer_address, c->prefix);
        if (r == 0)
                r = netlink_link_up(c->outer, true);
        return r == 0 ? netlink_set_netns(c->inner, machine) : r;
}

static int
plug_in(const struct cable *c)
{
        int r = netlink_address_set(c->inner, c->inner_address, c->prefix);

        return r == 0 ? netlink_link_up(c->inner, true) : r;
}

/* The process is in the room's namespace before and after. */
static int
connect_machine(const struct lab_room *room, const struct cable *cables, size_t n, int machine, struct error *err)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = lay_cable(&cables[i], machine);
        if (r == 0 && setns(machine, CLONE_NEWNET) < 0)
                r = -errno;
        for (size_t i = 0; r == 0 && i < n; i++)
                r = plug_in(&cables[i]);
        if (r == 0)
                r = lab_net_enter(room);
        return r < 0 ? error_errno_set(err, -r, "cannot lay the cable to %s", cables[0].inner) : 0;
}

/* Both forward between their LAN and the line between them; nothing else is behind either. */
static int
route_to_satellite(const struct lab_room *room, int machine, struct error *err)
{
        static const char forward[] = "/proc/sys/net/ipv4/ip_forward";
        int r = set_sysctl(forward);

        if (r == 0)
                r = netlink_route_default(LAB_SATELLITE_LINK, "up0");
        if (r == 0 && setns(machine, CLONE_NEWNET) < 0)
                r = -errno;
        if (r == 0)
                r = set_sysctl(forward);
        if (r == 0)
                r = netlink_route_default(LAB_SATELLITE_LINK_SERVER, "up1");
        if (r == 0)
                r = lab_net_enter(room);
        return r < 0 ? error_errno_set(err, -r, "cannot make the routes between the server and the satellite") : 0;
}

/* A machine's namespace; -1 with @err set. */
static int
make_machine(const char *path, struct error *err)
{
        int fd;

        if (make_namespace(path, err) < 0)
                return -1;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                error_errno_set(err, errno, "%s", path);
        return fd;
}

static int
child_create(const struct lab_room *room, struct error *err)
{
        char path[LAB_PATH_SIZE];
        _cleanup_close_ int site = -1, satellite = -1;
        int r;

        if (room->proxy && (site = make_machine(lab_net_site_path(room, path), err)) < 0)
                return error_to_errno(err->code);
        if (room->satellite && (satellite = make_machine(lab_net_satellite_path(room, path), err)) < 0)
                return error_to_errno(err->code);
        r = make_namespace(lab_net_path(room, path), err);
        if (r == 0)
                r = make_interfaces(room, err);
        if (r == 0 && room->proxy)
                r = connect_machine(room, site_cables, N_ELEMENTS(site_cables), site, err);
        if (r == 0 && room->satellite)
                r = connect_machine(room, satellite_cables, N_ELEMENTS(satellite_cables), satellite, err);
        if (r == 0 && room->satellite)
                r = route_to_satellite(room, satellite, err);
        return r;
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

        for (unsigned i = 0; lab_net_path_at(room, i, path); i++) {
                umount2(path, MNT_DETACH);
                unlink(path);
        }
}
