/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads dnsmasq's configuration (dnsmasq.8 of 2.89, without the dashes): hosts, tags, boot files, the TFTP tree, included files
 * and folders. What a host is given in the end is worked out in dnsmasq_tags.c. Pure.
 */
#include "import/dnsmasq.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "import/lines.h"

typedef int (*option_reader)(struct dnsmasq *d, const char *name, char *value);

/* ---- growing ---- */

static struct dnsmasq_send *
send_add(struct dnsmasq *d, enum dnsmasq_send_kind kind, const struct dnsmasq_tags *tags)
{
        if (import_grow(&d->sends, &d->sends_size, d->n_sends, sizeof(*d->sends), DNSMASQ_MAX_RULES, "lines of one kind",
                        d->err) < 0)
                return NULL;
        d->sends[d->n_sends] = (struct dnsmasq_send){.kind = kind, .tags = *tags};
        return &d->sends[d->n_sends++];
}

/* ---- values ---- */

static int
note(struct dnsmasq *d, enum import_note_kind kind, const char *thing, const char *todo, const char *why)
{
        import_note(d->im, kind, &d->at, thing, todo, "%s", why);
        return 0;
}

/* The next part up to a comma; one in quotes may hold commas. NULL at the end. */
static char *
next_part(char **rest)
{
        char *part = *rest, *end;

        if (!part)
                return NULL;
        part += strspn(part, " \t");
        if (*part != '"')
                return lines_part(rest, ',');
        end = strchr(++part, '"');
        if (!end) {
                *rest = NULL;
                return part;
        }
        *end++ = '\0';
        lines_part(&end, ','); /* what stands between the quote and the comma is nothing */
        *rest = end;
        return part;
}

/* The tag of a part "tag:x" (@kind "tag:") or "set:x"; "net:x" is the old way of writing both. NULL: it is another part. */
static const char *
tag_of(const char *part, const char *kind)
{
        return strncmp(part, kind, 4) == 0 || strncmp(part, "net:", 4) == 0 ? part + 4 : NULL;
}

static void
add_tag(struct dnsmasq *d, struct dnsmasq_tags *tags, const char *tag)
{
        if (tags->n == DNSMASQ_MAX_TAGS)
                note(d, IMPORT_NOTE_UNKNOWN, tag, "", "a line with more than eight tags");
        else
                import_copy(tags->tags[tags->n++], DNSMASQ_TAG_SIZE, tag);
}

/* Collects the tags that a line asks for. The first other part, or NULL. */
static char *
take_tags(struct dnsmasq *d, char **rest, struct dnsmasq_tags *ret)
{
        const char *tag;
        char *part;

        while ((part = next_part(rest))) {
                tag = tag_of(part, "tag:");
                if (!tag)
                        return part;
                add_tag(d, ret, tag);
        }
        return NULL;
}

/* "set:x,..." or only "x,...": a new match that sets this tag. 0, 1 with a note, or an error. */
static int
match_add(struct dnsmasq *d, const char *name, char **rest, enum dnsmasq_match_kind kind, struct dnsmasq_match **ret)
{
        const char *set = next_part(rest);

        if (!set || !*set || !*rest) {
                note(d, IMPORT_NOTE_UNKNOWN, name, "", "\"set:TAG,…\" is wanted");
                return 1;
        }
        if (import_grow(&d->matches, &d->matches_size, d->n_matches, sizeof(*d->matches), DNSMASQ_MAX_RULES,
                        "lines of one kind", d->err) < 0)
                return error_to_errno(d->err->code);
        *ret = &d->matches[d->n_matches++];
        **ret = (struct dnsmasq_match){.kind = kind};
        import_copy((*ret)->set, DNSMASQ_TAG_SIZE, tag_of(set, "set:") ?: set);
        return 0;
}

/* What was added last is not understood after all. */
static int
match_drop(struct dnsmasq *d, const char *thing, const char *todo, const char *why)
{
        d->n_matches--;
        return note(d, IMPORT_NOTE_UNKNOWN, thing, todo, why);
}

/* Firmware of UEFI on x86-64 says 7 where 9 is meant (RFC 4578 and its errata); to the importer both are one. */
static uint32_t
same_arch(uint32_t arch)
{
        return arch == 9 ? 7 : arch;
}

