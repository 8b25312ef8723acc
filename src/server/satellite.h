/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_SATELLITE_H
#define DOMPOOL_SERVER_SATELLITE_H
/*
 * The insides of the role `satellite`, which stands in core's place in a dompoold --satellite
 * (docs/decisions/0013-satellites.md):
 *
 *     role_satellite.c     start, messages of boot and files, leases
 *     satellite_link.c     the TLS line to the main server: hello, reports, back-off
 *     satellite_sync.c     an offer: its parts, its files, and then its snapshot in force
 *     satellite_disk.c     the image store and the snapshot on disk
 *     satellite_journal.c  reports that wait
 *     satellite_once.c     "next boot only", ended here
 *
 *     main server's core           satellite                            boot, files
 *        |------ OFFER -------------->|  (generation, sizes, SHA-256)       |
 *        |<----- GET, PART ... ------>|  snapshot, list of files            |
 *        |     (HTTP: files, ranges)  |  each checked, then published       |
 *        |<----- STATE ---------------|------ POLICY ---------------------->|
 *        |<----- BOOT, INIT ... ------|<----- BOOT_EVENT, INIT_REPORT ... --|
 *        |------ ACK ---------------->|
 */
#include "bootcfg/policy.h"
#include "net/fetch.h"
#include "proto/satellite_files.h"
#include "server/role.h"
#include "server/satellite_journal.h"

struct satellite_link;
struct satellite_sync;
struct satellite_disk;
struct satellite_lease;
struct satellite_once;

struct satellite_role {
        struct role_ctx *ctx;
        int state_dir;
        struct satellite_journal *journal;
        struct satellite_lease *leases; /* of all hosts, by MAC: told anew at each hello */
        struct satellite_disk *disk;
        struct satellite_sync *sync;
        struct satellite_link *link;
        struct satellite_once *once;
        uv_timer_t journal_timer;
        bool journal_failed; /* said already */
};

/* --- role_satellite.c --- */
/* Every lease as a message. */
void satellite_each_lease(struct satellite_role *s, void (*fn)(void *arg, const struct msg_lease_event *m), void *arg);
/* A host's token was used: its next menu gets a new one. */
void satellite_token_used(struct satellite_role *s, const struct msg_token_used *m);
/* The snapshot on disk is another one now. */
void satellite_policy_changed(struct satellite_role *s, uint64_t generation);

/* --- satellite_link.c --- */
/* NULL: out of memory. It connects, and goes on doing so, by itself. */
struct satellite_link *satellite_link_new(struct satellite_role *s);
/* NULL is allowed. */
void satellite_link_free(struct satellite_link *l);
/* False while the main server is away. */
bool satellite_link_up(const struct satellite_link *l);
void satellite_link_send(struct satellite_link *l, enum msg_type type, const void *payload);
/* A report was added. */
void satellite_link_report(struct satellite_link *l);
/* Where the main server's files are by HTTP; valid while it is up. */
uint16_t satellite_link_http_port(const struct satellite_link *l);

/* --- satellite_sync.c --- */
struct satellite_sync *satellite_sync_new(struct satellite_role *s);
void satellite_sync_free(struct satellite_sync *y);
/* Of the snapshot in force; 0: none. */
uint64_t satellite_sync_generation(const struct satellite_sync *y);
void satellite_sync_offer(struct satellite_sync *y, const struct msg_satellite_offer *m);
void satellite_sync_part(struct satellite_sync *y, const struct msg_satellite_part *m);
/* The main server is away: what was under way ends, what came stays for the next time. */
void satellite_sync_away(struct satellite_sync *y);

/* --- satellite_disk.c --- */
#define SATELLITE_FOLDER_SIZE (CONFIG_PATH_SIZE + SATELLITE_PATH_SIZE)
struct satellite_staged { /* where a file is until it is published: in its folder, under a name of its own */
        char folder[SATELLITE_FOLDER_SIZE];
        char name[SATELLITE_PATH_SIZE];
};

struct satellite_disk *satellite_disk_new(const struct role_ctx *ctx, int state_dir);
void satellite_disk_free(struct satellite_disk *d);
/* Is the file there with this size and hash, published or staged? Reads all of it, unless it was published by this process. */
bool satellite_disk_has(struct satellite_disk *d, const struct satellite_file *f);
/* Makes its folder and says where it is to be put. */
int satellite_disk_stage(struct satellite_disk *d, const struct satellite_file *f, struct satellite_staged *ret,
                         struct error *err);
/* Is there room for so many bytes? ERR_NO_SPACE with both numbers. */
int satellite_disk_room(const struct satellite_disk *d, uint64_t size, struct error *err);
/* Writes a snapshot beside the one in force and checks it. Its generation. */
int satellite_disk_stage_policy(struct satellite_disk *d, const void *data, size_t size, uint64_t *ret_generation,
                                struct error *err);
/* All @files are there: they get their names, then the staged snapshot is in force, then what neither this list nor the one
 * before names is removed. Takes over @files on success. */
int satellite_disk_publish(struct satellite_disk *d, struct satellite_file *files, size_t n, struct error *err);
/* Puts a changed copy of the snapshot in force in its place. */
int satellite_disk_replace_policy(struct satellite_disk *d, const void *data, size_t size, struct error *err);
/* A sealed copy of the snapshot in force, as boot and files map it; -1: there is none. The caller's to close. */
int satellite_disk_policy(const struct satellite_disk *d);

/* --- satellite_once.c --- */
/* NULL: no memory. */
struct satellite_once *satellite_once_new(struct satellite_role *s);
/* What boot and files tell, before it is on its way. */
void satellite_once_report(struct satellite_once *o, enum msg_type type, const void *payload);
/* Another snapshot is in force; boot and files are to be told after this. */
void satellite_once_published(struct satellite_once *o);
/* The main server's number of a snapshot that may have been changed here. */
uint64_t satellite_once_generation(uint64_t generation);

#endif
