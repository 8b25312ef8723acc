/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only root can make: the state directories with their owners, the server's certificate, the sockets. Runs in the parent
 * before any role is started, and again in part (parent_open_fd) each time that one is. Directories below STATE belong to
 * roles, and a role may be owned: nothing in them is opened through a symbolic link or trusted to be of a certain kind.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/sealed.h"
#include "bootcfg/policy.h"
#include "image/image_key.h"
#include "net/netlink.h"
#include "net/tls_stream.h"
#include "proto/dhcp.h"
#include "proto/ndp.h"
#include "server/parent.h"

#define LISTEN_BACKLOG 4096 /* a whole room may ask at once */
#define MAX_FILES 65536     /* of a role at most: it may lower its own limit, never raise it */
#define UDP_BUFFER (4 << 20)
#define BIND_PATIENCE_MS 2000
#define BIND_PAUSE_MS 20

struct state_dir {
        const char *name; /* below STATE; "" is STATE itself */
        enum role owner;  /* ROLE_PARENT: root */
        mode_t mode;
};
static const struct state_dir state_dirs[] = {
        {"", ROLE_PARENT, 0755},    {"core", ROLE_CORE, 0700},  {"boot", ROLE_BOOT, 0700},
        {"blobs", ROLE_CORE, 0755}, {"tls", ROLE_PARENT, 0700}, {"work", ROLE_PARENT, 0700},
};
static const struct state_dir satellite_state_dirs[] = {
        {"", ROLE_PARENT, 0755},
        {"boot", ROLE_BOOT, 0700},
        {"satellite", ROLE_SATELLITE, 0700},
        {"blobs", ROLE_PARENT, 0755}, /* files looks there; it stays empty: agents fetch from the main server */
};

static bool
is_satellite(const struct parent *p)
{
        return p->config->main_server.address != 0;
}

/* Which descriptors a role gets besides channels. */
static const unsigned role_fds[ROLE_N] = {
        [ROLE_BOOT] = 1u << FD_DHCP | 1u << FD_PXE | 1u << FD_NDP | 1u << FD_TFTP | 1u << FD_POLICY | 1u << FD_STATE_DIR,
        [ROLE_FILES] = 1u << FD_HTTP | 1u << FD_POLICY,
        [ROLE_API] = 1u << FD_API_UNIX | 1u << FD_API_TLS | 1u << FD_AGENT_TLS | 1u << FD_TLS_CERT | 1u << FD_TLS_KEY,
        [ROLE_CORE] = 1u << FD_STATE_DIR | 1u << FD_TLS_CERT,
        [ROLE_SATELLITE] = 1u << FD_STATE_DIR,
};

/* Makes every missing part of @path, readable by all. */
static int
make_parents(const char *path, struct error *err)
{
        char part[CONFIG_PATH_SIZE + 32];

        if (!str_copy(part, sizeof(part), path))
                return error_set(err, ERR_LIMIT, "the path '%s' is too long", path);
        for (char *p = part + 1; *p; p++) {
                if (*p != '/')
                        continue;
                *p = '\0';
                if (mkdir(part, 0755) < 0 && errno != EEXIST)
                        return error_errno_set(err, errno, "cannot make the directory '%s'", part);
                *p = '/';
        }
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
                return error_errno_set(err, errno, "cannot make the directory '%s'", part);
        return 0;
}

static void
role_ids(enum role role, uid_t *ret_uid, gid_t *ret_gid)
{
        struct sandbox sandbox;
        char user[ROLE_USER_SIZE];

        role_sandbox(role, &sandbox, user);
        sandbox_ids(&sandbox, ret_uid, ret_gid);
}

static int
make_owned_dir(const char *path, enum role owner, mode_t mode, struct error *err)
{
        _cleanup_close_ int fd = -1;
        uid_t uid = 0;
        gid_t gid = 0;

        if (owner != ROLE_PARENT && role_def_get(owner))
                role_ids(owner, &uid, &gid);
        if (mkdir(path, mode) < 0 && errno != EEXIST)
                return error_errno_set(err, errno, "cannot make the directory '%s'", path);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return error_errno_set(err, errno, "cannot open the directory '%s'", path);
        if (fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)
                return error_errno_set(err, errno, "cannot give the directory '%s' to user %u", path, uid);
        return 0;
}

