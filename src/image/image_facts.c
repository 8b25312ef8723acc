/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts child: maps files that its parent opened, unpacks what is packed, hands it to the pure readers beside this file.
 * Runs in role work's child and in `dompool image build`; see image_facts.h.
 */
#include "image/image_facts.h"

#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/image_files.h"
#include "image/initrd_facts.h"
#include "image/kernel_head.h"
#include "image/kernel_notes.h"
#include "image/loader_head.h"
#include "image/xen_head.h"
#include "sandbox/sandbox.h"

#define FILE_MAX (4ull << 30)
#define UNPACKED_MAX (512u << 20) /* of a kernel or a Xen; an initrd is not kept */
#define CHILD_MEMORY (6ull << 30) /* address space: a mapped initrd counts */
#define CHILD_CPU_SECONDS 300
#define CHILD_UID 64910
#define RECORD_MAX (2u << 20)
#define NOTE_MAX 4096

DEFINE_CLEANUP(struct archive *, archive_read_free)

enum part {
        PART_KERNEL,
        PART_XEN_GZ,
        PART_XEN,
        PART_XEN_EFI,
        PART_INITRD,
        PART_INITRD_ROOT,
        PART_CONFIG,
        PART_MODINFO,
        PART_N
};
static const char *const part_names[PART_CONFIG] = {
        [PART_KERNEL] = "vmlinuz",  [PART_XEN_GZ] = "xen.gz", [PART_XEN] = "xen",
        [PART_XEN_EFI] = "xen.efi", [PART_INITRD] = "initrd", [PART_INITRD_ROOT] = "initrd-root"};

/* --- in the child --- */

struct mapped {
        const uint8_t *data;
        size_t size;
};

/* Nothing where there is no file, or an empty or too large one. */
static struct mapped
map(int fd)
{
        struct mapped m = {0};
        struct stat st;
        void *p;

        if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0 || (uint64_t)st.st_size > FILE_MAX)
                return m;
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p != MAP_FAILED)
                m = (struct mapped){p, (size_t)st.st_size};
        return m;
}

/* libarchive's readers by our names. LZO is not among them: it has only a helper program for it. */
static int
support_packing(struct archive *a, enum facts_packing packing)
{
        static int (*const filters[PACKING_N])(struct archive *) = {
                [PACKING_GZIP] = archive_read_support_filter_gzip, [PACKING_BZIP2] = archive_read_support_filter_bzip2,
                [PACKING_LZMA] = archive_read_support_filter_lzma, [PACKING_XZ] = archive_read_support_filter_xz,
                [PACKING_LZ4] = archive_read_support_filter_lz4,   [PACKING_ZSTD] = archive_read_support_filter_zstd,
        };

        return packing < PACKING_N && filters[packing] ? filters[packing](a) : ARCHIVE_FATAL;
}

/* Hands the unpacked bytes to @take until it says no or they end. What follows the packed stream (a size, padding) is an error
 * to libarchive; what came before it counts. */
static void
unpack(const struct mapped *m, bool (*take)(void *arg, const uint8_t *data, size_t size), void *arg)
{
        CLEANUP(archive_read_free) struct archive *a = archive_read_new();
        struct archive_entry *e;
        const void *data;
        size_t size;
        la_int64_t offset;

        if (!a || support_packing(a, packing_of(m->data, m->size)) != ARCHIVE_OK ||
            archive_read_support_format_raw(a) != ARCHIVE_OK || archive_read_open_memory(a, m->data, m->size) != ARCHIVE_OK ||
            archive_read_next_header(a, &e) != ARCHIVE_OK)
                return;
        while (archive_read_data_block(a, &data, &size, &offset) == ARCHIVE_OK)
                if (!take(arg, data, size))
                        return;
}

struct buffer {
        uint8_t *data;
        size_t size, room;
};

static bool
take_buffer(void *arg, const uint8_t *data, size_t size)
{
        struct buffer *b = arg;

        if (size > UNPACKED_MAX - b->size)
                return false;
        if (b->size + size > b->room) {
                size_t room = 2 * b->room > b->size + size ? 2 * b->room : b->size + size + (1u << 20);
                uint8_t *more = realloc(b->data, room);

                if (!more)
                        return false;
                b->data = more;
                b->room = room;
        }
        memcpy(b->data + b->size, data, size);
        b->size += size;
        return true;
}

static void
read_config(const uint8_t *data, size_t size, struct kernel_facts *ret)
{
        const struct mapped m = {data, size};
        struct buffer text = {0};

        unpack(&m, take_buffer, &text);
        kernel_config_read((const char *)text.data, text.size, ret);
        free(text.data);
}

