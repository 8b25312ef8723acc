/* SPDX-License-Identifier: Apache-2.0 */
/* A boot's stages and the words about one that is stuck. Pure; used by core (and shown by the client). */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "model/boot.h"

static const struct rec_field boot_step_fields[] = {
        REC_ENUM(struct boot_step, stage, boot_stage_names),
        REC_I64(struct boot_step, time_ms),
        REC_STR(struct boot_step, text),
};
static const struct rec_desc boot_step_desc = REC_DESC(struct boot_step, boot_step_fields);

static const struct rec_field boot_search_fields[] = {
        REC_STR(struct boot_search, text),
};
static const struct rec_desc boot_search_desc = REC_DESC(struct boot_search, boot_search_fields);

static const struct rec_field boot_fields[] = {
        REC_U64(struct boot, number),
        REC_I64(struct boot, started_ms),
        REC_I64(struct boot, last_ms),
        REC_I64(struct boot, attempt_ms),
        REC_BOOL(struct boot, failed),
        REC_STR(struct boot, failure),
        REC_LIST(struct boot, steps, boot_step_desc),
        REC_LIST(struct boot, search, boot_search_desc),
};
const struct rec_desc boot_desc = REC_DESC(struct boot, boot_fields);

/*
 * What a boot that got to a stage and no further usually suffers from. The patience is generous for a PC: an emulated one
 * without hardware help needs most of it for its kernel.
 */
static const struct {
        unsigned patience_s;
        const char *meaning;
        const char *causes;
} stage_advice[STAGE_N] = {
        [STAGE_DHCP] =
                {30, "it has an address but asked for no loader",
                 "network boot is off or behind the disk in the firmware's order, or another DHCP server answered faster"},
        [STAGE_LOADER] = {30, "it has its loader but asked for no menu",
                          "the loader does not suit this firmware or network card, or a file of the loader is missing"},
        [STAGE_MENU] = {30, "it has its menu but asked for no hypervisor",
                        "the menu's image is not in the store, or the loader lacks its multiboot module"},
        [STAGE_XEN] = {60, "it has the hypervisor but not the kernel",
                       "the transfer broke off: look at the network card, cable and switch"},
        [STAGE_KERNEL] = {120, "it has the kernel but not the initrd",
                          "the transfer broke off: look at the network card, cable and switch"},
        [STAGE_INITRD] = {180, "everything was sent but dom0 said nothing",
                          "Xen or the kernel stopped (see the machine's screen; noapic or another console may help), the image "
                          "lacks this "
                          "network card's driver, or there is too little memory"},
        [STAGE_INIT] = {120, "dom0 runs but its agent did not come",
                        "see the init reports of this boot and the machine's screen"},
        [STAGE_AGENT] = {60, "its agent is connected but did not report",
                         "the hypervisor part of the agent does not answer on that host"},
};

bool
boot_reach(struct boot *b, enum boot_stage stage, int64_t time_ms, const char *text)
{
        uint32_t i, at = 0;

        for (i = 0; i < b->n_steps; i++) {
                if (b->steps[i].stage == stage)
                        return false;
                if (b->steps[i].time_ms <= time_ms)
                        at = i + 1;
        }
        if (b->n_steps >= STAGE_N)
                return false;
        memmove(&b->steps[at + 1], &b->steps[at], (b->n_steps - at) * sizeof(b->steps[0]));
        b->n_steps++;
        b->steps[at] = (struct boot_step){.stage = stage, .time_ms = time_ms};
        str_copy(b->steps[at].text, sizeof(b->steps[at].text), text);
        if (b->started_ms > time_ms)
                b->started_ms = time_ms;
        if (b->last_ms < time_ms)
                b->last_ms = time_ms;
        return true;
}

bool
boot_missing(struct boot *b, const char *text)
{
        uint32_t i;

        for (i = 0; i < b->n_search; i++)
                if (!strcmp(b->search[i].text, text))
                        return false;
        if (b->n_search == BOOT_MAX_SEARCH) {
                memmove(&b->search[0], &b->search[1], sizeof(b->search) - sizeof(b->search[0]));
                b->n_search--;
        }
        str_copy(b->search[b->n_search++].text, BOOT_TEXT_SIZE, text);
        return true;
}

int
boot_furthest(const struct boot *b)
{
        int furthest = -1;
        uint32_t i;

        for (i = 0; i < b->n_steps; i++)
                if ((int)b->steps[i].stage > furthest)
                        furthest = (int)b->steps[i].stage;
        return furthest;
}

static size_t
append_search(const struct boot *b, char *buf, size_t size, size_t used)
{
        uint32_t first = b->n_search > 3 ? b->n_search - 3 : 0;
        uint32_t i;

        for (i = first; i < b->n_search && used < size; i++)
                used += (size_t)snprintf(buf + used, size - used, "%s%s", i == first ? "; last asked for in vain: " : ", ",
                                         b->search[i].text);
        return used;
}

char *
boot_stuck(const struct boot *b, int64_t now_ms, char *buf, size_t size)
{
        int stage = boot_furthest(b);
        int64_t idle_s = (now_ms - b->last_ms) / 1000;
        size_t used;

        *buf = '\0';
        if (stage < 0 || stage >= STAGE_READY)
                return buf;
        if (b->failed) {
                snprintf(buf, size, "dompool-init failed: %s", b->failure);
                return buf;
        }
        if (idle_s < stage_advice[stage].patience_s)
                return buf;
        used = (size_t)snprintf(buf, size, "after '%s', for %lld s: %s; usually: %s", boot_stage_names[stage],
                                (long long)idle_s, stage_advice[stage].meaning, stage_advice[stage].causes);
        append_search(b, buf, size, used);
        return buf;
}
