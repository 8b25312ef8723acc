/* SPDX-License-Identifier: Apache-2.0 */
/* Follows and shows boots. Starts and stops nothing. Runs in the command-line client. */
#include "lab/lab_watch.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/lab_api.h"
#include "lab/lab_interrupt.h"
#include "lab/lab_process.h"
#include "lab/lab_qemu.h"

#define CONSOLE_LINES 25
#define LINE_SIZE 400

void
lab_watch_init(struct lab_watch *w, const struct lab_room *room, FILE *out)
{
        *w = (struct lab_watch){.room = room, .out = out, .terminal = isatty(fileno(out)) == 1};
}

void
lab_watch_power_on(struct lab_watch *w, uint32_t host, int64_t now_ms)
{
        w->hosts[host] = (struct lab_watch_host){.on_ms = now_ms};
}

static int
stage_find(const char *text)
{
        for (int i = 0; i < STAGE_N; i++)
                if (strcmp(boot_stage_names[i], text) == 0)
                        return i;
        return -1;
}

static int
host_find(const struct lab_room *room, const char *name)
{
        const struct lab_host *h = lab_room_host(room, name);

        return h ? (int)(h - room->hosts) : -1;
}

int
lab_watch_event(struct lab_watch *w, const json_t *event, uint32_t *ret_host)
{
        const char *kind, *subject, *what, *text = "";
        json_int_t id, time_ms, boot = 0;
        struct lab_watch_host *h;
        int host, stage;

        if (json_unpack((json_t *)event, "{s:I, s:I, s:s, s:s, s:s, s?s, s?I}", "id", &id, "time_ms", &time_ms, "kind", &kind,
                        "subject", &subject, "what", &what, "text", &text, "boot", &boot) < 0)
                return -1;
        if ((uint64_t)id > w->last_event)
                w->last_event = (uint64_t)id;
        host = host_find(w->room, subject);
        if (host < 0 || strcmp(kind, "boot") != 0)
                return -1;
        h = &w->hosts[host];
        if (h->on_ms == 0 || time_ms < h->on_ms)
                return -1;
        if ((uint64_t)boot > h->boot) {
                *h = (struct lab_watch_host){.on_ms = h->on_ms, .boot = (uint64_t)boot};
        }
        stage = stage_find(what);
        if (stage < 0 && strcmp(what, "error") == 0)
                str_copy(h->complaint, sizeof(h->complaint), text);
        if (stage < 0 || h->stage_ms[stage] != 0)
                return -1;
        h->stage_ms[stage] = time_ms;
        *ret_host = (uint32_t)host;
        return stage;
}

char *
lab_watch_line(const struct lab_watch *w, uint32_t host, char *buf, size_t size)
{
        const struct lab_watch_host *h = &w->hosts[host];
        const struct lab_host *lh = &w->room->hosts[host];
        size_t n = (size_t)snprintf(buf, size, "%-4s %s", lh->name, lab_firmware_name(lh->firmware));

        if (h->on_ms == 0)
                snprintf(buf + n, size - n, "  off");
        for (int i = 0; i < STAGE_N && n < size; i++)
                if (h->stage_ms[i] != 0)
                        n += (size_t)snprintf(buf + n, size - n, "  %s %.1f", boot_stage_names[i],
                                              (double)(h->stage_ms[i] - h->on_ms) / 1000);
        if (h->stage_ms[STAGE_READY] != 0 && n < size)
                snprintf(buf + n, size - n, " s");
        return buf;
}

/* Terminal: all lines anew over the old ones. */
static void
draw(struct lab_watch *w)
{
        char line[LINE_SIZE];

        if (!w->terminal)
                return;
        if (w->n_drawn > 0)
                fprintf(w->out, "\033[%uA", w->n_drawn);
        for (uint32_t i = 0; i < w->room->n_hosts; i++)
                fprintf(w->out, "\r%s\033[K\n", lab_watch_line(w, i, line, sizeof(line)));
        w->n_drawn = w->room->n_hosts;
        fflush(w->out);
}

static void
show_stage(struct lab_watch *w, uint32_t host, int stage, const char *text)
{
        const struct lab_watch_host *h = &w->hosts[host];

        if (w->terminal)
                return;
        fprintf(w->out, "%-4s %6.1f s  %-7s %s\n", w->room->hosts[host].name, (double)(h->stage_ms[stage] - h->on_ms) / 1000,
                boot_stage_names[stage], text);
        fflush(w->out);
}

