/* SPDX-License-Identifier: Apache-2.0 */
/* Quirks against hosts, see quirk_match.h. Pure. Runs in core (static facts) and boot (firmware). */
#include "bootcfg/quirk_match.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

static bool
any_card_matches(const char *globs, const struct host_hardware *hw)
{
        char glob[NAME_SIZE], card[24];

        while ((globs = list_next(globs, glob)))
                for (uint32_t i = 0; i < hw->n_nics; i++) {
                        snprintf(card, sizeof(card), "%04x:%04x", hw->nics[i].vendor, hw->nics[i].device);
                        if (fnmatch(glob, card, 0) == 0)
                                return true;
                }
        return false;
}

bool
quirk_concerns(const struct quirk *q, const struct mac *mac, const struct host_hardware *hw)
{
        return (!*q->macs || mac_begins_as(q->macs, mac)) && (!*q->pci || any_card_matches(q->pci, hw)) &&
               (!*q->smbios || hardware_is_like(hw->manufacturer, hw->product, q->smbios));
}

uint32_t
quirk_firmware_of(const struct firmware *f)
{
        uint32_t bits = f->arch == 0 ? QUIRK_BIOS : QUIRK_EFI;

        if (f->client == FIRMWARE_IPXE)
                bits |= QUIRK_IPXE;
        if (f->client == FIRMWARE_HTTP)
                bits |= QUIRK_HTTP;
        return f->arch == 11 || f->arch == 19 ? bits | QUIRK_ARM64 : bits;
}

void
quirk_effects(const struct policy *p, const struct policy_host *h, uint32_t firmware, struct quirk_effects *ret)
{
        *ret = (struct quirk_effects){0};
        for (uint32_t i = 0; i < h->n_quirks; i++) {
                const struct quirk *q = policy_quirk_at(p, h->quirks[i]);

                if (!q || (q->firmware && !(q->firmware & firmware)))
                        continue;
                ret->applied[ret->n++] = q;
                if (!ret->loader && *q->loader)
                        ret->loader = q->loader;
                if (q->tftp_blksize && (!ret->tftp_blksize || q->tftp_blksize < ret->tftp_blksize))
                        ret->tftp_blksize = q->tftp_blksize;
                ret->no_tftp_window = ret->no_tftp_window || q->no_tftp_window;
                ret->no_tftp_options = ret->no_tftp_options || q->no_tftp_options;
                ret->no_http = ret->no_http || q->no_http;
        }
}
