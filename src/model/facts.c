/* SPDX-License-Identifier: Apache-2.0 */
/* Record tables of facts and the questions that are asked of them. Pure; linked by every program. */
#include "model/facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *const facts_packing_names[] = {
        [PACKING_NONE] = "none",       [PACKING_GZIP] = "gzip", [PACKING_BZIP2] = "bzip2", [PACKING_LZMA] = "lzma",
        [PACKING_XZ] = "xz",           [PACKING_LZO] = "lzo",   [PACKING_LZ4] = "lz4",     [PACKING_ZSTD] = "zstd",
        [PACKING_UNKNOWN] = "unknown", [PACKING_N] = NULL,
};
const char *const facts_arch_names[] = {
        [ARCH_UNKNOWN] = "unknown", [ARCH_X86_64] = "x86-64", [ARCH_X86_32] = "x86-32",
        [ARCH_ARM64] = "arm64",     [ARCH_OTHER] = "other",   [ARCH_N] = NULL,
};
const char *const loader_form_names[] = {
        [LOADER_FORM_OTHER] = "other",         [LOADER_FORM_PXELINUX] = "pxelinux", [LOADER_FORM_COM32] = "com32",
        [LOADER_FORM_COM32_OLD] = "com32-old", [LOADER_FORM_GRUB] = "grub",         [LOADER_FORM_N] = NULL,
};

static const struct rec_field kernel_fields[] = {
        REC_BOOL(struct kernel_facts, found),        REC_ENUM(struct kernel_facts, arch, facts_arch_names),
        REC_STR(struct kernel_facts, release),       REC_ENUM(struct kernel_facts, packing, facts_packing_names),
        REC_U32(struct kernel_facts, cmdline_max),   REC_U64(struct kernel_facts, init_size),
        REC_BOOL(struct kernel_facts, notes_known),  REC_BOOL(struct kernel_facts, xen_pv),
        REC_BOOL(struct kernel_facts, xen_pvh),      REC_BOOL(struct kernel_facts, xen_dom0),
        REC_BOOL(struct kernel_facts, config_known), REC_STR(struct kernel_facts, unpacks),
};
static const struct rec_desc kernel_desc = REC_DESC(struct kernel_facts, kernel_fields);

static const struct rec_field xen_fields[] = {
        REC_BOOL(struct xen_facts, found),
        REC_ENUM(struct xen_facts, arch, facts_arch_names),
        REC_BOOL(struct xen_facts, multiboot1),
        REC_BOOL(struct xen_facts, multiboot2),
        REC_BOOL(struct xen_facts, plain),
        REC_BOOL(struct xen_facts, efi),
        REC_ENUM(struct xen_facts, efi_arch, facts_arch_names),
};
static const struct rec_desc xen_desc = REC_DESC(struct xen_facts, xen_fields);

static const struct rec_field initrd_fields[] = {
        REC_BOOL(struct initrd_facts, found),
        REC_ENUM(struct initrd_facts, packing, facts_packing_names),
        REC_U64(struct initrd_facts, size),
        REC_U64(struct initrd_facts, unpacked),
        REC_BOOL(struct initrd_facts, init),
        REC_STR(struct initrd_facts, modules_release),
        REC_BLOB(struct initrd_facts, modules, FACTS_WORDS_MAX),
        REC_BOOL(struct initrd_facts, nics_known),
        REC_BLOB(struct initrd_facts, nics, FACTS_WORDS_MAX),
        REC_BLOB(struct initrd_facts, no_firmware, FACTS_WORDS_MAX),
        REC_BLOB(struct initrd_facts, keep, FACTS_WORDS_MAX),
};
static const struct rec_desc initrd_desc = REC_DESC(struct initrd_facts, initrd_fields);

static const struct rec_field image_facts_fields[] = {
        REC_U32(struct image_facts, version),
        REC_STR(struct image_facts, id),
        REC_REC(struct image_facts, kernel, kernel_desc),
        REC_REC(struct image_facts, xen, xen_desc),
        REC_REC(struct image_facts, initrd, initrd_desc),
        REC_REC(struct image_facts, initrd_root, initrd_desc),
};
const struct rec_desc image_facts_desc = REC_DESC(struct image_facts, image_facts_fields);

static const struct rec_field loader_file_fields[] = {
        REC_STR(struct loader_file, name),
        REC_ENUM(struct loader_file, form, loader_form_names),
        REC_STR(struct loader_file, version),
        REC_BOOL(struct loader_file, multiboot),
};
static const struct rec_desc loader_file_desc = REC_DESC(struct loader_file, loader_file_fields);

static const struct rec_field loaders_facts_fields[] = {
        REC_U32(struct loaders_facts, version),
        REC_LIST(struct loaders_facts, files, loader_file_desc),
};
const struct rec_desc loaders_facts_desc = REC_DESC(struct loaders_facts, loaders_facts_fields);

const struct loader_file *
loaders_facts_file(const struct loaders_facts *l, const char *name)
{
        for (uint32_t i = 0; i < l->n_files; i++)
                if (strcmp(l->files[i].name, name) == 0)
                        return &l->files[i];
        return NULL;
}

static bool
same_module(const char *word, size_t size, const char *name)
{
        size_t i;

        for (i = 0; i < size && name[i]; i++)
                if (word[i] != (name[i] == '-' ? '_' : name[i]))
                        return false;
        return i == size && name[i] == '\0';
}

bool
facts_has_module(const struct image_facts *f, const char *name)
{
        for (const char *p = (const char *)f->initrd.modules.data; p && *p; p += strspn(p, " ")) {
                size_t n = strcspn(p, " ");

                if (same_module(p, n, name))
                        return true;
                p += n;
        }
        return false;
}

bool
facts_nic_module(const struct image_facts *f, uint32_t vendor, uint32_t device, char ret_module[NAME_SIZE])
{
        char exact[16], any[16];
        size_t n, m;

        n = (size_t)snprintf(exact, sizeof(exact), "%04x:%04x ", vendor & 0xffff, device & 0xffff);
        m = (size_t)snprintf(any, sizeof(any), "%04x:* ", vendor & 0xffff);
        for (const char *p = (const char *)f->initrd.nics.data; p && *p;) {
                size_t size = strcspn(p, "\n");
                const char *name = memchr(p, ' ', size);

                if (name && (strncmp(p, exact, n) == 0 || strncmp(p, any, m) == 0)) {
                        if (ret_module)
                                snprintf(ret_module, NAME_SIZE, "%.*s", (int)(p + size - name - 1), name + 1);
                        return true;
                }
                p += size + (p[size] == '\n');
        }
        return false;
}

bool
facts_no_firmware(const struct image_facts *f, const char *module)
{
        return f->initrd.no_firmware.size > 0 && facts_has_word((const char *)f->initrd.no_firmware.data, module);
}

bool
facts_has_word(const char *list, const char *word)
{
        char one[NAME_SIZE];

        while ((list = list_next(list, one)))
                if (strcmp(one, word) == 0)
                        return true;
        return false;
}
