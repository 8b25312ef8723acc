/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a kernel, a vmlinux with notes and a configuration, a Xen and a loader. */
#include <assert.h>
#include <string.h>

#include "image/kernel_head.h"
#include "image/kernel_notes.h"
#include "image/loader_head.h"
#include "image/xen_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
as_kernel(const uint8_t *data, size_t size)
{
        struct kernel_facts k = {0};
        const uint8_t *config;
        size_t offset, length;

        kernel_head_read(data, size, &k, &offset, &length);
        assert(offset <= size && length <= size - offset && (k.found || length == 0));
        assert(memchr(k.release, '\0', sizeof(k.release)));
        kernel_notes_read(data + offset, length, &k);
        kernel_notes_read(data, size, &k);
        assert(k.arch < ARCH_N && k.packing < PACKING_N);
        if (kernel_config_find(data, size, &config, &length))
                assert(config >= data && config + length <= data + size);
        kernel_config_read((const char *)data, size, &k);
        assert(memchr(k.unpacks, '\0', sizeof(k.unpacks)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const names[] = {"pxelinux.0", "mboot.c32", "grub/x86_64-efi/core.efi", "grub-pc/core.0"};
        struct xen_facts x = {0};
        char note[256];
        size_t n = size < sizeof(note) - 1 ? size : sizeof(note) - 1;

        as_kernel(data, size);
        xen_head_read(data, size, &x);
        xen_efi_read(data, size, &x);
        assert(x.arch < ARCH_N && x.efi_arch < ARCH_N);
        memcpy(note, data, n);
        note[n] = '\0';
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                struct loader_file f = {0};

                memcpy(f.name, names[i], strlen(names[i]));
                loader_head_read(data, size, note, &f);
                assert(f.form < LOADER_FORM_N && memchr(f.version, '\0', sizeof(f.version)));
        }
        return 0;
}
