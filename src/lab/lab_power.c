/* SPDX-License-Identifier: Apache-2.0 */
/* `dompool lab power HOST on|off|reset`: what a finger at the PC would do. Runs in the command-line client. */
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab/lab_commands.h"
#include "lab/lab_process.h"
#include "lab/lab_qemu.h"

static int
power_off(const struct lab_room *room, const struct lab_host *h, struct error *err)
{
        if (!lab_process_pid(room, h->name))
                return error_set(err, ERR_STATE, "%s is off already", h->name);
        lab_qemu_stop(room, h);
        return 0;
}

static const struct power_verb {
        const char *name;
        int (*fn)(const struct lab_room *room, const struct lab_host *h, struct error *err);
} verbs[] = {
        {"on", lab_qemu_start},
        {"off", power_off},
        {"reset", lab_qemu_reset},
};

int
lab_power_command(const struct lab_options *o, struct error *err)
{
        _cleanup_close_ int lock = -1;
        const struct lab_host *h;
        struct lab_room room;
        int r;

        if (o->n_words != 2)
                return error_set(err, ERR_USAGE, "dompool lab power HOST on|off|reset");
        lock = lab_room_lock(o->name, err);
        if (lock < 0)
                return error_to_errno(err->code);
        r = lab_room_load(&room, o->dir, err);
        if (r < 0)
                return r;
        h = lab_room_host(&room, o->words[0]);
        if (!h)
                return error_set(err, ERR_NOT_FOUND, "the room has no host '%s', only n1 to n%u", o->words[0], room.n_hosts);
        for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
                if (strcmp(verbs[i].name, o->words[1]) == 0)
                        return verbs[i].fn(&room, h, err);
        return error_set(err, ERR_USAGE, "'%s' is none of on, off, reset", o->words[1]);
}
