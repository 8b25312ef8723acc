/* SPDX-License-Identifier: Apache-2.0 */
/* Satellites as data: the record, and the key that is derived for each. No I/O. */
#include "model/satellite.h"

#include <string.h>

#include "base/digest.h"

#define KEY_PURPOSE "dompool satellite 1"

static const struct rec_field satellite_fields[] = {
        REC_STR(struct satellite, name),
        REC_STR(struct satellite, label),
        REC_BYTES(struct satellite, secret_sha256),
        REC_I64(struct satellite, added_ms),
        REC_I64(struct satellite, seen_ms),
        REC_U64(struct satellite, journal),
        REC_U64(struct satellite, last_seq),
        REC_STR(struct satellite, version),
        REC_U32(struct satellite, http_port),
        REC_LIST(struct satellite, networks, config_network_desc),
};
const struct rec_desc satellite_desc = REC_DESC(struct satellite, satellite_fields);

void
satellite_key(const uint8_t token_key[32], const struct satellite *s, uint8_t ret[32])
{
        struct {
                char purpose[32];
                char name[NAME_SIZE];
                uint8_t secret_sha256[32];
        } about = {.purpose = KEY_PURPOSE};

        str_copy(about.name, sizeof(about.name), s->name);
        memcpy(about.secret_sha256, s->secret_sha256, sizeof(about.secret_sha256));
        digest_hmac_sha256(token_key, 32, &about, sizeof(about), ret);
}
