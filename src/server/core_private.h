/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_CORE_PRIVATE_H
#define DOMPOOL_SERVER_CORE_PRIVATE_H
/*
 * Inside of core: the objects in memory and what its files offer each other.
 *
 *   core_world.c    life, dispatch, outbox, flush         core_agent.c    hello, inventory, heartbeat, one connection a host
 *   core_api.c      GET answers, long polls               core_domain.c   the table of domains, from agents' lists
 *   core_event.c    the event log                         core_op.c       operations: durable, sent, resumed, ended
 *   core_host.c     hosts and their states                core_create.c   a create request until it is an operation
 *   core_boot.c     boots, init reports                   core_guest.c    kernels and ramdisks into STATE/blobs
 *   core_row.c      a host's row, held short              core_boot_hold.c  its newest boot: asked for, open, packed
 *   core_policy.c   images and the policy snapshot        core_console.c  console bytes between client and agent
 *   core_what_if.c  what would be                         core_compare.c  how boots would change by it
 *   core_explain.c  what a boot is, line by line
 *   core_profile.c  profiles: set, for one boot, in force        core_capture.c  packet captures: who may, how long
 *   core_unknown.c  machines that are no host             core_enrol.c    what enrolment rules make of them
 *   core_twin.c     duplicates of UUIDs, serial numbers, MAC addresses
 *   core_guard.c    facts of images, and whether a host can boot one
 *   core_fallback.c what a host boots that could not get its root
 *   core_keep.c     files that belong to a host and not to its image
 *   core_image.c    what is done with versions: default, rollback, removal
 *   core_canary.c    profiles that a few hosts boot first
 *   core_satellite*.c   satellites: who they are, what they get and report
 */
#include <jansson.h>
#include <sys/stat.h>
#include <uthash.h>

#include "bootcfg/enrol_choice.h"
#include "bootcfg/explain.h"
#include "bootcfg/guard.h"
#include "bootcfg/profile_choice.h"
#include "bootcfg/token.h"
#include "model/boot.h"
#include "model/canary.h"
#include "model/host_brief.h"
#include "model/image.h"
#include "model/twin.h"
#include "proto/satellite_files.h"
#include "server/core_export.h"
#include "server/core_world.h"
#include "store/store.h"

#define CORE_MAX_UNKNOWN 1024       /* MACs seen that are no host */
#define CORE_MAX_UNKNOWN_STORED 512 /* of these: inspected, under inspection, ignored */
#define CORE_MAX_WAITERS 4096       /* long polls at a time */
#define CORE_MAX_CONSOLES 1024
#define CORE_MAX_CAPTURES 8  /* at a time */
#define CORE_MAX_HOSTS 65536 /* beside those that the configuration names; at most POLICY_MAX_HOSTS fit into the snapshot */
#define CORE_OPEN_BOOTS 64   /* of 8 KiB each */
#define CORE_KEEP_BOOTS 10   /* per host */
#define CORE_KEEP_EVENTS 200000
#define CORE_KEEP_OPS 20000 /* finished ones */
#define CORE_WAIT_MAX_MS 60000
#define CORE_ROWS_DEFAULT 1000
#define CORE_ROWS_MAX 10000

#define CORE_HOST_SILENCE_BEATS 3          /* so many heartbeats without a sign of life: lost */
#define CORE_AGENT_WORD_S 60               /* an agent says something at least about so often, see core_host_tick */
#define CORE_LOST_OP_LIMIT_MS (10 * 60000) /* a create on a lost host is given up after this */
#define CORE_REBOOT_LIMIT_MS (15 * 60000)  /* a host that has not come back by then does not */
#define CORE_GONE_KEEP_MS (24 * 3600000ll) /* a domain that vanished with its host stays visible this long */
#define CORE_SHUTDOWN_DEFAULT_S 120
#define CORE_SHUTDOWN_MAX_S 3600

/* Of a host's inventory, what every create asks of every host. */
struct core_can {
        uint64_t free_memory_kib; /* the newest word: a heartbeat has it, too */
        uint32_t n_cpus;
        bool hvm, pv, pvh;
};

/* struct store_host as it is held in memory; see core_row.c. */
struct core_row {
        struct host_brief host;
        struct host_setting setting;
        uint32_t state;       /* enum host_state */
        uint32_t address_now; /* changed by core_host_set_address */
        int64_t since_ms;
        uint64_t boot;
        int64_t attempt_ms;
        bool has_session;
        uint8_t session_sha256[32];
        struct core_can can;
        struct machine_seen seen;
        struct blob inventory, hardware; /* packed; size 0: none */
};

