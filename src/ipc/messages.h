/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IPC_MESSAGES_H
#define DOMPOOL_IPC_MESSAGES_H
/*
 * The messages between processes: payloads and the table (messages.def) that says who may send what to whom.
 * A role's name here is the process that speaks, see docs/ARCHITECTURE.md.
 */
#include "base/rec.h"
#include "model/config.h"
#include "model/domain.h"
#include "model/enrol.h"
#include "model/event.h"
#include "model/export.h"
#include "model/hardware.h"
#include "model/host.h"
#include "model/keep.h"
#include "model/operation.h"

/* Grows when a payload changes in a way that an older peer would misread. */
#define MESSAGES_VERSION 1

enum role {
        ROLE_PARENT,
        ROLE_BOOT,
        ROLE_FILES,
        ROLE_API,
        ROLE_CORE,
        ROLE_WORK,
        ROLE_CAPTURE,
        ROLE_APARENT,
        ROLE_LINK,
        ROLE_HV,
        ROLE_HVTASK,    /* a child of hv: one libxl operation */
        ROLE_SATELLITE, /* of dompoold --satellite: speaks to the main server, stands in core's place */
        ROLE_KEEP,      /* of the agent: kept files */
        ROLE_N,
};
extern const char *const role_names[]; /* "parent", "boot", ... */

/* What a passed descriptor is for. */
enum role_fd {
        FD_CHANNEL,   /* to the peer role in `number` */
        FD_DHCP,      /* UDP 67, bound to the interface of network `number` (config_network_at) */
        FD_PXE,       /* UDP 4011, likewise; only where the network's mode is proxy */
        FD_TFTP,      /* UDP 69 */
        FD_NDP,       /* ICMPv6, router solicitations only; absent where the boot LAN has no IPv6 */
        FD_HTTP,      /* listening TCP */
        FD_API_UNIX,  /* listening Unix socket */
        FD_API_TLS,   /* listening TCP */
        FD_AGENT_TLS, /* listening TCP */
        FD_POLICY,    /* the last policy snapshot, read-only; absent at the very first start */
        FD_STATE_DIR, /* this role's own directory */
        FD_TLS_CERT,  /* PEM files, read-only */
        FD_TLS_KEY,
        FD_N,
};

struct msg_empty {
        bool unused;
};
struct msg_role_fd {
        uint32_t purpose; /* enum role_fd */
        uint32_t number;  /* FD_CHANNEL: enum role; FD_DHCP, FD_PXE: network; else 0 */
};
struct msg_role_ready {
        uint32_t pid;
};
struct msg_role_ended {  /* one that was not asked to */
        uint32_t role;   /* enum role */
        uint32_t signal; /* 0: it exited with `status`. SIGSYS: the sandbox forbade a system call */
        uint32_t status;
        int64_t time_ms; /* wall */
};
struct msg_policy { /* a descriptor of the file travels with it */
        uint64_t generation;
};
struct msg_token_used {
        struct mac mac;
        int64_t attempt_ms;
};
struct msg_boot_attempt { /* a host has got a menu with a new token */
        struct mac mac;
        int64_t attempt_ms;
};
struct msg_boot_event {
        struct mac mac;
        uint32_t address;
        uint32_t stage;             /* enum boot_stage */
        int64_t time_ms;            /* wall */
        int64_t attempt_ms;         /* of the token in force; 0 before the menu */
        char text[200];             /* file name, loader, sizes; printable */
        uint32_t note;              /* enum boot_note_kind; BOOT_NOTE_NONE: the stage was reached */
        struct host_firmware asked; /* STAGE_DHCP: who asked */
        bool firmware;              /* the note is about a packet of firmware or a loader: it may begin a boot */
};
struct msg_lease_event {
        struct mac mac;
        uint32_t address;
        uint32_t state;    /* enum lease_state */
        int64_t expiry_ms; /* wall */
};
struct msg_foreign_dhcp { /* a host took an address of another server, where addresses are ours */
        struct mac mac;
        uint32_t server;  /* that one's identifier */
        uint32_t address; /* and the address */
        bool offered;     /* we had offered one too */
        int64_t time_ms;
};
struct msg_machine_seen { /* a machine asks that nobody knows, or a host shows what it did not show before */
        struct mac mac;
        struct machine_seen seen; /* its other_... are not filled in */
        char vendor_class[64];
};
/* The root could not be had for as long as dompool-init tries; the machine restarts. */
#define INIT_ROOT_FAILED "root-failed"
/* Guests have bridges beside the usual one; the text says which. */
#define INIT_GUEST_NET "guest-net"
/* Directories over NFS: the text says which are there, and of the others why not yet. */
#define INIT_NFS_DIRS "nfs-dirs"

