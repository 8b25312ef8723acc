/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_LAB_LAB_OPTIONS_H
#define DOMPOOL_LAB_LAB_OPTIONS_H
/* The command line of `dompool lab`: one table of options, from which parser and help are made. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "lab/lab_room.h"

#define LAB_MAX_WORDS 4

struct lab_options {
        bool help;
        bool keep; /* leave a room that failed (up), or that is done (demo), standing */
        bool json;
        bool proxy;                 /* addresses are another DHCP server's */
        unsigned n_satellite_hosts; /* on the LAN of a satellite; 0: there is none */
        char satellite_hosts[LAB_MAX_HOSTS][LAB_NAME_SIZE];
        char name[LAB_NAME_SIZE];
        char dir[LAB_PATH_SIZE];
        char store[LAB_PATH_SIZE];
        uint32_t n_hosts;     /* 1..LAB_MAX_HOSTS */
        uint32_t n_firmwares; /* host i gets number i modulo this */
        enum lab_firmware firmwares[LAB_MAX_HOSTS];
        uint32_t memory_mib; /* of each machine */
        unsigned n_nics;     /* likewise */
        char nics[LAB_MAX_HOSTS][LAB_NAME_SIZE];
        char disk[LAB_PATH_SIZE]; /* of which each machine has a copy; empty: they have none */
        uint32_t n_cards;   /* of each machine, 1 or 2 */
        unsigned n_loaders; /* likewise; 0: the best for each firmware */
        char loaders[LAB_MAX_HOSTS][LAB_NAME_SIZE];
        char kernel_args[256]; /* of all hosts' dom0, behind the server's own */
        uint64_t timeout_s;    /* from a host's power-on to ready */
        unsigned n_words;      /* what is no option */
        const char *words[LAB_MAX_WORDS];
};

/* argv[0] is the verb. Sets defaults first. ERR_USAGE names the option. */
int lab_options_parse(struct lab_options *o, int argc, char **argv, struct error *err);

/* One line per option. */
void lab_options_help(FILE *f);

#endif
