/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema of dompoold.conf(5): types and options, as tables. Pure. What an option is checked for alone is here; what
 * concerns several options together is in config.c.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/enrol_name.h"
#include "model/keep.h"
#include "server/config.h"

const char *const config_section_names[] = {
        [SECTION_TOP] = "",
        [SECTION_NETWORK] = "network",
        [SECTION_SUBNET] = "subnet",
        [SECTION_API] = "api",
        [SECTION_TOKEN] = "token",
        [SECTION_PROFILE] = "profile",
        [SECTION_MENU] = "menu",
        [SECTION_ENTRY] = "entry",
        [SECTION_RULE] = "rule",
        [SECTION_QUIRK] = "quirk",
        [SECTION_HOST] = "host",
        [SECTION_N] = NULL,
        [SECTION_ENROLMENT] = "enrolment",
        [SECTION_ENROL] = "enrol",
        [SECTION_EXPORT] = "export",
};

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

static const struct config_type type_path = {"an absolute path without '..' or a slash at its end", parse_path, print_text};
static const struct config_type type_name = {"1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit", parse_name,
                                             print_text};
static const struct config_type type_interface = {"a network interface", parse_interface, print_text};
static const struct config_type type_args = {"a part of a command line", parse_args, print_text};
static const struct config_type type_root_server = {"a server and path such as \"10.0.0.5:/vol/%i\"", parse_root_server,
                                                    print_text};
static const struct config_type type_root = {"ram, http, nfs, nfs3, nbd, iscsi or aoe", parse_root, print_text};
static const struct config_type type_layer = {"overlay, overlay:SIZE or flash", parse_layer, print_text};
static const struct config_type type_guest_nic = {"boot, other, an interface or a MAC address", parse_guest_nic, print_text};
static const struct config_type type_vlans = {"VLAN tags such as \"10, 20:labs\"", parse_vlans, print_text};
static const struct config_type type_port = {"a port, 1 to 65535", parse_port, print_u32};
static const struct config_type type_address = {"an IPv4 address", parse_address, print_address};
static const struct config_type type_subnet = {"a subnet such as \"10.77.0.0/24\", without host bits", parse_subnet_pair,
                                               print_subnet_pair};
static const struct config_type type_range = {"a range such as \"10.77.0.100-10.77.0.199\"", parse_range, print_range};
static const struct config_type type_listen = {"an address and port such as \"192.0.2.1:8443\"", parse_listen, print_listen};
static const struct config_type type_mac = {"a MAC address such as \"52:54:00:12:34:56\"", parse_mac_field, print_mac_field};
static const struct config_type type_lease_time = {"a time such as \"90s\", \"10m\", \"1h\"", parse_lease_time, print_seconds};
static const struct config_type type_heartbeat = {"a time such as \"5s\"", parse_heartbeat, print_seconds};
static const struct config_type type_keep_limit = {"a size such as \"1M\"", parse_keep_limit, print_size};
static const struct config_type type_mode = {"\"dhcp\" or \"proxy\"", parse_mode, print_mode};
static const struct config_type type_pxe_timeout = {"a time such as \"5s\"", parse_pxe_timeout, print_seconds};
static const struct config_type type_prompt = {"a short text in ASCII", parse_prompt, print_text};
static const struct config_type type_kind = {"\"local\", \"pool\", \"chain\", \"inspect\" or \"rescue\"", parse_kind,
                                             print_kind};
static const struct config_type type_days = {"days such as \"mon-fri\" or \"sat,sun\"", parse_days_field, print_days};
static const struct config_type type_time = {"a time of day such as \"08:00\", up to \"24:00\"", parse_time, print_time};
static const struct config_type type_menu_timeout = {"a time such as \"10s\", 1 to 600 seconds", parse_menu_timeout,
                                                     print_seconds};
static const struct config_type type_words = {"words with blanks between", parse_prompt, print_text};
static const struct config_type type_quirk_bits = {"one or more of bios, efi, ipxe, http, arm64", parse_quirk_bits,
                                                   print_quirk_bits};
static const struct config_type type_action = {"\"refuse\", \"inspect\" or \"enrol\"", parse_action, print_action};
static const struct config_type type_pattern = {"a pattern of names such as \"pc-{n:03}\"", parse_pattern, print_text};
static const struct config_type type_count = {"a number up to 100000", parse_count, print_u32};
static const struct config_type type_at_once = {"a number, 1 to 64", parse_at_once, print_u32};
static const struct config_type type_yes = {"\"yes\" or \"no\"", parse_yes, print_yes};
static const struct config_type type_blksize = {"a block size of TFTP, 8 to 65464", parse_blksize, print_blksize};
static const struct config_type type_sha256 = {"64 hex digits, the SHA-256 of a token's text", parse_sha256, print_sha256};