/* ---- hosts ---- */

/* "11:22:33:*:*:*" with the hardware type "1-" before it or not; @ret_mask: which bytes count. */
static int
wild_mac(const char *text, uint8_t ret[6], uint8_t ret_mask[6])
{
        size_t n = 0;

        if (strncmp(text, "1-", 2) == 0)
                text += 2;
        while (n < 6) {
                char pair[3] = {text[0], text[0] ? text[1] : '\0', '\0'};

                ret_mask[n] = *text == '*' ? 0 : 0xff;
                ret[n] = 0;
                if (ret_mask[n] && parse_hex(pair, &ret[n], 1) < 0)
                        return -1;
                text += ret_mask[n] ? 2 : 1;
                if (*text != (++n < 6 ? ':' : '\0'))
                        return -1;
                text += *text == ':';
        }
        return 0;
}

static bool
is_lease_time(const char *text)
{
        size_t digits = strspn(text, "0123456789");

        return strcmp(text, "infinite") == 0 ||
               (digits > 0 && (text[digits] == '\0' || (strchr("smhdw", text[digits]) && text[digits + 1] == '\0')));
}

struct host_line {
        struct mac macs[8];
        size_t n_macs;
        const char *name;
        uint32_t address;
        struct dnsmasq_tags tags;
        bool ignore, has_wildcard;
};

static void
host_part(struct dnsmasq *d, const char *part, struct host_line *l)
{
        uint8_t mac[6], mask[6];

        if (wild_mac(part, mac, mask) == 0) {
                if (mask[0] != 0xff || memcmp(mask, mask + 1, 5) != 0)
                        l->has_wildcard = true;
                else if (l->n_macs < N_ELEMENTS(l->macs))
                        memcpy(l->macs[l->n_macs++].b, mac, 6);
        } else if (tag_of(part, "set:")) {
                add_tag(d, &l->tags, part + 4);
        } else if (strncmp(part, "tag:", 4) == 0) {
                note(d, IMPORT_NOTE_WARNING, part, "", "the line counts only with this tag for dnsmasq; here it counts always");
        } else if (strncmp(part, "id:", 3) == 0) {
                note(d, IMPORT_NOTE_WARNING, part, "", "hosts are known by their MAC, not by a client identifier");
        } else if (strcmp(part, "ignore") == 0) {
                l->ignore = true;
        } else if (*part == '[') {
                note(d, IMPORT_NOTE_IGNORED, part, "", "firmware boots by IPv4 here");
        } else if (parse_ip4(part, &l->address) < 0 && *part && !is_lease_time(part)) {
                l->name = part;
        }
}

static int
host_store(struct dnsmasq *d, const struct host_line *l, const struct mac *mac)
{
        struct import_host *h = import_host_add(d->im, &d->at, l->name, mac, d->err);

        if (!h || import_grow(&d->hosts, &d->hosts_size, d->n_hosts, sizeof(*d->hosts), IMPORT_MAX_HOSTS, "hosts", d->err) < 0)
                return error_to_errno(d->err->code);
        if (l->address)
                import_host_address(d->im, &d->at, h, l->address);
        d->hosts[d->n_hosts++] = (struct dnsmasq_host){.host = h, .tags = l->tags};
        return 0;
}

static int
read_host(struct dnsmasq *d, const char *name, char *value)
{
        struct host_line l = {0};
        const char *part;
        int r = 0;

        while ((part = next_part(&value)))
                host_part(d, part, &l);
        if (l.ignore)
                return note(d, IMPORT_NOTE_NOT_APPLIED, l.name ?: name, "",
                            "dnsmasq never answers this machine; dompool does not either as long as it is no host");
        if (l.has_wildcard)
                return note(d, IMPORT_NOTE_UNKNOWN, l.name ?: name, "give each machine its line",
                            "a MAC with wildcards is no one machine");
        if (l.n_macs == 0)
                return note(d, IMPORT_NOTE_UNKNOWN, l.name ?: name, "add its MAC", "the host has no MAC address");
        for (size_t i = 0; r == 0 && i < l.n_macs; i++) {
                if (mac_zero(&l.macs[i]) || (l.macs[i].b[0] & 1))
                        note(d, IMPORT_NOTE_UNKNOWN, l.name ?: name, "", "is not the MAC of a machine");
                else
                        r = host_store(d, &l, &l.macs[i]);
        }
        return r;
}

