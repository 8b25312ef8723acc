/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loaders that firmware fetches: PXELINUX as Debian ships it, and GRUB as one EFI file with the modules that our menus use,
 * so that it asks for nothing but its menu. Runs where images are built. All is made in a folder of its own and renamed in.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/image_build.h"
#include "image/image_files.h"

#define GRUB_MODULES "/usr/lib/grub/x86_64-efi"
#define GRUB_CORE "grub/x86_64-efi/core.efi"

static const struct {
        const char *name, *source, *package;
} copies[] = {
        {"pxelinux.0", "/usr/lib/PXELINUX/pxelinux.0", "pxelinux"},
        {"ldlinux.c32", "/usr/lib/syslinux/modules/bios/ldlinux.c32", "syslinux-common"},
        {"mboot.c32", "/usr/lib/syslinux/modules/bios/mboot.c32", "syslinux-common"},
        {"libcom32.c32", "/usr/lib/syslinux/modules/bios/libcom32.c32", "syslinux-common"},
};

/* efinet has the network up by firmware's own lease; normal reads grub.cfg-01-MAC; gzio unpacks xen.gz; minicmd has "exit",
 * which leads to the local disk; the rest is what menus say (src/bootcfg/menu.c). Nothing is fetched later but the menu. */
static const char *const grub_modules[] = {"efinet", "tftp", "http", "normal", "multiboot2",
                                           "gzio",   "echo", "test", "sleep",  "minicmd"};

#define NOTE "modules"
#define NOTE_SIZE 256

static size_t
note_text(char ret[NOTE_SIZE])
{
        size_t n = 0;

        for (size_t i = 0; i < N_ELEMENTS(grub_modules); i++)
                n += (size_t)snprintf(ret + n, NOTE_SIZE - n, "%s\n", grub_modules[i]);
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

static bool
current(const char *folder)
{
        char path[IMAGE_PATH_SIZE];
        struct error err;

        for (size_t i = 0; i < N_ELEMENTS(copies); i++)
                if (image_path(path, &err, "%s/%s", folder, copies[i].name) < 0 || newer(copies[i].source, path))
                        return false;
        return image_path(path, &err, "%s/" GRUB_CORE, folder) == 0 && !newer(GRUB_MODULES "/multiboot2.mod", path) &&
               note_current(folder);
}

static int
make_grub(const char *folder, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        const char *argv[N_ELEMENTS(grub_modules) + 12] = {"grub-mkimage", "-O",    "x86_64-efi", "-d", GRUB_MODULES,
                                                           "-p",           "/grub", "-o",         path};
        size_t n = 9;
        int r;

        if (access(GRUB_MODULES "/multiboot2.mod", R_OK) < 0)
                return error_set(err, ERR_TOOL, GRUB_MODULES " is not there: apt-get install grub-efi-amd64-bin");
        if ((r = image_path(path, err, "%s/grub/x86_64-efi", folder)) < 0 || (r = image_mkdir(path, err)) < 0 ||
            (r = image_path(path, err, "%s/" GRUB_CORE, folder)) < 0)
                return r;
        for (size_t i = 0; i < N_ELEMENTS(grub_modules); i++)
                argv[n++] = grub_modules[i];
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
        if (r == 0)
                r = make_grub(folder, err);
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
        if ((r = image_remove(fresh, err)) < 0 || (r = make_all(fresh, err)) < 0)
                return r;
        return swap_in(fresh, folder, err);
}
