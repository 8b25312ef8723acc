/* SPDX-License-Identifier: Apache-2.0 */
/* The table of causes of a stuck boot, most certain first. Pure; runs in core. */
#include "model/boot_verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/*
 * A cause that somebody saw: a note, later than the last stage reached, of a boot that got no further than @furthest. The
 * note's own words follow the sentence. Patience, in seconds without a further stage: the loader may yet help itself.
 */
struct seen {
        const char *name;
        enum boot_note_kind note;
        int earliest, furthest; /* stages; -1: before the first */
        unsigned patience_s;
        const char *sentence;
};

static const struct seen seen[] = {
        {"token-refused", BOOT_NOTE_TOKEN, STAGE_MENU, STAGE_AGENT, 10,
         "dom0 came home with a token that is not of this boot; an old menu was cached, or somebody else uses it"},
        {"other-dhcp-server", BOOT_NOTE_OTHER_SERVER, -1, STAGE_DHCP, 10,
         "it got our OFFER but asked for another server's address: a second DHCP server answers on this network; find and stop "
         "it, or "
         "run dompoold as a proxy beside it"},
        {"no-free-address", BOOT_NOTE_NO_ADDRESS, -1, STAGE_DHCP, 10,
         "it asked for an address and there is none for it: enlarge network.range, or mend its fixed address"},
        {"no-loader-for-firmware", BOOT_NOTE_NO_LOADER, -1, STAGE_DHCP, 10, "there is no loader for this kind of firmware"},
        {"offer-unheard", BOOT_NOTE_UNREQUESTED, -1, STAGE_DHCP, 10,
         "it keeps asking and never takes our OFFER: our answers do not reach it (VLAN, filter, spanning tree on the switch), "
         "or its "
         "firmware wants another kind of answer"},
        {"another-hosts-menu", BOOT_NOTE_FOREIGN_MENU, STAGE_DHCP, STAGE_MENU, 10,
         "it asked for another host's menu and was refused"},
        {"damaged-file", BOOT_NOTE_DAMAGED, STAGE_DHCP, STAGE_INITRD, 10,
         "a file of its image is not as long as it was when it was built; build the image anew (dompool image build)"},
        {"missing-file", BOOT_NOTE_MISSING, STAGE_DHCP, STAGE_KERNEL, 15, "a file that it needs is not there"},
        {"transfer-broken-off", BOOT_NOTE_CUT, STAGE_DHCP, STAGE_KERNEL, 30,
         "a transfer to it ended in the middle: look at the network card, cable and switch"},
        {"dom0-hears-nothing", BOOT_NOTE_UNREQUESTED, STAGE_INITRD, STAGE_INITRD, 10,
         "dom0 runs and asks for an address again and again, but takes none of our OFFERs: its network card sends and does not "
         "receive. "
         "Usually interrupts: try the Xen arguments noapic or ioapic_ack=old, or the kernel argument pci=nomsi"},
};

/* A cause that only silence tells of. */
struct silence {
        const char *name;
        unsigned patience_s; /* generous for a PC; an emulated one without hardware help needs most of it for its kernel */
        const char *sentence;
};

