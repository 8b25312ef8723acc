/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One network interface of a guest, "mac=00:16:3e:01:02:03, bridge=xenbr0", as xl(1) of 4.17 reads it (tools/xl/xl_parse.c;
 * libxlu has no such parser). Sharper than xl, which prints a line about a word it does not know and goes on. Pure; run by the
 * API role.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "xlcfg/xlcfg_reader.h"

struct vif_spec {
        const struct xlcfg_reader *r;
        unsigned line;
        struct vif vif;
};

static int
take_mac(struct vif_spec *s, const char *value)
{
        if (parse_mac(value, &s->vif.mac))
                return xlcfg_refuse(s->r, s->line, ERR_CONFIG, "vif: mac=%.40s: must have the form 00:16:3e:01:02:03", value);
        if ((s->vif.mac.b[0] & 1) || mac_zero(&s->vif.mac))
                return xlcfg_refuse(s->r, s->line, ERR_CONFIG, "vif: mac=%.40s: not the address of a single interface", value);
        return 0;
}

static int
take_bridge(struct vif_spec *s, const char *value)
{
        return xlcfg_copy(s->r, s->line, "vif: bridge", value, s->vif.bridge, sizeof(s->vif.bridge));
}

/* Informative here; xl hands it to scripts, where it may be several addresses or a network. */
static int
take_ip(struct vif_spec *s, const char *value)
{
        if (parse_ip4(value, &s->vif.ip))
                xlcfg_note(s->r, s->line, "vif: ip=%.60s is not kept: it is no single IPv4 address", value);
        return 0;
}

static int
take_model(struct vif_spec *s, const char *value)
{
        return xlcfg_copy(s->r, s->line, "vif: model", value, s->vif.model, sizeof(s->vif.model));
}

static int
take_rate(struct vif_spec *s, const char *value)
{
        if (xlcfg_vif_rate(value, &s->vif.rate_bytes, &s->vif.rate_interval_us))
                return xlcfg_refuse(s->r, s->line, ERR_CONFIG, "vif: rate=%.40s: must look like 10MB/s, 250Kb/s or 1MB/s@20ms",
                                    value);
        return 0;
}

static int
take_type(struct vif_spec *s, const char *value)
{
        if (strcmp(value, "vif") != 0 && strcmp(value, "ioemu") != 0)
                return xlcfg_refuse(s->r, s->line, ERR_CONFIG, "vif: type=%.40s: must be vif or ioemu", value);
        if (strcmp(value, "ioemu") == 0)
                xlcfg_note(s->r, s->line, "vif: type=ioemu has no effect: emulated interfaces are for type=\"hvm\"");
        return 0;
}

/* dompool plugs a vif into a bridge itself, which is what vif-bridge does; the other scripts would make another network. */
static int
take_script(struct vif_spec *s, const char *value)
{
        const char *slash = strrchr(value, '/');

        if (strcmp(slash ? slash + 1 : value, "vif-bridge") == 0)
                return 0;
        return xlcfg_refuse(s->r, s->line, ERR_UNSUPPORTED, "vif: script=%.80s: only bridged interfaces are offered", value);
}

static int
take_backend(struct vif_spec *s, const char *value)
{
        if (strcmp(value, "0") == 0 || strcmp(value, "Domain-0") == 0)
                return 0;
        return xlcfg_refuse(s->r, s->line, ERR_UNSUPPORTED, "vif: backend=%.60s: the backend is always dom0", value);
}

static int
take_routed(struct vif_spec *s, const char *value)
{
        return xlcfg_refuse(s->r, s->line, ERR_UNSUPPORTED, "vif: %.60s: only bridged interfaces are offered", value);
}

static int
take_ignored(struct vif_spec *s, const char *value)
{
        xlcfg_note(s->r, s->line, "vif: %.60s has no effect", value);
        return 0;
}

static const struct vif_key {
        const char *key;
        int (*take)(struct vif_spec *s, const char *value);
        bool whole; /* take gets "key=value", for its message */
} vif_keys[] = {
        {"mac", take_mac},
        {"bridge", take_bridge},
        {"ip", take_ip},
        {"model", take_model},
        {"rate", take_rate},
        {"type", take_type},
        {"script", take_script},
        {"backend", take_backend},
        {"netdev", take_routed, true},
        {"gatewaydev", take_routed, true},
        {"forwarddev", take_routed, true},
        {"vifname", take_ignored, true},
        {"devid", take_ignored, true},
        {"mtu", take_ignored, true},
        {"accel", take_ignored, true},
};

