/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds each rtnetlink request in a buffer on the stack, sends it on a socket of its own, and waits for the kernel's answer
 * (which is always immediate). Links are named by IFLA_IFNAME, so that no index can go stale between two requests.
 * Does not watch for changes. Runs in dompool-init, dompool-vif and the lab, always as root of its network namespace.
 */
#include "net/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define REQUEST_SIZE 1024
/* The kernel fills a dump's datagrams up to this size. */
#define ANSWER_SIZE 32768

struct request {
        union {
                struct nlmsghdr header;
                uint8_t bytes[REQUEST_SIZE];
        } u;
};

/* Called for each object of an answer; a positive return ends the walk with success. */
typedef int (*answer_fn)(const struct nlmsghdr *h, void *arg);

static void *
request_init(struct request *q, uint16_t type, uint16_t flags, const void *body, size_t body_size)
{
        memset(q, 0, sizeof(*q));
        q->u.header.nlmsg_len = NLMSG_LENGTH(body_size);
        q->u.header.nlmsg_type = type;
        q->u.header.nlmsg_flags = NLM_F_REQUEST | flags;
        memcpy(NLMSG_DATA(&q->u.header), body, body_size);
        return NLMSG_DATA(&q->u.header);
}

static struct rtattr *
request_put(struct request *q, uint16_t type, const void *data, size_t size)
{
        size_t at = NLMSG_ALIGN(q->u.header.nlmsg_len);
        struct rtattr *a = (struct rtattr *)(q->u.bytes + at);

        /* All callers put fixed-size attributes; their sum is known to fit. */
        if (at + RTA_SPACE(size) > sizeof(q->u.bytes))
                __builtin_trap();
        a->rta_type = type;
        a->rta_len = (uint16_t)RTA_LENGTH(size);
        if (size > 0)
                memcpy(RTA_DATA(a), data, size);
        q->u.header.nlmsg_len = (uint32_t)(at + RTA_SPACE(size));
        return a;
}

static void
request_put_u32(struct request *q, uint16_t type, uint32_t value)
{
        request_put(q, type, &value, sizeof(value));
}

static void
request_put_text(struct request *q, uint16_t type, const char *text)
{
        request_put(q, type, text, strlen(text) + 1);
}

/* Ends an attribute that holds those put since. */
static void
request_nest_end(struct request *q, struct rtattr *nest)
{
        nest->rta_len = (uint16_t)(q->u.bytes + q->u.header.nlmsg_len - (uint8_t *)nest);
}

/* One datagram of an answer. 0: more to come; 1: the answer is complete; negative errno. */
static int
answer_walk(const uint8_t *buf, size_t size, answer_fn fn, void *arg)
{
        const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
        int r;

        for (; NLMSG_OK(h, size); h = NLMSG_NEXT(h, size)) {
                if (h->nlmsg_type == NLMSG_DONE)
                        return 1;
                if (h->nlmsg_type == NLMSG_ERROR) {
                        const struct nlmsgerr *e = NLMSG_DATA(h);

                        if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
                                return -EBADMSG;
                        return e->error < 0 ? e->error : 1;
                }
                r = fn ? fn(h, arg) : 0;
                if (r)
                        return r;
                if (!(h->nlmsg_flags & NLM_F_MULTI))
                        return 1;
        }
        return 0;
}

