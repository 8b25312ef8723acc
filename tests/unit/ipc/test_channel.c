/* SPDX-License-Identifier: Apache-2.0 */
/* Channels on a real loop and real sockets: order, size, descriptors, limits, and peers that misbehave. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipc/channel.h"

/* core at one end, boot at the other; what each hears. */
struct end {
        struct channel *ch;
        unsigned n_messages, n_closes;
        uint64_t last_generation;
        size_t last_body;
        int last_fd;
        bool free_in_callback;
        char reason[100];
};

struct pair {
        uv_loop_t loop;
        struct end core, other;
};

static void
on_message(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd)
{
        struct end *e = arg;

        e->n_messages++;
        if (type == MSG_POLICY) {
                uint64_t generation = ((struct msg_policy *)payload)->generation;

                assert_true(e->n_messages == 1 || generation == e->last_generation + 1); /* order is kept */
                e->last_generation = generation;
        }
        if (type == MSG_API_REPLY)
                e->last_body = ((struct msg_api_reply *)payload)->body.size;
        if (fd >= 0) {
                if (e->last_fd >= 0)
                        close(e->last_fd);
                e->last_fd = fd;
        }
        if (e->free_in_callback) {
                channel_free(ch);
                e->ch = NULL;
        }
}

static void
on_close(void *arg, struct channel *ch, const char *reason)
{
        struct end *e = arg;

        e->n_closes++;
        snprintf(e->reason, sizeof(e->reason), "%s", reason);
        channel_free(ch);
        e->ch = NULL;
}

static void
pair_init(struct pair *p, enum role other)
{
        int fds[2];

        memset(p, 0, sizeof(*p));
        p->core.last_fd = p->other.last_fd = -1;
        assert_int_equal(uv_loop_init(&p->loop), 0);
        assert_int_equal(channel_pair(fds), 0);
        assert_int_equal(channel_new(&p->loop, fds[0], ROLE_CORE, other, on_message, on_close, &p->core, &p->core.ch), 0);
        assert_int_equal(channel_new(&p->loop, fds[1], other, ROLE_CORE, on_message, on_close, &p->other, &p->other.ch), 0);
}

/* Only one end is a channel; the test plays the other by hand. */
static int
pair_init_raw(struct pair *p)
{
        int fds[2];

        memset(p, 0, sizeof(*p));
        p->core.last_fd = p->other.last_fd = -1;
        assert_int_equal(uv_loop_init(&p->loop), 0);
        assert_int_equal(channel_pair(fds), 0);
        assert_int_equal(channel_new(&p->loop, fds[1], ROLE_BOOT, ROLE_CORE, on_message, on_close, &p->other, &p->other.ch), 0);
        return fds[0];
}

static void
turn(struct pair *p, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                uv_run(&p->loop, UV_RUN_NOWAIT);
}

static void
pair_deinit(struct pair *p)
{
        channel_free(p->core.ch);
        channel_free(p->other.ch);
        for (struct end *e = &p->core; e <= &p->other; e++)
                if (e->last_fd >= 0)
                        close(e->last_fd);
        uv_run(&p->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&p->loop), 0); /* no handle is left */
}

static void
messages_arrive_in_order(void **state)
{
        struct pair p;

        (void)state;
        pair_init(&p, ROLE_BOOT);
        for (uint64_t i = 1; i <= 1000; i++)
                assert_int_equal(channel_send(p.core.ch, MSG_POLICY, &(struct msg_policy){i}, -1), 0);
        turn(&p, 50);
        assert_int_equal(p.other.n_messages, 1000);
        assert_int_equal(p.other.last_generation, 1000);
        pair_deinit(&p);
}

/* One system call for all, and a descriptor stays with its message though others leave with it. */
static void
held_messages_leave_together_and_in_order(void **state)
{
        struct pair p;
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        (void)state;
        pair_init(&p, ROLE_BOOT);
        channel_hold(p.core.ch, true);
        for (uint64_t i = 1; i <= 200; i++)
                assert_int_equal(channel_send(p.core.ch, MSG_POLICY, &(struct msg_policy){i}, i % 30 == 1 ? fd : -1), 0);
        turn(&p, 5);
        assert_int_equal(p.other.n_messages, 0);
        channel_hold(p.core.ch, false);
        turn(&p, 50);
        assert_int_equal(p.other.n_messages, 200);
        assert_int_equal(p.other.last_generation, 200);
        close(fd);
        pair_deinit(&p);
}

