/* SPDX-License-Identifier: Apache-2.0 */
/* The description of a room and its folder on disk. Starts no process, touches no network. Runs in the command-line client. */
#include "lab/lab_room.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab/lab_options.h"

static const char *const firmware_names[] = {[LAB_BIOS] = "bios", [LAB_UEFI] = "uefi", [LAB_UEFI_HTTP] = "uefi-http"};

const char *
lab_firmware_name(enum lab_firmware f)
{
        return firmware_names[f];
}

int
lab_firmware_find(const char *text)
{
        for (size_t i = 0; i < N_ELEMENTS(firmware_names); i++)
                if (strcmp(firmware_names[i], text) == 0)
                        return (int)i;
        return -1;
}

/* The hosts that are named go to the satellite's LAN. */
static void
place_hosts(struct lab_room *room, const struct lab_options *o)
{
        for (unsigned i = 0; i < o->n_satellite_hosts; i++)
                for (uint32_t k = 0; k < room->n_hosts; k++)
                        if (strcmp(o->satellite_hosts[i], room->hosts[k].name) == 0) {
                                room->hosts[k].satellite = room->satellite = true;
                                room->hosts[k].address = 0;
                        }
}

void
lab_room_init(struct lab_room *room, const struct lab_options *o)
{
        struct lab_host *h;

        *room = (struct lab_room){.n_hosts = o->n_hosts, .proxy = o->proxy, .segment = o->n_cards > 1, .disk = *o->disk};
        str_copy(room->name, sizeof(room->name), o->name);
        snprintf(room->netns, sizeof(room->netns), "dompool-%s", o->name);
        str_copy(room->dir, sizeof(room->dir), o->dir);
        str_copy(room->store, sizeof(room->store), o->store);
        str_copy(room->kernel_args, sizeof(room->kernel_args), o->kernel_args);
        for (uint32_t i = 0; i < o->n_hosts; i++) {
                h = &room->hosts[i];
                snprintf(h->name, sizeof(h->name), "n%u", i + 1);
                snprintf(h->tap, sizeof(h->tap), "tap%u", i + 1);
                h->mac = (struct mac){{0x52, 0x54, 0x00, 0x77, 0x00, (uint8_t)(i + 1)}};
                if (o->n_cards > 1) {
                        snprintf(h->tap2, sizeof(h->tap2), "tap%ub", i + 1);
                        h->mac2 = (struct mac){{0x52, 0x54, 0x00, 0x80, 0x00, (uint8_t)(i + 1)}};
                }
                h->address = LAB_FIRST_HOST_ADDRESS + i;
                h->firmware = o->firmwares[i % o->n_firmwares];
                h->memory_mib = o->memory_mib;
                str_copy(h->nic, sizeof(h->nic), o->nics[i % o->n_nics]);
                if (o->n_loaders > 0 && strcmp(o->loaders[i % o->n_loaders], "best") != 0)
                        str_copy(h->loader, sizeof(h->loader), o->loaders[i % o->n_loaders]);
        }
        place_hosts(room, o);
}

char *
lab_room_path(const struct lab_room *room, char buf[LAB_PATH_SIZE], const char *fmt, ...)
{
        va_list ap;
        int n = snprintf(buf, LAB_PATH_SIZE, "%s/", room->dir);
        int more;

        assert(n > 0 && n < LAB_PATH_SIZE);
        va_start(ap, fmt);
        more = vsnprintf(buf + n, (size_t)(LAB_PATH_SIZE - n), fmt, ap);
        va_end(ap);
        /* DIR is at most LAB_DIR_MAX long and the rest is made here of bounded names. */
        assert(more >= 0 && n + more < LAB_PATH_SIZE);
        return buf;
}

const struct lab_host *
lab_room_host(const struct lab_room *room, const char *name)
{
        for (uint32_t i = 0; i < room->n_hosts; i++)
                if (strcmp(room->hosts[i].name, name) == 0)
                        return &room->hosts[i];
        return NULL;
}

