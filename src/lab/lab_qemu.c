/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU's command line, its firmware files, and its monitor (QMP) for the reset button. Runs in the command-line client.
 */
#include "lab/lab_qemu.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab/lab_process.h"

#define OVMF_CODE "/usr/share/OVMF/OVMF_CODE_4M.fd"
#define OVMF_VARS "/usr/share/OVMF/OVMF_VARS_4M.fd"
#define TAIL_BYTES 32768
#define QMP_TIMEOUT_S 5

void
lab_argv_add(struct lab_argv *a, const char *fmt, ...)
{
        va_list ap;
        int r;

        assert(a->n < LAB_QEMU_MAX_ARGS - 1);
        va_start(ap, fmt);
        r = vasprintf(&a->v[a->n], fmt, ap);
        va_end(ap);
        assert(r >= 0);
        a->v[++a->n] = NULL;
}

void
lab_argv_free(struct lab_argv *a)
{
        for (unsigned i = 0; i < a->n; i++)
                free(a->v[i]);
        *a = (struct lab_argv){0};
}

static void
add_pair(struct lab_argv *a, const char *option, const char *value)
{
        lab_argv_add(a, "%s", option);
        lab_argv_add(a, "%s", value);
}

/* It does not boot: no ROM, no place in the order. */
static void
add_second_card(const struct lab_host *h, struct lab_argv *a)
{
        char mac[MAC_TEXT_SIZE];

        if (!*h->tap2)
                return;
        lab_argv_add(a, "-netdev");
        lab_argv_add(a, "tap,id=segment,ifname=%s,script=no,downscript=no", h->tap2);
        lab_argv_add(a, "-device");
        lab_argv_add(a, "%s,netdev=segment,mac=%s,romfile=", h->nic, mac_text(&h->mac2, mac));
}

/* Behind the network in the order of the boot, as a desktop's is in a room that boots by PXE. */
static void
add_disk(const struct lab_room *room, const struct lab_host *h, struct lab_argv *a)
{
        if (!room->disk)
                return;
        lab_argv_add(a, "-drive");
        lab_argv_add(a, "if=none,id=disk,format=raw,file=%s/%s/disk.img", room->dir, h->name);
        add_pair(a, "-device", "ide-hd,drive=disk,bootindex=1");
}

void
lab_qemu_argv(const struct lab_room *room, const struct lab_host *h, struct lab_argv *a)
{
        char mac[MAC_TEXT_SIZE];

        *a = (struct lab_argv){0};
        add_pair(a, LAB_QEMU, "-name");
        lab_argv_add(a, "%s-%s", room->netns, h->name);
        /* graphics=off: the BIOS and its PXE talk on the serial console, where a stuck boot can be read. */
        add_pair(a, "-machine", "pc,accel=tcg,graphics=off");
        /* Not `max`: Xen's dom0 dies of SMAP under TCG. SVM and nested paging are for HVM and PVH guests. */
        add_pair(a, "-cpu", "qemu64,+svm,+npt");
        lab_argv_add(a, "-m");
        lab_argv_add(a, "%u", h->memory_mib);
        add_pair(a, "-nodefaults", "-no-user-config");
        add_pair(a, "-display", "none");
        if (h->firmware != LAB_BIOS) {
                add_pair(a, "-drive", "if=pflash,format=raw,unit=0,readonly=on,file=" OVMF_CODE);
                lab_argv_add(a, "-drive");
                lab_argv_add(a, "if=pflash,format=raw,unit=1,file=%s/%s/vars.fd", room->dir, h->name);
        }
        if (h->firmware == LAB_UEFI_HTTP) {
                /* OvmfPkg's PxeBcPcdProducerLib: without PXE, HTTP is the first that this firmware tries. */
                add_pair(a, "-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n");
                add_pair(a, "-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n");
        }
        lab_argv_add(a, "-chardev");
        lab_argv_add(a, "socket,id=com1,path=%s/%s/serial.sock,server=on,wait=off,logfile=%s/log/%s.serial.log", room->dir,
                     h->name, room->dir, h->name);
        add_pair(a, "-serial", "chardev:com1");
        lab_argv_add(a, "-netdev");
        lab_argv_add(a, "tap,id=lan,ifname=%s,script=no,downscript=no", h->tap);
        lab_argv_add(a, "-device");
        /*
         * BIOS needs the card's ROM, an iPXE. OVMF does PXE by itself, as a PC's firmware does, and has a driver for virtio;
         * the other cards bring theirs in their ROM.
         */
        lab_argv_add(a, "%s,netdev=lan,mac=%s,bootindex=0%s", h->nic, mac_text(&h->mac, mac),
                     h->firmware != LAB_BIOS && strcmp(h->nic, "virtio-net-pci") == 0 ? ",romfile=" : "");
        add_second_card(h, a);
        add_disk(room, h, a);
        lab_argv_add(a, "-qmp");
        lab_argv_add(a, "unix:%s/%s/qmp.sock,server=on,wait=off", room->dir, h->name);
}

static bool
in_path(const char *program)
{
        static const char *const folders[] = {"/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"};
        char path[LAB_PATH_SIZE];

        for (size_t i = 0; i < N_ELEMENTS(folders); i++) {
                snprintf(path, sizeof(path), "%s/%s", folders[i], program);
                if (access(path, X_OK) == 0)
                        return true;
        }
        return false;
}