static int
make_state_dirs(const struct parent *p, const struct state_dir *dirs, size_t n, struct error *err)
{
        char path[CONFIG_PATH_SIZE + 32];
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                snprintf(path, sizeof(path), "%s%s%s", p->config->state_dir, *dirs[i].name ? "/" : "", dirs[i].name);
                r = make_owned_dir(path, dirs[i].owner, dirs[i].mode, err);
        }
        return r;
}

static int
make_directories(struct parent *p, struct error *err)
{
        const char *const shared[] = {p->config->state_dir, p->config->run_dir, p->config->image_store, p->config->guest_files};
        int r = 0;

        for (size_t i = 0; r == 0 && i < N_ELEMENTS(shared); i++)
                r = make_parents(shared[i], err);
        if (r == 0 && is_satellite(p)) /* it keeps there what the main server gives it */
                r = make_owned_dir(p->config->image_store, ROLE_SATELLITE, 0755, err);
        if (r < 0)
                return r;
        return is_satellite(p) ? make_state_dirs(p, satellite_state_dirs, N_ELEMENTS(satellite_state_dirs), err)
                               : make_state_dirs(p, state_dirs, N_ELEMENTS(state_dirs), err);
}

/* Two servers on one state would corrupt it. The lock goes with the process. */
static int
lock_state(struct parent *p, struct error *err)
{
        char path[CONFIG_PATH_SIZE + 32];

        snprintf(path, sizeof(path), "%s/lock", p->config->state_dir);
        p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (p->lock < 0)
                return error_errno_set(err, errno, "cannot open '%s'", path);
        if (flock(p->lock, LOCK_EX | LOCK_NB) == 0)
                return 0;
        if (errno == EWOULDBLOCK)
                return error_set(err, ERR_BUSY, "another dompoold runs with the state directory '%s'", p->config->state_dir);
        return error_errno_set(err, errno, "cannot lock '%s'", path);
}

static int
write_file(const char *path, const char *text, struct error *err)
{
        int r = fd_replace_file(path, 0600, text, strlen(text));

        return r < 0 ? error_errno_set(err, -r, "cannot write '%s'", path) : 0;
}

static void
tls_path(const struct parent *p, const char *name, char *buf, size_t size)
{
        snprintf(buf, size, "%s/tls/%s", p->config->state_dir, name);
}

/* Agents pin this certificate by its hash, which is in their boot menu: it is made once, at the very first start. */
static int
make_certificate(struct parent *p, struct error *err)
{
        char cert_path[CONFIG_PATH_SIZE + 32], key_path[CONFIG_PATH_SIZE + 32];
        _cleanup_free_ char *cert = NULL, *key = NULL;
        int r;

        tls_path(p, "cert.pem", cert_path, sizeof(cert_path));
        tls_path(p, "key.pem", key_path, sizeof(key_path));
        if (access(cert_path, F_OK) == 0 && access(key_path, F_OK) == 0)
                return 0;
        r = tls_make_certificate("dompool", clock_wall_ms(&p->clock) / 1000, &cert, &key, err);
        if (r == 0)
                r = write_file(key_path, key, err);
        if (r == 0)
                r = write_file(cert_path, cert, err);
        if (r == 0)
                log_notice("made the server's certificate file=%s", cert_path);
        return r;
}

/* Who may sign images in the room's name: root on this machine, nobody else. Made at the very first start as well, so that the
 * public part is there before the first build. */
static int
make_image_key(struct parent *p, struct error *err)
{
        char path[CONFIG_PATH_SIZE + 16], id[IMAGE_KEY_ID_SIZE];
        struct sign_pair pair;
        bool is_new;
        int r;

        snprintf(path, sizeof(path), "%s/" IMAGE_KEY_NAME, p->config->state_dir);
        is_new = access(path, F_OK) < 0;
        r = image_key_load(path, &pair, err);
        if (r == 0)
                r = image_key_publish(p->config->image_store, &pair, err);
        if (r == 0 && is_new) {
                image_key_id(pair.public, id);
                log_notice("made the key that signs images file=%s id=%s", path, id);
        }
        return r;
}

