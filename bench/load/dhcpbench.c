/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCP load: a relay agent (RFC 2131, giaddr) behind which hosts do DISCOVER-OFFER-REQUEST-ACK, so many at once, one after the
 * other for some seconds. One process, one core; packets leave and come in batches. Prints one JSON object.
 *
 *     dhcpbench server=IP relay=IP [hosts=N] [first=N] [base=IP] [flight=N] [seconds=S] [exchanges=N] [rogues=N] [offers=1]
 *
 * Host i has the MAC 02:00:00 and i in three bytes; with `base` it must get base + i. `flight` sockets' worth of hosts are on
 * their way at a time. `rogues`: so many DISCOVERs a second of MACs that nobody knows, evenly paced, unanswered or not.
 * `offers`: an OFFER ends an exchange. Every packet asks for boot options as a BIOS PXE ROM does. What is not answered within
 * 500 ms is asked again, four times.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loadgen.h"
#include "proto/wire.h"

#define BATCH 64
#define PACKET_SIZE 1500
#define MAX_FLIGHT 4096
#define RETRY_US 500000
#define MAX_TRIES 4
#define MAX_SAMPLES (8u << 20)
#define ROGUE_XID 0xffffffffu
#define OPTIONS_AT 240

enum { DISCOVER = 1, OFFER, REQUEST, ACK = 5, NAK };

/* One exchange under way; its index is in the low bits of the xid, above them its count, so that late answers fall out. */
struct slot {
        bool busy;
        uint32_t host, xid, address, server_id;
        uint8_t waits_for;
        unsigned tries;
        int64_t started_us, sent_us;
};

static struct {
        uint32_t server, relay, base;
        unsigned n_hosts, first, flight, offers;
        double seconds, exchanges, rogues;
} opt;

static struct {
        uint64_t wrong, failed, retries, naks, rogues;
        struct samples took;
} sum;

static struct slot slots[MAX_FLIGHT];
static uint64_t started;
static int fd;

/* What leaves with the next sendmmsg. */
static struct mmsghdr out[BATCH];
static struct iovec out_iov[BATCH];
static uint8_t out_data[BATCH][PACKET_SIZE];
static struct sockaddr_in to;
static unsigned n_out;

static void
flush(void)
{
        unsigned sent = 0;

        while (sent < n_out) {
                int n = sendmmsg(fd, out + sent, n_out - sent, 0);

                if (n < 0)
                        die("sendmmsg");
                sent += (unsigned)n;
        }
        n_out = 0;
}

static uint8_t *
add(uint8_t *at, uint8_t code, const void *data, uint8_t size)
{
        at[0] = code;
        at[1] = size;
        memcpy(at + 2, data, size);
        return at + 2 + size;
}

static uint8_t *
add32(uint8_t *at, uint8_t code, uint32_t value)
{
        value = htonl(value);
        return add(at, code, &value, sizeof(value));
}

/* Options of a BIOS PXE ROM (PXE 2.1): class, architecture, network interface, UUID and what it wants to know. */
static uint8_t *
add_pxe(uint8_t *at, uint32_t host)
{
        static const uint8_t wanted[] = {1,  2,  3,  5,   6,   11,  12,  13,  16,  17,  18, 43,
                                         54, 60, 67, 128, 129, 130, 131, 132, 133, 134, 135};
        static const uint8_t arch[] = {0, 0}, interface[] = {1, 2, 1};
        uint8_t uuid[17] = {0};

        put_be32(uuid + 13, host);
        at = add(at, 55, wanted, sizeof(wanted));
        at = add(at, 97, uuid, sizeof(uuid));
        at = add(at, 93, arch, sizeof(arch));
        at = add(at, 94, interface, sizeof(interface));
        return add(at, 60, "PXEClient:Arch:00000:UNDI:002001", 32);
}