static int
make_dir(const char *path, struct error *err)
{
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
                return error_errno_set(err, errno, "cannot make the folder %s", path);
        return 0;
}

static json_t *
host_json(const struct lab_host *h)
{
        char mac[MAC_TEXT_SIZE], mac2[MAC_TEXT_SIZE], ip[IP4_TEXT_SIZE];

        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:i}", "name", h->name, "tap", h->tap, "mac",
                         mac_text(&h->mac, mac), "tap2", h->tap2, "mac2", mac_text(&h->mac2, mac2), "address",
                         ip4_text(h->address, ip), "satellite", h->satellite, "firmware", lab_firmware_name(h->firmware), "nic",
                         h->nic, "loader", h->loader, "memory_mib", (int)h->memory_mib);
}

static json_t *
room_json(const struct lab_room *room)
{
        json_t *hosts = json_array();

        for (uint32_t i = 0; i < room->n_hosts; i++)
                json_array_append_new(hosts, host_json(&room->hosts[i]));
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:o}", "name", room->name, "netns", room->netns, "dir", room->dir,
                         "store", room->store, "kernel_args", room->kernel_args, "proxy", room->proxy, "disk", room->disk,
                         "hosts", hosts);
}

int
lab_room_save(const struct lab_room *room, struct error *err)
{
        static const char *const folders[] = {"run", "state", "guests", "pid", "log", NULL};
        static const char *const satellite[] = {"", "/run", "/state", "/guests", "/store", NULL};
        char path[LAB_PATH_SIZE];
        json_t *json;
        int r;

        r = make_dir(room->dir, err);
        for (size_t i = 0; r == 0 && folders[i]; i++)
                r = make_dir(lab_room_path(room, path, "%s", folders[i]), err);
        for (size_t i = 0; r == 0 && room->satellite && satellite[i]; i++)
                r = make_dir(lab_room_path(room, path, LAB_SATELLITE "%s", satellite[i]), err);
        for (uint32_t i = 0; r == 0 && i < room->n_hosts; i++)
                r = make_dir(lab_room_path(room, path, "%s", room->hosts[i].name), err);
        if (r < 0)
                return r;
        json = room_json(room);
        if (!json || json_dump_file(json, lab_room_path(room, path, "room.json"), JSON_INDENT(2)) < 0)
                r = error_set(err, ERR_IO, "cannot write %s", path);
        json_decref(json);
        return r;
}

static int
host_load(json_t *json, struct lab_host *h)
{
        const char *name, *tap, *mac, *ip, *firmware, *nic, *loader, *tap2 = "", *mac2 = "";
        int memory, f, satellite = 0;

        if (json_unpack(json, "{s:s, s:s, s:s, s?s, s?s, s:s, s?b, s:s, s:s, s:s, s:i}", "name", &name, "tap", &tap, "mac",
                        &mac, "tap2", &tap2, "mac2", &mac2, "address", &ip, "satellite", &satellite, "firmware", &firmware,
                        "nic", &nic, "loader", &loader, "memory_mib", &memory) < 0)
                return -EINVAL;
        f = lab_firmware_find(firmware);
        if (f < 0 || memory <= 0 || parse_mac(mac, &h->mac) < 0 || parse_ip4(ip, &h->address) < 0 || !name_ok(name) ||
            !name_ok(nic))
                return -EINVAL;
        if (!str_copy(h->name, sizeof(h->name), name) || !str_copy(h->tap, sizeof(h->tap), tap) ||
            !str_copy(h->tap2, sizeof(h->tap2), tap2) || (*tap2 && parse_mac(mac2, &h->mac2) < 0) ||
            !str_copy(h->nic, sizeof(h->nic), nic) || (*loader && !name_ok(loader)) ||
            !str_copy(h->loader, sizeof(h->loader), loader))
                return -EINVAL;
        h->satellite = satellite;
        h->firmware = (enum lab_firmware)f;
        h->memory_mib = (uint32_t)memory;
        return 0;
}

