/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explains a boot: the requests that a firmware of this kind sends, our answers to them, the loader and the menu, each line
 * with its reason. Pure; runs in core, on the policy in force.
 */
#include "bootcfg/explain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bootcfg/dhcp_server.h"
#include "bootcfg/enrol_choice.h"
#include "bootcfg/menu.h"
#include "bootcfg/quirk_match.h"

#define IPXE_BIOS FIRMWARE_IPXE_HTTP | FIRMWARE_IPXE_MULTIBOOT
#define IPXE_EFI FIRMWARE_IPXE_HTTP | FIRMWARE_IPXE_EFI

/* How each kind introduces itself (RFC 4578; UEFI 2.10, 24.3; iPXE's options). */
static const struct explain_firmware {
        const char *name;
        uint16_t arch;
        enum firmware_client client;
        unsigned features;
} firmwares[] = {
        {"bios", 0, FIRMWARE_PXE, 0},
        {"efi64", 7, FIRMWARE_PXE, 0},
        {"efi64-http", 16, FIRMWARE_HTTP, 0},
        {"arm64", 11, FIRMWARE_PXE, 0},
        {"arm64-http", 19, FIRMWARE_HTTP, 0},
        {"ipxe", 0, FIRMWARE_IPXE, IPXE_BIOS},
        {"ipxe-efi", 7, FIRMWARE_IPXE, IPXE_EFI},
};

const char *
explain_firmware_name(size_t i)
{
        return i < N_ELEMENTS(firmwares) ? firmwares[i].name : NULL;
}

static const struct explain_firmware *
firmware_find(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(firmwares); i++)
                if (strcmp(firmwares[i].name, name) == 0)
                        return &firmwares[i];
        return NULL;
}

bool
explain_firmware(const char *name, struct firmware *ret)
{
        const struct explain_firmware *f = firmware_find(name);

        if (f)
                *ret = (struct firmware){.client = f->client, .arch = f->arch, .features = f->features};
        return f != NULL;
}

struct explain {
        const struct explain_request *r;
        const struct explain_firmware *f;
        const struct explain_sink *sink;
        const struct policy_host *host; /* `known`, or NULL */
        struct policy_host known;
        struct policy_chosen chosen;
        struct quirk_effects quirks; /* for this firmware */
};