/* Nobody who holds and forgets fills the memory. */
static void
a_long_queue_leaves_though_it_is_held(void **state)
{
        struct pair p;

        (void)state;
        pair_init(&p, ROLE_BOOT);
        channel_hold(p.core.ch, true);
        for (uint64_t i = 1; i <= 5000; i++)
                assert_int_equal(channel_send(p.core.ch, MSG_POLICY, &(struct msg_policy){i}, -1), 0);
        turn(&p, 50);
        assert_true(p.other.n_messages > 1000);
        pair_deinit(&p);
}

static void
a_large_message_crosses_small_buffers(void **state)
{
        struct msg_api_reply m = {.request = 7, .status = 200};
        size_t size = 12u << 20;
        struct pair p;
        char *text = malloc(size);

        (void)state;
        memset(text, 'x', size);
        assert_int_equal(blob_set(&m.body, text, size), 0);
        pair_init(&p, ROLE_API);
        assert_int_equal(channel_send(p.core.ch, MSG_API_REPLY, &m, -1), 0);
        for (int i = 0; i < 10000 && p.other.n_messages == 0; i++)
                turn(&p, 1);
        assert_int_equal(p.other.last_body, size);
        blob_clear(&m.body);
        free(text);
        pair_deinit(&p);
}

static void
too_large_a_message_is_not_sent(void **state)
{
        struct msg_api_reply m = {.request = 7};
        struct pair p;

        (void)state;
        pair_init(&p, ROLE_API);
        m.body.size = CHANNEL_MAX; /* the encoder would read it: it must be refused before */
        assert_int_equal(channel_send(p.core.ch, MSG_API_REPLY, &m, -1), -EMSGSIZE);
        turn(&p, 3);
        assert_int_equal(p.other.n_messages + p.other.n_closes, 0);
        pair_deinit(&p);
}

