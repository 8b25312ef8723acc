/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of scenario scripts: the server's life, hosts and boots, the API, time. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootcfg/policy_choice.h"
#include "bootcfg/token.h"
#include "image/image_store.h"
#include "scenario_script.h"

/* --- the server --- */

static struct host *
config_host(struct script *s, const char *name)
{
        struct config *c = s->world.config;

        for (uint32_t i = 0; i < c->n_hosts; i++)
                if (!strcmp(c->hosts[i].name, name))
                        return &c->hosts[i];
        return NULL;
}

static void
cmd_host(struct script *s, char **w, int n)
{
        struct host *h = config_host(s, w[0]);

        if (!h)
                h = &s->world.config->hosts[s->world.config->n_hosts++];
        str_copy(h->name, sizeof(h->name), w[0]);
        if (parse_mac(w[1], &h->mac))
                script_fail(s, "'%s' is no MAC", w[1]);
        str_copy(h->profile, sizeof(h->profile), n > 2 ? w[2] : "pool");
}

static void
cmd_labels(struct script *s, char **w, int n)
{
        (void)n;
        str_copy(config_host(s, w[0])->labels, LABELS_SIZE, w[1]);
}

/* rule NAME PROFILE [hosts=GLOBS] [labels=L] [days=mon-fri] [from=HH:MM] [to=HH:MM] */
static void
cmd_rule(struct script *s, char **w, int n)
{
        struct rule *r = &s->world.config->rules[s->world.config->n_rules++];

        str_copy(r->name, sizeof(r->name), w[0]);
        str_copy(r->profile, sizeof(r->profile), w[1]);
        str_copy(r->hosts, sizeof(r->hosts), script_option(w, n, "hosts", ""));
        str_copy(r->labels, sizeof(r->labels), script_option(w, n, "labels", ""));
        if (parse_days(script_option(w, n, "days", "mon-sun"), &r->days) ||
            parse_minute(script_option(w, n, "from", "00:00"), &r->from) ||
            parse_minute(script_option(w, n, "to", "00:00"), &r->to))
                script_fail(s, "rule '%s': no such day or time", w[0]);
}

/* A profile of the configuration file: chain to another server. */
static void
cmd_chain(struct script *s, char **w, int n)
{
        struct profile *p = &s->world.config->profiles[s->world.config->n_profiles++];

        (void)n;
        str_copy(p->name, sizeof(p->name), w[0]);
        str_copy(p->file, sizeof(p->file), w[2]);
        p->kind = PROFILE_CHAIN;
        if (parse_ip4(w[1], &p->server))
                script_fail(s, "'%s' is no address", w[1]);
}

static void
cmd_unhost(struct script *s, char **w, int n)
{
        struct host *h = config_host(s, w[0]);

        (void)n;
        *h = s->world.config->hosts[--s->world.config->n_hosts];
}

static void
cmd_start(struct script *s, char **w, int n)
{
        (void)w, (void)n;
        world_start(&s->world);
}

static void
cmd_kill(struct script *s, char **w, int n)
{
        (void)w, (void)n;
        world_kill(&s->world);
        s->world.held = false;
}

static void
cmd_restart(struct script *s, char **w, int n)
{
        cmd_kill(s, w, n);
        world_start(&s->world);
}

/* What core is told next stays in the open transaction: a kill then comes before the commit. */
static void
cmd_hold(struct script *s, char **w, int n)
{
        (void)w, (void)n;
        s->world.held = true;
}

static void
cmd_wait(struct script *s, char **w, int n)
{
        (void)n;
        world_wait(&s->world, (unsigned)script_number(s, w[0]));
}

static void
write_file(const struct script *s, const char *path, const char *text)
{
        FILE *f = fopen(path, "we");

        if (!f || fputs(text, f) < 0 || fclose(f))
                script_fail(s, "cannot write %s", path);
}

