/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts: from the configuration and from the API, and their states over time. Process: core. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/rec_json.h"
#include "server/core_private.h"

static void
no_memory(struct core *c, const char *name)
{
        struct error err;

        error_set(&err, ERR_NO_SPACE, "no memory for host '%s'", name);
        core_db_failed(c, &err);
}

struct core_host *
core_host_find(struct core *c, const char *name)
{
        struct core_host *h;

        HASH_FIND(by_name, c->hosts_by_name, name, strlen(name), h);
        return h;
}

struct core_host *
core_host_by_mac(struct core *c, const struct mac *mac)
{
        struct core_host *h;

        HASH_FIND(by_mac, c->hosts_by_mac, mac->b, sizeof(mac->b), h);
        return h;
}

struct core_host *
core_host_by_address(struct core *c, uint32_t address)
{
        struct core_host *h;

        HASH_FIND(by_address, c->hosts_by_address, &address, sizeof(address), h);
        return h;
}

/* After the address that it has or is to get has changed. Of two hosts with one address the later is found. */
static void
index_address(struct core *c, struct core_host *h)
{
        uint32_t key = h->row.address_now ? h->row.address_now : h->row.host.address;

        if (key == h->address_key)
                return;
        if (h->address_key)
                HASH_DELETE(by_address, c->hosts_by_address, h);
        h->address_key = key;
        if (key)
                HASH_ADD(by_address, c->hosts_by_address, address_key, sizeof(h->address_key), h);
}

void
core_host_set_address(struct core *c, struct core_host *h, uint32_t address)
{
        if (address == h->row.address_now)
                return;
        h->row.address_now = address;
        index_address(c, h);
        core_mark_state(c, h);
}

struct core_host *
core_host_by_conn(struct core *c, uint64_t conn)
{
        struct core_host *h;

        HASH_FIND(by_conn, c->hosts_by_conn, &conn, sizeof(conn), h);
        return h;
}

void
core_host_set_state(struct core *c, struct core_host *h, enum host_state state)
{
        if (h->row.state == state)
                return;
        h->row.state = state;
        core_export_lease(c);
        h->row.since_ms = core_wall(c);
        if (state == HOST_LOST)
                h->lost_mono_ms = core_mono(c);
        core_mark_state(c, h);
}

void
core_host_set_conn(struct core *c, struct core_host *h, uint64_t conn)
{
        if (h->conn) {
                HASH_DELETE(by_conn, c->hosts_by_conn, h);
                h->heard_mono_ms = core_mono(c); /* a connection is a sign of life until its end */
        }
        h->conn = conn;
        h->has_inventory = h->has_domains = false;
        if (conn)
                HASH_ADD(by_conn, c->hosts_by_conn, conn, sizeof(h->conn), h);
}

void
core_host_set_session(struct core *c, struct core_host *h, const uint8_t sha256[32])
{
        if (h->row.has_session)
                HASH_DELETE(by_session, c->hosts_by_session, h);
        memcpy(h->row.session_sha256, sha256, sizeof(h->row.session_sha256));
        h->row.has_session = true;
        HASH_ADD(by_session, c->hosts_by_session, row.session_sha256, sizeof(h->row.session_sha256), h);
        core_mark_host(c, h);
}

void
core_host_set_hardware(struct core *c, struct core_host *h, const struct host_hardware *report, int64_t time_ms)
{
        struct host_hardware hw = *report;

        hw.time_ms = time_ms;
        if (core_row_set_hardware(&h->row, &hw) < 0)
                no_memory(c, h->row.host.name);
        core_mark_host(c, h);
}

void
core_host_set_inventory(struct core *c, struct core_host *h, const struct host_inventory *inv)
{
        if (core_row_set_inventory(&h->row, inv) < 0)
                no_memory(c, h->row.host.name);
        core_mark_host(c, h);
}

uint64_t
core_host_free_kib(struct core *c, const struct core_host *h)
{
        uint64_t reserved = core_create_reserved_kib(c, h);
        uint64_t free_kib = h->row.can.free_memory_kib;

        return free_kib > reserved ? free_kib - reserved : 0;
}

/* --- the table --- */

static int
by_name_order(const struct core_host *a, const struct core_host *b)
{
        return strcmp(a->row.host.name, b->row.host.name);
}

static void
index_host(struct core *c, struct core_host *h)
{
        HASH_ADD_KEYPTR(by_name, c->hosts_by_name, h->row.host.name, strlen(h->row.host.name), h);
        HASH_ADD(by_mac, c->hosts_by_mac, row.host.mac.b, sizeof(h->row.host.mac.b), h);
        if (h->row.has_session)
                HASH_ADD(by_session, c->hosts_by_session, row.session_sha256, sizeof(h->row.session_sha256), h);
        index_address(c, h);
        if (*h->row.host.enrolled)
                c->n_enrolled++;
        core_unknown_becomes(c, h);
        c->twins_due = true;
}

