/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles, rules and menus: their tables of fields, their small grammars and the checks of each alone. Pure. */
#include "model/profile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "model/host.h"

const char *const profile_kind_names[] = {
        [PROFILE_LOCAL] = "local",     [PROFILE_POOL] = "pool",     [PROFILE_CHAIN] = "chain",
        [PROFILE_INSPECT] = "inspect", [PROFILE_RESCUE] = "rescue", [PROFILE_N] = NULL,
};

static const struct {
        const char *meaning;
        bool boots_image;
} kinds[PROFILE_N] = {
        [PROFILE_LOCAL] = {"its own disk; dompool touches nothing", false},
        [PROFILE_POOL] = {"a Xen host of the pool, in RAM, from the network", true},
        [PROFILE_CHAIN] = {"what another boot server offers", false},
        [PROFILE_INSPECT] = {"reports its hardware from RAM and powers off", true},
        [PROFILE_RESCUE] = {"a shell on the console, in RAM", true},
};

const char *
profile_kind_meaning(enum profile_kind kind)
{
        return kind < PROFILE_N ? kinds[kind].meaning : "unknown";
}

bool
profile_kind_boots_image(enum profile_kind kind)
{
        return kind < PROFILE_N && kinds[kind].boots_image;
}

static const struct rec_field profile_fields[] = {
        REC_STR(struct profile, name),        REC_ENUM(struct profile, kind, profile_kind_names),
        REC_STR(struct profile, image),       REC_STR(struct profile, xen_args),
        REC_STR(struct profile, kernel_args), REC_STR(struct profile, root),
        REC_BOOL(struct profile, iscsi_hook), REC_STR(struct profile, layer),
        REC_STR(struct profile, guest_nic),   REC_STR(struct profile, vlans),
        REC_STR(struct profile, nfs_dirs),    REC_IP4(struct profile, server),
        REC_STR(struct profile, file),        REC_STR(struct profile, menu),
};
const struct rec_desc profile_desc = REC_DESC(struct profile, profile_fields);

static const struct rec_field rule_fields[] = {
        REC_STR(struct rule, name),    REC_STR(struct rule, hosts), REC_STR(struct rule, labels), REC_STR(struct rule, mac),
        REC_STR(struct rule, smbios),  REC_U32(struct rule, days),  REC_U32(struct rule, from),   REC_U32(struct rule, to),
        REC_STR(struct rule, profile), REC_STR(struct rule, menu),
};
const struct rec_desc rule_desc = REC_DESC(struct rule, rule_fields);

static const struct rec_field menu_entry_fields[] = {
        REC_STR(struct menu_entry, title),
        REC_STR(struct menu_entry, profile),
        REC_STR(struct menu_entry, password_grub),
        REC_STR(struct menu_entry, password_syslinux),
        REC_STR(struct menu_entry, password_pxegrub),
};
const struct rec_desc menu_entry_desc = REC_DESC(struct menu_entry, menu_entry_fields);

static const struct rec_field menu_fields[] = {
        REC_STR(struct menu, name),
        REC_STR(struct menu, title),
        REC_U32(struct menu, timeout),
        REC_LIST(struct menu, entries, menu_entry_desc),
};
const struct rec_desc menu_desc = REC_DESC(struct menu, menu_fields);

/* --- words --- */

#define BETWEEN " ,"

const char *
list_next_long(const char *list, char *word, size_t size)
{
        size_t n;

        list += strspn(list, BETWEEN);
        n = strcspn(list, BETWEEN);
        if (n == 0)
                return NULL;
        snprintf(word, size, "%.*s", (int)n, list);
        return list + n;
}

const char *
list_next(const char *list, char word[NAME_SIZE])
{
        return list_next_long(list, word, NAME_SIZE);
}

bool
labels_has(const char *labels, const char *label)
{
        char word[NAME_SIZE];

        while ((labels = list_next(labels, word)))
                if (strcmp(word, label) == 0)
                        return true;
        return false;
}

int
labels_check(const char *what, const char *labels, struct error *err)
{
        const char *at = labels;
        char word[NAME_SIZE];

        while ((at = list_next(at, word)))
                if (!name_ok(word))
                        return error_set(
                                err, ERR_INVALID,
                                "%s: '%s' is no label; one has 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit", what,
                                word);
        return 0;
}

/* --- days and times --- */

static const char *const day_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

/* "mon" at *text, which is moved behind it; -1: none. */
static int
day_at(const char **text)
{
        char word[4] = "";

        memcpy(word, *text, strnlen(*text, 3));
        *text += strlen(word);
        return names_find(day_names, word);
}

