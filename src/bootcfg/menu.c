/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boot menus: which names are menus, and from a host's profile to a page of items. Pure: host, image and settings in, text out;
 * nothing is ever written to a boot directory. Runs in dompoold's `boot` and `files` roles at the moment a loader asks.
 */
#include "bootcfg/menu.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

void
menu_put(struct menu_text *out, const char *fmt, ...)
{
        size_t left = sizeof(out->text) - out->size;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(out->text + out->size, left, fmt, ap);
        va_end(ap);
        if (n < 0 || (size_t)n >= left)
                out->overflow = true;
        else
                out->size += (size_t)n;
}

/* --- Names. --- */

static const struct menu_doc *const menu_docs[] = {
        &menu_doc_pxelinux, &menu_doc_grub_efi, &menu_doc_grub_pc, &menu_doc_grub_arm64,
        &menu_doc_ipxe,     &menu_doc_ipxe_xen, &menu_doc_xen_cfg, &menu_doc_pxegrub,
};

const struct menu_doc *
menu_doc_at(size_t i)
{
        return i < N_ELEMENTS(menu_docs) ? menu_docs[i] : NULL;
}

static bool
begins(const char *text, const char *prefix)
{
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

enum menu_name
menu_name_parse(const char *path, const struct menu_doc **ret_doc, struct mac *ret_mac)
{
        for (size_t i = 0; i < N_ELEMENTS(menu_docs); i++) {
                const struct menu_doc *d = menu_docs[i];

                if (!begins(path, d->names))
                        continue;
                *ret_doc = d;
                if (strcmp(path, d->fallback) == 0)
                        return MENU_NAME_DEFAULT;
                if (begins(path, d->prefix) && parse_mac(path + strlen(d->prefix), ret_mac) == 0)
                        return MENU_NAME_HOST;
                return MENU_NAME_OTHER;
        }
        return MENU_NAME_NONE;
}

/* --- Pages. --- */

char *
menu_image_url(const struct menu_page *page, const struct menu_item *item, const char *file, char buf[MENU_URL_SIZE])
{
        char ip[IP4_TEXT_SIZE];

        snprintf(buf, MENU_URL_SIZE, "http://%s:%u/i/%s/%.32s", ip4_text(page->server, ip), page->http_port, item->image, file);
        return buf;
}

static void
make_local(struct menu_item *item, const char *why)
{
        item->kind = PROFILE_LOCAL;
        item->why = why;
}

/* A chain's file becomes part of a menu line: one word. */
static bool
chain_ok(const struct menu_request *r, const struct policy_profile *p)
{
        return p->server != 0 && *p->file && !strpbrk(p->file, " ;|&$<>{}#") && menu_args_safe(r->doc->language, p->file);
}

static void
make_item(const struct menu_request *r, const struct policy_chosen *c, struct menu_item *item)
{
        const char *why;

        item->profile = c->profile->name;
        item->kind = c->profile->kind;
        item->why = NULL;
        item->image[0] = '\0';
        item->initrd = c->root == ROOT_RAM ? "initrd" : "initrd-root";
        if (item->kind == PROFILE_LOCAL) {
                item->why = "profile local";
        } else if (item->kind == PROFILE_CHAIN) {
                item->chain_server = c->profile->server;
                item->chain_file = c->profile->file;
                if (!chain_ok(r, c->profile))
                        make_local(item, "the other server's file has no name that a menu can hold");
        } else if (!c->image) {
                make_local(item, "there is no image for this host");
        } else {
                snprintf(item->image, sizeof(item->image), "%.16s", c->image->id);
                why = menu_args_make(r, c, item);
                if (why)
                        make_local(item, why);
        }
}

/* The hash of an entry's password in the form that this language takes: "" when there is none in this form. */
static const char *
password_of(enum menu_password form, const struct policy_entry *e)
{
        switch (form) {
        case MENU_PASSWORD_GRUB:
                return e->password_grub;
        case MENU_PASSWORD_SYSLINUX:
                return e->password_syslinux;
        case MENU_PASSWORD_PXEGRUB:
                return e->password_pxegrub;
        default:
                return "";
        }
}

static bool
has_password(const struct policy_entry *e)
{
        return e->password_grub[0] || e->password_syslinux[0] || e->password_pxegrub[0];
}

/* An entry whose password cannot be asked for here is not offered. */
static void
add_entry(const struct menu_request *r, const struct policy_entry *e, struct menu_page *page)
{
        struct menu_item *item = &page->items[page->n_items];
        const char *password = password_of(r->doc->language->password, e);
        struct policy_chosen chosen;

        if (has_password(e) && (!*password || !menu_args_safe(r->doc->language, password))) {
                page->hidden_password = true;
                return;
        }
        policy_choose_entry(r->policy, r->host, e, &chosen);
        if (!chosen.profile || strpbrk(e->title, "${}|&;#^%") || !menu_args_safe(r->doc->language, e->title))
                return;
        item->title = e->title;
        item->password = *password ? password : NULL;
        make_item(r, &chosen, item);
        page->n_items++;
}

static void
page_local(const struct menu_doc *doc, const char *why, struct menu_page *page)
{
        page->doc = doc;
        page->host = "";
        page->title = NULL;
        page->home[0] = page->home_short[0] = '\0';
        page->hidden_password = false;
        page->n_items = 1;
        page->items[0].title = page->items[0].profile = "local";
        page->items[0].password = NULL;
        make_local(&page->items[0], why);
}

static void
page_make(const struct menu_request *r, struct menu_page *page)
{
        const struct policy_menu *menu = r->chosen.menu;

        page_local(r->doc, "this host is not known", page);
        if (!r->policy || !r->host || !r->chosen.profile)
                return;
        page->host = r->host->name;
        page->mac = r->host->mac;
        page->server = r->server;
        page->http_port = policy_header(r->policy)->http_port;
        page->items[0].title = r->chosen.profile->name;
        make_item(r, &r->chosen, &page->items[0]);
        if (menu && menu_args_safe(r->doc->language, menu->title)) {
                page->title = menu->title[0] ? menu->title : menu->name;
                page->timeout = menu->timeout;
                for (uint32_t i = 0; i < menu->n_entries; i++)
                        add_entry(r, &menu->entries[i], page);
        }
        if (!menu_args_home(r, page))
                page_local(r->doc, "the way home does not fit", page);
}

bool
menu_wants_token(const struct menu_request *r)
{
        if (!r->host || !r->chosen.profile)
                return false;
        if (profile_kind_boots_image(r->chosen.profile->kind))
                return true;
        for (uint32_t i = 0; r->chosen.menu && i < r->chosen.menu->n_entries; i++) {
                struct policy_chosen c;

                policy_choose_entry(r->policy, r->host, &r->chosen.menu->entries[i], &c);
                if (c.profile && profile_kind_boots_image(c.profile->kind))
                        return true;
        }
        return false;
}

static void
render_page(const struct menu_page *page, struct menu_text *out)
{
        out->size = 0;
        out->overflow = false;
        out->text[0] = '\0';
        page->doc->language->render(page, out);
}

void
menu_render_local(const struct menu_doc *doc, const char *why, struct menu_text *out)
{
        struct menu_page page;

        page_local(doc, why, &page);
        render_page(&page, out);
}

enum profile_kind
menu_render(const struct menu_request *r, struct menu_text *out, const char **ret_why)
{
        struct menu_page page;

        page_make(r, &page);
        render_page(&page, out);
        if (out->overflow) {
                page_local(r->doc, "the menu is too long", &page);
                render_page(&page, out);
        }
        if (page.items[0].kind == PROFILE_LOCAL)
                *ret_why = page.items[0].why;
        return page.items[0].kind;
}