void
core_host_free(struct core_host *h)
{
        if (!h)
                return;
        core_row_clear(&h->row);
        blob_clear(&h->boot_packed);
        free(h->kept);
        free(h->keep_trouble);
        free(h);
}

static struct core_host *
host_add(struct core *c, const struct host *description)
{
        struct core_host *h = calloc(1, sizeof(*h));

        if (!h || core_row_describe(&h->row, description) < 0) {
                no_memory(c, description->name);
                core_host_free(h);
                return NULL;
        }
        h->row.since_ms = core_wall(c);
        index_host(c, h);
        core_mark_host(c, h);
        c->policy_dirty = true;
        return h;
}

/* Everything about it goes, but for the events. */
void
core_host_forget(struct core *c, struct core_host *h)
{
        struct msg_agent_conn drop = {.conn = h->conn};
        struct error err;

        if (h->conn)
                core_send(c, ROLE_API, MSG_AGENT_DROP, &drop);
        core_console_drop(c, h->conn ? h->conn : UINT64_MAX);
        core_keep_gone(c, h->conn);
        core_host_set_conn(c, h, 0);
        while (h->domains)
                core_domain_remove(c, h->domains);
        HASH_DELETE(by_name, c->hosts_by_name, h);
        HASH_DELETE(by_mac, c->hosts_by_mac, h);
        if (h->row.has_session)
                HASH_DELETE(by_session, c->hosts_by_session, h);
        if (*h->row.host.enrolled)
                c->n_enrolled--;
        c->twins_due = true;
        if (h->address_key)
                HASH_DELETE(by_address, c->hosts_by_address, h);
        core_unmark_host(c, h);
        core_boot_close(c, h);
        if (store_host_delete(c->store, h->row.host.name, &err))
                core_db_failed(c, &err);
        core_host_free(h);
        c->policy_dirty = true;
}

static void
host_describe(struct core *c, struct core_host *h, const struct host *description)
{
        bool other_machine = !mac_eq(&h->row.host.mac, &description->mac);

        HASH_DELETE(by_mac, c->hosts_by_mac, h);
        if (*h->row.host.enrolled)
                c->n_enrolled--; /* it is somebody's work now */
        if (core_row_describe(&h->row, description) < 0)
                no_memory(c, description->name);
        h->by_name.key = h->row.host.name; /* the same word at its new place */
        HASH_ADD(by_mac, c->hosts_by_mac, row.host.mac.b, sizeof(h->row.host.mac.b), h);
        index_address(c, h);
        if (other_machine) {
                h->row.seen = (struct machine_seen){0};
                core_unknown_becomes(c, h);
                c->twins_due = true;
        }
        core_mark_host(c, h);
        c->policy_dirty = true;
}

static int
load_one(void *arg, const struct store_host *row)
{
        struct core *c = arg;
        struct core_host *h = calloc(1, sizeof(*h));

        if (!h || core_row_load(&h->row, row) < 0) {
                free(h);
                return -ENOMEM;
        }
        h->heard_mono_ms = core_mono(c); /* silence counts from our own start */
        h->lost_mono_ms = core_mono(c);
        index_host(c, h);
        return 0;
}

static bool
is_described(const struct core_host *h, const struct host *description)
{
        struct host now;

        host_brief_expand(&h->row.host, &now);
        return rec_equal(&host_desc, &now, description);
}

/* A configured host takes name and MAC from whoever had them: the file is the administrator's last word. */
static void
sync_configured(struct core *c, const struct host *description)
{
        struct core_host *h = core_host_find(c, description->name);
        struct core_host *other = core_host_by_mac(c, &description->mac);
        struct host d = *description;

        d.configured = true;
        if (other && other != h) {
                core_event(c, "host", other->row.host.name, "removed", 0, "its MAC is '%s' in the configuration file now",
                           d.name);
                core_host_forget(c, other);
        }
        if (!h) {
                if (host_add(c, &d))
                        core_event(c, "host", d.name, "added", 0, "from the configuration file");
        } else if (!is_described(h, &d)) {
                host_describe(c, h, &d);
                core_event(c, "host", d.name, "changed", 0, "in the configuration file");
        }
}

static int
by_name_of_host(const void *a, const void *b)
{
        return strcmp((*(const struct host *const *)a)->name, (*(const struct host *const *)b)->name);
}

/* Those of the configuration file, sorted by name. NULL: no memory. */
static const struct host **
sorted_hosts(const struct config *config)
{
        const struct host **sorted = calloc(config->n_hosts + 1, sizeof(*sorted));

        for (uint32_t i = 0; sorted && i < config->n_hosts; i++)
                sorted[i] = &config->hosts[i];
        if (sorted)
                qsort(sorted, config->n_hosts, sizeof(*sorted), by_name_of_host);
        return sorted;
}