static void
a_descriptor_arrives_with_its_message(void **state)
{
        int file = memfd_create("test", MFD_CLOEXEC);
        struct pair p;
        char text[8] = "";

        (void)state;
        pair_init(&p, ROLE_BOOT);
        assert_int_equal(write(file, "hello", 5), 5);
        channel_send(p.core.ch, MSG_POLICY, &(struct msg_policy){1}, -1);
        channel_send(p.core.ch, MSG_POLICY, &(struct msg_policy){2}, file);
        channel_send(p.core.ch, MSG_POLICY, &(struct msg_policy){3}, -1);
        close(file); /* the message has its own */
        turn(&p, 5);
        assert_int_equal(p.other.n_messages, 3);
        assert_true(p.other.last_fd >= 0);
        assert_true(fcntl(p.other.last_fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(pread(p.other.last_fd, text, 5, 0), 5);
        assert_string_equal(text, "hello");
        pair_deinit(&p);
}

static void
hundreds_of_descriptors_stay_with_their_messages(void **state)
{
        struct pair p;

        (void)state;
        pair_init(&p, ROLE_BOOT);
        for (uint64_t i = 1; i <= 300; i++) {
                int file = memfd_create("test", MFD_CLOEXEC);

                assert_int_equal(ftruncate(file, (off_t)i), 0);
                assert_int_equal(channel_send(p.core.ch, MSG_POLICY, &(struct msg_policy){i}, file), 0);
                close(file);
                if (i % 7 == 0) {
                        turn(&p, 1);
                        if (p.other.n_messages)
                                assert_int_equal(lseek(p.other.last_fd, 0, SEEK_END), (off_t)p.other.last_generation);
                }
        }
        turn(&p, 400);
        assert_int_equal(p.other.n_messages, 300);
        assert_int_equal(lseek(p.other.last_fd, 0, SEEK_END), 300);
        pair_deinit(&p);
}

static void
a_message_that_the_sender_may_not_send_is_refused_at_once(void **state)
{
        struct pair p;

        (void)state;
        pair_init(&p, ROLE_BOOT);
        assert_int_equal(channel_send(p.other.ch, MSG_POLICY, &(struct msg_policy){1}, -1), -EPERM);
        assert_int_equal(channel_send(p.core.ch, MSG_WORK_TASK, &(struct msg_work_task){0}, -1), -EPERM);
        turn(&p, 3);
        assert_int_equal(p.core.n_messages + p.core.n_closes + p.other.n_messages + p.other.n_closes, 0);
        pair_deinit(&p);
}

/* boot is owned and speaks as if it were core. */
static void
a_message_out_of_turn_closes_the_channel(void **state)
{
        struct pair p;
        int sock;

        (void)state;
        sock = pair_init_raw(&p);
        assert_int_equal(
                channel_write_blocking(sock, ROLE_CORE, ROLE_WORK, MSG_WORK_TASK, &(struct msg_work_task){.op = 1}, -1), 0);
        turn(&p, 3);
        assert_int_equal(p.other.n_messages, 0);
        assert_int_equal(p.other.n_closes, 1);
        assert_string_equal(p.other.reason, "a message that the peer may not send");
        close(sock);
        pair_deinit(&p);
}

static void
garbage_closes_the_channel(void **state)
{
        struct pair p;
        int sock;

        (void)state;
        sock = pair_init_raw(&p);
        assert_int_equal(write(sock, "GET / HTTP/1.1\r\n\r\n", 18), 18);
        turn(&p, 3);
        assert_int_equal(p.other.n_closes, 1);
        assert_string_equal(p.other.reason, "a malformed frame");
        close(sock);
        pair_deinit(&p);
}

static void
half_a_frame_is_waited_for_and_its_end_is_the_peers_end(void **state)
{
        uint8_t frame[200];
        struct pair p, q;
        ssize_t n;
        int sock, fds[2];

        (void)state;
        assert_int_equal(channel_pair(fds), 0);
        assert_int_equal(channel_write_blocking(fds[0], ROLE_CORE, ROLE_BOOT, MSG_POLICY, &(struct msg_policy){1}, -1), 0);
        n = read(fds[1], frame, sizeof(frame));
        assert_true(n > 13);
        close(fds[0]);
        close(fds[1]);

        sock = pair_init_raw(&p); /* byte by byte is as good as at once */
        for (ssize_t i = 0; i < n; i++) {
                assert_int_equal(p.other.n_messages, 0);
                assert_int_equal(write(sock, frame + i, 1), 1);
                turn(&p, 2);
        }
        assert_int_equal(p.other.n_messages, 1);
        close(sock);
        pair_deinit(&p);

        sock = pair_init_raw(&q);
        assert_int_equal(write(sock, frame, (size_t)n - 1), n - 1);
        close(sock);
        turn(&q, 3);
        assert_int_equal(q.other.n_messages, 0);
        assert_int_equal(q.other.n_closes, 1);
        pair_deinit(&q);
}

static void
send_fds(int sock, const void *data, size_t size, int fd, unsigned n)
{
        char control[CMSG_SPACE(sizeof(int) * 32)] = {0};
        struct iovec iov = {(void *)data, size};
        struct msghdr msg = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int) * n)};
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * n);
        for (unsigned i = 0; i < n; i++)
                memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
        assert_int_equal(sendmsg(sock, &msg, 0), (ssize_t)size);
}

static int
next_fd(void)
{
        int fd = dup(0);

        close(fd);
        return fd;
}

static void
descriptors_that_no_frame_announces_are_closed(void **state)
{
        struct pair p;
        int sock, before;

        (void)state;
        sock = pair_init_raw(&p);
        before = next_fd();
        send_fds(sock, "D", 1, sock, 20);
        turn(&p, 3);
        assert_int_equal(p.other.n_closes, 1);
        assert_string_equal(p.other.reason, "too many descriptors");
        turn(&p, 3);
        assert_true(next_fd() <= before); /* none stays open */
        close(sock);
        pair_deinit(&p);
}

static void
a_receiver_that_does_not_read_fills_the_queue_and_no_more(void **state)
{
        struct msg_api_reply m = {.request = 7};
        size_t size = 8u << 20;
        char *text = calloc(1, size);
        struct pair p;
        int r = 0, n = 0;

        (void)state;
        assert_int_equal(blob_set(&m.body, text, size), 0);
        pair_init(&p, ROLE_API);
        while (n < 100 && (r = channel_send(p.core.ch, MSG_API_REPLY, &m, -1)) == 0)
                n++;
        assert_int_equal(r, -ENOBUFS);
        assert_true(n >= 7 && n <= 9);
        for (int i = 0; i < 20000 && p.other.n_messages < (unsigned)n; i++)
                turn(&p, 1);
        assert_int_equal(p.other.n_messages, n); /* what was taken arrives */
        assert_int_equal(channel_send(p.core.ch, MSG_API_REPLY, &m, -1), 0);
        blob_clear(&m.body);
        free(text);
        pair_deinit(&p);
}

