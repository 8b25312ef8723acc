/* SPDX-License-Identifier: Apache-2.0 */
/* `dompool lab power HOST|server|satellite on|off|reset`: what a finger at the PC would do. Runs in the command-line client. */
#include <string.h>

#include "base/cleanup.h"
#include "lab/lab_commands.h"
#include "lab/lab_process.h"
#include "lab/lab_qemu.h"
#include "lab/lab_satellite.h"
#include "lab/lab_server.h"

static int
host_off(const struct lab_room *room, const struct lab_host *h, struct error *err)
{
        if (!lab_process_pid(room, h->name))
                return error_set(err, ERR_STATE, "%s is off already", h->name);
        lab_qemu_stop(room, h);
        return 0;
}

static int
server_on(const struct lab_room *room, struct error *err)
{
        if (lab_process_pid(room, "dompoold"))
                return error_set(err, ERR_STATE, "dompoold runs already");
        return lab_server_start(room, err);
}

static int
server_off(const struct lab_room *room, struct error *err)
{
        (void)err;
        lab_process_stop(room, "dompoold", LAB_SERVER_GRACE_MS);
        return 0;
}

static int
server_reset(const struct lab_room *room, struct error *err)
{
        server_off(room, err);
        return server_on(room, err);
}

static int
satellite_on(const struct lab_room *room, struct error *err)
{
        if (lab_process_pid(room, LAB_SATELLITE))
                return error_set(err, ERR_STATE, "the satellite runs already");
        return lab_satellite_start(room, err);
}

static int
satellite_off(const struct lab_room *room, struct error *err)
{
        (void)err;
        lab_process_stop(room, LAB_SATELLITE, LAB_SERVER_GRACE_MS);
        return 0;
}

static int
satellite_reset(const struct lab_room *room, struct error *err)
{
        satellite_off(room, err);
        return satellite_on(room, err);
}

static const struct power_verb {
        const char *name;
        int (*host)(const struct lab_room *room, const struct lab_host *h, struct error *err);
        int (*server)(const struct lab_room *room, struct error *err);
        int (*satellite)(const struct lab_room *room, struct error *err);
} verbs[] = {
        {"on", lab_qemu_start, server_on, satellite_on},
        {"off", host_off, server_off, satellite_off},
        {"reset", lab_qemu_reset, server_reset, satellite_reset},
};

static int
power(const struct lab_room *room, const char *who, const char *what, struct error *err)
{
        const struct lab_host *h = lab_room_host(room, who);
        bool server = strcmp(who, "server") == 0, satellite = room->satellite && strcmp(who, LAB_SATELLITE) == 0;

        if (!h && !server && !satellite)
                return error_set(err, ERR_NOT_FOUND, "the room has no host '%s', only n1 to n%u, server%s", who, room->n_hosts,
                                 room->satellite ? " and satellite" : "");
        for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
                if (strcmp(verbs[i].name, what) == 0)
                        return h        ? verbs[i].host(room, h, err)
                               : server ? verbs[i].server(room, err)
                                        : verbs[i].satellite(room, err);
        return error_set(err, ERR_USAGE, "'%s' is none of on, off, reset", what);
}

int
lab_power_command(const struct lab_options *o, struct error *err)
{
        struct lab_room room;
        int r;

        if (o->n_words != 2)
                return error_set(err, ERR_USAGE, "dompool lab power HOST|server|satellite on|off|reset");
        r = lab_room_load(&room, o->dir, err);
        return r < 0 ? r : power(&room, o->words[0], o->words[1], err);
}
