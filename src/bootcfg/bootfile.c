/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a name asked for to what it stands for. Opens nothing: that is boot_tftp.c's and the `files` role's, with
 * RESOLVE_BENEATH.
 */
#include "bootcfg/bootfile.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define ID_DIGITS 16

/* The files of an image that loaders and dompool-init may fetch. */
static const struct {
        const char *name;
        enum boot_stage stage;
        size_t size_at; /* of its size in struct policy_image; 0: it has none there */
} image_files[] = {
        {"xen.gz", STAGE_XEN, offsetof(struct policy_image, xen_size)}, /* GRUB, PXELINUX */
        {"xen", STAGE_XEN, 0},                                          /* iPXE on BIOS unpacks nothing */
        {"xen.efi", STAGE_XEN, 0},                                      /* iPXE on UEFI */
        {"vmlinuz", STAGE_KERNEL, offsetof(struct policy_image, kernel_size)},
        {"initrd", STAGE_INITRD, offsetof(struct policy_image, initrd_size)},
        {"initrd-root", STAGE_INITRD, 0},
        {"root.squashfs", STAGE_INITRD, 0}, /* from here on by dompool-init, a root by HTTP */
        {"manifest.json", STAGE_INITRD, 0},
        {"manifest.sig", STAGE_INITRD, 0},
};

/* Copies the next part of the path; false when it is one that no honest loader asks for. */
static bool
part_ok(const char *part, size_t n)
{
        if (n == 2 && part[0] == '.' && part[1] == '.')
                return false;
        for (size_t i = 0; i < n; i++)
                if ((unsigned char)part[i] < 0x20 || (unsigned char)part[i] > 0x7e)
                        return false;
        return true;
}

/* "\boot//.\x" -> "boot/x": firmware and loaders disagree on slashes. NULL or why not. */
static const char *
normalise(const char *name, char path[BOOTFILE_PATH_SIZE])
{
        size_t size = 0;

        if (strlen(name) > BOOTFILE_NAME_MAX)
                return "the name is too long";
        while (*name) {
                size_t n = strcspn(name, "/\\");

                if (!part_ok(name, n))
                        return "the name leaves the boot files or holds control characters";
                if (n > 0 && !(n == 1 && name[0] == '.')) {
                        if (size > 0)
                                path[size++] = '/';
                        memcpy(path + size, name, n);
                        size += n;
                }
                name += n;
                name += strspn(name, "/\\");
        }
        path[size] = '\0';
        return size > 0 ? NULL : "the name is empty";
}

static const struct policy_image *
image_by_digits(const struct policy *policy, const char *digits)
{
        const struct policy_image *image;

        for (uint32_t i = 0; policy && (image = policy_image_at(policy, i)); i++)
                if (strncmp(image->id, digits, ID_DIGITS) == 0)
                        return image;
        return NULL;
}

bool
bootfile_image_has(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(image_files); i++)
                if (strcmp(name, image_files[i].name) == 0)
                        return true;
        return false;
}

static void
missing(struct bootfile *ret, const char *why)
{
        ret->kind = BOOTFILE_MISSING;
        ret->why = why;
}

/* "i/0123456789abcdef/xen.gz"; @rest is what follows "i/". */
static void
resolve_image(const struct policy *policy, const char *rest, struct bootfile *ret)
{
        const struct policy_image *image;
        size_t n = strcspn(rest, "/");

        image = n == ID_DIGITS && rest[n] == '/' ? image_by_digits(policy, rest) : NULL;
        if (!image) {
                missing(ret, "there is no such image");
                return;
        }
        for (size_t i = 0; i < N_ELEMENTS(image_files); i++)
                if (strcmp(rest + n + 1, image_files[i].name) == 0) {
                        ret->kind = BOOTFILE_IMAGE;
                        ret->stage = image_files[i].stage;
                        if (image_files[i].size_at)
                                memcpy(&ret->size, (const char *)image + image_files[i].size_at, sizeof(ret->size));
                        snprintf(ret->path, sizeof(ret->path), "%s/%s", image->id, image_files[i].name);
                        return;
                }
        missing(ret, "the image has no such file");
}

void
bootfile_resolve(const struct policy *policy, const char *name, struct bootfile *ret)
{
        memset(ret, 0, sizeof(*ret));
        ret->stage = STAGE_LOADER;
        ret->why = normalise(name, ret->path);
        if (ret->why) {
                ret->path[0] = '\0';
                return;
        }
        switch (menu_name_parse(ret->path, &ret->menu, &ret->mac)) {
        case MENU_NAME_HOST:
                ret->kind = BOOTFILE_MENU;
                ret->stage = STAGE_MENU;
                return;
        case MENU_NAME_DEFAULT:
                ret->kind = BOOTFILE_MENU_DEFAULT;
                ret->stage = STAGE_MENU;
                return;
        case MENU_NAME_OTHER:
                ret->stage = STAGE_MENU;
                missing(ret, "no menu stands under this name");
                return;
        case MENU_NAME_NONE:
                break;
        }
        if (strncmp(ret->path, "i/", 2) == 0) {
                char rest[BOOTFILE_PATH_SIZE];

                str_copy(rest, sizeof(rest), ret->path + 2);
                resolve_image(policy, rest, ret);
                return;
        }
        ret->kind = BOOTFILE_LOADER;
}