static void
read_kernel(const int fds[PART_N], struct kernel_facts *ret)
{
        const struct mapped m = map(fds[PART_KERNEL]), config = map(fds[PART_CONFIG]);
        struct buffer b = {0};
        struct mapped payload;
        const uint8_t *found;
        size_t offset, size;

        if (!m.data)
                return;
        kernel_head_read(m.data, m.size, ret, &offset, &size);
        payload = (struct mapped){m.data + offset, size};
        /* All packings but gzip are followed by the unpacked size (scripts/Makefile.lib, size_append). */
        if (ret->packing != PACKING_NONE && ret->packing != PACKING_GZIP && payload.size > 4)
                payload.size -= 4;
        if (ret->packing == PACKING_NONE)
                b.size = 0;
        else
                unpack(&payload, take_buffer, &b);
        if (b.size > 0)
                payload = (struct mapped){b.data, b.size};
        if (ret->packing == PACKING_NONE || b.size > 0) {
                kernel_notes_read(payload.data, payload.size, ret);
                if (kernel_config_find(payload.data, payload.size, &found, &size))
                        read_config(found, size, ret);
        }
        if (config.data)
                kernel_config_read((const char *)config.data, config.size, ret);
        free(b.data);
}

static void
read_xen(const int fds[PART_N], struct xen_facts *ret)
{
        const struct mapped gz = map(fds[PART_XEN_GZ]), plain = map(fds[PART_XEN]), efi = map(fds[PART_XEN_EFI]);
        struct xen_facts of_plain = {0};
        struct buffer b = {0};

        if (gz.data && packing_of(gz.data, gz.size) == PACKING_GZIP)
                unpack(&gz, take_buffer, &b);
        if (b.size > 0)
                xen_head_read(b.data, b.size, ret);
        else if (gz.data)
                xen_head_read(gz.data, gz.size, ret);
        if (plain.data)
                xen_head_read(plain.data, plain.size, &of_plain);
        ret->plain = of_plain.found && of_plain.multiboot1;
        if (efi.data)
                xen_efi_read(efi.data, efi.size, ret);
        free(b.data);
}

static bool
take_cpio(void *arg, const uint8_t *data, size_t size)
{
        return cpio_walk_feed(arg, data, size) == size;
}

/* Archives one behind the other: plain ones (microcode) may come before a packed one, which is the last. */
static void
read_initrd(const int fds[PART_N], enum part part, const char *release, struct initrd_facts *ret)
{
        const struct mapped m = map(fds[part]), modinfo = map(fds[PART_MODINFO]);
        struct initrd_collect *c = initrd_collect_new(release);
        struct cpio_walk *w = calloc(1, sizeof(*w));
        struct mapped rest = m;

        if (m.data && c && w) {
                ret->size = m.size;
                cpio_walk_start(w, initrd_collect_sink(c));
                if (cpio_is_head(m.data, m.size)) {
                        size_t n = cpio_walk_feed(w, m.data, m.size);

                        rest = (struct mapped){m.data + n, m.size - n};
                }
                ret->packing = rest.size > 0 ? packing_of(rest.data, rest.size) : PACKING_NONE;
                if (rest.size > 0 && ret->packing == PACKING_NONE && w->state != CPIO_BROKEN)
                        ret->packing = PACKING_UNKNOWN;
                if (rest.size > 0 && w->state != CPIO_BROKEN) {
                        cpio_walk_start(w, initrd_collect_sink(c));
                        unpack(&rest, take_cpio, w);
                }
                ret->found = cpio_walk_complete(w);
                if (modinfo.data)
                        initrd_collect_builtin(c, (const char *)modinfo.data, modinfo.size);
                if (initrd_collect_finish(c, ret) < 0)
                        ret->found = false;
        }
        initrd_collect_free(c);
        free(w);
}

static void
read_image(const int *fds, size_t n, void *arg)
{
        struct image_facts *f = arg;

        (void)n;
        f->version = FACTS_VERSION;
        read_kernel(fds, &f->kernel);
        read_xen(fds, &f->xen);
        read_initrd(fds, PART_INITRD, f->kernel.release, &f->initrd);
        read_initrd(fds, PART_INITRD_ROOT, f->kernel.release, &f->initrd_root);
}

/* --- the child --- */

/* What is to be read, and what comes of it. */
struct job {
        int *fds;
        size_t n_fds;
        void (*read)(const int *fds, size_t n, void *arg);
        const struct rec_desc *desc;
        void *record; /* filled in by the child in its own memory, decoded into by the caller */
};

static int
lock_in(struct error *err)
{
        const struct sandbox s = {
                .user = "nobody", .fallback_uid = CHILD_UID, .max_memory = CHILD_MEMORY, .no_new_processes = true};
        const struct rlimit cpu = {CHILD_CPU_SECONDS, CHILD_CPU_SECONDS};

        if (setrlimit(RLIMIT_CPU, &cpu) < 0)
                return error_errno_set(err, errno, "setrlimit");
        /* Whoever builds images as an ordinary user has nothing to drop, and reads files of his own. */
        if (geteuid() != 0)
                return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? error_errno_set(err, errno, "no_new_privs") : 0;
        return sandbox_enter(&s, err);
}

static _Noreturn void
child_main(const struct job *j, int out, pid_t parent)
{
        _cleanup_free_ uint8_t *bytes = NULL;
        struct error err;
        size_t size;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || lock_in(&err) < 0)
                _exit(125);
        j->read(j->fds, j->n_fds, j->record);
        size = rec_encoded_size(j->desc, j->record);
        bytes = malloc(size);
        if (!bytes)
                _exit(124);
        rec_encode(j->desc, j->record, bytes);
        for (size_t done = 0; done < size;) {
                ssize_t n = write(out, bytes + done, size - done);

                if (n <= 0)
                        _exit(124);
                done += (size_t)n;
        }
        _exit(0);
}