static int
find_address(struct config_network *n, struct error *err)
{
        char text[IP4_TEXT_SIZE];
        unsigned prefix;
        int r;

        if (if_nametoindex(n->interface) == 0)
                return error_set(err, ERR_CONFIG, "the network interface '%s' is not there; see 'ip link'", n->interface);
        if (n->address)
                return 0;
        r = netlink_get_address(n->interface, &n->address, &prefix);
        if (r < 0)
                return error_errno_set(err, -r, "the interface '%s' has no IPv4 address; give it one or set %s.address",
                                       n->interface, *n->name ? "subnet" : "network");
        if ((n->address & prefix_mask(n->prefix)) != n->net)
                return error_set(err, ERR_CONFIG,
                                 "the interface '%s' has the address %s, which lies outside the configured subnet",
                                 n->interface, ip4_text(n->address, text));
        return 0;
}

/* Those of all networks that this machine is in. */
static int
find_addresses(struct parent *p, struct error *err)
{
        int r = find_address(&p->config->network, err);

        for (uint32_t i = 0; r == 0 && i < p->config->n_subnets; i++)
                if (*p->config->subnets[i].interface)
                        r = find_address(&p->config->subnets[i], err);
        return r;
}

struct wanted_socket {
        enum role_fd purpose;
        uint32_t number;
        int type;
        uint32_t address;
        uint32_t port;
        const char *interface; /* bound to it, any address: DHCP's broadcasts; NULL: bound to the address */
        const char *option;
};

/*
 * bind(2), with some patience: the roles of a server that was killed with -9 take a moment to notice and let go of its ports,
 * and whoever restarts it at once is not to be told that they are taken.
 */
static int
bind_port(int fd, const struct sockaddr_in *a)
{
        const struct timespec pause = {.tv_nsec = BIND_PAUSE_MS * 1000000L};

        for (unsigned tries = BIND_PATIENCE_MS / BIND_PAUSE_MS; bind(fd, (const struct sockaddr *)a, sizeof(*a)) < 0; tries--) {
                if (errno != EADDRINUSE || tries == 0)
                        return -errno;
                nanosleep(&pause, NULL);
        }
        return 0;
}

static int
open_socket(struct parent *p, const struct wanted_socket *w, struct error *err)
{
        const struct sockaddr_in a = {
                .sin_family = AF_INET, .sin_port = htons((uint16_t)w->port), .sin_addr.s_addr = htonl(w->address)};
        _cleanup_close_ int fd = socket(AF_INET, w->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int on = 1, buffer = UDP_BUFFER;
        char text[IP4_TEXT_SIZE];
        int r;

        if (fd < 0)
                return error_errno_set(err, errno, "cannot make a socket");
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) < 0)
                return error_errno_set(err, errno, "cannot prepare the socket of %s", w->option);
        if (w->type == SOCK_DGRAM) {
                setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
                setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)); /* of answers that wait for a full line */
                if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0)
                        return error_errno_set(err, errno, "cannot prepare the socket of %s", w->option);
        }
        if (w->interface && (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0 ||
                             setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, w->interface, (socklen_t)strlen(w->interface)) < 0))
                return error_errno_set(err, errno, "cannot bind the socket of %s to the interface '%s'", w->option,
                                       w->interface);
        r = bind_port(fd, &a);
        if (r < 0)
                return error_errno_set(err, -r, "cannot bind %s port %u of %s (%s)", w->type == SOCK_DGRAM ? "UDP" : "TCP",
                                       w->port, ip4_text(w->address, text), w->option);
        if (w->type == SOCK_STREAM && listen(fd, LISTEN_BACKLOG) < 0)
                return error_errno_set(err, errno, "cannot listen on port %u (%s)", w->port, w->option);
        p->sockets[w->purpose][w->number] = TAKE_FD(fd);
        return 0;
}

/*
 * Router solicitations on the boot LAN, and nothing else of ICMPv6 (see boot_ndp.c). A machine without IPv6 boots its room all
 * the same, so a socket that cannot be made is only said.
 */
static void
open_ndp_socket(struct parent *p)
{
        const char *interface = p->config->network.interface;
        const struct ipv6_mreq all_routers = {.ipv6mr_multiaddr = {{{0xff, 2, [15] = 2}}},
                                              .ipv6mr_interface = if_nametoindex(interface)};
        _cleanup_close_ int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
        const int on = 1, hops = NDP_HOP_LIMIT;
        struct icmp6_filter filter;

        ICMP6_FILTER_SETBLOCKALL(&filter);
        ICMP6_FILTER_SETPASS(NDP_ROUTER_SOLICIT, &filter);
        if (fd < 0 || setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) < 0 ||
            setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &all_routers, sizeof(all_routers)) < 0 ||
            setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)) < 0 ||
            setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on)) < 0)
                log_notice("no IPv6 on interface=%s: iPXE will wait for a router there error=\"%s\"", interface,
                           strerror(errno));
        else
                p->sockets[FD_NDP][0] = TAKE_FD(fd);
}

