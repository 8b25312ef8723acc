/* SPDX-License-Identifier: Apache-2.0 */
/* Root transports as settings and as words of a kernel's command line. Pure; linked by every program. */
#include "model/root.h"

#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/rec.h"

/* A row a transport. */
static const struct {
        bool exported;
        const char *pattern;
} roots[ROOT_N] = {
        [ROOT_RAM] = {false, NULL},          [ROOT_HTTP] = {false, "http"},
        [ROOT_NFS] = {true, "nfs:%a:/%i:4"}, [ROOT_NFS3] = {true, "nfs:%a:/%i-3:3"},
        [ROOT_NBD] = {true, NULL},           [ROOT_ISCSI] = {true, NULL},
        [ROOT_AOE] = {true, "aoe:%s"},
};

const char *const root_names[] = {
        [ROOT_RAM] = "ram", [ROOT_HTTP] = "http",   [ROOT_NFS] = "nfs", [ROOT_NFS3] = "nfs3",
        [ROOT_NBD] = "nbd", [ROOT_ISCSI] = "iscsi", [ROOT_AOE] = "aoe", [ROOT_N] = NULL,
};

enum root_kind
root_find(const char *text)
{
        int i = *text ? names_find(root_names, text) : ROOT_RAM;

        return i < 0 ? ROOT_N : (enum root_kind)i;
}

bool
root_is_exported(enum root_kind kind)
{
        return kind < ROOT_N && roots[kind].exported;
}

bool
root_is_block(enum root_kind kind)
{
        return kind == ROOT_NBD || kind == ROOT_ISCSI || kind == ROOT_AOE;
}

int
root_check(const char *text, struct error *err)
{
        if (root_find(text) != ROOT_N)
                return 0;
        return error_set(err, ERR_INVALID, "root '%s' must be ram, http, nfs, nfs3, nbd, iscsi or aoe", text);
}

int
root_layer_check(const char *text, struct error *err)
{
        const char *size = text + strlen("overlay:");
        uint32_t percent;
        char digits[8];
        size_t n;

        if (!*text || strcmp(text, "overlay") == 0 || strcmp(text, "flash") == 0)
                return 0;
        if (strncmp(text, "overlay:", strlen("overlay:")) == 0) {
                n = strspn(size, "0123456789");
                if (n > 0 && n < sizeof(digits) && size[n] && !size[n + 1] && strchr("KMG%", size[n])) {
                        snprintf(digits, sizeof(digits), "%.*s", (int)n, size);
                        if (parse_u32(digits, size[n] == '%' ? 90 : 9999999, &percent) == 0 && percent > 0)
                                return 0;
                }
        }
        return error_set(err, ERR_INVALID,
                         "layer '%s' must be overlay, overlay:SIZE such as 256M or 50%% (of RAM, at most 90%%), or flash",
                         text);
}

const char *
root_pattern(enum root_kind kind)
{
        return kind < ROOT_N ? roots[kind].pattern : NULL;
}

int
root_pattern_check(const char *text, struct error *err)
{
        for (const char *p = text; *p; p++) {
                if (*p == '%' && p[1] != 'i' && p[1] != 'a')
                        return error_set(err, ERR_INVALID,
                                         "'%s': only %%i, the image's id, and %%a, this server's address, may follow a %%",
                                         text);
                if (*p <= 0x20 || *p > 0x7e || strchr("'\"\\`$|&#;{}<>", *p))
                        return error_set(err, ERR_INVALID,
                                         "'%s' may hold printable ASCII without blanks, quotes or menu characters", text);
        }
        return 0;
}

void
root_aoe_address(const char *id16, uint32_t *ret_shelf, uint32_t *ret_slot)
{
        uint32_t n = 0;

        for (int i = 0; i < 8; i++)
                n = n * 16 + (uint32_t)(id16[i] <= '9' ? id16[i] - '0' : id16[i] - 'a' + 10);
        *ret_shelf = 1 + (n >> 8) % 65500;
        *ret_slot = (n & 0xff) % 254;
}

bool
root_word(const char *pattern, uint32_t server, const char *id16, char ret[ROOT_WORD_SIZE])
{
        char address[IP4_TEXT_SIZE], more[32];
        uint32_t shelf, slot;
        size_t at = 0;

        for (const char *p = pattern; *p; p++) {
                snprintf(more, sizeof(more), "%c", *p);
                if (*p == '%' && p[1]) {
                        p++;
                        root_aoe_address(id16, &shelf, &slot);
                        if (*p == 'a')
                                snprintf(more, sizeof(more), "%s", ip4_text(server, address));
                        else if (*p == 'i')
                                snprintf(more, sizeof(more), "%.16s", id16);
                        else
                                snprintf(more, sizeof(more), "%u.%u", shelf, slot);
                }
                if (at + strlen(more) >= ROOT_WORD_SIZE)
                        return false;
                memcpy(ret + at, more, strlen(more));
                at += strlen(more);
        }
        ret[at] = '\0';
        return true;
}

bool
root_iscsi_uri(const char *word, char ret[ROOT_WORD_SIZE])
{
        char address[IP4_TEXT_SIZE];
        unsigned port, lun;
        int n, at = 0;

        if (sscanf(word, "iscsi:%15[0-9.]:%5u:%3u:%n", address, &port, &lun, &at) != 3 || at == 0)
                return false;
        n = snprintf(ret, ROOT_WORD_SIZE, "iscsi:%s::%u:%x:%s", address, port, lun, word + at);
        return n > 0 && n < ROOT_WORD_SIZE;
}
