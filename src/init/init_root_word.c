/* SPDX-License-Identifier: Apache-2.0 */
/* Reads dompool.root= and dompool.layer=. What goes into the options of a mount or the arguments of a program is checked here.
 */
#include "init/init_root_word.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"

const char *const init_root_names[] = {
        [INIT_ROOT_RAM] = "ram",     [INIT_ROOT_HTTP] = "http", [INIT_ROOT_NFS] = "nfs", [INIT_ROOT_NBD] = "nbd",
        [INIT_ROOT_ISCSI] = "iscsi", [INIT_ROOT_AOE] = "aoe",   [INIT_ROOT_N] = NULL};

#define PART_SIZE INIT_ROOT_TEXT_SIZE

/* Takes the part before the next ':' off *text; the last one ends with the text. */
static int
part_take(const char **text, char ret[PART_SIZE])
{
        size_t n = strcspn(*text, ":");

        if (n == 0 || n >= PART_SIZE)
                return -EINVAL;
        memcpy(ret, *text, n);
        ret[n] = '\0';
        *text += n + ((*text)[n] == ':');
        return 0;
}

static int
address_take(const char **text, uint32_t *ret)
{
        char part[PART_SIZE];

        return part_take(text, part) < 0 || parse_ip4(part, ret) < 0 || *ret == 0 ? -EINVAL : 0;
}

static int
number_take(const char **text, uint32_t max, uint32_t *ret)
{
        char part[PART_SIZE];

        return part_take(text, part) < 0 || parse_u32(part, max, ret) < 0 ? -EINVAL : 0;
}

static int
port_take(const char **text, uint16_t *ret)
{
        uint32_t port;

        if (number_take(text, 65535, &port) < 0 || port == 0)
                return -EINVAL;
        *ret = (uint16_t)port;
        return 0;
}

/* Printable, no space, and no comma: that separates the options of a mount. */
static int
name_set(struct init_root *r, const char *text)
{
        for (const char *p = text; *p; p++)
                if ((unsigned char)*p <= ' ' || (unsigned char)*p > '~' || *p == ',')
                        return -EINVAL;
        return *text && str_copy(r->name, sizeof(r->name), text) ? 0 : -EINVAL;
}

static int
parse_nothing(const char *rest, struct init_root *r)
{
        (void)r;
        return *rest ? -EINVAL : 0;
}

static int
parse_nfs(const char *rest, struct init_root *r)
{
        char path[PART_SIZE];

        if (address_take(&rest, &r->address) < 0 || part_take(&rest, path) < 0 || path[0] != '/' || name_set(r, path) < 0)
                return -EINVAL;
        return nfs_version_parse(*rest ? rest : "4", r->version) ? 0 : -EINVAL;
}

static int
parse_nbd(const char *rest, struct init_root *r)
{
        return address_take(&rest, &r->address) < 0 || port_take(&rest, &r->port) < 0 ? -EINVAL : name_set(r, rest);
}

/* RFC 3720, 3.2.6.3.1: an IQN has colons of its own, so it is last. */
static int
parse_iscsi(const char *rest, struct init_root *r)
{
        if (address_take(&rest, &r->address) < 0 || port_take(&rest, &r->port) < 0 || number_take(&rest, 255, &r->lun) < 0)
                return -EINVAL;
        if (strncmp(rest, "iqn.", 4) != 0 && strncmp(rest, "eui.", 4) != 0 && strncmp(rest, "naa.", 4) != 0)
                return -EINVAL;
        return name_set(r, rest);
}

/* AoE r11, 2.2: shelf 0xffff and slot 0xff are everybody's. */
static int
parse_aoe(const char *rest, struct init_root *r)
{
        char shelf[8];
        size_t n = strcspn(rest, ".");

        if (n == 0 || n >= sizeof(shelf) || rest[n] != '.')
                return -EINVAL;
        memcpy(shelf, rest, n);
        shelf[n] = '\0';
        return parse_u32(shelf, 65534, &r->shelf) < 0 || parse_u32(rest + n + 1, 254, &r->slot) < 0 ? -EINVAL : 0;
}

static int (*const parsers[INIT_ROOT_N])(const char *rest, struct init_root *r) = {
        [INIT_ROOT_RAM] = parse_nothing, [INIT_ROOT_HTTP] = parse_nothing, [INIT_ROOT_NFS] = parse_nfs,
        [INIT_ROOT_NBD] = parse_nbd,     [INIT_ROOT_ISCSI] = parse_iscsi,  [INIT_ROOT_AOE] = parse_aoe,
};

int
init_root_parse(const char *value, struct init_root *ret)
{
        size_t n = strcspn(value, ":");

        for (size_t i = 0; i < INIT_ROOT_N; i++) {
                struct init_root r = {.kind = (enum init_root_kind)i};

                if (strlen(init_root_names[i]) != n || strncmp(value, init_root_names[i], n) != 0)
                        continue;
                if (parsers[i](value + n + (value[n] == ':'), &r) < 0)
                        return -EINVAL;
                *ret = r;
                return 0;
        }
        return -EINVAL;
}

int
init_layer_parse(const char *value, struct init_layer *ret)
{
        struct init_layer l = {.percent = INIT_LAYER_PERCENT};
        size_t n = strlen(value);
        char percent[4];
        uint32_t number;

        if (strcmp(value, "flash") == 0)
                l.flash = true;
        else if (strncmp(value, "overlay", 7) != 0 || (value[7] && value[7] != ':'))
                return -EINVAL;
        else if (value[7] && value[n - 1] != '%') {
                if (parse_size(value + 8, &l.size) < 0 || l.size == 0)
                        return -EINVAL;
        } else if (value[7]) {
                if (n - 9 >= sizeof(percent))
                        return -EINVAL;
                memcpy(percent, value + 8, n - 9);
                percent[n - 9] = '\0';
                if (parse_u32(percent, 100, &number) < 0 || number == 0)
                        return -EINVAL;
                l.percent = number;
        }
        *ret = l;
        return 0;
}

void
init_root_text(const struct init_root *r, char *buf, unsigned long size)
{
        char address[IP4_TEXT_SIZE];

        ip4_text(r->address, address);
        switch (r->kind) {
        case INIT_ROOT_NFS:
                snprintf(buf, size, "nfs %s:%s version %s", address, r->name, r->version);
                break;
        case INIT_ROOT_NBD:
        case INIT_ROOT_ISCSI:
                snprintf(buf, size, "%s %s:%u %s", init_root_names[r->kind], address, r->port, r->name);
                break;
        case INIT_ROOT_AOE:
                snprintf(buf, size, "aoe e%u.%u", r->shelf, r->slot);
                break;
        default:
                str_copy(buf, size, init_root_names[r->kind]);
        }
}