struct core_host {
        struct core_row row;     /* what is in the database */
        struct boot *boot;       /* the newest one while it is open, see core_boot_open; NULL: it is not */
        struct blob boot_packed; /* size 0 and row.boot not 0: in the database */
        bool row_dirty, state_dirty, boot_dirty;
        struct core_host *dirty_next, *open_next;
        uint32_t address_key;            /* by_address: the one it has now, else the one it is to get; 0: in no index */
        uint64_t conn;                   /* the agent's connection; 0: none */
        bool has_inventory, has_domains; /* of this session: both make it ready */
        int64_t heard_mono_ms;           /* last word of the agent, or sign of life of its host */
        int64_t lost_mono_ms;            /* since when lost */
        uint64_t uptime_ms;
        bool fresh_dom0;             /* a token was accepted and no list has come since: domains of before cannot live */
        struct store_kept *kept;     /* NULL: never any */
        char *keep_trouble;          /* what the last event said of its kept files; NULL: all is well */
        uint32_t layer_told;         /* enum root_layer_level of which an event told last */
        char guard_told[32];         /* the finding of which an event told last; empty: it fits */
        struct core_domain *domains; /* those on it, a utlist */
        uint32_t n_domains;
        uint64_t canary; /* that it is a part of, as long as that is not over; 0: none */
        struct twin twin;
        int64_t two_told_mono_ms; /* two machines with its MAC address; 0: never */
        UT_hash_handle by_name, by_mac, by_address, by_conn, by_session;
};

struct core_domain {
        struct store_domain row;
        bool row_dirty;
        struct core_domain *dirty_next;
        bool seen;                       /* mark while a full list is compared */
        struct core_host *on;            /* NULL: on a host that is not known any more */
        struct core_domain *prev, *next; /* on->domains */
        UT_hash_handle hh;               /* by uuid */
};

struct core_op {
        struct store_op row;
        bool row_dirty;
        struct core_op *dirty_next;
        bool sent;         /* to the present connection of agent or work */
        bool wants_files;  /* a create whose kernel or ramdisk is no blob yet */
        UT_hash_handle hh; /* by id; active ones only */
};

/* What is asked of work for an operation; the file's identity as of its opening, so that its hash is known the next time. */
struct core_guest_task {
        uint64_t op; /* 0: nothing is under way */
        char name[16];
        struct store_guest_file file;
};

struct core_unknown {
        struct unknown row;
        bool stored;         /* it is a row of the database */
        uint32_t address;    /* while it is inspected; 0: none yet */
        char stage[32];      /* how far its inspection has got */
        char via[NAME_SIZE]; /* the satellite that saw it last; empty: we did */
        struct twin twin;
        int64_t two_told_mono_ms;
        UT_hash_handle hh; /* by MAC; in the order of last sight */
};

/* Limits of enrolment, each told of once an hour. */
enum core_enrol_limit { ENROL_LIMIT_HOUR, ENROL_LIMIT_ALL, ENROL_LIMIT_GUESTS, ENROL_LIMIT_STORED, ENROL_LIMIT_N };

struct core_waiter {
        struct msg_api_get get;
        int64_t deadline_mono_ms;
        struct core_waiter *prev, *next;
};

struct core_satellite {
        struct satellite row;
        bool row_dirty;
        uint64_t conn; /* 0: it is away */
        uint32_t address;
        int64_t connected_ms, connected_mono_ms;
        uint64_t newest;                  /* report that waited there at its hello: before it is here, agents wait */
        struct msg_satellite_state state; /* its last word */
        struct msg_satellite_offer offer; /* what it is to have; generation 0: nothing yet */
        int64_t offered_ms;
        uint8_t *bytes[SATELLITE_WHAT_N]; /* of the offer */
        UT_hash_handle hh;                /* by name, in its order */
};

struct core_canary {
        struct canary row;
        bool row_dirty;
        struct core_canary *prev, *next; /* newest first */
};

struct core_loader_file {
        struct satellite_file file;
        uint64_t inode;
        struct timespec mtime;
};

struct core_console {
        uint64_t session;
        uint64_t conn; /* the agent's */
        UT_hash_handle hh;
};

struct core_capture {
        uint64_t session;
        struct mac mac;
        char name[NAME_SIZE];        /* of the host, or the MAC's text */
        uint32_t boots, begun, over; /* wanted, seen to begin, come to an end */
        int64_t begun_ms;            /* wall, of the boot that runs */
        int64_t word_mono_ms;        /* the last stage's time */
        int64_t end_mono_ms;         /* its time is up */
        int64_t ending_mono_ms;      /* capture was told to end; 0: not yet */
        char why[80];                /* then */
        struct core_capture *prev, *next;
};

struct core_message_out {
        enum role to;
        enum msg_type type;
        void *payload;
        int fd; /* ours; -1: none */
        struct core_message_out *next;
};

struct core {
        struct core_params params;
        const struct config *config;
        struct store *store;
        struct error failed; /* the first failure of the database: core_flush hands it up */
        int64_t started_ms, started_mono_ms;
        bool peers[ROLE_N];

