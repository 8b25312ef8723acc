/* SPDX-License-Identifier: Apache-2.0 */
/* Reads /proc/cmdline's text: words split at white space, quotes kept together as the kernel does. No I/O. */
#include "init/init_options.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/rec.h"
#include "proto/boot_home.h"

#define WORD_SIZE 256

static int
set_address(struct init_options *o, const char *value)
{
        return parse_ip4(value, &o->server);
}

static int
parse_port(const char *value, uint16_t *ret)
{
        uint32_t port;

        if (parse_u32(value, 65535, &port) < 0 || port == 0)
                return -EINVAL;
        *ret = (uint16_t)port;
        return 0;
}

static int
set_http(struct init_options *o, const char *value)
{
        return parse_port(value, &o->http_port);
}

static int
set_agent(struct init_options *o, const char *value)
{
        const char *colon = strchr(value, ':');
        char ip[IP4_TEXT_SIZE];

        if (!colon)
                return parse_port(value, &o->agent_port);
        if ((size_t)(colon - value) >= sizeof(ip))
                return -EINVAL;
        memcpy(ip, value, (size_t)(colon - value));
        ip[colon - value] = '\0';
        return parse_ip4(ip, &o->agent_server) < 0 ? -EINVAL : parse_port(colon + 1, &o->agent_port);
}

static int
set_fingerprint(struct init_options *o, const char *value)
{
        uint8_t raw[32];

        if (parse_hex(value, raw, sizeof(raw)) < 0)
                return -EINVAL;
        str_copy(o->fingerprint, sizeof(o->fingerprint), value);
        return 0;
}

/* token_render() makes hex digits, dots and a version; whatever else is in it goes into no file and no JSON. */
static int
set_token(struct init_options *o, const char *value)
{
        size_t n = strspn(value, "0123456789abcdefv.");

        if (n == 0 || value[n] != '\0' || n >= sizeof(o->token))
                return -EINVAL;
        str_copy(o->token, sizeof(o->token), value);
        return 0;
}

static int
set_host(struct init_options *o, const char *value)
{
        if (!name_ok(value))
                return -EINVAL;
        str_copy(o->host, sizeof(o->host), value);
        return 0;
}

static int
set_mac(struct init_options *o, const char *value)
{
        return parse_mac(value, &o->mac);
}

/* "01-aa-bb-cc-dd-ee-ff": the ARP type before the address. dompool.mac, wherever it stands, is the better one. */
static int
set_bootif(struct init_options *o, const char *value)
{
        struct mac mac;

        if (strncmp(value, "01-", 3) != 0 || parse_mac(value + 3, &mac) < 0)
                return -EINVAL;
        if (mac_zero(&o->mac))
                o->mac = mac;
        return 0;
}

/* Everything in one word, from a loader that had no room for more. */
static int
set_home(struct init_options *o, const char *value)
{
        struct boot_home home;

        if (boot_home_decode(value, &home) < 0)
                return -EINVAL;
        o->server = home.server;
        o->http_port = home.http_port;
        o->agent_port = home.agent_port;
        o->agent_server = home.agent_server;
        o->mac = home.mac;
        str_copy(o->fingerprint, sizeof(o->fingerprint), home.fingerprint);
        str_copy(o->token, sizeof(o->token), home.token);
        return 0;
}

static int
set_image(struct init_options *o, const char *value)
{
        uint8_t raw[8];

        if (parse_hex(value, raw, sizeof(raw)) < 0)
                return -EINVAL;
        str_copy(o->image, sizeof(o->image), value);
        return 0;
}

static int
set_shell(struct init_options *o, const char *value)
{
        if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
                return -EINVAL;
        o->shell = value[0] == '1';
        return 0;
}

const char *const init_mode_names[] = {
        [INIT_MODE_POOL] = "pool", [INIT_MODE_INSPECT] = "inspect", [INIT_MODE_RESCUE] = "rescue", [INIT_MODE_N] = NULL};

static int
set_mode(struct init_options *o, const char *value)
{
        int mode = names_find(init_mode_names, value);

        if (mode < 0)
                return -EINVAL;
        o->mode = (enum init_mode)mode;
        return 0;
}

static int
set_root(struct init_options *o, const char *value)
{
        return init_root_parse(value, &o->root);
}

static int
set_root_wait(struct init_options *o, const char *value)
{
        return parse_u32(value, INIT_ROOT_WAIT_MAX_S, &o->root_wait_s);
}

