/* SPDX-License-Identifier: Apache-2.0 */
/* Reads /etc/ethers (ethers(5)): "MAC name-or-address" a line. Pure. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "import/import_private.h"
#include "import/lines.h"

/* ethers(5) allows "8:0:20:0:61:ca". */
static int
loose_mac(const char *text, struct mac *ret)
{
        struct mac mac;
        size_t n = 0;

        while (n < sizeof(mac.b)) {
                unsigned value = 0;
                size_t digits = strspn(text, "0123456789abcdefABCDEF");

                if (digits < 1 || digits > 2 || sscanf(text, "%2x", &value) != 1)
                        return -EINVAL;
                mac.b[n++] = (uint8_t)value;
                text += digits;
                if (*text != (n < sizeof(mac.b) ? ':' : '\0'))
                        return -EINVAL;
                text += *text == ':';
        }
        *ret = mac;
        return 0;
}

static int
read_line(struct import *im, const struct import_place *at, char *line, struct error *err)
{
        const char *first = lines_word(&line), *name = lines_word(&line);
        struct import_host *h;
        uint32_t address = 0;
        struct mac mac;

        if (loose_mac(first, &mac) < 0 || !*name) {
                import_note(im, IMPORT_NOTE_UNKNOWN, at, first, "write \"MAC NAME\"",
                            "is no MAC address with a name behind it");
                return 0;
        }
        if (mac_zero(&mac) || (mac.b[0] & 1)) {
                import_note(im, IMPORT_NOTE_UNKNOWN, at, first, "", "is not the address of a machine");
                return 0;
        }
        h = import_host_add(im, at, parse_ip4(name, &address) == 0 ? NULL : name, &mac, err);
        if (!h)
                return error_to_errno(err->code);
        if (address)
                import_host_address(im, at, h, address);
        return 0;
}

int
import_ethers(struct import *im, void *state, const char *path, char *text, struct error *err)
{
        struct import_place at = {path, 0};
        struct lines lines;
        char *line;
        int r = 0;

        (void)state;
        lines_init(&lines, text, false);
        while (r == 0 && (line = lines_next(&lines))) {
                at.line = lines.line;
                line[strcspn(line, "#")] = '\0';
                if (*line)
                        r = read_line(im, &at, line, err);
        }
        return r;
}