/* May firmware of a proxied network ask by this interface: that of the network itself, or of one reached through relays? */
static bool
proxy_behind(const struct config *c, const struct config_network *n)
{
        const struct config_network *other;

        if (n->mode == NETWORK_PROXY)
                return true;
        for (uint32_t i = 0; (other = config_network_at(c, i)); i++)
                if (other->mode == NETWORK_PROXY && !*other->interface)
                        return true;
        return false;
}

/* DHCP's sockets, and 4011 where we are a proxy, on each interface. */
static int
open_dhcp_sockets(struct parent *p, struct error *err)
{
        const struct config_network *n;
        int r = 0;

        for (uint32_t i = 0; r == 0 && (n = config_network_at(p->config, i)); i++) {
                const struct wanted_socket dhcp = {FD_DHCP,      i,          SOCK_DGRAM, INADDR_ANY, p->config->dhcp_port,
                                                   n->interface, "dhcp-port"};
                const struct wanted_socket pxe = {
                        FD_PXE, i, SOCK_DGRAM, INADDR_ANY, DHCP_PXE_PORT, n->interface, "network.mode proxy"};

                if (!*n->interface)
                        continue;
                r = open_socket(p, &dhcp, err);
                if (r == 0 && proxy_behind(p->config, n))
                        r = open_socket(p, &pxe, err);
        }
        return r;
}

/* A satellite has neither API nor agents. */
static bool
is_wanted(const struct parent *p, enum role_fd purpose)
{
        if (purpose == FD_API_TLS)
                return p->config->api_address != 0 && !is_satellite(p);
        return purpose != FD_AGENT_TLS || !is_satellite(p);
}

static int
open_sockets(struct parent *p, struct error *err)
{
        const struct config *c = p->config;
        const uint32_t lan = c->network.address;
        const struct wanted_socket wanted[] = {
                {FD_TFTP, 0, SOCK_DGRAM, lan, c->tftp_port, NULL, "tftp-port"},
                {FD_HTTP, 0, SOCK_STREAM, lan, c->http_port, NULL, "http-port"},
                {FD_AGENT_TLS, 0, SOCK_STREAM, lan, c->agent_port, NULL, "agent-port"},
                {FD_API_TLS, 0, SOCK_STREAM, c->api_address, c->api_port, NULL, "api.listen"},
        };
        int r = open_dhcp_sockets(p, err);

        for (size_t i = 0; r == 0 && i < N_ELEMENTS(wanted); i++)
                if (is_wanted(p, wanted[i].purpose))
                        r = open_socket(p, &wanted[i], err);
        return r;
}

/* The API for local users: mode and group are the permission to connect; api looks at the peer's credentials besides. */
static int
open_api_socket(struct parent *p, struct error *err)
{
        const struct config *c = p->config;
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        const struct group *group = *c->api_group ? getgrnam(c->api_group) : NULL;
        _cleanup_close_ int fd = -1;
        mode_t mask;
        int r;

        if (!str_copy(a.sun_path, sizeof(a.sun_path), c->api_socket))
                return error_set(err, ERR_CONFIG, "api.socket is too long for a socket: the limit is %zu",
                                 sizeof(a.sun_path) - 1);
        if (*c->api_group && !group)
                return error_set(err, ERR_CONFIG, "api.group '%s' is no group of this machine", c->api_group);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return error_errno_set(err, errno, "cannot make a socket");
        unlink(c->api_socket); /* of a server that was killed: we hold the state's lock */
        mask = umask(0177);
        r = bind(fd, (const struct sockaddr *)&a, sizeof(a));
        umask(mask);
        if (r < 0)
                return error_errno_set(err, errno, "cannot make the socket '%s'", c->api_socket);
        if (group && (lchown(c->api_socket, 0, group->gr_gid) < 0 || chmod(c->api_socket, 0660) < 0))
                return error_errno_set(err, errno, "cannot give '%s' to group '%s'", c->api_socket, c->api_group);
        if (listen(fd, LISTEN_BACKLOG) < 0)
                return error_errno_set(err, errno, "cannot listen on '%s'", c->api_socket);
        p->sockets[FD_API_UNIX][0] = TAKE_FD(fd);
        return 0;
}