static void line(const struct explain *x, const char *why, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
line(const struct explain *x, const char *why, const char *fmt, ...)
{
        char text[1200];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        x->sink->line(x->sink->arg, text, why);
}

static void
item(const struct explain *x, const char *kind, const char *title, const void *data, size_t size)
{
        x->sink->item(x->sink->arg, kind, title, data, size);
}

/* --- who decided --- */

static const char *
decided_by(const struct explain *x, char *buf, size_t size)
{
        static const char *const words[] = {
                [POLICY_BY_ONCE] = "'dompool profile set --next': this boot only",
                [POLICY_BY_SETTING] = "'dompool profile set'",
                [POLICY_BY_RULE] = "rule",
                [POLICY_BY_HOST] = "profile of the host's description; no rule matches now",
                [POLICY_BY_DEFAULT] = "default-profile; no rule matches now and the host has none of its own",
        };

        if (x->chosen.rule)
                snprintf(buf, size, "rule '%s'", x->chosen.rule->name);
        else
                snprintf(buf, size, "%s", words[x->chosen.by]);
        return buf;
}

/* What the rules make of a machine that is no host. */
static void
tell_enrolment(const struct explain *x, const struct policy_time *t)
{
        static const char *const words[] = {
                [ENROL_REFUSE] = "it is refused",
                [ENROL_INSPECT] = "it boots the inspection once, and then waits for 'dompool host adopt'",
                [ENROL_ENROL] = "it becomes a host",
        };
        const struct policy_header *h = policy_header(x->r->policy);
        const struct enrol_facts f = {
                .mac = x->r->mac,
                .network = &h->networks[x->r->network < h->n_networks ? x->r->network : 0],
                .firmware = quirk_firmware_of(
                        &(struct firmware){.client = x->f->client, .arch = x->f->arch, .features = x->f->features}),
                .hardware = x->r->hardware,
                .time = *t,
        };
        const struct enrol_rule *r = enrol_choose(policy_enrols(x->r->policy), h->n_enrols, &f);
        char network[NAME_SIZE], why[NAME_SIZE + 40];

        if (!r) {
                line(x, h->n_enrols ? "no enrol section matches" : "there is no enrol section",
                     "enrolment, asked in network %s: it is refused", enrol_network_text(f.network, network));
                return;
        }
        snprintf(why, sizeof(why), "enrol '%s'", r->name);
        line(x, why, "enrolment, asked in network %s: %s", enrol_network_text(f.network, network), words[r->action]);
        if (r->action == ENROL_ENROL)
                line(x, why, "names %s, profile %s%s%s", *r->names ? r->names : "as in enrolment",
                     *r->profile ? r->profile : "local", *r->labels ? ", labels " : "", r->labels);
}

static void
tell_decision(struct explain *x)
{
        char why[120], at[40];
        struct policy_time t;

        policy_time_at(x->r->now_ms, &t);
        policy_choose(x->r->policy, x->host, &t, &x->chosen);
        item(x, "decision", "what it boots", NULL, 0);
        if (!x->host) {
                line(x, "no host has this MAC", "nothing: an unknown machine gets no answer");
                tell_enrolment(x, &t);
                return;
        }
        snprintf(at, sizeof(at), "weekday %u, %02u:%02u local time", t.weekday + 1u, t.minute / 60u, t.minute % 60u);
        if (x->host->guest)
                tell_enrolment(x, &t);
        line(x, x->host->guest ? "it is let in for an inspection" : "its MAC", "host %s", x->host->name);
        line(x, decided_by(x, why, sizeof(why)), "profile %s, kind %s (%s)", x->chosen.profile->name,
             profile_kind_names[x->chosen.profile->kind], at);
        if (x->chosen.image)
                line(x, "", "image %s %.16s", x->chosen.image->name, x->chosen.image->id);
        else if (profile_kind_boots_image(x->chosen.profile->kind))
                line(x, "its image is not in the store", "so the answer is the local disk");
        if (x->chosen.fallen)
                line(x, "'dompool host show' says why, 'dompool host retry' ends it",
                     "a fall-back: the host could not get the root of the version that it is to boot");
        if (x->chosen.menu)
                line(x, x->chosen.rule && x->chosen.rule->menu != POLICY_NONE ? "menu of the rule" : "menu of the profile",
                     "menu %s is shown first", x->chosen.menu->name);
}

/* What a quirk does besides words of a menu: how files are sent is said by no packet of ours beforehand. */
static void
tell_quirks(struct explain *x)
{
        const struct firmware f = {.arch = x->f->arch, .client = x->f->client, .features = x->f->features};

        if (!x->host)
                return;
        quirk_effects(x->r->policy, x->host, quirk_firmware_of(&f), &x->quirks);
        if (x->quirks.n > 0)
                item(x, "file", "how files are sent", NULL, 0);
        for (uint32_t i = 0; i < x->quirks.n; i++) {
                const struct quirk *q = x->quirks.applied[i];
                char why[NAME_SIZE + 16];

                snprintf(why, sizeof(why), "quirk '%s'", q->name);
                if (q->tftp_blksize)
                        line(x, why, "TFTP blocks of at most %u bytes", q->tftp_blksize);
                if (q->no_tftp_window)
                        line(x, why, "TFTP without windows");
                if (q->no_tftp_options)
                        line(x, why, "TFTP without options");
                if (q->no_http)
                        line(x, why, "no HTTP");
                if (*q->loader)
                        line(x, why, "loader %s, unless the host's description names one", q->loader);
        }
}

/* --- packets --- */

/* What a DHCP option of ours comes from. */
static const struct {
        uint8_t code;
        const char *name, *why;
} options[] = {
        {DHCP_OPT_NETMASK, "netmask", "subnet"},
        {DHCP_OPT_ROUTER, "router", "router of the subnet"},
        {DHCP_OPT_DNS, "name server", "dns of the subnet"},
        {DHCP_OPT_HOSTNAME, "host name", "the host's name"},
        {DHCP_OPT_BROADCAST, "broadcast address", "subnet"},
        {DHCP_OPT_VENDOR, "PXE options", "PXE 2.1; pxe-prompt in proxy mode"},
        {DHCP_OPT_LEASE_TIME, "lease time", "lease-time of the subnet"},
        {DHCP_OPT_TYPE, "message type", "RFC 2131"},
        {DHCP_OPT_SERVER_ID, "server", "the server's address in the subnet"},
        {DHCP_OPT_MAX_SIZE, "largest packet", "RFC 2132"},
        {DHCP_OPT_T1, "renewal time", "half of lease-time"},
        {DHCP_OPT_T2, "rebinding time", "7/8 of lease-time"},
        {DHCP_OPT_VENDOR_CLASS, "vendor class", "RFC 4578"},
        {DHCP_OPT_REQUESTED_ADDRESS, "wanted address", "the offer"},
        {DHCP_OPT_TFTP_SERVER, "TFTP server", "the server's address on the boot LAN"},
        {DHCP_OPT_BOOT_FILE, "boot file", "the loader, see above"},
        {DHCP_OPT_USER_CLASS, "user class", "iPXE"},
        {DHCP_OPT_CLIENT_ARCH, "architecture", "RFC 4578"},
        {DHCP_OPT_GRUB_MENU, "menu of GRUB legacy", "the loader"},
        {DHCP_OPT_IPXE, "iPXE's settings", "iPXE"},
        {DHCP_OPT_PXELINUX_PREFIX, "PXELINUX's folder", "the loader"},
};

/* Text where it is text, an address or number where it has four bytes, else hex. */
static void
option_value(const uint8_t *data, size_t size, char *buf, size_t buf_size)
{
        bool text = size > 0;
        size_t n = 0;

        for (size_t i = 0; i < size; i++)
                text = text && ((data[i] >= 0x20 && data[i] < 0x7f) || (data[i] == 0 && i + 1 == size && i > 0));
        if (text && size != 4) {
                snprintf(buf, buf_size, "\"%.*s\"", (int)size, (const char *)data);
        } else if (size == 4) {
                snprintf(buf, buf_size, "%u.%u.%u.%u (%u)", data[0], data[1], data[2], data[3],
                         (unsigned)data[0] << 24 | (unsigned)data[1] << 16 | (unsigned)data[2] << 8 | data[3]);
        } else {
                buf[0] = '\0';
                for (size_t i = 0; i < size && n + 3 < buf_size; i++)
                        n += (size_t)snprintf(buf + n, buf_size - n, "%02x", data[i]);
        }
}

static void
tell_header(const struct explain *x, const struct dhcp_header *h)
{
        char ip[IP4_TEXT_SIZE];

        if (h->yiaddr)
                line(x,
                     x->host && x->host->address == h->yiaddr ? "address of the host's description" : "an address of the range",
                     "address %s", ip4_text(h->yiaddr, ip));
        if (h->siaddr)
                line(x, "the server's address on the boot LAN", "next server %s", ip4_text(h->siaddr, ip));
        if (h->file[0])
                line(x, "the loader, see above", "file \"%s\"", h->file);
}

static void
tell_packet(const struct explain *x, const char *kind, const char *title, const uint8_t *data, size_t size, bool ours)
{
        struct dhcp_packet p;
        char value[600];

        item(x, kind, title, data, size);
        if (dhcp_parse(data, size, &p) != 0)
                return;
        tell_header(x, &p.h);
        for (unsigned code = 1; code < DHCP_OPT_END; code++) {
                const char *name = NULL, *why = "";
                const uint8_t *option;
                size_t n;

                option = dhcp_option(&p, (uint8_t)code, &n);
                if (!option)
                        continue;
                for (size_t i = 0; i < N_ELEMENTS(options); i++)
                        if (options[i].code == code) {
                                name = options[i].name;
                                why = options[i].why;
                        }
                option_value(option, n, value, sizeof(value));
                line(x, ours ? why : "", "option %u%s%s %s", code, name ? " " : "", name ? name : "", value);
        }
}

/* What the machine says next. */
struct question {
        uint8_t type; /* enum dhcp_type */
        struct dhcp_arrival from;
        uint32_t own;            /* the address that it has */
        uint32_t wanted, server; /* of the last answer */
};

static size_t
build_request(const struct explain *x, const struct question *q, struct dhcp_builder *b)
{
        static const uint8_t features[] = {19, 1, 1, 24, 1, 1, 36, 1, 1}; /* HTTP, multiboot, EFI: iPXE's numbers */
        const struct dhcp_header h = {.op = DHCP_BOOTREQUEST,
                                      .xid = 0x646d706c,
                                      .flags = q->own ? 0 : DHCP_FLAG_BROADCAST,
                                      .ciaddr = q->own,
                                      .mac = x->r->mac};
        char vendor_class[64];

        dhcp_build_start(b, &h, q->type, 1260);
        if (q->wanted)
                dhcp_build_u32(b, DHCP_OPT_REQUESTED_ADDRESS, q->wanted);
        if (q->server)
                dhcp_build_u32(b, DHCP_OPT_SERVER_ID, q->server);
        dhcp_build_u16(b, DHCP_OPT_MAX_SIZE, 1260);
        snprintf(vendor_class, sizeof(vendor_class), "%s:Arch:%05u:UNDI:003001",
                 x->f->client == FIRMWARE_HTTP ? "HTTPClient" : "PXEClient", x->f->arch);
        dhcp_build_text(b, DHCP_OPT_VENDOR_CLASS, vendor_class);
        dhcp_build_u16(b, DHCP_OPT_CLIENT_ARCH, x->f->arch);
        if (x->f->client == FIRMWARE_IPXE) {
                dhcp_build_text(b, DHCP_OPT_USER_CLASS, "iPXE");
                /* Of the three the last two exclude each other: multiboot is of BIOS. */
                dhcp_build_option(b, DHCP_OPT_IPXE, features, 3);
                dhcp_build_option(b, DHCP_OPT_IPXE, features + (x->f->features & FIRMWARE_IPXE_EFI ? 6 : 3), 3);
        }
        return dhcp_build_finish(b);
}

/* Sends it to the decision and tells both. false: no answer came. */
static bool
exchange(const struct explain *x, struct dhcp_server *s, struct question *q, struct dhcp_decision *d)
{
        struct dhcp_builder b;
        struct dhcp_packet p;
        char title[80], ip[IP4_TEXT_SIZE];
        size_t size = build_request(x, q, &b);

        snprintf(title, sizeof(title), "%s of the firmware (%s)%s", dhcp_type_name(q->type), x->f->name,
                 q->from.port == DHCP_PXE_PORT ? " to port 4011" : "");
        tell_packet(x, "request", title, b.data, size, false);
        if (dhcp_parse(b.data, size, &p) != 0)
                return false;
        dhcp_server_decide(s, &p, &q->from, x->r->now_ms, d);
        if (!d->reply) {
                item(x, "silence", "no answer", NULL, 0);
                line(x, d->reason ? d->reason : "", "nothing is sent");
                return false;
        }
        snprintf(title, sizeof(title), "%s to %s port %u", dhcp_type_name(d->reply), ip4_text(d->destination, ip), d->port);
        if (d->loader && d->reply == DHCP_OFFER) {
                item(x, "decision", "loader", NULL, 0);
                line(x,
                     strcmp(x->host->loader, d->loader->name) == 0 ? "loader of the host's description"
                     : x->quirks.loader && strcmp(x->quirks.loader, d->loader->name) == 0
                             ? "a quirk of this machine, see above"
                             : "the first of the table that this firmware can run",
                     "%s, named as \"%s\"", d->loader->name, d->boot_name);
        }
        tell_packet(x, "answer", title, d->data, d->size, true);
        if (dhcp_parse(d->data, d->size, &p) != 0)
                return false;
        q->wanted = p.h.yiaddr;
        dhcp_option_u32(&p, DHCP_OPT_SERVER_ID, &q->server);
        return true;
}

/* --- files --- */

/* Adds "WHAT 'TEXT'" where the line holds that setting's text. */
static void
add_source(char *why, size_t size, const char *text, const char *setting, const char *what)
{
        size_t n = strlen(why);

        if (*setting && strstr(text, setting))
                snprintf(why + n, size - n, "%s%s", n > 0 ? ", " : "", what);
}

static void
menu_line_why(const struct explain *x, const char *text, char *why, size_t size)
{
        const struct policy_header *h = policy_header(x->r->policy);
        const struct policy_profile *p = x->chosen.profile;
        const struct policy_image *i = x->chosen.image;
        const struct {
                const char *setting, *what;
        } sources[] = {
                {h->xen_args, "xen-args of the configuration"},
                {i ? i->xen_args : "", "xen_args of the image"},
                {p ? p->xen_args : "", "xen-args of the profile"},
                {x->host ? x->host->xen_args : "", "xen-args of the host"},
                {h->kernel_args, "kernel-args of the configuration"},
                {i ? i->kernel_args : "", "kernel_args of the image"},
                {p ? p->kernel_args : "", "kernel-args of the profile"},
                {x->host ? x->host->kernel_args : "", "kernel-args of the host"},
                {x->host && x->host->console[0] ? x->host->console : h->console, "console"},
                {x->chosen.menu ? x->chosen.menu->title : "", "menu"},
                {p && *p->guest_nic ? "dompool.guest-nic=" : "", "guest-nic of the profile"},
                {p && *p->vlans ? "dompool.vlans=" : "", "vlans of the profile"},
                {"sanhook ", "iscsi-hook of the profile"},
                {"set initiator-iqn ", "iscsi-hook of the profile"},
                {p && *p->nfs_dirs ? "dompool.nfs-dirs=" : "", "nfs-dirs of the profile"},
                {"dompool.mode=", "kind of the profile"},
                {"dompool.token=", "the boot token, another for each boot"},
                {"dompool.home=", "the way home with the boot token, another for each boot"},
        };
        char id[17] = "";

        why[0] = '\0';
        if (i)
                snprintf(id, sizeof(id), "%.16s", i->id);
        add_source(why, size, text, id, "image");
        for (size_t k = 0; k < N_ELEMENTS(sources); k++)
                add_source(why, size, text, sources[k].setting, sources[k].what);
        for (uint32_t k = 0; k < x->quirks.n; k++) {
                char what[NAME_SIZE + 16];

                snprintf(what, sizeof(what), "quirk '%s'", x->quirks.applied[k]->name);
                add_source(why, size, text, x->quirks.applied[k]->xen_args, what);
                add_source(why, size, text, x->quirks.applied[k]->kernel_args, what);
        }
        if (!*why)
                snprintf(why, size, "the loader's language");
}

static void
tell_menu(const struct explain *x, const struct menu_doc *doc)
{
        struct menu_request r = {
                .doc = doc, .policy = x->r->policy, .host = x->host, .chosen = x->chosen, .server = x->r->address, .token = ""};
        static struct menu_text menu; /* 32 KiB: too much for the stack; filled anew each time */
        char title[160], mac[MAC_TEXT_SIZE], why[600];
        static const uint8_t no_key[32];
        char token[TOKEN_TEXT_SIZE];
        const char *local = "";

        if (menu_wants_token(&r)) {
                token_render(no_key, &(struct token){.mac = x->r->mac}, token);
                r.token = token;
        }
        menu_render(&r, &menu, &local);
        for (char *c = mac_text(&x->r->mac, mac); *c; c++)
                if (*c == ':')
                        *c = '-';
        snprintf(title, sizeof(title), "%s%s", doc->prefix, mac);
        item(x, "file", title, menu.text, menu.size);
        for (const char *at = menu.text, *end; *at; at = *end ? end + 1 : end) {
                char text[2600];

                end = at + strcspn(at, "\n");
                snprintf(text, sizeof(text), "%.*s", (int)(end - at), at);
                menu_line_why(x, text, why, sizeof(why));
                x->sink->line(x->sink->arg, text, *local && strstr(text, local) ? local : why);
        }
}

static void
tell_loader(const struct explain *x, const struct loader *loader)
{
        if (!loader->boot_file)
                return;
        item(x, "file", loader->boot_file, NULL, 0);
        line(x, "loader", loader->menu ? "a file of the loader" : "the loader, an iPXE: it asks DHCP again");
}

/* Xen in the form that the loader of this menu starts. */
static const char *
xen_file(const struct menu_doc *doc)
{
        return doc == &menu_doc_ipxe ? "xen" : doc == &menu_doc_ipxe_xen ? "xen.efi" : "xen.gz";
}

/* Who of the menus' readers can make an iBFT says so in its menu; the others are told of here. */
static void
tell_hook(const struct explain *x, const struct loader *loader)
{
        if (!x->chosen.image || x->chosen.root != ROOT_ISCSI || !x->chosen.profile->iscsi_hook ||
            loader->menu == &menu_doc_ipxe_xen)
                return;
        item(x, "decision", "iBFT", NULL, 0);
        line(x, "iscsi-hook of the profile; only iPXE on UEFI can leave one that dom0 finds",
             "none by %s: the target is on dom0's command line", loader->name);
}

static void
tell_files(const struct explain *x, const struct loader *loader)
{
        const struct policy_image *i = x->chosen.image;
        char title[200];

        tell_hook(x, loader);
        tell_menu(x, loader->menu);
        if (i && loader->menu == &menu_doc_ipxe_xen)
                tell_menu(x, &menu_doc_xen_cfg);
        if (!i)
                return;
        const char *xen = xen_file(loader->menu);
        const struct {
                const char *name;
                uint64_t size; /* 0: not in the snapshot */
                const char *what;
        } ram = {"initrd", i->initrd_size, ""}, stage = {"initrd-root", 0, "mounts the root"},
          files[] = {{xen, strcmp(xen, "xen.gz") == 0 ? i->xen_size : 0, "unpacked from Xen's package"},
                     {"vmlinuz", i->kernel_size, ""},
                     x->chosen.root == ROOT_RAM ? ram : stage};

        for (size_t k = 0; k < N_ELEMENTS(files); k++) {
                snprintf(title, sizeof(title), "i/%.16s/%s", i->id, files[k].name);
                item(x, "file", title, NULL, 0);
                if (files[k].size)
                        line(x, "image", "%llu bytes", (unsigned long long)files[k].size);
                else
                        line(x, "image", "%s", files[k].what);
        }
}

/* The network whose interface it asks by: that of its fixed address, else the boot LAN. */
static uint32_t
network_of(const struct explain *x)
{
        const struct policy_header *h = policy_header(x->r->policy);

        for (uint32_t i = 0; x->host && x->host->address && i < h->n_networks; i++)
                if (*h->networks[i].interface && config_network_has(&h->networks[i], x->host->address))
                        return i;
        return 0;
}

static bool
names_file(const struct dhcp_decision *d)
{
        struct dhcp_packet p;
        size_t size;

        return dhcp_parse(d->data, d->size, &p) == 0 && (p.h.file[0] || dhcp_option(&p, DHCP_OPT_BOOT_FILE, &size));
}

/* After the offer: a REQUEST to us, or where another server has the addresses, what is left to ask us then. */
static bool
next(const struct explain *x, struct dhcp_server *s, struct question *q, struct dhcp_decision *d)
{
        const struct config_network *n = d->network;

        if (!n || n->mode != NETWORK_PROXY) {
                q->type = DHCP_REQUEST;
                return exchange(x, s, q, d);
        }
        item(x, "decision", "its address", NULL, 0);
        line(x, "mode proxy of the network", "another server's; it is asked for there");
        if (names_file(d))
                return true;
        *q = (struct question){.type = DHCP_REQUEST, .from = {.port = DHCP_PXE_PORT, .network = q->from.network}};
        q->own = x->host->address ? x->host->address : n->net + (n->net + 1 == s->address ? 2u : 1u);
        q->from.source = q->own;
        q->from.source_port = DHCP_CLIENT_PORT;
        return exchange(x, s, q, d);
}

/* What an iPXE that firmware @f has loaded asks as. */
static const struct explain_firmware *
ipxe_on(const struct explain_firmware *f)
{
        return firmware_find(f->arch == 0 ? "ipxe" : "ipxe-efi");
}

/* From the first packet to the last file. @from: where packets come in. */
static void
tell_boot(struct explain *x, struct dhcp_server *s, const struct dhcp_arrival *from)
{
        static struct dhcp_decision d; /* holds a whole packet */
        bool once_more = true;

        while (once_more) {
                struct question q = {.type = DHCP_DISCOVER, .from = *from};

                tell_quirks(x);
                if (!exchange(x, s, &q, &d) || !next(x, s, &q, &d) || !d.loader)
                        return;
                tell_loader(x, d.loader);
                once_more = !d.loader->menu && x->f->client != FIRMWARE_IPXE;
                if (once_more)
                        x->f = ipxe_on(x->f);
        }
        tell_files(x, d.loader);
}

struct explain_server {
        struct dhcp_server dhcp;
};

struct explain_server *
explain_server_new(const struct policy *policy, uint32_t address)
{
        struct explain_server *s = calloc(1, sizeof(*s));

        if (!s)
                return NULL;
        s->dhcp = (struct dhcp_server){.policy = policy, .address = address, .leases = lease_table_new()};
        if (!s->dhcp.leases || dhcp_server_configure(&s->dhcp) < 0) {
                explain_server_free(s);
                return NULL;
        }
        return s;
}

void
explain_server_free(struct explain_server *s)
{
        if (!s)
                return;
        lease_table_free(s->dhcp.leases);
        free(s);
}

int
explain_boot(const struct explain_request *r, const struct explain_sink *sink, struct error *err)
{
        struct explain x = {.r = r, .f = firmware_find(r->firmware), .sink = sink};
        struct dhcp_arrival from = {.port = DHCP_SERVER_PORT};
        struct explain_server *s = r->server;

        if (!x.f)
                return error_set(err, ERR_INVALID, "there is no firmware '%.40s'; see 'dompool host explain --help'",
                                 r->firmware);
        if (!s && !(s = explain_server_new(r->policy, r->address)))
                return error_errno_set(err, ENOMEM, "explain");
        x.host = policy_host_by_mac(r->policy, &r->mac, &x.known);
        tell_decision(&x);
        from.network = network_of(&x);
        tell_boot(&x, &s->dhcp, &from);
        if (r->server)
                lease_remove(s->dhcp.leases, &r->mac);
        else
                explain_server_free(s);
        return 0;
}
