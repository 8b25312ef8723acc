/* SPDX-License-Identifier: Apache-2.0 */
/* Root transports: what each needs of kernel and initrd, as one table. Pure. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "bootcfg/guard_private.h"

/* In what a kernel's command line says that the root comes so: "NAME=" and how the value begins (Linux
 * Documentation/admin-guide/nfs/nfsroot.rst, dracut.cmdline(7), initramfs-tools(7), live-boot(7)). */
struct root_word {
        const char *name, *begins;
};

#define MAX_WORDS 5

static const struct transport {
        struct root_transport t;
        struct root_word words[MAX_WORDS];
} transports[] = {
        {{"ram", {NULL}}, {{NULL, NULL}}},
        {{"nfs", {"nfs", "nfsv4", "overlay"}},
         {{"root", "/dev/nfs"}, {"root", "nfs"}, {"nfsroot", ""}, {"boot", "nfs"}, {"netboot", "nfs"}}},
        {{"nfs3", {"nfs", "nfsv3", "overlay"}}, {{NULL, NULL}}},
        {{"http", {"loop", "squashfs", "overlay"}}, {{NULL, NULL}}},
        {{"nbd", {"nbd", "squashfs", "overlay"}},
         {{"root", "/dev/nbd"}, {"root", "nbd:"}, {"netroot", "nbd:"}, {"nbdroot", ""}}},
        {{"iscsi", {"iscsi_tcp", "sd_mod", "squashfs", "overlay"}},
         {{"root", "iscsi:"}, {"netroot", "iscsi"}, {"iscsi_target_name", ""}}},
        {{"aoe", {"aoe", "squashfs", "overlay"}}, {{"root", "/dev/etherd/"}, {"root", "aoe:"}}},
        {{"squashfs", {"squashfs", "loop"}}, {{"root", "live:"}, {"boot", "live"}, {"fetch", ""}}},
        {{"overlay", {"overlay"}}, {{"boot", "live"}, {"rd.overlay", ""}, {"overlayroot", ""}}},
};

const struct root_transport *
root_transport_find(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(transports); i++)
                if (strcmp(transports[i].t.name, name) == 0)
                        return &transports[i].t;
        return NULL;
}

const struct root_transport *
root_transport_at(size_t i)
{
        return i < N_ELEMENTS(transports) ? &transports[i].t : NULL;
}

bool
root_transport_in_args(const struct root_transport *t, const char *args)
{
        const struct transport *x = (const struct transport *)t; /* its first member */
        char value[ARGS_SIZE];

        for (size_t i = 0; i < MAX_WORDS && x->words[i].name; i++)
                if (guard_word(args, x->words[i].name, value, sizeof(value)) &&
                    strncmp(value, x->words[i].begins, strlen(x->words[i].begins)) == 0)
                        return true;
        return false;
}

/* Has the image one of "a|b"? */
static bool
has_one_of(const struct image_facts *f, const char *names)
{
        char name[NAME_SIZE];

        for (const char *p = names; *p; p += strspn(p, "|")) {
                size_t n = strcspn(p, "|");

                snprintf(name, sizeof(name), "%.*s", (int)n, p);
                if (facts_has_module(f, name))
                        return true;
                p += n;
        }
        return false;
}

bool
root_transport_lacks(const struct root_transport *t, const struct image_facts *f, char *buf, size_t size)
{
        size_t at = 0;

        buf[0] = '\0';
        if (!f->initrd.found || f->initrd.modules.size == 0)
                return false;
        for (size_t i = 0; i < N_ELEMENTS(t->needs) && t->needs[i] && at < size; i++) {
                if (has_one_of(f, t->needs[i]))
                        continue;
                at += (size_t)snprintf(buf + at, size - at, "%s", at > 0 ? ", " : "");
                for (const char *p = t->needs[i]; *p && at < size; p++)
                        at += (size_t)(*p == '|' ? snprintf(buf + at, size - at, " or ")
                                                 : snprintf(buf + at, size - at, "%c", *p));
        }
        return at > 0;
}

void
guard_root(const struct guard_request *r, struct guard_report *report)
{
        const struct root_transport *own = root_transport_find(root_names[r->root]);
        struct guard_finding *f;
        char lacks[120];

        if (r->root_damage && *r->root_damage)
                guard_add(report, GUARD_ROOT_DAMAGED, "version %.16s of image %s is damaged: %s", r->image->id, r->image->name,
                          r->root_damage);
        if (own && r->facts && root_transport_lacks(own, r->facts, lacks, sizeof(lacks))) {
                f = guard_add(report, GUARD_ROOT_MODULE, "root '%s' needs the modules %s, which %s has not", own->name, lacks,
                              guard_initrd_name(r));
                if (f)
                        f->level = GUARD_ERROR; /* dompool-init mounts it itself: there is no other way */
        }
        for (size_t i = 0; i < N_ELEMENTS(transports); i++) {
                const struct root_transport *t = &transports[i].t;

                if (t == own || !root_transport_in_args(t, r->dom0_args))
                        continue;
                if (r->facts && root_transport_lacks(t, r->facts, lacks, sizeof(lacks)))
                        guard_add(report, GUARD_ROOT_MODULE,
                                  "dom0's arguments name a root by %s, for which the initrd lacks the modules %s", t->name,
                                  lacks);
                else
                        guard_add(report, GUARD_ROOT_IGNORED,
                                  "dom0's arguments name a root by %s, which dompool-init does not use", t->name);
        }
}
