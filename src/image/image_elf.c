/* SPDX-License-Identifier: Apache-2.0 */
/* Reads PT_INTERP and DT_NEEDED out of an ELF file's bytes, trusting none of its offsets. No I/O. */
#include "image/image_elf.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct view {
        const uint8_t *data;
        size_t size;
};

/* Copies a struct from @offset; false when it does not lie in the file. */
static bool
view_get(const struct view *v, uint64_t offset, void *ret, size_t size)
{
        if (offset > v->size || v->size - offset < size)
                return false;
        memcpy(ret, v->data + offset, size);
        return true;
}

/* A NUL-terminated text that ends before @end. */
static const char *
view_text(const struct view *v, uint64_t offset, uint64_t end)
{
        if (end > v->size)
                end = v->size;
        if (offset >= end || !memchr(v->data + offset, '\0', end - offset))
                return NULL;
        return (const char *)v->data + offset;
}

/* File offset of a virtual address, by the loadable segments. */
static bool
view_address(const struct view *v, const Elf64_Ehdr *e, uint64_t address, uint64_t *ret)
{
        for (unsigned i = 0; i < e->e_phnum; i++) {
                Elf64_Phdr p;

                if (!view_get(v, e->e_phoff + (uint64_t)i * sizeof(p), &p, sizeof(p)))
                        return false;
                if (p.p_type == PT_LOAD && address >= p.p_vaddr && address - p.p_vaddr < p.p_filesz) {
                        *ret = p.p_offset + (address - p.p_vaddr);
                        return true;
                }
        }
        return false;
}

static int
dynamic_read(const struct view *v, const Elf64_Ehdr *e, const Elf64_Phdr *dynamic, struct elf_needs *ret)
{
        uint64_t n = dynamic->p_filesz / sizeof(Elf64_Dyn), strings = 0, size = 0;
        Elf64_Dyn d;

        for (uint64_t i = 0; i < n; i++) {
                if (!view_get(v, dynamic->p_offset + i * sizeof(d), &d, sizeof(d)))
                        return -EBADMSG;
                if (d.d_tag == DT_NULL)
                        break;
                if (d.d_tag == DT_STRTAB && !view_address(v, e, d.d_un.d_ptr, &strings))
                        return -EBADMSG;
                if (d.d_tag == DT_STRSZ)
                        size = d.d_un.d_val;
        }
        if (size > v->size)
                return -EBADMSG;
        for (uint64_t i = 0; i < n; i++) {
                if (!view_get(v, dynamic->p_offset + i * sizeof(d), &d, sizeof(d)))
                        return -EBADMSG;
                if (d.d_tag == DT_NULL)
                        break;
                if (d.d_tag != DT_NEEDED)
                        continue;
                if (ret->n_needed == ELF_MAX_NEEDED)
                        return -E2BIG;
                if (d.d_un.d_val >= size)
                        return -EBADMSG;
                ret->needed[ret->n_needed] = view_text(v, strings + d.d_un.d_val, strings + size);
                if (!ret->needed[ret->n_needed++])
                        return -EBADMSG;
        }
        return 0;
}

int
elf_needs_read(const uint8_t *data, size_t size, struct elf_needs *ret)
{
        const struct view v = {data, size};
        Elf64_Ehdr e;

        memset(ret, 0, sizeof(*ret));
        if (!view_get(&v, 0, &e, sizeof(e)) || memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 || e.e_ident[EI_CLASS] != ELFCLASS64 ||
            e.e_ident[EI_DATA] != ELFDATA2LSB || (e.e_type != ET_EXEC && e.e_type != ET_DYN))
                return 1;
        if (e.e_phentsize != sizeof(Elf64_Phdr) || e.e_phoff > size)
                return -EBADMSG;
        for (unsigned i = 0; i < e.e_phnum; i++) {
                Elf64_Phdr p;
                int r = 0;

                if (!view_get(&v, e.e_phoff + (uint64_t)i * sizeof(p), &p, sizeof(p)))
                        return -EBADMSG;
                if (p.p_offset > size || p.p_filesz > size)
                        return -EBADMSG;
                if (p.p_type == PT_INTERP) {
                        ret->interpreter = view_text(&v, p.p_offset, p.p_offset + p.p_filesz);
                        r = ret->interpreter ? 0 : -EBADMSG;
                } else if (p.p_type == PT_DYNAMIC) {
                        r = dynamic_read(&v, &e, &p, ret);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}