static void
cmd_guest_file(struct script *s, char **w, int n)
{
        char path[400];

        (void)n;
        snprintf(path, sizeof(path), "%s/%s", s->world.config->guest_files, w[0]);
        write_file(s, path, w[1]);
}

/* blobs COUNT: so many files hosts may fetch. */
static void
cmd_blobs(struct script *s, char **w, int n)
{
        char path[128];
        uint64_t count = 0;
        struct dirent *e;
        DIR *dir;

        (void)n;
        snprintf(path, sizeof(path), "%s/blobs", s->world.dir);
        dir = opendir(path);
        while (dir && (e = readdir(dir)))
                count += e->d_name[0] != '.';
        if (dir)
                closedir(dir);
        if (count != script_number(s, w[0]))
                script_fail(s, "there are %llu blobs", (unsigned long long)count);
}

static void
cmd_root(struct script *s, char **w, int n)
{
        (void)n;
        str_copy(config_host(s, w[0])->root, ROOT_NAME_SIZE, w[1]);
}

/* image NAME CONTENT [root=yes]: a version of three tiny files, or of four, so that its root may come over the network;
 * published as a build does it. */
static void
cmd_image(struct script *s, char **w, int n)
{
        static const char *const files[] = {"xen.gz", "vmlinuz", "initrd", "initrd-root"};
        size_t n_files = strcmp(script_option(w, n, "root", "no"), "yes") == 0 ? 4 : 3;
        struct image im = {.built_ms = clock_wall_ms(&s->world.clock)};
        char folder[300], path[400];
        struct error err;

        snprintf(folder, sizeof(folder), "%s/new", s->world.config->image_store);
        mkdir(folder, 0755);
        for (size_t i = 0; i < n_files; i++) {
                snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
                write_file(s, path, w[1]);
        }
        str_copy(im.name, sizeof(im.name), w[0]);
        str_copy(im.recipe, sizeof(im.recipe), w[0]);
        if (image_store_publish(s->world.config->image_store, folder, NULL, &im, &err))
                script_fail(s, "%s", err.message);
}

/* policy HOST local | policy HOST pool IMAGE [size=BYTES]: what boot would find in the snapshot. */
static void
cmd_policy(struct script *s, char **w, int n)
{
        struct host *h = config_host(s, w[0]);
        const struct policy_host *found;
        const struct policy_image *image;
        struct policy_host host;
        struct policy_chosen chosen;
        struct policy_time now;
        const char *boots;
        struct policy *policy = world_policy(&s->world);

        if (!h)
                script_fail(s, "no host '%s'", w[0]);
        found = policy_host_by_mac(policy, &h->mac, &host);
        policy_time_at(clock_wall_ms(&s->world.clock), &now);
        policy_choose(policy, found, &now, &chosen);
        image = chosen.image;
        if (!chosen.profile)
                script_fail(s, "the host is not in the snapshot");
        boots = profile_kind_boots_image(chosen.profile->kind) && !image ? "local" : chosen.profile->name; /* as menu_render */
        if (strcmp(boots, w[1]) != 0)
                script_fail(s, "it boots %s", boots);
        if (n > 2 && (!image || strcmp(image->name, w[2]) != 0 ||
                      image->kernel_size != script_number(s, script_option(w, n, "size", "0"))))
                script_fail(s, "the image is another one");
        policy_free(policy);
}

static void
cmd_guest_link(struct script *s, char **w, int n)
{
        char path[400];

        (void)n;
        snprintf(path, sizeof(path), "%s/%s", s->world.config->guest_files, w[0]);
        if (symlink(w[1], path))
                script_fail(s, "cannot link %s", path);
}

/* --- boots --- */

static struct mac
mac_of(struct script *s, const char *name)
{
        struct host *h = config_host(s, name);
        struct mac mac;

        if (h)
                return h->mac;
        if (parse_mac(name, &mac))
                script_fail(s, "'%s' is neither a configured host nor a MAC", name);
        return mac;
}