#define AT(SECTION, NAME, TYPE, STRUCT, MEMBER, DEFAULT, REQUIRED, MEANING)                                                    \
        {                                                                                                                      \
                SECTION_##SECTION, NAME, &type_##TYPE, offsetof(STRUCT, MEMBER), sizeof(((STRUCT *)0)->MEMBER), DEFAULT,       \
                        REQUIRED, MEANING                                                                                      \
        }
#define TOP(NAME, TYPE, MEMBER, DEFAULT, MEANING) AT(TOP, NAME, TYPE, struct config, MEMBER, DEFAULT, false, MEANING)
#define NETWORK(NAME, TYPE, MEMBER, DEFAULT, REQUIRED, MEANING)                                                                \
        AT(NETWORK, NAME, TYPE, struct config, network.MEMBER, DEFAULT, REQUIRED, MEANING)
#define SUBNET(NAME, TYPE, MEMBER, REQUIRED, MEANING)                                                                          \
        AT(SUBNET, NAME, TYPE, struct config_network, MEMBER, NULL, REQUIRED, MEANING)
#define API(NAME, TYPE, MEMBER, DEFAULT, MEANING) AT(API, NAME, TYPE, struct config, MEMBER, DEFAULT, false, MEANING)
#define PROFILE(NAME, TYPE, MEMBER, REQUIRED, MEANING) AT(PROFILE, NAME, TYPE, struct profile, MEMBER, NULL, REQUIRED, MEANING)
#define ENTRY(NAME, TYPE, MEMBER, REQUIRED, MEANING) AT(ENTRY, NAME, TYPE, struct menu_entry, MEMBER, NULL, REQUIRED, MEANING)
#define RULE(NAME, TYPE, MEMBER, REQUIRED, MEANING) AT(RULE, NAME, TYPE, struct rule, MEMBER, NULL, REQUIRED, MEANING)
#define QUIRK(NAME, TYPE, MEMBER, MEANING) AT(QUIRK, NAME, TYPE, struct quirk, MEMBER, NULL, false, MEANING)
#define ENROLMENT(NAME, TYPE, MEMBER, DEFAULT, MEANING)                                                                        \
        AT(ENROLMENT, NAME, TYPE, struct config, enrolment.MEMBER, DEFAULT, false, MEANING)
#define EXPORT(NAME, TYPE, MEMBER, DEFAULT, MEANING)                                                                           \
        AT(EXPORT, NAME, TYPE, struct config, exports.MEMBER, DEFAULT, false, MEANING)
#define ENROL(NAME, TYPE, MEMBER, REQUIRED, MEANING) AT(ENROL, NAME, TYPE, struct enrol_rule, MEMBER, NULL, REQUIRED, MEANING)
#define HOST(NAME, TYPE, MEMBER, REQUIRED, MEANING) AT(HOST, NAME, TYPE, struct host, MEMBER, NULL, REQUIRED, MEANING)

