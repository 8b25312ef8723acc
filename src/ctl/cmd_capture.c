/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dompool host capture: one machine's packets, from before it is switched on until its boot is over, into a pcap file. The
 * server captures and says when it is over; here bytes are written down and the boot's progress is told. Runs in: dompool.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"
#include "ctl/ctl_ws.h"
#include "ipc/messages.h"
#include "proto/pcap.h"

struct capture {
        struct ctl_ws *ws;
        FILE *progress;
        const char *machine;
        const char *file;
        int fd;
        bool begun;
        uint64_t bytes, packets;
        int write_error; /* errno */
};

static void
write_all(struct capture *k, const uint8_t *data, size_t size)
{
        for (size_t done = 0; done < size && !k->write_error;) {
                ssize_t n = write(k->fd, data + done, size - done);

                if (n < 0 && errno != EINTR)
                        k->write_error = errno;
                if (n > 0)
                        done += (size_t)n;
        }
}

/* A message holds whole records. */
static uint64_t
count_records(const uint8_t *data, size_t size)
{
        uint64_t n = 0;

        for (size_t at = 0; at + PCAP_RECORD_SIZE <= size; n++) {
                const uint8_t *kept = data + at + 8;

                at += PCAP_RECORD_SIZE +
                      ((size_t)kept[0] | (size_t)kept[1] << 8 | (size_t)kept[2] << 16 | (size_t)kept[3] << 24);
        }
        return n;
}

static void
on_message(void *arg, bool text, const void *data, size_t size)
{
        struct capture *k = arg;
        char line[400], clean[400];

        if (text) {
                snprintf(line, sizeof(line), "%.*s", (int)size, (const char *)data);
                fprintf(k->progress, "  %s\n", ctl_clean(line, clean, sizeof(clean)));
                return;
        }
        write_all(k, data, size);
        if (k->begun)
                k->packets += count_records(data, size);
        else
                fprintf(k->progress, "capturing %s into %s; switch it on. Ctrl-C ends.\n", k->machine, k->file);
        k->begun = true; /* the first message is the file's head */
        k->bytes += size;
        if (k->write_error && !k->ws->left)
                ctl_ws_leave(k->ws);
}

static int
number_option(const struct ctl *c, enum ctl_option option, uint64_t min, uint64_t max, uint64_t *ret, struct error *err)
{
        if (!c->opt[option])
                return 0;
        if (parse_u64(c->opt[option], max, ret) < 0 || (*ret < min && *ret != 0) || (min == 1 && *ret == 0))
                return error_set(err, ERR_USAGE, "--%s '%.20s': %llu to %llu is wanted%s", ctl_options[option].name,
                                 c->opt[option], (unsigned long long)min, (unsigned long long)max,
                                 min > 1 ? ", or 0: whole packets" : "");
        return 0;
}

/* What is asked of the server. @name: a host, or a MAC with dashes. */
static int
make_path(const struct ctl *c, const char *name, char *path, size_t size, struct error *err)
{
        uint64_t boots = 1, seconds = 600, snap = 512;
        int r = number_option(c, OPT_BOOTS, 1, CAPTURE_MAX_BOOTS, &boots, err);

        if (r == 0)
                r = number_option(c, OPT_SNAP, CAPTURE_SNAP_MIN, CAPTURE_SNAP_MAX, &snap, err);
        if (r == 0 && c->opt[OPT_TIME] &&
            (parse_duration(c->opt[OPT_TIME], &seconds) < 0 || seconds == 0 || seconds > CAPTURE_MAX_SECONDS))
                r = error_set(err, ERR_USAGE, "--time '%.20s': 1s to 24h is wanted, such as 10m", c->opt[OPT_TIME]);
        if (r == 0)
                snprintf(path, size, "/v1/hosts/%s/capture?boots=%llu&seconds=%llu&snap=%llu", name, (unsigned long long)boots,
                         (unsigned long long)seconds, (unsigned long long)snap);
        return r;
}

/* What is in it is for the administrator's eyes: the boot token is among it. */
static int
open_file(struct capture *k, struct error *err)
{
        if (strcmp(k->file, "-") == 0) {
                if (isatty(STDOUT_FILENO))
                        return error_set(err, ERR_USAGE, "a pcap file is not for a terminal: pipe it, as in '| tcpdump -nr -'");
                k->fd = STDOUT_FILENO;
                k->file = "standard output";
                return 0;
        }
        k->fd = open(k->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        return k->fd < 0 ? error_errno_set(err, errno, "%s", k->file) : 0;
}

static int
result(struct ctl *c, const struct capture *k, struct error *err)
{
        enum ctl_output output = CTL_OUT_TABLE;
        char end[160];
        int r = k->write_error ? error_errno_set(err, k->write_error, "%s", k->file) : ctl_ws_result(k->ws, err);

        if (r == 0)
                r = ctl_output(c, &output, err);
        if (r < 0)
                return r;
        ctl_clean(k->ws->left ? "interrupted" : k->ws->end_text, end, sizeof(end));
        if (output == CTL_OUT_JSON && k->fd != STDOUT_FILENO) {
                json_t *json = json_pack("{s:s,s:s,s:I,s:I,s:s}", "machine", k->machine, "file", k->file, "packets",
                                         (json_int_t)k->packets, "bytes", (json_int_t)k->bytes, "end", end);

                ctl_print_json(stdout, json);
                json_decref(json);
        }
        fprintf(k->progress, "%s; %llu packets, %llu bytes in %s\n", end, (unsigned long long)k->packets,
                (unsigned long long)k->bytes, k->file);
        if (k->packets == 0 && !k->ws->left)
                return error_set(err, ERR_TIMEOUT,
                                 "no packet of %s came: is it on a network of this server, and was it switched on?",
                                 k->machine);
        return 0;
}

static int
watch(struct ctl *c, struct capture *k, const char *path, struct error *err)
{
        bool input;
        int r = ctl_ws_open(c, k->ws, path, err);

        if (r == 0)
                r = open_file(k, err);
        if (r < 0)
                return r;
        while (ctl_ws_turn(k->ws, -1, &input))
                if (ctl_interrupted() && !k->ws->left)
                        ctl_ws_leave(k->ws);
        return result(c, k, err);
}

int
cmd_host_capture(struct ctl *c, int argc, char **argv, struct error *err)
{
        struct capture k = {.progress = stderr, .machine = argv[0], .file = c->opt[OPT_FILE], .fd = -1};
        struct ctl_ws ws = {.what = "capture", .on_message = on_message, .arg = &k};
        char name[NAME_SIZE], path[300], by_default[NAME_SIZE + 8];
        int r;

        (void)argc;
        k.ws = &ws;
        ctl_machine(argv[0], name);
        r = ctl_name("a host or MAC address", name, err);
        if (r == 0)
                r = make_path(c, name, path, sizeof(path), err);
        snprintf(by_default, sizeof(by_default), "%s.pcap", name);
        if (!k.file)
                k.file = by_default;
        ctl_catch_interrupt();
        if (r == 0)
                r = watch(c, &k, path, err);
        ctl_ws_close(&ws);
        if (k.fd >= 0 && k.fd != STDOUT_FILENO && close(k.fd) < 0 && r == 0)
                r = error_errno_set(err, errno, "%s", k.file);
        return r;
}
