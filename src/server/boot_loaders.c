/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of what `boot` learned about loaders: "MAC LOADER" a line, written anew by rename when there is news, which is rare.
 * Losing it costs a host one failed boot, so a damaged line is skipped and a failed write only said.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "server/boot.h"

#define LOADERS_NAME "loaders.learned"
#define LOADERS_MAX_SIZE (8u << 20)

void
boot_loaders_read(int state_dir, struct loader_memory *m)
{
        int fd = openat(state_dir, LOADERS_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_fclose_ FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
        char line[128], mac_word[32], loader[32];
        size_t n_bad = 0, size = 0;
        struct mac mac;

        while (f && fgets(line, sizeof(line), f) && (size += strlen(line)) <= LOADERS_MAX_SIZE)
                if (sscanf(line, "%31s %31s", mac_word, loader) != 2 || parse_mac(mac_word, &mac) < 0 ||
                    loader_memory_keep(m, &mac, loader) < 0)
                        n_bad++;
        if (n_bad > 0)
                log_warning("%s: damaged, skipped lines=%zu", LOADERS_NAME, n_bad);
}

static void
write_line(void *arg, const struct mac *mac, const struct loader *l)
{
        char text[MAC_TEXT_SIZE];

        fprintf(arg, "%s %s\n", mac_text(mac, text), l->name);
}

static void
write_all(int state_dir, const struct loader_memory *m)
{
        int fd = openat(state_dir, LOADERS_NAME ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        _cleanup_fclose_ FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

        if (f)
                loader_memory_each(m, write_line, f);
        if (!f || fflush(f) != 0 || ferror(f) || renameat(state_dir, LOADERS_NAME ".new", state_dir, LOADERS_NAME) < 0)
                log_warning("%s cannot be written error=\"%s\"", LOADERS_NAME, strerror(errno));
}

void
boot_loader_runs(struct boot *b, const struct mac *mac)
{
        char text[MAC_TEXT_SIZE];

        if (!loader_memory_runs(b->server.memory, mac))
                return;
        log_notice("loader kept mac=%s reason=\"it runs where the usual one does not\"", mac_text(mac, text));
        write_all(b->state_dir, b->server.memory);
}
