/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_CONFIG_H
#define DOMPOOL_MODEL_CONFIG_H
/*
 * dompoold's configuration as data. src/server/config.c reads it from dompoold.conf(5) by its schema table; the parent hands it
 * to each role as a record, so no role opens the file.
 */
#include "base/rec.h"
#include "model/enrol.h"
#include "model/host.h"
#include "model/quirk.h"
#include "model/satellite_enrolment.h"

#define CONFIG_PATH_SIZE 200
#define CONFIG_MAX_HOSTS 16384
#define CONFIG_MAX_TOKENS 16
#define CONFIG_MAX_PROFILES 64
#define CONFIG_MAX_RULES 64
#define CONFIG_MAX_MENUS 16
#define CONFIG_MAX_QUIRKS 256
#define CONFIG_MAX_ENROLS 64
#define CONFIG_EXPORT_SIZE 120

#define CONFIG_MAX_SUBNETS 31
#define CONFIG_MAX_NETWORKS (1 + CONFIG_MAX_SUBNETS)
#define PXE_PROMPT_SIZE 64

enum network_mode {
        NETWORK_DHCP,  /* addresses and boot files are ours */
        NETWORK_PROXY, /* addresses are another server's, and stay so; we only name boot files */
        NETWORK_MODE_N,
};
extern const char *const network_mode_names[];

/* The boot LAN, or a further subnet. */
struct config_network {
        char name[NAME_SIZE]; /* of a subnet section; empty: the boot LAN */
        char interface[16];   /* of this server in it; empty (subnets only): reached through relay agents */
        uint32_t mode;        /* enum network_mode */
        uint32_t address;     /* of this server on the interface; 0: its first. Files are always served at the boot LAN's */
        uint32_t net;         /* subnet address */
        uint32_t prefix;      /* 8..30 */
        uint32_t range_first; /* pool; 0: no pool */
        uint32_t range_last;
        uint32_t router; /* option 3; 0: left out */
        uint32_t dns;    /* option 6; 0: left out */
        uint32_t relay;  /* the relay agent's giaddr where it lies outside the subnet; 0: it lies inside */
        uint32_t lease_seconds;
        char pxe_prompt[PXE_PROMPT_SIZE]; /* proxy: shown by firmware before its menu; empty: no menu */
        uint32_t pxe_timeout_seconds;     /* of the prompt; 0: the menu at once */
};
extern const struct rec_desc config_network_desc;

/* Is it a machine's address in the network: neither its first nor its last? */
bool config_network_has(const struct config_network *n, uint32_t address);

struct config_token {
        char name[NAME_SIZE];
        uint8_t sha256[32]; /* of the token's text */
};

/* Which servers other than ours give roots, and the ports of ours. A text is the word behind "nfs:" and so on, see
 * root_pattern_check(); empty: dompoold starts a server of its own when a host needs it. */
struct config_export {
        char nfs_server[CONFIG_EXPORT_SIZE]; /* "10.0.0.5:/vol/%i" */
        char nbd_server[CONFIG_EXPORT_SIZE];
        char iscsi_server[CONFIG_EXPORT_SIZE];
        char aoe_target[CONFIG_EXPORT_SIZE];
        uint32_t nbd_port;   /* 10809 */
        uint32_t iscsi_port; /* 3260 */
};
extern const struct rec_desc config_export_desc;

struct config {
        char state_dir[CONFIG_PATH_SIZE];   /* /var/lib/dompool */
        char run_dir[CONFIG_PATH_SIZE];     /* /run/dompool */
        char image_store[CONFIG_PATH_SIZE]; /* /var/cache/dompool/images */
        char ssh_keys[CONFIG_PATH_SIZE];    /* /etc/dompool/authorized_keys */
        char guest_files[CONFIG_PATH_SIZE]; /* /srv/dompool/guests: kernels and ramdisks that xl.cfg files may name */
        char api_socket[CONFIG_PATH_SIZE];  /* /run/dompool/api.sock */
        char api_group[NAME_SIZE];          /* who besides root may use the socket; empty: root only */
        uint32_t api_address;               /* TLS on TCP; 0: none */
        uint32_t api_port;                  /* default 8443 */
        uint32_t agent_port;                /* TLS, on the boot LAN's address; default 8444 */
        uint32_t http_port;                 /* boot files; default 8080 */
        uint32_t tftp_port, dhcp_port;      /* 69, 67 */
        char default_image[NAME_SIZE];      /* "micro" */
        char default_profile[NAME_SIZE];    /* for hosts that do not say and that no rule names */
        char console[NAME_SIZE];            /* Xen console=, default "vga" */
        char xen_args[ARGS_SIZE];
        char kernel_args[ARGS_SIZE];
        uint32_t heartbeat_seconds;    /* a host without a sign of life for 3 of these is lost; default 5 */
        uint32_t keep_limit;           /* bytes of a host's kept files; default 1 MiB */
        struct config_network network; /* the boot LAN */
        uint32_t n_subnets;
        struct config_network subnets[CONFIG_MAX_SUBNETS];
        char satellite_file[CONFIG_PATH_SIZE];  /* /etc/dompool/satellite */
        struct satellite_enrolment main_server; /* of a satellite; address 0: this is none */
        uint32_t n_tokens;
        struct config_token tokens[CONFIG_MAX_TOKENS];
        uint32_t n_profiles; /* those that the file names; built-in ones: config_profile() */
        struct profile profiles[CONFIG_MAX_PROFILES];
        uint32_t n_menus;
        struct menu menus[CONFIG_MAX_MENUS];
        uint32_t n_rules;
        struct rule rules[CONFIG_MAX_RULES];
        char quirks_file[CONFIG_PATH_SIZE]; /* more of them; "" or not there: none */
        uint32_t n_quirks;                  /* the configuration's own, then the file's */
        struct quirk quirks[CONFIG_MAX_QUIRKS];
        struct enrol_limits enrolment;
        uint32_t n_enrols; /* what becomes of machines that are no host; none: all are refused */
        struct enrol_rule enrols[CONFIG_MAX_ENROLS];
        struct config_export exports;
        uint32_t n_hosts;
        struct host hosts[CONFIG_MAX_HOSTS];
};
extern const struct rec_desc config_desc;

/* The boot LAN is 0, the subnets follow; NULL behind the last. */
const struct config_network *config_network_at(const struct config *c, uint32_t i);

/* The network that the address is in; NULL: none of ours. */
const struct config_network *config_network_of(const struct config *c, uint32_t address);

/* The word behind dompool.root= as a pattern of root_word(), with the administrator's own server in it where there is one. ""
 * for ram. */
void config_root_pattern(const struct config *c, enum root_kind kind, char ret[ROOT_WORD_SIZE]);

/* Is it an administrator's own server that gives such roots? */
bool config_root_is_foreign(const struct config *c, enum root_kind kind);

/* The profile of this name: one of the file's, else a built-in one (local, pool, inspect, rescue). NULL: there is none. */
const struct profile *config_profile(const struct config *c, const char *name);

/* A built-in one as it is without the file; NULL: none of this name. */
const struct profile *config_profile_built_in(const char *name);

/* By position: first the built-in ones that the file does not describe anew, then the file's. NULL behind the last. */
const struct profile *config_profile_at(const struct config *c, uint32_t i);

/* Position in that order; UINT32_MAX: none. */
uint32_t config_profile_index(const struct config *c, const char *name);

/* NULL: none of this name. */
const struct menu *config_menu(const struct config *c, const char *name);

#endif
