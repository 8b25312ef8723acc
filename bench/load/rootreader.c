/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One simulated host that reads its root as a recorded boot did, one request at a time, as fast as the answers come:
 * bench/readers.py starts twenty, each in a network namespace with its own address.
 *
 *     rootreader kind=http server=IP port=PORT paths=/PATH,/PATH
 *     rootreader kind=nbd server=IP port=PORT export=NAME script=FILE
 *     rootreader kind=rpc server=IP port=PORT script=FILE number=N
 *     rootreader kind=iscsi server=IP port=PORT target=IQN initiator=IQN script=FILE
 *     rootreader kind=aoe interface=DEVICE shelf=N slot=N script=FILE
 *
 * Says "open" when it is connected, begins when its standard input is closed, and prints one JSON object: seconds, requests,
 * bytes, sum, lost.
 */
#include "rootreader.h"

#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loadgen.h"

#define CHUNK (1u << 20)

void
reader_fail(const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fputc('\n', stderr);
        exit(1);
}

void
reader_connect(struct reader *r)
{
        const struct sockaddr_in server =
                socket_address(option_address(r->argv, "server"), (uint16_t)option_number(r->argv, "port", 0));
        const int on = 1;

        r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (r->fd < 0 || connect(r->fd, (const struct sockaddr *)&server, sizeof(server)) < 0)
                die("connect");
        setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void
reader_send(struct reader *r, const void *data, size_t size)
{
        for (size_t at = 0; at < size;) {
                ssize_t n = send(r->fd, (const uint8_t *)data + at, size - at, MSG_NOSIGNAL);

                if (n < 0)
                        die("send");
                at += (size_t)n;
        }
}

void
reader_receive(struct reader *r, void *data, size_t size)
{
        for (size_t at = 0; at < size;) {
                ssize_t n = recv(r->fd, (uint8_t *)data + at, size - at, MSG_WAITALL);

                if (n < 0)
                        die("recv");
                if (n == 0)
                        reader_fail("the server closes the connection after %llu requests", (unsigned long long)r->requests);
                at += (size_t)n;
        }
}

void
reader_add(struct reader *r, const uint8_t *data, size_t size)
{
        uint64_t word;

        r->bytes += size;
        for (; size >= sizeof(word); data += sizeof(word), size -= sizeof(word)) {
                memcpy(&word, data, sizeof(word));
                r->sum += le64toh(word);
        }
        word = 0;
        memcpy(&word, data, size);
        r->sum += le64toh(word);
}

uint8_t *
reader_script(const struct reader *r, size_t *ret_size)
{
        const char *path = option_text(r->argv, "script", "");
        FILE *f = fopen(path, "re");
        uint8_t *data;
        long size = -1;

        if (!f || fseek(f, 0, SEEK_END) < 0 || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) < 0)
                die(path);
        data = malloc((size_t)size + 1);
        if (!data || fread(data, 1, (size_t)size, f) != (size_t)size)
                die(path);
        fclose(f);
        *ret_size = (size_t)size;
        return data;
}

struct block_read *
reader_block_script(const struct reader *r, size_t *ret_n)
{
        struct block_read *reads = (struct block_read *)reader_script(r, ret_n);

        *ret_n /= sizeof(*reads);
        for (size_t i = 0; i < *ret_n; i++) {
                reads[i].offset = le64toh(reads[i].offset);
                reads[i].length = le64toh(reads[i].length);
                if (reads[i].length > BLOCK_READ_MAX || reads[i].length % 512 != 0 || reads[i].offset % 512 != 0)
                        reader_fail("the script's read %zu is none", i);
        }
        return reads;
}

/* --- HTTP --- */

/* An answer's head, byte for byte, for what comes behind it is the file's. The length of the body. */
static size_t
read_head(struct reader *r, const char *path)
{
        char head[4096];
        const char *length;
        size_t n = 0;

        do {
                if (n == sizeof(head) - 1)
                        reader_fail("%s: the answer's head is too long", path);
                reader_receive(r, head + n++, 1);
                head[n] = '\0';
        } while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0);
        length = strcasestr(head, "\r\nContent-Length:");
        if (strncmp(head, "HTTP/1.1 200", 12) != 0 || !length)
                reader_fail("%s: %.12s", path, head);
        return strtoul(length + 17, NULL, 10);
}