int
parse_days(const char *text, uint32_t *ret)
{
        uint32_t days = 0;

        for (;;) {
                int first = day_at(&text), last = first;

                if (first >= 0 && *text == '-') {
                        text++;
                        last = day_at(&text);
                }
                if (first < 0 || last < 0)
                        return -EINVAL;
                for (int d = first;; d = (d + 1) % 7) { /* "fri-mon" goes over the week's end */
                        days |= 1u << d;
                        if (d == last)
                                break;
                }
                if (*text == '\0')
                        break;
                if (*text++ != ',')
                        return -EINVAL;
        }
        *ret = days;
        return 0;
}

char *
days_text(uint32_t days, char buf[DAYS_TEXT_SIZE])
{
        size_t size = 0;

        buf[0] = '\0';
        for (int d = 0; d < 7; d++) {
                int last = d;

                if (!(days & 1u << d))
                        continue;
                while (last < 6 && days & 1u << (last + 1))
                        last++;
                size += (size_t)snprintf(buf + size, DAYS_TEXT_SIZE - size, "%s%s%s%s", size ? "," : "", day_names[d],
                                         last > d ? "-" : "", last > d ? day_names[last] : "");
                d = last;
        }
        return buf;
}

int
parse_minute(const char *text, uint32_t *ret)
{
        uint32_t minute = 0;

        if (strlen(text) != 5 || text[2] != ':' || strspn(text, "0123456789:") != 5)
                return -EINVAL;
        minute = (uint32_t)((text[0] - '0') * 10 + text[1] - '0') * 60 + (uint32_t)((text[3] - '0') * 10 + text[4] - '0');
        if (text[3] > '5' || minute > MINUTES_PER_DAY)
                return -EINVAL;
        *ret = minute;
        return 0;
}

/* --- checks --- */

/* Text that becomes a part of a menu or of a packet: nothing that a loader could take for the end of it. */
static bool
plain(const char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text <= 0x20 || (unsigned char)*text > 0x7e || strchr("\"'\\`;#$|&<>{}", *text))
                        return false;
        return true;
}

/* Both are of a host that has guests. */
static int
check_guest_net(const struct profile *p, struct error *err)
{
        struct guest_vlans vlans;
        struct guest_nic nic;
        int r = guest_nic_parse(p->guest_nic, &nic, err);

        if (r == 0)
                r = guest_vlans_parse(p->vlans, &vlans, err);
        if (r == 0 && p->kind != PROFILE_POOL && (*p->guest_nic || *p->vlans))
                r = error_set(err, ERR_INVALID, "guest-nic and vlans are for kind \"pool\"");
        return r;
}

static int
check_nfs_dirs(const struct profile *p, struct error *err)
{
        struct nfs_dirs dirs;

        if (p->kind != PROFILE_POOL && *p->nfs_dirs)
                return error_set(err, ERR_INVALID, "nfs-dirs is for kind \"pool\"");
        return nfs_dirs_parse(p->nfs_dirs, &dirs, err);
}

static int
check_chain(const struct profile *p, struct error *err)
{
        if (p->kind != PROFILE_CHAIN)
                return p->server || *p->file ? error_set(err, ERR_INVALID, "server and file are for kind \"chain\"") : 0;
        if (!p->server || !*p->file)
                return error_set(err, ERR_INVALID, "a chain needs the other server's address (server) and what to load (file)");
        if (!plain(p->file))
                return error_set(err, ERR_INVALID, "file may hold printable ASCII without blanks, quotes or menu characters");
        return 0;
}

int
profile_check(const struct profile *p, struct error *err)
{
        int r = 0;

        if (!name_ok(p->name))
                r = error_set(err, ERR_INVALID, "the name must be 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit");
        else if (strcmp(p->name, "auto") == 0)
                r = error_set(err, ERR_INVALID, "the name \"auto\" means that the rules decide");
        else if (p->kind >= PROFILE_N)
                r = error_set(err, ERR_INVALID, "there is no kind number %u", p->kind);
        else if (*p->image && !profile_kind_boots_image(p->kind))
                r = error_set(err, ERR_INVALID, "a profile of kind \"%s\" boots no image", profile_kind_names[p->kind]);
        else if (*p->image && !image_name_ok(p->image))
                r = error_set(err, ERR_INVALID,
                              "image '%s' must be a name, NAME:current, NAME:previous or the beginning of a "
                              "version's id",
                              p->image);
        else if (p->kind != PROFILE_POOL && (root_find(p->root) != ROOT_RAM || *p->layer))
                r = error_set(err, ERR_INVALID, "root and layer are for kind \"pool\"");
        else if (p->iscsi_hook && (p->kind != PROFILE_POOL || (*p->root && root_find(p->root) != ROOT_ISCSI)))
                r = error_set(err, ERR_INVALID, "iscsi-hook is for kind \"pool\" with root \"iscsi\", its own or the host's");
        if (!r)
                r = root_check(p->root, err);
        if (!r)
                r = root_layer_check(p->layer, err);
        if (!r)
                r = check_guest_net(p, err);
        if (!r)
                r = check_nfs_dirs(p, err);
        if (!r)
                r = boot_args_check("xen-args", p->xen_args, err);
        if (!r)
                r = boot_args_check("kernel-args", p->kernel_args, err);
        if (!r)
                r = check_chain(p, err);
        return r < 0 ? error_prefix(err, "profile '%s'", p->name) : 0;
}

