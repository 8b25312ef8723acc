/* SPDX-License-Identifier: Apache-2.0 */
/* The capture's filter, run by the kernel itself: frames go through a pair of sockets that carries it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/capture_filter.h"

#define SNAP 128
#define ADDRESS 0x0a580032u /* 10.88.0.50 */

static const struct mac host = {{0x52, 0x54, 0x00, 0x88, 0x00, 0x01}};
static const struct mac other = {{0x52, 0x54, 0x00, 0x88, 0x00, 0x02}};  /* differs in the last byte */
static const struct mac router = {{0x53, 0x54, 0x00, 0x88, 0x00, 0x01}}; /* in the first */
static const struct mac everybody = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

struct frame {
        uint8_t data[1500];
        size_t size;
};

static struct frame
ether(struct mac from, struct mac to, uint16_t type, size_t size)
{
        struct frame f = {.size = size};

        memset(f.data, 0x5a, sizeof(f.data));
        memcpy(f.data, to.b, 6);
        memcpy(f.data + 6, from.b, 6);
        f.data[12] = (uint8_t)(type >> 8);
        f.data[13] = (uint8_t)type;
        return f;
}

/* IPv4 with @words 32-bit words of header, UDP behind it. */
static struct frame
udp(struct mac from, struct mac to, unsigned words, uint16_t source, uint16_t destination, size_t size)
{
        struct frame f = ether(from, to, 0x0800, size);
        uint8_t *ip = f.data + 14, *u = ip + 4 * words;

        memset(ip, 0, 4 * words);
        ip[0] = (uint8_t)(0x40 | words);
        ip[9] = 17;
        u[0] = (uint8_t)(source >> 8);
        u[1] = (uint8_t)source;
        u[2] = (uint8_t)(destination >> 8);
        u[3] = (uint8_t)destination;
        return f;
}

static struct frame
dhcp(struct mac from, struct mac chaddr, unsigned words, uint16_t destination)
{
        struct frame f = udp(from, everybody, words, 67, destination, 600);

        memcpy(f.data + 14 + 4 * words + 8 + 28, chaddr.b, 6);
        return f;
}

/* How many bytes of it come through; 0: it is dropped. */
static size_t
passes(const struct capture_wish *w, struct frame f)
{
        struct sock_filter prog[CAPTURE_FILTER_MAX];
        const struct sock_fprog filter = {.len = (unsigned short)capture_filter_make(w, prog), .filter = prog};
        uint8_t got[2000];
        ssize_t n;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
        assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)), 0);
        send(fds[0], f.data, f.size, MSG_DONTWAIT);
        n = recv(fds[1], got, sizeof(got), MSG_DONTWAIT);
        if (n > 0)
                assert_memory_equal(got, f.data, (size_t)n);
        close(fds[0]);
        close(fds[1]);
        return n > 0 ? (size_t)n : 0;
}

static void
frames_from_and_to_the_machine_pass(void **state)
{
        const struct capture_wish w = {.mac = host};

        (void)state;
        assert_int_equal(passes(&w, ether(host, everybody, 0x0806, 42)), 42);
        assert_int_equal(passes(&w, ether(router, host, 0x0806, 42)), 42);
        assert_int_equal(passes(&w, ether(host, router, 0x86dd, 1400)), 1400);
        assert_int_equal(passes(&w, ether(host, router, 0x0800, 14)), 14);
}

static void
frames_of_others_are_dropped(void **state)
{
        const struct capture_wish w = {.mac = host};

        (void)state;
        assert_int_equal(passes(&w, ether(other, everybody, 0x0806, 42)), 0);
        assert_int_equal(passes(&w, ether(router, other, 0x86dd, 42)), 0);
        assert_int_equal(passes(&w, udp(other, router, 5, 1024, 69, 100)), 0);
        assert_int_equal(passes(&w, ether(other, router, 0x0800, 14)), 0);
}

