/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_LOADER_H
#define DOMPOOL_BOOTCFG_LOADER_H
/*
 * Loaders as one table (loader.c, `loaders`): which firmware can run which, what DHCP says so that it is loaded, and which menu
 * it reads. The menus themselves are menu.h's.
 *
 *     PXE BIOS ----------------> pxelinux | lpxelinux | grub-pc | pxegrub | undionly, ipxe-pxe --DHCP again--+
 *     PXE UEFI, HTTP UEFI -----> grub-efi | snponly (usual), ipxe-efi --DHCP again------------------------+  |
 *     PXE, HTTP UEFI arm64 ----> grub-arm64                                                               v  v
 *     iPXE in a ROM ----------------------------------------------------> ipxe (BIOS) | ipxe-xen (UEFI): a script by HTTP
 *
 * The order of the table is the order of preference; the first row that this firmware can run is its loader, unless the host
 * has a wish.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/dhcp.h"

#define LOADER_NAME_SIZE 16
#define LOADER_URL_SIZE 128 /* DHCP's `file` field */
#define LOADER_ARCH_END 0xffff

/* Who asks by DHCP. */
enum firmware_client {
        FIRMWARE_PXE = 1,  /* option 60 "PXEClient" */
        FIRMWARE_HTTP = 2, /* "HTTPClient": UEFI HTTP boot */
        FIRMWARE_IPXE = 4, /* "PXEClient" by iPXE: user class or option 175 */
};

/* What an iPXE was built with (option 175). */
enum firmware_feature {
        FIRMWARE_IPXE_HTTP = 1,
        FIRMWARE_IPXE_MULTIBOOT = 2,
        FIRMWARE_IPXE_EFI = 4,
};

struct firmware {
        enum firmware_client client;
        uint16_t arch;     /* option 93, the first of its list; 0 (BIOS) when PXE says none */
        unsigned features; /* enum firmware_feature; 0 for what is no iPXE */
};

/* What the packet says of its sender. false: it does not look for a boot file. */
bool firmware_parse(const struct dhcp_packet *p, struct firmware *ret);

struct menu_doc; /* menu.h: a menu's names and language */

struct loader {
        const char *name;            /* the host setting `loader` */
        const char *boot_file;       /* below STORE/loaders; NULL: the firmware itself reads the menu */
        const uint16_t *archs;       /* that can run it; ends with LOADER_ARCH_END */
        unsigned clients;            /* enum firmware_client, those to which it is offered */
        unsigned needs;              /* enum firmware_feature, all of them, of an iPXE */
        bool by_wish;                /* only for hosts whose setting names it */
        bool by_http;                /* it fetches its menu by HTTP */
        const struct menu_doc *menu; /* NULL: it is an iPXE, which asks DHCP again as FIRMWARE_IPXE */
};

/* What a host wants other than the default. */
struct loader_wish {
        const char *name; /* a loader's; NULL or empty: none */
        bool no_http;     /* its firmware or loader fails on HTTP */
};

/* The loader for this firmware; a wish that this firmware cannot run is as none. NULL: we have none. @wish may be NULL. */
const struct loader *loader_choose(const struct firmware *f, const struct loader_wish *wish);

/* The one to try when @tried has failed on this host: the next that this firmware can run, or NULL. */
const struct loader *loader_after(const struct firmware *f, const struct loader_wish *wish, const struct loader *tried);

/* By name; NULL: none. */
const struct loader *loader_find(const char *name);

/* Is @name empty or a loader's? ERR_INVALID names all that there are. */
struct error;
int loader_check(const char *name, struct error *err);

/* By position, for tests and listings; NULL behind the last. */
const struct loader *loader_at(size_t i);

/* Where the files are, as the host sees it. */
struct loader_site {
        uint32_t address;
        uint32_t http_port;
        struct mac mac; /* the host's */
};

/* What stands in `file` and option 67: a name for TFTP, or a URL. Returns @buf. */
char *loader_boot_name(const struct loader *l, const struct firmware *f, const struct loader_site *site,
                       char buf[LOADER_URL_SIZE]);

/* All options by which the firmware finds the loader and the loader its menu: 66, 67, for HTTP boot 60, for some loaders 150 or
 * 210. */
void loader_add_options(const struct loader *l, const struct firmware *f, const struct loader_site *site,
                        struct dhcp_builder *b);

#endif