/* ---- tags ---- */

/* dhcp-match=set:efi64,option:client-arch,7 */
static int
read_match(struct dnsmasq *d, const char *name, char *value)
{
        const char *option, *text;
        struct dnsmasq_match *m;
        int r = match_add(d, name, &value, MATCH_IPXE, &m);

        if (r)
                return r < 0 ? r : 0;
        option = next_part(&value);
        text = next_part(&value);
        if (strcmp(option, "option:client-arch") == 0 || strcmp(option, "93") == 0) {
                m->kind = MATCH_ARCH;
                if (!text || parse_u32(text, 65535, &m->arch) < 0)
                        return match_drop(d, option, "", "client-arch is a number");
                m->arch = same_arch(m->arch);
        } else if (strcmp(option, "175") != 0 && !(strcmp(option, "77") == 0 && text && strcmp(text, "iPXE") == 0)) {
                return match_drop(d, option, "look at what its tag is for",
                                  "tags are understood for client-arch and iPXE (175); this one is never set");
        }
        return 0;
}

/* dhcp-vendorclass=set:bios,PXEClient:Arch:00000 */
static int
read_class(struct dnsmasq *d, const char *name, char *value)
{
        struct dnsmasq_match *m;
        const char *text;
        int r = match_add(d, name, &value, strcmp(name, "dhcp-userclass") == 0 ? MATCH_USER : MATCH_VENDOR, &m);

        if (r)
                return r < 0 ? r : 0;
        text = next_part(&value);
        import_copy(m->text, sizeof(m->text), text);
        return strncmp(text, "enterprise:", 11) == 0 ? match_drop(d, text, "", "vendors of DHCPv6") : 0;
}

static int
read_mac(struct dnsmasq *d, const char *name, char *value)
{
        struct dnsmasq_match *m;
        int r = match_add(d, name, &value, MATCH_MAC, &m);

        if (r)
                return r < 0 ? r : 0;
        return wild_mac(next_part(&value), m->mac, m->mask) < 0 ? match_drop(d, name, "", "a MAC is wanted, bytes may be *")
                                                                : 0;
}

/* tag-if=set:a,tag:b,tag:!c */
static int
read_tag_if(struct dnsmasq *d, const char *name, char *value)
{
        struct dnsmasq_match *m;
        int r = match_add(d, name, &value, MATCH_TAGS, &m);

        if (r)
                return r < 0 ? r : 0;
        if (take_tags(d, &value, &m->tags))
                return match_drop(d, name, "", "one tag to set and then tags to ask for are understood");
        return 0;
}

/* ---- boot files ---- */

static int
read_address(struct dnsmasq *d, const char *text, uint32_t *ret)
{
        if (text && *text && parse_ip4(text, ret) < 0)
                note(d, IMPORT_NOTE_UNKNOWN, text, "write its address", "is no IPv4 address; names are not looked up here");
        return 0;
}

/* dhcp-boot=tag:x,pxelinux.0,server,10.0.0.1 */
static int
read_boot(struct dnsmasq *d, const char *name, char *value)
{
        struct dnsmasq_tags tags = {0};
        const char *file = take_tags(d, &value, &tags);
        struct dnsmasq_send *s;

        if (!file)
                return note(d, IMPORT_NOTE_UNKNOWN, name, "", "no file is named");
        s = send_add(d, SEND_BOOT, &tags);
        if (!s)
                return error_to_errno(d->err->code);
        import_copy(s->text, sizeof(s->text), file);
        next_part(&value); /* the server's name is for people */
        return read_address(d, next_part(&value), &s->server);
}

static const struct {
        const char *name;
        uint32_t arch;
} service_types[] = {
        {"x86PC", 0}, {"IA32_EFI", 6}, {"BC_EFI", 7}, {"X86-64_EFI", 9}, {"ARM32_EFI", 10}, {"ARM64_EFI", 11},
};

