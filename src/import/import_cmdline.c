/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines of boot menus: which module is Xen, the kernel, the initrd; how much memory dom0 gets; and which words a host
 * of the pool can take over. Knows nothing of menus' grammars. Pure.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "import/import_private.h"
#include "import/lines.h"

/* A node image lives in dom0's memory; its recipe (images/micro) asks for this much, and with less it may not come up. */
#define DOM0_MEM_LEAST_KIB (400u << 10)

bool
import_is_pxelinux(const char *file)
{
        static const char *const names[] = {"pxelinux.", "lpxelinux.", "gpxelinux.", "gpxelinuxk.", "syslinux."};

        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                if (import_has_prefix(import_basename(file), names[i]))
                        return true;
        return false;
}

bool
import_is_loader(const char *file)
{
        static const char *const suffixes[] = {".0", ".efi", ".kpxe", ".pxe", ".kkpxe", ".ipxe", ".bin", ".com"};
        size_t n = strlen(file);

        for (size_t i = 0; i < N_ELEMENTS(suffixes); i++)
                if (n > strlen(suffixes[i]) && strcasecmp(file + n - strlen(suffixes[i]), suffixes[i]) == 0)
                        return true;
        return false;
}

bool
import_word_value(const char *args, const char *name, char *ret, size_t size)
{
        size_t n = strlen(name);

        while (*args) {
                size_t length = strcspn(args, " ");

                if (length > n && strncmp(args, name, n) == 0 && args[n] == '=' && length - n - 1 < size) {
                        memcpy(ret, args + n + 1, length - n - 1);
                        ret[length - n - 1] = '\0';
                        return true;
                }
                args += length;
                args += strspn(args, " ");
        }
        return false;
}

/* ---- modules ---- */

size_t
import_modules_split(struct import *im, const struct import_place *at, char *text, char **ret)
{
        char *out = text; /* words move down: what is written never passes what is read */
        bool fresh = true;
        size_t n = 0;

        while (*text) {
                const char *word = lines_word(&text);
                size_t length = strlen(word);

                if (strcmp(word, "---") == 0) {
                        *out++ = '\0';
                        fresh = true;
                        continue;
                }
                if (fresh && n == IMPORT_MAX_MODULES) {
                        import_note(im, IMPORT_NOTE_UNKNOWN, at, word, "", "there are more than %d modules",
                                    IMPORT_MAX_MODULES);
                        break;
                }
                if (fresh)
                        ret[n++] = out;
                else
                        *out++ = ' ';
                fresh = false;
                memmove(out, word, length);
                out += length;
        }
        *out = '\0';
        return n;
}

/* The words of @text with one blank between them. */
static bool
copy_words(char *dst, size_t size, char *text)
{
        *dst = '\0';
        while (*text)
                if (!import_append(dst, size, lines_word(&text)))
                        return false;
        return true;
}

/* "file a b" into file and "a b". */
static void
file_and_args(struct import *im, const struct import_place *at, char *text, char *file, char *args)
{
        const char *first = lines_word(&text);

        if (!import_copy(file, IMPORT_PATH_SIZE, first) || !copy_words(args, IMPORT_CMDLINE_SIZE, text))
                import_note(im, IMPORT_NOTE_WARNING, at, first, "shorten it",
                            "the line is longer than a command line can be; its end was cut off");
}

/* One part of dom0_mem=[min:SIZE,][max:SIZE,]SIZE. A number without unit is KiB, as Xen reads it. False: it is no plain size.
 */
static bool
read_size(const char *text, bool *ret_unitless, uint64_t *ret_kib)
{
        uint64_t value;

        *ret_unitless = *text && text[strspn(text, "0123456789")] == '\0';
        if (*ret_unitless)
                return parse_u64(text, UINT64_MAX >> 10, ret_kib) == 0;
        if (parse_size(text, &value) < 0)
                return false;
        *ret_kib = value >> 10;
        return true;
}

