/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loaders that firmware fetches: PXELINUX and iPXE as Debian ships them, and GRUB as one file a platform with the modules
 * that our menus use, so that it asks for nothing but its menu. Runs where images are built. All is made in a folder of its own
 * and renamed in.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/facts_store.h"
#include "image/image_build.h"
#include "image/image_files.h"

static const struct {
        const char *name, *source, *package;
} copies[] = {
        {"pxelinux.0", "/usr/lib/PXELINUX/pxelinux.0", "pxelinux"},
        {"lpxelinux.0", "/usr/lib/PXELINUX/lpxelinux.0", "pxelinux"},
        {"ldlinux.c32", "/usr/lib/syslinux/modules/bios/ldlinux.c32", "syslinux-common"},
        {"libcom32.c32", "/usr/lib/syslinux/modules/bios/libcom32.c32", "syslinux-common"},
        {"libutil.c32", "/usr/lib/syslinux/modules/bios/libutil.c32", "syslinux-common"},
        {"mboot.c32", "/usr/lib/syslinux/modules/bios/mboot.c32", "syslinux-common"},
        {"menu.c32", "/usr/lib/syslinux/modules/bios/menu.c32", "syslinux-common"},
        {"pxechn.c32", "/usr/lib/syslinux/modules/bios/pxechn.c32", "syslinux-common"},
        {"undionly.kpxe", "/usr/lib/ipxe/undionly.kpxe", "ipxe"},
        {"ipxe.pxe", "/usr/lib/ipxe/ipxe.pxe", "ipxe"},
        {"snponly.efi", "/usr/lib/ipxe/snponly.efi", "ipxe"},
        {"ipxe.efi", "/usr/lib/ipxe/ipxe.efi", "ipxe"},
};

#define MAX_MODULES 20

/*
 * GRUB as one file a platform: its network driver, normal, which reads the host's menu, and what menus say
 * (src/bootcfg/menu_grub.c); gzio unpacks xen.gz; minicmd has "exit", which leads to the local disk; gcry_sha512 is what
 * password_pbkdf2 asks for by name. Nothing is fetched later but the menu.
 */
static const struct grub {
        const char *format, *modules, *probe; /* a module that must be there */
        const char *core, *prefix, *package;
        bool optional; /* Debian has no package of it for other architectures than its own */
        const char *names[MAX_MODULES];
} grubs[] = {
        {
                .format = "x86_64-efi",
                .modules = "/usr/lib/grub/x86_64-efi",
                .probe = "multiboot2.mod",
                .core = "grub/x86_64-efi/core.efi",
                .prefix = "/grub",
                .package = "grub-efi-amd64-bin",
                .names = {"efinet", "tftp", "http", "normal", "multiboot2", "gzio", "echo", "test", "sleep", "minicmd", "chain",
                          "password_pbkdf2", "gcry_sha512", "search", "search_fs_file", "part_gpt", "part_msdos", "fat"},
        },
        {
                .format = "i386-pc-pxe",
                .modules = "/usr/lib/grub/i386-pc",
                .probe = "multiboot2.mod",
                .core = "grub-pc/core.0",
                .prefix = "/grub-pc",
                .package = "grub-pc-bin",
                .names = {"pxe", "tftp", "http", "normal", "multiboot2", "gzio", "echo", "test", "sleep", "minicmd",
                          "password_pbkdf2", "gcry_sha512"},
        },
        {
                .format = "arm64-efi",
                .modules = "/usr/lib/grub/arm64-efi",
                .probe = "xen_boot.mod",
                .core = "grub-arm64/core.efi",
                .prefix = "/grub-arm64",
                .package = "grub-efi-arm64-bin",
                .optional = true,
                .names = {"efinet", "tftp", "http", "normal", "xen_boot", "gzio", "echo", "test", "sleep", "minicmd", "chain",
                          "password_pbkdf2", "gcry_sha512", "search", "search_fs_file", "part_gpt", "part_msdos", "fat"},
        },
};