/* pxe-service=tag:x,x86PC,"Install",pxelinux,10.0.0.1 */
static int
read_service(struct dnsmasq *d, const char *name, char *value)
{
        struct dnsmasq_tags tags = {0};
        const char *type = take_tags(d, &value, &tags), *file;
        uint32_t arch = UINT32_MAX, number;
        struct dnsmasq_send *s;

        for (size_t i = 0; type && i < N_ELEMENTS(service_types); i++)
                if (strcasecmp(type, service_types[i].name) == 0)
                        arch = same_arch(service_types[i].arch);
        if (arch == UINT32_MAX && (!type || parse_u32(type, 65535, &arch) < 0))
                return note(d, IMPORT_NOTE_UNKNOWN, type ?: name, "", "is no type of client that the importer knows");
        next_part(&value); /* the menu's text */
        file = next_part(&value);
        if (!file || !*file || parse_u32(file, 65535, &number) == 0)
                return note(d, IMPORT_NOTE_WARNING, name, "",
                            "a menu entry that starts no file: the local disk, or another boot server");
        s = send_add(d, SEND_SERVICE, &tags);
        if (!s)
                return error_to_errno(d->err->code);
        s->code = arch;
        import_copy(s->text, sizeof(s->text), file);
        if (!strchr(import_basename(file), '.')) /* dnsmasq adds the layer, which is 0 */
                snprintf(s->text + strlen(s->text), sizeof(s->text) - strlen(s->text), ".0");
        return read_address(d, next_part(&value), &s->server);
}

static const struct {
        const char *name;
        uint32_t code;
} option_names[] = {{"tftp-server", 66}, {"bootfile-name", 67}, {"tftp-server-address", 150}, {"root-path", 17}};

/* dhcp-option=tag:x,209,menu.cfg or option:bootfile-name,... */
static int
read_option(struct dnsmasq *d, const char *name, char *value)
{
        static const uint32_t boot_codes[] = {66, 67, 150, 209, 210};
        struct dnsmasq_tags tags = {0};
        const char *option = take_tags(d, &value, &tags), *text = next_part(&value);
        struct dnsmasq_send *s;
        uint32_t code = 0;

        if (!option)
                return note(d, IMPORT_NOTE_UNKNOWN, name, "", "no option is named");
        for (size_t i = 0; strncmp(option, "option:", 7) == 0 && i < N_ELEMENTS(option_names); i++)
                if (strcmp(option + 7, option_names[i].name) == 0)
                        code = option_names[i].code;
        if (code == 0)
                parse_u32(option, 254, &code);
        for (size_t i = 0; i < N_ELEMENTS(boot_codes); i++) {
                if (code != boot_codes[i] || !text)
                        continue;
                s = send_add(d, SEND_OPTION, &tags);
                if (!s)
                        return error_to_errno(d->err->code);
                s->code = code;
                import_copy(s->text, sizeof(s->text), text);
                return 0;
        }
        if (code == 17)
                return note(d, IMPORT_NOTE_NOT_APPLIED, option, "", "a node image has its own root");
        if (strncmp(option, "vendor:", 7) == 0 || code == 43 || code == 60)
                return note(d, IMPORT_NOTE_IGNORED, option, "", "dompool writes the vendor's options itself");
        return note(d, IMPORT_NOTE_IGNORED, option, "", "belongs to the network: section network of dompoold.conf");
}

/* dhcp-range=10.0.0.100,10.0.0.200,255.255.255.0,12h or 10.0.0.0,proxy */
static int
read_range(struct dnsmasq *d, const char *name, char *value)
{
        struct dnsmasq_tags tags = {0};
        const char *first, *last;
        char thing[100], todo[120];
        uint32_t address;

        do
                first = take_tags(d, &value, &tags);
        while (first && (strncmp(first, "set:", 4) == 0 || strncmp(first, "interface:", 10) == 0));
        last = next_part(&value);
        if (!first || parse_ip4(first, &address) < 0)
                return note(d, IMPORT_NOTE_UNKNOWN, first ?: name, "", "is no range of IPv4 addresses");
        snprintf(thing, sizeof(thing), "%s=%.30s,%.30s", name, first, last ?: "");
        if (last && strcmp(last, "proxy") == 0)
                return note(d, IMPORT_NOTE_NOT_APPLIED, thing, "see PROXYDHCP in dompoold.conf(5)",
                            "dnsmasq was a proxyDHCP server here: the addresses come from another server");
        snprintf(todo, sizeof(todo), "write range = \"%.30s-%.30s\" there", first, last ?: first);
        if (last && strcmp(last, "static") == 0)
                snprintf(todo, sizeof(todo), "leave the range out there: only hosts with an address were served");
        return note(d, IMPORT_NOTE_NOT_APPLIED, thing, todo,
                    "addresses for hosts without a fixed one: section network of dompoold.conf");
}

