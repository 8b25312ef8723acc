/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a room, step by step, and takes back what it made when a step fails or a signal comes. Runs in the command-line client.
 */
#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/paths.h"
#include "image/image_build.h"
#include "lab/lab_commands.h"
#include "lab/lab_interrupt.h"
#include "lab/lab_net.h"
#include "lab/lab_process.h"
#include "lab/lab_qemu.h"
#include "lab/lab_satellite.h"
#include "lab/lab_server.h"
#include "lab/lab_site.h"

#define HOST_RECIPE "micro"
#define GUEST_RECIPE "guest-hello"

/* Each step says how long it took. */
struct step_clock {
        struct clock clock;
        int64_t begin_ms;
        char build_step[32]; /* the image builder's, shown last */
        FILE *out;
};

static void
step_begin(struct step_clock *s, const char *what)
{
        s->begin_ms = clock_mono_ms(&s->clock);
        fprintf(s->out, "%s\n", what);
        fflush(s->out);
}

static void
step_end(const struct step_clock *s, const char *what)
{
        fprintf(s->out, "%s (%.1f s)\n", what, (double)(clock_mono_ms(&s->clock) - s->begin_ms) / 1000);
        fflush(s->out);
}

/* One line a step, not one a package. */
static void
show_build(void *arg, const char *step, unsigned percent, const char *text)
{
        struct step_clock *s = arg;

        (void)percent;
        if (strcmp(s->build_step, step) == 0)
                return;
        str_copy(s->build_step, sizeof(s->build_step), step);
        fprintf(s->out, "  %6.1f s  %-10s %s\n", (double)(clock_mono_ms(&s->clock) - s->begin_ms) / 1000, step,
                text ? text : "");
        fflush(s->out);
}

static int
make_parents(const char *path, struct error *err)
{
        char part[LAB_PATH_SIZE];

        for (const char *p = path; (p = strchr(p + 1, '/'));) {
                snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
                if (mkdir(part, 0755) < 0 && errno != EEXIST)
                        return error_errno_set(err, errno, "cannot make the folder %s", part);
        }
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
                return error_errno_set(err, errno, "cannot make the folder %s", path);
        return 0;
}

/* One recipe of images/ into the store; quick when it is current. */
static int
build_one(const struct lab_room *room, const char *name, struct step_clock *s, struct image *ret, struct error *err)
{
        char data[LAB_PATH_SIZE], recipe[PROGRAM_PATH_SIZE], program[PROGRAM_PATH_SIZE];
        struct image_build build = {.store = room->store, .recipe_dir = recipe, .name = name, .progress = show_build, .arg = s};

        snprintf(data, sizeof(data), "images/%s", name);
        if (paths_data(data, recipe) < 0)
                return error_set(err, ERR_NOT_FOUND, "the recipe %s is neither in the source tree nor installed", data);
        if (paths_program("dompool-agent", program) < 0)
                return error_set(err, ERR_NOT_FOUND, "the program dompool-agent is neither beside this one nor installed");
        build.program_dir = dirname(program);
        return image_build(&build, ret, err);
}

/* The guests' kernel and ramdisk lie where the server allows xl.cfg files to name them. */
static int
copy_guest_files(const struct lab_room *room, struct error *err)
{
        static const char *const files[] = {"vmlinuz", "initrd"};
        char from[LAB_PATH_SIZE * 2], to[LAB_PATH_SIZE];
        int r = 0;

        for (size_t i = 0; r == 0 && i < N_ELEMENTS(files); i++) {
                snprintf(from, sizeof(from), "%s/guests/" GUEST_RECIPE "/%s", room->store, files[i]);
                r = lab_room_copy(from, lab_room_path(room, to, "guests/%s", files[i]), err);
        }
        return r;
}

/* Node image, loaders, and the guests' files. */
static int
ensure_images(const struct lab_room *room, struct step_clock *s, struct error *err)
{
        struct image host, guest;
        char done[300];
        int r;

        step_begin(s, "image: the node image 'micro', and a small guest");
        r = make_parents(room->store, err);
        if (r == 0)
                r = build_one(room, HOST_RECIPE, s, &host, err);
        if (r == 0)
                r = loaders_build(room->store, err);
        if (r == 0)
                r = build_one(room, GUEST_RECIPE, s, &guest, err);
        if (r == 0)
                r = copy_guest_files(room, err);
        if (lab_interrupted())
                return error_set(err, ERR_CANCELLED, "interrupted");
        if (r < 0)
                return r;
        snprintf(done, sizeof(done), "image: %.16s, Xen %s, Linux %s", host.id, host.xen_version, host.kernel_version);
        step_end(s, done);
        return 0;
}

