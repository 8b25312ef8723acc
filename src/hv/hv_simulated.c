/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hypervisor that only pretends: domains are entries of a list, time is timers. For tests without Xen and for rooms of
 * thousands of hosts. Runs in: dompool-hv --simulated SETTINGS.
 *
 * Settings, separated by commas: cpus=8, memory=16G, create_ms=50, shutdown_ms=50, fail=PREFIX (creating a domain whose name
 * begins so fails), state=FOLDER (domains outlive the process, in records like those of the real one), console=echo|silent.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "hv/hv.h"
#include "hv/hv_record.h"

#define DOM0_MEMORY_KIB (1ull << 20)
#define MAX_CONSOLES 64
#define REPORT_MS 60000

struct settings {
        uint32_t cpus, create_ms, shutdown_ms;
        uint64_t memory_kib;
        char fail[NAME_SIZE];
        char state[PATH_SIZE];
        bool silent;
};

/* One operation that takes its time. */
struct pending {
        uv_timer_t timer;
        struct hv *hv;
        struct msg_agent_op op;
        struct pending *next;
};

struct console {
        uint64_t session; /* 0: free */
        uint8_t uuid[UUID_SIZE];
};

struct hv {
        uv_loop_t *loop;
        const struct hv_events *ev;
        void *arg;
        struct settings set;
        uint32_t next_domid;
        uint32_t n_domains;
        struct domain_info domains[AGENT_MAX_DOMAINS];
        struct pending *pending;
        struct console consoles[MAX_CONSOLES];
        uv_timer_t report_timer;
};

/* ---- settings ---- */

static int
setting_apply(struct settings *s, const char *name, const char *value)
{
        uint64_t bytes;
        int r = 0;

        if (strcmp(name, "cpus") == 0) {
                r = parse_u32(value, 4096, &s->cpus);
        } else if (strcmp(name, "memory") == 0) {
                r = parse_size(value, &bytes);
                if (r == 0)
                        s->memory_kib = bytes >> 10;
        } else if (strcmp(name, "create_ms") == 0) {
                r = parse_u32(value, 3600000, &s->create_ms);
        } else if (strcmp(name, "shutdown_ms") == 0) {
                r = parse_u32(value, 3600000, &s->shutdown_ms);
        } else if (strcmp(name, "fail") == 0) {
                r = str_copy(s->fail, sizeof(s->fail), value) ? 0 : -ERANGE;
        } else if (strcmp(name, "state") == 0) {
                r = str_copy(s->state, sizeof(s->state), value) ? 0 : -ERANGE;
        } else if (strcmp(name, "console") == 0) {
                s->silent = strcmp(value, "silent") == 0;
                r = s->silent || strcmp(value, "echo") == 0 ? 0 : -EINVAL;
        } else {
                r = -EINVAL;
        }
        return r;
}

static int
settings_parse(struct settings *s, const char *text, struct error *err)
{
        char copy[1024], *save = NULL;

        *s = (struct settings){.cpus = 8, .create_ms = 50, .shutdown_ms = 50, .memory_kib = 16ull << 20};
        if (!str_copy(copy, sizeof(copy), text))
                return error_set(err, ERR_LIMIT, "simulated: settings longer than 1023 characters");
        for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
                char *value = strchr(word, '=');

                if (value)
                        *value++ = '\0';
                if (!value || setting_apply(s, word, value) < 0)
                        return error_set(err, ERR_INVALID, "simulated: setting '%s' is unknown or its value cannot be used",
                                         word);
        }
        return 0;
}

/* ---- domains ---- */

static struct domain_info *
find(struct hv *hv, const uint8_t uuid[UUID_SIZE])
{
        for (uint32_t i = 0; i < hv->n_domains; i++)
                if (memcmp(hv->domains[i].uuid, uuid, UUID_SIZE) == 0)
                        return &hv->domains[i];
        return NULL;
}

static uint64_t
free_memory(const struct hv *hv)
{
        uint64_t used = DOM0_MEMORY_KIB;

        for (uint32_t i = 0; i < hv->n_domains; i++)
                used += hv->domains[i].memory_kib;
        return used < hv->set.memory_kib ? hv->set.memory_kib - used : 0;
}

static struct domain_info *
add(struct hv *hv, const struct domain_config *c, uint64_t op)
{
        struct domain_info *d;

        if (hv->n_domains == AGENT_MAX_DOMAINS)
                return NULL;
        d = &hv->domains[hv->n_domains++];
        *d = (struct domain_info){.domid = ++hv->next_domid,
                                  .type = c->type,
                                  .state = DOMAIN_RUNNING,
                                  .memory_kib = c->memory_kib,
                                  .max_memory_kib = c->maxmem_kib ? c->maxmem_kib : c->memory_kib,
                                  .vcpus = c->vcpus,
                                  .max_vcpus = c->maxvcpus ? c->maxvcpus : c->vcpus,
                                  .op = op};
        memcpy(d->uuid, c->uuid, UUID_SIZE);
        str_copy(d->name, sizeof(d->name), c->name);
        return d;
}

