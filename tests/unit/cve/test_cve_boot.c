/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes of other TFTP and DHCP servers with sockets, files, limits and leases on disk, made impossible in our `boot` role.
 * See cve.h. */
#include "cve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/tftp.h"
#include "server/boot.h"
#include "stage.h"

#define WAIT_MS 1000
#define QUIET_MS 60 /* long enough to be sure that loopback and our loop say nothing */
#define LARGE (3u << 20)

static int
setup(void **state)
{
        static uint8_t large[LARGE];
        struct stage *s = stage_new(&role_boot_def);

        memset(large, 'L', sizeof(large));
        stage_file(s, "images/loaders/small", "small", 5);
        stage_file(s, "images/loaders/large", large, sizeof(large));
        stage_file(s, "outside", "a secret", 8);
        *state = s;
        return 0;
}

static int
teardown(void **state)
{
        stage_remove_files(*state);
        return 0;
}

/* A datagram to 127.0.0.1:@port. */
static void
send_to(int fd, uint16_t port, const void *data, size_t size)
{
        const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)};

        assert_int_equal(sendto(fd, data, size, 0, (const struct sockaddr *)&to, sizeof(to)), size);
}

/* Asks for @name, with what stands in @options (names and values with their NULs). */
static void
ask(const struct stage *s, int fd, const char *name, const char *options, size_t options_size)
{
        char packet[512];
        size_t n = (size_t)snprintf(packet, sizeof(packet), "%c%c%s%coctet", '\0', '\1', name, '\0') + 1;

        assert_true(n + options_size <= sizeof(packet));
        memcpy(packet + n, options, options_size);
        send_to(fd, s->tftp_port, packet, n + options_size);
}

struct answer {
        uint8_t data[2048];
        size_t size;
        uint16_t port; /* of the transfer */
};

/* The opcode of the next packet, 0 for silence of @ms. */
static unsigned
answer(struct stage *s, int fd, int ms, struct answer *ret)
{
        struct sockaddr_in from = {0};
        socklen_t from_size = sizeof(from);
        ssize_t n;

        if (!stage_wait(s, fd, ms))
                return 0;
        n = recvfrom(fd, ret->data, sizeof(ret->data), 0, (struct sockaddr *)&from, &from_size);
        assert_true(n >= 4);
        ret->size = (size_t)n;
        ret->port = ntohs(from.sin_port);
        return ret->data[1];
}

/* An honest client gets its file. */
static void
assert_served(struct stage *s, unsigned host)
{
        int fd = stage_client(s, SOCK_DGRAM, host, 0);
        struct answer a;

        assert_true(fd >= 0);
        ask(s, fd, "small", "", 0);
        assert_int_equal(answer(s, fd, WAIT_MS, &a), TFTP_DATA);
        assert_int_equal(a.size, 4 + 5);
        assert_memory_equal(a.data + 4, "small", 5);
        send_to(fd, a.port, "\0\4\0\1", 4);
        stage_turn(s, 5);
        close(fd);
}

static void
assert_refused(struct stage *s, const char *name)
{
        int fd = stage_client(s, SOCK_DGRAM, 1, 0);
        struct answer a;

        ask(s, fd, name, "", 0);
        if (answer(s, fd, WAIT_MS, &a) != TFTP_ERROR)
                fail_msg("%s is not refused", name);
        assert_null(memchr(a.data + 4, '/', a.size - 4));
        close(fd);
}

/* Two servers that answer each other's ERROR for ever. */
static void
cve_2024_2169_errors_are_not_answered(void **state)
{
        static const char *const packets[] = {"\0\5\0\0x",      "\0\5\0\5", "\0\4\0\1",    "\0\3\0\1d",
                                              "\0\6tsize\0000", "\0\7\0\0", "\xff\xff\0\0"};
        struct stage *s = *state;
        int fd = stage_client(s, SOCK_DGRAM, 1, 0);
        struct answer a;

        for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
                send_to(fd, s->tftp_port, packets[i], 5);
                assert_int_equal(answer(s, fd, QUIET_MS, &a), 0);
        }
        ask(s, fd, "large", "", 0);
        assert_int_equal(answer(s, fd, WAIT_MS, &a), TFTP_DATA);
        send_to(fd, a.port, "\0\5\0\0no", 6); /* ends the transfer, without a word */
        assert_int_equal(answer(s, fd, QUIET_MS, &a), 0);
        close(fd);
}

/* The same from port 69 itself: whoever asks from there is another server, or made to look like one. */
static void
cve_2024_2169_nothing_goes_to_port_69(void **state)
{
        struct stage *s = *state;
        int fd = stage_client(s, SOCK_DGRAM, 9, 69);
        struct answer a;

        if (fd < 0 && errno == EACCES)
                skip(); /* only root binds port 69 */
        assert_true(fd >= 0);
        ask(s, fd, "small", "", 0);
        assert_int_equal(answer(s, fd, QUIET_MS, &a), 0);
        ask(s, fd, "is not there", "", 0);
        assert_int_equal(answer(s, fd, QUIET_MS, &a), 0);
        send_to(fd, s->tftp_port, "\0\1malformed", 11);
        assert_int_equal(answer(s, fd, QUIET_MS, &a), 0);
        close(fd);
}