static int
request_send(struct request *q, answer_fn fn, void *arg)
{
        struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        _cleanup_free_ uint8_t *buf = malloc(ANSWER_SIZE);
        ssize_t n;
        int r = 0;

        if (fd < 0)
                return -errno;
        if (!buf)
                return -ENOMEM;
        if (sendto(fd, q->u.bytes, q->u.header.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
                return -errno;
        while (r == 0) {
                n = recv(fd, buf, ANSWER_SIZE, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                r = answer_walk(buf, (size_t)n, fn, arg);
        }
        return r < 0 ? r : 0;
}

/* Starts a request about the link @name. -EINVAL: no possible name. */
static int
link_request(struct request *q, uint16_t type, uint16_t flags, const char *name, struct ifinfomsg **ret_body)
{
        const struct ifinfomsg body = {.ifi_family = AF_UNSPEC};

        if (!name[0] || strlen(name) >= IFNAMSIZ)
                return -EINVAL;
        *ret_body = request_init(q, type, flags, &body, sizeof(body));
        request_put_text(q, IFLA_IFNAME, name);
        return 0;
}

/* Index of a link, or 0. */
static uint32_t
link_index(const char *name)
{
        return if_nametoindex(name);
}

int
netlink_link_up(const char *name, bool up)
{
        struct ifinfomsg *body;
        struct request q;
        int r;

        r = link_request(&q, RTM_NEWLINK, NLM_F_ACK, name, &body);
        if (r < 0)
                return r;
        body->ifi_change = IFF_UP;
        body->ifi_flags = up ? IFF_UP : 0;
        return request_send(&q, NULL, NULL);
}

int
netlink_bridge_add(const char *name, const struct mac *mac)
{
        struct rtattr *info, *data;
        struct ifinfomsg *body;
        struct request q;
        int r;

        r = link_request(&q, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, name, &body);
        if (r < 0)
                return r;
        /* An explicit address stays when members come and go; a bridge without one takes its lowest member's. */
        if (mac)
                request_put(&q, IFLA_ADDRESS, mac->b, sizeof(mac->b));
        info = request_put(&q, IFLA_LINKINFO, NULL, 0);
        request_put_text(&q, IFLA_INFO_KIND, "bridge");
        data = request_put(&q, IFLA_INFO_DATA, NULL, 0);
        request_put_u32(&q, IFLA_BR_FORWARD_DELAY, 0);
        request_put_u32(&q, IFLA_BR_STP_STATE, 0);
        request_nest_end(&q, data);
        request_nest_end(&q, info);
        return request_send(&q, NULL, NULL);
}

int
netlink_vlan_add(const char *name, const char *link, uint32_t tag)
{
        const uint32_t index = link_index(link);
        const uint16_t id = (uint16_t)tag;
        struct rtattr *info, *data;
        struct ifinfomsg *body;
        struct request q;
        int r;

        if (index == 0)
                return -ENODEV;
        r = link_request(&q, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, name, &body);
        if (r < 0)
                return r;
        request_put_u32(&q, IFLA_LINK, index);
        info = request_put(&q, IFLA_LINKINFO, NULL, 0);
        request_put_text(&q, IFLA_INFO_KIND, "vlan");
        data = request_put(&q, IFLA_INFO_DATA, NULL, 0);
        request_put(&q, IFLA_VLAN_ID, &id, sizeof(id));
        request_nest_end(&q, data);
        request_nest_end(&q, info);
        return request_send(&q, NULL, NULL);
}

int
netlink_veth_add(const char *a, const char *b)
{
        const struct ifinfomsg peer_body = {.ifi_family = AF_UNSPEC};
        struct rtattr *info, *data, *peer;
        struct ifinfomsg *body;
        struct request q;
        int r;

        if (!b[0] || strlen(b) >= IFNAMSIZ)
                return -EINVAL;
        r = link_request(&q, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, a, &body);
        if (r < 0)
                return r;
        info = request_put(&q, IFLA_LINKINFO, NULL, 0);
        request_put_text(&q, IFLA_INFO_KIND, "veth");
        data = request_put(&q, IFLA_INFO_DATA, NULL, 0);
        peer = request_put(&q, VETH_INFO_PEER, &peer_body, sizeof(peer_body));
        request_put_text(&q, IFLA_IFNAME, b);
        request_nest_end(&q, peer);
        request_nest_end(&q, data);
        request_nest_end(&q, info);
        return request_send(&q, NULL, NULL);
}

int
netlink_link_delete(const char *name)
{
        struct ifinfomsg *body;
        struct request q;
        int r;

        r = link_request(&q, RTM_DELLINK, NLM_F_ACK, name, &body);
        return r < 0 ? r : request_send(&q, NULL, NULL);
}

/* Changes one attribute of a link. */
static int
link_change(const char *name, uint16_t type, const void *data, size_t size)
{
        struct ifinfomsg *body;
        struct request q;
        int r;

        r = link_request(&q, RTM_NEWLINK, NLM_F_ACK, name, &body);
        if (r < 0)
                return r;
        request_put(&q, type, data, size);
        return request_send(&q, NULL, NULL);
}

int
netlink_set_master(const char *name, const char *bridge)
{
        uint32_t master = 0;

        if (bridge) {
                master = link_index(bridge);
                if (master == 0)
                        return -ENODEV;
        }
        return link_change(name, IFLA_MASTER, &master, sizeof(master));
}

int
netlink_set_mac(const char *name, const struct mac *mac)
{
        return link_change(name, IFLA_ADDRESS, mac->b, sizeof(mac->b));
}

int
netlink_set_mtu(const char *name, uint32_t mtu)
{
        return link_change(name, IFLA_MTU, &mtu, sizeof(mtu));
}

int
netlink_set_netns(const char *name, int netns_fd)
{
        uint32_t fd = (uint32_t)netns_fd;

        return link_change(name, IFLA_NET_NS_FD, &fd, sizeof(fd));
}

/* Address request for @name; the caller adds what its verb needs and sends it. */
static int
address_request(struct request *q, uint16_t type, uint16_t flags, const char *name, uint32_t address, unsigned prefix)
{
        const struct ifaddrmsg body = {
                .ifa_family = AF_INET,
                .ifa_prefixlen = (uint8_t)prefix,
                .ifa_scope = RT_SCOPE_UNIVERSE,
                .ifa_index = link_index(name),
        };
        const uint32_t wire = htonl(address);

        if (prefix > 32)
                return -EINVAL;
        if (body.ifa_index == 0)
                return -ENODEV;
        request_init(q, type, flags, &body, sizeof(body));
        request_put(q, IFA_LOCAL, &wire, sizeof(wire));
        request_put(q, IFA_ADDRESS, &wire, sizeof(wire));
        return 0;
}

int
netlink_address_set(const char *name, uint32_t address, unsigned prefix)
{
        struct request q;
        int r;

        r = address_request(&q, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, name, address, prefix);
        if (r < 0)
                return r;
        /* Point-to-point and host prefixes have no broadcast address. */
        if (prefix < 31) {
                const uint32_t broadcast = htonl(address | ~prefix_mask(prefix));

                request_put(&q, IFA_BROADCAST, &broadcast, sizeof(broadcast));
        }
        return request_send(&q, NULL, NULL);
}

int
netlink_address_delete(const char *name, uint32_t address, unsigned prefix)
{
        struct request q;
        int r;

        r = address_request(&q, RTM_DELADDR, NLM_F_ACK, name, address, prefix);
        return r < 0 ? r : request_send(&q, NULL, NULL);
}

int
netlink_route_default(uint32_t gateway, const char *name)
{
        const struct rtmsg body = {
                .rtm_family = AF_INET,
                .rtm_table = RT_TABLE_MAIN,
                .rtm_protocol = RTPROT_DHCP,
                .rtm_scope = RT_SCOPE_UNIVERSE,
                .rtm_type = RTN_UNICAST,
        };
        const uint32_t wire = htonl(gateway), index = link_index(name);
        struct request q;

        if (index == 0)
                return -ENODEV;
        request_init(&q, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof(body));
        request_put(&q, RTA_GATEWAY, &wire, sizeof(wire));
        request_put(&q, RTA_OIF, &index, sizeof(index));
        return request_send(&q, NULL, NULL);
}

/* What a link's message says that we ask for. */
struct link_seen {
        char name[IFNAMSIZ];
        char kind[16]; /* IFLA_INFO_KIND: "bridge", "veth", "vif"; empty for hardware */
        struct mac mac;
        bool ethernet;
};

static void
link_info_kind(const struct rtattr *info, char *ret, size_t size)
{
        const struct rtattr *a = RTA_DATA(info);
        int left = (int)RTA_PAYLOAD(info);

        for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
                if (a->rta_type == IFLA_INFO_KIND && RTA_PAYLOAD(a) > 0)
                        str_copy(ret, size, RTA_DATA(a));
        }
}

static bool
link_parse(const struct nlmsghdr *h, struct link_seen *ret)
{
        const struct ifinfomsg *body = NLMSG_DATA(h);
        const struct rtattr *a = IFLA_RTA(body);
        int left = (int)IFLA_PAYLOAD(h);

        memset(ret, 0, sizeof(*ret));
        if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(*body)))
                return false;
        ret->ethernet = body->ifi_type == ARPHRD_ETHER && !(body->ifi_flags & IFF_LOOPBACK);
        for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
                if (a->rta_type == IFLA_IFNAME)
                        str_copy(ret->name, sizeof(ret->name), RTA_DATA(a));
                else if (a->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(a) == sizeof(ret->mac))
                        memcpy(ret->mac.b, RTA_DATA(a), sizeof(ret->mac));
                else if (a->rta_type == IFLA_LINKINFO)
                        link_info_kind(a, ret->kind, sizeof(ret->kind));
        }
        return ret->name[0] != '\0';
}