static void
cmd_boot(struct script *s, char **w, int n)
{
        struct msg_boot_event m = {.mac = mac_of(s, w[0]), .time_ms = clock_wall_ms(&s->world.clock)};
        int stage = names_find(boot_stage_names, w[1]);

        if (stage < 0)
                script_fail(s, "there is no stage '%s'", w[1]);
        m.stage = (uint32_t)stage;
        m.time_ms -= (int64_t)script_number(s, script_option(w, n, "ago", "0")) * 1000;
        if (parse_ip4(script_option(w, n, "address", "0.0.0.0"), &m.address))
                script_fail(s, "the address is none");
        str_copy(m.text, sizeof(m.text), n > 2 && strncmp(w[2], "ago=", 4) != 0 ? w[2] : "");
        world_from(&s->world, ROLE_BOOT, MSG_BOOT_EVENT, &m);
}

static void
cmd_missing(struct script *s, char **w, int n)
{
        struct msg_boot_event m = {.mac = mac_of(s, w[0]),
                                   .time_ms = clock_wall_ms(&s->world.clock),
                                   .stage = STAGE_LOADER,
                                   .note = BOOT_NOTE_MISSING,
                                   .firmware = true};

        (void)n;
        str_copy(m.text, sizeof(m.text), w[1]);
        world_from(&s->world, ROLE_BOOT, MSG_BOOT_EVENT, &m);
}

/* note HOST KIND TEXT [stage=STAGE] [os=yes]: what boot or files noticed; os: in a packet of the host's own system. */
static void
cmd_note(struct script *s, char **w, int n)
{
        struct msg_boot_event m = {.mac = mac_of(s, w[0]), .time_ms = clock_wall_ms(&s->world.clock)};
        int note = names_find(boot_note_names, w[1]),
            stage = names_find(boot_stage_names, script_option(w, n, "stage", "dhcp"));

        if (note < 0 || stage < 0)
                script_fail(s, "there is no note '%s' or no such stage", w[1]);
        m.note = (uint32_t)note;
        m.stage = (uint32_t)stage;
        m.firmware = strcmp(script_option(w, n, "os", "no"), "yes") != 0;
        str_copy(m.text, sizeof(m.text), w[2]);
        world_from(&s->world, ROLE_BOOT, MSG_BOOT_EVENT, &m);
}

/* token NAME HOST [age=SECONDS] [forged=yes] */
static void
cmd_token(struct script *s, char **w, int n)
{
        int64_t age_ms = (int64_t)script_number(s, script_option(w, n, "age", "0")) * 1000;
        struct token t = {.mac = mac_of(s, w[1]), .attempt_ms = clock_wall_ms(&s->world.clock) - age_ms};
        uint8_t key[32];

        if (s->n_tokens == MAX_TOKENS)
                script_fail(s, "more than %d tokens", MAX_TOKENS);
        world_token_key(&s->world, key);
        if (script_option(w, n, "forged", NULL))
                key[0] ^= 1;
        t.expiry_ms = t.attempt_ms + TOKEN_VALID_MS;
        str_copy(s->tokens[s->n_tokens].name, NAME_SIZE, w[0]);
        token_render(key, &t, s->tokens[s->n_tokens].text);
        s->n_tokens++;
}

/* The first digits of the version that the snapshot says the host boots; "" for none. */
static void
version_of(struct script *s, const char *host, char ret[IMAGE_SHORT_SIZE])
{
        struct policy *policy = world_policy(&s->world);
        struct policy_host row;
        struct policy_chosen chosen;
        struct policy_time now;

        policy_time_at(clock_wall_ms(&s->world.clock), &now);
        policy_choose(policy, policy_host_by_mac(policy, &config_host(s, host)->mac, &row), &now, &chosen);
        snprintf(ret, IMAGE_SHORT_SIZE, "%.16s", chosen.image ? chosen.image->id : "");
        policy_free(policy);
}

