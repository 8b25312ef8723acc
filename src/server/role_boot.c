/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `boot` role of dompoold: DHCP, TFTP and menus. Any byte on the boot LAN arrives here, so it has no privilege, no database
 * and no way out; what it knows is a policy snapshot, its own leases, and the published boot files, read-only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "server/boot.h"

#define MAX_FILES 12288 /* a socket for each of boot_tftp.c's transfers, and some */

/* Our address on the boot LAN: what the policy says, else the configuration. */
static uint32_t
server_address(const struct boot *b)
{
        uint32_t said = b->policy ? policy_header(b->policy)->networks[0].address : 0;

        return said != 0 ? said : b->ctx->config->network.address;
}

/* Takes over @p, whatever happens. */
static void
take_policy(struct boot *b, struct policy *p)
{
        struct policy *old = b->policy;

        b->policy = p;
        b->server.policy = p;
        b->server.address = server_address(b);
        if (dhcp_server_configure(&b->server) < 0)
                log_error("policy: out of memory, the old fixed addresses and pool stay");
        policy_free(old);
        log_info("policy generation=%llu hosts=%u images=%u", (unsigned long long)policy_header(p)->generation,
                 policy_header(p)->n_hosts, policy_header(p)->n_images);
}

/* Takes over @fd. A snapshot that cannot be used leaves the old one in force. */
static void
read_policy(struct boot *b, int fd)
{
        _cleanup_close_ int own = fd;
        struct error err = {0};
        struct policy *p;

        if (own < 0)
                return;
        if (policy_map(own, &p, &err) < 0)
                log_error("policy not taken: %s", err.message);
        else
                take_policy(b, p);
}

static void
log_journal(const struct boot_journal_report *r)
{
        if (r->foreign)
                log_error("lease journal: not one of ours, put aside as %s.bad; all leases are forgotten", BOOT_JOURNAL_NAME);
        if (r->n_bad > 0 || r->torn > 0)
                log_warning("lease journal: damaged, skipped records=%zu torn_bytes=%zu", r->n_bad, r->torn);
        if (r->write_error < 0)
                log_error("lease journal: cannot be written, no lease is granted until it can error=\"%s\"",
                          strerror(-r->write_error));
        log_info("lease journal records=%zu", r->n_good);
}

static int
make_parts(struct boot *b, struct error *err)
{
        struct boot_journal_report report;
        int r;

        b->server.leases = lease_table_new();
        b->contents = boot_contents_new(b->ctx->config->image_store);
        b->attempts = menu_attempts_new();
        b->menus = menu_cache_new(MENU_CACHE_BYTES);
        b->reports = boot_reports_new(b->ctx);
        b->server.memory = loader_memory_new();
        if (!b->server.leases || !b->contents || !b->attempts || !b->menus || !b->reports || !b->server.memory)
                return error_errno_set(err, ENOMEM, "boot");
        b->state_dir = role_take_fd(b->ctx, FD_STATE_DIR);
        if (b->state_dir < 0)
                return error_set(err, ERR_INTERNAL, "boot: the parent gave no state directory");
        boot_loaders_read(b->state_dir, b->server.memory);
        r = boot_journal_open(b->state_dir, b->server.leases, &b->journal, &report, err);
        if (r == 0)
                log_journal(&report);
        return r;
}

static int
start_dhcp(struct boot *b, struct error *err)
{
        static const struct {
                enum role_fd purpose;
                uint16_t port;
        } doors[] = {{FD_DHCP, DHCP_SERVER_PORT}, {FD_PXE, DHCP_PXE_PORT}};
        int r = 0;

        for (uint32_t network = 0; r == 0 && network < ROLE_FDS; network++)
                for (size_t i = 0; r == 0 && i < N_ELEMENTS(doors); i++) {
                        int fd = role_take_fd_number(b->ctx, doors[i].purpose, network);

                        if (fd >= 0)
                                r = boot_dhcp_start(b, fd, doors[i].port, network, err);
                        else if (network == 0 && doors[i].purpose == FD_DHCP)
                                r = error_set(err, ERR_INTERNAL, "boot: the parent gave no DHCP socket");
                }
        return r;
}

static int
role_boot_start(struct role_ctx *ctx, struct error *err)
{
        struct boot *b = calloc(1, sizeof(*b));
        int tftp = role_take_fd(ctx, FD_TFTP), ndp = role_take_fd(ctx, FD_NDP), r;

        if (!b)
                return error_errno_set(err, ENOMEM, "boot");
        ctx->state = b;
        b->ctx = ctx;
        if (tftp < 0)
                return error_set(err, ERR_INTERNAL, "boot: the parent gave no TFTP socket");
        r = make_parts(b, err);
        if (r < 0)
                return r;
        read_policy(b, role_take_fd(ctx, FD_POLICY));
        r = ndp < 0 ? 0 : boot_ndp_start(b, ndp, err);
        if (r < 0)
                return r;
        r = start_dhcp(b, err);
        return r < 0 ? r : boot_tftp_start(b, tftp, err);
}

static void
role_boot_message(struct role_ctx *ctx, enum role peer, enum msg_type type, void *payload, int fd)
{
        struct boot *b = ctx->state;
        const struct msg_token_used *used = payload;
        const struct msg_boot_attempt *attempt = payload;

        (void)peer;
        if (type == MSG_POLICY) {
                read_policy(b, fd);
                return;
        }
        if (type == MSG_TOKEN_USED)
                menu_attempts_used(b->attempts, &used->mac, used->attempt_ms);
        if (type == MSG_BOOT_ATTEMPT) { /* `files` has served a menu */
                menu_attempts_learn(b->attempts, &attempt->mac, attempt->attempt_ms);
                boot_loader_runs(b, &attempt->mac);
        }
        if (fd >= 0)
                close(fd);
}

static void
role_boot_peer(struct role_ctx *ctx, enum role peer, bool up)
{
        struct boot *b = ctx->state;

        if (peer == role_home(ctx) && up)
                boot_reports_core_up(b->reports, b->server.leases);
        if (peer == ROLE_FILES && up) {
                boot_reports_files_up(b->reports, b->server.leases);
                boot_menu_files_up(b);
        }
}

static void
role_boot_stop(struct role_ctx *ctx)
{
        struct boot *b = ctx->state;

        boot_reports_flush(b->reports);
}

static const struct role_path_use paths[] = {
        {ROLE_PATH_IMAGE_STORE, false},
        {ROLE_PATH_STATE_OWN, true},
};

const struct role_def role_boot_def = {
        .role = ROLE_BOOT,
        .sandbox =
                {
                        .syscalls = SYS_BASE | SYS_NET | SYS_FD_PASSING | SYS_FILES_READ | SYS_FILES_WRITE,
                        .max_files = MAX_FILES,
                        .no_new_processes = true,
                },
        .paths = paths,
        .n_paths = N_ELEMENTS(paths),
        .start = role_boot_start,
        .message = role_boot_message,
        .peer = role_boot_peer,
        .stop = role_boot_stop,
};