const struct config_option config_options[] = {
        TOP("state-dir", path, state_dir, "/var/lib/dompool", "where the state is kept"),
        TOP("run-dir", path, run_dir, "/run/dompool", "sockets of the running server"),
        TOP("image-store", path, image_store, "/var/cache/dompool/images", "node images and loaders"),
        TOP("ssh-keys", path, ssh_keys, "/etc/dompool/authorized_keys",
            "administrators' public SSH keys for images with an SSH server; a file that is not there holds none"),
        TOP("guest-files", path, guest_files, "/srv/dompool/guests", "kernels and ramdisks that guest configurations may name"),
        TOP("http-port", port, http_port, "8080", "TCP port of boot files and guest files on the boot LAN"),
        TOP("tftp-port", port, tftp_port, "69", "UDP port of TFTP"),
        TOP("dhcp-port", port, dhcp_port, "67", "UDP port of DHCP"),
        TOP("agent-port", port, agent_port, "8444", "TCP port where agents connect by TLS"),
        TOP("default-profile", name, default_profile, "local", "profile of hosts that do not name one"),
        TOP("image", name, default_image, "micro", "image of pool hosts that do not name one"),
        TOP("console", args, console, "vga", "Xen's console= of hosts that do not name one"),
        TOP("xen-args", args, xen_args, NULL, "added to Xen's command line on every host"),
        TOP("kernel-args", args, kernel_args, NULL, "added to dom0's command line on every host"),
        TOP("quirks", path, quirks_file, DOMPOOL_DATADIR "/quirks.conf",
            "file with more quirks; one that is not there holds none"),
        TOP("satellite", path, satellite_file, "/etc/dompool/satellite",
            "with --satellite: the line that 'dompool satellite add' printed"),
        TOP("heartbeat", heartbeat, heartbeat_seconds, "5s", "a host without a sign of life for three of these is lost"),
        TOP("keep-limit", keep_limit, keep_limit, "1M", "how much of a host's own files (SSH host keys, logs) is kept at most"),

        NETWORK("mode", mode, mode, "dhcp", false,
                "\"dhcp\": addresses and boot files are ours; \"proxy\": addresses are another server's"),
        NETWORK("interface", interface, interface, NULL, true, "the interface on the boot LAN"),
        NETWORK("address", address, address, NULL, false,
                "the server's address there; the interface's first when it is left out"),
        NETWORK("subnet", subnet, net, NULL, true, "the boot LAN's subnet"),
        NETWORK("range", range, range_first, NULL, false, "addresses for hosts without a fixed one"),
        NETWORK("router", address, router, NULL, false, "default router told to hosts"),
        NETWORK("dns", address, dns, NULL, false, "name server told to hosts"),
        NETWORK("lease-time", lease_time, lease_seconds, "1h", false, "length of a lease"),
        NETWORK("relay", address, relay, NULL, false, "address of the relay agent, where it lies outside the subnet"),
        NETWORK("pxe-prompt", prompt, pxe_prompt, NULL, false, "in proxy mode: firmware shows this, and a menu on a key"),
        NETWORK("pxe-timeout", pxe_timeout, pxe_timeout_seconds, "5s", false, "how long the prompt stands"),

        SUBNET("net", subnet, net, true, "the subnet"),
        SUBNET("interface", interface, interface, false, "this server's interface in it; reached through relays when left out"),
        SUBNET("address", address, address, false, "the server's address there; the interface's first when it is left out"),
        SUBNET("mode", mode, mode, false, "as in network, and as there when it is left out"),
        SUBNET("range", range, range_first, false, "addresses for hosts without a fixed one"),
        SUBNET("router", address, router, false, "default router told to hosts"),
        SUBNET("dns", address, dns, false, "name server told to hosts; the network's when it is left out"),
        SUBNET("lease-time", lease_time, lease_seconds, false, "length of a lease; the network's when it is left out"),
        SUBNET("relay", address, relay, false, "address of the relay agent, where it lies outside the subnet"),
        SUBNET("pxe-prompt", prompt, pxe_prompt, false, "as in network"),
        SUBNET("pxe-timeout", pxe_timeout, pxe_timeout_seconds, false, "how long the prompt stands"),

        API("socket", path, api_socket, "/run/dompool/api.sock", "the API's Unix socket"),
        API("group", name, api_group, NULL, "group whose members may use the socket, besides root"),
        API("listen", listen, api_address, NULL, "address and port of the API by TLS; none when it is left out"),

        AT(TOKEN, "sha256", sha256, struct config_token, sha256, NULL, true, "hash of the token"),

        PROFILE("kind", kind, kind, true, "local, pool, chain, inspect or rescue"),
        PROFILE("image", args, image, false, "image name or version; the host's when it is left out"),
        PROFILE("xen-args", args, xen_args, false, "added to Xen's command line"),
        PROFILE("kernel-args", args, kernel_args, false, "added to dom0's command line"),
        PROFILE("root", root, root, false,
                "where dom0's root comes from: ram, http, nfs, nfs3, nbd, iscsi or aoe; the host's when it is left out"),
        PROFILE("layer", layer, layer, false, "where writes to a root over the network go: overlay, overlay:SIZE or flash"),
        PROFILE("guest-nic", guest_nic, guest_nic, false,
                "network card of the bridge that guests use: boot, other, an interface or a MAC address; boot"),
        PROFILE("vlans", vlans, vlans, false, "VLANs of that card, each with a bridge for guests: \"10, 20:labs\""),
        PROFILE("server", address, server, false, "chain: the other boot server"),
        PROFILE("file", args, file, false, "chain: the loader there"),
        PROFILE("menu", name, menu, false, "menu shown to a person first"),

        AT(MENU, "title", prompt, struct menu, title, NULL, false, "headline"),
        AT(MENU, "timeout", menu_timeout, struct menu, timeout, NULL, false, "until the first entry is booted; 10 seconds"),
        ENTRY("profile", name, profile, true, "what this entry boots"),
        ENTRY("password-grub", prompt, password_grub, false, "hash of its password as GRUB 2 takes it"),
        ENTRY("password-syslinux", prompt, password_syslinux, false, "as PXELINUX takes it"),
        ENTRY("password-pxegrub", prompt, password_pxegrub, false, "as legacy pxeGRUB takes it"),

        RULE("hosts", args, hosts, false, "names of hosts, with * ? [ ]"),
        RULE("labels", args, labels, false, "hosts that have one of these labels"),
        RULE("mac", args, mac, false, "hosts whose MAC address begins so"),
        RULE("smbios", args, smbios, false, "hosts whose manufacturer/product is like this, as `inspect` reported it"),
        RULE("days", days, days, false, "on these days"),
        RULE("from", time, from, false, "from this time of day"),
        RULE("to", time, to, false, "up to this time of day"),
        RULE("profile", name, profile, true, "what these hosts boot then"),
        RULE("menu", name, menu, false, "menu instead of the profile's"),

        QUIRK("mac", words, macs, "beginnings of MAC addresses that it is about"),
        QUIRK("pci", words, pci, "network cards that it is about, vendor:device"),
        QUIRK("smbios", prompt, smbios, "glob on manufacturer/product of the machines that it is about"),
        QUIRK("firmware", quirk_bits, firmware, "firmware that it is about; any when it is left out"),
        QUIRK("xen-args", args, xen_args, "added to Xen's command line"),
        QUIRK("kernel-args", args, kernel_args, "added to dom0's command line"),
        QUIRK("loader", name, loader, "loader to use instead of the best for the firmware"),
        QUIRK("tftp-blksize", blksize, tftp_blksize, "largest TFTP block that is granted"),
        QUIRK("no-tftp-window", yes, no_tftp_window, "TFTP goes one block at a time"),
        QUIRK("no-tftp-options", yes, no_tftp_options, "TFTP options are not answered"),
        QUIRK("no-http", yes, no_http, "no loader that fetches by HTTP"),
        QUIRK("why", prompt, why, "what goes wrong without it"),
        QUIRK("source", prompt, source, "who found it"),

        EXPORT("nfs-server", root_server, nfs_server, NULL,
               "your own NFS server and path instead of ours: \"10.0.0.5:/vol/%i\""),
        EXPORT("nbd-server", root_server, nbd_server, NULL, "your own NBD server: \"10.0.0.5:10809:%i\""),
        EXPORT("iscsi-server", root_server, iscsi_server, NULL,
               "your own iSCSI target: \"10.0.0.5:3260:1:iqn.2001-04.com.example:%i\""),
        EXPORT("aoe-target", root_server, aoe_target, NULL, "your own AoE target: \"7.1\""),
        EXPORT("nbd-port", port, nbd_port, "10809", "TCP port of our NBD server"),
        EXPORT("iscsi-port", port, iscsi_port, "3260", "TCP port of our iSCSI target"),

        ENROLMENT("per-hour", count, per_hour, "60", "machines that enrol sections let in within an hour"),
        ENROLMENT("limit", count, in_all, "1000", "hosts that enrol sections have made, in all"),
        ENROLMENT("inspect-at-once", at_once, inspect_at_once, "8", "machines under inspection at a time"),
        ENROLMENT("names", pattern, names, "pc-{n:03}", "names of enrolled hosts, where nothing else is said"),

        ENROL("mac", words, macs, false, "beginnings of MAC addresses"),
        ENROL("network", words, networks, false, "where it asks: names of subnets, or \"10.77.0.0/24\""),
        ENROL("firmware", quirk_bits, firmware, false, "what asks: one or more of bios, efi, ipxe, http, arm64"),
        ENROL("smbios", prompt, smbios, false, "glob on its manufacturer/product, known once it was inspected"),
        ENROL("days", days, days, false, "on these days"),
        ENROL("from", time, from, false, "from this time of day"),
        ENROL("to", time, to, false, "up to this time of day"),
        ENROL("action", action, action, true, "refuse, inspect or enrol"),
        ENROL("names", pattern, names, false, "enrol: pattern of names; the one of enrolment when it is left out"),
        ENROL("profile", name, profile, false, "enrol: what it boots; \"auto\": the rules decide; local when it is left out"),
        ENROL("labels", args, labels, false, "enrol: labels that it gets"),

        HOST("mac", mac, mac, true, "MAC address of the NIC that boots"),
        HOST("address", address, address, false, "fixed address; one of the range when it is left out"),
        HOST("profile", name, profile, false, "what the host boots"),
        HOST("image", name, image, false, "image name or version"),
        HOST("root", root, root, false, "where dom0's root comes from, if the profile does not say; ram"),
        HOST("loader", name, loader, false, "loader to use instead of the best for its firmware"),
        HOST("labels", args, labels, false, "names that rules and commands choose hosts by"),
        HOST("console", args, console, false, "Xen's console="),
        HOST("xen-args", args, xen_args, false, "added to Xen's command line"),
        HOST("kernel-args", args, kernel_args, false, "added to dom0's command line"),
};
const size_t config_n_options = sizeof(config_options) / sizeof(config_options[0]);