static void
init_report(struct script *s, char **w, int n, bool failed)
{
        struct msg_init_report m = {.failed = failed, .address = 0x0a090032, .time_ms = clock_wall_ms(&s->world.clock)};

        str_copy(m.token, sizeof(m.token), script_token(s, w[0]));
        str_copy(m.stage, sizeof(m.stage), w[1]);
        str_copy(m.text, sizeof(m.text), w[2]);
        if (*script_option(w, n, "boots", ""))
                version_of(s, script_option(w, n, "boots", ""), m.image);
        world_from(&s->world, ROLE_FILES, MSG_INIT_REPORT, &m);
}

static void
cmd_init(struct script *s, char **w, int n)
{
        init_report(s, w, n, false);
}

static void
cmd_init_failed(struct script *s, char **w, int n)
{
        init_report(s, w, n, true);
}

/* --- API --- */

static void
options_by_key(char **w, int n, char by[NAME_SIZE], char key[NAME_SIZE])
{
        str_copy(by, NAME_SIZE, script_option(w, n, "by", "uid:0"));
        str_copy(key, NAME_SIZE, script_option(w, n, "key", ""));
}

void
script_request(struct script *s, enum msg_type type, void *payload, const char *status, char **w, int n)
{
        uint64_t number = s->world.next_request++;
        const json_t *body;
        const char *code = script_option(w, n, "code", NULL);

        memcpy(payload, &number, sizeof(number));
        world_from(&s->world, ROLE_API, type, payload);
        if (s->world.held)
                return;
        body = script_expect_reply(s, number, (unsigned)script_number(s, status), code);
        for (int i = 0; i < n; i++)
                if (!strncmp(w[i], "text~", 5) &&
                    !strstr(json_string_value(json_object_get(json_object_get(body, "error"), "message")), w[i] + 5))
                        script_fail(s, "the message is: %s",
                                    json_string_value(json_object_get(json_object_get(body, "error"), "message")));
        if (script_option(w, n, "id", NULL))
                script_check_json(s, body, w, n > 0 ? 1 : 0);
}

/* create NAME STATUS [id=OPERATION] [code=] [host=] [memory=MIB] [kernel=] [type=] [key=] [by=] */
static void
cmd_create(struct script *s, char **w, int n)
{
        struct msg_api_domain_create m = {0};

        domain_config_init(&m.config);
        str_copy(m.config.name, NAME_SIZE, w[0]);
        m.config.type = (uint32_t)names_find(domain_type_names, script_option(w, n, "type", "pvh"));
        m.config.memory_kib = script_number(s, script_option(w, n, "memory", "64")) << 10;
        m.config.n_vifs = 1;
        str_copy(m.config.kernel.path, PATH_SIZE, script_option(w, n, "kernel", "vmlinuz"));
        str_copy(m.host, NAME_SIZE, script_option(w, n, "host", ""));
        options_by_key(w, n, m.by, m.key);
        script_request(s, MSG_API_DOMAIN_CREATE, &m, w[1], w + 2, n - 2);
}

static void
cmd_action(struct script *s, char **w, int n)
{
        struct msg_api_domain_action m = {.verb = strcmp(w[0], "destroy") ? VERB_SHUTDOWN : VERB_DESTROY};

        str_copy(m.name, NAME_SIZE, w[1]);
        options_by_key(w, n, m.by, m.key);
        script_request(s, MSG_API_DOMAIN_ACTION, &m, w[2], w + 3, n - 3);
}

static void
by_name(struct script *s, enum msg_type type, char **w, int n)
{
        struct msg_api_name m = {0};

        str_copy(m.name, NAME_SIZE, w[0]);
        options_by_key(w, n, m.by, m.key);
        script_request(s, type, &m, w[1], w + 2, n - 2);
}

static void
cmd_reboot(struct script *s, char **w, int n)
{
        by_name(s, MSG_API_HOST_REBOOT, w, n);
}