        struct core_host *hosts_by_name, *hosts_by_mac, *hosts_by_address, *hosts_by_conn, *hosts_by_session;
        struct core_domain *domains;
        struct core_op *ops;
        struct core_host *dirty_hosts; /* rows to write at the next flush */
        bool commit_due;               /* a tick has come: nothing waits longer */
        struct core_host *open_boots;  /* that this turn works on */
        unsigned n_open_boots;
        struct boot boot_looked;       /* core_boot_look()'s */
        struct store_host row_written; /* write_host()'s: it is some KiB */
        struct core_domain *dirty_domains;
        struct core_op *dirty_ops;
        struct core_unknown *unknown;
        uint32_t n_unknown_stored, n_guests; /* rows of the database; under inspection */
        uint32_t n_enrolled;                 /* hosts that rules made */
        int64_t enrol_hour_mono_ms;          /* begin of the hour in which machines that are let in are counted */
        uint32_t enrol_hour_n;
        int64_t enrol_told_mono_ms[ENROL_LIMIT_N];
        bool twins_due, twins_told; /* somebody shows something new; a first look was taken */
        int64_t twins_mono_ms;
        struct core_keep *keeps; /* utlist: archives of kept files on their way */
        struct core_console *consoles;
        struct core_capture *captures; /* utlist */
        struct core_canary *canaries;  /* utlist */
        struct core_satellite *satellites;
        struct core_loader_file *loader_files; /* what satellites are to have of STORE/loaders, by path */
        size_t n_loader_files;
        int64_t loaders_mono_ms;     /* when they were looked at */
        int64_t told_ms;             /* wall: when that happened which a satellite tells of now; 0: events are of this moment */
        struct core_waiter *waiters; /* utlist */
        uint32_t n_waiters;
        uint64_t last_event;
        bool wake; /* something happened that a waiter may wait for */

        struct image *images; /* of the store, newest first */
        size_t n_images;
        struct timespec images_mtime[4]; /* of core_policy.c's `folders`, as of the last scan */
        struct image_facts *facts;       /* of each of the images; version 0: not known */
        struct loaders_facts loaders;
        bool loaders_known;
        bool loaders_changed;            /* since their facts were made */
        bool facts_missing, facts_asked; /* some are not known; work is at it */
        bool guard_due;                  /* hosts are to be looked at */
        unsigned guard_told;             /* hosts told of in this look */
        int64_t images_checked_mono_ms;

        uint8_t token_key[32];
        uint64_t policy_generation;
        bool policy_dirty;
        int policy_fd;                     /* the snapshot in force, a sealed file; -1: none */
        uint64_t work_op;                  /* the image build whose task work has; 0: none */
        struct core_guest_task guest_task; /* the guest file that work is taking in */
        bool guest_due;                    /* it may be the next one's turn */
        int64_t trimmed_mono_ms, swept_mono_ms;
        int64_t security_mono_ms; /* begin of the minute in which security events are counted */
        uint32_t security_count;

        struct core_export *exports; /* core_export.c */

        struct core_comparison *comparisons; /* utlist, the oldest first */
        uint32_t n_comparisons;

        struct core_message_out *out_first, **out_last;
};

/* --- core_world.c --- */
int64_t core_mono(const struct core *c);
int64_t core_wall(const struct core *c);

/* Remembers that the database failed (@r from a store function, not 0). */
void core_db_failed(struct core *c, const struct error *err);

/* Their rows are to be written at the next flush. */
void core_mark_host(struct core *c, struct core_host *h);
/* The same for state, address, boot, attempt and when it was seen: these change with each boot, and the rest is long. */
void core_mark_state(struct core *c, struct core_host *h);
void core_mark_boot(struct core *c, struct core_host *h);
void core_mark_domain(struct core *c, struct core_domain *d);
void core_mark_op(struct core *c, struct core_op *op);
/* Before they are freed. */
void core_unmark_host(struct core *c, struct core_host *h);
void core_unmark_domain(struct core *c, struct core_domain *d);
void core_unmark_op(struct core *c, struct core_op *op);

/* Queues a copy until the next commit. */
void core_send(struct core *c, enum role to, enum msg_type type, const void *payload);
/* The same with a descriptor, which is taken over. */
void core_send_fd(struct core *c, enum role to, enum msg_type type, const void *payload, int fd);

/* Answers to the API: an error, or a JSON value (consumed; NULL: no memory). */
void core_reply_error(struct core *c, uint64_t request, const struct error *err);
void core_reply_json(struct core *c, uint64_t request, unsigned status, json_t *body);

/* --- core_event.c --- */
void core_event(struct core *c, const char *kind, const char *subject, const char *what, uint64_t boot, const char *fmt, ...)
        __attribute__((format(printf, 6, 7)));