static void
consoles_of_close(struct hv *hv, const uint8_t uuid[UUID_SIZE])
{
        for (size_t i = 0; i < MAX_CONSOLES; i++) {
                struct console *c = &hv->consoles[i];

                if (c->session && memcmp(c->uuid, uuid, UUID_SIZE) == 0) {
                        hv->ev->console_closed(hv->arg, c->session, ERR_NONE, "the domain has ended");
                        c->session = 0;
                }
        }
}

static void
drop(struct hv *hv, struct domain_info *d)
{
        struct domain_info gone = *d;

        *d = hv->domains[--hv->n_domains];
        if (*hv->set.state)
                hv_record_delete(hv->set.state, gone.uuid);
        gone.state = DOMAIN_GONE;
        consoles_of_close(hv, gone.uuid);
        hv->ev->domain(hv->arg, &gone, "gone", "");
}

static void
load_record(void *arg, const struct hv_record *record)
{
        if (record->complete)
                add(arg, &record->config, record->op);
}

/* ---- operations ---- */

static void
finish(struct hv *hv, const struct msg_agent_op *op, const struct domain_info *d, enum error_code code, const char *text)
{
        struct msg_agent_op_result r = {.id = op->id, .epoch = op->epoch};

        if (d)
                r.domain = *d;
        str_copy(r.code, sizeof(r.code), error_text(code));
        str_copy(r.text, sizeof(r.text), text);
        hv->ev->op_result(hv->arg, &r);
}

static void
create_now(struct hv *hv, const struct msg_agent_op *op)
{
        const struct domain_config *c = &op->config;
        struct domain_info *d = find(hv, c->uuid);
        struct hv_record record = {.op = op->id, .complete = true, .config = *c};
        char text[200];

        if (d) {
                finish(hv, op, d, ERR_NONE, "");
                return;
        }
        if (*hv->set.fail && strncmp(c->name, hv->set.fail, strlen(hv->set.fail)) == 0) {
                finish(hv, op, NULL, ERR_HYPERVISOR, "simulated failure, as the settings say");
                return;
        }
        if (free_memory(hv) < c->memory_kib) {
                snprintf(text, sizeof(text), "domain '%s' needs %llu KiB; the host has %llu KiB free", c->name,
                         (unsigned long long)c->memory_kib, (unsigned long long)free_memory(hv));
                finish(hv, op, NULL, ERR_NO_SPACE, text);
                return;
        }
        d = add(hv, c, op->id);
        if (!d) {
                finish(hv, op, NULL, ERR_LIMIT, "the host has 256 domains, which is the limit");
                return;
        }
        if (*hv->set.state)
                hv_record_save(hv->set.state, &record);
        hv->ev->domain(hv->arg, d, "appeared", "");
        finish(hv, op, d, ERR_NONE, "");
}

/* Shutdown and destroy: what is not there has ended already. */
static void
end_now(struct hv *hv, const struct msg_agent_op *op)
{
        struct domain_info *d = find(hv, op->config.uuid);

        if (d)
                drop(hv, d);
        finish(hv, op, NULL, ERR_NONE, "");
}

static void
pending_closed(uv_handle_t *handle)
{
        free(handle->data);
}

static void
hv_release(uv_handle_t *handle)
{
        free(handle->data);
}

static void
pending_remove(struct pending *p)
{
        for (struct pending **at = &p->hv->pending; *at; at = &(*at)->next) {
                if (*at == p) {
                        *at = p->next;
                        break;
                }
        }
        uv_close((uv_handle_t *)&p->timer, pending_closed);
}

static void
pending_due(uv_timer_t *timer)
{
        struct pending *p = timer->data;

        if (p->op.kind == OP_DOMAIN_CREATE)
                create_now(p->hv, &p->op);
        else
                end_now(p->hv, &p->op);
        pending_remove(p);
}

static void
later(struct hv *hv, const struct msg_agent_op *op, uint32_t ms)
{
        struct pending *p = calloc(1, sizeof(*p));

        if (!p) {
                finish(hv, op, NULL, ERR_NO_SPACE, "out of memory");
                return;
        }
        p->hv = hv;
        p->op = *op;
        p->next = hv->pending;
        hv->pending = p;
        uv_timer_init(hv->loop, &p->timer);
        p->timer.data = p;
        uv_timer_start(&p->timer, pending_due, ms, 0);
}