static void
cmd_retry(struct script *s, char **w, int n)
{
        by_name(s, MSG_API_HOST_RETRY, w, n);
}

static void
cmd_build(struct script *s, char **w, int n)
{
        by_name(s, MSG_API_IMAGE_BUILD, w, n);
}

static void
cmd_delete(struct script *s, char **w, int n)
{
        by_name(s, MSG_API_HOST_DELETE, w, n);
}

static void
cmd_put(struct script *s, char **w, int n)
{
        struct msg_api_host_put m = {.host.profile = "pool", .by = "uid:0"};

        str_copy(m.host.name, NAME_SIZE, w[0]);
        if (parse_mac(w[1], &m.host.mac))
                script_fail(s, "'%s' is no MAC", w[1]);
        script_request(s, MSG_API_HOST_PUT, &m, w[2], w + 3, n - 3);
}

static void
cmd_profile(struct script *s, char **w, int n)
{
        struct msg_api_host_profile m = {.by = "uid:0"};

        str_copy(m.name, NAME_SIZE, w[0]);
        str_copy(m.profile, NAME_SIZE, w[1]);
        str_copy(m.image, NAME_SIZE, script_option(w, n, "image", ""));
        m.next = !strcmp(script_option(w, n, "next", ""), "yes");
        m.canary = (uint32_t)script_number(s, script_option(w, n, "canary", "0"));
        m.ready_seconds = (uint32_t)script_number(s, script_option(w, n, "ready", "0"));
        m.watch_seconds = (uint32_t)script_number(s, script_option(w, n, "watch", "0"));
        if (!strcmp(w[0], "all") || !strncmp(w[0], "label:", 6) || strchr(w[0], ',')) {
                m.all = !strcmp(w[0], "all");
                if (strchr(w[0], ','))
                        blob_set(&m.hosts, w[0], strlen(w[0]));
                else if (!m.all)
                        str_copy(m.label, NAME_SIZE, w[0] + 6);
                m.name[0] = '\0';
        }
        script_request(s, MSG_API_HOST_PROFILE, &m, w[2], w + 3, n - 3);
        blob_clear(&m.hosts);
}

/* what-if STATUS [names=A,B|all] [profile=] [image=] [next=yes] [adopt=MAC] [as=NAME] [path=value ...] [path~part ...]: how
 * boots would change by a profile, or by a machine that becomes a host. */
static void
cmd_what_if(struct script *s, char **w, int n)
{
        static const char *const said[] = {"names=", "profile=", "image=", "next=", "adopt=", "as="};
        struct msg_api_what_if *m = calloc(1, sizeof(*m)); /* it has room for a whole configuration */
        const char *names = script_option(w, n, "names", ""), *adopt = script_option(w, n, "adopt", NULL);
        uint64_t request = s->world.next_request++;

        m->request = request;
        m->all = strcmp(names, "all") == 0;
        if (!m->all)
                blob_set(&m->hosts, names, strlen(names));
        str_copy(m->profile, NAME_SIZE, script_option(w, n, "profile", ""));
        str_copy(m->image, NAME_SIZE, script_option(w, n, "image", ""));
        m->next = !strcmp(script_option(w, n, "next", ""), "yes");
        m->has_host = m->adopt = adopt != NULL;
        str_copy(m->host.name, NAME_SIZE, script_option(w, n, "as", ""));
        if (adopt && parse_mac(adopt, &m->host.mac))
                script_fail(s, "'%s' is no MAC", adopt);
        world_from(&s->world, ROLE_API, MSG_API_WHAT_IF, m);
        blob_clear(&m->hosts);
        free(m);
        for (int i = 1; i < n; i++) /* options of the question are no checks of the answer */
                for (size_t k = 0; k < sizeof(said) / sizeof(said[0]); k++)
                        if (!strncmp(w[i], said[k], strlen(said[k])))
                                w[i][0] = '\0';
        script_check_json(s, script_expect_reply(s, request, (unsigned)script_number(s, w[0]), NULL), w + 1, n - 1);
}