/* Rewrites the value of dom0_mem= with units: "192000" becomes "192000K". */
static void
read_dom0_mem_value(struct import *im, const struct import_place *at, struct import_entry *e, char *value, char *out,
                    size_t size)
{
        char word[80];
        const char *part;

        snprintf(word, sizeof(word), "dom0_mem=%s", value);
        *out = '\0';
        while ((part = lines_part(&value, ','))) {
                size_t n = strlen(out);
                const char *number = import_has_prefix(part, "min:") || import_has_prefix(part, "max:") ? part + 4 : part;
                uint64_t kib = 0;
                bool unitless;

                if (!read_size(number, &unitless, &kib))
                        import_note(im, IMPORT_NOTE_WARNING, at, word, "", "'%s' is no plain size; it is taken as it stands",
                                    part);
                else if (unitless)
                        import_note(im, IMPORT_NOTE_WARNING, at, word, "write the unit",
                                    "a number without unit is KiB to Xen, so this is %llu MiB",
                                    (unsigned long long)(kib >> 10));
                if (number == part)
                        e->dom0_mem_kib = kib;
                snprintf(out + n, size - n, "%s%s%s", n ? "," : "", part, unitless ? "K" : "");
        }
}

/* Says the sizes with their units, in the entry and in the arguments. */
static void
read_dom0_mem(struct import *im, const struct import_place *at, struct import_entry *e)
{
        char value[64], sizes[80], args[IMPORT_CMDLINE_SIZE], word[100], *next = args;

        if (!import_word_value(e->xen_args, "dom0_mem", value, sizeof(value)))
                return;
        read_dom0_mem_value(im, at, e, value, sizes, sizeof(sizes));
        snprintf(word, sizeof(word), "dom0_mem=%s", sizes);
        snprintf(args, sizeof(args), "%s", e->xen_args);
        e->xen_args[0] = '\0';
        while (*next) {
                const char *arg = lines_word(&next);

                import_append(e->xen_args, sizeof(e->xen_args), strncmp(arg, "dom0_mem=", 9) == 0 ? word : arg);
        }
}

/* S0's mistake: mboot.c32 loads modules only, and the kernel does not fetch files named on its command line. */
static void
check_initrd_word(struct import *im, const struct import_place *at, const struct import_entry *e)
{
        char value[100], word[120], todo[200];

        if (!import_word_value(e->kernel_args, "initrd", value, sizeof(value)))
                return;
        snprintf(word, sizeof(word), "initrd=%s", value);
        snprintf(todo, sizeof(todo), "if it needs one, load it as a module of its own, behind the kernel's: %s", value);
        import_note(im, IMPORT_NOTE_WARNING, at, word, *e->initrd ? "take the word out" : todo,
                    "stands on the kernel's line; a multiboot loader does not load it, so the kernel starts %s",
                    *e->initrd ? "with its module instead" : "without any initrd");
}

void
import_entry_modules(struct import *im, const struct import_place *at, struct import_entry *e, char **modules, size_t n)
{
        char rest[IMPORT_CMDLINE_SIZE];

        if (n == 0)
                return;
        file_and_args(im, at, modules[0], e->xen, e->xen_args);
        if (n > 1)
                file_and_args(im, at, modules[1], e->kernel, e->kernel_args);
        if (n > 2)
                file_and_args(im, at, modules[2], e->initrd, rest);
        for (size_t i = 3; i < n; i++)
                import_note(im, IMPORT_NOTE_WARNING, at, modules[i], "", "a further module, such as microcode or a policy");
        if (!import_has_prefix(import_basename(e->xen), "xen")) {
                import_note(im, IMPORT_NOTE_UNKNOWN, at, e->xen, "describe the host by hand: dompool host add",
                            "is loaded by multiboot but is not Xen by its name");
                e->boot = IMPORT_BOOT_OTHER;
                return;
        }
        e->boot = IMPORT_BOOT_XEN;
        if (n < 2)
                import_note(im, IMPORT_NOTE_WARNING, at, e->xen, "", "Xen is loaded without a kernel: it stops with a panic");
        read_dom0_mem(im, at, e);
        check_initrd_word(im, at, e);
}

