/* SPDX-License-Identifier: Apache-2.0 */
/* Parses `dompool lab`'s options from one table. Opens nothing, starts nothing. Runs in the command-line client. */
#include "lab/lab_options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "bootcfg/loader.h"
#include "lab/lab.h"

#define MEMORY_MIN_MIB 768u
#define MEMORY_MAX_MIB 65536u
#define TIMEOUT_MAX_S 3600u

typedef int (*option_fn)(struct lab_options *o, const char *value, struct error *err);

struct option_row {
        const char *name;
        const char *value; /* NULL: takes none */
        option_fn set;
        const char *help;
};

static int
set_name(struct lab_options *o, const char *value, struct error *err)
{
        static const char *const machines[] = {"-site", "-satellite"}; /* lab_net.h */
        size_t n = strlen(value);

        if (!name_ok(value) || !str_copy(o->name, sizeof(o->name), value))
                return error_set(err, ERR_USAGE, "--name '%s': at most %zu of [a-zA-Z0-9._-]", value, sizeof(o->name) - 1);
        for (size_t i = 0; i < N_ELEMENTS(machines); i++)
                if (n > strlen(machines[i]) && strcmp(value + n - strlen(machines[i]), machines[i]) == 0)
                        return error_set(err, ERR_USAGE, "--name '%s': a machine of the room '%.*s' is called so", value,
                                         (int)(n - strlen(machines[i])), value);
        return 0;
}

static int
set_path(char *dst, const char *option, const char *value, struct error *err)
{
        if (value[0] != '/')
                return error_set(err, ERR_USAGE, "%s '%s': must be an absolute path", option, value);
        if (!str_copy(dst, LAB_PATH_SIZE, value))
                return error_set(err, ERR_USAGE, "%s: longer than %d bytes", option, LAB_PATH_SIZE - 1);
        return 0;
}

static int
set_dir(struct lab_options *o, const char *value, struct error *err)
{
        return set_path(o->dir, "--dir", value, err);
}

static int
set_store(struct lab_options *o, const char *value, struct error *err)
{
        return set_path(o->store, "--store", value, err);
}

static int
set_hosts(struct lab_options *o, const char *value, struct error *err)
{
        uint32_t n;

        if (parse_u32(value, LAB_MAX_HOSTS, &n) < 0 || n == 0)
                return error_set(err, ERR_USAGE, "--hosts '%s': a number from 1 to %d", value, LAB_MAX_HOSTS);
        o->n_hosts = n;
        return 0;
}

static int
set_firmware(struct lab_options *o, const char *value, struct error *err)
{
        char list[256];
        char *save = NULL;
        int firmware;

        if (!str_copy(list, sizeof(list), value))
                return error_set(err, ERR_USAGE, "--firmware: more than %d names", LAB_MAX_HOSTS);
        o->n_firmwares = 0;
        for (char *word = strtok_r(list, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
                firmware = lab_firmware_find(word);
                if (firmware < 0)
                        return error_set(err, ERR_USAGE, "--firmware '%s': must be bios, uefi or uefi-http, or a list of them",
                                         word);
                if (o->n_firmwares == LAB_MAX_HOSTS)
                        return error_set(err, ERR_USAGE, "--firmware: more than %d names", LAB_MAX_HOSTS);
                o->firmwares[o->n_firmwares++] = (enum lab_firmware)firmware;
        }
        if (o->n_firmwares == 0)
                return error_set(err, ERR_USAGE, "--firmware: must be bios, uefi or uefi-http, or a list of them");
        return 0;
}

static int
set_memory(struct lab_options *o, const char *value, struct error *err)
{
        uint64_t bytes;

        if (parse_size(value, &bytes) < 0 || bytes >> 20 < MEMORY_MIN_MIB || bytes >> 20 > MEMORY_MAX_MIB)
                return error_set(err, ERR_USAGE, "--memory '%s': a size such as 1500M, from %uM to %uM", value, MEMORY_MIN_MIB,
                                 MEMORY_MAX_MIB);
        o->memory_mib = (uint32_t)(bytes >> 20);
        return 0;
}

/* Words with commas between, each of at most LAB_NAME_SIZE - 1 name characters. */
static int
set_list(const char *option, const char *value, char list[LAB_MAX_HOSTS][LAB_NAME_SIZE], unsigned *ret_n, struct error *err)
{
        char copy[256];
        char *save = NULL;
        unsigned n = 0;

        if (!str_copy(copy, sizeof(copy), value))
                return error_set(err, ERR_USAGE, "%s: more than %zu bytes", option, sizeof(copy) - 1);
        for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save))
                if (n == LAB_MAX_HOSTS || !name_ok(word) || !str_copy(list[n++], LAB_NAME_SIZE, word))
                        return error_set(err, ERR_USAGE, "%s '%s': at most %d names", option, word, LAB_MAX_HOSTS);
        if (n == 0)
                return error_set(err, ERR_USAGE, "%s: names no one", option);
        *ret_n = n;
        return 0;
}