static int
read_answer(int fd, const struct job *j, const char *what, struct error *err)
{
        _cleanup_free_ uint8_t *bytes = malloc(RECORD_MAX);
        size_t size = 0;
        ssize_t n = 1;

        if (!bytes)
                return error_errno_set(err, ENOMEM, "%s", what);
        while (size < RECORD_MAX && (n = read(fd, bytes + size, RECORD_MAX - size)) > 0)
                size += (size_t)n;
        if (n != 0 || rec_decode(j->desc, bytes, size, j->record) < 0)
                return error_set(err, ERR_PROTOCOL, "%s: the process that looks into it gave no answer", what);
        return 0;
}

static int
run_job(const struct job *j, const char *what, struct error *err)
{
        _cleanup_close_ int in = -1, out = -1;
        pid_t self = getpid(), pid;
        int fds[2], status, r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return error_errno_set(err, errno, "pipe");
        in = fds[0];
        out = fds[1];
        pid = fork();
        if (pid < 0)
                return error_errno_set(err, errno, "fork");
        if (pid == 0)
                child_main(j, out, self);
        close(TAKE_FD(out));
        r = read_answer(in, j, what, err);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return error_errno_set(err, errno, "waiting for the process that looks into %s", what);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                return error_set(err, ERR_TOOL, "%s: the process that looks into it ended with %s %d", what,
                                 WIFSIGNALED(status) ? "signal" : "exit code",
                                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        return r;
}

static void
close_all(int *fds, size_t n)
{
        for (size_t i = 0; i < n; i++)
                cleanup_close(&fds[i]);
}

static int
open_file(const char *path)
{
        return path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
}

int
image_facts_make(const char *folder, const char *id, const struct image_facts_hints *hints, struct image_facts *ret,
                 struct error *err)
{
        struct job j = {.n_fds = PART_N, .read = read_image, .desc = &image_facts_desc, .record = ret};
        int fds[PART_N] = {-1, -1, -1, -1, -1, -1, -1}, r = 0;
        char path[IMAGE_PATH_SIZE];

        *ret = (struct image_facts){0};
        for (size_t i = 0; i < N_ELEMENTS(part_names) && r == 0; i++)
                if ((r = image_path(path, err, "%s/%s", folder, part_names[i])) == 0)
                        fds[i] = open_file(path);
        if (hints) {
                fds[PART_CONFIG] = open_file(hints->config);
                fds[PART_MODINFO] = open_file(hints->modinfo);
        }
        j.fds = fds;
        if (r == 0)
                r = run_job(&j, folder, err);
        if (r == 0)
                str_copy(ret->id, sizeof(ret->id), id);
        close_all(fds, PART_N);
        return r;
}

/* --- loaders --- */

/* Those that a boot goes through; "modules" is loaders_build()'s note. */
static const char *const loader_names[] = {
        "modules",
        "pxelinux.0",
        "lpxelinux.0",
        "ldlinux.c32",
        "libcom32.c32",
        "mboot.c32",
        "menu.c32",
        "libutil.c32",
        "undionly.kpxe",
        "ipxe.pxe",
        "snponly.efi",
        "ipxe.efi",
        "grub/x86_64-efi/core.efi",
        "grub-pc/core.0",
        "grub-arm64/core.efi",
        "pxegrub",
};

static void
read_loaders(const int *fds, size_t n, void *arg)
{
        struct mapped note = map(fds[0]);
        struct loaders_facts *l = arg;
        char text[NOTE_MAX] = "";

        if (note.data && note.size < sizeof(text))
                memcpy(text, note.data, note.size);
        l->version = FACTS_VERSION;
        for (size_t i = 1; i < n && l->n_files < FACTS_MAX_LOADERS; i++) {
                struct loader_file *f = &l->files[l->n_files];
                struct mapped m = map(fds[i]);

                if (!m.data)
                        continue;
                str_copy(f->name, sizeof(f->name), loader_names[i]);
                loader_head_read(m.data, m.size, text, f);
                l->n_files++;
        }
}

int
loaders_facts_make(const char *folder, struct loaders_facts *ret, struct error *err)
{
        int fds[N_ELEMENTS(loader_names)], r = 0;
        struct job j = {.fds = fds, .n_fds = N_ELEMENTS(fds), .read = read_loaders, .desc = &loaders_facts_desc, .record = ret};
        char path[IMAGE_PATH_SIZE];

        *ret = (struct loaders_facts){0};
        for (size_t i = 0; i < N_ELEMENTS(fds); i++) {
                fds[i] = -1;
                if (r == 0 && (r = image_path(path, err, "%s/%s", folder, loader_names[i])) == 0)
                        fds[i] = open_file(path);
        }
        if (r == 0)
                r = run_job(&j, folder, err);
        close_all(fds, N_ELEMENTS(fds));
        return r;
}