static int
take_word(struct vif_spec *s, char *word)
{
        size_t n = strcspn(word, "=");

        if (strcmp(word, "trusted") == 0 || strcmp(word, "untrusted") == 0)
                return take_ignored(s, word);
        for (size_t i = 0; word[n] == '=' && i < N_ELEMENTS(vif_keys); i++)
                if (strlen(vif_keys[i].key) == n && memcmp(vif_keys[i].key, word, n) == 0)
                        return vif_keys[i].take(s, vif_keys[i].whole ? word : word + n + 1);
        return xlcfg_refuse(s->r, s->line, ERR_CONFIG, "vif: '%.80s' is not known; see xl-network-configuration(5)", word);
}

static char *
trim(char *word)
{
        char *end;

        word += strspn(word, " \t");
        for (end = word + strlen(word); end > word && (end[-1] == ' ' || end[-1] == '\t'); end--)
                end[-1] = '\0';
        return word;
}

int
xlcfg_vif_read(const struct xlcfg_reader *r, unsigned line, const char *spec, struct vif *ret)
{
        struct vif_spec s = {.r = r, .line = line};
        char copy[1024], *word, *rest = copy;
        int e = xlcfg_copy(r, line, "vif", spec, copy, sizeof(copy));

        while (!e && (word = strsep(&rest, ","))) {
                word = trim(word);
                if (*word)
                        e = take_word(&s, word);
        }
        if (!e)
                *ret = s.vif;
        return e;
}

static uint64_t
take_digits(const char **p)
{
        uint64_t v = 0;

        for (; **p >= '0' && **p <= '9'; (*p)++)
                if (v <= UINT32_MAX)
                        v = v * 10 + (uint64_t)(**p - '0');
        return v;
}

static bool
positive_u32(uint64_t v)
{
        return v > 0 && v <= UINT32_MAX;
}

/* "250Kb/s", up to @end: bytes per second; powers of 1000, 'b' is bits, as in libxlu_vif.c. */
static int
bytes_per_second(const char *p, const char *end, uint64_t *ret)
{
        static const char units[] = "KMG";
        uint64_t v = take_digits(&p);
        const char *unit;

        if (!positive_u32(v))
                return -ERANGE;
        unit = *p ? strchr(units, *p) : NULL;
        for (long i = unit ? unit - units + 1 : 0; i > 0; i--)
                v *= 1000;
        p += unit ? 1 : 0;
        if (*p != 'b' && *p != 'B')
                return -EINVAL;
        if (*p++ == 'b')
                v /= 8;
        if (end - p != 2 || memcmp(p, "/s", 2) != 0)
                return -EINVAL;
        *ret = v;
        return 0;
}

/* "50ms", "20us", "1s", "1": microseconds. */
static int
interval_us(const char *p, uint32_t *ret)
{
        uint64_t v = take_digits(&p);

        if (!positive_u32(v))
                return -ERANGE;
        if (*p == 'm' || *p == 'u')
                v *= *p++ == 'm' ? 1000 : 1;
        else
                v *= 1000000;
        p += *p == 's';
        if (*p)
                return -EINVAL;
        if (v > UINT32_MAX)
                return -ERANGE;
        *ret = (uint32_t)v;
        return 0;
}

int
xlcfg_vif_rate(const char *text, uint64_t *ret_bytes, uint32_t *ret_interval_us)
{
        const char *at = strchrnul(text, '@');
        uint32_t interval = 50000; /* libxlu's default */
        uint64_t bytes;
        int r;

        /* A leading zero would be octal to libxlu, and misread. */
        if (*text < '1' || *text > '9' || (*at && (at[1] < '1' || at[1] > '9')))
                return -EINVAL;
        r = bytes_per_second(text, at, &bytes);
        if (!r && *at)
                r = interval_us(at + 1, &interval);
        if (r)
                return r;
        if (__builtin_mul_overflow(bytes, (uint64_t)interval, &bytes) || bytes < 1000000)
                return -ERANGE; /* less than a byte per interval would mean "no limit" */
        *ret_bytes = bytes / 1000000;
        *ret_interval_us = interval;
        return 0;
}