int
lab_qemu_check(const struct lab_room *room, struct error *err)
{
        if (!in_path(LAB_QEMU))
                return error_set(err, ERR_NOT_FOUND, LAB_QEMU " is missing; apt-get install qemu-system-x86");
        if (room->proxy && !in_path("dnsmasq"))
                return error_set(err, ERR_NOT_FOUND,
                                 "dnsmasq is missing, the DHCP server of --proxy; apt-get install dnsmasq-base");
        for (uint32_t i = 0; i < room->n_hosts; i++) {
                if (room->hosts[i].firmware != LAB_BIOS && access(OVMF_CODE, R_OK) < 0)
                        return error_set(err, ERR_NOT_FOUND, OVMF_CODE " is missing; apt-get install ovmf");
                if (room->hosts[i].firmware == LAB_BIOS && access("/usr/lib/ipxe/qemu", R_OK) < 0)
                        return error_set(err, ERR_NOT_FOUND, "the network cards' ROMs are missing; apt-get install ipxe-qemu");
        }
        return 0;
}

int
lab_qemu_start(const struct lab_room *room, const struct lab_host *h, struct error *err)
{
        char path[LAB_PATH_SIZE];
        struct lab_argv a;
        int r = 0;

        if (lab_process_pid(room, h->name))
                return error_set(err, ERR_STATE, "%s is on already", h->name);
        if (h->firmware != LAB_BIOS)
                /* A fresh copy each time: no boot order or leftover of the last power-on. */
                r = lab_room_copy(OVMF_VARS, lab_room_path(room, path, "%s/vars.fd", h->name), err);
        if (r < 0)
                return r;
        lab_qemu_argv(room, h, &a);
        r = lab_process_start(room, h->name, a.v, err);
        lab_argv_free(&a);
        return r;
}

void
lab_qemu_stop(const struct lab_room *room, const struct lab_host *h)
{
        /* No grace: SIGTERM would do no more than power off as well, only later. */
        lab_process_stop(room, h->name, 0);
}

static int
qmp_connect(const char *path)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        struct timeval limit = {.tv_sec = QMP_TIMEOUT_S};

        if (fd < 0 || !str_copy(to.sun_path, sizeof(to.sun_path), path))
                return -1;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        return connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ? -1 : TAKE_FD(fd);
}

/* Sends one command and reads until its answer; events in between are skipped. */
static int
qmp_command(int fd, const char *command)
{
        char buf[4096];
        size_t used = 0;
        ssize_t n;

        if (dprintf(fd, "{\"execute\":\"%s\"}\n", command) < 0)
                return -EIO;
        while (used < sizeof(buf) - 1) {
                n = read(fd, buf + used, sizeof(buf) - 1 - used);
                if (n <= 0)
                        return -EIO;
                used += (size_t)n;
                buf[used] = '\0';
                if (strstr(buf, "\"return\""))
                        return 0;
                if (strstr(buf, "\"error\""))
                        return -EPROTO;
        }
        return -EMSGSIZE;
}

int
lab_qemu_reset(const struct lab_room *room, const struct lab_host *h, struct error *err)
{
        char path[LAB_PATH_SIZE];
        _cleanup_close_ int fd = -1;

        if (!lab_process_pid(room, h->name))
                return error_set(err, ERR_STATE, "%s is off", h->name);
        fd = qmp_connect(lab_room_path(room, path, "%s/qmp.sock", h->name));
        if (fd < 0 || qmp_command(fd, "qmp_capabilities") < 0 || qmp_command(fd, "system_reset") < 0)
                return error_set(err, ERR_TOOL, "QEMU's monitor %s does not answer", path);
        return 0;
}

/* Length of the escape sequence that starts at @p: CSI sequences to their final byte, others two bytes. */
static size_t
escape_size(const char *p)
{
        size_t n = 2;

        if (p[1] == '\0')
                return 1;
        if (p[1] != '[')
                return 2;
        while (p[n] != '\0' && (p[n] < '@' || p[n] > '~'))
                n++;
        return p[n] == '\0' ? n : n + 1;
}

void
lab_console_clean(char *text)
{
        char *out = text;

        for (const char *p = text; *p != '\0';) {
                if (*p == '\033') {
                        p += escape_size(p);
                        continue;
                }
                if (*p == '\n' || (*p >= ' ' && *p != 0x7f))
                        *out++ = *p;
                p++;
        }
        *out = '\0';
}

void
lab_console_tail(const struct lab_room *room, const struct lab_host *h, unsigned n_lines, const char *prefix, FILE *f)
{
        char path[LAB_PATH_SIZE];
        _cleanup_close_ int fd = open(lab_room_path(room, path, "log/%s.serial.log", h->name), O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        unsigned lines = 0;
        char *p, *save = NULL;
        ssize_t n;

        text = calloc(1, TAIL_BYTES + 1);
        if (fd < 0 || !text)
                return;
        if (lseek(fd, -TAIL_BYTES, SEEK_END) < 0)
                lseek(fd, 0, SEEK_SET);
        n = read(fd, text, TAIL_BYTES);
        for (ssize_t i = 0; i < n; i++)
                if (text[i] == '\0')
                        text[i] = ' ';
        lab_console_clean(text);
        for (p = text + strlen(text); p > text && lines <= n_lines; p--)
                if (p[-1] == '\n')
                        lines++;
        for (char *line = strtok_r(p, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                fprintf(f, "%s%s\n", prefix, line);
}