/* Thousands of hosts at once mean thousands of connections; what a shell gives its programs is not made for that. */
static void
raise_file_limit(void)
{
        struct rlimit l;

        if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_max >= MAX_FILES)
                return;
        l.rlim_max = MAX_FILES;
        if (setrlimit(RLIMIT_NOFILE, &l) < 0)
                log_notice("limit of open files cannot be raised, fewer HTTP connections are served wanted=%d error=\"%s\"",
                           MAX_FILES, strerror(errno));
}

int
parent_setup(struct parent *p, struct error *err)
{
        int r;

        if (geteuid() != 0)
                return error_set(err, ERR_DENIED,
                                 "dompoold must be started by root: it opens ports below 1024 and drops its roles' users");
        raise_file_limit();
        r = find_addresses(p, err);
        if (r == 0)
                r = make_directories(p, err);
        if (r == 0)
                r = lock_state(p, err);
        if (r == 0 && !is_satellite(p))
                r = make_certificate(p, err);
        if (r == 0 && !is_satellite(p))
                r = make_image_key(p, err);
        if (r == 0)
                r = open_sockets(p, err);
        if (r == 0)
                open_ndp_socket(p);
        if (r == 0 && !is_satellite(p))
                r = open_api_socket(p, err);
        return r;
}

/* A copy of the last policy that core, or in a satellite its stand-in, wrote, which the role can map as it does those that are
 * sent. The writer is not trusted here: no link is followed, and only a plain file of its own is copied. */
static int
open_policy(const struct parent *p)
{
        const enum role writer = is_satellite(p) ? ROLE_SATELLITE : ROLE_CORE;
        char path[CONFIG_PATH_SIZE + 32];
        _cleanup_close_ int fd = -1;
        struct stat st;
        int copy = -1, r;
        uid_t uid;
        gid_t gid;

        snprintf(path, sizeof(path), "%s/%s/policy.snap", p->config->state_dir, role_names[writer]);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 || !role_def_get(writer))
                return -1;
        role_ids(writer, &uid, &gid);
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != uid || st.st_nlink != 1) {
                log_warning("policy file is not its writer's own, not used file=%s", path);
                return -1;
        }
        r = sealed_file_copy("policy", fd, POLICY_MAX_SIZE, &copy);
        if (r < 0)
                log_error("policy file cannot be read file=%s error=\"%s\"", path, strerror(-r));
        return copy;
}

static int
open_state_file(const struct parent *p, const char *name, int flags)
{
        char path[CONFIG_PATH_SIZE + 32];
        int fd;

        snprintf(path, sizeof(path), "%s/%s", p->config->state_dir, name);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | flags);
        if (fd < 0)
                log_error("cannot open file=%s error=\"%s\"", path, strerror(errno));
        return fd;
}

int
parent_open_fd(const struct parent *p, enum role role, enum role_fd purpose, uint32_t number)
{
        int fd;

        assert(role < ROLE_N && purpose < FD_N && number < ROLE_FDS);
        fd = p->sockets[purpose][number];
        if (!(role_fds[role] >> purpose & 1))
                return -1;
        if (fd >= 0)
                return fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (number > 0)
                return -1;
        switch (purpose) {
        case FD_POLICY:
                return open_policy(p);
        case FD_STATE_DIR:
                return open_state_file(p, role_names[role], O_DIRECTORY);
        case FD_TLS_CERT:
                return open_state_file(p, "tls/cert.pem", 0);
        case FD_TLS_KEY:
                return open_state_file(p, "tls/key.pem", 0);
        default:
                return -1;
        }
}

void
parent_teardown(struct parent *p)
{
        /* Only a socket that is ours: another server's may stand there when the lock was taken. */
        if (p->sockets[FD_API_UNIX][0] >= 0)
                unlink(p->config->api_socket);
        for (int i = 0; i < FD_N; i++)
                for (int n = 0; n < ROLE_FDS; n++)
                        if (p->sockets[i][n] >= 0)
                                close(p->sockets[i][n]);
        if (p->lock >= 0)
                close(p->lock);
}