#define NOTE "modules"
#define NOTE_SIZE 1024

static size_t
note_text(char ret[NOTE_SIZE])
{
        size_t n = 0;

        for (size_t i = 0; i < N_ELEMENTS(grubs); i++) {
                n += (size_t)snprintf(ret + n, NOTE_SIZE - n, "%s:", grubs[i].format);
                for (size_t k = 0; grubs[i].names[k]; k++)
                        n += (size_t)snprintf(ret + n, NOTE_SIZE - n, " %s", grubs[i].names[k]);
                n += (size_t)snprintf(ret + n, NOTE_SIZE - n, "\n");
        }
        return n;
}

static bool
note_current(const char *folder)
{
        char path[IMAGE_PATH_SIZE], wanted[NOTE_SIZE];
        _cleanup_free_ uint8_t *found = NULL;
        struct error err;

        note_text(wanted);
        return image_path(path, &err, "%s/" NOTE, folder) == 0 && image_read(path, NOTE_SIZE, &found, NULL, &err) == 0 &&
               strcmp((const char *)found, wanted) == 0;
}

static bool
newer(const char *source, const char *made)
{
        struct stat a, b;

        return stat(source, &a) < 0 || stat(made, &b) < 0 || a.st_mtim.tv_sec > b.st_mtim.tv_sec ||
               (a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec > b.st_mtim.tv_nsec);
}

/* Is there what this GRUB is made from? */
static bool
has_modules(const struct grub *g)
{
        char path[IMAGE_PATH_SIZE];
        struct error err;

        return image_path(path, &err, "%s/%s", g->modules, g->probe) == 0 && access(path, R_OK) == 0;
}

static bool
grub_current(const struct grub *g, const char *folder)
{
        char path[IMAGE_PATH_SIZE], probe[IMAGE_PATH_SIZE];
        struct error err;

        if (g->optional && !has_modules(g))
                return true;
        return image_path(path, &err, "%s/%s", folder, g->core) == 0 &&
               image_path(probe, &err, "%s/%s", g->modules, g->probe) == 0 && !newer(probe, path);
}

/*
 * The administrator's own loaders, such as a network-enabled GRUB legacy, which nobody packages: plain files of
 * STORE/loaders.local, which stay when the others are made anew. Calls @fn for each; stops when it says no.
 */
static bool
each_local(const char *folder, bool (*fn)(const char *from, const char *to, struct error *err), struct error *err)
{
        char path[IMAGE_PATH_SIZE], from[IMAGE_PATH_SIZE], to[IMAGE_PATH_SIZE];
        _cleanup_closedir_ DIR *d = NULL;
        const struct dirent *e;
        bool ok = true;

        /* "STORE/loaders" or "STORE/loaders.new" */
        if (image_path(path, err, "%.*s/loaders.local", (int)(strrchr(folder, '/') - folder), folder) < 0)
                return false;
        d = opendir(path);
        while (ok && d && (e = readdir(d)))
                if (e->d_type == DT_REG && e->d_name[0] != '.')
                        ok = image_path(from, err, "%s/%s", path, e->d_name) == 0 &&
                             image_path(to, err, "%s/%s", folder, e->d_name) == 0 && fn(from, to, err);
        return ok;
}

static bool
local_current(const char *from, const char *to, struct error *err)
{
        (void)err;
        return !newer(from, to);
}

static bool
local_copy(const char *from, const char *to, struct error *err)
{
        return image_copy(from, to, 0644, err) == 0;
}

static bool
current(const char *folder)
{
        char path[IMAGE_PATH_SIZE];
        struct error err;

        for (size_t i = 0; i < N_ELEMENTS(copies); i++)
                if (image_path(path, &err, "%s/%s", folder, copies[i].name) < 0 || newer(copies[i].source, path))
                        return false;
        for (size_t i = 0; i < N_ELEMENTS(grubs); i++)
                if (!grub_current(&grubs[i], folder))
                        return false;
        return note_current(folder) && each_local(folder, local_current, &err);
}

