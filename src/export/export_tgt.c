/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of grants as calls of tgtadm. Pure. */
#include "export/export_tgt.h"

#include <stdlib.h>
#include <string.h>

/* Never 0, which is tgtd's own. */
static unsigned
target_number(const char *image)
{
        char digits[8];

        snprintf(digits, sizeof(digits), "%.7s", image);
        return (unsigned)strtoul(digits, NULL, 16) + 1;
}

static bool
has_image(const struct export_grant *list, size_t n, const char *image)
{
        for (size_t i = 0; i < n; i++)
                if (list[i].root == ROOT_ISCSI && strcmp(list[i].image, image) == 0)
                        return true;
        return false;
}

static bool
has_address(const struct export_grant *list, size_t n, const struct export_grant *g)
{
        for (size_t i = 0; i < n; i++)
                if (list[i].root == ROOT_ISCSI && strcmp(list[i].image, g->image) == 0 && list[i].address == g->address)
                        return true;
        return false;
}

/* Is it the first that is so in its list? */
static bool
is_first(const struct export_grant *list, size_t i,
         bool (*has)(const struct export_grant *, size_t, const struct export_grant *))
{
        return !has(list, i, &list[i]);
}

static bool
has_image_of(const struct export_grant *list, size_t n, const struct export_grant *g)
{
        return has_image(list, n, g->image);
}

static void
put_new_target(const char *store, const char *image, FILE *f)
{
        unsigned tid = target_number(image);

        fprintf(f, "--op\tnew\t--mode\ttarget\t--tid\t%u\t--targetname\t%s%.16s\n", tid, ROOT_IQN, image);
        fprintf(f, "--op\tnew\t--mode\tlogicalunit\t--tid\t%u\t--lun\t1\t--backing-store\t%s/versions/%s/root.squashfs\n", tid,
                store, image);
        fprintf(f, "--op\tupdate\t--mode\tlogicalunit\t--tid\t%u\t--lun\t1\t--params\treadonly=1\n", tid);
}

static void
put_binding(const char *op, const struct export_grant *g, FILE *f)
{
        char address[IP4_TEXT_SIZE];

        fprintf(f, "--op\t%s\t--mode\ttarget\t--tid\t%u\t--initiator-address\t%s\n", op, target_number(g->image),
                ip4_text(g->address, address));
}

void
export_tgt_calls(const char *store, const struct export_grant *old, size_t n_old, const struct export_grant *new, size_t n_new,
                 FILE *f)
{
        for (size_t i = 0; i < n_old; i++) {
                if (old[i].root != ROOT_ISCSI)
                        continue;
                if (has_image(new, n_new, old[i].image)) {
                        if (old[i].address && is_first(old, i, has_address) && !has_address(new, n_new, &old[i]))
                                put_binding("unbind", &old[i], f);
                } else if (is_first(old, i, has_image_of)) {
                        fprintf(f, "--op\tdelete\t--mode\ttarget\t--force\t--tid\t%u\n", target_number(old[i].image));
                }
        }
        for (size_t i = 0; i < n_new; i++) {
                if (new[i].root != ROOT_ISCSI)
                        continue;
                if (is_first(new, i, has_image_of) && !has_image(old, n_old, new[i].image))
                        put_new_target(store, new[i].image, f);
                if (new[i].address && is_first(new, i, has_address) && !has_address(old, n_old, &new[i]))
                        put_binding("bind", &new[i], f);
        }
}