static const struct silence silences[STAGE_N] = {
        [STAGE_DHCP] = {"no-loader-asked-for", 30,
                        "it has an address but asked for no loader; usually network boot is off or behind the disk in the "
                        "firmware's order, "
                        "or another DHCP server answered faster"},
        [STAGE_LOADER] = {"loader-silent", 30,
                          "it has its loader but asked for no menu; usually the loader does not suit this firmware or network "
                          "card, a file of "
                          "the loader is missing, or the server is out of its reach (firewall, VLAN)"},
        [STAGE_MENU] = {"menu-not-followed", 30,
                        "it has its menu but asked for no hypervisor; usually the loader lacks its multiboot module, or the "
                        "server went out "
                        "of its reach"},
        [STAGE_XEN] = {"stopped-after-xen", 60,
                       "it has the hypervisor but not the kernel; usually the transfer broke off: look at the network card, "
                       "cable and switch"},
        [STAGE_KERNEL] = {"stopped-after-kernel", 120,
                          "it has the kernel but not the initrd; usually the transfer broke off: look at the network card, "
                          "cable and switch"},
        [STAGE_INITRD] = {"dom0-unheard", 180,
                          "everything was sent but no packet came from dom0; usually its kernel has no driver for this network "
                          "card, Xen or "
                          "the kernel stopped (see the machine's screen), or there is too little memory"},
        [STAGE_INIT] = {"no-agent", 120,
                        "dom0 runs but its agent did not come; usually the init reports of this boot and the machine's screen "
                        "say why"},
        [STAGE_AGENT] = {"agent-mute", 60,
                         "its agent is connected but did not report; usually the hypervisor part of the agent does not answer "
                         "on that host"},
};

const char *
boot_verdict_name(size_t i)
{
        static const char init_failed[] = "init-failed";

        if (i == 0)
                return init_failed;
        if (i <= N_ELEMENTS(seen))
                return seen[i - 1].name;
        i -= N_ELEMENTS(seen) + 1;
        return i < STAGE_READY ? silences[i].name : NULL;
}

static int64_t
last_step_ms(const struct boot *b)
{
        return b->n_steps > 0 ? b->steps[b->n_steps - 1].time_ms : 0;
}

static size_t
append(char *buf, size_t size, size_t used, const char *more)
{
        int n = used < size ? snprintf(buf + used, size - used, "%s", more) : 0;

        return used + (size_t)(n > 0 ? n : 0);
}

static size_t
append_search(const struct boot *b, char *buf, size_t size, size_t used)
{
        uint32_t first = b->n_search > 3 ? b->n_search - 3 : 0;

        for (uint32_t i = first; i < b->n_search; i++) {
                used = append(buf, size, used, i == first ? "; last asked for in vain: " : ", ");
                used = append(buf, size, used, b->search[i].text);
        }
        return used;
}

static bool
was_seen(const struct boot *b, const struct seen *s, int furthest, int64_t idle_s)
{
        const struct boot_note *n = boot_note_find(b, s->note);

        return n && n->time_ms >= last_step_ms(b) && furthest >= s->earliest && furthest <= s->furthest &&
               idle_s >= s->patience_s;
}

static void
judge_seen(const struct boot *b, const struct seen *s, struct boot_verdict *ret)
{
        const struct boot_note *n = boot_note_find(b, s->note);

        ret->name = s->name;
        snprintf(ret->text, sizeof(ret->text), "%s (%s%s)", s->sentence, n->text, n->count > 1 ? ", more than once" : "");
}

static void
judge_silence(const struct boot *b, int stage, int64_t idle_s, struct boot_verdict *ret)
{
        int used;

        ret->name = silences[stage].name;
        used = snprintf(ret->text, sizeof(ret->text), "after '%s', for %lld s: %s", boot_stage_names[stage], (long long)idle_s,
                        silences[stage].sentence);
        append_search(b, ret->text, sizeof(ret->text), (size_t)used);
}

void
boot_judge(const struct boot *b, int64_t now_ms, struct boot_verdict *ret)
{
        int stage = boot_furthest(b);
        int64_t idle_s = (now_ms - b->last_ms) / 1000;

        ret->name = NULL;
        ret->text[0] = '\0';
        if (b->number == 0 || stage >= STAGE_READY)
                return;
        if (b->failed) {
                ret->name = boot_verdict_name(0);
                snprintf(ret->text, sizeof(ret->text), "dompool-init failed: %s", b->failure);
                return;
        }
        for (size_t i = 0; i < N_ELEMENTS(seen); i++)
                if (was_seen(b, &seen[i], stage, idle_s)) {
                        judge_seen(b, &seen[i], ret);
                        return;
                }
        if (stage >= 0 && idle_s >= silences[stage].patience_s)
                judge_silence(b, stage, idle_s, ret);
}
