/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_LAB_LAB_ROOM_H
#define DOMPOOL_LAB_LAB_ROOM_H
/*
 * What a room is: its names, addresses and files. Kept in DIR/room.json from before the first thing is made until everything
 * is gone, so that `lab down` can take down what a crashed `lab up` left.
 *
 *     DIR/room.json            this description
 *     DIR/dompoold.conf        made by lab_server.c
 *     DIR/site.conf            the site's DHCP server's, made by lab_site.c; its leases are in DIR/site.leases
 *     DIR/satellite.conf       the satellite's, made by lab_satellite.c; its enrolment, state and images are in DIR/satellite
 *     DIR/run/api.sock         the API
 *     DIR/state, DIR/guests    the server's state; kernels and ramdisks for guests
 *     DIR/pid/NAME             one a process: pid and start time
 *     DIR/log/NAME.log         standard output and error of each process; HOST.serial.log its serial console
 *     DIR/HOST/{qmp.sock,serial.sock,vars.fd,disk.img}
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/parse.h"

#define LAB_MAX_HOSTS 16
#define LAB_NAME_SIZE 32
#define LAB_PATH_SIZE 256
#define LAB_DIR_MAX 72 /* a Unix socket's path has 107 bytes at most */
#define LAB_BRIDGE "lab0"
#define LAB_SERVER_ADDRESS 0x0a4d0001u /* 10.77.0.1 */
#define LAB_SITE_ADDRESS 0x0a4d0002u   /* 10.77.0.2: the site's DHCP server */
#define LAB_PREFIX 24
#define LAB_FIRST_HOST_ADDRESS 0x0a4d000bu    /* 10.77.0.11 */
#define LAB_SATELLITE "satellite"             /* its name, the label of its hosts, and the name of its process */
#define LAB_SATELLITE_BRIDGE "lab1"           /* its LAN */
#define LAB_SATELLITE_ADDRESS 0x0a4e0001u     /* 10.78.0.1, there */
#define LAB_SATELLITE_LINK_SERVER 0x0a4f0001u /* 10.79.0.1/30: the line from the server ... */
#define LAB_SATELLITE_LINK 0x0a4f0002u        /* 10.79.0.2: ... to it */
#define LAB_SATELLITE_LINK_PREFIX 30
#define LAB_SEGMENT_BRIDGE "lab2"       /* where the second card of each PC is; there is no boot server */
#define LAB_SEGMENT_ADDRESS 0x0a500001u /* 10.80.0.1: the room, there */

enum lab_firmware {
        LAB_BIOS,
        LAB_UEFI,      /* PXE */
        LAB_UEFI_HTTP, /* PXE is switched off, so that it boots by HTTP */
};

struct lab_host {
        char name[LAB_NAME_SIZE];
        char tap[16];
        char tap2[16]; /* of the second card; empty: it has one */
        struct mac mac, mac2;
        uint32_t address; /* 0: on the satellite's LAN, where it gets one of the range */
        bool satellite;   /* on its LAN, not on the server's */
        enum lab_firmware firmware;
        char nic[LAB_NAME_SIZE];
        char loader[LAB_NAME_SIZE]; /* empty: the best for its firmware */
        uint32_t memory_mib;
};

struct lab_room {
        char name[LAB_NAME_SIZE];
        char netns[LAB_NAME_SIZE + 16]; /* its file is /run/netns/NAME, as with `ip netns` */
        char dir[LAB_PATH_SIZE];
        char store[LAB_PATH_SIZE];
        char kernel_args[256];
        bool proxy;     /* a DHCP server of the site (lab_site.c) hands out the addresses */
        bool satellite; /* there is one (lab_satellite.c): a host is on its LAN */
        bool disk;      /* each host has one, HOST/disk.img */
        bool segment;   /* a network of its own for the second cards of the hosts */
        uint32_t n_hosts;
        struct lab_host hosts[LAB_MAX_HOSTS];
};

struct lab_options;

/* "bios", "uefi", "uefi-http" */
const char *lab_firmware_name(enum lab_firmware f);
/* -1 when the text is none. */
int lab_firmware_find(const char *text);

/* Describes the room that the options ask for; touches nothing. */
void lab_room_init(struct lab_room *room, const struct lab_options *o);

/* "DIR/" and the formatted rest, which must fit. Returns @buf. */
char *lab_room_path(const struct lab_room *room, char buf[LAB_PATH_SIZE], const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

/* NULL when there is no such host. */
const struct lab_host *lab_room_host(const struct lab_room *room, const char *name);

/* Makes the folders and writes room.json. */
int lab_room_save(const struct lab_room *room, struct error *err);

/* ERR_NOT_FOUND: there is no room in @dir. */
int lab_room_load(struct lab_room *room, const char *dir, struct error *err);

/* Copies a file with its mode; the new one replaces what is there. */
int lab_room_copy(const char *from, const char *to, struct error *err);

/* Removes DIR with all that is in it. */
void lab_room_remove(const struct lab_room *room);

/* One of `up`, `down`, `demo`, `power` works on a room at a time: the returned descriptor holds the lock, -1 on error
 * (ERR_BUSY). */
int lab_room_lock(const char *name, struct error *err);

/* Gives the lock up and removes its file; a descriptor of -1 is none. */
void lab_room_unlock(const char *name, int *fd);

#endif