/* atftpd: sessions that began and ended at the same moment used each other's memory. */
static void
cve_2019_11366_one_port_used_again_and_again(void **state)
{
        struct stage *s = *state;
        int fd = stage_client(s, SOCK_DGRAM, 1, 0);
        struct answer a;

        for (unsigned i = 0; i < 300; i++) {
                ask(s, fd, i % 2 ? "large" : "small",
                    "windowsize\0"
                    "16",
                    i % 3 ? 14 : 0);
                if (i % 4 == 0)
                        stage_turn(s, 1);
                if (i % 5 == 0 && answer(s, fd, 2, &a) != 0)
                        send_to(fd, a.port, i % 7 ? "\0\4\0\0" : "\0\5\0\0", 4);
        }
        stage_turn(s, 20);
        close(fd);
        for (unsigned i = 0; i < 140; i++) { /* more than one address may have: the oldest goes each time */
                fd = stage_client(s, SOCK_DGRAM, 1, 0);
                ask(s, fd, "large",
                    "tsize\0"
                    "0",
                    8);
                stage_turn(s, 0);
                close(fd);
        }
        assert_served(s, 1);
}

/* Names that are devices: a FIFO stops who opens it, a device never ends, a folder is no file. */
static void
cve_2002_2237_names_of_devices(void **state)
{
        static const char *const names[] = {"com1", "zero", "sock", "folder", "con", "aux", "dev/zero", "\\\\.\\com1"};
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        struct stage *s = *state;

        assert_int_equal(mkfifo(stage_path(s, "images/loaders/com1"), 0644), 0);
        assert_int_equal(symlink("/dev/zero", stage_path(s, "images/loaders/zero")), 0);
        snprintf(a.sun_path, sizeof(a.sun_path), "%s", stage_path(s, "images/loaders/sock"));
        assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
        stage_file(s, "images/loaders/folder/file", "", 0);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                assert_refused(s, names[i]);
        assert_served(s, 1);
        close(fd);
}

/* Found in dnsmasq 2.90 and atftpd 0.8: a link in the served folder leads out of it. */
static void
peer_dnsmasq_links_out_of_the_folder(void **state)
{
        struct stage *s = *state;

        assert_int_equal(symlink("../../outside", stage_path(s, "images/loaders/link")), 0);
        assert_int_equal(symlink("../..", stage_path(s, "images/loaders/up")), 0);
        assert_int_equal(symlink("small", stage_path(s, "images/loaders/inside")), 0);
        assert_refused(s, "link");
        assert_refused(s, "up/outside");
        assert_refused(s, "../../outside");
}

/* Found in dnsmasq 2.90: the ERROR names the file with its path on the server. */
static void
peer_dnsmasq_paths_in_errors(void **state)
{
        assert_refused(*state, "not there"); /* which looks for a path in the answer */
        assert_refused(*state, "i/0000000000000000/initrd");
        assert_refused(*state, "pxelinux.cfg/nothing");
}

/* Asks from @n ports of 127.0.0.@host and never acknowledges; the sockets stay open. */
static void
half_open(struct stage *s, unsigned host, unsigned n, int *fds)
{
        for (unsigned i = 0; i < n; i++) {
                fds[i] = stage_client(s, SOCK_DGRAM, host, 0);
                assert_true(fds[i] >= 0);
                ask(s, fds[i], "large",
                    "tsize\0"
                    "0",
                    8);
                if (i % 16 == 15)
                        stage_turn(s, 0);
        }
        stage_turn(s, 2);
}

static void
close_all(int *fds, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                close(fds[i]);
}

/* Found in dnsmasq 2.90 (50 slots) and atftpd 0.8 (100): a few hundred requests that nobody acknowledges, and all slots are
 * taken for half a minute. */
static void
peer_dnsmasq_half_open_transfers(void **state)
{
        static int fds[300];

        half_open(*state, 1, 300, fds);
        assert_served(*state, 1); /* also for the very address that they came from */
        assert_served(*state, 2);
        close_all(fds, 300);
}

/* Found in atftpd 0.8: the 1024th descriptor does not fit into an fd_set, and fortified code ends the server. */
static void
peer_atftpd_more_descriptors_than_an_fd_set(void **state)
{
        const struct rlimit files = {8192, 8192};
        static int fds[10][100];

        if (setrlimit(RLIMIT_NOFILE, &files) < 0)
                skip(); /* this user may not have so many */
        for (unsigned host = 0; host < 10; host++)
                half_open(*state, 20 + host, 100, fds[host]);
        assert_true(stage_n_fds() > 2000);
        assert_served(*state, 1);
        for (unsigned host = 0; host < 10; host++)
                close_all(fds[host], 100);
}