struct link_search {
        const struct mac *mac; /* NULL: any */
        const char *than;      /* a name that is passed over, or NULL */
        char *ret_name;
        bool found;
};

static int
link_search_step(const struct nlmsghdr *h, void *arg)
{
        struct link_search *s = arg;
        struct link_seen l;

        /* A bridge and a VLAN have the MAC of the card below them. */
        if (s->found || !link_parse(h, &l) || !l.ethernet || strcmp(l.kind, "bridge") == 0 || strcmp(l.kind, "vlan") == 0)
                return 0;
        if (s->than && strcmp(l.name, s->than) == 0)
                return 0;
        /* A guest's backend end is no NIC of the host, whatever its driver calls itself. */
        if (!s->mac && strncmp(l.name, "vif", 3) == 0)
                return 0;
        if (s->mac && !mac_eq(s->mac, &l.mac))
                return 0;
        str_copy(s->ret_name, IFNAMSIZ, l.name);
        s->found = true;
        return 0; /* the rest of the dump must be read all the same */
}

static int
link_find(const struct mac *mac, const char *than, char ret_name[16])
{
        const struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
        struct link_search s = {.mac = mac, .than = than, .ret_name = ret_name};
        struct request q;
        int r;

        request_init(&q, RTM_GETLINK, NLM_F_DUMP, &body, sizeof(body));
        r = request_send(&q, link_search_step, &s);
        if (r < 0)
                return r;
        return s.found ? 0 : -ENODEV;
}

