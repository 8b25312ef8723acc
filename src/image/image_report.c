/* SPDX-License-Identifier: Apache-2.0 */
/* Sums up an image: bytes on the wire, and the biggest parts (files of the initrd by their unpacked size, in RAM). */
#include "image/image_report.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "image/image_files.h"

static uint64_t
file_size(const char *folder, const char *name)
{
        char path[IMAGE_PATH_SIZE];
        struct error err;
        struct stat st;

        if (image_path(path, &err, "%s/%s", folder, name) < 0 || stat(path, &st) < 0)
                return 0;
        return (uint64_t)st.st_size;
}

/* What PXELINUX or GRUB fetches of itself, whichever is more; 0 before loaders_build. */
static uint64_t
loader_size(const char *store)
{
        static const char *const bios[] = {"pxelinux.0", "ldlinux.c32", "mboot.c32", "libcom32.c32"};
        char folder[IMAGE_PATH_SIZE];
        struct error err;
        uint64_t sum = 0, uefi;

        if (image_path(folder, &err, "%s/loaders", store) < 0)
                return 0;
        for (size_t i = 0; i < N_ELEMENTS(bios); i++)
                sum += file_size(folder, bios[i]);
        uefi = file_size(folder, "grub/x86_64-efi/core.efi");
        return sum > uefi ? sum : uefi;
}

static double
mib(uint64_t bytes)
{
        return (double)bytes / (1 << 20);
}

static int
biggest_first(const void *a, const void *b)
{
        const struct tree_entry *x = *(const struct tree_entry *const *)a, *y = *(const struct tree_entry *const *)b;

        if (x->size != y->size)
                return x->size < y->size ? 1 : -1;
        return strcmp(x->path, y->path);
}

int
image_report_make(const char *out, const char *store, const struct tree *t, struct image_report *ret, struct error *err)
{
        _cleanup_free_ const struct tree_entry **order = calloc(t->n ? t->n : 1, sizeof(*order));
        uint64_t xen = file_size(out, "xen.gz"), kernel = file_size(out, "vmlinuz"), initrd = file_size(out, "initrd");
        /* An image without one is mounted over the network, by the small one. */
        uint64_t loader = xen ? loader_size(store) : 0, unpacked = 0;

        if (initrd == 0)
                initrd = file_size(out, "initrd-root");
        if (!order)
                return error_errno_set(err, ENOMEM, "image report");
        for (size_t i = 0; i < t->n; i++) {
                order[i] = &t->entries[i];
                unpacked += t->entries[i].size;
        }
        qsort(order, t->n, sizeof(*order), biggest_first);
        ret->wire = loader + xen + kernel + initrd;
        ret->n_lines = 1;
        snprintf(ret->lines[0], sizeof(ret->lines[0]),
                 "%.1f MiB on the wire: loader %.1f, hypervisor %.1f, kernel %.1f, initrd %.1f (%.1f unpacked)", mib(ret->wire),
                 mib(loader), mib(xen), mib(kernel), mib(initrd), mib(unpacked));
        for (size_t i = 0; i < t->n && i < REPORT_BIGGEST; i++)
                snprintf(ret->lines[ret->n_lines++], sizeof(ret->lines[0]), "%6.2f MiB unpacked  /%.160s", mib(order[i]->size),
                         order[i]->path);
        return 0;
}