static bool
is_in_file(const struct config *config, const struct host **sorted, const char *name)
{
        struct host wanted;
        const struct host *key = &wanted;

        str_copy(wanted.name, sizeof(wanted.name), name);
        return bsearch(&key, sorted, config->n_hosts, sizeof(*sorted), by_name_of_host);
}

int
core_host_load(struct core *c, struct error *err)
{
        _cleanup_free_ const struct host **in_file = sorted_hosts(c->config);
        struct core_host *h, *next;
        uint32_t i;
        int r;

        if (!in_file)
                return error_set(err, ERR_NO_SPACE, "no memory for hosts");
        r = store_hosts(c->store, load_one, c, err);
        if (r == -ENOMEM)
                return error_set(err, ERR_NO_SPACE, "no memory for hosts");
        if (r)
                return r;
        HASH_ITER(by_name, c->hosts_by_name, h, next)
        {
                if (h->row.host.configured && !is_in_file(c->config, in_file, h->row.host.name)) {
                        core_event(c, "host", h->row.host.name, "removed", 0, "it left the configuration file");
                        core_host_forget(c, h);
                }
        }
        for (i = 0; i < c->config->n_hosts; i++)
                sync_configured(c, &c->config->hosts[i]);
        HASH_SRT(by_name, c->hosts_by_name, by_name_order);
        return 0;
}

/* --- API --- */

json_t *
core_host_json(struct core *c, struct core_host *h)
{
        const struct image *image = core_policy_image(c, core_host_image_now(c, h));
        int stage = boot_furthest(core_boot_look(c, h));
        struct host_inventory inventory;
        struct host_hardware hardware;
        struct policy_choice choice;
        char address[IP4_TEXT_SIZE];
        struct host shown;
        json_t *json;

        host_brief_expand(&h->row.host, &shown);
        str_copy(shown.profile, sizeof(shown.profile), core_host_profile(c, h, &choice)->name);
        str_copy(shown.image, sizeof(shown.image), core_host_image_now(c, h));
        json = rec_to_json(&host_desc, &shown);
        if (!json)
                return NULL;
        json_object_set_new(json, "profile_by", json_string(policy_by_names[choice.by]));
        json_object_set_new(json, "rule", json_string(choice.rule == POLICY_NONE ? "" : c->config->rules[choice.rule].name));
        json_object_set_new(json, "once", json_string(h->row.setting.once));
        json_object_set_new(json, "layer", json_string(root_layer_level_names[h->layer_told]));
        json_object_set_new(json, "canary", json_integer((json_int_t)h->canary));
        json_object_set_new(json, "fallback", core_fallback_json(c, h));
        json_object_set_new(json, "kept", core_keep_json(h));
        json_object_set_new(json, "keep_trouble", json_string(h->keep_trouble ? h->keep_trouble : ""));
        json_object_set_new(json, "state", json_string(host_state_names[h->row.state]));
        json_object_set_new(json, "stage", json_string(stage < 0 ? "" : boot_stage_names[stage]));
        if (h->row.address_now)
                json_object_set_new(json, "address_now", json_string(ip4_text(h->row.address_now, address)));
        json_object_set_new(json, "since_ms", json_integer(h->row.since_ms));
        json_object_set_new(json, "boot", json_integer((json_int_t)h->row.boot));
        json_object_set_new(json, "n_domains", json_integer(h->n_domains));
        json_object_set_new(json, "connected", json_boolean(h->conn != 0));
        json_object_set_new(json, "image_id", json_string(image ? image->id : ""));
        json_object_set_new(json, "duplicates", core_twin_json(c, &h->twin, &h->row.seen));
        json_object_set_new(json, "inventory",
                            h->row.inventory.size ? rec_to_json(&host_inventory_desc, core_row_inventory(&h->row, &inventory))
                                                  : json_null());
        json_object_set_new(json, "hardware",
                            h->row.hardware.size ? rec_to_json(&host_hardware_desc, core_row_hardware(&h->row, &hardware))
                                                 : json_null());
        return json;
}

static int
check_address(struct core *c, const struct host *d, struct error *err)
{
        char text[IP4_TEXT_SIZE];
        struct core_host *h, *next;

        if (!d->address)
                return 0;
        if (!config_network_of(c->config, d->address) && !core_satellite_network_of(c, d->address))
                return error_set(
                        err, ERR_INVALID,
                        "host '%s': address %s is in no subnet of the configuration or of a satellite that was connected",
                        d->name, ip4_text(d->address, text));
        HASH_ITER(by_name, c->hosts_by_name, h, next)
        if (h->row.host.address == d->address && strcmp(h->row.host.name, d->name) != 0)
                return error_set(err, ERR_EXISTS, "address %s belongs to host '%s'", ip4_text(d->address, text),
                                 h->row.host.name);
        return 0;
}