static void
sim_op(struct hv *hv, const struct msg_agent_op *op)
{
        struct msg_agent_op_progress progress = {.id = op->id, .epoch = op->epoch, .step = "create", .percent = 50};

        switch ((enum op_kind)op->kind) {
        case OP_DOMAIN_CREATE:
                hv->ev->op_progress(hv->arg, &progress);
                later(hv, op, hv->set.create_ms);
                break;
        case OP_DOMAIN_SHUTDOWN:
                later(hv, op, hv->set.shutdown_ms);
                break;
        case OP_DOMAIN_DESTROY:
                end_now(hv, op);
                break;
        case OP_HOST_REBOOT:
                while (hv->n_domains > 0)
                        drop(hv, &hv->domains[0]);
                finish(hv, op, NULL, ERR_NONE, "");
                break;
        default:
                finish(hv, op, NULL, ERR_UNSUPPORTED, "a host does not carry out this kind of operation");
        }
}

/* ---- reports ---- */

static void
sim_report(struct hv *hv)
{
        struct host_inventory inv = {.hostname = "simulated",
                                     .bridges = GUEST_BRIDGE,
                                     .xen_version = "simulated",
                                     .kernel_version = "simulated",
                                     .xen_caps = "simulated",
                                     .cpu_model = "simulated",
                                     .agent_version = DOMPOOL_VERSION,
                                     .memory_kib = hv->set.memory_kib,
                                     .free_memory_kib = free_memory(hv),
                                     .dom0_memory_kib = DOM0_MEMORY_KIB,
                                     .n_cpus = hv->set.cpus,
                                     .cpu_khz = 1000000,
                                     .hvm = true,
                                     .pv = true,
                                     .pvh = true};
        struct clock c;

        clock_init_real(&c);
        inv.boot_time = (uint64_t)(clock_wall_ms(&c) - clock_mono_ms(&c)) / 1000;
        hv->ev->inventory(hv->arg, &inv);
        hv->ev->domains(hv->arg, hv->domains, hv->n_domains);
}

static void
report_due(uv_timer_t *timer)
{
        sim_report(timer->data);
}

/* ---- consoles ---- */

static void
sim_console_open(struct hv *hv, uint64_t session, const uint8_t uuid[UUID_SIZE])
{
        const struct domain_info *d = find(hv, uuid);
        char hello[NAME_SIZE + 40];

        if (!d) {
                hv->ev->console_closed(hv->arg, session, ERR_NOT_FOUND, "there is no such domain on this host");
                return;
        }
        for (size_t i = 0; i < MAX_CONSOLES; i++) {
                if (hv->consoles[i].session)
                        continue;
                hv->consoles[i].session = session;
                memcpy(hv->consoles[i].uuid, uuid, UUID_SIZE);
                snprintf(hello, sizeof(hello), "hello from %s (simulated)\r\n", d->name);
                if (!hv->set.silent)
                        hv->ev->console_data(hv->arg, session, hello, strlen(hello));
                return;
        }
        hv->ev->console_closed(hv->arg, session, ERR_LIMIT, "64 consoles are open on this host, which is the limit");
}

static void
sim_console_write(struct hv *hv, uint64_t session, const void *data, size_t size)
{
        for (size_t i = 0; i < MAX_CONSOLES; i++)
                if (hv->consoles[i].session == session && session && !hv->set.silent)
                        hv->ev->console_data(hv->arg, session, data, size);
}

static void
sim_console_close(struct hv *hv, uint64_t session)
{
        for (size_t i = 0; i < MAX_CONSOLES; i++)
                if (session == 0 || hv->consoles[i].session == session)
                        hv->consoles[i].session = 0;
}

/* ---- life ---- */

static int
sim_open(uv_loop_t *loop, const char *param, const struct hv_events *events, void *arg, struct hv **ret, struct error *err)
{
        struct hv *hv = calloc(1, sizeof(*hv));
        int r;

        if (!hv)
                return error_errno_set(err, ENOMEM, "simulated hypervisor");
        r = settings_parse(&hv->set, param, err);
        if (r == 0 && *hv->set.state && mkdir(hv->set.state, 0700) < 0 && errno != EEXIST)
                r = error_errno_set(err, errno, "simulated: state folder %s", hv->set.state);
        if (r < 0) {
                free(hv);
                return r;
        }
        hv->loop = loop;
        hv->ev = events;
        hv->arg = arg;
        if (*hv->set.state)
                hv_record_each(hv->set.state, load_record, hv);
        uv_timer_init(loop, &hv->report_timer);
        hv->report_timer.data = hv;
        uv_timer_start(&hv->report_timer, report_due, REPORT_MS, REPORT_MS);
        *ret = hv;
        return 0;
}

static void
sim_close(struct hv *hv)
{
        while (hv->pending)
                pending_remove(hv->pending);
        uv_close((uv_handle_t *)&hv->report_timer, hv_release);
}

const struct hv_ops hv_simulated_ops = {
        .name = "simulated",
        .open = sim_open,
        .close = sim_close,
        .report = sim_report,
        .op = sim_op,
        .console_open = sim_console_open,
        .console_write = sim_console_write,
        .console_close = sim_console_close,
};
