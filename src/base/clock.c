/* SPDX-License-Identifier: Apache-2.0 */
/* Real and virtual time. The only file that asks the system for it. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

void
clock_init_real(struct clock *c)
{
        *c = (struct clock){0};
}

void
clock_init_virtual(struct clock *c, int64_t mono_ms, int64_t wall_ms)
{
        *c = (struct clock){.is_virtual = 1, .mono_ms = mono_ms, .wall_ms = wall_ms};
}

void
clock_step(struct clock *c, int64_t ms)
{
        c->mono_ms += ms;
        c->wall_ms += ms;
}

static int64_t
read_ms(clockid_t id)
{
        struct timespec ts;

        clock_gettime(id, &ts);
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_mono_ms(const struct clock *c)
{
        return c->is_virtual ? c->mono_ms : read_ms(CLOCK_BOOTTIME);
}

int64_t
clock_wall_ms(const struct clock *c)
{
        return c->is_virtual ? c->wall_ms : read_ms(CLOCK_REALTIME);
}

char *
wall_text(int64_t wall_ms, char buf[WALL_TEXT_SIZE])
{
        time_t s = (time_t)(wall_ms / 1000);
        struct tm tm;
        size_t n;

        gmtime_r(&s, &tm);
        n = strftime(buf, WALL_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(buf + n, WALL_TEXT_SIZE - n, ".%03uZ", (unsigned)(wall_ms % 1000));
        return buf;
}