/* ISC dhcpd: a counter of references was raised and not lowered, until it ran over. */
static void
cve_2022_2928_references_of_an_open_file(void **state)
{
        const struct boot *b = ((struct stage *)*state)->ctx.state;
        struct boot_content *first, *again;
        unsigned before = stage_n_fds();
        char text[5];

        for (unsigned i = 0; i < 10; i++) {
                assert_int_equal(boot_content_open(b->contents, BOOTFILE_LOADER, "small", &first), 0);
                assert_int_equal(boot_content_open(b->contents, BOOTFILE_LOADER, "small", &again), 0);
                assert_int_equal(boot_content_open(b->contents, BOOTFILE_LOADER, "none", &again), -ENOENT);
                boot_content_unref(b->contents, again);
                assert_int_equal(boot_content_read(first, 0, text, 5), 0);
                assert_memory_equal(text, "small", 5);
                boot_content_unref(b->contents, first);
        }
        assert_int_equal(stage_n_fds(), before);
}

/* --- Leases on disk. --- */

#define N_LEASES 8

/* A journal's bytes with some leases. */
static size_t
journal(const struct stage *s, uint8_t buf[4096])
{
        int dir = open(stage_path(s, "state"), O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
        struct lease_table *table = lease_table_new();
        struct boot_journal_report report;
        struct boot_journal *j;
        struct error err;
        ssize_t n;

        for (uint32_t i = 0; i < N_LEASES; i++) {
                const struct lease l = {
                        .mac = {{2, 0, 0, 0, 0, (uint8_t)i}}, .address = 0x0a000001 + i, .state = LEASE_BOUND, .expiry_ms = 1};

                assert_int_equal(lease_put(table, &l), 0);
        }
        assert_int_equal(boot_journal_open(dir, table, &j, &report, &err), 0);
        boot_journal_free(j);
        lease_table_free(table);
        fd = openat(dir, BOOT_JOURNAL_NAME, O_RDONLY | O_CLOEXEC);
        n = read(fd, buf, 4096);
        assert_int_equal(n, BOOT_JOURNAL_HEADER_SIZE + N_LEASES * BOOT_JOURNAL_RECORD_SIZE);
        close(fd);
        close(dir);
        return (size_t)n;
}

/* Records that were read from @size bytes at the end of their memory. */
static size_t
replayed(const uint8_t *bytes, size_t size)
{
        struct lease_table *table = lease_table_new();
        uint8_t *data = cve_exact(bytes, size);
        struct boot_journal_report report;

        assert_int_equal(boot_journal_replay(data, size, table, &report), 0);
        assert_int_equal(report.n_good, lease_table_count(table));
        lease_table_free(table);
        free(data);
        return report.n_good;
}

/* ISC dhcpd: reading a lease file ran over what a statement said of itself. */
static void
cve_2021_25217_a_lease_file_cut_anywhere(void **state)
{
        uint8_t bytes[4096];
        size_t size = journal(*state, bytes);

        for (size_t n = BOOT_JOURNAL_HEADER_SIZE; n <= size; n++)
                assert_int_equal(replayed(bytes, n), (n - BOOT_JOURNAL_HEADER_SIZE) / BOOT_JOURNAL_RECORD_SIZE);
}

/* Kea: one bad entry of the lease file, and the server does not start any more. */
static void
cve_2019_6474_a_bad_entry_of_the_lease_file(void **state)
{
        uint8_t bytes[4096];
        size_t size = journal(*state, bytes);

        for (size_t at = BOOT_JOURNAL_HEADER_SIZE; at < size; at += 5) {
                bytes[at] ^= 0x40;
                assert_int_equal(replayed(bytes, size), N_LEASES - 1);
                bytes[at] ^= 0x40;
        }
}

/* Kea: leases and logs that everybody on the server could read. */
static void
cve_2025_32803_leases_are_nobody_elses_to_read(void **state)
{
        uint8_t bytes[4096];
        struct stat st;
        mode_t mask;

        mask = umask(0);
        journal(*state, bytes);
        umask(mask);
        assert_int_equal(stat(stage_path(*state, "state/" BOOT_JOURNAL_NAME), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

static const struct CMUnitTest tests[] = {
        CASE(cve_2024_2169_errors_are_not_answered),
        CASE(cve_2024_2169_nothing_goes_to_port_69),
        CASE(cve_2019_11366_one_port_used_again_and_again),
        CASE(cve_2002_2237_names_of_devices),
        CASE(peer_dnsmasq_links_out_of_the_folder),
        CASE(peer_dnsmasq_paths_in_errors),
        CASE(peer_dnsmasq_half_open_transfers),
        CASE(peer_atftpd_more_descriptors_than_an_fd_set),
        CASE(cve_2022_2928_references_of_an_open_file),
        CASE(cve_2021_25217_a_lease_file_cut_anywhere),
        CASE(cve_2019_6474_a_bad_entry_of_the_lease_file),
        CASE(cve_2025_32803_leases_are_nobody_elses_to_read),
};

CVE_MAIN(tests)
