/* SPDX-License-Identifier: Apache-2.0 */
/* What a root costs, out of texts of the kernel's. No I/O; linked by dompool-init, dompool-hv, core and tests. */
#include "model/root_cost.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECTOR 512

const char *const root_layer_level_names[] = {
        [ROOT_LAYER_FINE] = "fine",
        [ROOT_LAYER_FILLING] = "filling",
        [ROOT_LAYER_FULL] = "full",
        [ROOT_LAYER_N] = NULL,
};

static const struct rec_field root_cost_fields[] = {
        REC_STR(struct root_cost, root),       REC_U64(struct root_cost, fetched),    REC_U64(struct root_cost, ram),
        REC_U64(struct root_cost, layer_used), REC_U64(struct root_cost, layer_size),
};
const struct rec_desc root_cost_desc = REC_DESC(struct root_cost, root_cost_fields);

static double
mib(uint64_t bytes)
{
        return (double)bytes / (1 << 20);
}

void
root_cost_text(const struct root_cost *cost, char *buf, size_t size)
{
        char fetched[60] = "the loader brought it", layer[80] = "";

        if (strcmp(cost->root, "ram") != 0)
                snprintf(fetched, sizeof(fetched), "%.1f MiB fetched", mib(cost->fetched));
        if (cost->layer_size)
                snprintf(layer, sizeof(layer), ", %.1f of %.0f MiB of its writable layer", mib(cost->layer_used),
                         mib(cost->layer_size));
        snprintf(buf, size, "%s, %.1f MiB of RAM for the image%s", fetched, mib(cost->ram), layer);
}

int
root_cost_facts(const char *text, struct root_cost *ret)
{
        struct root_cost c = {0};

        if (sscanf(text, "fetched=%" SCNu64 " ram=%" SCNu64 " layer=%" SCNu64 " root=%199[^\n]", &c.fetched, &c.ram,
                   &c.layer_size, c.root) != 4)
                return -EINVAL;
        *ret = c;
        return 0;
}

/* The line's begin, or NULL; *text goes on behind it. */
static const char *
next_line(const char **text, char line[256])
{
        size_t n = strcspn(*text, "\n");

        if (!**text)
                return NULL;
        snprintf(line, 256, "%.*s", (int)(n < 255 ? n : 255), *text);
        *text += n + ((*text)[n] == '\n');
        return line + strspn(line, " \t");
}

/* "device SERVER:/PATH mounted on WHERE with fstype nfs4 statvers=1.1" */
static bool
is_device_of(const char *line, const char *where)
{
        char wanted[256];

        snprintf(wanted, sizeof(wanted), " mounted on %s with fstype nfs", where);
        return strstr(line, wanted) != NULL;
}

/* Behind "per-op statistics": "READ: operations transmissions timeouts bytes-sent bytes-received ...". */
bool
root_cost_nfs(const char *mountstats, const char *where, uint64_t *ret)
{
        bool found = false, operations = false;
        uint64_t sum = 0, bytes;
        const char *at;
        char line[256];

        while ((at = next_line(&mountstats, line))) {
                if (strncmp(at, "device ", 7) == 0) {
                        if (found)
                                break;
                        found = is_device_of(at, where);
                        continue;
                }
                operations |= strncmp(at, "per-op statistics", 17) == 0;
                if (found && operations && sscanf(at, "%*[A-Z0-9_]: %*u %*u %*u %*u %" SCNu64, &bytes) == 1)
                        sum += bytes;
        }
        if (found)
                *ret = sum;
        return found;
}

bool
root_cost_block(const char *stat, uint64_t *ret)
{
        uint64_t sectors;

        if (sscanf(stat, "%*u %*u %" SCNu64, &sectors) != 1)
                return false;
        *ret = sectors * SECTOR;
        return true;
}

enum root_layer_level
root_layer_level(enum root_layer_level was, uint64_t used, uint64_t size)
{
        uint64_t percent = size ? used * 100 / size : 0;

        if (percent >= ROOT_LAYER_FULL_PERCENT)
                return ROOT_LAYER_FULL;
        if (percent >= ROOT_LAYER_FILLING_PERCENT)
                return was == ROOT_LAYER_FULL ? ROOT_LAYER_FULL : ROOT_LAYER_FILLING;
        return percent < ROOT_LAYER_CALM_PERCENT ? ROOT_LAYER_FINE : was;
}
