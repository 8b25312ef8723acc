/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request bodies of the API: each is a record with a table of fields, so that unknown keys, wrong types and lengths are refused
 * in one place. Pure, no I/O. Runs in: api.
 */
#include "server/api_body.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/rec_json.h"
#include "bootcfg/loader.h"
#include "server/config_network.h"

struct body_none {
        bool unused;
};
static const struct rec_desc body_none_desc = {.name = "body", .size = sizeof(struct body_none)};

struct body_profile {
        struct blob hosts;
        char label[NAME_SIZE];
        bool all;
        char profile[NAME_SIZE];
        char image[NAME_SIZE];
        bool next;
        bool force;
        bool check;
        uint32_t canary;
        uint32_t ready_seconds;
        uint32_t watch_seconds;
};
static const struct rec_field body_profile_fields[] = {
        REC_BLOB(struct body_profile, hosts, API_BODY_MAX),
        REC_STR(struct body_profile, label),
        REC_BOOL(struct body_profile, all),
        REC_STR(struct body_profile, profile),
        REC_STR(struct body_profile, image),
        REC_BOOL(struct body_profile, next),
        REC_BOOL(struct body_profile, force),
        REC_BOOL(struct body_profile, check),
        REC_U32(struct body_profile, canary),
        REC_U32(struct body_profile, ready_seconds),
        REC_U32(struct body_profile, watch_seconds),
};
static const struct rec_desc body_profile_desc = REC_DESC(struct body_profile, body_profile_fields);

struct body_domain {
        char host[NAME_SIZE];
        char file[CONFIG_PATH_SIZE];
        struct blob config;
};
static const struct rec_field body_domain_fields[] = {
        REC_STR(struct body_domain, host),
        REC_STR(struct body_domain, file),
        REC_BLOB(struct body_domain, config, XLCFG_MAX_SIZE),
};
static const struct rec_desc body_domain_desc = REC_DESC(struct body_domain, body_domain_fields);

struct body_satellite {
        char name[NAME_SIZE];
        char label[NAME_SIZE];
};
static const struct rec_field body_satellite_fields[] = {
        REC_STR(struct body_satellite, name),
        REC_STR(struct body_satellite, label),
};
static const struct rec_desc body_satellite_desc = REC_DESC(struct body_satellite, body_satellite_fields);

struct body_action {
        uint32_t timeout;
};
static const struct rec_field body_action_fields[] = {REC_U32(struct body_action, timeout)};
static const struct rec_desc body_action_desc = REC_DESC(struct body_action, body_action_fields);

struct body_image {
        char recipe[NAME_SIZE];
};
static const struct rec_field body_image_fields[] = {REC_STR(struct body_image, recipe)};
static const struct rec_desc body_image_desc = REC_DESC(struct body_image, body_image_fields);

struct body_version {
        char version[NAME_SIZE];
};
static const struct rec_field body_version_fields[] = {REC_STR(struct body_version, version)};
static const struct rec_desc body_version_desc = REC_DESC(struct body_version, body_version_fields);

static int
body_read_large(const char *text, size_t size, size_t max, const struct rec_desc *d, void *rec, struct error *err)
{
        json_t *object;
        int r;

        if (size == 0) {
                text = "{}";
                size = 2;
        }
        object = json_parse(text, size, max, err);
        if (!object)
                return error_to_errno(err->code);
        r = rec_from_json(d, object, rec, err);
        json_decref(object);
        return r;
}

static int
body_read(const char *text, size_t size, const struct rec_desc *d, void *rec, struct error *err)
{
        return body_read_large(text, size, API_BODY_MAX, d, rec, err);
}

int
api_body_none(const char *text, size_t size, struct error *err)
{
        struct body_none none;

        return body_read(text, size, &body_none_desc, &none, err);
}

static int
check_host(const struct host *h, struct error *err)
{
        int r;

        if (h->configured)
                return error_set(err, ERR_INVALID, "configured: only the configuration file makes such hosts");
        if (*h->enrolled)
                return error_set(err, ERR_INVALID, "enrolled: only a rule makes such hosts");
        r = host_check(h, err);
        return r < 0 ? r : loader_check(h->loader, err);
}

