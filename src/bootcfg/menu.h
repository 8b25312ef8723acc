/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_MENU_H
#define DOMPOOL_BOOTCFG_MENU_H
/*
 * Loaders and their menus, as one table (menu.c, `loaders`): which firmware gets which loader, under which name that asks for
 * its menu, and how the menus for the profiles are written. A further loader (iPXE, BIOS GRUB, legacy pxeGRUB, xen.efi) is a
 * further row.
 *
 * The answer to every doubt is the local disk: no policy, no such host, no image, a value that cannot be quoted.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bootcfg/policy.h"
#include "bootcfg/policy_choice.h"
#include "bootcfg/token.h"

#define MENU_SIZE 8192
#define MENU_XEN_ARGS_SIZE 1024  /* Xen keeps 1023 characters of its command line */
#define MENU_DOM0_ARGS_SIZE 2048 /* COMMAND_LINE_SIZE of Linux on x86 */

struct menu_text {
        char text[MENU_SIZE];
        size_t size;
        bool overflow; /* something did not fit: the text is of no use */
};

/* What a pool menu is made from; every text has been checked for characters that a menu could misread. */
struct menu_boot {
        const char *host;
        const char *profile;
        uint32_t server; /* TFTP and HTTP */
        uint32_t http_port;
        char image[17]; /* first digits of the image's id: i/<image>/xen.gz ... */
        char xen_args[MENU_XEN_ARGS_SIZE];
        char dom0_args[MENU_DOM0_ARGS_SIZE];
};

struct menu_loader {
        const char *name;         /* "pxelinux" */
        const char *boot_file;    /* what DHCP names, below STORE/loaders */
        const uint16_t *archs;    /* option 93; ends with MENU_ARCH_END */
        const char *menu_prefix;  /* a host's menu is this and its MAC, "aa-bb-cc-dd-ee-ff" */
        const char *menu_names;   /* all names that begin so are menus, never files */
        const char *menu_default; /* asked for when a host's own is not there: always local */
        bool efi;                 /* Xen is started from EFI */
        void (*render_pool)(const struct menu_boot *boot, struct menu_text *out);
        void (*render_local)(const char *why, struct menu_text *out);
};
#define MENU_ARCH_END 0xffff

/* NULL: we have no loader for this firmware. */
const struct menu_loader *
menu_loader_by_arch(uint16_t arch);

/* By position, for tests and listings; NULL behind the last. */
const struct menu_loader *
menu_loader_at(size_t i);

enum menu_name { MENU_NAME_NONE, MENU_NAME_HOST, MENU_NAME_DEFAULT, MENU_NAME_OTHER };

/* What is @path (normalised, no leading slash) to the loaders: no menu at all, a host's menu (*ret_mac), the menu of last
 * resort, or a menu name that nothing stands under. @ret_loader is set unless it is none. */
enum menu_name
menu_name_parse(const char *path, const struct menu_loader **ret_loader, struct mac *ret_mac);

struct menu_request {
        const struct menu_loader *loader;
        const struct policy *policy;    /* NULL: none yet */
        const struct policy_host *host; /* NULL: unknown */
        struct policy_chosen chosen;    /* what it boots now: policy_choose() */
        uint32_t server;                /* our address as the host sees it */
        const char *token;              /* rendered */
};

/* Renders the host's menu. Returns the kind of what it boots; PROFILE_LOCAL: *ret_why says why it is local (static text). */
enum profile_kind
menu_render(const struct menu_request *r, struct menu_text *out, const char **ret_why);

/* The menu that boots the local disk. @why goes into it as a comment. */
void
menu_render_local(const struct menu_loader *loader, const char *why, struct menu_text *out);

#endif
