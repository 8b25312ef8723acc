/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what the root costs: dompool-init's note, NFS's counters, those of the block device, the layer. Runs in: hv. */
#include "hv/hv_root.h"

#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"

#define MOUNTSTATS_MAX (256u << 10)
#define LOOP_MAJOR 7

/* As much of a file as goes into @buf; "" when it cannot be read. */
static void
read_text(const char *path, char *buf, size_t size)
{
        _cleanup_fclose_ FILE *f = fopen(path, "re");

        buf[f ? fread(buf, 1, size - 1, f) : 0] = '\0';
}

/* A root that came with the initrd lies in a tmpfs, or, without a limit, in a ramfs. */
static bool
is_ram(const char *path)
{
        struct statfs fs;

        return statfs(path, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

static bool
space(const char *path, uint64_t *ret_used, uint64_t *ret_size)
{
        struct statvfs s;

        if (statvfs(path, &s) < 0 || s.f_blocks == 0)
                return false;
        *ret_used = (uint64_t)(s.f_blocks - s.f_bfree) * s.f_frsize;
        *ret_size = (uint64_t)s.f_blocks * s.f_frsize;
        return true;
}

bool
hv_root_layer(uint64_t *ret_used, uint64_t *ret_size)
{
        if (access(ROOT_FACTS_FILE, F_OK) == 0)
                return space(ROOT_LAYER_FOLDER, ret_used, ret_size);
        return is_ram("/") && space("/", ret_used, ret_size);
}

/* What is read as it is needed, by the counters of who reads it. What dompool-init fetched as a whole it has counted itself:
 * that is a file behind a loop device. */
static void
count_fetched(struct root_cost *cost)
{
        _cleanup_free_ char *text = malloc(MOUNTSTATS_MAX);
        char path[64], line[256];
        struct stat st;

        if (!text || stat(ROOT_LOWER, &st) < 0 || major(st.st_dev) == LOOP_MAJOR)
                return;
        if (major(st.st_dev) == 0) {
                read_text("/proc/self/mountstats", text, MOUNTSTATS_MAX);
                root_cost_nfs(text, ROOT_LOWER, &cost->fetched);
                return;
        }
        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/stat", major(st.st_dev), minor(st.st_dev));
        read_text(path, line, sizeof(line));
        root_cost_block(line, &cost->fetched);
}

void
hv_root_nfs_dirs(char ret[NFS_DIRS_STATE_SIZE])
{
        read_text(NFS_DIRS_FILE, ret, NFS_DIRS_STATE_SIZE);
        ret[strcspn(ret, "\n")] = '\0';
}

void
hv_root_measure(struct root_cost *ret)
{
        char text[ROOT_COST_TEXT_SIZE + 100];

        *ret = (struct root_cost){0};
        read_text(ROOT_FACTS_FILE, text, sizeof(text));
        if (root_cost_facts(text, ret) == 0)
                count_fetched(ret);
        else if (is_ram("/"))
                str_copy(ret->root, sizeof(ret->root), "ram");
        if (!hv_root_layer(&ret->layer_used, &ret->layer_size))
                ret->layer_used = ret->layer_size = 0;
        if (strcmp(ret->root, "ram") == 0)
                ret->ram = ret->layer_used;
}
