/* SPDX-License-Identifier: Apache-2.0 */
/* Enrols, configures and starts the room's satellite. Runs in the command-line client. */
#include "lab/lab_satellite.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/paths.h"
#include "lab/lab_api.h"
#include "lab/lab_interrupt.h"
#include "lab/lab_net.h"
#include "lab/lab_process.h"

#define SERVE_PAUSE_MS 100u
#define SERVE_ROUNDS 600u /* a minute: it fetches loaders and images first */

void
lab_satellite_config(const struct lab_room *room, FILE *f)
{
        char a[IP4_TEXT_SIZE], b[IP4_TEXT_SIZE];

        fprintf(f, "# Made by 'dompool lab up' for the satellite of the room '%s'.\n", room->name);
        fprintf(f, "satellite = \"%s/satellite/enrolment\"\n", room->dir);
        fprintf(f, "state-dir = \"%s/satellite/state\"\n", room->dir);
        fprintf(f, "run-dir = \"%s/satellite/run\"\n", room->dir);
        fprintf(f, "guest-files = \"%s/satellite/guests\"\n", room->dir);
        fprintf(f, "image-store = \"%s/satellite/store\"\n", room->dir);
        fprintf(f, "\nnetwork {\n");
        fprintf(f, "\tinterface = \"%s\"\n", LAB_SATELLITE_INTERFACE);
        fprintf(f, "\taddress = \"%s\"\n", ip4_text(LAB_SATELLITE_ADDRESS, a));
        fprintf(f, "\tsubnet = \"%s/%d\"\n", ip4_text(LAB_SATELLITE_ADDRESS & prefix_mask(LAB_PREFIX), a), LAB_PREFIX);
        fprintf(f, "\trange = \"%s-%s\"\n", ip4_text(LAB_SATELLITE_ADDRESS + 10, a), ip4_text(LAB_SATELLITE_ADDRESS + 99, b));
        fprintf(f, "\trouter = \"%s\"\n}\n", ip4_text(LAB_SATELLITE_ADDRESS, a));
}

static int
write_config(const struct lab_room *room, struct error *err)
{
        char path[LAB_PATH_SIZE];
        _cleanup_fclose_ FILE *f = fopen(lab_room_path(room, path, "satellite.conf"), "we");

        if (f)
                lab_satellite_config(room, f);
        if (!f || fflush(f) != 0)
                return error_errno_set(err, errno, "cannot write %s", path);
        return 0;
}

/* `dompool satellite add`, its line where the satellite looks for it. */
static int
enrol(const struct lab_room *room, struct error *err)
{
        char program[PROGRAM_PATH_SIZE], server[LAB_PATH_SIZE + 16], socket[LAB_PATH_SIZE], path[LAB_PATH_SIZE];
        char *argv[] = {program,      (char *)"--server", server, (char *)"satellite", (char *)"add", (char *)LAB_SATELLITE,
                        (char *)"-o", (char *)"name",     NULL};
        _cleanup_close_ int fd = -1;
        int status = 0, r;

        if (paths_program("dompool", program) < 0)
                return error_set(err, ERR_NOT_FOUND, "the program dompool is neither beside this one nor installed");
        snprintf(server, sizeof(server), "unix:%s", lab_room_path(room, socket, "run/api.sock"));
        fd = open(lab_room_path(room, path, "satellite/enrolment"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_errno_set(err, errno, "cannot write %s", path);
        r = lab_process_run(room, argv, fd, &status, err);
        if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
                r = error_set(err, ERR_TOOL, "'dompool satellite add %s' failed; see %s", LAB_SATELLITE, path);
        return r;
}

int
lab_satellite_prepare(const struct lab_room *room, struct error *err)
{
        int r;

        if (!room->satellite)
                return 0;
        r = write_config(room, err);
        return r == 0 ? enrol(room, err) : r;
}

int
lab_satellite_start(const struct lab_room *room, struct error *err)
{
        char program[PROGRAM_PATH_SIZE], config[LAB_PATH_SIZE], netns[LAB_PATH_SIZE], path[LAB_PATH_SIZE];
        char *argv[] = {(char *)"nsenter", netns, program, (char *)"--satellite", (char *)"-c", config, NULL};

        if (!room->satellite)
                return 0;
        if (paths_program("dompoold", program) < 0)
                return error_set(err, ERR_NOT_FOUND, "the program dompoold is neither beside this one nor installed");
        lab_room_path(room, config, "satellite.conf");
        snprintf(netns, sizeof(netns), "--net=%.200s", lab_net_satellite_path(room, path));
        return lab_process_start(room, LAB_SATELLITE, argv, err);
}

/* Does it serve the newest generation? What keeps it otherwise: @trouble. */
static bool
serves(const struct lab_room *room, char trouble[200])
{
        const char *state = "", *told = "";
        json_int_t generation = 0, offered = 0;
        json_t *answer = NULL;
        struct error err;

        if (lab_api_get(room, "/v1/satellites/" LAB_SATELLITE, &answer, &err) < 0) {
                snprintf(trouble, 200, "%.199s", err.message);
                return false;
        }
        json_unpack(answer, "{s?s, s?s, s?I, s?I}", "state", &state, "trouble", &told, "generation", &generation, "offered",
                    &offered);
        snprintf(trouble, 200, "it is %.32s, %.150s", state, *told ? told : "and fetches its files");
        json_decref(answer);
        return offered > 0 && generation == offered;
}

int
lab_satellite_wait(const struct lab_room *room, struct error *err)
{
        char trouble[200] = "";
        int r = 0;

        if (!room->satellite)
                return 0;
        for (unsigned i = 0; r == 0 && i < SERVE_ROUNDS; i++) {
                if (serves(room, trouble))
                        return 0;
                if (!lab_process_pid(room, LAB_SATELLITE))
                        return lab_process_ended(room, LAB_SATELLITE, err);
                r = lab_sleep_ms(SERVE_PAUSE_MS, err);
        }
        return r < 0 ? r : error_set(err, ERR_TIMEOUT, "the satellite does not serve its LAN: %s", trouble);
}
