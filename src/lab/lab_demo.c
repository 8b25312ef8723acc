/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dompool lab demo`: shows the whole system once. Whatever a person would type is done with the real client, so the output is
 * what a person would see. Runs in the command-line client, as root.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/paths.h"
#include "lab/lab_commands.h"
#include "lab/lab_console.h"
#include "lab/lab_interrupt.h"
#include "lab/lab_process.h"

#define HELLO_TIMEOUT_MS 120000
#define PING_ROUNDS "3"
#define CLIENT_MAX_ARGS 12

struct demo_guest {
        const char *name;
        const char *type;
        const char *host;
        const char *address;
        const char *router; /* NULL: it needs none to be pinged by the server */
        char hello[256];    /* what it said */
};

struct demo {
        struct clock clock;
        int64_t begin_ms;
        char client[PROGRAM_PATH_SIZE];
        char server[LAB_PATH_SIZE + 32];
        struct lab_room room;
        struct demo_guest guests[2];
};

static void __attribute__((format(printf, 2, 3))) title(const struct demo *d, const char *fmt, ...)
{
        va_list ap;

        printf("\n== %5.1f s == ", (double)(clock_mono_ms(&d->clock) - d->begin_ms) / 1000);
        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
        putchar('\n');
        fflush(stdout);
}

/* Fills @argv with the client and the NULL-terminated words; shows them as a person would type them. */
static void
client_argv(const struct demo *d, char *argv[CLIENT_MAX_ARGS], va_list words)
{
        unsigned n = 0;
        char *word;

        argv[n++] = (char *)d->client;
        printf("$ dompool");
        while ((word = va_arg(words, char *)) && n < CLIENT_MAX_ARGS - 1) {
                argv[n++] = word;
                printf(" %s", word);
        }
        argv[n] = NULL;
        putchar('\n');
        fflush(stdout);
}

/* Runs the client with these words and waits. */
static int __attribute__((sentinel)) client(const struct demo *d, struct error *err, ...)
{
        char *argv[CLIENT_MAX_ARGS];
        int status = 0;
        va_list words;
        pid_t pid;

        va_start(words, err);
        client_argv(d, argv, words);
        va_end(words);
        pid = fork();
        if (pid < 0)
                return error_errno_set(err, errno, "cannot fork");
        if (pid == 0) {
                execv(argv[0], argv);
                _exit(127);
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                continue;
        if (lab_interrupted())
                return error_set(err, ERR_CANCELLED, "interrupted");
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                return error_set(err, ERR_TOOL, "'dompool %s %s' failed", argv[1], argv[2]);
        return 0;
}

/* The guest's xl.cfg, shown and written to DIR/NAME.cfg. */
static int
write_guest(const struct demo *d, const struct demo_guest *g, char path[LAB_PATH_SIZE], struct error *err)
{
        char text[512];
        _cleanup_fclose_ FILE *f = fopen(lab_room_path(&d->room, path, "%s.cfg", g->name), "we");

        snprintf(text, sizeof(text),
                 "name = \"%s\"\n"
                 "type = \"%s\"\n"
                 "memory = 128\n"
                 "kernel = \"vmlinuz\"\n"
                 "ramdisk = \"initrd\"\n"
                 "extra = \"console=hvc0 name=%s ip=%s/%d%s%s\"\n"
                 "vif = [ \"bridge=xenbr0\" ]\n",
                 g->name, g->type, g->name, g->address, LAB_PREFIX, g->router ? " gw=" : "", g->router ? g->router : "");
        if (!f || fputs(text, f) < 0)
                return error_errno_set(err, errno, "cannot write %s", path);
        printf("$ cat %s\n%s", path, text);
        return 0;
}

/* On the satellite's LAN they have addresses of that. */
static void
place_guests(struct demo *d)
{
        static const char *const there[] = {"10.78.0.101", "10.78.0.102"};

        for (size_t i = 0; i < N_ELEMENTS(d->guests); i++)
                if (d->room.hosts[i].satellite) {
                        d->guests[i].address = there[i];
                        d->guests[i].router = "10.78.0.1";
                }
}

static int
create_guests(struct demo *d, struct error *err)
{
        char path[LAB_PATH_SIZE];
        int r = 0;

        for (size_t i = 0; r == 0 && i < N_ELEMENTS(d->guests); i++) {
                struct demo_guest *g = &d->guests[i];

                title(d, "a %s guest on %s", g->type, g->host);
                r = write_guest(d, g, path, err);
                if (r == 0)
                        r = client(d, err, "domain", "create", path, "--host", g->host, NULL);
        }
        return r;
}

/* Reads the guest's console by `dompool domain console` until its hello. */
static int
hear_guest(const struct demo *d, struct demo_guest *g, struct error *err)
{
        char *argv[] = {(char *)d->client, (char *)"domain", (char *)"console", (char *)g->name, NULL};
        int r;

        printf("$ dompool domain console %s\n", g->name);
        fflush(stdout);
        r = lab_console_expect(argv, "hello from", HELLO_TIMEOUT_MS, g->hello, sizeof(g->hello), err);
        if (r < 0)
                return error_prefix(err, "console of %s", g->name);
        printf("%s\n", g->hello);
        return 0;
}

/* From the server's network: over the vif, the host's bridge, the QEMU card and the room's bridge. */
static int
ping_guest(const struct demo *d, const struct demo_guest *g, struct error *err)
{
        char *argv[] = {(char *)"busybox", (char *)"ping",      (char *)"-c",       (char *)PING_ROUNDS,
                        (char *)"-w",      (char *)PING_ROUNDS, (char *)g->address, NULL};
        int status = 0, r;

        printf("$ ping %s\n", g->address);
        fflush(stdout);
        r = lab_process_run(&d->room, argv, STDOUT_FILENO, &status, err);
        if (r == 0 && status != 0)
                r = error_set(err, ERR_UNREACHABLE, "%s (%s) does not answer pings", g->name, g->address);
        return r;
}

static int
show_guests(struct demo *d, struct error *err)
{
        int r = 0;

        title(d, "what they say, and whether they are on the network");
        for (size_t i = 0; r == 0 && i < N_ELEMENTS(d->guests); i++) {
                r = hear_guest(d, &d->guests[i], err);
                if (r == 0)
                        r = ping_guest(d, &d->guests[i], err);
        }
        return r;
}

static int
play(struct demo *d, struct error *err)
{
        int r;

        title(d, "the hosts");
        r = client(d, err, "host", "list", NULL);
        if (r == 0)
                r = client(d, err, "host", "trace", d->room.hosts[0].name, NULL);
        if (r == 0)
                r = create_guests(d, err);
        if (r == 0)
                r = show_guests(d, err);
        if (r < 0)
                return r;
        title(d, "the whole room");
        r = client(d, err, "host", "list", NULL);
        if (r == 0)
                r = client(d, err, "domain", "list", NULL);
        if (r < 0)
                return r;
        title(d, "a guest is told to shut down");
        return client(d, err, "domain", "shutdown", d->guests[0].name, NULL);
}

static void
finish(const struct demo *d, const struct lab_options *o)
{
        if (o->keep && !lab_interrupted()) {
                printf("\nthe room is kept: dompool --server %s ..., 'dompool lab down' ends it\n", d->server);
                return;
        }
        title(d, "the room is taken down");
        lab_down(&d->room);
}

int
lab_demo_command(const struct lab_options *o, struct error *err)
{
        struct demo d = {.guests = {{.name = "pvh1", .type = "pvh", .host = "n1", .address = "10.77.0.101"},
                                    {.name = "pv1", .type = "pv", .host = "n2", .address = "10.77.0.102"}}};
        struct lab_options options = *o;
        int r;

        if (paths_program("dompool", d.client) < 0)
                return error_set(err, ERR_NOT_FOUND, "the program dompool is neither beside this one nor installed");
        options.n_hosts = N_ELEMENTS(d.guests);
        clock_init_real(&d.clock);
        d.begin_ms = clock_mono_ms(&d.clock);
        lab_interrupt_catch();
        title(&d, "a room of %u diskless PCs", options.n_hosts);
        r = lab_up(&options, &d.room, stdout, err);
        if (r < 0)
                return r;
        place_guests(&d);
        snprintf(d.server, sizeof(d.server), "unix:%s/run/api.sock", d.room.dir);
        setenv("DOMPOOL_SERVER", d.server, 1); /* for the client's runs below */
        r = play(&d, err);
        finish(&d, o);
        if (r == 0)
                title(&d, "done");
        return r;
}
