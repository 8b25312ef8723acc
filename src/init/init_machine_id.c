/* SPDX-License-Identifier: Apache-2.0 */
/* A host's machine-id, from its MAC address. Runs in dompool-init's first stage. */
#include "init/init_machine_id.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "init/init_system.h"

void
init_machine_id(const struct mac *mac, char ret[INIT_MACHINE_ID_SIZE])
{
        /* Of a hash, so that whoever is shown the id is not told the address. */
        static const char salt[] = "dompool-machine-id-1";
        uint8_t in[sizeof(salt) + sizeof(mac->b)], sha256[SHA256_SIZE];

        memcpy(in, salt, sizeof(salt));
        memcpy(in + sizeof(salt), mac->b, sizeof(mac->b));
        digest_sha256(in, sizeof(in), sha256);
        sha256[6] = (sha256[6] & 0x0f) | 0x40; /* RFC 9562, 5.4: version 4, and the variant */
        sha256[8] = (sha256[8] & 0x3f) | 0x80;
        hex_text(sha256, 16, ret);
}

int
init_machine_id_write(const char *root, const struct mac *mac, struct error *err)
{
        char path[200], text[INIT_MACHINE_ID_SIZE + 1];
        struct stat st;
        int r;

        snprintf(path, sizeof(path), "%.150s/etc/machine-id", root);
        if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != 0)
                return 0;
        init_machine_id(mac, text);
        text[INIT_MACHINE_ID_SIZE - 1] = '\n';
        text[INIT_MACHINE_ID_SIZE] = '\0';
        r = system_write(path, text);
        return r < 0 ? error_errno_set(err, -r, "%s", path) : 0;
}
