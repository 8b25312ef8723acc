/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of scenario scripts: agents, consoles, the work role. An agent's name is its host's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/policy_choice.h"
#include "bootcfg/token.h"
#include "image/image_store.h"
#include "scenario_script.h"

static void
say_hello(struct script *s, struct agent *a, const char *token, const uint8_t session[32])
{
        struct msg_agent_hello m = {.agent_version = "scripted", .messages_version = MESSAGES_VERSION, .address = 0x0a090032};

        m.conn = a->conn = s->world.next_conn++;
        a->welcomed = a->hangs = a->cut_off = false;
        a->cut_off_s = 0;
        if (token)
                str_copy(m.token, sizeof(m.token), token);
        if (session)
                memcpy(m.session, session, sizeof(m.session));
        world_from(&s->world, ROLE_API, MSG_AGENT_HELLO, &m);
}

static void
cmd_hello(struct script *s, char **w, int n)
{
        (void)n;
        say_hello(s, world_agent(&s->world, w[0]), script_token(s, w[1]), NULL);
}

/* The same agent once more, with its session. */
static void
cmd_reconnect(struct script *s, char **w, int n)
{
        struct agent *a = world_agent(&s->world, w[0]);

        (void)n;
        say_hello(s, a, NULL, a->session);
}

static void
report(struct script *s, struct agent *a)
{
        struct msg_agent_inventory inv = {.conn = a->conn};
        struct msg_agent_domains *m = calloc(1, sizeof(*m));

        inv.inventory.free_memory_kib = a->free_memory_kib;
        inv.inventory.memory_kib = 2 << 20;
        inv.inventory.n_cpus = 2;
        str_copy(inv.inventory.image, sizeof(inv.inventory.image), a->image);
        inv.inventory.pv = inv.inventory.pvh = true;
        m->conn = a->conn;
        m->n_domains = a->n_domains;
        memcpy(m->domains, a->domains, sizeof(a->domains));
        world_from(&s->world, ROLE_API, MSG_AGENT_INVENTORY, &inv);
        world_from(&s->world, ROLE_API, MSG_AGENT_DOMAINS, m);
        free(m);
}

static void
cmd_report(struct script *s, char **w, int n)
{
        struct agent *a = world_agent(&s->world, w[0]);

        a->free_memory_kib = script_number(s, script_option(w, n, "free", "1024")) << 10;
        report(s, a);
}

/* What its menu names. */
static void
take_image(struct script *s, const struct host *h, struct agent *a)
{
        struct policy *policy = world_policy(&s->world);
        struct policy_chosen chosen;
        struct policy_host host;
        struct policy_time now;

        policy_time_at(clock_wall_ms(&s->world.clock), &now);
        policy_choose(policy, policy_host_by_mac(policy, &h->mac, &host), &now, &chosen);
        snprintf(a->image, sizeof(a->image), "%.16s", chosen.image ? chosen.image->id : "");
        policy_free(policy);
}

/* The whole way: firmware to ready. */
static void
boot_host(struct script *s, const struct host *h)
{
        static const enum boot_stage stages[] = {STAGE_DHCP, STAGE_LOADER, STAGE_MENU, STAGE_XEN, STAGE_KERNEL, STAGE_INITRD};
        struct msg_boot_event m = {.mac = h->mac, .time_ms = clock_wall_ms(&s->world.clock)};
        struct token t = {.mac = h->mac, .attempt_ms = m.time_ms, .expiry_ms = m.time_ms + TOKEN_VALID_MS};
        char text[TOKEN_TEXT_SIZE];
        uint8_t key[32];

        for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
                m.stage = stages[i];
                world_from(&s->world, ROLE_BOOT, MSG_BOOT_EVENT, &m);
        }
        take_image(s, h, world_agent(&s->world, h->name));
        world_token_key(&s->world, key);
        token_render(key, &t, text);
        say_hello(s, world_agent(&s->world, h->name), text, NULL);
        report(s, world_agent(&s->world, h->name));
}

static void
empty(struct agent *a)
{
        struct received *r;

        while ((r = received_next(&a->first)))
                received_free(r);
}

static void
cmd_ready(struct script *s, char **w, int n)
{
        struct config *c = s->world.config;

        (void)n;
        for (uint32_t i = 0; i < c->n_hosts; i++)
                if (!strcmp(c->hosts[i].name, w[0])) {
                        boot_host(s, &c->hosts[i]);
                        empty(world_agent(&s->world, w[0]));
                        return;
                }
        script_fail(s, "there is no host '%s'", w[0]);
}

