/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_QUIRK_H
#define DOMPOOL_MODEL_QUIRK_H
/*
 * What some hardware or firmware needs that others do not: a row says which machines it is about, what they get, why, and who
 * found it. Rows are shipped (packaging/quirks.conf) and written by the administrator (dompoold.conf). Pure data and checks; who
 * is concerned is src/bootcfg/quirk_match.h's.
 */
#include "base/rec.h"
#include "model/profile.h"

#define QUIRK_TEXT_SIZE 160

enum quirk_firmware {
        QUIRK_BIOS = 1,
        QUIRK_EFI = 2,
        QUIRK_IPXE = 4, /* iPXE asks, from a ROM or loaded */
        QUIRK_HTTP = 8, /* UEFI HTTP boot */
        QUIRK_ARM64 = 16,
};

struct quirk {
        char name[NAME_SIZE];
        /* Whom it is about. An empty condition is met by every machine; all given ones must be met, each by one of its words. */
        char macs[GLOBS_SIZE];   /* beginnings of MAC addresses, "b8:27:eb dc:a6:32" */
        char pci[GLOBS_SIZE];    /* vendor:device of a network card, "8086:57a0 10ec:*" */
        char smbios[GLOBS_SIZE]; /* a glob on "manufacturer/product", without regard to case */
        uint32_t firmware;       /* enum quirk_firmware, one of the bits; 0: any */
        /* What it gets. */
        char xen_args[ARGS_SIZE];
        char kernel_args[ARGS_SIZE];
        char loader[NAME_SIZE]; /* of src/bootcfg/loader.c; a host's own setting comes before it */
        uint32_t tftp_blksize;  /* at most; 0: as for others */
        bool no_tftp_window;    /* one block at a time whatever it asks for */
        bool no_tftp_options;   /* answered as RFC 1350 alone knows it */
        bool no_http;           /* its firmware or loader fails on HTTP */
        uint8_t pad[5];         /* the snapshot's tables begin aligned */
        char why[QUIRK_TEXT_SIZE];
        char source[QUIRK_TEXT_SIZE];
};
extern const struct rec_desc quirk_desc;

struct error;

/* A row needs a condition, an effect, a reason, and values that can be meant. ERR_INVALID. */
int
quirk_check(const struct quirk *q, struct error *err);

/* "bios efi ipxe http arm64"; bits. 0 or -EINVAL. */
int
parse_quirk_firmware(const char *text, uint32_t *ret);

#define QUIRK_FIRMWARE_TEXT_SIZE 32
char *
quirk_firmware_text(uint32_t bits, char buf[QUIRK_FIRMWARE_TEXT_SIZE]);

#endif
