/* SPDX-License-Identifier: Apache-2.0 */
/* Version strings and kinds of loaders. Runs in the facts child, see image_facts.c. */
#include "image/loader_head.h"

#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"

/* "6.04" behind the first @word that a digit follows. */
static bool
version_behind(const uint8_t *data, size_t size, const char *word, char *ret, size_t ret_size)
{
        size_t n = strlen(word);

        for (const uint8_t *p = data; (p = memmem(p, size - (size_t)(p - data), word, n)); p += n) {
                const uint8_t *v = p + n;
                size_t k = 0;

                while (v + k < data + size && k + 1 < ret_size && (isdigit(v[k]) || v[k] == '.'))
                        k++;
                if (k == 0 || !isdigit(v[0]))
                        continue;
                memcpy(ret, v, k);
                ret[k] = '\0';
                return true;
        }
        return false;
}

static bool
has(const uint8_t *data, size_t size, const char *word, size_t word_size)
{
        return memmem(data, size, word, word_size) != NULL;
}

/* The note's line "FORMAT: a b c" has the word. */
static bool
note_has(const char *modules, const char *format, const char *word)
{
        size_t n = strlen(format);

        for (const char *p = modules; p && *p; p += strcspn(p, "\n"), p += *p == '\n') {
                char line[512];
                size_t size = strcspn(p, "\n");

                if (strncmp(p, format, n) != 0 || p[n] != ':' || size - n - 1 >= sizeof(line))
                        continue;
                memcpy(line, p + n + 1, size - n - 1);
                line[size - n - 1] = '\0';
                return facts_has_word(line, word);
        }
        return false;
}

static const struct grub {
        const char *name, *format, *word;
        bool packed;
} grubs[] = {
        {"grub/x86_64-efi/core.efi", "x86_64-efi", "multiboot2", false},
        {"grub-arm64/core.efi", "arm64-efi", "xen_boot", false},
        {"grub-pc/core.0", "i386-pc-pxe", "multiboot2", true},
};

static void
grub_read(const uint8_t *data, size_t size, const char *modules, const struct grub *g, struct loader_file *ret)
{
        char word[NAME_SIZE];
        size_t n = strlen(g->word);

        ret->form = LOADER_FORM_GRUB;
        word[0] = '\0';
        memcpy(word + 1, g->word, n + 1);
        ret->multiboot = g->packed ? note_has(modules, g->format, g->word) : has(data, size, word, n + 2);
}

void
loader_head_read(const uint8_t *data, size_t size, const char *modules, struct loader_file *ret)
{
        static const uint8_t com32[] = {0xb8, 0xfe, 0x4c, 0xcd, 0x21}; /* mov eax, 0x21cd4cfe; .c32 of SYSLINUX 3 and 4 */
        const char *dot = strrchr(ret->name, '.');

        for (size_t i = 0; i < N_ELEMENTS(grubs); i++)
                if (strcmp(ret->name, grubs[i].name) == 0) {
                        grub_read(data, size, modules, &grubs[i], ret);
                        return;
                }
        if (version_behind(data, size, "PXELINUX ", ret->version, sizeof(ret->version)))
                ret->form = LOADER_FORM_PXELINUX;
        else if (dot && strcmp(dot, ".c32") == 0 && size >= sizeof(com32) && memcmp(data, com32, sizeof(com32)) == 0)
                ret->form = LOADER_FORM_COM32_OLD;
        else if (dot && strcmp(dot, ".c32") == 0 && size >= 4 && memcmp(data, "\177ELF", 4) == 0)
                ret->form = LOADER_FORM_COM32;
}