/* hosts COUNT: so many in the configuration; storm: all of them boot within one turn of core's loop. */
static void
cmd_hosts(struct script *s, char **w, int n)
{
        struct config *c = s->world.config;
        uint64_t count = script_number(s, w[0]);

        (void)n;
        for (uint64_t i = 0; i < count; i++) {
                struct host *h = &c->hosts[c->n_hosts++];

                snprintf(h->name, sizeof(h->name), "s%llu", (unsigned long long)i + 1);
                h->mac = (struct mac){{0x52, 0x54, 1, 0, (uint8_t)(i >> 8), (uint8_t)i}};
                str_copy(h->profile, sizeof(h->profile), "pool");
        }
}

static void
cmd_storm(struct script *s, char **w, int n)
{
        struct config *c = s->world.config;

        (void)w, (void)n;
        s->world.held = true; /* agents learn their welcome at the end, as with a busy loop */
        for (uint32_t i = 0; i < c->n_hosts; i++)
                boot_host(s, &c->hosts[i]);
        s->world.held = false;
        world_flush(&s->world);
        for (uint32_t i = 0; i < c->n_hosts; i++) {
                if (!world_agent(&s->world, c->hosts[i].name)->welcomed)
                        script_fail(s, "host '%s' was not welcomed", c->hosts[i].name);
                empty(world_agent(&s->world, c->hosts[i].name));
        }
}

/* The connection ends and api sees it. */
static void
cmd_disconnect(struct script *s, char **w, int n)
{
        struct agent *a = world_agent(&s->world, w[0]);
        struct msg_agent_gone m = {.conn = a->conn};

        (void)n;
        a->conn = 0;
        world_from(&s->world, ROLE_API, MSG_AGENT_GONE, &m);
}

/* No packet leaves it any more, and nobody hears of that; what ran on it is gone. */
static void
cmd_power_off(struct script *s, char **w, int n)
{
        struct agent *a = world_agent(&s->world, w[0]);

        (void)s, (void)n;
        a->cut_off = true;
        a->n_domains = 0;
}

static void
cmd_cut_off(struct script *s, char **w, int n)
{
        (void)n;
        world_agent(&s->world, w[0])->cut_off = true;
}

static void
cmd_hangs(struct script *s, char **w, int n)
{
        (void)n;
        world_agent(&s->world, w[0])->hangs = true;
}

static void
cmd_speaks(struct script *s, char **w, int n)
{
        (void)n;
        world_agent(&s->world, w[0])->hangs = false;
}

/* --- what the agent got --- */

static void
expect_op(struct script *s, struct agent *a, const struct msg_agent_op *m, char **w, int n)
{
        if (strcmp(op_kind_names[m->kind], w[0]) != 0 || strcmp(m->config.name, w[1]) != 0)
                script_fail(s, "it got operation %s %s", op_kind_names[m->kind], m->config.name);
        if (n > 2 && m->epoch != script_number(s, script_option(w, n, "epoch", "0")))
                script_fail(s, "it got epoch %llu", (unsigned long long)m->epoch);
        if (m->kind != OP_DOMAIN_CREATE || a->n_domains == 32)
                return;
        /* What it will make of it, if the script says so. */
        a->domains[a->n_domains] =
                (struct domain_info){.type = m->config.type, .memory_kib = m->config.memory_kib, .op = m->id};
        memcpy(a->domains[a->n_domains].uuid, m->config.uuid, UUID_SIZE);
        memcpy(a->domains[a->n_domains].name, m->config.name, NAME_SIZE);
}

static void
expect_console(struct script *s, const struct received *r, char **w, int n)
{
        const struct msg_console_data *data = r->payload;
        const struct msg_console_close *end = r->payload;

        if (data->session != script_number(s, w[0]))
                script_fail(s, "it is session %llu", (unsigned long long)data->session);
        if (r->type == MSG_CONSOLE_DATA && n > 1 &&
            (data->data.size != strlen(w[1]) || memcmp(data->data.data, w[1], data->data.size)))
                script_fail(s, "the data are '%s'", data->data.data);
        if (r->type == MSG_CONSOLE_CLOSE && n > 1 && strcmp(end->code, w[1]) != 0)
                script_fail(s, "the code is '%s': %s", end->code, end->text);
}