struct msg_init_report { /* dompool-init, by HTTP, authenticated by the boot token */
        char token[120];
        char stage[32]; /* "init", "network", "xen", "agent", "error", INIT_GUEST_NET, INIT_NFS_DIRS, INIT_ROOT_FAILED */
        char text[512];
        bool failed;
        uint32_t address; /* who sent it */
        int64_t time_ms;
        uint64_t uptime_ms;            /* of the dom0 kernel */
        struct host_hardware hardware; /* stage "inspect"; empty otherwise */
        char image[IMAGE_SHORT_SIZE];  /* INIT_ROOT_FAILED: of which version */
};

/* An API answer: all hosts of a full server, some 2 KiB each, stay below it and below CHANNEL_MAX. */
#define REPLY_BODY_MAX (15u << 20)
struct msg_api_reply {
        uint64_t request;
        uint32_t status;  /* HTTP */
        struct blob body; /* JSON text made by core */
};
enum api_resource {
        RES_SERVER, /* versions, roles, counts */
        RES_HOSTS,
        RES_HOST,         /* name */
        RES_HOST_TRACE,   /* name: its last boots, stage by stage */
        RES_HOST_CAPTURE, /* name, or a MAC with dashes: can its packets be captured now? */
        RES_HOST_EXPLAIN, /* name, or a MAC with dashes; filter: firmware, number: at this wall clock ms */
        RES_UNKNOWN,      /* MACs seen that are no host */
        RES_UNKNOWN_HOST, /* name: a MAC with dashes */
        RES_PROFILES,
        RES_IMAGES,
        RES_IMAGE,       /* name or id */
        RES_IMAGE_DIFF,  /* name or id; filter: the other one */
        RES_IMAGE_GC,    /* the versions that nobody uses */
        RES_IMAGE_CHECK, /* name or id: its facts, and what the guards find for it and for the hosts that boot it */
        RES_DOMAINS,
        RES_DOMAIN, /* name */
        RES_OPS,
        RES_OP, /* number; waits up to wait_ms for its end */
        RES_EXPORTS,
        RES_EXPORT,
        RES_CANARIES,
        RES_CANARY, /* number; waits up to wait_ms for its end */
        RES_SATELLITES,
        RES_SATELLITE, /* name */
        RES_EVENTS,    /* number: after this id; waits up to wait_ms for one */
        RES_N,
};
struct msg_api_get {
        uint64_t request;
        uint32_t resource; /* enum api_resource */
        char name[NAME_SIZE];
        uint64_t number;
        uint32_t limit;         /* rows; 0: the resource's default (1000) */
        uint32_t wait_ms;       /* at most 60,000 */
        char filter[NAME_SIZE]; /* events: kind; domains: host; image diff: the other image */
};
struct msg_api_host_put { /* makes or changes a host that does not stand in the configuration file; adopts an unknown machine */
        uint64_t request;
        struct host host;
        char by[NAME_SIZE];
};
enum unknown_change { UNKNOWN_FORGET, UNKNOWN_IGNORE };
struct msg_api_unknown_change {
        uint64_t request;
        char name[NAME_SIZE]; /* a MAC with dashes */
        uint32_t change;      /* enum unknown_change */
        char by[NAME_SIZE];
};
struct msg_api_name {
        uint64_t request;
        char name[NAME_SIZE];
        char by[NAME_SIZE];
        char key[NAME_SIZE]; /* idempotency key, may be empty */
};
struct msg_api_image_change {
        uint64_t request;
        uint32_t kind;           /* enum op_kind, of an image */
        char name[NAME_SIZE];    /* image; REMOVE: the version; GC: empty */
        char version[NAME_SIZE]; /* SET_DEFAULT: what it is to be */
        char by[NAME_SIZE];
        char key[NAME_SIZE];
};
struct msg_api_host_profile {
        uint64_t request;
        char name[NAME_SIZE]; /* one host; empty: those of the next three */
        struct blob hosts;    /* names with blanks between */
        char label[NAME_SIZE];
        bool all;
        char profile[NAME_SIZE]; /* "auto": the rules decide again */
        char image[NAME_SIZE];   /* empty: the profile's or the host's */
        bool next;               /* for the next boot only */
        bool force;              /* in spite of findings that are no certainty */
        bool check;              /* only say what the guards find; nothing is set */
        char by[NAME_SIZE];
        uint32_t canary;        /* so many of them boot it first (model/canary.h); 0: all have it at once */
        uint32_t ready_seconds; /* of the canary; 0: the default, as for the next */
        uint32_t watch_seconds;
};
struct msg_api_canary_end {
        uint64_t request;
        uint64_t id;
        bool promote; /* all get it now; else it goes back */
        char by[NAME_SIZE];
};
/* How boots would change; nothing is changed. One of profile, host and config says by what. */
struct msg_api_what_if {
        uint64_t request;
        struct blob hosts; /* names, and MACs with dashes, with blanks between */
        char label[NAME_SIZE];
        bool all;
        char firmware[NAME_SIZE]; /* explain_firmware_name(); empty: the first */
        uint64_t at;              /* wall clock ms; 0: now */
        char profile[NAME_SIZE];  /* as in msg_api_host_profile; so for the next two */
        char image[NAME_SIZE];
        bool next;
        bool has_host, adopt;
        struct host host; /* as in msg_api_host_put; with @adopt as in API_UNKNOWN_ADOPT */
        bool has_config;
        struct config config; /* another configuration file's; its hosts are part of it */
};
struct msg_api_domain_create {
        uint64_t request;
        char host[NAME_SIZE]; /* empty: the server picks the host with most free memory */
        struct domain_config config;
        char by[NAME_SIZE];
        char key[NAME_SIZE];
};
enum domain_verb { VERB_SHUTDOWN, VERB_DESTROY };
struct msg_api_domain_action {
        uint64_t request;
        char name[NAME_SIZE];
        uint32_t verb;            /* enum domain_verb */
        uint32_t timeout_seconds; /* shutdown: then the operation fails; 0: 120 */
        char by[NAME_SIZE];
        char key[NAME_SIZE];
};
struct msg_api_cancel { /* the client has gone; nothing is undone, only the waiting */
        uint64_t request;
};