bool
mac_beginning_ok(const char *word)
{
        size_t n = strlen(word);

        if (n < 2 || n > 17 || n % 3 != 2)
                return false;
        for (size_t i = 0; i < n; i++)
                if (i % 3 == 2 ? word[i] != ':' : !strchr("0123456789abcdef", word[i]))
                        return false;
        return true;
}

bool
mac_begins_as(const char *beginnings, const struct mac *mac)
{
        char word[NAME_SIZE], text[MAC_TEXT_SIZE];

        mac_text(mac, text);
        while ((beginnings = list_next(beginnings, word)))
                if (strncmp(text, word, strlen(word)) == 0)
                        return true;
        return false;
}

int
rule_check(const struct rule *r, struct error *err)
{
        int e = 0;

        if (!name_ok(r->name))
                e = error_set(err, ERR_INVALID, "the name must be 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit");
        else if (*r->mac && !mac_beginning_ok(r->mac))
                e = error_set(err, ERR_INVALID, "mac '%s' must be how an address begins, such as \"52:54:00\"", r->mac);
        else if (r->days & ~DAYS_ALL || r->from > MINUTES_PER_DAY || r->to > MINUTES_PER_DAY)
                e = error_set(err, ERR_INVALID, "its days or times are out of range");
        if (!e)
                e = labels_check("labels", r->labels, err);
        return e < 0 ? error_prefix(err, "rule '%s'", r->name) : 0;
}

static bool
title_ok(const char *text)
{
        if (!*text)
                return false;
        for (; *text; text++)
                if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e || strchr("\"'\\`;#$|&<>{}^", *text))
                        return false;
        return true;
}

/* The characters of the three hash forms; each loader takes the text as one word. */
static int
check_hash(const char *what, const char *hash, const char *begin, struct error *err)
{
        if (*hash == '\0')
                return 0;
        if (strncmp(hash, begin, strlen(begin)) != 0)
                return error_set(err, ERR_INVALID, "%s must begin with \"%s\"; dompoold.conf(5) says what makes it", what,
                                 begin);
        for (const char *p = hash; *p; p++)
                if (!strchr("./$0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ=", *p))
                        return error_set(err, ERR_INVALID, "%s holds a character that no hash has", what);
        return 0;
}

static int
entry_check(const struct menu_entry *e, struct error *err)
{
        int r;

        if (!title_ok(e->title))
                return error_set(err, ERR_INVALID,
                                 "an entry's title must be printable ASCII without quotes or menu characters");
        if (!name_ok(e->profile))
                return error_set(err, ERR_INVALID, "entry '%s' names no profile", e->title);
        r = check_hash("password-grub", e->password_grub, "grub.pbkdf2.sha512.", err);
        if (!r)
                r = check_hash("password-syslinux", e->password_syslinux, "$6$", err);
        if (!r)
                r = check_hash("password-pxegrub", e->password_pxegrub, "$1$", err);
        return r;
}

int
menu_check(const struct menu *m, struct error *err)
{
        int r = 0;

        if (!name_ok(m->name))
                r = error_set(err, ERR_INVALID, "the name must be 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit");
        else if (*m->title && !title_ok(m->title))
                r = error_set(err, ERR_INVALID, "the title must be printable ASCII without quotes or menu characters");
        else if (m->timeout < 1 || m->timeout > 600)
                r = error_set(err, ERR_INVALID, "the timeout must be 1 to 600 seconds");
        for (uint32_t i = 0; !r && i < m->n_entries; i++)
                r = entry_check(&m->entries[i], err);
        return r < 0 ? error_prefix(err, "menu '%s'", m->name) : 0;
}
