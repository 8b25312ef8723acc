/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_FACTS_H
#define DOMPOOL_MODEL_FACTS_H
/*
 * What the bytes of an image and of the loaders say of themselves: worked out once, by src/image/image_facts.c in a process
 * without rights, and kept beside the store's versions. Derived data: when this dompool looks at more than the one that wrote
 * them (FACTS_VERSION), they are made anew.
 *
 *     STORE/facts/<id>.json       struct image_facts of a version
 *     STORE/facts/loaders.json    struct loaders_facts of STORE/loaders
 *
 * "known" members say whether the others of their group were found out at all: what is not known is never a reason to refuse.
 * Pure data. Records with blobs: rec_clear().
 */
#include "base/rec.h"
#include "model/host.h"

#define FACTS_VERSION 4
#define FACTS_WORDS_MAX (256u << 10) /* bytes of a list of words */
#define FACTS_MAX_LOADERS 24
#define FACTS_UNPACKS_SIZE 64

enum facts_packing {
        PACKING_NONE,
        PACKING_GZIP,
        PACKING_BZIP2,
        PACKING_LZMA,
        PACKING_XZ,
        PACKING_LZO,
        PACKING_LZ4,
        PACKING_ZSTD,
        PACKING_UNKNOWN, /* something that is none of these and not what belongs there */
        PACKING_N,
};
extern const char *const facts_packing_names[]; /* "none", "gzip", ... as Linux calls them (CONFIG_RD_*) */

enum facts_arch { ARCH_UNKNOWN, ARCH_X86_64, ARCH_X86_32, ARCH_ARM64, ARCH_OTHER, ARCH_N };
extern const char *const facts_arch_names[]; /* "unknown", "x86-64", "x86-32", "arm64", "other" */

struct kernel_facts {
        bool found; /* the file is a Linux kernel */
        uint32_t arch;
        char release[NAME_SIZE];          /* "6.1.0-56-amd64" */
        uint32_t packing;                 /* of its payload */
        uint32_t cmdline_max;             /* characters that it keeps of its command line; 0: it does not say */
        uint64_t init_size;               /* bytes of RAM that it takes to start */
        bool notes_known;                 /* the payload could be unpacked */
        bool xen_pv, xen_pvh;             /* can be a guest of these kinds */
        bool xen_dom0;                    /* says that it can be dom0: what Xen itself looks at */
        bool config_known;                /* its configuration was there: embedded, or its package's */
        char unpacks[FACTS_UNPACKS_SIZE]; /* initrd packings that it can unpack: "gzip bzip2 zstd" */
};

struct xen_facts {
        bool found; /* xen.gz or xen is a Xen */
        uint32_t arch;
        bool multiboot1, multiboot2; /* it has that header */
        bool plain;                  /* `xen`, unpacked, is there as well: what iPXE on BIOS takes */
        bool efi;                    /* xen.efi is there and a UEFI program */
        uint32_t efi_arch;
};

struct initrd_facts {
        bool found; /* a cpio archive that could be read to its end */
        uint32_t packing;
        uint64_t size;                   /* bytes as they travel */
        uint64_t unpacked;               /* bytes of RAM that its files take, whole pages */
        bool init;                       /* has /init */
        char modules_release[NAME_SIZE]; /* of /lib/modules/RELEASE; empty: there is none. The kernel's own, if there are
                                            several */
        struct blob modules;             /* names of modules in it and built in, with blanks between, '_' for '-' */
        bool nics_known;                 /* modules.alias was there */
        struct blob nics;        /* "8086:100e e1000\n" for each network card that one of them drives; "1af4:*" is any device */
        struct blob no_firmware; /* names of modules for network cards that ask for firmware, none of which is in it */
        struct blob keep;        /* its list of kept paths (model/keep.h), without comments; none: no list, or a broken one */
};

struct image_facts {
        uint32_t version; /* FACTS_VERSION */
        char id[IMAGE_ID_SIZE];
        struct kernel_facts kernel;
        struct xen_facts xen;
        struct initrd_facts initrd;
        struct initrd_facts initrd_root; /* the small one, for roots that are not in RAM */
};
extern const struct rec_desc image_facts_desc;

enum loader_form {
        LOADER_FORM_OTHER,
        LOADER_FORM_PXELINUX,
        LOADER_FORM_COM32,     /* a module of SYSLINUX 5 and later: ELF */
        LOADER_FORM_COM32_OLD, /* of 4 and before */
        LOADER_FORM_GRUB,
        LOADER_FORM_N,
};
extern const char *const loader_form_names[];

struct loader_file {
        char name[NAME_SIZE]; /* below STORE/loaders */
        uint32_t form;        /* enum loader_form */
        char version[32];     /* "6.04"; empty: it does not say */
        bool multiboot;       /* LOADER_FORM_GRUB: it has the command that starts Xen */
};

struct loaders_facts {
        uint32_t version; /* FACTS_VERSION */
        uint32_t n_files;
        struct loader_file files[FACTS_MAX_LOADERS];
};
extern const struct rec_desc loaders_facts_desc;

/* NULL: there is no such file. */
const struct loader_file *loaders_facts_file(const struct loaders_facts *l, const char *name);

/* Is the module in the image or built in? '-' and '_' are the same. */
bool facts_has_module(const struct image_facts *f, const char *name);

/* The module that drives the card; false: none does. @ret_module may be NULL. */
bool facts_nic_module(const struct image_facts *f, uint32_t vendor, uint32_t device, char ret_module[NAME_SIZE]);

/* Does the module ask for firmware, and none of it is in the image? */
bool facts_no_firmware(const struct image_facts *f, const char *module);

/* Is @word in the list with blanks between? */
bool facts_has_word(const char *list, const char *word);

#endif
