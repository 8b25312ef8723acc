/* SPDX-License-Identifier: Apache-2.0 */
/* Configures and starts the room's dompoold. Runs in the command-line client. */
#include "lab/lab_server.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/paths.h"
#include "image/image_key.h"
#include "lab/lab_api.h"
#include "lab/lab_interrupt.h"
#include "lab/lab_process.h"

#define START_PAUSE_MS 50u
#define START_ROUNDS 400u /* 20 s; the first start makes a key */

static void
config_host(const struct lab_room *room, const struct lab_host *h, FILE *f)
{
        char mac[MAC_TEXT_SIZE], ip[IP4_TEXT_SIZE];

        fprintf(f, "\nhost \"%s\" {\n", h->name);
        fprintf(f, "\tmac = \"%s\"\n", mac_text(&h->mac, mac));
        if (h->satellite)
                fprintf(f, "\tlabels = \"%s\"\n", LAB_SATELLITE);
        else if (!room->proxy)
                fprintf(f, "\taddress = \"%s\"\n", ip4_text(h->address, ip));
        fprintf(f, "\tprofile = \"pool\"\n");
        if (h->loader[0])
                fprintf(f, "\tloader = \"%s\"\n", h->loader);
        fprintf(f, "}\n");
}

void
lab_server_config(const struct lab_room *room, FILE *f)
{
        char a[IP4_TEXT_SIZE], b[IP4_TEXT_SIZE];

        fprintf(f, "# Made by 'dompool lab up' for the room '%s'.\n", room->name);
        fprintf(f, "state-dir = \"%s/state\"\n", room->dir);
        fprintf(f, "run-dir = \"%s/run\"\n", room->dir);
        fprintf(f, "guest-files = \"%s/guests\"\n", room->dir);
        fprintf(f, "image-store = \"%s\"\n", room->store);
        fprintf(f, "console = \"com1\"\n");
        if (room->kernel_args[0])
                fprintf(f, "kernel-args = \"%s\"\n", room->kernel_args);
        fprintf(f, "\nnetwork {\n");
        fprintf(f, "\tinterface = \"%s\"\n", LAB_BRIDGE);
        fprintf(f, "\taddress = \"%s\"\n", ip4_text(LAB_SERVER_ADDRESS, a));
        fprintf(f, "\tsubnet = \"%s/%d\"\n", ip4_text(LAB_SERVER_ADDRESS & prefix_mask(LAB_PREFIX), a), LAB_PREFIX);
        if (room->proxy)
                fprintf(f, "\tmode = \"proxy\"\n");
        else
                fprintf(f, "\trange = \"%s-%s\"\n", ip4_text(LAB_SERVER_ADDRESS + 199, a),
                        ip4_text(LAB_SERVER_ADDRESS + 249, b));
        if (room->satellite && !room->proxy)
                fprintf(f, "\trouter = \"%s\"\n", ip4_text(LAB_SERVER_ADDRESS, a)); /* hosts of the two LANs meet */
        fprintf(f, "}\n\napi {\n\tsocket = \"%s/run/api.sock\"\n}\n", room->dir);
        for (uint32_t i = 0; i < room->n_hosts; i++)
                config_host(room, &room->hosts[i], f);
}

/* The server signs with the key that the store's images are built for: a room with a key of its own would make every other
 * room's images unbelievable, and have its own built anew each time. */
static int
copy_image_key(const struct lab_room *room, struct error *err)
{
        char from[LAB_PATH_SIZE + sizeof(IMAGE_KEY_NAME)], to[LAB_PATH_SIZE];

        snprintf(from, sizeof(from), "%s/" IMAGE_KEY_NAME, room->store);
        return lab_room_copy(from, lab_room_path(room, to, "state/" IMAGE_KEY_NAME), err);
}

int
lab_server_prepare(const struct lab_room *room, struct error *err)
{
        char path[LAB_PATH_SIZE];
        _cleanup_fclose_ FILE *f = NULL;
        int r = copy_image_key(room, err);

        if (r < 0)
                return r;
        f = fopen(lab_room_path(room, path, "dompoold.conf"), "we");
        if (!f)
                return error_errno_set(err, errno, "cannot write %s", path);
        lab_server_config(room, f);
        if (fflush(f) != 0)
                return error_errno_set(err, errno, "cannot write %s", path);
        return 0;
}

int
lab_server_start(const struct lab_room *room, struct error *err)
{
        char program[PROGRAM_PATH_SIZE], config[LAB_PATH_SIZE];
        char *argv[] = {program, (char *)"-c", config, NULL};
        struct error not_yet;
        json_t *answer;
        int r;

        if (paths_program("dompoold", program) < 0)
                return error_set(err, ERR_NOT_FOUND, "the program dompoold is neither beside this one nor installed");
        lab_room_path(room, config, "dompoold.conf");
        r = lab_process_start(room, "dompoold", argv, err);
        for (unsigned i = 0; r == 0 && i < START_ROUNDS; i++) {
                if (lab_api_get(room, "/v1/server", &answer, &not_yet) == 0) {
                        json_decref(answer);
                        return 0;
                }
                if (!lab_process_pid(room, "dompoold"))
                        return lab_process_ended(room, "dompoold", err);
                r = lab_sleep_ms(START_PAUSE_MS, err);
        }
        return r < 0 ? r : error_set(err, ERR_TIMEOUT, "dompoold's API does not answer: %s", not_yet.message);
}