static void
http_get(struct reader *r, const char *path)
{
        static uint8_t data[CHUNK];
        char request[512];
        size_t left;

        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: server\r\n\r\n", path);
        reader_send(r, request, strlen(request));
        for (left = read_head(r, path); left > 0;) {
                size_t n = left < sizeof(data) ? left : sizeof(data);

                reader_receive(r, data, n);
                reader_add(r, data, n);
                left -= n;
        }
        r->requests++;
}

static void
http_replay(struct reader *r)
{
        char *paths = strdup(option_text(r->argv, "paths", "")), *save;

        for (char *path = strtok_r(paths, ",", &save); path; path = strtok_r(NULL, ",", &save))
                http_get(r, path);
        free(paths);
}

/* --- NBD: doc/proto.md of NetworkBlockDevice/nbd, fixed newstyle, NBD_OPT_EXPORT_NAME --- */

#define NBD_OPTION_MAGIC 0x49484156454F5054ull
#define NBD_REQUEST_MAGIC 0x25609513u
#define NBD_REPLY_MAGIC 0x67446698u

struct nbd_request {
        uint32_t magic;
        uint16_t flags, type; /* 0: read */
        uint64_t handle, offset;
        uint32_t length;
} __attribute__((packed));

struct nbd_answer {
        uint32_t magic, error;
        uint64_t handle;
} __attribute__((packed));

static void
nbd_open(struct reader *r)
{
        const char *name = option_text(r->argv, "export", "");
        const uint32_t flags = htobe32(3); /* fixed newstyle, no zeroes */
        struct {
                uint64_t magic;
                uint32_t option, length;
        } __attribute__((packed)) option = {htobe64(NBD_OPTION_MAGIC), htobe32(1), htobe32((uint32_t)strlen(name))};
        uint8_t greeting[18], size_and_flags[10];

        reader_connect(r);
        reader_receive(r, greeting, sizeof(greeting));
        if (memcmp(greeting, "NBDMAGICIHAVEOPT", 16) != 0)
                reader_fail("no NBD server");
        reader_send(r, &flags, sizeof(flags));
        reader_send(r, &option, sizeof(option));
        reader_send(r, name, strlen(name));
        reader_receive(r, size_and_flags, sizeof(size_and_flags));
}

static void
nbd_replay(struct reader *r)
{
        static uint8_t data[BLOCK_READ_MAX];
        size_t n;
        struct block_read *reads = reader_block_script(r, &n);

        for (size_t i = 0; i < n; i++) {
                const struct nbd_request request = {.magic = htobe32(NBD_REQUEST_MAGIC),
                                                    .handle = i,
                                                    .offset = htobe64(reads[i].offset),
                                                    .length = htobe32((uint32_t)reads[i].length)};
                struct nbd_answer answer;

                reader_send(r, &request, sizeof(request));
                reader_receive(r, &answer, sizeof(answer));
                if (answer.magic != htobe32(NBD_REPLY_MAGIC) || answer.error != 0 || answer.handle != i)
                        reader_fail("NBD: the answer to read %zu is error %u", i, be32toh(answer.error));
                reader_receive(r, data, reads[i].length);
                reader_add(r, data, reads[i].length);
                r->requests++;
        }
        free(reads);
}

/* --- the program --- */

static const struct transport transports[] = {
        {"http", reader_connect, http_replay}, {"nbd", nbd_open, nbd_replay}, {"rpc", rpc_open, rpc_replay},
        {"iscsi", iscsi_open, iscsi_replay},   {"aoe", aoe_open, aoe_replay},
};

int
main(int argc, char **argv)
{
        struct reader r = {.argv = argv + 1, .fd = -1};
        const char *kind = option_text(r.argv, "kind", "");
        const struct transport *t = NULL;
        int64_t begin;
        char byte;

        for (size_t i = 0; i < sizeof(transports) / sizeof(*transports); i++)
                if (strcmp(transports[i].name, kind) == 0)
                        t = &transports[i];
        if (argc < 2 || !t)
                reader_fail("usage: rootreader kind=http|nbd|rpc|iscsi|aoe ...; see bench/load/rootreader.c");
        t->open(&r);
        printf("open\n");
        fflush(stdout);
        while (read(0, &byte, 1) > 0)
                ;
        begin = now_us();
        t->replay(&r);
        printf("{\"seconds\": %.6f, \"requests\": %llu, \"bytes\": %llu, \"sum\": %llu, \"lost\": %llu}\n",
               (double)(now_us() - begin) / 1e6, (unsigned long long)r.requests, (unsigned long long)r.bytes,
               (unsigned long long)r.sum, (unsigned long long)r.lost);
        return 0;
}