static int
set_nic(struct lab_options *o, const char *value, struct error *err)
{
        static const char *const nics[] = {"virtio-net-pci", "e1000", "rtl8139", "pcnet"};
        int r = set_list("--nic", value, o->nics, &o->n_nics, err);

        for (unsigned i = 0; r == 0 && i < o->n_nics; i++) {
                bool known = false;

                for (size_t k = 0; k < N_ELEMENTS(nics); k++)
                        known = known || strcmp(nics[k], o->nics[i]) == 0;
                if (!known)
                        return error_set(err, ERR_USAGE, "--nic '%s': must be virtio-net-pci, e1000, rtl8139 or pcnet",
                                         o->nics[i]);
        }
        return r;
}

static int
set_nics(struct lab_options *o, const char *value, struct error *err)
{
        uint32_t n;

        if (parse_u32(value, 2, &n) < 0 || n == 0)
                return error_set(err, ERR_USAGE, "--nics '%s': 1 or 2", value);
        o->n_cards = n;
        return 0;
}

static int
set_disk(struct lab_options *o, const char *value, struct error *err)
{
        if (access(value, R_OK) < 0)
                return error_errno_set(err, errno, "--disk %s", value);
        return set_path(o->disk, "--disk", value, err);
}

static int
set_loader(struct lab_options *o, const char *value, struct error *err)
{
        int r = set_list("--loader", value, o->loaders, &o->n_loaders, err);

        for (unsigned i = 0; r == 0 && i < o->n_loaders; i++)
                if (strcmp(o->loaders[i], "best") != 0)
                        r = loader_check(o->loaders[i], err);
        return r;
}

static int
set_kernel_args(struct lab_options *o, const char *value, struct error *err)
{
        if (strpbrk(value, "\"\\\n") || !str_copy(o->kernel_args, sizeof(o->kernel_args), value))
                return error_set(err, ERR_USAGE, "--kernel-args: at most %zu bytes, no quotes", sizeof(o->kernel_args) - 1);
        return 0;
}

static int
set_timeout(struct lab_options *o, const char *value, struct error *err)
{
        uint64_t s;

        if (parse_duration(value, &s) < 0 || s == 0 || s > TIMEOUT_MAX_S)
                return error_set(err, ERR_USAGE, "--timeout '%s': from 1s to 1h", value);
        o->timeout_s = s;
        return 0;
}

static int
set_proxy(struct lab_options *o, const char *value, struct error *err)
{
        (void)value;
        (void)err;
        o->proxy = true;
        return 0;
}

static int
set_satellite(struct lab_options *o, const char *value, struct error *err)
{
        return set_list("--satellite", value, o->satellite_hosts, &o->n_satellite_hosts, err);
}

static int
set_keep(struct lab_options *o, const char *value, struct error *err)
{
        (void)value;
        (void)err;
        o->keep = true;
        return 0;
}

static int
set_json(struct lab_options *o, const char *value, struct error *err)
{
        (void)value;
        (void)err;
        o->json = true;
        return 0;
}

static int
set_help(struct lab_options *o, const char *value, struct error *err)
{
        (void)value;
        (void)err;
        o->help = true;
        return 0;
}