/* Queues a packet; @address 0: a DISCOVER. */
static void
queue(uint32_t xid, const uint8_t mac[6], uint32_t host, uint32_t address, uint32_t server_id)
{
        uint8_t *p = out_data[n_out], *at = p + OPTIONS_AT, type = address ? REQUEST : DISCOVER;

        memset(p, 0, OPTIONS_AT);
        p[0] = p[1] = p[3] = 1; /* BOOTREQUEST, Ethernet, one hop */
        p[2] = 6;
        put_be32(p + 4, xid);
        put_be32(p + 24, opt.relay);
        memcpy(p + 28, mac, 6);
        put_be32(p + 236, 0x63825363);
        at = add(at, 53, &type, 1);
        if (address) {
                at = add32(at, 50, address);
                at = add32(at, 54, server_id);
        }
        at = add_pxe(at, host);
        *at++ = 255;
        out_iov[n_out] = (struct iovec){.iov_base = p, .iov_len = (size_t)(at - p)};
        out[n_out].msg_hdr =
                (struct msghdr){.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &out_iov[n_out], .msg_iovlen = 1};
        if (++n_out == BATCH)
                flush();
}

static void
say(struct slot *s, int64_t now)
{
        uint8_t mac[6] = {2, 0, 0, (uint8_t)(s->host >> 16), (uint8_t)(s->host >> 8), (uint8_t)s->host};

        s->sent_us = now;
        queue(s->xid, mac, s->host, s->waits_for == ACK ? s->address : 0, s->server_id);
}

static void
begin(struct slot *s, int64_t now)
{
        uint32_t index = (uint32_t)(s - slots);

        if (opt.exchanges > 0 && (double)started >= opt.exchanges) {
                s->busy = false;
                return;
        }
        *s = (struct slot){.busy = true,
                           .host = opt.first + (uint32_t)(started % opt.n_hosts),
                           .xid = (uint32_t)(started * MAX_FLIGHT + index) & 0x7fffffff,
                           .waits_for = OFFER,
                           .started_us = now};
        started++;
        say(s, now);
}

static void
finish(struct slot *s, int64_t now)
{
        samples_add(&sum.took, now - s->started_us);
        begin(s, now);
}

/* Message type and server identifier; 0: no answer of DHCP. */
static uint8_t
read_options(const uint8_t *p, size_t size, uint32_t *server_id)
{
        uint8_t type = 0;

        for (size_t at = OPTIONS_AT; at + 2 < size && p[at] != 255; at += p[at] ? 2u + p[at + 1] : 1u) {
                if (p[at] == 53)
                        type = p[at + 2];
                else if (p[at] == 54 && at + 6 <= size)
                        *server_id = get_be32(p + at + 2);
        }
        return type;
}

static void
take(const uint8_t *p, size_t size, int64_t now)
{
        struct slot *s = &slots[get_be32(p + 4) % MAX_FLIGHT];
        uint32_t address = get_be32(p + 16), server_id = 0;
        uint8_t type;

        if (size < OPTIONS_AT || p[0] != 2 || !s->busy || get_be32(p + 4) != s->xid)
                return;
        type = read_options(p, size, &server_id);
        if (type == NAK) {
                sum.naks++;
                begin(s, now);
        } else if (type == s->waits_for) {
                if (!opt.offers && (address == 0 || (opt.base && address != opt.base + s->host)))
                        sum.wrong++;
                if (type == OFFER && !opt.offers) {
                        s->waits_for = ACK;
                        s->address = address;
                        s->server_id = server_id;
                        s->tries = 0;
                        say(s, now);
                } else {
                        if (type == ACK && address != s->address)
                                sum.wrong++;
                        finish(s, now);
                }
        }
}