static int
poll_events(struct lab_watch *w, struct error *err)
{
        json_t *answer = NULL, *event;
        const char *text;
        char path[80];
        uint32_t host;
        size_t i;
        int stage, r;

        snprintf(path, sizeof(path), "/v1/events?after=%llu&wait=1&limit=500", (unsigned long long)w->last_event);
        r = lab_api_get(w->room, path, &answer, err);
        if (r < 0)
                return r;
        json_array_foreach(json_object_get(answer, "events"), i, event)
        {
                stage = lab_watch_event(w, event, &host);
                text = json_string_value(json_object_get(event, "text"));
                if (stage >= 0)
                        show_stage(w, host, stage, text ? text : "");
        }
        json_decref(answer);
        draw(w);
        return 0;
}

static int
check_processes(const struct lab_watch *w, uint32_t first, uint32_t n, struct error *err)
{
        char path[LAB_PATH_SIZE];

        if (!lab_process_pid(w->room, "dompoold"))
                return error_set(err, ERR_STATE, "dompoold has ended; see %s",
                                 lab_room_path(w->room, path, "log/dompoold.log"));
        if (w->room->satellite && !lab_process_pid(w->room, LAB_SATELLITE))
                return error_set(err, ERR_STATE, "the satellite has ended; see %s",
                                 lab_room_path(w->room, path, "log/" LAB_SATELLITE ".log"));
        for (uint32_t i = first; i < first + n; i++)
                if (!lab_process_pid(w->room, w->room->hosts[i].name))
                        return error_set(err, ERR_STATE, "the QEMU of %s has ended; see %s", w->room->hosts[i].name,
                                         lab_room_path(w->room, path, "log/%s.log", w->room->hosts[i].name));
        return 0;
}

/* Index of a host that is not there yet, -1 when all are. */
static int
first_missing(const struct lab_watch *w, uint32_t first, uint32_t n, enum boot_stage stage)
{
        for (uint32_t i = first; i < first + n; i++)
                if (w->hosts[i].stage_ms[stage] == 0)
                        return (int)i;
        return -1;
}

int
lab_watch_wait(struct lab_watch *w, uint32_t first, uint32_t n, enum boot_stage stage, int64_t timeout_ms, struct error *err)
{
        struct error unreachable;
        struct clock clock;
        int missing, r;

        clock_init_real(&clock);
        draw(w);
        while ((missing = first_missing(w, first, n, stage)) >= 0) {
                if (clock_wall_ms(&clock) - w->hosts[missing].on_ms > timeout_ms)
                        return error_set(err, ERR_TIMEOUT, "%s did not reach '%s' within %lld s of its power-on",
                                         w->room->hosts[missing].name, boot_stage_names[stage], (long long)timeout_ms / 1000);
                r = check_processes(w, first, n, err);
                if (r < 0)
                        return r;
                r = poll_events(w, &unreachable);
                if (r < 0)
                        /* The server may be restarting (a role died): ask again until the time is over. */
                        r = lab_sleep_ms(500, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

void
lab_watch_explain(const struct lab_watch *w, uint32_t host)
{
        const struct lab_host *lh = &w->room->hosts[host];
        const struct lab_watch_host *h = &w->hosts[host];
        const char *stuck = NULL, *reached = NULL;
        char path[LAB_PATH_SIZE];
        json_t *trace = NULL;
        struct error err;

        for (int i = 0; i < STAGE_N; i++)
                if (h->stage_ms[i] != 0)
                        reached = boot_stage_names[i];
        fprintf(w->out, "%s: %s%s\n", lh->name, reached ? "got as far as " : "nothing was heard of it", reached ? reached : "");
        snprintf(path, sizeof(path), "/v1/hosts/%s/trace", lh->name);
        if (lab_api_get(w->room, path, &trace, &err) == 0)
                stuck = json_string_value(json_object_get(json_array_get(json_object_get(trace, "boots"), 0), "stuck"));
        if (stuck && stuck[0])
                fprintf(w->out, "%s: stuck: %s\n", lh->name, stuck);
        if (h->complaint[0])
                fprintf(w->out, "%s: it said: %s\n", lh->name, h->complaint);
        fprintf(w->out, "%s: the last lines of its console (%s):\n", lh->name,
                lab_room_path(w->room, path, "log/%s.serial.log", lh->name));
        lab_console_tail(w->room, lh, CONSOLE_LINES, "  | ", w->out);
        json_decref(trace);
}
