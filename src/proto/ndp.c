/* SPDX-License-Identifier: Apache-2.0 */
/* Router solicitations and the empty advertisement, see ndp.h. Pure. Runs in dompoold's `boot` role. */
#include "proto/ndp.h"

#include <string.h>

#define SOLICIT_HEADER 8 /* type, code, checksum, reserved */
#define OPTION_UNIT 8    /* the length of an option counts these */
#define OPTION_SOURCE_MAC 1

bool
ndp_parse_solicit(const uint8_t *data, size_t size, struct mac *ret_mac)
{
        bool found = false;

        if (size < SOLICIT_HEADER || data[0] != NDP_ROUTER_SOLICIT || data[1] != 0)
                return false;
        for (size_t at = SOLICIT_HEADER; at < size;) {
                size_t left = size - at, length = left >= 2 ? (size_t)data[at + 1] * OPTION_UNIT : 0;

                if (length == 0 || length > left)
                        return false;
                if (data[at] == OPTION_SOURCE_MAC && length == OPTION_UNIT) {
                        memcpy(ret_mac->b, data + at + 2, sizeof(ret_mac->b));
                        found = true;
                }
                at += length;
        }
        return found;
}

void
ndp_empty_advert(uint8_t ret[NDP_EMPTY_ADVERT_SIZE])
{
        memset(ret, 0, NDP_EMPTY_ADVERT_SIZE);
        ret[0] = NDP_ROUTER_ADVERT;
}
