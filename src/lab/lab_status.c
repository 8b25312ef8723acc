/* SPDX-License-Identifier: Apache-2.0 */
/* `dompool lab status`: what runs, where its sockets are, what the server says of the hosts. Runs in the command-line client.
 */
#include <errno.h>
#include <jansson.h>

#include "lab/lab_api.h"
#include "lab/lab_commands.h"
#include "lab/lab_process.h"

static json_t *
host_status(const struct lab_room *room, const struct lab_host *h)
{
        char mac[MAC_TEXT_SIZE], ip[IP4_TEXT_SIZE], serial[LAB_PATH_SIZE], log[LAB_PATH_SIZE], path[LAB_PATH_SIZE];
        json_t *answer = NULL, *out;
        const char *state = "unknown", *leased = "0.0.0.0";
        struct error ignored;

        snprintf(path, sizeof(path), "/v1/hosts/%s", h->name);
        if (lab_api_get(room, path, &answer, &ignored) == 0)
                json_unpack(answer, "{s?s, s?s}", "state", &state, "address_now", &leased);
        out = json_pack("{s:s, s:s, s:s, s:s, s:b, s:i, s:s, s:s, s:s, s:s}", "name", h->name, "firmware",
                        lab_firmware_name(h->firmware), "mac", mac_text(&h->mac, mac), "address",
                        h->satellite ? leased : ip4_text(h->address, ip), "satellite", h->satellite, "pid",
                        (int)lab_process_pid(room, h->name), "state", state, "tap", h->tap, "serial",
                        lab_room_path(room, serial, "%s/serial.sock", h->name), "console",
                        lab_room_path(room, log, "log/%s.serial.log", h->name));
        json_decref(answer);
        return out;
}

/* null: the room has none. */
static json_t *
satellite_status(const struct lab_room *room)
{
        char config[LAB_PATH_SIZE];
        json_t *answer = NULL, *out;
        const char *state = "unknown";
        struct error ignored;

        if (!room->satellite)
                return json_null();
        if (lab_api_get(room, "/v1/satellites/" LAB_SATELLITE, &answer, &ignored) == 0)
                json_unpack(answer, "{s?s}", "state", &state);
        out = json_pack("{s:s, s:o, s:i, s:s, s:s}", "name", LAB_SATELLITE, "netns",
                        json_sprintf("%s-" LAB_SATELLITE, room->netns), "pid", (int)lab_process_pid(room, LAB_SATELLITE),
                        "state", state, "config", lab_room_path(room, config, LAB_SATELLITE ".conf"));
        json_decref(answer);
        return out;
}

static json_t *
room_status(const struct lab_room *room)
{
        char socket[LAB_PATH_SIZE], config[LAB_PATH_SIZE];
        json_t *hosts = json_array();

        for (uint32_t i = 0; i < room->n_hosts; i++)
                json_array_append_new(hosts, host_status(room, &room->hosts[i]));
        return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:o, s:o}", "name", room->name, "netns", room->netns, "dir", room->dir,
                         "dompoold", (int)lab_process_pid(room, "dompoold"), "socket",
                         lab_room_path(room, socket, "run/api.sock"), "config", lab_room_path(room, config, "dompoold.conf"),
                         "satellite", satellite_status(room), "hosts", hosts);
}

static void
print_text(json_t *status, FILE *f)
{
        const char *name, *netns, *socket, *firmware, *mac, *address, *state, *serial;
        json_t *hosts, *host, *satellite;
        int pid;
        size_t i;

        if (json_unpack(status, "{s:s, s:s, s:i, s:s, s:o, s:o}", "name", &name, "netns", &netns, "dompoold", &pid, "socket",
                        &socket, "satellite", &satellite, "hosts", &hosts) < 0)
                return;
        fprintf(f, "room %s, network namespace %s\n", name, netns);
        fprintf(f, "dompoold  %s  pid %d  %s\n", pid ? "runs" : "is down", pid, socket);
        if (json_unpack(satellite, "{s:s, s:i, s:s}", "netns", &netns, "pid", &pid, "state", &state) == 0)
                fprintf(f, "satellite %s  pid %d  %-13s  network namespace %s\n", pid ? "runs" : "is down", pid, state, netns);
        json_array_foreach(hosts, i, host) if (json_unpack(host, "{s:s, s:s, s:s, s:s, s:i, s:s, s:s}", "name", &name,
                                                           "firmware", &firmware, "mac", &mac, "address", &address, "pid", &pid,
                                                           "state", &state, "serial", &serial) == 0)
                fprintf(f, "%-4s %-9s  %s  %-13s  %s  pid %d  %-8s %s\n", name, firmware, mac, address, pid ? "on " : "off",
                        pid, state, serial);
}

int
lab_status_print(const struct lab_room *room, bool json, FILE *f, struct error *err)
{
        json_t *status = room_status(room);

        if (!status)
                return error_set(err, ERR_NO_SPACE, "out of memory");
        if (json) {
                json_dumpf(status, f, JSON_INDENT(2));
                fputc('\n', f);
        } else {
                print_text(status, f);
        }
        json_decref(status);
        return 0;
}

int
lab_status_command(const struct lab_options *o, struct error *err)
{
        struct lab_room room;
        int r;

        r = lab_room_load(&room, o->dir, err);
        if (r < 0)
                return r;
        return lab_status_print(&room, o->json, stdout, err);
}