static void
expect(struct script *s, struct agent *a, struct received *r, char **w, int n)
{
        static const struct {
                const char *word;
                enum msg_type type;
        } words[] = {
                {"welcome", MSG_AGENT_WELCOME},     {"refused", MSG_AGENT_REFUSE},
                {"dropped", MSG_AGENT_DROP},        {"op", MSG_AGENT_OP},
                {"ack", MSG_AGENT_OP_ACK},          {"console-open", MSG_CONSOLE_OPEN},
                {"console-data", MSG_CONSOLE_DATA}, {"console-close", MSG_CONSOLE_CLOSE},
        };
        enum msg_type wanted = 0;

        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (!strcmp(words[i].word, w[0]))
                        wanted = words[i].type;
        if (!wanted)
                script_fail(s, "'%s' is nothing that can be expected", w[0]);
        if (!r)
                script_fail(s, "it got nothing");
        if (r->type != wanted)
                script_fail(s, "it got %s", message_name(r->type));
        if (r->type == MSG_AGENT_OP)
                expect_op(s, a, r->payload, w + 1, n - 1);
        else if (r->type == MSG_AGENT_OP_ACK && ((struct msg_agent_op_ack *)r->payload)->id != script_number(s, w[1]))
                script_fail(s, "it got an ack of another operation");
        else if (r->type == MSG_AGENT_REFUSE && n > 1 && strcmp(((struct msg_agent_refuse *)r->payload)->code, w[1]) != 0)
                script_fail(s, "the code is '%s'", ((struct msg_agent_refuse *)r->payload)->code);
        else if (r->type == MSG_CONSOLE_OPEN || r->type == MSG_CONSOLE_DATA || r->type == MSG_CONSOLE_CLOSE)
                expect_console(s, r, w + 1, n - 1);
        received_free(r);
}

/* expect AGENT nothing | welcome | refused CODE | dropped | op KIND DOMAIN [epoch=N] | ack ID | console-... SESSION [TEXT] */
static void
cmd_expect(struct script *s, char **w, int n)
{
        struct agent *a = world_agent(&s->world, w[0]);
        struct received *r = received_next(&a->first);

        if (strcmp(w[1], "nothing") != 0)
                expect(s, a, r, w + 1, n - 1);
        else if (r)
                script_fail(s, "it got %s", message_name(r->type));
}

static void
cmd_client(struct script *s, char **w, int n)
{
        struct received *r = received_next(&s->world.client);

        if (strcmp(w[0], "nothing") != 0)
                expect(s, NULL, r, w, n);
        else if (r)
                script_fail(s, "it got %s", message_name(r->type));
}

/* --- what the agent says --- */

static struct domain_info *
domain_of(const struct script *s, struct agent *a, const char *name)
{
        for (uint32_t i = 0; i < a->n_domains; i++)
                if (!strcmp(a->domains[i].name, name))
                        return &a->domains[i];
        script_fail(s, "agent '%s' has no domain '%s'", a->name, name);
}

static void
remove_domain(struct agent *a, struct domain_info *d)
{
        *d = a->domains[--a->n_domains];
}

/* result AGENT ID EPOCH CODE [TEXT] [made=yes] [removed=DOMAIN] */
static void
cmd_result(struct script *s, char **w, int n)
{
        struct agent *a = world_agent(&s->world, w[0]);
        struct msg_agent_op_result m = {.conn = a->conn, .id = script_number(s, w[1]), .epoch = script_number(s, w[2])};
        const char *removed = script_option(w, n, "removed", NULL);

        str_copy(m.code, sizeof(m.code), w[3]);
        str_copy(m.text, sizeof(m.text), n > 4 && !strchr(w[4], '=') ? w[4] : "");
        if (script_option(w, n, "made", NULL)) {
                a->domains[a->n_domains].domid = a->n_domains + 1;
                a->domains[a->n_domains].state = DOMAIN_RUNNING;
                m.domain = a->domains[a->n_domains++];
        }
        if (removed)
                remove_domain(a, domain_of(s, a, removed));
        world_from(&s->world, ROLE_API, MSG_AGENT_OP_RESULT, &m);
}

/* The domain of the last create runs, but its result did not leave. */
static void
cmd_made(struct script *s, char **w, int n)
{
        struct agent *a = world_agent(&s->world, w[0]);

        (void)n;
        a->domains[a->n_domains].domid = a->n_domains + 1;
        a->domains[a->n_domains].state = DOMAIN_RUNNING;
        a->n_domains++;
}