/* Something an outsider did that he may not; at most CORE_SECURITY_PER_MINUTE are written, so that nobody can flood the log. */
#define CORE_SECURITY_PER_MINUTE 20
void core_event_security(struct core *c, const char *subject, const char *what, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
/* A process of the server ended unasked: a security event, since a stranger may have done it. */
void core_event_role_ended(struct core *c, const struct msg_role_ended *m);
int core_event_load(struct core *c, struct error *err);

/* --- core_host.c --- */
int core_host_load(struct core *c, struct error *err);
struct core_host *core_host_find(struct core *c, const char *name);
struct core_host *core_host_by_mac(struct core *c, const struct mac *mac);
/* The host that has this address now, else the one that is to get it. */
struct core_host *core_host_by_address(struct core *c, uint32_t address);
struct core_host *core_host_by_conn(struct core *c, uint64_t conn);
void core_host_set_state(struct core *c, struct core_host *h, enum host_state state);
/* Where it is now. */
void core_host_set_address(struct core *c, struct core_host *h, uint32_t address);
void core_host_set_conn(struct core *c, struct core_host *h, uint64_t conn);
void core_host_set_session(struct core *c, struct core_host *h, const uint8_t sha256[32]);
void core_host_put(struct core *c, const struct msg_api_host_put *m);
/* Could the host be described so? *ret: the one that there is, NULL: it would be new. */
int core_host_check(struct core *c, const struct host *d, struct core_host **ret, struct error *err);
void core_host_delete(struct core *c, const struct msg_api_name *m);
void core_host_tick(struct core *c);
/* Its reports, as of @time_ms. */
void core_host_set_hardware(struct core *c, struct core_host *h, const struct host_hardware *report, int64_t time_ms);
void core_host_set_inventory(struct core *c, struct core_host *h, const struct host_inventory *inv);
json_t *core_host_json(struct core *c, struct core_host *h);
/* What a new domain may still take on this host, KiB. */
uint64_t core_host_free_kib(struct core *c, const struct core_host *h);
void core_host_forget(struct core *c, struct core_host *h);
/* Its memory alone. */
void core_host_free(struct core_host *h);

/* Adds one that passed the check and is new; what is known of it as an unknown machine goes with it. NULL: no memory. */
struct core_host *core_host_new(struct core *c, const struct host *d, const struct host_setting *setting);

/* --- core_unknown.c --- */
int core_unknown_load(struct core *c, struct error *err);
struct core_unknown *core_unknown_find(struct core *c, const struct mac *mac);
void core_machine_seen(struct core *c, const struct msg_machine_seen *m);
/* The same, told by a satellite: it is shown, and no rule lets it in. */
void core_machine_seen_at(struct core *c, const struct msg_machine_seen *m, const char *satellite);
/* Its state and the words for it; keeps the counts, the snapshot and the row true. */
void core_unknown_set(struct core *c, struct core_unknown *u, enum unknown_state state, const char *reason);
/* The machine with this host's MAC address has become that host. */
void core_unknown_becomes(struct core *c, struct core_host *h);
/* The machine of @d's MAC address, which is to become that host; @d gets a name if it has none. NULL and @err: it cannot. */
struct core_unknown *core_unknown_for(struct core *c, struct host *d, struct error *err);
void core_unknown_adopt(struct core *c, const struct msg_api_host_put *m);
void core_unknown_change(struct core *c, const struct msg_api_unknown_change *m);
json_t *core_unknowns_json(struct core *c, const struct msg_api_get *m, struct error *err);
json_t *core_unknown_json(struct core *c, const struct msg_api_get *m, struct error *err);

/* --- core_enrol.c --- */
/* It has asked, or its hardware has become known. @u may be gone then: it became a host. */
void core_enrol_decide(struct core *c, struct core_unknown *u);
/* The pattern of names that the rules, or the server, have for it. */
const char *core_enrol_pattern(const struct core *c, const struct core_unknown *u);
/* The first name of the pattern that no host has. */
void core_enrol_name(struct core *c, const struct unknown *u, const char *pattern, char ret[NAME_SIZE]);
/* A machine under inspection has got further; @mac zero: the one at this address. */
void core_enrol_sign(struct core *c, const struct mac *mac, uint32_t address, const char *stage);
/* dompool-init on a machine under inspection; @t is verified. false: there is none with this token. */
bool core_enrol_report(struct core *c, const struct msg_init_report *m, const struct token *t);
void core_enrol_tick(struct core *c);

/* --- core_twin.c --- */
/* A sighting of the machine called @name, taken into @s; *told_mono_ms: when two machines were last told of. */
void core_twin_seen(struct core *c, const char *name, struct machine_seen *s, int64_t *told_mono_ms,
                    const struct machine_seen *now);
void core_twin_tick(struct core *c);
/* What there is to say: an array of texts. */
json_t *core_twin_json(const struct core *c, const struct twin *twin, const struct machine_seen *s);

/* --- core_profile.c --- */
/* All that rules look at; valid while @row and @buf are not changed. */
struct profile_facts core_row_facts(const struct core_row *row, struct host_hardware *buf);
/* What it would boot now. */
const struct profile *core_host_profile(struct core *c, const struct core_host *h, struct policy_choice *ret_choice);
/* The image that it would boot now. */
const char *core_host_image_now(struct core *c, const struct core_host *h);
/* The image of a host whose profile names none: its own, or the default of the server. */
const char *core_host_image(const struct core *c, const struct core_host *h);
void core_host_profile_set(struct core *c, const struct msg_api_host_profile *m);
/* Sets it on one host; what it says of hosts counts for nothing. */
void core_profile_set_host(struct core *c, struct core_host *h, const struct msg_api_host_profile *m);
/* "Next boot only" is over, if there is such an order. */
void core_profile_once_drop(struct core *c, struct core_host *h, const char *why);
/* Could it be set? 0, or why not. */
int core_profile_check(struct core *c, const struct config *config, const struct msg_api_host_profile *m, struct error *err);
/* What setting it makes of the host's setting. */
void core_profile_apply(const struct msg_api_host_profile *m, int64_t now_ms, struct host_setting *s);
/* The dom0 or the RAM image that was rendered at @attempt_ms runs: "next boot only" is fulfilled. */
void core_profile_phoned_home(struct core *c, struct core_host *h, int64_t attempt_ms);
/* A stage of firmware or loader: kinds that never phone home count from here. */
/* Its root could not be had. true: it was the boot of such an order, which is over. */
bool core_profile_once_failed(struct core *c, struct core_host *h, int64_t attempt_ms);
void core_profile_delivered(struct core *c, struct core_host *h, enum boot_stage stage, int64_t time_ms);
void core_profile_tick(struct core *c, struct core_host *h);
json_t *core_profiles_json(struct core *c, const struct msg_api_get *m, struct error *err);

/* --- core_canary.c --- */
/* After the hosts. */
int core_canary_load(struct core *c, struct error *err);
void core_canary_free(struct core *c);
/* The rows that have changed. */
void core_canary_write(struct core *c);
void core_canary_tick(struct core *c);
/* @hosts (sorted here) are to have the profile, m->canary of them first. The canary as JSON, or NULL and @err. */
json_t *core_canary_start(struct core *c, const struct msg_api_host_profile *m, struct core_host **hosts, size_t n,
                          struct error *err);
void core_canary_end(struct core *c, const struct msg_api_canary_end *m);
/* 0, or ERR_BUSY: a canary has the say on it. */
int core_canary_check_free(const struct core_host *h, struct error *err);
bool core_canary_runs(struct core *c, uint64_t id);
/* Appends who tries the version. */
void core_canary_users(struct core *c, const struct image *im, json_t *list);
json_t *core_canaries_json(struct core *c, const struct msg_api_get *m, struct error *err);
json_t *core_canary_json(struct core *c, const struct msg_api_get *m, struct error *err);

/* --- core_boot.c --- */
void core_boot_event(struct core *c, const struct msg_boot_event *m);
void core_boot_lease(struct core *c, const struct msg_lease_event *m);
/* The present boot goes by this satellite. */
void core_boot_via(struct core *c, struct core_host *h, const char *satellite);
void core_boot_foreign(struct core *c, const struct msg_foreign_dhcp *m);
void core_boot_init_report(struct core *c, const struct msg_init_report *m);
/* The same of @now_ms, by a satellite (NULL: none), whose hosts alone it may be about. */
void core_boot_init_report_at(struct core *c, const struct msg_init_report *m, int64_t now_ms, struct core_satellite *by);
/* A stage that core itself sees reached (agent, ready). */
void core_boot_stage(struct core *c, struct core_host *h, enum boot_stage stage, const char *text);
json_t *core_boot_trace_json(struct core *c, struct core_host *h);

/* --- core_boot_hold.c --- */
/* To read, until the next look or the end of what is done with the message. Number 0: it never booted. */
const struct boot *core_boot_look(struct core *c, struct core_host *h);
/* To work on, as long; the same as h->boot from then on. */
struct boot *core_boot_open(struct core *c, struct core_host *h);
void core_boot_close(struct core *c, struct core_host *h);
void core_boot_close_all(struct core *c);
/* Between two messages: a turn that hears of thousands of hosts would else take memory for all of them, and give it back. */
void core_boot_close_many(struct core *c);
/* Writes the row if it is due. */
void core_boot_write(struct core *c, struct core_host *h);

/* --- core_row.c --- */
/* Packed records: 0 or -ENOMEM; nothing packed is an all-zero record. */
int core_pack(const struct rec_desc *desc, const void *rec, struct blob *packed);
void core_unpack(const struct rec_desc *desc, const struct blob *packed, void *ret);
/* 0 or -ENOMEM; for core_row_clear. */
int core_row_load(struct core_row *row, const struct store_host *from);
void core_row_expand(const struct core_row *row, struct store_host *ret);
void core_row_clear(struct core_row *row);
int core_row_describe(struct core_row *row, const struct host *description);
int core_row_set_hardware(struct core_row *row, const struct host_hardware *hw);
int core_row_set_inventory(struct core_row *row, const struct host_inventory *inv);
/* @buf, filled in; all zero where there is none. */
const struct host_hardware *core_row_hardware(const struct core_row *row, struct host_hardware *buf);
const struct host_inventory *core_row_inventory(const struct core_row *row, struct host_inventory *buf);

/* --- core_agent.c --- */
/* The host whose agent this connection is; NULL: it is none that we know, and is told to come back. */
struct core_host *core_agent_speaker(struct core *c, uint64_t conn);
void core_agent_hello(struct core *c, const struct msg_agent_hello *m);
void core_agent_inventory(struct core *c, const struct msg_agent_inventory *m);
void core_agent_domains(struct core *c, const struct msg_agent_domains *m);
void core_agent_domain_event(struct core *c, const struct msg_agent_domain_event *m);
void core_agent_progress(struct core *c, const struct msg_agent_op_progress *m);
void core_agent_result(struct core *c, const struct msg_agent_op_result *m);
void core_agent_ping(struct core *c, const struct msg_agent_ping *m);
void core_agent_gone(struct core *c, const struct msg_agent_gone *m);

/* --- core_domain.c --- */
int core_domain_load(struct core *c, struct error *err);
/* By name (a managed one first) or by uuid's text; NULL: none. */
struct core_domain *core_domain_find(struct core *c, const char *name);
struct core_domain *core_domain_by_uuid(struct core *c, const uint8_t uuid[UUID_SIZE]);
struct core_domain *core_domain_add(struct core *c, const struct domain_info *info, struct core_host *on, bool managed);
void core_domain_remove(struct core *c, struct core_domain *d);
void core_domain_set_state(struct core *c, struct core_domain *d, enum domain_state state);
/* The agent's full list: what is not in it is not there. */
void core_domain_list(struct core *c, struct core_host *h, const struct msg_agent_domains *m);
void core_domain_update(struct core *c, struct core_host *h, const struct domain_info *info, const char *what,
                        const char *text);
/* The configuration as kept in the database, to and fro. */
int core_domain_config(const struct core_domain *d, struct domain_config *ret, struct error *err);
void core_domain_set_config(struct core *c, struct core_domain *d, const struct domain_config *config);
json_t *core_domain_json(struct core *c, const struct core_domain *d);
void core_domain_tick(struct core *c);

/* --- core_op.c --- */
int core_op_load(struct core *c, struct error *err);
/* Makes the operation's row, its event and (in the outbox) the 202. @key may be empty. NULL when the database failed. */
struct core_op *core_op_new(struct core *c, uint64_t request, enum op_kind kind, const char *target, const char *host,
                            const char *by, const char *key);
/* True when @key already has an operation: it is then the answer. */
bool core_op_by_key(struct core *c, uint64_t request, const char *by, const char *key);
/* The active operation on a target, or NULL. */
struct core_op *core_op_active(struct core *c, const char *target, bool image);
int core_op_check_free(struct core *c, const char *target, struct error *err);
/* Sends to the agent what is not sent yet, if the host is ready. */
void core_op_push(struct core *c, struct core_op *op);
/* The host's agent has (re)connected and said which domains it has. */
void core_op_resume_host(struct core *c, struct core_host *h);
/* The connection to the agent (h) or to work (h NULL) is gone. */
void core_op_unsend(struct core *c, struct core_host *h);
void core_op_done(struct core *c, struct core_op *op);
void core_op_failed(struct core *c, struct core_op *op, enum error_code code, const char *text);
void core_op_progress(struct core *c, struct core_host *h, const struct msg_agent_op_progress *m);
void core_op_result(struct core *c, struct core_host *h, const struct msg_agent_op_result *m);
void core_op_domain_action(struct core *c, const struct msg_api_domain_action *m);
void core_op_host_reboot(struct core *c, const struct msg_api_name *m);
void core_op_image_build(struct core *c, const struct msg_api_name *m);

/* --- core_image.c --- */
void core_image_change(struct core *c, const struct msg_api_image_change *m);
/* Who uses a version: an array of texts, "it is micro:current", "host n1 runs it". */
json_t *core_image_users(struct core *c, const struct image *im);
json_t *core_image_diff_json(struct core *c, const struct msg_api_get *m, struct error *err);
json_t *core_image_gc_json(struct core *c, const struct msg_api_get *m, struct error *err);
/* What work is to do for the operation. 0, or why it cannot be done any more. */
int core_image_task(struct core *c, const struct core_op *op, struct msg_work_task *ret, struct error *err);
/* It is done: tells what has changed. */
void core_image_done(struct core *c, const struct core_op *op, const char *text);
void core_op_work_push(struct core *c);
void core_op_work_progress(struct core *c, const struct msg_work_progress *m);
void core_op_work_result(struct core *c, const struct msg_work_result *m);
void core_op_tick(struct core *c);
/* A destroy that core itself wants, unless something is under way on the domain. */
void core_op_destroy(struct core *c, struct core_domain *d, const char *by);
/* The same for what a failed create may have left. */
void core_op_undo(struct core *c, struct core_domain *d, uint64_t failed_op);

/* --- core_create.c --- */
void core_create(struct core *c, const struct msg_api_domain_create *m);
/* The operation's id, or 0 and @err; with request 0 nobody is answered. */
uint64_t core_create_op(struct core *c, const struct msg_api_domain_create *m, struct error *err);
/* Memory that creates under way will take on @h, KiB. */
uint64_t core_create_reserved_kib(struct core *c, const struct core_host *h);
uint64_t core_create_need_kib(const struct domain_config *config);

/* --- core_guest.c --- */
/*
 * Finds @f->path below the guest-files directory. Hash and size are filled in if it is a blob already; else size stays 0, and
 * the operation that wants it goes through core_guest_push.
 */
int core_guest_file(struct core *c, struct guest_file *f, struct error *err);
/* The first of @config's files that is no blob yet, and what it is called; NULL: all are. */
struct guest_file *core_guest_wanted(struct domain_config *config, const char **ret_name);
/* When guest_due: has work take in the next file that an operation wants, if it is not busy with one. It may end operations. */
void core_guest_push(struct core *c);
void core_guest_result(struct core *c, struct core_op *op, const struct msg_work_result *m);
/* Removes blobs that no domain's configuration names; a create that wants one again copies it again. */
void core_guest_sweep(struct core *c);

/* --- core_guard.c --- */
/* After c->images was read. */
void core_guard_load_facts(struct core *c);
/* Before c->images changes. */
void core_guard_free_facts(struct core *c);
/* Has work make the facts that are missing. */
void core_guard_ask(struct core *c);
void core_guard_result(struct core *c, const struct msg_work_result *m);
void core_guard_tick(struct core *c);
/* Can the host boot what was chosen for it in @policy? No findings where that is no image. @fw: instead of the firmware of its
 * last boot; NULL. */
void core_guard_chosen(struct core *c, const struct policy *policy, const struct policy_host *host,
                       const struct policy_chosen *chosen, const struct firmware *fw, struct guard_report *ret);
/* The same of choices, due now or not: each profile and image once. Returns how many there are. */
struct core_guard_way {
        struct policy_chosen chosen;
        struct guard_report report;
};
uint32_t core_guard_ways(struct core *c, const struct policy *policy, const struct policy_host *host,
                         const struct policy_choice *choices, uint32_t n_choices, const struct firmware *fw,
                         struct core_guard_way ret[POLICY_MAX_CHOICES]);
/* Appends the findings, each with the host's name and, unless @chosen is NULL, profile and rule; those of @than (NULL: none)
 * are left out. */
void core_guard_add_json(json_t *list, const char *host, const struct policy_chosen *chosen, const struct guard_report *report,
                         const struct guard_report *than);
json_t *core_guard_image_json(struct core *c, const struct msg_api_get *m, struct error *err);

/* A profile that is to be set on some hosts, or "auto": start, each host, then whether it may be. */
struct core_guard_set {
        const struct msg_api_host_profile *message;
        struct policy_choice choice; /* profile POLICY_NONE: the rules decide again */
        struct policy *policy;       /* NULL: it boots no image, so there is nothing to judge */
        json_t *findings, *warnings; /* what may refuse it, and what does not */
        unsigned n_refused;          /* hosts */
        int worst;                   /* enum guard_level; -1 */
        struct guard_finding first;
        char first_host[NAME_SIZE];
};
void core_guard_set_start(struct core *c, const struct msg_api_host_profile *m, struct core_guard_set *s);
void core_guard_set_host(struct core *c, struct core_guard_set *s, struct core_host *h);
/* false: ERR_UNFIT with the worst finding. */
bool core_guard_set_allows(const struct core_guard_set *s, struct error *err);
void core_guard_set_end(struct core_guard_set *s);

/* --- core_policy.c --- */
int core_policy_load(struct core *c, struct error *err);
/* What a policy is made from: a configuration, and the hosts' rows. */
struct policy_source {
        const struct config *config;
        uint64_t generation;          /* that it says it is */
        const struct core_row **rows; /* malloc'ed; they point to rows that live elsewhere */
        uint32_t n_rows;
        const struct core_satellite *satellite; /* whose hosts they are, and whose LAN and key it has; NULL: ours */
};
/* 0 or -ENOMEM. */
int core_policy_source_now(struct core *c, struct policy_source *ret);
/* For policy_free. NULL: no memory. */
struct policy *core_policy_of(struct core *c, const struct policy_source *from);
/* What boot and files have, or will have when the next flush is done; for policy_free. NULL: no memory. */
struct policy *core_policy_now(struct core *c);
/* What a satellite is to have: its hosts, its networks, its key. */
struct policy *core_policy_for(struct core *c, const struct core_satellite *s);
/* Looks at the image store again; @force: even if nothing seems changed. */
void core_policy_scan_images(struct core *c, bool force);
/* Looks at once, and reads what has changed: what a request names may have been published a moment ago. Pointers to images
 * end. */
void core_policy_look(struct core *c);
/* Builds and writes the snapshot when it is due and queues it for boot and files. */
void core_policy_flush(struct core *c);
void core_policy_send(struct core *c, enum role to);
/* The image that @name (tag or id) means, or NULL. */
const struct image *core_policy_image(struct core *c, const char *name);
/* The same for a request, which counts from what the store has now (core_policy_look); NULL and @err: there is none. */
const struct image *core_policy_image_asked(struct core *c, const char *name, struct error *err);
/* The error of that: ERR_NOT_FOUND. */
int core_policy_no_image(const char *name, struct error *err);
json_t *core_policy_image_json(struct core *c, const struct image *im);

/* --- core_keep.c --- */
int core_keep_load(struct core *c, struct error *err);
void core_keep_offer(struct core *c, const struct msg_agent_keep_offer *m);
void core_keep_part(struct core *c, const struct msg_agent_keep_part *m);
void core_keep_get(struct core *c, const struct msg_agent_keep_get *m);
void core_keep_drop(struct core *c, const struct msg_api_name *m);
/* A new dom0 runs: what was wrong with the one before is no more. */
void core_keep_boot(struct core_host *h);
/* The agent's connection has ended; what it was sending is given up. */
void core_keep_gone(struct core *c, uint64_t conn);
void core_keep_all_gone(struct core *c);
/* Size, time and number, or null. */
json_t *core_keep_json(const struct core_host *h);

/* --- core_satellite.c --- */
int core_satellite_load(struct core *c, struct error *err);
void core_satellite_free(struct core *c);
struct core_satellite *core_satellite_find(struct core *c, const char *name);
struct core_satellite *core_satellite_by_conn(struct core *c, uint64_t conn);
/* Whose host it is; NULL: ours. */
struct core_satellite *core_satellite_of(struct core *c, const struct core_host *h);
/* Is the address in a network that a satellite told of? */
bool core_satellite_network_of(struct core *c, uint32_t address);
/* The row is to be written at the next flush, by core_satellite_write. */
void core_satellite_changed(struct core_satellite *s);
void core_satellite_write(struct core *c);
void core_satellite_hello(struct core *c, const struct msg_satellite_hello *m);
void core_satellite_state(struct core *c, const struct msg_satellite_state *m);
void core_satellite_gone(struct core *c, uint64_t conn);
/* api is gone, and with it all connections. */
void core_satellite_all_gone(struct core *c);
/* As token_verify, for tokens of ours and of satellites (*ret_from) for their hosts. */
int core_satellite_token(struct core *c, const char *text, int64_t now_ms, struct token *ret, struct core_satellite **ret_from,
                         struct error *err);
/* Are reports of the satellite on their way that belong before what an agent of its hosts says now? */
bool core_satellite_waiting(const struct core *c, const struct core_satellite *s);
void core_satellite_token_used(struct core *c, struct core_satellite *s, const struct msg_token_used *used);
void core_satellite_add(struct core *c, const struct msg_api_satellite_add *m);
void core_satellite_remove(struct core *c, const struct msg_api_name *m);
json_t *core_satellites_json(struct core *c, const struct msg_api_get *m, struct error *err);
json_t *core_satellite_json(struct core *c, const struct msg_api_get *m, struct error *err);

/* --- core_satellite_offer.c --- */
/* Makes what a connected satellite is to have, and tells it. */
void core_satellite_offer(struct core *c, struct core_satellite *s);
void core_satellite_offer_all(struct core *c);
void core_satellite_offer_clear(struct core_satellite *s);
void core_satellite_get(struct core *c, const struct msg_satellite_get *m);
void core_satellite_tick(struct core *c);

/* --- core_satellite_report.c --- */
void core_satellite_boot(struct core *c, const struct msg_satellite_boot *m);
void core_satellite_lease(struct core *c, const struct msg_satellite_lease *m);
void core_satellite_unknown(struct core *c, const struct msg_satellite_unknown *m);
void core_satellite_foreign(struct core *c, const struct msg_satellite_foreign *m);
void core_satellite_init(struct core *c, const struct msg_satellite_init *m);

/* --- core_explain.c --- */
json_t *core_explain_json(struct core *c, const struct msg_api_get *m, struct error *err);

/* --- core_what_if.c --- */
void core_what_if(struct core *c, const struct msg_api_what_if *m);

/* --- core_compare.c --- */
/* The boots of machines on two policies, compared slice by slice: a whole room takes seconds, and others are served meanwhile.
 * core_what_if.c makes it; up to the line it does, core_compare.c the rest. */
struct core_compared {
        struct mac mac;
        char name[NAME_SIZE]; /* of the host; empty: it is none */
};
struct core_comparison {
        uint64_t request;
        struct policy *before, *after;
        uint32_t address_before, address_after; /* the server's */
        char firmware[NAME_SIZE];               /* explain_firmware_name(); empty: the first */
        int64_t now_ms;                         /* wall: of the boots */
        bool sets_profile;                      /* 'profile set' would judge it, and may refuse it */
        struct core_compared *machines;
        uint32_t n_machines;
        /* --- */
        uint32_t at; /* the machine that is next */
        struct explain_server *server_before, *server_after;
        struct core_guard_way ways[POLICY_MAX_CHOICES]; /* of the machine that is judged: much for a stack */
        uint32_t unfit;                                 /* machines that could not boot */
        int worst;                                      /* enum guard_level of the findings; -1 */
        json_t *hosts, *findings;
        struct core_comparison *prev, *next;
};
#define CORE_MAX_COMPARISONS 8 /* at a time; each holds two policies */
/* Takes @x over, and answers: at once, or after core_turn() has been called often enough. */
void core_compare(struct core *c, struct core_comparison *x);
/* The next slice of the oldest; false: there is none. */
bool core_compare_turn(struct core *c);
/* Nobody waits for it any more; @request 0: for any. */
void core_compare_drop(struct core *c, uint64_t request);
/* NULL is allowed. */
void core_compare_free(struct core_comparison *x);

/* --- core_console.c --- */
void core_console_open(struct core *c, const struct msg_console_open *m);
void core_console_data(struct core *c, const struct msg_console_data *m);
void core_console_close(struct core *c, const struct msg_console_close *m);
/* All consoles over an agent's connection end; @conn 0: all there are (api is gone, nobody is told). */
void core_console_drop(struct core *c, uint64_t conn);

/* --- core_capture.c --- */
json_t *core_capture_json(struct core *c, const struct msg_api_get *m, struct error *err);
void core_capture_open(struct core *c, const struct msg_capture_open *m);
void core_capture_close(struct core *c, const struct msg_capture_close *m);
/* The host's boot has begun, or reached a stage: who captures it is told, and it may be the end. */
void core_capture_boot(struct core *c, const struct core_host *h);
void core_capture_stage(struct core *c, const struct core_host *h, enum boot_stage stage, const char *text);
/* A machine that is no host asked. */
void core_capture_unknown(struct core *c, const struct mac *mac);
void core_capture_tick(struct core *c);
/* All: api or capture has gone. */
void core_capture_drop(struct core *c);

/* --- core_api.c --- */
void core_api_get(struct core *c, const struct msg_api_get *m);
void core_api_cancel(struct core *c, const struct msg_api_cancel *m);
/* Answers the waiters whose event or operation has come, or whose time is over. */
void core_api_wake(struct core *c);
void core_api_drop_waiters(struct core *c);

#endif