/* ---- files ---- */

static int read_lines(struct import *im, void *state, const char *path, char *text, struct error *err);

static int
read_host_lines(struct import *im, void *state, const char *path, char *text, struct error *err)
{
        struct dnsmasq *d = state;
        struct lines lines;
        char *line;
        int r = 0;

        (void)im;
        (void)err;
        lines_init(&lines, text, false);
        while (r == 0 && (line = lines_next(&lines))) {
                d->at = (struct import_place){path, lines.line};
                line[strcspn(line, "#")] = '\0';
                if (*line)
                        r = read_host(d, "dhcp-hostsfile", line);
        }
        return r;
}

static int
include(struct dnsmasq *d, const char *path, import_reader reader)
{
        const struct import_place at = d->at;
        int r = import_include(d->im, &at, path, false, reader, d, d->err);

        d->at = at;
        return r;
}

static bool
has_ending(const char *name, const char *ending, size_t n)
{
        size_t length = strlen(name);

        return n > 0 && length >= n && memcmp(name + length - n, ending, n) == 0;
}

/* "*.conf,.dpkg-old": if there are endings with a star a name must have one of them; it may have none of the others. */
static bool
keeps(const char *endings, const char *name)
{
        bool any_wanted = false, wanted = false;

        while (endings && *endings) {
                size_t n = strcspn(endings, ",");

                if (*endings == '*') {
                        any_wanted = true;
                        wanted = wanted || has_ending(name, endings + 1, n - 1);
                } else if (has_ending(name, endings, n)) {
                        return false;
                }
                endings += n + (endings[n] == ',');
        }
        return wanted || !any_wanted;
}

static bool
keep_file(void *state, const char *name)
{
        const struct dnsmasq *d = state;
        size_t n = strlen(name);

        return n > 0 && name[0] != '.' && name[0] != '#' && name[n - 1] != '~' && name[n - 1] != '#' && keeps(d->endings, name);
}

static int
include_folder(struct dnsmasq *d, const char *path, import_reader reader)
{
        const struct import_place at = d->at;
        int r = import_folder(d->im, &at, path, keep_file, reader, d, d->err);

        d->at = at;
        return r;
}

static int
read_conf_file(struct dnsmasq *d, const char *name, char *value)
{
        return include(d, value, strcmp(name, "conf-file") == 0 ? read_lines : read_host_lines);
}

/* conf-dir=/etc/dnsmasq.d,*.conf */
static int
read_conf_dir(struct dnsmasq *d, const char *name, char *value)
{
        const char *path = next_part(&value), *outer = d->endings;
        int r;

        d->endings = value;
        r = include_folder(d, path ?: "", strcmp(name, "conf-dir") == 0 ? read_lines : read_host_lines);
        d->endings = outer;
        return r;
}

static int
read_ethers(struct dnsmasq *d, const char *name, char *value)
{
        (void)name;
        (void)value;
        return include(d, "/etc/ethers", import_ethers);
}

static int
read_tftp_root(struct dnsmasq *d, const char *name, char *value)
{
        const char *path = next_part(&value);
        struct import_names names = {0};
        struct error no;

        if (!path || d->im->io->list(d->im->io->arg, path, &names, &no) < 0)
                return note(d, IMPORT_NOTE_WARNING, path ?: name, "give the folder to the importer as well",
                            "the TFTP tree cannot be read here, so its menus are not known");
        import_names_free(&names);
        return import_tree_add(d->im, &d->at, 0, path, d->err);
}

#define DNS "name service is no part of dompool"
#define LEASES "leases and their times are dompoold's own: dompoold.conf"
#define OURS "dompoold serves its own files by TFTP, each host its own"