int
netlink_find_by_mac(const struct mac *mac, char ret_name[16])
{
        return link_find(mac, NULL, ret_name);
}

int
netlink_first_ethernet(char ret_name[16])
{
        return link_find(NULL, NULL, ret_name);
}

int
netlink_other_ethernet(const char *than, char ret_name[16])
{
        return link_find(NULL, than, ret_name);
}

static int
link_mac_step(const struct nlmsghdr *h, void *arg)
{
        struct link_seen l;

        if (link_parse(h, &l))
                *(struct mac *)arg = l.mac;
        return 0;
}

int
netlink_get_mac(const char *name, struct mac *ret)
{
        struct ifinfomsg *body;
        struct mac mac = {{0}};
        struct request q;
        int r;

        r = link_request(&q, RTM_GETLINK, 0, name, &body);
        if (r == 0)
                r = request_send(&q, link_mac_step, &mac);
        if (r < 0)
                return r;
        *ret = mac;
        return 0;
}

struct address_search {
        uint32_t index;
        uint32_t address;
        unsigned prefix;
        bool found;
};

static int
address_step(const struct nlmsghdr *h, void *arg)
{
        const struct ifaddrmsg *body = NLMSG_DATA(h);
        const struct rtattr *a = IFA_RTA(body);
        int left = (int)IFA_PAYLOAD(h);
        struct address_search *s = arg;

        if (h->nlmsg_type != RTM_NEWADDR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*body)) || body->ifa_index != s->index ||
            s->found)
                return 0;
        for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
                uint32_t wire;

                if (a->rta_type != IFA_LOCAL || RTA_PAYLOAD(a) != sizeof(wire))
                        continue;
                memcpy(&wire, RTA_DATA(a), sizeof(wire));
                s->address = ntohl(wire);
                s->prefix = body->ifa_prefixlen;
                s->found = true;
        }
        return 0;
}

int
netlink_get_address(const char *name, uint32_t *ret_address, unsigned *ret_prefix)
{
        const struct ifaddrmsg body = {.ifa_family = AF_INET};
        struct address_search s = {.index = link_index(name)};
        struct request q;
        int r;

        if (s.index == 0)
                return -ENODEV;
        request_init(&q, RTM_GETADDR, NLM_F_DUMP, &body, sizeof(body));
        r = request_send(&q, address_step, &s);
        if (r < 0)
                return r;
        if (!s.found)
                return -EADDRNOTAVAIL;
        *ret_address = s.address;
        *ret_prefix = s.prefix;
        return 0;
}