static int
make_grub(const struct grub *g, const char *folder, struct error *err)
{
        char path[IMAGE_PATH_SIZE], dir[IMAGE_PATH_SIZE];
        const char *argv[MAX_MODULES + 12] = {"grub-mkimage", "-O", g->format, "-d", g->modules, "-p", g->prefix, "-o", path};
        size_t n = 9;
        int r;

        if (!has_modules(g))
                return g->optional ? 0
                                   : error_set(err, ERR_TOOL, "%s is not there: apt-get install %s", g->modules, g->package);
        if ((r = image_path(dir, err, "%s/%.*s", folder, (int)(strrchr(g->core, '/') - g->core), g->core)) < 0 ||
            (r = image_mkdir(dir, err)) < 0 || (r = image_path(path, err, "%s/%s", folder, g->core)) < 0)
                return r;
        for (size_t i = 0; g->names[i]; i++)
                argv[n++] = g->names[i];
        return image_run(argv, NULL, "grub-common", NULL, err);
}

/* The list of modules, kept beside the loaders: a dompool with another list makes them anew. */
static int
write_note(const char *folder, struct error *err)
{
        char path[IMAGE_PATH_SIZE], note[NOTE_SIZE];
        int r = image_path(path, err, "%s/" NOTE, folder);

        return r < 0 ? r : image_write(path, note, note_text(note), err);
}

static int
make_all(const char *folder, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r;

        r = image_mkdir(folder, err);
        for (size_t i = 0; i < N_ELEMENTS(copies) && r == 0; i++) {
                if (access(copies[i].source, R_OK) < 0)
                        return error_set(err, ERR_TOOL, "%s is not there: apt-get install %s", copies[i].source,
                                         copies[i].package);
                r = image_path(path, err, "%s/%s", folder, copies[i].name);
                if (r == 0)
                        r = image_copy(copies[i].source, path, 0644, err);
        }
        for (size_t i = 0; i < N_ELEMENTS(grubs) && r == 0; i++)
                r = make_grub(&grubs[i], folder, err);
        if (r == 0 && !each_local(folder, local_copy, err))
                r = error_to_errno(err->code);
        return r < 0 ? r : write_note(folder, err);
}

/* Folders cannot replace each other by rename: the old one steps aside first. A reader in between finds a loader missing for
 * microseconds; firmware asks again. */
static int
swap_in(const char *fresh, const char *folder, struct error *err)
{
        char old[IMAGE_PATH_SIZE];
        int r;

        if ((r = image_path(old, err, "%s.old", folder)) < 0 || (r = image_remove(old, err)) < 0)
                return r;
        if ((rename(folder, old) < 0 && errno != ENOENT) || rename(fresh, folder) < 0)
                return error_errno_set(err, errno, "%s", folder);
        return image_remove(old, err);
}

int
loaders_build(const char *store, struct error *err)
{
        char folder[IMAGE_PATH_SIZE], fresh[IMAGE_PATH_SIZE], path[IMAGE_PATH_SIZE];
        _cleanup_close_ int lock = -1;
        int r;

        if ((r = image_mkdir(store, err)) < 0 || (r = image_path(path, err, "%s/loaders.lock", store)) < 0 ||
            (r = image_path(folder, err, "%s/loaders", store)) < 0 || (r = image_path(fresh, err, "%s/loaders.new", store)) < 0)
                return r;
        if (current(folder))
                return 0;
        lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (lock < 0 || flock(lock, LOCK_EX) < 0)
                return error_errno_set(err, errno, "%s", path);
        if ((r = image_remove(fresh, err)) < 0 || (r = make_all(fresh, err)) < 0 || (r = swap_in(fresh, folder, err)) < 0)
                return r;
        return facts_store_make_loaders(store, err);
}
