/* SPDX-License-Identifier: Apache-2.0 */
/* The types of dompoold.conf(5)'s options: how a value is read, what it must be, and how it is printed. Pure. */
#include "server/config_types.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/enrol_name.h"
#include "model/keep.h"

#define TEXT_BUFFER 1024 /* longer than any text field */
static_assert(ARGS_SIZE <= TEXT_BUFFER && CONFIG_PATH_SIZE <= TEXT_BUFFER, "a text field would be cut in the print");

/* A text of at most o->size - 1 bytes. */
static int
parse_text(const struct config_option *o, const char *text, void *field, struct error *err)
{
        if (strlen(text) >= o->size)
                return error_set(err, ERR_CONFIG, "%s is %zu bytes long; the limit is %zu", o->name, strlen(text), o->size - 1);
        memset(field, 0, o->size);
        memcpy(field, text, strlen(text));
        return 0;
}

static void
print_text(const struct config_option *o, const void *field, char *buf, size_t size)
{
        (void)o;
        snprintf(buf, size, "%s", (const char *)field);
}

/* An absolute path without "..", control characters or a slash at its end, so that equal folders have equal texts. */
static int
parse_path(const struct config_option *o, const char *text, void *field, struct error *err)
{
        size_t n = strlen(text);

        if (text[0] != '/' || (n > 1 && text[n - 1] == '/') || strstr(text, "/../") || strstr(text, "//"))
                return -EINVAL;
        if (n >= 3 && strcmp(text + n - 3, "/..") == 0)
                return -EINVAL;
        for (const char *p = text; *p; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        return -EINVAL;
        return parse_text(o, text, field, err);
}

static int
parse_name(const struct config_option *o, const char *text, void *field, struct error *err)
{
        if (*text && !name_ok(text))
                return -EINVAL;
        return parse_text(o, text, field, err);
}

/* IFNAMSIZ and what the kernel refuses in dev_valid_name(). */
static int
parse_interface(const struct config_option *o, const char *text, void *field, struct error *err)
{
        if (!*text || strpbrk(text, "/: \t\n") || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
                return -EINVAL;
        return parse_text(o, text, field, err);
}

static int
parse_args(const struct config_option *o, const char *text, void *field, struct error *err)
{
        int r = boot_args_check(o->name, text, err);

        return r < 0 ? r : parse_text(o, text, field, err);
}

/* A root server's part of a kernel's command line. */
static int
parse_root_server(const struct config_option *o, const char *text, void *field, struct error *err)
{
        int r = root_pattern_check(text, err);

        return r < 0 ? error_prefix(err, "%s", o->name) : parse_text(o, text, field, err);
}

static int
parse_root(const struct config_option *o, const char *text, void *field, struct error *err)
{
        int r = root_check(text, err);

        return r < 0 ? r : parse_text(o, text, field, err);
}

static int
parse_layer(const struct config_option *o, const char *text, void *field, struct error *err)
{
        int r = root_layer_check(text, err);

        return r < 0 ? r : parse_text(o, text, field, err);
}

static int
parse_guest_nic(const struct config_option *o, const char *text, void *field, struct error *err)
{
        struct guest_nic nic;
        int r = guest_nic_parse(text, &nic, err);

        return r < 0 ? r : parse_text(o, text, field, err);
}

/* Kept as the command line will have it. */
static int
parse_vlans(const struct config_option *o, const char *text, void *field, struct error *err)
{
        char canonical[GUEST_VLANS_SIZE];
        struct guest_vlans vlans;
        int r = strlen(text) < sizeof(canonical) ? guest_vlans_parse(text, &vlans, err) : parse_text(o, text, field, err);

        return r < 0 ? r : parse_text(o, guest_vlans_text(&vlans, canonical), field, err);
}

/* Likewise. */
static int
parse_nfs_dirs(const struct config_option *o, const char *text, void *field, struct error *err)
{
        char canonical[NFS_DIRS_SIZE];
        struct nfs_dirs dirs;
        int r = nfs_dirs_parse(text, &dirs, err);

        return r < 0 ? r : parse_text(o, nfs_dirs_text(&dirs, canonical), field, err);
}

static int
parse_port(const struct config_option *o, const char *text, void *field, struct error *err)
{
        uint32_t port;

        (void)o, (void)err;
        if (parse_u32(text, 65535, &port) < 0 || port == 0)
                return -EINVAL;
        memcpy(field, &port, sizeof(port));
        return 0;
}

static void
print_u32(const struct config_option *o, const void *field, char *buf, size_t size)
{
        uint32_t v;

        (void)o;
        memcpy(&v, field, sizeof(v));
        snprintf(buf, size, "%u", v);
}

static int
parse_address(const struct config_option *o, const char *text, void *field, struct error *err)
{
        uint32_t ip;

        (void)o, (void)err;
        if (parse_ip4(text, &ip) < 0 || ip == 0)
                return -EINVAL;
        memcpy(field, &ip, sizeof(ip));
        return 0;
}

static void
print_address(const struct config_option *o, const void *field, char *buf, size_t size)
{
        char text[IP4_TEXT_SIZE];
        uint32_t ip;

        (void)o;
        memcpy(&ip, field, sizeof(ip));
        snprintf(buf, size, "%s", ip ? ip4_text(ip, text) : "");
}

/* Two uint32_t that lie side by side: network and prefix, first and last, address and port. */
struct pair {
        uint32_t a, b;
};
static_assert(offsetof(struct config_network, prefix) == offsetof(struct config_network, net) + 4, "subnet is a pair");
static_assert(offsetof(struct config_network, range_last) == offsetof(struct config_network, range_first) + 4,
              "range is a pair");
static_assert(offsetof(struct config, api_port) == offsetof(struct config, api_address) + 4, "listen is a pair");

static int
parse_subnet_pair(const struct config_option *o, const char *text, void *field, struct error *err)
{
        struct pair p;
        unsigned prefix;

        (void)o;
        if (parse_subnet(text, &p.a, &prefix) < 0)
                return -EINVAL;
        if (prefix < 8 || prefix > 30)
                return error_set(err, ERR_CONFIG, "a boot LAN has a prefix length of 8 to 30, not %u", prefix);
        p.b = prefix;
        memcpy(field, &p, sizeof(p));
        return 0;
}

static void
print_subnet_pair(const struct config_option *o, const void *field, char *buf, size_t size)
{
        char text[IP4_TEXT_SIZE];
        struct pair p;

        (void)o;
        memcpy(&p, field, sizeof(p));
        snprintf(buf, size, "%s/%u", ip4_text(p.a, text), p.b);
}

/* The text before @mark into @buf, the rest into *ret. False when there is no mark or it does not fit. */
static bool
split(const char *text, char mark, char *buf, size_t size, const char **ret)
{
        const char *at = strrchr(text, mark);

        if (!at || (size_t)(at - text) >= size)
                return false;
        memcpy(buf, text, (size_t)(at - text));
        buf[at - text] = '\0';
        *ret = at + 1;
        return true;
}

static int
parse_range(const struct config_option *o, const char *text, void *field, struct error *err)
{
        char first[IP4_TEXT_SIZE];
        const char *last;
        struct pair p;

        (void)o;
        if (!split(text, '-', first, sizeof(first), &last) || parse_ip4(first, &p.a) < 0 || parse_ip4(last, &p.b) < 0)
                return -EINVAL;
        if (p.a > p.b)
                return error_set(err, ERR_CONFIG, "the range %s ends before it begins", text);
        memcpy(field, &p, sizeof(p));
        return 0;
}

static void
print_range(const struct config_option *o, const void *field, char *buf, size_t size)
{
        char first[IP4_TEXT_SIZE], last[IP4_TEXT_SIZE];
        struct pair p;

        (void)o;
        memcpy(&p, field, sizeof(p));
        snprintf(buf, size, "%s%s%s", p.a ? ip4_text(p.a, first) : "", p.a ? "-" : "", p.a ? ip4_text(p.b, last) : "");
}

static int
parse_listen(const struct config_option *o, const char *text, void *field, struct error *err)
{
        char address[IP4_TEXT_SIZE];
        const char *port;
        struct pair p;

        if (!split(text, ':', address, sizeof(address), &port) || parse_ip4(address, &p.a) < 0 || p.a == 0 ||
            parse_port(o, port, &p.b, err) < 0)
                return -EINVAL;
        memcpy(field, &p, sizeof(p));
        return 0;
}

static void
print_listen(const struct config_option *o, const void *field, char *buf, size_t size)
{
        char text[IP4_TEXT_SIZE];
        struct pair p;

        (void)o;
        memcpy(&p, field, sizeof(p));
        buf[0] = '\0';
        if (p.a)
                snprintf(buf, size, "%s:%u", ip4_text(p.a, text), p.b);
}

static int
parse_mac_field(const struct config_option *o, const char *text, void *field, struct error *err)
{
        struct mac mac;

        (void)o, (void)err;
        if (parse_mac(text, &mac) < 0)
                return -EINVAL;
        memcpy(field, &mac, sizeof(mac));
        return 0;
}

static void
print_mac_field(const struct config_option *o, const void *field, char *buf, size_t size)
{
        char text[MAC_TEXT_SIZE];

        (void)o;
        snprintf(buf, size, "%s", mac_zero(field) ? "" : mac_text(field, text));
}

static int
parse_seconds(const char *text, uint64_t min, uint64_t max, void *field, struct error *err)
{
        uint64_t seconds;
        uint32_t v;

        if (parse_duration(text, &seconds) < 0)
                return -EINVAL;
        if (seconds < min || seconds > max)
                return error_set(err, ERR_CONFIG, "%s is out of range: %llu to %llu seconds are allowed", text,
                                 (unsigned long long)min, (unsigned long long)max);
        v = (uint32_t)seconds;
        memcpy(field, &v, sizeof(v));
        return 0;
}

static int
parse_lease_time(const struct config_option *o, const char *text, void *field, struct error *err)
{
        (void)o;
        return parse_seconds(text, 60, 7 * 86400, field, err);
}

static int
parse_heartbeat(const struct config_option *o, const char *text, void *field, struct error *err)
{
        (void)o;
        return parse_seconds(text, 1, 60, field, err);
}

static void
print_seconds(const struct config_option *o, const void *field, char *buf, size_t size)
{
        uint32_t v;

        (void)o;
        memcpy(&v, field, sizeof(v));
        snprintf(buf, size, "%us", v);
}

static int
parse_keep_limit(const struct config_option *o, const char *text, void *field, struct error *err)
{
        uint64_t size;

        (void)o;
        if (parse_size(text, &size) < 0)
                return -EINVAL;
        if (size < KEEP_LIMIT_MIN || size > KEEP_LIMIT_MAX)
                return error_set(err, ERR_CONFIG, "%s is out of range: %uK to %uM are allowed", text, KEEP_LIMIT_MIN >> 10,
                                 KEEP_LIMIT_MAX >> 20);
        memcpy(field, &(uint32_t){(uint32_t)size}, sizeof(uint32_t));
        return 0;
}

static void
print_size(const struct config_option *o, const void *field, char *buf, size_t size)
{
        unsigned shift;
        uint32_t v;

        (void)o;
        memcpy(&v, field, sizeof(v));
        shift = v % (1u << 20) == 0 ? 20 : v % 1024 == 0 ? 10 : 0;
        snprintf(buf, size, "%u%s", v >> shift, shift == 20 ? "M" : shift ? "K" : "");
}

/* One of a list of names, as its position. */
static int
parse_word(const char *const *names, const char *text, void *field)
{
        int i = names_find(names, text);
        uint32_t v = (uint32_t)i;

        if (i < 0)
                return -EINVAL;
        memcpy(field, &v, sizeof(v));
        return 0;
}

static int
parse_mode(const struct config_option *o, const char *text, void *field, struct error *err)
{
        (void)o, (void)err;
        return parse_word(network_mode_names, text, field);
}

static void
print_mode(const struct config_option *o, const void *field, char *buf, size_t size)
{
        uint32_t v;

        (void)o;
        memcpy(&v, field, sizeof(v));
        snprintf(buf, size, "%s", network_mode_names[v]);
}

/* Option 43's prompt has a byte for the seconds; 255 is "for ever". */
static int
parse_pxe_timeout(const struct config_option *o, const char *text, void *field, struct error *err)
{
        (void)o;
        return parse_seconds(text, 0, 254, field, err);
}

static int
parse_prompt(const struct config_option *o, const char *text, void *field, struct error *err)
{
        for (const char *p = text; *p; p++)
                if (*p < 0x20 || *p > 0x7e)
                        return -EINVAL;
        return parse_text(o, text, field, err);
}

static int
parse_kind(const struct config_option *o, const char *text, void *field, struct error *err)
{
        (void)o, (void)err;
        return parse_word(profile_kind_names, text, field);
}

static void
print_kind(const struct config_option *o, const void *field, char *buf, size_t size)
{
        uint32_t v;

        (void)o;
        memcpy(&v, field, sizeof(v));
        snprintf(buf, size, "%s", profile_kind_names[v]);
}

static int
parse_days_field(const struct config_option *o, const char *text, void *field, struct error *err)
{
        uint32_t days;

        (void)o, (void)err;
        if (parse_days(text, &days) < 0)
                return -EINVAL;
        memcpy(field, &days, sizeof(days));
        return 0;
}

static void
print_days(const struct config_option *o, const void *field, char *buf, size_t size)
{
        char text[DAYS_TEXT_SIZE];
        uint32_t days;

        (void)o;
        memcpy(&days, field, sizeof(days));
        snprintf(buf, size, "%s", days_text(days, text));
}

static int
parse_time(const struct config_option *o, const char *text, void *field, struct error *err)
{
        uint32_t minute;

        (void)o, (void)err;
        if (parse_minute(text, &minute) < 0)
                return -EINVAL;
        memcpy(field, &minute, sizeof(minute));
        return 0;
}

/* Midnight is what both ends have when they are left out. */
static void
print_time(const struct config_option *o, const void *field, char *buf, size_t size)
{
        uint32_t minute;

        (void)o;
        memcpy(&minute, field, sizeof(minute));
        buf[0] = '\0';
        if (minute)
                snprintf(buf, size, "%02u:%02u", minute / 60, minute % 60);
}

static int
parse_menu_timeout(const struct config_option *o, const char *text, void *field, struct error *err)
{
        (void)o;
        return parse_seconds(text, 1, 600, field, err);
}

static int
parse_quirk_bits(const struct config_option *o, const char *text, void *field, struct error *err)
{
        uint32_t bits;
        int r = parse_quirk_firmware(text, &bits);

        (void)o, (void)err;
        if (r == 0)
                memcpy(field, &bits, sizeof(bits));
        return r;
}

static void
print_quirk_bits(const struct config_option *o, const void *field, char *buf, size_t size)
{
        char text[QUIRK_FIRMWARE_TEXT_SIZE];
        uint32_t bits;

        (void)o;
        memcpy(&bits, field, sizeof(bits));
        snprintf(buf, size, "%s", quirk_firmware_text(bits, text));
}

static int
parse_action(const struct config_option *o, const char *text, void *field, struct error *err)
{
        (void)o, (void)err;
        return parse_word(enrol_action_names, text, field);
}

static void
print_action(const struct config_option *o, const void *field, char *buf, size_t size)
{
        uint32_t v;

        (void)o;
        memcpy(&v, field, sizeof(v));
        snprintf(buf, size, "%s", enrol_action_names[v]);
}

static int
parse_pattern(const struct config_option *o, const char *text, void *field, struct error *err)
{
        int r = *text ? enrol_pattern_check(text, err) : 0;

        return r < 0 ? r : parse_text(o, text, field, err);
}

static int
parse_bounded(const char *text, uint32_t least, uint32_t most, void *field)
{
        uint32_t v;

        if (parse_u32(text, most, &v) < 0 || v < least)
                return -EINVAL;
        memcpy(field, &v, sizeof(v));
        return 0;
}

static int
parse_count(const struct config_option *o, const char *text, void *field, struct error *err)
{
        (void)o, (void)err;
        return parse_bounded(text, 0, 100000, field);
}

static int
parse_at_once(const struct config_option *o, const char *text, void *field, struct error *err)
{
        (void)o, (void)err;
        return parse_bounded(text, 1, ENROL_INSPECT_MAX, field);
}

static int
parse_yes(const struct config_option *o, const char *text, void *field, struct error *err)
{
        bool yes = strcmp(text, "yes") == 0;

        (void)o, (void)err;
        if (!yes && strcmp(text, "no") != 0)
                return -EINVAL;
        memcpy(field, &yes, sizeof(yes));
        return 0;
}

static void
print_yes(const struct config_option *o, const void *field, char *buf, size_t size)
{
        bool yes;

        (void)o;
        memcpy(&yes, field, sizeof(yes));
        snprintf(buf, size, "%s", yes ? "yes" : "");
}

static int
parse_blksize(const struct config_option *o, const char *text, void *field, struct error *err)
{
        (void)o, (void)err;
        return parse_bounded(text, 8, 65464, field);
}

static void
print_blksize(const struct config_option *o, const void *field, char *buf, size_t size)
{
        uint32_t v;

        (void)o;
        memcpy(&v, field, sizeof(v));
        buf[0] = '\0';
        if (v)
                snprintf(buf, size, "%u", v);
}

static int
parse_sha256(const struct config_option *o, const char *text, void *field, struct error *err)
{
        (void)o, (void)err;
        return parse_hex(text, field, 32) < 0 ? -EINVAL : 0;
}

static void
print_sha256(const struct config_option *o, const void *field, char *buf, size_t size)
{
        (void)o;
        assert(size > 64);
        hex_text(field, 32, buf);
}

const struct config_type config_type_path = {"an absolute path without '..' or a slash at its end", parse_path, print_text};
const struct config_type config_type_name = {"1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit", parse_name,
                                             print_text};
const struct config_type config_type_interface = {"a network interface", parse_interface, print_text};
const struct config_type config_type_args = {"a part of a command line", parse_args, print_text};
const struct config_type config_type_root_server = {"a server and path such as \"10.0.0.5:/vol/%i\"", parse_root_server,
                                                    print_text};
const struct config_type config_type_root = {"ram, http, nfs, nfs3, nbd, iscsi or aoe", parse_root, print_text};
const struct config_type config_type_layer = {"overlay, overlay:SIZE or flash", parse_layer, print_text};
const struct config_type config_type_guest_nic = {"boot, other, an interface or a MAC address", parse_guest_nic, print_text};
const struct config_type config_type_vlans = {"VLAN tags such as \"10, 20:labs\"", parse_vlans, print_text};
const struct config_type config_type_nfs_dirs = {"directories such as \"/home=10.0.0.5:/export/home\"", parse_nfs_dirs,
                                                 print_text};
const struct config_type config_type_port = {"a port, 1 to 65535", parse_port, print_u32};
const struct config_type config_type_address = {"an IPv4 address", parse_address, print_address};
const struct config_type config_type_subnet = {"a subnet such as \"10.77.0.0/24\", without host bits", parse_subnet_pair,
                                               print_subnet_pair};
const struct config_type config_type_range = {"a range such as \"10.77.0.100-10.77.0.199\"", parse_range, print_range};
const struct config_type config_type_listen = {"an address and port such as \"192.0.2.1:8443\"", parse_listen, print_listen};
const struct config_type config_type_mac = {"a MAC address such as \"52:54:00:12:34:56\"", parse_mac_field, print_mac_field};
const struct config_type config_type_lease_time = {"a time such as \"90s\", \"10m\", \"1h\"", parse_lease_time, print_seconds};
const struct config_type config_type_heartbeat = {"a time such as \"5s\"", parse_heartbeat, print_seconds};
const struct config_type config_type_keep_limit = {"a size such as \"1M\"", parse_keep_limit, print_size};
const struct config_type config_type_mode = {"\"dhcp\" or \"proxy\"", parse_mode, print_mode};
const struct config_type config_type_pxe_timeout = {"a time such as \"5s\"", parse_pxe_timeout, print_seconds};
const struct config_type config_type_prompt = {"a short text in ASCII", parse_prompt, print_text};
const struct config_type config_type_kind = {"\"local\", \"pool\", \"chain\", \"inspect\" or \"rescue\"", parse_kind,
                                             print_kind};
const struct config_type config_type_days = {"days such as \"mon-fri\" or \"sat,sun\"", parse_days_field, print_days};
const struct config_type config_type_time = {"a time of day such as \"08:00\", up to \"24:00\"", parse_time, print_time};
const struct config_type config_type_menu_timeout = {"a time such as \"10s\", 1 to 600 seconds", parse_menu_timeout,
                                                     print_seconds};
const struct config_type config_type_words = {"words with blanks between", parse_prompt, print_text};
const struct config_type config_type_quirk_bits = {"one or more of bios, efi, ipxe, http, arm64", parse_quirk_bits,
                                                   print_quirk_bits};
const struct config_type config_type_action = {"\"refuse\", \"inspect\" or \"enrol\"", parse_action, print_action};
const struct config_type config_type_pattern = {"a pattern of names such as \"pc-{n:03}\"", parse_pattern, print_text};
const struct config_type config_type_count = {"a number up to 100000", parse_count, print_u32};
const struct config_type config_type_at_once = {"a number, 1 to 64", parse_at_once, print_u32};
const struct config_type config_type_yes = {"\"yes\" or \"no\"", parse_yes, print_yes};
const struct config_type config_type_blksize = {"a block size of TFTP, 8 to 65464", parse_blksize, print_blksize};
const struct config_type config_type_sha256 = {"64 hex digits, the SHA-256 of a token's text", parse_sha256, print_sha256};