struct msg_api_satellite_add {
        uint64_t request;
        char name[NAME_SIZE];
        char label[NAME_SIZE]; /* empty: as its name */
        char by[NAME_SIZE];
};

struct msg_agent_conn {
        uint64_t conn;
};
struct msg_agent_gone {
        uint64_t conn;
        uint32_t silence_ms; /* since the last packet of the host, when the connection ended */
};
struct msg_agent_hello {
        uint64_t conn;       /* given by api, unique while api lives */
        char token[120];     /* the boot token, or empty when there is a session */
        uint8_t session[32]; /* zero: none yet */
        char agent_version[NAME_SIZE];
        uint32_t messages_version;
        uint32_t address; /* filled in by api */
};
struct msg_agent_welcome {
        uint64_t conn;
        char host[NAME_SIZE];
        uint8_t session[32]; /* secret; good until the dom0 ends */
        int64_t server_time_ms;
        uint32_t heartbeat_seconds; /* link says something at least about so often */
        char blob_path[64];         /* HTTP path before the hash: "/blob/" */
        uint32_t http_port;
};
struct msg_agent_refuse {
        uint64_t conn;
        char code[32];
        char text[512];
};
struct msg_agent_inventory {
        uint64_t conn;
        struct host_inventory inventory;
};
#define AGENT_MAX_DOMAINS 256
struct msg_agent_domains { /* the full list; what is not in it is not on the host */
        uint64_t conn;
        uint32_t n_domains;
        struct domain_info domains[AGENT_MAX_DOMAINS];
};
struct msg_agent_domain_event {
        uint64_t conn;
        struct domain_info domain;
        char what[32]; /* "appeared", "gone", "shutdown", "crashed", "restarted", "changed" */
        char text[256];
};
struct msg_agent_op {
        uint64_t conn;
        uint64_t id;
        uint64_t epoch;
        uint32_t kind; /* enum op_kind */
        uint32_t timeout_seconds;
        struct domain_config config; /* create: all of it; shutdown, destroy: name and uuid */
};
struct msg_agent_op_progress {
        uint64_t conn;
        uint64_t id, epoch;
        char step[32];
        uint32_t percent;
};
struct msg_agent_op_result { /* repeated until AGENT_OP_ACK */
        uint64_t conn;
        uint64_t id, epoch;
        char code[32]; /* error_text(); "none": it worked */
        char text[1000];
        struct domain_info domain;
};
struct msg_agent_op_ack {
        uint64_t conn;
        uint64_t id;
};
struct msg_agent_ping { /* when nothing else was said for long */
        uint64_t conn;
        uint64_t free_memory_kib;
        uint64_t uptime_ms;
};