static void
sending_to_a_peer_that_is_gone_fails_and_tells_from_the_loop(void **state)
{
        struct pair p;
        int r;

        (void)state;
        pair_init(&p, ROLE_BOOT);
        channel_free(p.other.ch);
        p.other.ch = NULL;
        r = channel_send(p.core.ch, MSG_POLICY, &(struct msg_policy){1}, -1);
        assert_int_equal(r, -EPIPE);
        assert_int_equal(p.core.n_closes, 0); /* never inside a send */
        turn(&p, 3);
        assert_int_equal(p.core.n_closes, 1);
        pair_deinit(&p);
}

static void
a_channel_may_be_freed_by_its_own_callback(void **state)
{
        struct pair p;

        (void)state;
        pair_init(&p, ROLE_BOOT);
        p.other.free_in_callback = true;
        for (uint64_t i = 1; i <= 10; i++)
                channel_send(p.core.ch, MSG_POLICY, &(struct msg_policy){i}, -1);
        turn(&p, 5);
        assert_int_equal(p.other.n_messages, 1);
        assert_int_equal(p.other.n_closes, 0);
        pair_deinit(&p);
}

static void
blocking_reads_take_one_message_and_its_descriptor_only(void **state)
{
        int fds[2], fd = -1;
        void *payload = NULL;

        (void)state;
        assert_int_equal(channel_pair(fds), 0);
        assert_int_equal(
                channel_write_blocking(fds[0], ROLE_PARENT, ROLE_BOOT, MSG_ROLE_FD, &(struct msg_role_fd){FD_DHCP, 0}, 0), 0);
        assert_int_equal(channel_write_blocking(fds[0], ROLE_PARENT, ROLE_BOOT, MSG_ROLE_GO, &(struct msg_empty){0}, -1), 0);
        close(fds[0]);
        assert_int_equal(channel_read_blocking(fds[1], ROLE_BOOT, ROLE_PARENT, &payload, &fd), MSG_ROLE_FD);
        assert_int_equal(((struct msg_role_fd *)payload)->purpose, FD_DHCP);
        assert_true(fd >= 0);
        close(fd);
        free(payload);
        assert_int_equal(channel_read_blocking(fds[1], ROLE_BOOT, ROLE_PARENT, &payload, &fd), MSG_ROLE_GO);
        assert_int_equal(fd, -1);
        free(payload);
        assert_int_equal(channel_read_blocking(fds[1], ROLE_BOOT, ROLE_PARENT, &payload, &fd), 0);
        close(fds[1]);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(messages_arrive_in_order),
                cmocka_unit_test(held_messages_leave_together_and_in_order),
                cmocka_unit_test(a_long_queue_leaves_though_it_is_held),
                cmocka_unit_test(a_large_message_crosses_small_buffers),
                cmocka_unit_test(too_large_a_message_is_not_sent),
                cmocka_unit_test(a_descriptor_arrives_with_its_message),
                cmocka_unit_test(hundreds_of_descriptors_stay_with_their_messages),
                cmocka_unit_test(a_message_that_the_sender_may_not_send_is_refused_at_once),
                cmocka_unit_test(a_message_out_of_turn_closes_the_channel),
                cmocka_unit_test(garbage_closes_the_channel),
                cmocka_unit_test(half_a_frame_is_waited_for_and_its_end_is_the_peers_end),
                cmocka_unit_test(descriptors_that_no_frame_announces_are_closed),
                cmocka_unit_test(a_receiver_that_does_not_read_fills_the_queue_and_no_more),
                cmocka_unit_test(sending_to_a_peer_that_is_gone_fails_and_tells_from_the_loop),
                cmocka_unit_test(a_channel_may_be_freed_by_its_own_callback),
                cmocka_unit_test(blocking_reads_take_one_message_and_its_descriptor_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