/* By any server or relay agent, with or without IP options. */
static void
broadcast_dhcp_for_the_machine_passes_and_for_others_does_not(void **state)
{
        const struct capture_wish w = {.mac = host, .snap = SNAP};
        struct frame fragment = dhcp(router, host, 5, 68);

        (void)state;
        for (unsigned words = 5; words <= 15; words += 5)
                for (uint16_t port = 67; port <= 68; port++) {
                        assert_int_equal(passes(&w, dhcp(router, host, words, port)), 600);
                        assert_int_equal(passes(&w, dhcp(router, other, words, port)), 0);
                }
        assert_int_equal(passes(&w, dhcp(router, host, 5, 69)), 0);
        fragment.data[14 + 7] = 1; /* not the first: no ports in it */
        assert_int_equal(passes(&w, fragment), 0);
        fragment = dhcp(router, host, 5, 68);
        fragment.size = 14 + 20 + 8 + 28; /* ends before chaddr */
        assert_int_equal(passes(&w, fragment), 0);
}

static void
an_address_counts_where_it_is_given(void **state)
{
        const struct capture_wish w = {.mac = host, .address = ADDRESS}, without = {.mac = host};
        struct frame from = udp(router, other, 5, 1024, 69, 100), to = from;
        const uint8_t address[] = {10, 88, 0, 50};

        (void)state;
        memcpy(from.data + 14 + 12, address, 4);
        memcpy(to.data + 14 + 16, address, 4);
        assert_int_equal(passes(&w, from), 100);
        assert_int_equal(passes(&w, to), 100);
        assert_int_equal(passes(&without, from), 0);
        assert_int_equal(passes(&w, udp(router, other, 5, 1024, 69, 100)), 0);
}

static void
files_are_cut_and_dhcp_is_whole(void **state)
{
        const struct capture_wish w = {.mac = host, .snap = SNAP};
        struct frame fragment = udp(router, host, 5, 67, 68, 1000);

        (void)state;
        assert_int_equal(passes(&w, udp(router, host, 5, 2000, 3000, 1400)), SNAP);
        assert_int_equal(passes(&w, udp(router, host, 5, 2000, 3000, 100)), 100);
        assert_int_equal(passes(&w, ether(host, router, 0x86dd, 1400)), SNAP);
        assert_int_equal(passes(&w, udp(host, everybody, 5, 68, 67, 600)), 600);
        assert_int_equal(passes(&w, udp(router, host, 6, 67, 68, 600)), 600);
        assert_int_equal(passes(&w, udp(host, router, 5, 68, 4011, 600)), 600);
        assert_int_equal(passes(&w, udp(router, host, 5, 4011, 68, 600)), 600);
        fragment.data[14 + 7] = 1;
        assert_int_equal(passes(&w, fragment), SNAP);
}

/* A Unix socket's frames have no interface: with any list, none passes. The programs of all sizes are taken by the kernel. */
static void
only_the_named_interfaces_are_looked_at(void **state)
{
        uint32_t interfaces[CAPTURE_MAX_INTERFACES];
        struct capture_wish w = {.mac = host, .interfaces = interfaces, .snap = SNAP, .address = ADDRESS};

        (void)state;
        for (uint32_t i = 0; i < CAPTURE_MAX_INTERFACES; i++)
                interfaces[i] = i + 1;
        for (w.n_interfaces = 1; w.n_interfaces <= CAPTURE_MAX_INTERFACES; w.n_interfaces++)
                assert_int_equal(passes(&w, ether(host, everybody, 0x0806, 42)), 0);
        w.n_interfaces = 0;
        assert_int_equal(passes(&w, ether(host, everybody, 0x0806, 42)), 42);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(frames_from_and_to_the_machine_pass),
                cmocka_unit_test(frames_of_others_are_dropped),
                cmocka_unit_test(broadcast_dhcp_for_the_machine_passes_and_for_others_does_not),
                cmocka_unit_test(an_address_counts_where_it_is_given),
                cmocka_unit_test(files_are_cut_and_dhcp_is_whole),
                cmocka_unit_test(only_the_named_interfaces_are_looked_at),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