/* Kept files (model/keep.h). sha256 is that of an archive's bytes; all zero: there is none. */
#define KEEP_PART_MAX (256u << 10)
struct msg_agent_keep_get { /* what is kept of this host, from @offset on; answered by a part */
        uint64_t conn;
        uint64_t offset;
};
struct msg_agent_keep_offer { /* they are others now than those that the server had last; or @trouble */
        uint64_t conn;
        uint8_t sha256[32];
        uint64_t size;
        uint32_t n_files;
        char biggest[KEEP_PATH_SIZE];
        uint64_t biggest_size;
        char trouble[256]; /* why nothing is saved in this boot; empty: nothing is in the way */
};
struct msg_agent_keep_part {
        uint64_t conn;
        uint8_t sha256[32];
        uint64_t size; /* of the whole archive */
        uint64_t offset;
        struct blob data; /* to its end, or KEEP_PART_MAX bytes */
};
enum keep_verdict {
        KEEP_ASK,  /* link: there is a server (again): say what you have */
        KEEP_WANT, /* the part at @offset */
        KEEP_HAVE, /* durable */
        KEEP_TOO_LARGE,
        KEEP_BUSY,    /* too much is under way; in a moment */
        KEEP_DROPPED, /* somebody had them dropped: nothing more is taken in this boot */
        KEEP_VERDICT_N,
};
struct msg_agent_keep_answer {
        uint64_t conn;
        uint8_t sha256[32];
        uint32_t verdict; /* enum keep_verdict */
        uint64_t offset;
        uint64_t limit; /* bytes that the server takes */
};

/* session: chosen by api, unique while api lives; conn: the agent's, set by core on the way down. */
struct msg_console_open {
        uint64_t conn;
        uint64_t session;
        char domain[NAME_SIZE];
        uint8_t uuid[UUID_SIZE];
};
#define CONSOLE_CHUNK 16384
struct msg_console_data {
        uint64_t conn;
        uint64_t session;
        struct blob data; /* at most CONSOLE_CHUNK bytes; base64 over JSON */
};
struct msg_console_close {
        uint64_t conn;
        uint64_t session;
        char code[32];
        char text[256];
};

/* Captures of a machine's packets. session: chosen by api, unique while api lives. */
#define CAPTURE_MAX_BOOTS 100
#define CAPTURE_MAX_SECONDS 86400
#define CAPTURE_MAX_BYTES (64u << 20) /* of the pcap file; then it ends */
#define CAPTURE_MAX_TEXT "64 MiB"
#define CAPTURE_SNAP_MIN 64
#define CAPTURE_SNAP_MAX 65535
#define CAPTURE_WHOLE 0 /* a snap length: nothing is cut */
struct msg_capture_open {
        uint64_t session;
        char name[NAME_SIZE]; /* a host, or a MAC with dashes */
        uint32_t boots;       /* it ends after so many, 1.. */
        uint32_t seconds;     /* and after this time */
        uint32_t snap;        /* bytes of a packet that are kept; DHCP whole. CAPTURE_WHOLE */
        char by[NAME_SIZE];
};
struct msg_capture_socket { /* from the parent with a packet socket that sees this machine only */
        uint64_t session;
        struct mac mac;
        uint32_t address; /* fixed, of a host behind a relay agent, whose packets have not its MAC; 0 */
        uint32_t snap;
};
#define CAPTURE_CHUNK (192u << 10)
struct msg_capture_data {
        uint64_t session;
        struct blob data; /* of the pcap file: whole records */
};
struct msg_capture_note { /* what the boot has come to, for who looks on */
        uint64_t session;
        char text[300];
};
struct msg_capture_close {
        uint64_t session;
        char code[32];
        char text[256];
};