/* A domain is not there any more, and nobody was told. */
static void
cmd_ended(struct script *s, char **w, int n)
{
        struct agent *a = world_agent(&s->world, w[0]);

        (void)n;
        remove_domain(a, domain_of(s, a, w[1]));
}

static void
cmd_progress(struct script *s, char **w, int n)
{
        struct msg_agent_op_progress m = {.conn = world_agent(&s->world, w[0])->conn,
                                          .id = script_number(s, w[1]),
                                          .epoch = script_number(s, w[2]),
                                          .percent = (uint32_t)script_number(s, w[4])};

        (void)n;
        str_copy(m.step, sizeof(m.step), w[3]);
        world_from(&s->world, ROLE_API, MSG_AGENT_OP_PROGRESS, &m);
}

/* A domain that somebody made by hand on the host. */
static void
cmd_foreign(struct script *s, char **w, int n)
{
        struct agent *a = world_agent(&s->world, w[0]);
        struct domain_info *d = &a->domains[a->n_domains++];

        *d = (struct domain_info){.domid = 77,
                                  .state = DOMAIN_RUNNING,
                                  .type = DOMAIN_PV,
                                  .memory_kib = 65536,
                                  .vcpus = 1,
                                  .op = script_number(s, script_option(w, n, "op", "0"))};
        memset(d->uuid, w[1][0], UUID_SIZE);
        str_copy(d->name, sizeof(d->name), w[1]);
}

/* domain-event AGENT DOMAIN WHAT [state=STATE]; "gone" takes it out of the agent's list. */
static void
cmd_domain_event(struct script *s, char **w, int n)
{
        struct agent *a = world_agent(&s->world, w[0]);
        struct domain_info *d = domain_of(s, a, w[1]);
        struct msg_agent_domain_event m = {.conn = a->conn};
        const char *state = script_option(w, n, "state", NULL);

        if (state)
                d->state = (uint32_t)names_find(domain_state_names, state);
        m.domain = *d;
        str_copy(m.what, sizeof(m.what), w[2]);
        if (!strcmp(w[2], "gone")) {
                m.domain.state = DOMAIN_GONE;
                remove_domain(a, d);
        }
        world_from(&s->world, ROLE_API, MSG_AGENT_DOMAIN_EVENT, &m);
}

/* A domain of @w[0] that is also in the list of @w[1]: one of the two lies. */
static void
cmd_copy_domain(struct script *s, char **w, int n)
{
        struct agent *to = world_agent(&s->world, w[1]);

        (void)n;
        to->domains[to->n_domains++] = *domain_of(s, world_agent(&s->world, w[0]), w[2]);
}

/* --- consoles --- */

static void
cmd_console_open(struct script *s, char **w, int n)
{
        struct msg_console_open m = {.session = script_number(s, w[0])};

        (void)n;
        str_copy(m.domain, sizeof(m.domain), w[1]);
        world_from(&s->world, ROLE_API, MSG_CONSOLE_OPEN, &m);
}

static void
console_data(struct script *s, uint64_t conn, const char *session, const char *text)
{
        struct msg_console_data m = {.conn = conn, .session = script_number(s, session)};

        blob_set(&m.data, text, strlen(text));
        world_from(&s->world, ROLE_API, MSG_CONSOLE_DATA, &m);
        blob_clear(&m.data);
}

static void
cmd_console_type(struct script *s, char **w, int n)
{
        (void)n;
        console_data(s, 0, w[0], w[1]);
}

static void
cmd_console_output(struct script *s, char **w, int n)
{
        (void)n;
        console_data(s, world_agent(&s->world, w[0])->conn, w[1], w[2]);
}

static void
cmd_console_leave(struct script *s, char **w, int n)
{
        struct msg_console_close m = {.session = script_number(s, w[0]), .code = "none"};

        (void)n;
        world_from(&s->world, ROLE_API, MSG_CONSOLE_CLOSE, &m);
}

/* --- roles --- */

static void
cmd_expect_work(struct script *s, char **w, int n)
{
        struct received *r = received_next(&s->world.work);

        if (n == 1 && !strcmp(w[0], "nothing")) {
                if (r)
                        script_fail(s, "work got a task");
                return;
        }
        if (!r)
                script_fail(s, "work got nothing");
        if (((struct msg_work_task *)r->payload)->op != script_number(s, w[0]))
                script_fail(s, "work got another task");
        received_free(r);
}

static void
cmd_work_slow(struct script *s, char **w, int n)
{
        (void)w, (void)n;
        s->world.work_is_slow = true;
}

