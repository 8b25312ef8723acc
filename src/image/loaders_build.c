/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loaders that firmware fetches: PXELINUX as Debian ships it, and GRUB as one EFI file with the modules that our menus use, so that it
 * asks for nothing but its menu. Runs where images are built. All is made in a folder of its own and renamed in.
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
        return image_path(path, &err, "%s/" GRUB_CORE, folder) == 0 && !newer(GRUB_MODULES "/multiboot2.mod", path);
}

static int
make_grub(const char *folder, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        /* efinet brings the network up by firmware's own lease; normal reads grub.cfg-01-MAC; the rest is what menus say. */
        const char *const argv[] = {"grub-mkimage", "-O", "x86_64-efi", "-d", GRUB_MODULES, "-p", "/grub", "-o", path, "efinet", "tftp",
                                    "http", "normal", "configfile", "multiboot2", "boot", "echo", "test", "sleep", "reboot", "halt",
                                    "linux", "chain", "fat", "part_gpt", "search", "search_fs_file", NULL};
        int r;

        if (access(GRUB_MODULES "/multiboot2.mod", R_OK) < 0)
                return error_set(err, ERR_TOOL, GRUB_MODULES " is not there: apt-get install grub-efi-amd64-bin");
        if ((r = image_path(path, err, "%s/grub/x86_64-efi", folder)) < 0 || (r = image_mkdir(path, err)) < 0 ||
            (r = image_path(path, err, "%s/" GRUB_CORE, folder)) < 0)
                return r;
        return image_run(argv, NULL, "grub-common", NULL, err);
}

static int
make_all(const char *folder, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r;

        r = image_mkdir(folder, err);
        for (size_t i = 0; i < N_ELEMENTS(copies) && r == 0; i++) {
                if (access(copies[i].source, R_OK) < 0)
                        return error_set(err, ERR_TOOL, "%s is not there: apt-get install %s", copies[i].source, copies[i].package);
                r = image_path(path, err, "%s/%s", folder, copies[i].name);
                if (r == 0)
                        r = image_copy(copies[i].source, path, 0644, err);
        }
        return r < 0 ? r : make_grub(folder, err);
}

/* Folders cannot replace each other by rename: the old one steps aside first. A reader in between finds a loader missing for microseconds;
 * firmware asks again. */
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