int
api_body_host(const char *text, size_t size, const char *name, struct msg_api_host_put *ret, struct error *err)
{
        int r = body_read(text, size, &host_desc, &ret->host, err);

        if (r < 0)
                return r;
        if (ret->host.name[0] == '\0')
                str_copy(ret->host.name, sizeof(ret->host.name), name);
        if (strcmp(ret->host.name, name) != 0)
                return error_set(err, ERR_INVALID, "name: the path says '%s', the body '%s'", name, ret->host.name);
        return check_host(&ret->host, err);
}

static int
check_adopted(const struct host *h, struct error *err)
{
        struct host named = *h;

        if (!*named.name) /* core makes one */
                str_copy(named.name, sizeof(named.name), "a");
        return check_host(&named, err);
}

int
api_body_adopt(const char *text, size_t size, const char *mac, struct msg_api_host_put *ret, struct error *err)
{
        struct mac own;
        int r = body_read(text, size, &host_desc, &ret->host, err);

        if (r < 0)
                return r;
        if (parse_mac(mac, &own) < 0)
                return error_set(err, ERR_INVALID, "'%s' in the path is no MAC address such as 52-54-00-12-34-56", mac);
        if (!mac_zero(&ret->host.mac) && !mac_eq(&ret->host.mac, &own))
                return error_set(err, ERR_INVALID, "mac: the path says '%s', the body another one", mac);
        ret->host.mac = own;
        return check_adopted(&ret->host, err);
}

static int
check_profile_body(const struct body_profile *body, struct error *err)
{
        if (!body->profile[0])
                return error_set(err, ERR_INVALID, "profile: missing");
        if (!name_ok(body->profile))
                return error_set(err, ERR_INVALID, "profile: '%s' is no name", body->profile);
        if (body->image[0] && !image_name_ok(body->image))
                return error_set(err, ERR_INVALID, "image: '%s' is no name", body->image);
        if (body->label[0] && !name_ok(body->label))
                return error_set(err, ERR_INVALID, "label: '%s' is no name", body->label);
        return 0;
}

int
api_body_profile(const char *text, size_t size, const char *name, struct msg_api_host_profile *ret, struct error *err)
{
        struct body_profile body;
        int r = body_read(text, size, &body_profile_desc, &body, err);

        if (r < 0)
                return r;
        r = check_profile_body(&body, err);
        if (r == 0 && *name && body.canary)
                r = error_set(err, ERR_INVALID, "canary: it is for POST /v1/profiles");
        if (r == 0 && *name && (body.hosts.size > 0 || body.label[0] || body.all))
                r = error_set(err, ERR_INVALID, "the path names one host: hosts, label and all are for POST /v1/profiles");
        if (r < 0) {
                rec_clear(&body_profile_desc, &body);
                return r;
        }
        str_copy(ret->name, sizeof(ret->name), name);
        ret->hosts = body.hosts; /* the caller's from now on */
        ret->all = body.all;
        ret->next = body.next;
        ret->force = body.force;
        ret->check = body.check;
        ret->canary = body.canary;
        ret->ready_seconds = body.ready_seconds;
        ret->watch_seconds = body.watch_seconds;
        str_copy(ret->label, sizeof(ret->label), body.label);
        str_copy(ret->profile, sizeof(ret->profile), body.profile);
        str_copy(ret->image, sizeof(ret->image), body.image);
        return 0;
}

/* What core takes for granted of networks, since dompoold's own reader sees to it (config_schema.c). */
static int
check_config_networks(struct config *config, struct error *err)
{
        const struct config_network *n;
        char text[200];
        uint32_t at;

        for (uint32_t i = 0; (n = config_network_at(config, i)); i++)
                if (n->prefix < 8 || n->prefix > 30 || n->range_first > n->range_last || n->lease_seconds < 60)
                        return error_set(err, ERR_INVALID, "config: network %u is none that dompoold -n would accept", i);
        if (config_networks_finish(config, &at, text, sizeof(text)) < 0)
                return error_set(err, ERR_INVALID, "config: network %u: %s", at, text);
        return 0;
}

