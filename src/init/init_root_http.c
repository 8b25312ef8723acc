/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root by HTTP: manifest and signature, then the squashfs that the manifest names, into RAM. What anybody on the LAN could
 * have answered is believed once it is signed, or has the hash that the signed manifest says. Whatever reads the network is a
 * child without rights, which writes to one open file.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/fdio.h"
#include "base/rec_json.h"
#include "init/init_root.h"
#include "init/init_system.h"
#include "model/image.h"
#include "model/image_signature.h"
#include "proto/http_head.h"
#include "sandbox/sandbox.h"

#define FETCH_STALL_S 20
#define SQUASHFS "root.squashfs"
#define MANIFEST_FILE INIT_ROOT_DIR "/manifest.json"
#define SIGNATURE_FILE INIT_ROOT_DIR "/manifest.sig"
#define SQUASHFS_FILE INIT_ROOT_IMAGE "/" SQUASHFS
/* What must be left of dom0's memory beside the image: programs, and a layer that is not yet full. */
#define MEMORY_BESIDE (48u << 20)

/* Why the child failed, as its exit code. */
enum fetch_end { FETCH_DONE, FETCH_LOST, FETCH_HEAD, FETCH_REFUSED, FETCH_SIZE, FETCH_WRITE, FETCH_SANDBOX };
static const char *const fetch_ends[] = {
        [FETCH_DONE] = "done",
        [FETCH_LOST] = "the connection was lost, or the server was silent for 20 s",
        [FETCH_HEAD] = "the answer is no HTTP",
        [FETCH_REFUSED] = "the server does not have it",
        [FETCH_SIZE] = "its size is not what the manifest says",
        [FETCH_WRITE] = "no room in memory",
        [FETCH_SANDBOX] = "the fetching process could not lock itself in",
};

/* Head, then body. @min, @max: what the body's size may be. */
static enum fetch_end
receive(int socket, int fd, uint64_t min, uint64_t max)
{
        static char buf[65536];
        struct http_head head;
        size_t got = 0;
        uint64_t left;
        int r = 0;

        while (r == 0) {
                ssize_t n = recv(socket, buf + got, HTTP_HEAD_MAX - got, 0);

                if (n <= 0)
                        return FETCH_LOST;
                got += (size_t)n;
                r = http_head_parse(buf, got, &head);
                if (r < 0 || (r == 0 && got == HTTP_HEAD_MAX))
                        return FETCH_HEAD;
        }
        if (head.status != 200)
                return FETCH_REFUSED;
        if (head.content_length < min || head.content_length > max || got - head.size > head.content_length)
                return FETCH_SIZE;
        left = head.content_length - (got - head.size);
        if (fd_write_all(fd, buf + head.size, got - head.size) < 0)
                return FETCH_WRITE;
        while (left > 0) {
                ssize_t n = recv(socket, buf, left < sizeof(buf) ? (size_t)left : sizeof(buf), 0);

                if (n <= 0)
                        return FETCH_LOST;
                if (fd_write_all(fd, buf, (size_t)n) < 0)
                        return FETCH_WRITE;
                left -= (uint64_t)n;
        }
        return FETCH_DONE;
}

static _Noreturn void
child_main(int socket, int fd, uint64_t min, uint64_t max)
{
        static const struct sandbox s = {.user = INIT_NET_USER,
                                         .fallback_uid = INIT_NET_UID,
                                         .syscalls = SYS_NET,
                                         .max_files = 16,
                                         .no_new_processes = true};
        struct error err;

        prctl(PR_SET_NAME, "dompool-fetch");
        if (sandbox_enter(&s, &err) < 0)
                _exit(FETCH_SANDBOX);
        _exit(receive(socket, fd, min, max));
}

/* One file of the image, into @path, which is made anew. */
static int
fetch(const struct init_options *o, const char *name, const char *path, uint64_t min, uint64_t max, struct error *err)
{
        const struct timeval limit = {.tv_sec = FETCH_STALL_S};
        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), socket = -1;
        char request[300], address[IP4_TEXT_SIZE];
        int status, n;
        pid_t pid;

        if (fd < 0)
                return error_errno_set(err, errno, "%s", path);
        socket = init_root_connect(o->server, o->http_port, err);
        if (socket < 0)
                return socket;
        n = snprintf(request, sizeof(request), "GET /i/%s/%s HTTP/1.1\r\nHost: %s:%u\r\nConnection: close\r\n\r\n", o->image,
                     name, ip4_text(o->server, address), o->http_port);
        if (setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
            send(socket, request, (size_t)n, MSG_NOSIGNAL) != n)
                return error_errno_set(err, errno, "asking %s:%u for %s", address, o->http_port, name);
        pid = fork();
        if (pid == 0)
                child_main(socket, fd, min, max);
        if (pid < 0)
                return error_errno_set(err, errno, "fork");
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        n = WIFEXITED(status) && WEXITSTATUS(status) < (int)N_ELEMENTS(fetch_ends) ? WEXITSTATUS(status) : FETCH_SANDBOX;
        if (n != FETCH_DONE)
                return error_set(err, ERR_IO, "fetching http://%s:%u/i/%s/%s: %s", address, o->http_port, o->image, name,
                                 fetch_ends[n]);
        return 0;
}

