/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a room down, whole or half made. Runs in the command-line client, as root. */
#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab/lab_commands.h"
#include "lab/lab_net.h"
#include "lab/lab_process.h"
#include "lab/lab_qemu.h"
#include "lab/lab_server.h"

void
lab_down(const struct lab_room *room)
{
        for (uint32_t i = 0; i < room->n_hosts; i++)
                lab_qemu_stop(room, &room->hosts[i]);
        lab_process_stop(room, "dompoold", LAB_SERVER_GRACE_MS);
        lab_process_stop(room, LAB_SATELLITE, LAB_SERVER_GRACE_MS);
        lab_process_sweep(room);
        lab_net_delete(room);
        lab_room_remove(room); /* last: it is what a later `down` finds the rest by */
}

int
lab_down_command(const struct lab_options *o, struct error *err)
{
        struct lab_room room;
        int r;

        r = lab_room_load(&room, o->dir, err);
        if (r == -ENOENT) {
                /* Only a namespace may be left, of a room whose folder somebody removed. Nothing at all is what was asked for.
                 */
                lab_room_init(&room, o);
                lab_process_sweep(&room);
                lab_net_delete(&room);
                return 0;
        }
        if (r < 0)
                return r;
        lab_down(&room);
        return 0;
}