/* Switches the hosts on one after the other: under emulation each takes a whole core until it is ready. */
static int
boot_hosts(const struct lab_options *o, const struct lab_room *room, FILE *progress, struct error *err)
{
        struct lab_watch w;
        struct clock clock;
        int r = 0;

        clock_init_real(&clock);
        lab_watch_init(&w, room, progress);
        for (uint32_t i = 0; r == 0 && i < room->n_hosts; i++) {
                lab_watch_power_on(&w, i, clock_wall_ms(&clock));
                r = lab_qemu_start(room, &room->hosts[i], err);
                if (r == 0)
                        r = lab_watch_wait(&w, i, 1, STAGE_READY, (int64_t)o->timeout_s * 1000, err);
                if (r < 0 && !lab_interrupted())
                        lab_watch_explain(&w, i);
        }
        return r;
}

/* The network, the server, and the other machines that the room has. */
static int
start_servers(const struct lab_room *room, struct step_clock *s, struct error *err)
{
        int r;

        step_begin(s, "server: dompoold in its own network");
        r = lab_net_create(room, err);
        if (r == 0)
                r = lab_site_start(room, err);
        if (r == 0)
                r = lab_server_prepare(room, err);
        if (r == 0)
                r = lab_server_start(room, err);
        if (r < 0)
                return r;
        step_end(s, "server: it answers");
        if (!room->satellite)
                return 0;
        step_begin(s, "satellite: dompoold --satellite on a LAN of its own");
        r = lab_satellite_prepare(room, err);
        if (r == 0)
                r = lab_satellite_start(room, err);
        if (r == 0)
                r = lab_satellite_wait(room, err);
        if (r == 0)
                step_end(s, "satellite: it serves");
        return r;
}

static int
make_room(const struct lab_options *o, const struct lab_room *room, FILE *progress, struct error *err)
{
        struct step_clock s = {.out = progress};
        int r;

        clock_init_real(&s.clock);
        r = ensure_images(room, &s, err);
        if (r < 0)
                return r;
        r = start_servers(room, &s, err);
        if (r < 0)
                return r;
        s.begin_ms = clock_mono_ms(&s.clock);
        r = boot_hosts(o, room, progress, err);
        if (r == 0)
                step_end(&s, "hosts: all ready");
        return r;
}

static int
check_before(const struct lab_options *o, const struct lab_room *room, struct error *err)
{
        char path[LAB_PATH_SIZE];

        if (geteuid() != 0)
                return error_set(err, ERR_DENIED, "a room needs root: it makes a network namespace");
        if (access(lab_room_path(room, path, "room.json"), F_OK) == 0 || access(lab_net_path(room, path), F_OK) == 0)
                return error_set(err, ERR_EXISTS, "there is a room '%s' already; 'dompool lab down --name %s' takes it down",
                                 o->name, o->name);
        return lab_qemu_check(room, err);
}

static int
copy_disks(const struct lab_options *o, const struct lab_room *room, struct error *err)
{
        char path[LAB_PATH_SIZE];
        int r = 0;

        for (uint32_t i = 0; r == 0 && room->disk && i < room->n_hosts; i++)
                r = lab_room_copy(o->disk, lab_room_path(room, path, "%s/disk.img", room->hosts[i].name), err);
        return r;
}

int
lab_up(const struct lab_options *o, struct lab_room *room, FILE *progress, struct error *err)
{
        int r;

        lab_room_init(room, o);
        r = check_before(o, room, err);
        if (r < 0)
                return r;
        r = lab_room_save(room, err);
        if (r == 0)
                r = copy_disks(o, room, err);
        if (r == 0)
                r = make_room(o, room, progress, err);
        if (r < 0 && o->keep && !lab_interrupted())
                fprintf(progress, "the room is kept in %s\n", room->dir);
        else if (r < 0)
                lab_down(room);
        return r;
}

int
lab_up_command(const struct lab_options *o, struct error *err)
{
        FILE *progress = o->json ? stderr : stdout;
        struct lab_room room;
        int r;

        lab_interrupt_catch();
        r = lab_up(o, &room, progress, err);
        if (r < 0)
                return r;
        return lab_status_print(&room, o->json, stdout, err);
}