static void
receive(void)
{
        static uint8_t data[BATCH][PACKET_SIZE];
        static struct mmsghdr in[BATCH];
        static struct iovec iov[BATCH];
        int64_t now;
        int n;

        for (unsigned i = 0; i < BATCH; i++) {
                iov[i] = (struct iovec){.iov_base = data[i], .iov_len = PACKET_SIZE};
                in[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
        }
        n = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
        now = now_us();
        for (int i = 0; i < n; i++)
                take(data[i], in[i].msg_len, now);
}

static void
retry_all(int64_t now)
{
        for (unsigned i = 0; i < opt.flight; i++) {
                struct slot *s = &slots[i];

                if (!s->busy || now - s->sent_us < RETRY_US)
                        continue;
                sum.retries++;
                if (++s->tries > MAX_TRIES) {
                        sum.failed++;
                        begin(s, now);
                } else {
                        say(s, now);
                }
        }
}

/* As many as are due at this moment, at most a batch. */
static void
send_rogues(int64_t since_us)
{
        uint64_t due = (uint64_t)((double)since_us * opt.rogues / 1e6);

        for (unsigned i = 0; sum.rogues < due && i < BATCH; i++, sum.rogues++) {
                uint32_t n = (uint32_t)sum.rogues * 2654435761u;
                uint8_t mac[6] = {6, 0xbd, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

                queue(ROGUE_XID, mac, n, 0, 0);
        }
}

static void
run(void)
{
        int64_t first = now_us(), end = first + (int64_t)(opt.seconds * 1e6), now = first, looked = first;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        struct rusage usage;
        double seconds;

        for (unsigned i = 0; i < opt.flight; i++)
                begin(&slots[i], now);
        while (now < end && (opt.exchanges == 0 || (double)(sum.took.n + sum.failed + sum.naks) < opt.exchanges)) {
                flush();
                if (poll(&p, 1, opt.rogues > 0 ? 1 : 20) > 0)
                        receive();
                now = now_us();
                if (opt.rogues > 0)
                        send_rogues(now - first);
                if (now - looked >= 20000) {
                        looked = now;
                        retry_all(now);
                }
        }
        seconds = (double)(now - first) / 1e6;
        getrusage(RUSAGE_SELF, &usage);
        printf("{\"seconds\": %.4f, \"per_s\": %.1f, \"exchanges\": %zu, \"wrong\": %llu, \"failed\": %llu, \"naks\": %llu, "
               "\"retries\": %llu, \"rogues\": %llu, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"busy\": %.3f}\n",
               seconds, (double)sum.took.n / seconds, sum.took.n, (unsigned long long)sum.wrong, (unsigned long long)sum.failed,
               (unsigned long long)sum.naks, (unsigned long long)sum.retries, (unsigned long long)sum.rogues,
               samples_percentile(&sum.took, 50), samples_percentile(&sum.took, 99),
               ((double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6) /
                       seconds);
}

static void
open_socket(void)
{
        struct sockaddr_in local = socket_address(opt.relay, 67);
        int size = 16 << 20, on = 1;

        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0)
                die("socket");
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
}

int
main(int argc, char **argv)
{
        (void)argc;
        opt.server = option_address(argv, "server");
        opt.relay = option_address(argv, "relay");
        opt.base = option_address(argv, "base");
        opt.n_hosts = (unsigned)option_number(argv, "hosts", 50000);
        opt.first = (unsigned)option_number(argv, "first", 0);
        opt.flight = (unsigned)option_number(argv, "flight", 64);
        opt.seconds = option_number(argv, "seconds", 1);
        opt.exchanges = option_number(argv, "exchanges", 0);
        opt.rogues = option_number(argv, "rogues", 0);
        opt.offers = (unsigned)option_number(argv, "offers", 0);
        if (opt.flight > MAX_FLIGHT || opt.n_hosts == 0) {
                fprintf(stderr, "dhcpbench: at most %u in flight, at least one host\n", MAX_FLIGHT);
                return 2;
        }
        to = socket_address(opt.server, 67);
        samples_init(&sum.took, MAX_SAMPLES);
        open_socket();
        run();
        return sum.wrong > 0;
}