/* The manifest is parsed only once its signature is good. */
static int
read_manifest(const struct init_options *o, struct image *ret, struct error *err)
{
        _cleanup_free_ char *manifest = NULL, *signature = NULL, *public = NULL;
        size_t size = 0;
        json_t *json;
        int r;

        if ((r = system_read_file(MANIFEST_FILE, IMAGE_MANIFEST_MAX, &manifest, &size, err)) < 0 ||
            (r = system_read_file(SIGNATURE_FILE, IMAGE_SIGNATURE_MAX, &signature, NULL, err)) < 0)
                return r;
        r = system_read_file(IMAGE_PUBLIC_PATH, IMAGE_PUBLIC_MAX, &public, NULL, err);
        if (r < 0)
                return error_prefix(err, "this initrd has no key to check images with");
        r = image_signature_check(public, signature, manifest, size, NULL, err);
        if (r < 0)
                return error_prefix(err, "the manifest of image %s is not believed", o->image);
        json = json_parse(manifest, size, IMAGE_MANIFEST_MAX, err);
        r = json ? rec_from_json(&image_desc, json, ret, err) : -EINVAL;
        json_decref(json);
        if (r == 0 && strncmp(ret->id, o->image, strlen(o->image)) != 0)
                r = error_set(err, ERR_DENIED, "the server gave the manifest of image %.16s instead of %s", ret->id, o->image);
        return r;
}

static int
check_memory(uint64_t size, struct error *err)
{
        uint64_t available = system_memory_available();

        if (size + MEMORY_BESIDE > available)
                return error_set(err, ERR_LIMIT,
                                 "the root needs %llu MiB of RAM and %u MiB beside it, dom0 has %llu MiB left: raise dom0_mem, "
                                 "or take root nfs, nbd, iscsi or aoe",
                                 (unsigned long long)(size >> 20), MEMORY_BESIDE >> 20, (unsigned long long)(available >> 20));
        return 0;
}

static int
fetch_squashfs(const struct init_options *o, const struct image_file *f, struct error *err)
{
        _cleanup_close_ int fd = -1;
        uint8_t sha256[32];
        uint64_t size;
        char options[64];
        int r;

        if ((r = check_memory(f->size, err)) < 0)
                return r;
        /* A page for the folder */
        snprintf(options, sizeof(options), "mode=0700,size=%llu", (unsigned long long)f->size + (64u << 10));
        if (mount("dompool-image", INIT_ROOT_IMAGE, "tmpfs", 0, options) < 0)
                return error_errno_set(err, errno, "mounting a tmpfs for the image");
        init_root_step("fetching " SQUASHFS ", %llu MiB: it took too long", (unsigned long long)(f->size >> 20));
        r = fetch(o, SQUASHFS, SQUASHFS_FILE, f->size, f->size, err);
        if (r < 0)
                return r;
        fd = open(SQUASHFS_FILE, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || digest_sha256_fd(fd, sha256, &size) < 0)
                return error_errno_set(err, errno, SQUASHFS_FILE);
        if (size != f->size || !digest_equal(sha256, f->sha256, sizeof(sha256)))
                return error_set(err, ERR_DENIED,
                                 SQUASHFS " of image %s came with another SHA-256 than its signed manifest says: "
                                          "it is corrupt on the server, or changed on its way",
                                 o->image);
        return 0;
}

static int
loop_attach(char ret[32], struct error *err)
{
        _cleanup_close_ int file = open(SQUASHFS_FILE, O_RDONLY | O_CLOEXEC), control = -1, loop = -1;
        const struct loop_config config = {.fd = (uint32_t)file, .info = {.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR}};
        int n;

        control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        n = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
        if (file < 0 || n < 0)
                return error_errno_set(err, errno, "looking for a free loop device");
        snprintf(ret, 32, "/dev/loop%d", n);
        loop = open(ret, O_RDONLY | O_CLOEXEC);
        if (loop < 0 || ioctl(loop, LOOP_CONFIGURE, &config) < 0)
                return error_errno_set(err, errno, "%s", ret);
        /* Mounted while it is open: it lets go of the file with its last user. */
        return init_root_mount_device(ret, err);
}

int
init_root_http(const struct init_options *o, struct init_root_cost *ret, struct error *err)
{
        _cleanup_free_ struct image *im = calloc(1, sizeof(*im));
        const struct image_file *f;
        char device[32];
        int r;

        if (!im)
                return error_errno_set(err, ENOMEM, "manifest");
        if (o->server == 0 || !o->image[0])
                return error_set(err, ERR_INVALID, "dompool.root=http needs dompool.server and dompool.image");
        init_root_step("fetching the manifest of image %s: it took too long", o->image);
        if ((r = fetch(o, "manifest.json", MANIFEST_FILE, 1, IMAGE_MANIFEST_MAX - 1, err)) < 0 ||
            (r = fetch(o, "manifest.sig", SIGNATURE_FILE, 1, IMAGE_SIGNATURE_MAX - 1, err)) < 0 ||
            (r = read_manifest(o, im, err)) < 0)
                return r;
        f = image_file_find(im, SQUASHFS);
        if (!f)
                return error_set(err, ERR_NOT_FOUND, "image %s has no " SQUASHFS ": its recipe has no stage", o->image);
        if ((r = fetch_squashfs(o, f, err)) < 0 || (r = loop_attach(device, err)) < 0)
                return r;
        *ret = (struct init_root_cost){.fetched = f->size, .ram = f->size};
        return 0;
}