static const struct {
        const char *name;
        option_reader read; /* NULL: only noted */
        enum import_note_kind kind;
        const char *why;
} options[] = {
        {"dhcp-host", read_host},
        {"dhcp-range", read_range},
        {"dhcp-boot", read_boot},
        {"dhcp-match", read_match},
        {"dhcp-vendorclass", read_class},
        {"dhcp-userclass", read_class},
        {"dhcp-mac", read_mac},
        {"tag-if", read_tag_if},
        {"pxe-service", read_service},
        {"dhcp-option", read_option},
        {"dhcp-option-force", read_option},
        {"dhcp-option-pxe", read_option},
        {"tftp-root", read_tftp_root},
        {"conf-file", read_conf_file},
        {"dhcp-hostsfile", read_conf_file},
        {"conf-dir", read_conf_dir},
        {"dhcp-hostsdir", read_conf_dir},
        {"read-ethers", read_ethers},
        {"enable-tftp", NULL, IMPORT_NOTE_IGNORED, OURS},
        {"tftp-no-fail", NULL, IMPORT_NOTE_IGNORED, OURS},
        {"tftp-secure", NULL, IMPORT_NOTE_IGNORED, OURS},
        {"tftp-unique-root", NULL, IMPORT_NOTE_IGNORED, OURS},
        {"tftp-lowercase", NULL, IMPORT_NOTE_IGNORED, OURS},
        {"tftp-max", NULL, IMPORT_NOTE_IGNORED, OURS},
        {"tftp-mtu", NULL, IMPORT_NOTE_IGNORED, OURS},
        {"tftp-no-blocksize", NULL, IMPORT_NOTE_IGNORED, OURS},
        {"tftp-port-range", NULL, IMPORT_NOTE_IGNORED, OURS},
        {"tftp-single-port", NULL, IMPORT_NOTE_IGNORED, OURS},
        {"pxe-prompt", NULL, IMPORT_NOTE_IGNORED, "menus and their timeouts belong to profiles"},
        {"dhcp-no-override", NULL, IMPORT_NOTE_IGNORED, "dompool writes file and server in both places where firmware looks"},
        {"dhcp-authoritative", NULL, IMPORT_NOTE_IGNORED, "dompool answers for its own hosts only"},
        {"dhcp-ignore", NULL, IMPORT_NOTE_IGNORED, "dompool answers the hosts that it knows and nobody else"},
        {"dhcp-leasefile", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"dhcp-lease-max", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"dhcp-sequential-ip", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"no-ping", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"leasefile-ro", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"dhcp-rapid-commit", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"log-dhcp", NULL, IMPORT_NOTE_IGNORED, "dompoold logs to standard error, so to the journal"},
        {"log-queries", NULL, IMPORT_NOTE_IGNORED, "dompoold logs to standard error, so to the journal"},
        {"log-facility", NULL, IMPORT_NOTE_IGNORED, "dompoold logs to standard error, so to the journal"},
        {"log-async", NULL, IMPORT_NOTE_IGNORED, "dompoold logs to standard error, so to the journal"},
        {"interface", NULL, IMPORT_NOTE_IGNORED, "belongs to the network: section network of dompoold.conf"},
        {"except-interface", NULL, IMPORT_NOTE_IGNORED, "belongs to the network: section network of dompoold.conf"},
        {"no-dhcp-interface", NULL, IMPORT_NOTE_IGNORED, "belongs to the network: section network of dompoold.conf"},
        {"listen-address", NULL, IMPORT_NOTE_IGNORED, "belongs to the network: section network of dompoold.conf"},
        {"bind-interfaces", NULL, IMPORT_NOTE_IGNORED, "belongs to the network: section network of dompoold.conf"},
        {"bind-dynamic", NULL, IMPORT_NOTE_IGNORED, "belongs to the network: section network of dompoold.conf"},
        {"dhcp-script", NULL, IMPORT_NOTE_IGNORED, "dompool runs no programs at leases; 'dompool event list' tells of them"},
        {"conf-script", NULL, IMPORT_NOTE_UNKNOWN, "the importer runs no programs; give it what the program prints"},
        {"dhcp-optsfile", NULL, IMPORT_NOTE_UNKNOWN, "write its lines as dhcp-option into a file and import that"},
        {"dhcp-proxy", NULL, IMPORT_NOTE_UNKNOWN, "relays with their own addresses"},
        {"dhcp-relay", NULL, IMPORT_NOTE_UNKNOWN, "dompoold is no relay agent"},
        {"port", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"server", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"local", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"address", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"domain", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"domain-needed", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"bogus-priv", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"expand-hosts", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"no-resolv", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"no-poll", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"no-hosts", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"no-negcache", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"addn-hosts", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"resolv-file", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"strict-order", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"all-servers", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"cache-size", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"dnssec", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"localise-queries", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"cname", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"host-record", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"mx-host", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"ptr-record", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"srv-host", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"txt-record", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"filterwin2k", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"stop-dns-rebind", NULL, IMPORT_NOTE_IGNORED, DNS},
        {"user", NULL, IMPORT_NOTE_IGNORED, "dompoold's roles have users of their own"},
        {"group", NULL, IMPORT_NOTE_IGNORED, "dompoold's roles have users of their own"},
        {"pid-file", NULL, IMPORT_NOTE_IGNORED, "dompoold runs under systemd"},
        {"keep-in-foreground", NULL, IMPORT_NOTE_IGNORED, "dompoold runs under systemd"},
};

