/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A create request until it is an operation: everything that can be refused is refused here, before anything is made. What goes
 * on to the agent is complete: uuid, MACs, and hashes in the place of file names. Process: core.
 */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/rec_json.h"
#include "server/core_private.h"

/* What Xen wants for a domain beside its memory: page tables, shadow or p2m, descriptors. A little more than libxl computes. */
uint64_t
core_create_need_kib(const struct domain_config *config)
{
        uint64_t memory = config->maxmem_kib > config->memory_kib ? config->maxmem_kib : config->memory_kib;
        uint32_t vcpus = config->maxvcpus > config->vcpus ? config->maxvcpus : config->vcpus;

        return memory + memory / 128 + (4 << 10) + ((uint64_t)vcpus << 10);
}

uint64_t
core_create_reserved_kib(struct core *c, const struct core_host *h)
{
        struct core_domain *d;
        uint64_t sum = 0;

        (void)c;
        DL_FOREACH(h->domains, d)
        if (d->row.info.state == DOMAIN_STARTING)
                sum += d->row.info.memory_kib + d->row.info.memory_kib / 128;
        return sum;
}

static bool
host_can(const struct core_host *h, uint32_t type)
{
        switch (type) {
        case DOMAIN_PV:
                return h->row.can.pv;
        case DOMAIN_PVH:
                return h->row.can.pvh;
        default:
                return h->row.can.hvm;
        }
}

/* Has the host the bridges that the domain names? Every host has the usual one; one that did not say which it has is asked when
 * the domain is made. *ret_lacks: the first that is not there. */
static bool
has_bridges(const struct core_host *h, const struct domain_config *config, struct host_inventory *inv, const char **ret_lacks)
{
        bool read = false;

        for (uint32_t i = 0; i < config->n_vifs; i++) {
                const char *bridge = config->vifs[i].bridge;

                if (!*bridge || strcmp(bridge, GUEST_BRIDGE) == 0)
                        continue;
                if (!read)
                        core_row_inventory(&h->row, inv);
                read = true;
                if (*inv->bridges && !labels_has(inv->bridges, bridge)) {
                        *ret_lacks = bridge;
                        return false;
                }
        }
        return true;
}

static int
check_host(struct core *c, const struct core_host *h, const struct domain_config *config, struct error *err)
{
        uint64_t need = core_create_need_kib(config), free_kib = core_host_free_kib(c, h);
        const char *name = h->row.host.name, *lacks;
        struct host_inventory inv;

        if (h->row.state != HOST_READY)
                return error_set(err, h->row.state == HOST_LOST ? ERR_UNREACHABLE : ERR_STATE, "host '%s' is %s, not ready",
                                 name, host_state_names[h->row.state]);
        if (!host_can(h, config->type))
                return error_set(err, ERR_UNSUPPORTED, "host '%s' cannot run %s guests", name, domain_type_names[config->type]);
        if (config->vcpus > h->row.can.n_cpus * 8)
                return error_set(err, ERR_UNSUPPORTED, "host '%s' has %u CPUs; %u vcpus are too many for it", name,
                                 h->row.can.n_cpus, config->vcpus);
        if (!has_bridges(h, config, &inv, &lacks))
                return error_set(err, ERR_UNSUPPORTED,
                                 "host '%s' has no bridge '%s'; it has %s. Bridges of VLANs are a profile's setting 'vlans'",
                                 name, lacks, inv.bridges);
        if (need > free_kib)
                return error_set(err, ERR_NO_SPACE, "host '%s' has %llu MiB free; domain '%s' needs %llu MiB", name,
                                 (unsigned long long)free_kib >> 10, config->name, (unsigned long long)(need + 1023) >> 10);
        return 0;
}

/* The named host, or the ready one with most free memory. */
static int
choose_host(struct core *c, const char *name, const struct domain_config *config, struct core_host **ret, struct error *err)
{
        struct core_host *h, *next, *best = NULL;
        const char *lacks = NULL;
        struct host_inventory inv;
        unsigned n_ready = 0;

        if (*name) {
                h = core_host_find(c, name);
                if (!h)
                        return error_set(err, ERR_NOT_FOUND, "host '%s' is not known; see 'dompool host list'", name);
                *ret = h;
                return check_host(c, h, config, err);
        }
        HASH_ITER(by_name, c->hosts_by_name, h, next)
        {
                if (h->row.state != HOST_READY)
                        continue;
                n_ready++;
                if (host_can(h, config->type) && has_bridges(h, config, &inv, &lacks) &&
                    (!best || core_host_free_kib(c, h) > core_host_free_kib(c, best)))
                        best = h;
        }
        if (!n_ready)
                return error_set(err, ERR_STATE, "no host is ready; see 'dompool host list'");
        if (!best && lacks)
                return error_set(
                        err, ERR_UNSUPPORTED,
                        "none of the %u ready hosts that can run %s guests has a bridge '%s'; see 'bridges' in 'dompool host "
                        "show'",
                        n_ready, domain_type_names[config->type], lacks);
        if (!best)
                return error_set(err, ERR_UNSUPPORTED, "none of the %u ready hosts can run %s guests", n_ready,
                                 domain_type_names[config->type]);
        *ret = best;
        return check_host(c, best, config, err);
}