void
import_entry_linux(struct import *im, const struct import_place *at, struct import_entry *e, const char *kernel, char *args)
{
        e->boot = IMPORT_BOOT_LINUX;
        if (!import_copy(e->kernel, sizeof(e->kernel), kernel) || !copy_words(e->kernel_args, sizeof(e->kernel_args), args))
                import_note(im, IMPORT_NOTE_WARNING, at, kernel, "shorten it",
                            "the line is longer than a command line can be; its end was cut off");
        if (!*e->initrd)
                import_word_value(e->kernel_args, "initrd", e->initrd, sizeof(e->initrd));
}

/* ---- what the pool takes over ---- */

/* Words that belong to the old root file system or are written by dompool itself. */
static const struct {
        const char *prefix;
        bool whole; /* the word is exactly this */
        const char *why;
} not_for_the_pool[] = {
        {"root=", false, "a node image has its own root"},
        {"nfsroot=", false, "a node image has its own root"},
        {"rootfstype=", false, "a node image has its own root"},
        {"rootflags=", false, "a node image has its own root"},
        {"rootdelay=", false, "a node image has its own root"},
        {"boot=", false, "a node image has its own root"},
        {"netboot=", false, "a node image has its own root"},
        {"ro", true, "a node image has its own root"},
        {"rw", true, "a node image has its own root"},
        {"init=", false, "the first process is dompool-init"},
        {"initrd=", false, "the initrd comes with the node image"},
        {"ramdisk_size=", false, "the initrd comes with the node image"},
        {"ramdisk_blocksize=", false, "the initrd comes with the node image"},
        {"load_ramdisk=", false, "the initrd comes with the node image"},
        {"ip=", false, "dompool-init gets the address by DHCP, on the bridge"},
        {"BOOTIF=", false, "the host's MAC is in its description"},
        {"devfs=", false, "devfs left the kernel with 2.6.18"},
        {"dompool.", false, "dompool writes these words itself"},
};

static const char *
not_taken_over(const char *word)
{
        for (size_t i = 0; i < N_ELEMENTS(not_for_the_pool); i++) {
                const char *prefix = not_for_the_pool[i].prefix;

                if (not_for_the_pool[i].whole ? strcmp(word, prefix) == 0 : strncmp(word, prefix, strlen(prefix)) == 0)
                        return not_for_the_pool[i].why;
        }
        return NULL;
}

static const char *
too_little_memory(const struct import_entry *e, const char *word)
{
        if (strncmp(word, "dom0_mem=", 9) == 0 && e->dom0_mem_kib && e->dom0_mem_kib < DOM0_MEM_LEAST_KIB)
                return "a node image lives in dom0's memory and needs more; the image's own dom0_mem counts";
        return NULL;
}

/* Takes the words of @from over, but those with a reason against them. */
static void
take_over(struct import *im, const struct import_entry *e, const char *what, const char *from, char to[ARGS_SIZE])
{
        const struct import_place at = {e->at, e->line};
        char copy[IMPORT_CMDLINE_SIZE], *rest = copy;
        struct error err;

        snprintf(copy, sizeof(copy), "%s", from);
        while (*rest) {
                const char *word = lines_word(&rest), *why = not_taken_over(word) ?: too_little_memory(e, word);

                if (!why && boot_args_check(what, word, &err) < 0)
                        why = err.message;
                if (!why && !import_append(to, ARGS_SIZE, word))
                        why = "there is no room for it";
                if (why)
                        import_note(im, IMPORT_NOTE_NOT_APPLIED, &at, word, "", "%s", why);
        }
}

/* console=com2,vga out of the other words. */
static void
take_console(struct import_entry *e)
{
        char args[ARGS_SIZE], *rest = args;

        if (!import_word_value(e->pool_xen_args, "console", e->pool_console, sizeof(e->pool_console)))
                return;
        str_copy(args, sizeof(args), e->pool_xen_args);
        e->pool_xen_args[0] = '\0';
        while (*rest) {
                const char *word = lines_word(&rest);

                if (strncmp(word, "console=", 8) != 0)
                        import_append(e->pool_xen_args, sizeof(e->pool_xen_args), word);
        }
}

void
import_entry_plan(struct import *im, struct import_entry *e)
{
        take_over(im, e, "xen-args", e->xen_args, e->pool_xen_args);
        take_console(e);
        take_over(im, e, "kernel-args", e->kernel_args, e->pool_kernel_args);
}
