/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits with a fixed amount of memory. Pure; runs in files. */
#include "server/role_files.h"

void
rate_init(struct rate *r, uint32_t burst, uint32_t per_second, int64_t now_ms)
{
        *r = (struct rate){.burst = burst, .per_second = per_second, .millitokens = (int64_t)burst * 1000, .last_ms = now_ms};
}

bool
rate_take(struct rate *r, int64_t now_ms)
{
        const int64_t full = (int64_t)r->burst * 1000;
        int64_t passed = now_ms - r->last_ms;

        /* A long pause fills it; the bound keeps the product small. */
        if (passed > 0)
                r->millitokens += (passed < full ? passed : full) * r->per_second;
        if (r->millitokens > full)
                r->millitokens = full;
        r->last_ms = now_ms;
        if (r->millitokens < 1000)
                return false;
        r->millitokens -= 1000;
        return true;
}

void
rate_table_init(struct rate_table *t, uint32_t burst, uint32_t per_second, int64_t now_ms)
{
        t->burst = burst;
        t->per_second = per_second;
        for (size_t i = 0; i < RATE_PLACES; i++)
                rate_init(&t->places[i], burst, per_second, now_ms);
}

bool
rate_table_take(struct rate_table *t, uint32_t address, int64_t now_ms)
{
        /* Addresses of one LAN differ in their low bits: so each has a place of its own there. */
        return rate_take(&t->places[address % RATE_PLACES], now_ms);
}
