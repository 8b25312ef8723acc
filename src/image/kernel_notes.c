/* SPDX-License-Identifier: Apache-2.0 */
/* Xen's ELF notes in a vmlinux, and CONFIG_RD_*. Runs in the facts child, see image_facts.c. */
#include "image/kernel_notes.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define XEN_ELFNOTE_ENTRY 1
#define XEN_ELFNOTE_FEATURES 10
#define XEN_ELFNOTE_SUPPORTED_FEATURES 17
#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define XENFEAT_dom0 11
#define MAX_SEGMENTS 64
#define MAX_NOTES 4096

struct notes {
        bool entry, phys32, supported_given;
        uint32_t supported;
        bool dom0_word; /* the old, textual form */
};

static size_t
aligned(size_t n)
{
        return (n + 3) & ~(size_t)3;
}

static void
note_take(struct notes *n, uint32_t type, const uint8_t *desc, size_t size)
{
        switch (type) {
        case XEN_ELFNOTE_ENTRY:
                n->entry = true;
                break;
        case XEN_ELFNOTE_PHYS32_ENTRY:
                n->phys32 = true;
                break;
        case XEN_ELFNOTE_FEATURES: /* "!writable_page_tables|privileged_domain" */
                n->dom0_word = memmem(desc, size, "privileged_domain", strlen("privileged_domain")) != NULL;
                break;
        case XEN_ELFNOTE_SUPPORTED_FEATURES:
                if (size >= sizeof(n->supported)) {
                        memcpy(&n->supported, desc, sizeof(n->supported));
                        n->supported_given = true;
                }
                break;
        }
}

/* A PT_NOTE segment: name size, description size, type, name, description. */
static void
segment_read(const uint8_t *data, size_t size, struct notes *ret)
{
        size_t at = 0;

        for (unsigned i = 0; i < MAX_NOTES && size - at >= sizeof(Elf64_Nhdr); i++) {
                Elf64_Nhdr h;
                size_t desc;

                memcpy(&h, data + at, sizeof(h));
                at += sizeof(h);
                if (h.n_namesz > size - at || aligned(h.n_namesz) > size - at)
                        return;
                desc = at + aligned(h.n_namesz);
                if (h.n_descsz > size - desc)
                        return;
                if (h.n_namesz == 4 && memcmp(data + at, "Xen", 4) == 0)
                        note_take(ret, h.n_type, data + desc, h.n_descsz);
                if (aligned(h.n_descsz) > size - desc)
                        return;
                at = desc + aligned(h.n_descsz);
        }
}

struct segment {
        uint64_t offset, size;
};

/* The @i-th program header, if it is one of notes that lies in the file. */
static bool
note_segment(const uint8_t *data, size_t size, bool wide, uint64_t at, struct segment *ret)
{
        if (wide) {
                Elf64_Phdr p;

                if (at > size || size - at < sizeof(p))
                        return false;
                memcpy(&p, data + at, sizeof(p));
                *ret = (struct segment){p.p_offset, p.p_type == PT_NOTE ? p.p_filesz : 0};
        } else {
                Elf32_Phdr p;

                if (at > size || size - at < sizeof(p))
                        return false;
                memcpy(&p, data + at, sizeof(p));
                *ret = (struct segment){p.p_offset, p.p_type == PT_NOTE ? p.p_filesz : 0};
        }
        return ret->size > 0 && ret->offset <= size && ret->size <= size - ret->offset;
}

void
kernel_notes_read(const uint8_t *data, size_t size, struct kernel_facts *ret)
{
        struct notes n = {0};
        bool wide;
        uint64_t table;
        unsigned count;
        uint16_t machine;

        if (size < sizeof(Elf64_Ehdr) || memcmp(data, ELFMAG, SELFMAG) != 0 || data[EI_DATA] != ELFDATA2LSB)
                return;
        wide = data[EI_CLASS] == ELFCLASS64;
        memcpy(&machine, data + offsetof(Elf64_Ehdr, e_machine), sizeof(machine));
        if (wide) {
                Elf64_Ehdr e;

                memcpy(&e, data, sizeof(e));
                table = e.e_phoff;
                count = e.e_phnum;
        } else {
                Elf32_Ehdr e;

                memcpy(&e, data, sizeof(e));
                table = e.e_phoff;
                count = e.e_phnum;
        }
        for (unsigned i = 0; i < count && i < MAX_SEGMENTS && table <= size; i++) {
                struct segment s;

                if (note_segment(data, size, wide, table + i * (wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)), &s))
                        segment_read(data + s.offset, s.size, &n);
        }
        if (ret->arch == ARCH_UNKNOWN)
                ret->arch = wide && machine == EM_X86_64 ? ARCH_X86_64 : machine == EM_386 ? ARCH_X86_32 : ARCH_OTHER;
        ret->notes_known = true;
        ret->xen_pv = n.entry;
        ret->xen_pvh = n.phys32;
        /* Xen refuses only what says that it cannot; a kernel without the note (before 3.0) says it by a word, or is Xen's own.
         */
        ret->xen_dom0 = (n.entry || n.phys32) && (n.supported_given ? (n.supported >> XENFEAT_dom0 & 1) : n.dom0_word);
}

bool
kernel_config_find(const uint8_t *data, size_t size, const uint8_t **ret, size_t *ret_size)
{
        const uint8_t *start = memmem(data, size, "IKCFG_ST\037\213", 10), *end;

        if (!start)
                return false;
        start += 8;
        end = memmem(start, size - (size_t)(start - data), "IKCFG_ED", 8);
        if (!end)
                return false;
        *ret = start;
        *ret_size = (size_t)(end - start);
        return true;
}

/* Is the whole line @wanted in the text? */
static bool
has_line(const char *text, size_t size, const char *wanted)
{
        size_t n = strlen(wanted);

        for (const char *p = text; (p = memmem(p, size - (size_t)(p - text), wanted, n)); p += n) {
                size_t end = (size_t)(p - text) + n;

                if ((p == text || p[-1] == '\n') && (end == size || text[end] == '\n'))
                        return true;
        }
        return false;
}

void
kernel_config_read(const char *text, size_t size, struct kernel_facts *ret)
{
        static const struct {
                const char *line;
                enum facts_packing packing;
        } options[] = {
                {"CONFIG_RD_GZIP=y", PACKING_GZIP}, {"CONFIG_RD_BZIP2=y", PACKING_BZIP2}, {"CONFIG_RD_LZMA=y", PACKING_LZMA},
                {"CONFIG_RD_XZ=y", PACKING_XZ},     {"CONFIG_RD_LZO=y", PACKING_LZO},     {"CONFIG_RD_LZ4=y", PACKING_LZ4},
                {"CONFIG_RD_ZSTD=y", PACKING_ZSTD},
        };
        size_t n = 0;

        /* A configuration without initrd support names none of them, too: any option at all shows that it is one. */
        ret->config_known = size > 0 && memmem(text, size, "CONFIG_", 7) != NULL;
        ret->unpacks[0] = '\0';
        for (size_t i = 0; i < N_ELEMENTS(options); i++)
                if (has_line(text, size, options[i].line))
                        n += (size_t)snprintf(ret->unpacks + n, sizeof(ret->unpacks) - n, "%s%s", n ? " " : "",
                                              facts_packing_names[options[i].packing]);
}