/* A comment begins with '#' behind a blank, but not in quotes. */
static void
cut_comment(char *line)
{
        bool quoted = false;

        for (char *p = line; *p; p++) {
                quoted ^= *p == '"';
                if (*p == '#' && !quoted && (p == line || p[-1] == ' ' || p[-1] == '\t')) {
                        *p = '\0';
                        return;
                }
        }
}

static int
read_lines(struct import *im, void *state, const char *path, char *text, struct error *err)
{
        struct dnsmasq *d = state;
        struct lines lines;
        char *line;
        int r = 0;

        (void)im;
        (void)err;
        lines_init(&lines, text, false);
        while (r == 0 && (line = lines_next(&lines))) {
                const char *name;
                char *value = line;
                size_t i;

                cut_comment(line);
                name = lines_part(&value, '=');
                d->at = (struct import_place){path, lines.line};
                if (!*name)
                        continue;
                for (i = 0; i < N_ELEMENTS(options) && strcmp(options[i].name, name) != 0; i++)
                        ;
                if (i == N_ELEMENTS(options))
                        note(d, IMPORT_NOTE_UNKNOWN, name, "", "is no option that the importer knows");
                else if (!options[i].read)
                        note(d, options[i].kind, name, "", options[i].why);
                else
                        r = options[i].read(d, name, value ? value + strspn(value, " \t") : (char[1]){""});
        }
        return r;
}

/* ---- the whole ---- */

/* NULL with @err: memory is out. */
static struct dnsmasq *
state_of(struct import *im, const char *path, struct error *err)
{
        if (!im->dnsmasq)
                im->dnsmasq = calloc(1, sizeof(*im->dnsmasq));
        if (!im->dnsmasq) {
                error_set(err, ERR_NO_SPACE, "out of memory");
                return NULL;
        }
        im->dnsmasq->im = im;
        im->dnsmasq->err = err;
        im->dnsmasq->at = (struct import_place){path, 0};
        return im->dnsmasq;
}

int
import_dnsmasq(struct import *im, void *state, const char *path, char *text, struct error *err)
{
        struct dnsmasq *d = state_of(im, path, err);

        (void)state;
        return d ? read_lines(im, d, path, text, err) : error_to_errno(err->code);
}

int
import_dnsmasq_folder(struct import *im, const char *path, struct error *err)
{
        struct dnsmasq *d = state_of(im, path, err);

        return d ? include_folder(d, path, read_lines) : error_to_errno(err->code);
}

void
import_dnsmasq_finish(struct import *im)
{
        if (im->dnsmasq)
                dnsmasq_hosts(im->dnsmasq);
}

void
import_dnsmasq_deinit(struct import *im)
{
        if (!im->dnsmasq)
                return;
        free(im->dnsmasq->matches);
        free(im->dnsmasq->sends);
        free(im->dnsmasq->hosts);
        free(im->dnsmasq);
}