/* canary ID promote/abort STATUS [...] */
static void
cmd_canary(struct script *s, char **w, int n)
{
        struct msg_api_canary_end m = {.by = "uid:0", .id = script_number(s, w[0]), .promote = !strcmp(w[1], "promote")};

        script_request(s, MSG_API_CANARY_END, &m, w[2], w + 3, n - 3);
}

static const char *const resource_names[] = {
        "server",       "hosts",      "host",      "trace",  "capture",    "explain",  "unknown",
        "unknown-host", "profiles",   "images",    "image",  "image-diff", "image-gc", "image-check",
        "domains",      "domain",     "ops",       "op",     "exports",    "export",   "canaries",
        "canary",       "satellites", "satellite", "events", NULL};

static struct msg_api_get
get_message(struct script *s, char **w, int n)
{
        struct msg_api_get m = {.request = s->world.next_request++};
        int resource = names_find(resource_names, w[0]);
        bool numbered = resource == RES_OP || resource == RES_CANARY || resource == RES_EVENTS;

        if (resource < 0)
                script_fail(s, "there is no resource '%s'", w[0]);
        m.resource = (uint32_t)resource;
        if (n > 1 && numbered)
                m.number = script_number(s, w[1]);
        else if (n > 1 && !strpbrk(w[1], "=~"))
                str_copy(m.name, sizeof(m.name), w[1]);
        str_copy(m.filter, sizeof(m.filter), script_option(w, n, "filter", ""));
        m.limit = (uint32_t)script_number(s, script_option(w, n, "limit", "0"));
        return m;
}

/* get RESOURCE [NAME] [path=value ...] [path~part ...] */
static void
cmd_get(struct script *s, char **w, int n)
{
        struct msg_api_get m = get_message(s, w, n);

        world_from(&s->world, ROLE_API, MSG_API_GET, &m);
        for (int i = 1; i < n; i++) /* options of the question are no checks of the answer */
                if (!strncmp(w[i], "filter=", 7) || !strncmp(w[i], "limit=", 6))
                        w[i][0] = '\0';
        script_check_json(s, script_expect_reply(s, m.request, 200, NULL), w + 1, n - 1);
}

static void
cmd_get_fails(struct script *s, char **w, int n)
{
        struct msg_api_get m = get_message(s, w, n - 1);

        world_from(&s->world, ROLE_API, MSG_API_GET, &m);
        script_expect_reply(s, m.request, error_http_status(error_from_text(w[n - 1])), w[n - 1]);
}

/* poll NAME RESOURCE NUMBER SECONDS [filter=KIND]: a long poll that is not answered yet (see answered, unanswered). */
static void
cmd_poll(struct script *s, char **w, int n)
{
        struct msg_api_get m = get_message(s, w + 1, n - 1);

        if (s->n_polls == MAX_POLLS)
                script_fail(s, "more than %d polls", MAX_POLLS);
        m.wait_ms = (uint32_t)script_number(s, w[3]) * 1000;
        str_copy(s->polls[s->n_polls].name, NAME_SIZE, w[0]);
        s->polls[s->n_polls++].request = m.request;
        world_from(&s->world, ROLE_API, MSG_API_GET, &m);
}

static uint64_t
poll_request(const struct script *s, const char *name)
{
        for (unsigned i = 0; i < s->n_polls; i++)
                if (!strcmp(s->polls[i].name, name))
                        return s->polls[i].request;
        script_fail(s, "there is no poll '%s'", name);
}

static void
cmd_answered(struct script *s, char **w, int n)
{
        script_check_json(s, script_expect_reply(s, poll_request(s, w[0]), 200, NULL), w + 1, n - 1);
}

static void
cmd_unanswered(struct script *s, char **w, int n)
{
        (void)n;
        if (world_reply(&s->world, poll_request(s, w[0])))
                script_fail(s, "poll '%s' was answered", w[0]);
}