int
api_body_what_if(const char *text, size_t size, struct msg_api_what_if *ret, struct error *err)
{
        int r = body_read_large(text, size, API_BODY_MAX_CONFIG, message_desc(MSG_API_WHAT_IF), ret, err);

        if (r == 0 && *ret->profile && !name_ok(ret->profile))
                r = error_set(err, ERR_INVALID, "profile: '%s' is no name", ret->profile);
        if (r == 0 && *ret->image && !image_name_ok(ret->image))
                r = error_set(err, ERR_INVALID, "image: '%s' is no name", ret->image);
        if (r == 0 && *ret->label && !name_ok(ret->label))
                r = error_set(err, ERR_INVALID, "label: '%s' is no name", ret->label);
        if (r == 0 && ret->adopt && !ret->has_host)
                r = error_set(err, ERR_INVALID, "adopt: it says nothing without a host");
        if (r == 0 && ret->has_host)
                r = ret->adopt ? check_adopted(&ret->host, err) : check_host(&ret->host, err);
        for (uint32_t i = 0; r == 0 && ret->has_config && i < ret->config.n_hosts; i++)
                r = host_check(&ret->config.hosts[i], err);
        if (r == 0 && ret->has_config)
                r = check_config_networks(&ret->config, err);
        return r;
}

int
api_body_domain(const char *text, size_t size, struct msg_api_domain_create *ret, struct xlcfg_notes *notes, struct error *err)
{
        struct body_domain body;
        int r = body_read(text, size, &body_domain_desc, &body, err);

        if (r < 0)
                return r;
        if (body.host[0] && !name_ok(body.host))
                r = error_set(err, ERR_INVALID, "host: '%s' is no name", body.host);
        else if (body.config.size == 0)
                r = error_set(err, ERR_INVALID, "config: the text of an xl.cfg is missing");
        else
                r = xlcfg_read(body.file[0] ? body.file : "config", (const char *)body.config.data, body.config.size,
                               &ret->config, notes, err);
        if (r == 0)
                str_copy(ret->host, sizeof(ret->host), body.host);
        rec_clear(&body_domain_desc, &body);
        return r;
}

int
api_body_action(const char *text, size_t size, struct msg_api_domain_action *ret, struct error *err)
{
        struct body_action body;
        int r = body_read(text, size, &body_action_desc, &body, err);

        if (r < 0)
                return r;
        if (body.timeout > 86400)
                return error_set(err, ERR_INVALID, "timeout: at most 86400 seconds");
        ret->timeout_seconds = body.timeout;
        return 0;
}

int
api_body_image(const char *text, size_t size, struct msg_api_name *ret, struct error *err)
{
        struct body_image body;
        int r = body_read(text, size, &body_image_desc, &body, err);

        if (r < 0)
                return r;
        if (!name_ok(body.recipe))
                return error_set(err, ERR_INVALID, "recipe: a name is wanted, such as \"micro\"");
        str_copy(ret->name, sizeof(ret->name), body.recipe);
        return 0;
}

int
api_body_version(const char *text, size_t size, struct msg_api_image_change *ret, struct error *err)
{
        struct body_version body;
        int r = body_read(text, size, &body_version_desc, &body, err);

        if (r < 0)
                return r;
        if (!image_name_ok(body.version))
                return error_set(err, ERR_INVALID, "version: the begin of a version's id is wanted, or NAME:previous");
        str_copy(ret->version, sizeof(ret->version), body.version);
        return 0;
}

int
api_body_satellite(const char *text, size_t size, struct msg_api_satellite_add *ret, struct error *err)
{
        struct body_satellite body;
        int r = body_read(text, size, &body_satellite_desc, &body, err);

        if (r < 0)
                return r;
        if (!name_ok(body.name))
                return error_set(err, ERR_INVALID, "name: a name is wanted, such as \"north\"");
        if (body.label[0] && !name_ok(body.label))
                return error_set(err, ERR_INVALID, "label: '%s' is no name", body.label);
        str_copy(ret->name, sizeof(ret->name), body.name);
        str_copy(ret->label, sizeof(ret->label), body.label);
        return 0;
}
