/* SPDX-License-Identifier: Apache-2.0 */
/* Values of an iBFT, and whether they count. Pure; runs in the child that mounts a root by iSCSI. */
#include "init/init_ibft.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"

#define VALID 1u

/* Names of initiators and targets (RFC 3720, 3.2.6.3) become arguments of a program and words of a log. */
static int
take_name(const char *line, void *field)
{
        if (strlen(line) >= INIT_IBFT_NAME_SIZE)
                return -EINVAL;
        if (strncmp(line, "iqn.", 4) != 0 && strncmp(line, "eui.", 4) != 0 && strncmp(line, "naa.", 4) != 0)
                return -EINVAL;
        for (const char *p = line; *p; p++)
                if ((unsigned char)*p <= ' ' || (unsigned char)*p > '~')
                        return -EINVAL;
        str_copy(field, INIT_IBFT_NAME_SIZE, line);
        return 0;
}

/* An IPv6 address is none of ours. */
static int
take_address(const char *line, void *field)
{
        return parse_ip4(line, field) < 0 ? -EINVAL : 0;
}

static int
take_number(const char *line, void *field)
{
        return parse_u32(line, 65535, field) < 0 ? -EINVAL : 0;
}

/* The kernel writes the eight bytes of a SCSI LUN one after another as "%x", without leading zeros: 1 is "01000000", 16 is
 * "010000000". Of a LUN below 256 (SAM-5, 4.7.7.2: peripheral device addressing on bus 0) all bytes but the second are 0. */
static int
take_lun(const char *line, void *field)
{
        size_t n = strlen(line);
        uint8_t lun;
        char hex[3] = "0";

        if ((n != 8 && n != 9) || line[0] != '0' || strcmp(line + n - 6, "000000") != 0)
                return -EINVAL;
        memcpy(hex + (n == 8), line + 1, n - 7);
        if (parse_hex(hex, &lun, 1) < 0)
                return -EINVAL;
        memcpy(field, &(uint32_t){lun}, sizeof(uint32_t));
        return 0;
}

#define TARGET(N, FILE, MEMBER, TAKE)                                                                                          \
        {                                                                                                                      \
                "target" #N "/" FILE,                                                                                          \
                        offsetof(struct init_ibft, targets) + N * sizeof(struct init_ibft_target) +                            \
                                offsetof(struct init_ibft_target, MEMBER),                                                     \
                        TAKE                                                                                                   \
        }
#define TARGETS(N)                                                                                                             \
        TARGET(N, "flags", flags, take_number), TARGET(N, "ip-addr", address, take_address),                                   \
                TARGET(N, "port", port, take_number), TARGET(N, "lun", lun, take_lun),                                         \
                TARGET(N, "chap-type", chap, take_number), TARGET(N, "target-name", name, take_name)

static const struct {
        const char *name;
        size_t offset;
        int (*take)(const char *line, void *field);
} files[] = {
        {"initiator/initiator-name", offsetof(struct init_ibft, initiator), take_name},
        TARGETS(0),
        TARGETS(1),
};

const char *
init_ibft_file(size_t i)
{
        return i < N_ELEMENTS(files) ? files[i].name : NULL;
}

int
init_ibft_take(struct init_ibft *t, size_t i, const char *line)
{
        return i < N_ELEMENTS(files) ? files[i].take(line, (char *)t + files[i].offset) : -EINVAL;
}

/* NULL: it may be used. */
static const char *
unfit(const struct init_ibft_target *t)
{
        if (t->address == 0 || t->port == 0)
                return "the iBFT says no IPv4 address and port of the target";
        if (t->lun > 255)
                return "the iBFT's LUN is over 255";
        return t->chap ? "the iBFT wants CHAP, for which there is no secret here" : NULL;
}

bool
init_ibft_choose(const struct init_ibft *t, const struct init_root *menu, struct init_root *ret, char why[INIT_IBFT_TEXT_SIZE])
{
        const struct init_ibft_target *ours = NULL, *other = NULL;
        const char *wrong;

        *ret = *menu;
        for (size_t i = 0; i < INIT_IBFT_TARGETS; i++) {
                const struct init_ibft_target *x = &t->targets[i];

                if (!(x->flags & VALID) || !*x->name)
                        continue;
                if (strcmp(x->name, menu->name) == 0)
                        ours = ours ? ours : x;
                else
                        other = other ? other : x;
        }
        wrong = ours ? unfit(ours) : NULL;
        if (ours && !wrong) {
                ret->address = ours->address;
                ret->port = (uint16_t)ours->port;
                ret->lun = ours->lun;
                snprintf(why, INIT_IBFT_TEXT_SIZE, "portal, LUN and initiator from the firmware's iBFT");
                return true;
        }
        if (other && !ours)
                snprintf(why, INIT_IBFT_TEXT_SIZE, "from the command line; the iBFT is for another target, %.150s",
                         other->name);
        else
                snprintf(why, INIT_IBFT_TEXT_SIZE, "from the command line; %s", wrong ? wrong : "the firmware left no iBFT");
        return false;
}
