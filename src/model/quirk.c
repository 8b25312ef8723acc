/* SPDX-License-Identifier: Apache-2.0 */
/* Record table and checks of quirks. Pure. */
#include "model/quirk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "model/host.h"

#define TFTP_BLKSIZE_LEAST 8 /* RFC 2348 */
#define TFTP_BLKSIZE_MOST 1468

static const struct rec_field quirk_fields[] = {
        REC_STR(struct quirk, name),
        REC_STR(struct quirk, macs),
        REC_STR(struct quirk, pci),
        REC_STR(struct quirk, smbios),
        REC_U32(struct quirk, firmware),
        REC_STR(struct quirk, xen_args),
        REC_STR(struct quirk, kernel_args),
        REC_STR(struct quirk, loader),
        REC_U32(struct quirk, tftp_blksize),
        REC_BOOL(struct quirk, no_tftp_window),
        REC_BOOL(struct quirk, no_tftp_options),
        REC_BOOL(struct quirk, no_http),
        REC_STR(struct quirk, why),
        REC_STR(struct quirk, source),
};
const struct rec_desc quirk_desc = REC_DESC(struct quirk, quirk_fields);

static const struct {
        const char *name;
        uint32_t bit;
} firmwares[] = {{"bios", QUIRK_BIOS}, {"efi", QUIRK_EFI}, {"ipxe", QUIRK_IPXE}, {"http", QUIRK_HTTP}, {"arm64", QUIRK_ARM64}};

int
parse_quirk_firmware(const char *text, uint32_t *ret)
{
        char word[NAME_SIZE];
        uint32_t bits = 0;

        while ((text = list_next(text, word))) {
                uint32_t bit = 0;

                for (size_t i = 0; i < N_ELEMENTS(firmwares); i++)
                        if (strcmp(word, firmwares[i].name) == 0)
                                bit = firmwares[i].bit;
                if (bit == 0)
                        return -EINVAL;
                bits |= bit;
        }
        *ret = bits;
        return bits ? 0 : -EINVAL;
}

char *
quirk_firmware_text(uint32_t bits, char buf[QUIRK_FIRMWARE_TEXT_SIZE])
{
        size_t used = 0;

        buf[0] = '\0';
        for (size_t i = 0; i < N_ELEMENTS(firmwares); i++)
                if (bits & firmwares[i].bit)
                        used += (size_t)snprintf(buf + used, QUIRK_FIRMWARE_TEXT_SIZE - used, "%s%s", used ? " " : "",
                                                 firmwares[i].name);
        return buf;
}

/* Four hex digits, or a star, on both sides. */
static bool
pci_ok(const char *word)
{
        const char *device = strchr(word, ':');

        if (!device)
                return false;
        device++;
        return device - word == 5 && strspn(word, "0123456789abcdef") == 4 &&
               (strcmp(device, "*") == 0 || (strlen(device) == 4 && strspn(device, "0123456789abcdef") == 4));
}

static int
check_words(const struct quirk *q, const char *what, const char *list, bool (*ok)(const char *word), const char *form,
            struct error *err)
{
        char word[NAME_SIZE];

        while ((list = list_next(list, word)))
                if (!ok(word))
                        return error_set(err, ERR_INVALID, "quirk '%s': %s '%s' must be %s", q->name, what, word, form);
        return 0;
}

static bool
has_effect(const struct quirk *q)
{
        return *q->xen_args || *q->kernel_args || *q->loader || q->tftp_blksize || q->no_tftp_window || q->no_tftp_options ||
               q->no_http;
}

int
quirk_check(const struct quirk *q, struct error *err)
{
        int r = check_words(q, "mac", q->macs, mac_beginning_ok, "the beginning of a MAC address, \"b8:27:eb\"", err);

        if (r == 0)
                r = check_words(q, "pci", q->pci, pci_ok, "vendor:device in lower-case hex, \"8086:57a0\" or \"8086:*\"", err);
        if (r < 0)
                return r;
        if (!*q->macs && !*q->pci && !*q->smbios && !q->firmware)
                return error_set(err, ERR_INVALID, "quirk '%s' is about every machine: it needs mac, pci, smbios or firmware",
                                 q->name);
        if (!has_effect(q))
                return error_set(err, ERR_INVALID, "quirk '%s' changes nothing", q->name);
        if (q->tftp_blksize && (q->tftp_blksize < TFTP_BLKSIZE_LEAST || q->tftp_blksize > TFTP_BLKSIZE_MOST))
                return error_set(err, ERR_INVALID, "quirk '%s': tftp-blksize must be %d to %d", q->name, TFTP_BLKSIZE_LEAST,
                                 TFTP_BLKSIZE_MOST);
        if (!*q->why)
                return error_set(err, ERR_INVALID, "quirk '%s' has no why: one line that says what goes wrong without it",
                                 q->name);
        return 0;
}
