/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_MENU_H
#define DOMPOOL_BOOTCFG_MENU_H
/*
 * Boot menus: the documents that loaders ask for by name, rendered at that moment. A document has a language; a language is one
 * file (menu_pxelinux.c, menu_grub.c, menu_ipxe.c, menu_xenefi.c, menu_pxegrub.c) that writes a page of items.
 *
 *     host, profile, image, settings --menu.c, menu_args.c--> page --language--> text
 *
 * A page has one item, which is booted at once, or is a menu for a person: then the first item is what happens when nobody
 * presses a key. The answer to every doubt is the local disk: no policy, no such host, no image, a value that cannot be quoted.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bootcfg/policy.h"
#include "bootcfg/policy_choice.h"
#include "bootcfg/token.h"

#define MENU_SIZE 32768
#define MENU_XEN_ARGS_SIZE 1024  /* Xen keeps 1023 characters of its command line */
#define MENU_DOM0_ARGS_SIZE 2048 /* COMMAND_LINE_SIZE of Linux on x86 */
#define MENU_HOME_SIZE 512
#define MENU_MAX_ITEMS (1 + MENU_MAX_ENTRIES)

struct menu_text {
        char text[MENU_SIZE];
        size_t size;
        bool overflow; /* something did not fit: the text is of no use */
};

/* Appends; what does not fit sets `overflow`. */
void menu_put(struct menu_text *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Every text in it has been checked for characters that a menu could misread. */
struct menu_item {
        const char *title;
        const char *profile;
        enum profile_kind kind; /* what it comes down to */
        const char *why;        /* LOCAL: static text */
        const char *password;   /* hashed as the language takes it; NULL: none */
        uint32_t chain_server;
        const char *chain_file;
        char image[17];            /* first digits of the image's id: i/<image>/xen.gz ... */
        const char *initrd;        /* the file: by its root */
        char hook[ROOT_WORD_SIZE]; /* the iSCSI target that a loader is to log in to, as iPXE writes it; "": none */
        char xen_args[MENU_XEN_ARGS_SIZE];
        char dom0_args[MENU_DOM0_ARGS_SIZE]; /* but for the way home */
};

struct menu_doc;

struct menu_page {
        const struct menu_doc *doc;
        const char *host; /* "" when it is not known */
        struct mac mac;
        uint32_t server; /* TFTP and HTTP */
        uint32_t http_port;
        const char *title;               /* of a menu for a person; NULL: the one item is booted at once */
        uint32_t timeout;                /* seconds, of a menu for a person */
        bool hidden_password;            /* an item is left out: its password has no hash that this language takes */
        char home[MENU_HOME_SIZE];       /* words of dom0's command line that lead it home */
        char home_short[MENU_HOME_SIZE]; /* the same for who has little room */
        uint32_t n_items;
        struct menu_item items[MENU_MAX_ITEMS];
};

enum menu_password { MENU_PASSWORD_NONE, MENU_PASSWORD_GRUB, MENU_PASSWORD_SYSLINUX, MENU_PASSWORD_PXEGRUB };

struct menu_language {
        void (*render)(const struct menu_page *page, struct menu_text *out);
        enum menu_password password; /* the form of hash that it takes */
        bool short_home;             /* it has room for page->home_short only */
        const char *forbidden;       /* characters that no argument may hold, beside quotes and escapes */
};

/* What can be asked for. */
struct menu_doc {
        const char *name;     /* "pxelinux" */
        const char *prefix;   /* a host's own is this and its MAC, "aa-bb-cc-dd-ee-ff" */
        const char *names;    /* all names that begin so are menus, never files */
        const char *fallback; /* asked for when a host's own is not there: always local */
        const struct menu_language *language;
        const char *xen_args; /* what Xen needs when it is started this way */
        uint32_t firmware;    /* enum quirk_firmware bits of who reads it */
        const char *other;    /* for an iPXE: the loader that it goes on with when it cannot do it itself */
};

/* One in each language's file; menu_docs in menu.c lists them. */
extern const struct menu_doc menu_doc_pxelinux, menu_doc_grub_efi, menu_doc_grub_pc, menu_doc_grub_arm64, menu_doc_ipxe,
        menu_doc_ipxe_xen, menu_doc_xen_cfg, menu_doc_pxegrub;

/* By position, for tests and listings; NULL behind the last. */
const struct menu_doc *menu_doc_at(size_t i);

enum menu_name { MENU_NAME_NONE, MENU_NAME_HOST, MENU_NAME_DEFAULT, MENU_NAME_OTHER };

/* What is @path (normalised, no leading slash): no menu at all, a host's menu (*ret_mac), the menu of last resort, or a menu
 * name that nothing stands under. @ret_doc is set unless it is none. */
enum menu_name menu_name_parse(const char *path, const struct menu_doc **ret_doc, struct mac *ret_mac);

struct menu_request {
        const struct menu_doc *doc;
        const struct policy *policy;    /* NULL: none yet */
        const struct policy_host *host; /* NULL: unknown */
        struct policy_chosen chosen;    /* what it boots now: policy_choose() */
        uint32_t server;                /* our address as the host sees it */
        const char *token;              /* rendered; "" where menu_wants_token() said no */
};

/* Is there an item that boots an image of ours, so that a token is needed? */
bool menu_wants_token(const struct menu_request *r);

/* Renders the host's menu. Returns the kind of what it boots by itself; PROFILE_LOCAL: *ret_why says why (static text). */
enum profile_kind menu_render(const struct menu_request *r, struct menu_text *out, const char **ret_why);

/* The menu that boots the local disk. @why goes into it as a comment. */
void menu_render_local(const struct menu_doc *doc, const char *why, struct menu_text *out);

/* --- For the languages. --- */

/* "http://10.77.0.1:8080/i/0123456789abcdef/vmlinuz" */
#define MENU_URL_SIZE 96
char *menu_image_url(const struct menu_page *page, const struct menu_item *item, const char *file, char buf[MENU_URL_SIZE]);

/* --- menu_args.c --- */

/* Fills the item's command lines. NULL, or why they cannot be (static text). */
const char *menu_args_make(const struct menu_request *r, const struct policy_chosen *chosen, struct menu_item *item);

/* Fills page->home and home_short; false: something in it is not fit for a menu. */
bool menu_args_home(const struct menu_request *r, struct menu_page *page);

/* May this text stand in a menu of this language? No control characters (a newline is a new menu line), no quotes and escapes,
 * and no word that mboot.c32 takes for the border between modules. */
bool menu_args_safe(const struct menu_language *language, const char *text);

#endif