static int
check_name(struct core *c, const struct domain_config *config, struct error *err)
{
        struct core_domain *d;

        if (core_op_check_free(c, config->name, err))
                return error_to_errno(err->code);
        d = core_domain_find(c, config->name);
        if (d && d->row.info.state != DOMAIN_GONE)
                return error_set(err, ERR_EXISTS, "domain '%s' exists on host '%s'", config->name, d->row.host);
        d = core_domain_by_uuid(c, config->uuid);
        if (d && d->row.info.state != DOMAIN_GONE)
                return error_set(err, ERR_EXISTS, "domain '%s' on host '%s' has this uuid", d->row.info.name, d->row.host);
        return 0;
}

static void
make_uuid(uint8_t uuid[UUID_SIZE])
{
        static const uint8_t none[UUID_SIZE];

        if (memcmp(uuid, none, sizeof(none)) != 0)
                return;
        digest_random(uuid, UUID_SIZE);
        uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* RFC 4122 4.4: version 4, variant 10 */
        uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

/*
 * Xen's own prefix and 24 bits that are counted, not drawn: with ten thousand vifs two random ones would be the same. The count
 * begins at a random place, so that two servers on one LAN seldom meet.
 */
static void
make_macs(struct core *c, struct domain_config *config)
{
        uint8_t last[3];
        struct error err;
        uint32_t i;
        int r;

        r = store_setting_get(c->store, "vif_mac", last, sizeof(last), &err);
        if (r == 0)
                digest_random(last, sizeof(last));
        for (i = 0; r >= 0 && i < config->n_vifs; i++) {
                if (!mac_zero(&config->vifs[i].mac))
                        continue;
                if (++last[2] == 0 && ++last[1] == 0)
                        ++last[0];
                config->vifs[i].mac = (struct mac){{0x00, 0x16, 0x3e, last[0], last[1], last[2]}};
        }
        if (r >= 0)
                r = store_setting_put(c->store, "vif_mac", last, sizeof(last), &err);
        if (r < 0)
                core_db_failed(c, &err);
}

/* The row of a domain that is to be: shown as starting until the operation ends. A vanished one of that name gives way. */
static struct core_domain *
make_row(struct core *c, const struct domain_config *config, struct core_host *h, struct core_op *op)
{
        struct domain_info info = {
                .type = config->type,
                .state = DOMAIN_STARTING,
                .memory_kib = config->memory_kib,
                .vcpus = config->vcpus,
                .op = op->row.op.id,
        };
        struct core_domain *old, *d;

        old = core_domain_find(c, config->name);
        if (old)
                core_domain_remove(c, old);
        old = core_domain_by_uuid(c, config->uuid);
        if (old)
                core_domain_remove(c, old);
        memcpy(info.uuid, config->uuid, sizeof(info.uuid));
        str_copy(info.name, sizeof(info.name), config->name);
        d = core_domain_add(c, &info, h, true);
        if (d)
                core_domain_set_config(c, d, config);
        return d;
}

static int
prepare(struct core *c, const struct msg_api_domain_create *m, struct domain_config *config, struct core_host **ret,
        struct error *err)
{
        int r;

        if ((r = domain_config_check(config, err)) || (r = check_name(c, config, err)) ||
            (r = choose_host(c, m->host, config, ret, err)))
                return r;
        if (*config->kernel.path && (r = core_guest_file(c, &config->kernel, err)))
                return error_prefix(err, "domain '%s': kernel", config->name);
        if (*config->ramdisk.path && (r = core_guest_file(c, &config->ramdisk, err)))
                return error_prefix(err, "domain '%s': ramdisk", config->name);
        return 0;
}

uint64_t
core_create_op(struct core *c, const struct msg_api_domain_create *m, struct error *err)
{
        struct domain_config config = m->config;
        struct core_host *h = NULL;
        struct core_op *op;
        uint64_t id;

        make_uuid(config.uuid);
        if (prepare(c, m, &config, &h, err))
                return 0;
        make_macs(c, &config);
        op = core_op_new(c, m->request, OP_DOMAIN_CREATE, config.name, h->row.host.name, m->by, m->key);
        if (!op) { /* the database: core ends */
                *err = c->failed;
                return 0;
        }
        id = op->row.op.id;
        memcpy(op->row.uuid, config.uuid, sizeof(op->row.uuid));
        core_mark_op(c, op);
        if (make_row(c, &config, h, op))
                core_op_push(c, op);
        return id;
}

void
core_create(struct core *c, const struct msg_api_domain_create *m)
{
        struct error err;

        if (!core_op_by_key(c, m->request, m->by, m->key) && !core_create_op(c, m, &err))
                core_reply_error(c, m->request, &err);
}