#define WORK_FACTS_NAME "facts"
enum work_kind {
        WORK_IMAGE_BUILD, /* name: the recipe */
        WORK_FACTS,       /* name: WORK_FACTS_NAME; what images and loaders say of themselves, where that is not known. Of no
                             operation */
        WORK_GUEST_FILE,  /* name: "kernel" or "ramdisk"; the open file travels with it */
        WORK_IMAGE_SET_DEFAULT, /* name: the image; versions: one */
        WORK_IMAGE_ROLLBACK,    /* name: the image */
        WORK_IMAGE_REMOVE,      /* name: the image, or WORK_GC_NAME; versions: those to remove; sweeps as well */
        WORK_IMAGE_VERIFY,      /* name: the image; versions: one */
        WORK_KIND_N,
};
#define WORK_GC_NAME "gc"
#define WORK_VERSIONS_MAX 60 /* of a task */
struct msg_work_task {
        uint64_t op;
        uint32_t kind; /* enum work_kind */
        char name[NAME_SIZE];
        char versions[WORK_VERSIONS_MAX * 17 + 1]; /* the first 16 digits of ids, a blank behind each */
};
struct msg_work_progress {
        uint64_t op;
        char step[32];
        uint32_t percent;
};
struct msg_work_result {
        uint64_t op;
        char name[NAME_SIZE]; /* the task's: an operation may have several, one after the other */
        char code[32];
        char text[1000];
        uint8_t sha256[32]; /* of the guest file that became a blob */
        uint64_t size;
};
struct msg_export_plan {
        uint32_t n_grants; /* in the order of export_grant_compare() */
        struct export_grant grants[EXPORT_MAX_GRANTS];
};
struct msg_export_states {
        uint32_t n_states;
        struct export_state states[EXPORT_MAX_SERVERS];
        uint32_t n_checked; /* versions, the damaged ones first; further ones are left out */
        struct export_check checked[EXPORT_MAX_CHECKED];
};
/* --- satellites; conn as with agents --- */
struct msg_satellite_hello {
        uint64_t conn;
        char name[NAME_SIZE];
        uint8_t secret[32];
        char version[NAME_SIZE];
        uint32_t messages_version;
        uint32_t policy_version; /* of the snapshots that it understands */
        uint64_t generation;     /* of the snapshot in force there; 0: none */
        uint64_t journal;        /* whose numbers the reports have */
        uint64_t newest;         /* number of the newest report that waits there; 0: none waits */
        int64_t time_ms;         /* its wall clock */
        uint32_t http_port;
        uint32_t n_networks; /* 1.. */
        struct config_network networks[CONFIG_MAX_NETWORKS];
        uint32_t address; /* filled in by api */
};
struct msg_satellite_welcome {
        uint64_t conn;
        char version[NAME_SIZE];
        int64_t time_ms;
        uint32_t http_port; /* of the main server's files */
};
enum satellite_what { SATELLITE_POLICY, SATELLITE_FILES, SATELLITE_WHAT_N };
struct msg_satellite_offer { /* a snapshot and the list of files that go with it (src/proto/satellite_files.h) */
        uint64_t conn;
        uint64_t generation;
        uint64_t policy_size, files_size;
        uint8_t policy_sha256[32], files_sha256[32];
};
#define SATELLITE_PART_MAX (256u << 10)
struct msg_satellite_get {
        uint64_t conn;
        uint64_t generation;
        uint32_t what; /* enum satellite_what */
        uint64_t offset;
};
struct msg_satellite_part {
        uint64_t conn;
        uint64_t generation;
        uint32_t what;
        uint64_t offset;
        struct blob data; /* to its end, or SATELLITE_PART_MAX bytes */
};
struct msg_satellite_state {
        uint64_t conn;
        uint64_t generation;   /* in force there */
        uint32_t n_missing;    /* files of the newest one */
        uint64_t missing_size; /* bytes */
        uint64_t n_dropped;    /* reports that were lost since the last word on it: its journal was full */
        char trouble[256];     /* what keeps it from the newest one; empty: nothing */
};
struct msg_satellite_ack { /* all up to this number are taken and durable */
        uint64_t conn;
        uint64_t seq;
};
struct msg_satellite_used {
        uint64_t conn;
        struct msg_token_used used;
};
struct msg_satellite_boot {
        uint64_t conn;
        uint64_t seq;
        struct msg_boot_event report;
};
struct msg_satellite_lease { /* the state of now: no number */
        uint64_t conn;
        struct msg_lease_event report;
};
struct msg_satellite_unknown {
        uint64_t conn;
        uint64_t seq;
        struct msg_machine_seen report;
};
struct msg_satellite_foreign {
        uint64_t conn;
        uint64_t seq;
        struct msg_foreign_dhcp report;
};
struct msg_satellite_init {
        uint64_t conn;
        uint64_t seq;
        uint32_t address; /* as in the report, where JSON does not show them */
        int64_t time_ms;
        struct msg_init_report report;
};
struct msg_host_reboot {
        char reason[128];
};

enum msg_type {
#define MESSAGE(ID, NUMBER, STRUCT, FROM, TO) MSG_##ID = NUMBER,
#include "ipc/messages.def"
#undef MESSAGE
        MSG_MAX,
};

/* NULL when the number is no message. */
const struct rec_desc *message_desc(enum msg_type type);

const char *message_name(enum msg_type type);

/* -1 when the text is no message's name. */
int message_find(const char *name);

/* Does a descriptor travel with it? A frame of any other message that brings one is refused. */
bool message_takes_fd(enum msg_type type);

/* May @from send @type to @to? */
bool message_allowed(enum msg_type type, enum role from, enum role to);

#endif