/* guest-task ID kernel|ramdisk [taken-in]: work has got this task; it is carried out. */
static void
cmd_guest_task(struct script *s, char **w, int n)
{
        struct received *r = received_next(&s->world.work);
        struct msg_work_task m;

        if (!r || ((struct msg_work_task *)r->payload)->kind != WORK_GUEST_FILE)
                script_fail(s, "work got no guest file");
        m = *(struct msg_work_task *)r->payload;
        received_free(r);
        if (m.op != script_number(s, w[0]) || strcmp(m.name, w[1]) != 0)
                script_fail(s, "work got the %s of operation %llu", m.name, (unsigned long long)m.op);
        if (n > 2)
                world_take_in(&s->world, &m);
}

static void
cmd_work_result(struct script *s, char **w, int n)
{
        struct msg_work_result m = {.op = script_number(s, w[0])};

        str_copy(m.name, sizeof(m.name), script_option(w, n, "name", ""));
        str_copy(m.code, sizeof(m.code), w[1]);
        str_copy(m.text, sizeof(m.text), n > 2 && !strchr(w[2], '=') ? w[2] : "");
        world_from(&s->world, ROLE_WORK, MSG_WORK_RESULT, &m);
}

/* damage IMAGE [TEXT]: work has read the version's root.squashfs, and this is wrong with it; without TEXT: nothing. */
static void
cmd_damage(struct script *s, char **w, int n)
{
        struct msg_export_states *m = calloc(1, sizeof(*m));
        struct error err;
        struct image im;

        if (!m || image_store_find(s->world.config->image_store, w[0], &im, &err) < 0)
                script_fail(s, "there is no image '%s'", w[0]);
        m->n_checked = 1;
        str_copy(m->checked[0].image, sizeof(m->checked[0].image), im.id);
        str_copy(m->checked[0].text, sizeof(m->checked[0].text), n > 1 ? w[1] : "");
        world_from(&s->world, ROLE_WORK, MSG_EXPORT_STATES, m);
        free(m);
}

static void
cmd_boot_got(struct script *s, char **w, int n)
{
        struct received *r;
        bool found = false;

        (void)n;
        while ((r = received_next(&s->world.boot))) {
                found |= !strcmp(message_name(r->type), w[0]);
                received_free(r);
        }
        if (!found)
                script_fail(s, "boot got no %s", w[0]);
}

/* A role is restarted by the parent; of api everybody's connections go with it. */
static void
cmd_role_restart(struct script *s, char **w, int n)
{
        int role = names_find(role_names, w[0]);

        (void)n;
        if (role < 0)
                script_fail(s, "there is no role '%s'", w[0]);
        for (unsigned i = 0; role == ROLE_API && i < s->world.n_agents; i++)
                s->world.agents[i].conn = 0;
        core_peer(s->world.core, role, false);
        world_flush(&s->world);
        core_peer(s->world.core, role, true);
        world_flush(&s->world);
}

const struct command scenario_agent_commands[] = {
        {"hello", 2, cmd_hello},
        {"reconnect", 1, cmd_reconnect},
        {"report", 1, cmd_report},
        {"ready", 1, cmd_ready},
        {"hosts", 1, cmd_hosts},
        {"storm", 0, cmd_storm},
        {"disconnect", 1, cmd_disconnect},
        {"power-off", 1, cmd_power_off},
        {"cut-off", 1, cmd_cut_off},
        {"hangs", 1, cmd_hangs},
        {"speaks", 1, cmd_speaks},
        {"expect", 2, cmd_expect},
        {"client", 1, cmd_client},
        {"result", 4, cmd_result},
        {"made", 1, cmd_made},
        {"ended", 2, cmd_ended},
        {"progress", 5, cmd_progress},
        {"foreign", 2, cmd_foreign},
        {"domain-event", 3, cmd_domain_event},
        {"copy-domain", 3, cmd_copy_domain},
        {"console-open", 2, cmd_console_open},
        {"console-type", 2, cmd_console_type},
        {"console-output", 3, cmd_console_output},
        {"console-leave", 1, cmd_console_leave},
        {"expect-work", 1, cmd_expect_work},
        {"work-slow", 0, cmd_work_slow},
        {"guest-task", 2, cmd_guest_task},
        {"work-result", 2, cmd_work_result},
        {"damage", 1, cmd_damage},
        {"boot-got", 1, cmd_boot_got},
        {"role-restart", 1, cmd_role_restart},
        {NULL, 0, NULL},
};