static int
room_from_json(json_t *json, struct lab_room *room)
{
        const char *name, *netns, *dir, *store, *kernel_args;
        json_t *hosts;
        int proxy = 0, disk = 0;

        if (json_unpack(json, "{s:s, s:s, s:s, s:s, s:s, s?b, s?b, s:o}", "name", &name, "netns", &netns, "dir", &dir, "store",
                        &store, "kernel_args", &kernel_args, "proxy", &proxy, "disk", &disk, "hosts", &hosts) < 0)
                return -EINVAL;
        if (!name_ok(name) || !name_ok(netns) || strlen(dir) > LAB_DIR_MAX || json_array_size(hosts) > LAB_MAX_HOSTS)
                return -EINVAL;
        if (!str_copy(room->name, sizeof(room->name), name) || !str_copy(room->netns, sizeof(room->netns), netns) ||
            !str_copy(room->dir, sizeof(room->dir), dir) || !str_copy(room->store, sizeof(room->store), store) ||
            !str_copy(room->kernel_args, sizeof(room->kernel_args), kernel_args))
                return -EINVAL;
        room->proxy = proxy;
        room->disk = disk;
        room->n_hosts = (uint32_t)json_array_size(hosts);
        for (uint32_t i = 0; i < room->n_hosts; i++) {
                if (host_load(json_array_get(hosts, i), &room->hosts[i]) < 0)
                        return -EINVAL;
                room->satellite = room->satellite || room->hosts[i].satellite;
                room->segment = room->segment || *room->hosts[i].tap2;
        }
        return 0;
}

int
lab_room_load(struct lab_room *room, const char *dir, struct error *err)
{
        char path[LAB_PATH_SIZE + 16];
        json_error_t where;
        json_t *json;
        int r;

        snprintf(path, sizeof(path), "%s/room.json", dir);
        if (access(path, F_OK) < 0)
                return error_set(err, ERR_NOT_FOUND, "there is no room in %s; 'dompool lab up' makes one", dir);
        json = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
        *room = (struct lab_room){0};
        r = json ? room_from_json(json, room) : -EINVAL;
        json_decref(json);
        if (r < 0)
                return error_set(err, ERR_IO, "%s is damaged; remove the folder by hand", path);
        return 0;
}

int
lab_room_copy(const char *from, const char *to, struct error *err)
{
        _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
        struct stat st;
        ssize_t n;

        if (in >= 0 && fstat(in, &st) == 0)
                out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, st.st_mode & 0777);
        if (in < 0 || out < 0)
                return error_errno_set(err, errno, "cannot copy %s to %s", from, to);
        while (st.st_size > 0) {
                n = sendfile(out, in, NULL, (size_t)st.st_size);
                if (n <= 0)
                        return error_errno_set(err, n < 0 ? errno : EIO, "cannot copy %s to %s", from, to);
                st.st_size -= n;
        }
        return 0;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
        (void)st;
        (void)type;
        (void)where;
        remove(path); /* what stays is seen by the next `up`, which names it */
        return 0;
}

void
lab_room_remove(const struct lab_room *room)
{
        nftw(room->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Is the file that was locked still the one of that name? Else somebody unlocked it by removing it in between. */
static bool
is_same_file(int fd, const char *path)
{
        struct stat a, b;

        return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

int
lab_room_lock(const char *name, struct error *err)
{
        char path[LAB_PATH_SIZE];

        snprintf(path, sizeof(path), "/run/dompool-%s.lock", name);
        for (;;) {
                _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

                if (fd < 0) {
                        error_errno_set(err, errno, "cannot open %s", path);
                        return -1;
                }
                if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                        error_set(err, ERR_BUSY, "another 'dompool lab' works on the room '%s' (it holds %s)", name, path);
                        return -1;
                }
                if (is_same_file(fd, path))
                        return TAKE_FD(fd);
        }
}

void
lab_room_unlock(const char *name, int *fd)
{
        char path[LAB_PATH_SIZE];

        if (*fd < 0)
                return;
        snprintf(path, sizeof(path), "/run/dompool-%s.lock", name);
        unlink(path); /* while it is still held: whoever opens it from now on makes a new one */
        close(*fd);
        *fd = -1;
}
