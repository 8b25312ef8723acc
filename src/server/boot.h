/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_BOOT_H
#define DOMPOOL_SERVER_BOOT_H
/*
 * The insides of the `boot` role, shared by its files and nobody else:
 *
 *     role_boot.c     start, messages, policy
 *     boot_dhcp.c     the DHCP sockets: batches of packets -> decisions -> journal -> answers
 *     boot_dhcp_send.c  the way out of the answers
 *     boot_ndp.c      router solicitations: iPXE need not wait for an IPv6 router
 *     boot_tftp.c     the TFTP socket and a socket for each transfer
 *     boot_content.c  what a transfer sends: a shared open file, or a text in memory
 *     boot_menu.c     menus and the tokens in them
 *     boot_report.c   what core is told; kept for a while when core is away
 *     boot_journal.c  leases on disk
 *     boot_loaders.c  loaders that a host was found to need, on disk
 *
 * Nothing here waits for core: a room boots while core is gone.
 */
#include "base/log.h"
#include "bootcfg/bootfile.h"
#include "bootcfg/dhcp_server.h"
#include "bootcfg/loader_memory.h"
#include "bootcfg/menu_server.h"
#include "server/boot_journal.h"
#include "server/role.h"

struct boot_ndp;
struct boot_tftp;
struct boot_contents;
struct boot_reports;

struct boot {
        struct role_ctx *ctx;
        struct policy *policy;     /* NULL: none yet */
        struct dhcp_server server; /* policy, address, leases */
        struct boot_journal *journal;
        int state_dir;

        struct boot_ndp *ndp; /* NULL: no socket for it */
        struct boot_tftp *tftp;
        struct boot_contents *contents;
        struct menu_attempts *attempts;
        struct menu_cache *menus;
        struct boot_reports *reports;
        struct log_budget lines; /* on packets, menus and files of known hosts */
};

/* --- boot_content.c --- */

struct boot_content {
        unsigned refs;
        uint64_t size;
        const uint8_t *bytes; /* of a file: mapped, for the kernel's eyes (sendmsg) only, as a file that is cut would be our end */
        int fd;               /* -1: `bytes` is a text */
        const struct boot_contents *shared_by; /* files of one path are opened once */
};

/* The image store need not be there yet. NULL: out of memory. */
struct boot_contents *
boot_contents_new(const char *image_store);

void
boot_contents_free(struct boot_contents *c);

/* A file below STORE/loaders or STORE/versions. 0; -ENOENT, -EACCES (leads out of the folder, is no plain file) or another
 * errno. */
int
boot_content_open(struct boot_contents *c, enum bootfile_kind kind, const char *path, struct boot_content **ret);

/* A copy of a text. */
int
boot_content_text(const char *text, size_t size, struct boot_content **ret);

/* The same content with line ends as netascii wants them (RFC 764); -EFBIG for what is no small text. Drops the reference to @c
 * on success. */
int
boot_content_netascii(struct boot_contents *cs, struct boot_content *c, struct boot_content **ret);

/* Exactly @size bytes at @offset into @buf; 0 or negative errno. */
int
boot_content_read(const struct boot_content *c, uint64_t offset, void *buf, size_t size);

void
boot_content_unref(struct boot_contents *cs, struct boot_content *c);

/* --- boot_menu.c --- */

/* `files` is there (again): it is told all attempts. */
void
boot_menu_files_up(struct boot *b);

/* The menu that @file asks for, for the host at @address; good until the next call. false: the address belongs to another host,
 * which must not read it. */
bool
boot_menu(struct boot *b, const struct bootfile *file, uint32_t address, int64_t now_ms, struct menu_served *ret);

/* --- boot_loaders.c --- */

void
boot_loaders_read(int state_dir, struct loader_memory *m);

/* The host's loader asked for a menu or for what comes after. */
void
boot_loader_runs(struct boot *b, const struct mac *mac);

/* --- boot_report.c --- */

struct boot_reports *
boot_reports_new(struct role_ctx *ctx);

void
boot_reports_free(struct boot_reports *r);

/* What core is told goes to it 50 ms later, together; now, for a role that ends. */
void
boot_reports_flush(struct boot_reports *r);

/* @attempt_ms: of the token in force, 0 before the menu. @text is cut where it is too long. */
void
boot_report_stage(struct boot_reports *r, const struct mac *mac, uint32_t address, enum boot_stage stage, int64_t attempt_ms,
                  const char *text);

/* STAGE_DHCP: and who asked. */
void
boot_report_firmware(struct boot_reports *r, const struct mac *mac, uint32_t address, const struct firmware *f, const char *text);

/* Something besides: @stage is what it was on the way to. @firmware: seen in a packet of firmware or a loader. */
void
boot_report_note(struct boot_reports *r, const struct mac *mac, uint32_t address, enum boot_stage stage, enum boot_note_kind note,
                 bool firmware, const char *text);

/* To core, and to `files`, which answers for menus. */
/* Is it news that the host got @what (a name)? Its repeats of the next seconds need not be told. @p may be NULL. */
bool
boot_report_due(struct boot_reports *r, const struct policy *p, const struct mac *mac, const char *what);

void
boot_report_lease(struct boot_reports *r, const struct lease *l);

/* `files` is there (again): it is told all leases. */
void
boot_reports_files_up(struct boot_reports *r, const struct lease_table *leases);

/* A machine that nobody knows: at most one a MAC in 10 s, and 50 a second in all; those that an enrolment rule may let in have
 * 50 a second of their own, so that invented addresses which none lets in do not push them aside. @network may be NULL. */
void
boot_report_unknown(struct boot_reports *r, const struct policy *policy, const struct dhcp_packet *p,
                    const struct config_network *network);

/* What a host's firmware shows of itself, when that is news. */
void
boot_report_seen(struct boot_reports *r, const struct policy *policy, const struct dhcp_packet *p,
                 const struct config_network *network);

/* The host took another server's address: once a host and server in an hour. */
void
boot_report_foreign(struct boot_reports *r, const struct dhcp_decision *d);

/* core is there (again): what was kept for it goes out, and all leases. */
void
boot_reports_core_up(struct boot_reports *r, const struct lease_table *leases);

/* --- boot_dhcp.c, boot_ndp.c, boot_tftp.c --- */

/* Take over the socket, also on failure. */
int
boot_dhcp_start(struct boot *b, int fd, uint16_t port, uint32_t network, struct error *err);

int
boot_tftp_start(struct boot *b, int fd, struct error *err);

int
boot_ndp_start(struct boot *b, int fd, struct error *err);

/* Firmware of @mac has just got its boot file named: its router solicitations of the next minute are answered. */
void
boot_ndp_expect(struct boot_ndp *n, const struct mac *mac, int64_t now_ms);

/* Transfers that are under way. */
unsigned
boot_tftp_count(const struct boot_tftp *t);

#endif