static const struct option_row rows[] = {
        {"hosts", "N", set_hosts, "how many PCs, 1 to 16 (2)"},
        {"firmware", "LIST", set_firmware, "bios, uefi or uefi-http; a list gives each host its own: bios,uefi (bios)"},
        {"memory", "SIZE", set_memory, "memory of each PC (1500M)"},
        {"nic", "LIST", set_nic, "virtio-net-pci, e1000, rtl8139 or pcnet, or a list of them (virtio-net-pci)"},
        {"nics", "N", set_nics, "cards of each PC, 1 or 2; the second is on a network of its own (1)"},
        {"disk", "FILE", set_disk, "a disk of its own for each PC, a copy of this image; it boots it where it is told to"},
        {"loader", "LIST", set_loader, "loaders as in dompoold.conf(5), or best (best)"},
        {"kernel-args", "TEXT", set_kernel_args, "more for every dom0's kernel command line"},
        {"name", "NAME", set_name, "name of the room; its namespace is dompool-NAME (lab)"},
        {"dir", "DIR", set_dir, "where its files are (/run/dompool-NAME)"},
        {"store", "DIR", set_store, "image store (/var/cache/dompool/images)"},
        {"timeout", "TIME", set_timeout, "longest time from power-on to ready (4m)"},
        {"proxy", NULL, set_proxy, "another DHCP server (dnsmasq) hands out the addresses; dompoold is a proxy"},
        {"satellite", "LIST", set_satellite, "hosts, such as n2, that are on a second LAN, which a satellite serves"},
        {"keep", NULL, set_keep, "do not take the room down after a failure or at the demo's end"},
        {"json", NULL, set_json, "print the room as JSON; progress goes to standard error"},
        {"help", NULL, set_help, "this text"},
};

static void
options_defaults(struct lab_options *o)
{
        *o = (struct lab_options){
                .n_hosts = 2, .n_cards = 1, .n_firmwares = 1, .firmwares = {LAB_BIOS}, .memory_mib = 1500, .timeout_s = 240};
        str_copy(o->name, sizeof(o->name), "lab");
        o->n_nics = 1;
        str_copy(o->nics[0], sizeof(o->nics[0]), "virtio-net-pci");
        str_copy(o->store, sizeof(o->store), "/var/cache/dompool/images");
}

static bool
is_host(const struct lab_options *o, const char *name)
{
        char known[LAB_NAME_SIZE];

        for (uint32_t i = 1; i <= o->n_hosts; i++) {
                snprintf(known, sizeof(known), "n%u", i);
                if (strcmp(known, name) == 0)
                        return true;
        }
        return false;
}

/* How many hosts there are may be said behind it. */
static int
check_satellite_hosts(const struct lab_options *o, struct error *err)
{
        for (unsigned i = 0; i < o->n_satellite_hosts; i++)
                if (!is_host(o, o->satellite_hosts[i]))
                        return error_set(err, ERR_USAGE, "--satellite '%s': the room has only the hosts n1 to n%u",
                                         o->satellite_hosts[i], o->n_hosts);
        return 0;
}

static int
options_finish(struct lab_options *o, struct error *err)
{
        if (o->dir[0] == '\0')
                snprintf(o->dir, sizeof(o->dir), "/run/dompool-%s", o->name);
        if (strlen(o->dir) > LAB_DIR_MAX)
                return error_set(err, ERR_USAGE, "--dir: longer than %d bytes, sockets in it would have no valid name",
                                 LAB_DIR_MAX);
        return check_satellite_hosts(o, err);
}

int
lab_options_parse(struct lab_options *o, int argc, char **argv, struct error *err)
{
        struct option longs[N_ELEMENTS(rows) + 1] = {0};
        int c, r, at;

        for (size_t i = 0; i < N_ELEMENTS(rows); i++)
                longs[i] = (struct option){rows[i].name, rows[i].value ? required_argument : no_argument, NULL, 0};
        options_defaults(o);
        optind = 0; /* glibc: start anew, the client has parsed its own options before */
        opterr = 0;
        while ((c = getopt_long(argc, argv, "", longs, &at)) != -1) {
                if (c != 0)
                        return error_set(err, ERR_USAGE, "option '%s' is unknown or lacks its value; see 'dompool lab --help'",
                                         argv[optind - 1]);
                r = rows[at].set(o, optarg, err);
                if (r < 0)
                        return r;
        }
        for (; optind < argc; optind++) {
                if (o->n_words == LAB_MAX_WORDS)
                        return error_set(err, ERR_USAGE, "too many arguments; see 'dompool lab --help'");
                o->words[o->n_words++] = argv[optind];
        }
        return options_finish(o, err);
}

const char *
lab_option_at(size_t i, const char **ret_help)
{
        if (i >= N_ELEMENTS(rows))
                return NULL;
        *ret_help = rows[i].help;
        return rows[i].name;
}

void
lab_options_help(FILE *f)
{
        char left[40];

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                snprintf(left, sizeof(left), "--%s%s%s", rows[i].name, rows[i].value ? " " : "",
                         rows[i].value ? rows[i].value : "");
                fprintf(f, "  %-20s %s\n", left, rows[i].help);
        }
}