static int
set_layer(struct init_options *o, const char *value)
{
        return init_layer_parse(value, &o->layer);
}

/* A wrong word must not bring guests into the host's own network. */
static int
set_guest_nic(struct init_options *o, const char *value)
{
        struct error err;
        int r = guest_nic_parse(value, &o->guest_nic, &err);

        if (r < 0)
                o->guest_nic = (struct guest_nic){.kind = GUEST_NIC_NONE};
        return r;
}

static int
set_vlans(struct init_options *o, const char *value)
{
        struct error err;

        return guest_vlans_parse(value, &o->vlans, &err);
}

static int
set_nfs_dirs(struct init_options *o, const char *value)
{
        struct error err;

        return nfs_dirs_parse(value, &o->nfs_dirs, &err);
}

static const struct {
        const char *key;
        int (*set)(struct init_options *o, const char *value);
        const char *form;
} words[] = {
        {"dompool.server", set_address, "an IPv4 address"},
        {"dompool.http", set_http, "a port"},
        {"dompool.agent", set_agent, "a port, or an address and a port"},
        {"dompool.fp", set_fingerprint, "64 hex digits"},
        {"dompool.token", set_token, "a boot token"},
        {"dompool.host", set_host, "a host's name"},
        {"dompool.mac", set_mac, "a MAC address"},
        {"BOOTIF", set_bootif, "01- and a MAC address"},
        {"dompool.home", set_home, "this server's way home"},
        {"dompool.image", set_image, "16 hex digits"},
        {"dompool.shell", set_shell, "0 or 1"},
        {"dompool.root", set_root, "http, nfs:ADDR:/PATH, nbd:ADDR:PORT:EXPORT, iscsi:ADDR:PORT:LUN:IQN or aoe:SHELF.SLOT"},
        {"dompool.root-wait", set_root_wait, "a number of seconds up to 86400"},
        {"dompool.layer", set_layer, "overlay, overlay:SIZE or flash"},
        {"dompool.guest-nic", set_guest_nic, "boot, other, the name of an interface, or a MAC address"},
        {"dompool.vlans", set_vlans, "a list of VLANs such as 10,20:labs"},
        {"dompool.nfs-dirs", set_nfs_dirs, "a list of directories such as /home=10.0.0.5:/export/home"},
        {"dompool.mode", set_mode, "pool, inspect or rescue"},
};

/* Takes the next word off *text; false: no more. A word over WORD_SIZE is none of ours and comes out empty. */
static bool
word_take(const char **text, char ret[WORD_SIZE])
{
        bool quoted = false;
        const char *p = *text;
        size_t n = 0;

        while (isspace((unsigned char)*p))
                p++;
        if (!*p)
                return false;
        for (; *p && (quoted || !isspace((unsigned char)*p)); p++) {
                if (*p == '"')
                        quoted = !quoted;
                else if (n < WORD_SIZE)
                        ret[n++] = *p;
        }
        ret[n < WORD_SIZE ? n : 0] = '\0';
        *text = p;
        return true;
}

static int
word_apply(char *word, struct init_options *o, struct error *err)
{
        char *value = strchr(word, '=');

        if (!value)
                return 0;
        *value++ = '\0';
        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (strcmp(word, words[i].key) == 0 && words[i].set(o, value) < 0)
                        return error_set(err, ERR_INVALID, "kernel command line: %s=%.100s is not %s", word,
                                         strcmp(word, "dompool.token") == 0 || strcmp(word, "dompool.home") == 0 ? "..."
                                                                                                                 : value,
                                         words[i].form);
        return 0;
}

int
init_options_parse(const char *cmdline, struct init_options *ret, struct error *err)
{
        char word[WORD_SIZE];
        int r = 0;

        *ret = (struct init_options){.http_port = 8080, .agent_port = 8444, .root_wait_s = INIT_ROOT_WAIT_S};
        while (word_take(&cmdline, word)) {
                struct error later;
                int x = word_apply(word, ret, r ? &later : err);

                r = r ? r : x;
        }
        if (r == 0 && ret->server && (!ret->fingerprint[0] || !ret->host[0]))
                r = error_set(err, ERR_INVALID, "kernel command line: dompool.server is given, but not dompool.%s",
                              ret->fingerprint[0] ? "host" : "fp");
        return r;
}