static void
cmd_cancel(struct script *s, char **w, int n)
{
        struct msg_api_cancel m = {.request = poll_request(s, w[0])};

        (void)n;
        world_from(&s->world, ROLE_API, MSG_API_CANCEL, &m);
}

/* --- events --- */

static const json_t *
all_events(struct script *s)
{
        struct msg_api_get m = {.request = s->world.next_request++, .resource = RES_EVENTS, .limit = 10000};

        world_from(&s->world, ROLE_API, MSG_API_GET, &m);
        return json_object_get(script_expect_reply(s, m.request, 200, NULL), "events");
}

static bool
is_text(const json_t *event, const char *key, const char *text)
{
        return !strcmp(text, "*") || !strcmp(json_string_value(json_object_get(event, key)), text);
}

static unsigned
count_events(struct script *s, char **w)
{
        const json_t *events = all_events(s), *event;
        unsigned count = 0;
        size_t i;

        json_array_foreach(events, i, event) count +=
                is_text(event, "kind", w[0]) && is_text(event, "subject", w[1]) && is_text(event, "what", w[2]);
        return count;
}

static void
cmd_event(struct script *s, char **w, int n)
{
        unsigned count = count_events(s, w);

        if (n > 3 ? count != script_number(s, w[3]) : count == 0)
                script_fail(s, "there are %u such events", count);
}

static void
cmd_no_event(struct script *s, char **w, int n)
{
        (void)n;
        if (count_events(s, w))
                script_fail(s, "there is such an event");
}

static void
cmd_no_gaps(struct script *s, char **w, int n)
{
        const json_t *events = all_events(s), *event;
        json_int_t last = 0, id;
        size_t i;

        (void)w, (void)n;
        json_array_foreach(events, i, event)
        {
                id = json_integer_value(json_object_get(event, "id"));
                if (id != last + 1)
                        script_fail(s, "event %lld follows event %lld", (long long)id, (long long)last);
                last = id;
        }
}

const struct command scenario_commands[] = {
        {"host", 2, cmd_host},
        {"unhost", 1, cmd_unhost},
        {"start", 0, cmd_start},
        {"kill", 0, cmd_kill},
        {"restart", 0, cmd_restart},
        {"hold", 0, cmd_hold},
        {"wait", 1, cmd_wait},
        {"guest-file", 2, cmd_guest_file},
        {"guest-link", 2, cmd_guest_link},
        {"blobs", 1, cmd_blobs},
        {"root", 2, cmd_root},
        {"image", 2, cmd_image},
        {"policy", 2, cmd_policy},
        {"boot", 2, cmd_boot},
        {"missing", 2, cmd_missing},
        {"note", 3, cmd_note},
        {"token", 2, cmd_token},
        {"init", 3, cmd_init},
        {"init-failed", 3, cmd_init_failed},
        {"create", 2, cmd_create},
        {"action", 3, cmd_action},
        {"reboot", 2, cmd_reboot},
        {"retry", 2, cmd_retry},
        {"build", 2, cmd_build},
        {"delete", 2, cmd_delete},
        {"put", 3, cmd_put},
        {"profile", 3, cmd_profile},
        {"what-if", 1, cmd_what_if},
        {"canary", 3, cmd_canary},
        {"labels", 2, cmd_labels},
        {"rule", 2, cmd_rule},
        {"chain", 3, cmd_chain},
        {"get", 1, cmd_get},
        {"get-fails", 3, cmd_get_fails},
        {"poll", 4, cmd_poll},
        {"answered", 1, cmd_answered},
        {"unanswered", 1, cmd_unanswered},
        {"cancel", 1, cmd_cancel},
        {"event", 3, cmd_event},
        {"no-event", 3, cmd_no_event},
        {"events-have-no-gaps", 0, cmd_no_gaps},
        {NULL, 0, NULL},
};