int
core_host_check(struct core *c, const struct host *d, struct core_host **ret, struct error *err)
{
        struct core_host *h = core_host_find(c, d->name);
        struct core_host *other = core_host_by_mac(c, &d->mac);
        int r;

        r = host_check(d, err);
        if (!r)
                r = check_address(c, d, err);
        if (r)
                return r;
        if (h && h->row.host.configured)
                return error_set(err, ERR_STATE, "host '%s' stands in the configuration file; change it there", d->name);
        if (other && other != h)
                return error_set(err, ERR_EXISTS, "this MAC belongs to host '%s'", other->row.host.name);
        if (!h && HASH_CNT(by_name, c->hosts_by_name) >= CORE_MAX_HOSTS)
                return error_set(err, ERR_LIMIT, "there are %d hosts already, the most a server takes", CORE_MAX_HOSTS);
        *ret = h;
        return 0;
}

struct core_host *
core_host_new(struct core *c, const struct host *d, const struct host_setting *setting)
{
        struct core_host *h = host_add(c, d);

        if (h) {
                h->row.setting = *setting;
                HASH_SRT(by_name, c->hosts_by_name, by_name_order);
        }
        return h;
}

void
core_host_put(struct core *c, const struct msg_api_host_put *m)
{
        struct host d = m->host;
        struct core_host *h = NULL;
        struct error err;

        d.configured = false;
        d.enrolled[0] = '\0';
        if (core_host_check(c, &d, &h, &err) || (h && core_canary_check_free(h, &err))) {
                core_reply_error(c, m->request, &err);
                return;
        }
        if (h) {
                h->row.setting = (struct host_setting){0};
                host_describe(c, h, &d);
                core_event(c, "host", d.name, "changed", 0, "by %s", m->by);
        } else {
                h = core_host_new(c, &d, &(struct host_setting){0});
                if (!h)
                        return;
                core_event(c, "host", d.name, "added", 0, "by %s", m->by);
        }
        core_reply_json(c, m->request, 200, core_host_json(c, h));
}

static int
check_delete(struct core_host *h, const char *name, struct error *err)
{
        if (!h)
                return error_set(err, ERR_NOT_FOUND, "host '%s' is not known; see 'dompool host list'", name);
        if (h->row.host.configured)
                return error_set(err, ERR_STATE, "host '%s' stands in the configuration file; remove it there", name);
        if (h->row.state == HOST_READY && h->n_domains)
                return error_set(err, ERR_BUSY, "host '%s' has %u domains", name, h->n_domains);
        return core_canary_check_free(h, err);
}

void
core_host_delete(struct core *c, const struct msg_api_name *m)
{
        struct core_host *h = core_host_find(c, m->name);
        struct core_op *op, *next;
        struct error err;

        if (check_delete(h, m->name, &err)) {
                core_reply_error(c, m->request, &err);
                return;
        }
        HASH_ITER(hh, c->ops, op, next)
        if (!strcmp(op->row.op.host, m->name)) {
                error_set(&err, ERR_BUSY, "operation %" PRIu64 " (%s) is under way on host '%s'", op->row.op.id,
                          op_kind_names[op->row.op.kind], m->name);
                core_reply_error(c, m->request, &err);
                return;
        }
        core_event(c, "host", m->name, "removed", 0, "by %s", m->by);
        core_host_forget(c, h);
        core_reply_json(c, m->request, 200, json_pack("{s:s}", "removed", m->name));
}

/*
 * A connection stands while the host's kernel answers api's (tls_stream_keepalive): its end is what a power cut looks like from
 * here. Words of the agent are rarer, since each costs the host more; they show that there is life behind the kernel, too.
 */
static int64_t
silence_limit_ms(const struct core *c, const struct core_host *h)
{
        return 1000 * CORE_HOST_SILENCE_BEATS * (int64_t)(h->conn ? CORE_AGENT_WORD_S : c->config->heartbeat_seconds);
}

void
core_host_tick(struct core *c)
{
        int64_t now = core_mono(c);
        struct core_host *h, *next;

        HASH_ITER(by_name, c->hosts_by_name, h, next)
        {
                core_profile_tick(c, h);
                if (h->row.state != HOST_READY || now - h->heard_mono_ms < silence_limit_ms(c, h))
                        continue;
                core_host_set_state(c, h, HOST_LOST);
                core_event(c, "host", h->row.host.name, "lost", h->row.boot,
                           "no sign of life for %lld s; its %u domains may be running",
                           (long long)(now - h->heard_mono_ms) / 1000, h->n_domains);
        }
}
