/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ATA over Ethernet (AoE r11) as the kernel's driver reads: frames of as many sectors as fit into the interface's MTU, no more
 * on their way than the server has buffers for, asked for again when no answer comes.
 */
#include "rootreader.h"

#include <endian.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "loadgen.h"

#define AOE_TYPE 0x88A2
#define SECTOR 512u
#define ATA_READ_EXT 0x24
#define RETRY_MS 100
#define TRIES 100
#define FRAME_MAX 9100

struct frame {
        uint8_t to[6], from[6];
        uint16_t type;
        uint8_t version_flags, error;
        uint16_t shelf;
        uint8_t slot, command;
        uint32_t tag;
        union {
                struct {
                        uint8_t flags, feature, sectors, ata, lba[6], reserved[2];
                } ata;
                struct {
                        uint16_t buffers, firmware;
                        uint8_t sectors, version_command;
                        uint16_t length;
                } config;
        };
} __attribute__((packed));

#define ATA_HEAD (offsetof(struct frame, ata) + 12)
#define CONFIG_HEAD (offsetof(struct frame, config) + 8)

/* One read on its way: which of its frames have been answered. */
struct window {
        const struct block_read *read;
        uint32_t n, next, open, silences;
        bool *sent, *done;
};

static struct {
        uint8_t mac[6], server[6];
        uint16_t shelf;
        uint8_t slot;
        uint32_t frame_size, buffers, tag;
} us;

static void
send_frame(struct reader *r, struct frame *f, size_t size)
{
        memcpy(f->to, us.server, 6);
        memcpy(f->from, us.mac, 6);
        f->type = htobe16(AOE_TYPE);
        f->version_flags = 0x10;
        f->shelf = htobe16(us.shelf);
        f->slot = us.slot;
        while (send(r->fd, f, size, 0) < 0)
                if (errno != ENOBUFS)
                        die("send");
}

/* An answer of our device; 0: none came in time. */
static size_t
receive_frame(struct reader *r, uint8_t data[FRAME_MAX])
{
        struct pollfd p = {.fd = r->fd, .events = POLLIN};
        const struct frame *f = (const struct frame *)data;

        while (poll(&p, 1, RETRY_MS) > 0) {
                ssize_t n = recv(r->fd, data, FRAME_MAX, 0);

                if (n >= (ssize_t)CONFIG_HEAD && (f->version_flags & 0x08) && f->shelf == htobe16(us.shelf) &&
                    f->slot == us.slot && memcmp(f->to, us.mac, 6) == 0) {
                        if (f->error || (f->version_flags & 0x04))
                                reader_fail("AoE: error %u", f->error);
                        return (size_t)n;
                }
        }
        return 0;
}

void
aoe_open(struct reader *r)
{
        struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htobe16(AOE_TYPE)};
        const char *interface = option_text(r->argv, "interface", "eth0");
        const int room = 4 << 20;
        uint8_t data[FRAME_MAX];
        struct ifreq q = {0};
        size_t n = 0;

        us.shelf = (uint16_t)option_number(r->argv, "shelf", 0);
        us.slot = (uint8_t)option_number(r->argv, "slot", 0);
        at.sll_ifindex = (int)if_nametoindex(interface);
        snprintf(q.ifr_name, sizeof(q.ifr_name), "%s", interface);
        r->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htobe16(AOE_TYPE));
        if (r->fd < 0 || bind(r->fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || ioctl(r->fd, SIOCGIFHWADDR, &q) < 0)
                die(interface);
        memcpy(us.mac, q.ifr_hwaddr.sa_data, 6);
        setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
        if (ioctl(r->fd, SIOCGIFMTU, &q) < 0)
                die(interface);
        us.frame_size = ((uint32_t)q.ifr_mtu - (uint32_t)(ATA_HEAD - 14)) / SECTOR * SECTOR;
        memset(us.server, 0xff, 6);
        for (int i = 0; i < TRIES && n == 0; i++) {
                struct frame f = {.command = 1}; /* query config */

                send_frame(r, &f, CONFIG_HEAD);
                n = receive_frame(r, data);
        }
        if (n == 0)
                reader_fail("AoE: e%u.%u does not answer", us.shelf, us.slot);
        memcpy(us.server, ((const struct frame *)data)->from, 6);
        us.buffers = be16toh(((const struct frame *)data)->config.buffers);
}

static uint32_t
frame_length(const struct window *w, uint32_t i)
{
        const uint64_t left = w->read->length - (uint64_t)i * us.frame_size;

        return left < us.frame_size ? (uint32_t)left : us.frame_size;
}

static void
ask(struct reader *r, struct window *w, uint32_t i)
{
        const uint64_t lba = (w->read->offset + (uint64_t)i * us.frame_size) / SECTOR;
        struct frame f = {.tag = us.tag + i,
                          .ata = {.flags = 0x40, .sectors = (uint8_t)(frame_length(w, i) / SECTOR), .ata = ATA_READ_EXT}};

        for (int k = 0; k < 6; k++)
                f.ata.lba[k] = (uint8_t)(lba >> 8 * k);
        send_frame(r, &f, ATA_HEAD);
        w->sent[i] = true;
}

/* One answer, or none in time: then all that is open is asked for again. */
static void
take(struct reader *r, struct window *w)
{
        uint8_t data[FRAME_MAX];
        const struct frame *f = (const struct frame *)data;
        const size_t n = receive_frame(r, data);
        uint32_t i;

        if (n == 0) {
                if (++w->silences == TRIES)
                        reader_fail("AoE: e%u.%u answers no more", us.shelf, us.slot);
                for (i = 0; i < w->next; i++)
                        if (!w->done[i]) {
                                ask(r, w, i);
                                r->lost++;
                        }
                return;
        }
        i = f->tag - us.tag;
        if (f->command != 0 || i >= w->n || !w->sent[i] || w->done[i])
                return; /* of a read before, asked for twice */
        if (n < ATA_HEAD + frame_length(w, i))
                reader_fail("AoE: a short answer, ATA status %02x", f->ata.ata);
        reader_add(r, data + ATA_HEAD, frame_length(w, i));
        w->done[i] = true;
        w->open--;
        r->requests++;
}

void
aoe_replay(struct reader *r)
{
        size_t n;
        struct block_read *reads = reader_block_script(r, &n);

        for (size_t k = 0; k < n; k++) {
                struct window w = {.read = &reads[k], .n = (uint32_t)((reads[k].length + us.frame_size - 1) / us.frame_size)};

                w.sent = calloc(w.n + 1, sizeof(bool));
                w.done = calloc(w.n + 1, sizeof(bool));
                if (!w.sent || !w.done)
                        die("calloc");
                while (w.open > 0 || w.next < w.n) {
                        for (; w.next < w.n && w.open < us.buffers; w.open++)
                                ask(r, &w, w.next++);
                        take(r, &w);
                }
                us.tag += w.n;
                free(w.sent);
                free(w.done);
        }
        free(reads);
}
