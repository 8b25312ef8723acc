/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_ROLE_FILES_H
#define DOMPOOL_SERVER_ROLE_FILES_H
/*
 * The files role, inside: boot files and guest files by HTTP for anybody on the boot LAN.
 *
 *     role_files.c         the role: start, policy, events to core
 *     role_files_http.c    one request: name -> file -> answer (ranges, conditions, sendfile)
 *     role_files_menu.c    menus, and the leases and attempts behind them
 *     role_files_open.c    files that go out, opened once for all
 *     role_files_path.c    which file a URL means; pure
 *     role_files_report.c  POST /boot/report: JSON -> struct msg_init_report; pure
 *     role_files_rate.c    how often strangers may make core work; pure
 *     role_files_wait.c    answers that wait while TFTP has no room on the line
 */
#include <microhttpd.h>
#include <sys/stat.h>
#include <uthash.h>

#include "bootcfg/bootfile.h"
#include "bootcfg/menu_server.h"
#include "bootcfg/policy.h"
#include "server/httpd_uv.h"
#include "server/role.h"

/* Tokens that come back with time: @burst at once, then @per_second. */
struct rate {
        uint32_t burst, per_second;
        int64_t millitokens, last_ms;
};
void
rate_init(struct rate *r, uint32_t burst, uint32_t per_second, int64_t now_ms);
/* Takes one token; false: none is left. */
bool
rate_take(struct rate *r, int64_t now_ms);

/* The same for each address, in a table of fixed size: addresses that fall on one place share it, so a stranger can slow down others
 * of that place but never make memory grow. */
#define RATE_PLACES 1024
struct rate_table {
        uint32_t burst, per_second;
        struct rate places[RATE_PLACES];
};
void
rate_table_init(struct rate_table *t, uint32_t burst, uint32_t per_second, int64_t now_ms);
bool
rate_table_take(struct rate_table *t, uint32_t address, int64_t now_ms);

struct files_menus;
struct files_cache;
struct files_wait;

struct files {
        struct role_ctx *ctx;
        struct files_cache *cache;
        unsigned n_parts, max_parts; /* answers with a part of a file, which have a descriptor of their own */
        struct files_menus *menus;
        struct httpd_uv *http;
        struct files_wait *wait;
        struct policy *policy; /* NULL: none yet */
        int store, blobs;      /* folders; -1 when they are not there */
        struct rate events;    /* BOOT_EVENT to core */
        struct rate_table reports;
};

/* What a URL means. */
enum files_target {
        FILES_MISSING, /* nothing stands there: `why` */
        FILES_REPORT,  /* POST /boot/report */
        FILES_STORE,   /* `path` below the image store */
        FILES_BLOB,    /* `path` below the blobs */
        FILES_MENU,    /* `menu` of the host with `mac` */
        FILES_MENU_DEFAULT, /* the local menu, for whoever asks */
};
struct files_path {
        enum files_target target;
        bool is_boot;          /* a file of a boot: its delivery, or that it is missing, is told to core */
        enum boot_stage stage;
        const char *why;       /* static */
        uint64_t size; /* that it must have; 0: any */
        const struct menu_doc *menu;
        struct mac mac;
        char path[BOOTFILE_PATH_SIZE + 16];
};
void
files_path_resolve(const struct policy *policy, const char *url, struct files_path *ret);

#define FILES_REPORT_MAX 4096

/* Fills the report from a body of at most FILES_REPORT_MAX bytes; address and time are the caller's. ERR_INVALID, ERR_PROTOCOL, ERR_LIMIT. */
int
files_report_parse(const char *body, size_t size, struct msg_init_report *ret, struct error *err);

/* role_files_http.c */
enum MHD_Result
files_http_handle(void *arg, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                  const char *upload, size_t *upload_size, void **request);
void
files_http_completed(void *arg, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode how);

/* role_files_wait.c: NULL: out of memory. */
struct files_wait *
files_wait_new(struct files *f);
/* `boot` says that TFTP has no room on the line; on which network's, if there are several, is not told apart. */
void
files_wait_crowded(struct files_wait *w);
/* Whoever asks for it is patient: it is not the firmware, which by UEFI's HTTP boot asks for loaders. */
bool
files_may_wait(const struct files_path *path);
/* Is the answer to wait? Then the connection is suspended, and the handler called once more when its turn has come. */
bool
files_wait(struct files_wait *w, struct MHD_Connection *connection);
/* All go on; before httpd_uv_free. */
void
files_wait_end(struct files_wait *w);

/* role_files_menu.c: NULL: out of memory. */
struct files_menus *
files_menus_new(void);
/* A lease, an attempt, a used token. */
void
files_menus_message(struct files_menus *m, enum msg_type type, const void *payload);
/* `boot` is there (again): it is told all attempts. */
void
files_menus_boot_up(struct files *f);
/* The menu for who asks from @address at our @local_address; good until the next call. false: it is another host's. */
bool
files_menu(struct files *f, const struct files_path *path, uint32_t address, uint32_t local_address, struct menu_served *ret);

/* role_files_open.c: a file that is open; for reading only, until the next call of files_cache_get. */
#define FILES_OPEN_NAME_SIZE (BOOTFILE_PATH_SIZE + 32)
#define FILES_ETAG_SIZE 48
struct files_open {
        char name[FILES_OPEN_NAME_SIZE];
        struct stat st;
        char etag[FILES_ETAG_SIZE];
        int fd;                     /* of @whole; to be duplicated for a part */
        struct MHD_Response *whole; /* the whole file with its headers; may be queued any number of times */
        int64_t looked_ms;
        UT_hash_handle hh;
};
/* NULL: no memory. */
struct files_cache *
files_cache_new(void);
void
files_cache_free(struct files_cache *c);
/* The file @path strictly below @folder. 0 or negative errno; -ENOENT as well for what is no plain file. */
int
files_cache_get(struct files_cache *c, int folder, const char *path, int64_t now_ms, const struct files_open **ret);

/* role_files.c: an event of a boot; dropped when strangers cause too many. */
void
files_tell(struct files *f, uint32_t address, const struct files_path *path, enum boot_note_kind note, const char *text);
/* To core. 0, -ENOTCONN while core is away. */
int
files_report(struct files *f, const struct msg_init_report *report);

#endif
