/* SPDX-License-Identifier: Apache-2.0 */
/* Configures and starts the site's own DHCP server. Runs in the command-line client. */
#include "lab/lab_site.h"

#include <errno.h>

#include "base/cleanup.h"
#include "lab/lab_net.h"
#include "lab/lab_process.h"

void
lab_site_config(const struct lab_room *room, FILE *f)
{
        char ip[IP4_TEXT_SIZE], mac[MAC_TEXT_SIZE];

        fprintf(f, "# Made by 'dompool lab up' for the room '%s': addresses, and nothing else.\n", room->name);
        fprintf(f, "port=0\ninterface=%s\nbind-interfaces\nuser=root\npid-file=\nlog-dhcp\n", LAB_SITE_INTERFACE);
        fprintf(f, "dhcp-leasefile=%s/site.leases\n", room->dir);
        fprintf(f, "dhcp-range=%s,static,1h\n", ip4_text(LAB_SITE_ADDRESS & prefix_mask(LAB_PREFIX), ip));
        for (uint32_t i = 0; i < room->n_hosts; i++) {
                const struct lab_host *h = &room->hosts[i];

                if (h->satellite)
                        continue;
                fprintf(f, "dhcp-host=%s,%s,%s\n", mac_text(&h->mac, mac), ip4_text(h->address, ip), h->name);
        }
}

static int
write_config(const struct lab_room *room, const char *path, struct error *err)
{
        _cleanup_fclose_ FILE *f = fopen(path, "we");

        if (f)
                lab_site_config(room, f);
        if (!f || fflush(f) != 0)
                return error_errno_set(err, errno, "cannot write %s", path);
        return 0;
}

int
lab_site_start(const struct lab_room *room, struct error *err)
{
        char path[LAB_PATH_SIZE], option[LAB_PATH_SIZE + 16], netns[LAB_PATH_SIZE];
        char *argv[] = {(char *)"nsenter",
                        netns,
                        (char *)"dnsmasq",
                        (char *)"--keep-in-foreground",
                        (char *)"--log-facility=-",
                        option,
                        NULL};
        char site[LAB_PATH_SIZE];
        int r;

        if (!room->proxy)
                return 0;
        r = write_config(room, lab_room_path(room, path, "site.conf"), err);
        if (r < 0)
                return r;
        snprintf(option, sizeof(option), "--conf-file=%s", path);
        snprintf(netns, sizeof(netns), "--net=%.200s", lab_net_site_path(room, site));
        return lab_process_start(room, "site", argv, err);
}
