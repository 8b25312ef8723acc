/* SPDX-License-Identifier: Apache-2.0 */
/* Record tables of dompoold's configuration; it is read and checked in src/server/config.c. Pure. */
#include "model/config.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

const char *const network_mode_names[] = {"dhcp", "proxy", NULL};

static const struct rec_field config_network_fields[] = {
        REC_STR(struct config_network, name),
        REC_STR(struct config_network, interface),
        REC_ENUM(struct config_network, mode, network_mode_names),
        REC_IP4(struct config_network, address),
        REC_IP4(struct config_network, net),
        REC_U32(struct config_network, prefix),
        REC_IP4(struct config_network, range_first),
        REC_IP4(struct config_network, range_last),
        REC_IP4(struct config_network, router),
        REC_IP4(struct config_network, dns),
        REC_IP4(struct config_network, relay),
        REC_U32(struct config_network, lease_seconds),
        REC_STR(struct config_network, pxe_prompt),
        REC_U32(struct config_network, pxe_timeout_seconds),
};
const struct rec_desc config_network_desc = REC_DESC(struct config_network, config_network_fields);

static const struct rec_field config_token_fields[] = {
        REC_STR(struct config_token, name),
        REC_BYTES(struct config_token, sha256),
};
static const struct rec_desc config_token_desc = REC_DESC(struct config_token, config_token_fields);

static const struct rec_field config_export_fields[] = {
        REC_STR(struct config_export, nfs_server),   REC_STR(struct config_export, nbd_server),
        REC_STR(struct config_export, iscsi_server), REC_STR(struct config_export, aoe_target),
        REC_U32(struct config_export, nbd_port),     REC_U32(struct config_export, iscsi_port),
};
const struct rec_desc config_export_desc = REC_DESC(struct config_export, config_export_fields);

static const struct rec_field config_fields[] = {
        REC_STR(struct config, state_dir),
        REC_STR(struct config, run_dir),
        REC_STR(struct config, image_store),
        REC_STR(struct config, guest_files),
        REC_STR(struct config, api_socket),
        REC_STR(struct config, api_group),
        REC_IP4(struct config, api_address),
        REC_U32(struct config, api_port),
        REC_U32(struct config, agent_port),
        REC_U32(struct config, http_port),
        REC_U32(struct config, tftp_port),
        REC_U32(struct config, dhcp_port),
        REC_STR(struct config, ssh_keys),
        REC_STR(struct config, default_image),
        REC_STR(struct config, default_profile),
        REC_STR(struct config, console),
        REC_STR(struct config, xen_args),
        REC_STR(struct config, kernel_args),
        REC_U32(struct config, heartbeat_seconds),
        REC_U32(struct config, keep_limit),
        REC_REC(struct config, network, config_network_desc),
        REC_LIST(struct config, subnets, config_network_desc),
        REC_STR(struct config, satellite_file),
        REC_REC(struct config, main_server, satellite_enrolment_desc),
        REC_LIST(struct config, tokens, config_token_desc),
        REC_LIST(struct config, profiles, profile_desc),
        REC_LIST(struct config, menus, menu_desc),
        REC_LIST(struct config, rules, rule_desc),
        REC_STR(struct config, quirks_file),
        REC_LIST(struct config, quirks, quirk_desc),
        REC_REC(struct config, enrolment, enrol_limits_desc),
        REC_LIST(struct config, enrols, enrol_rule_desc),
        REC_REC(struct config, exports, config_export_desc),
        REC_LIST(struct config, hosts, host_desc),
};
const struct rec_desc config_desc = REC_DESC(struct config, config_fields);

/* How the word is made where the administrator named a server. */
static const struct {
        size_t own; /* in struct config_export */
        const char *before, *behind;
} own_servers[ROOT_N] = {
        [ROOT_NFS] = {offsetof(struct config_export, nfs_server), "nfs:", ":4"},
        [ROOT_NFS3] = {offsetof(struct config_export, nfs_server), "nfs:", ":3"},
        [ROOT_NBD] = {offsetof(struct config_export, nbd_server), "nbd:", ""},
        [ROOT_ISCSI] = {offsetof(struct config_export, iscsi_server), "iscsi:", ""},
        [ROOT_AOE] = {offsetof(struct config_export, aoe_target), "aoe:", ""},
};

static const char *
own_server(const struct config *c, enum root_kind kind)
{
        return own_servers[kind].before ? (const char *)&c->exports + own_servers[kind].own : "";
}

bool
config_root_is_foreign(const struct config *c, enum root_kind kind)
{
        return *own_server(c, kind) != '\0';
}

void
config_root_pattern(const struct config *c, enum root_kind kind, char ret[ROOT_WORD_SIZE])
{
        const char *pattern = root_pattern(kind), *own = own_server(c, kind);

        if (*own)
                snprintf(ret, ROOT_WORD_SIZE, "%s%s%s", own_servers[kind].before, own, own_servers[kind].behind);
        else if (kind == ROOT_NBD)
                snprintf(ret, ROOT_WORD_SIZE, "nbd:%%a:%u:%%i", c->exports.nbd_port);
        else if (kind == ROOT_ISCSI)
                snprintf(ret, ROOT_WORD_SIZE, "iscsi:%%a:%u:1:%s%%i", c->exports.iscsi_port, ROOT_IQN);
        else
                snprintf(ret, ROOT_WORD_SIZE, "%s", pattern ? pattern : "");
}

bool
config_network_has(const struct config_network *n, uint32_t address)
{
        uint32_t mask = prefix_mask(n->prefix);

        return (address & mask) == (n->net & mask) && (address & ~mask) != 0 && (address & ~mask) != ~mask;
}

const struct config_network *
config_network_at(const struct config *c, uint32_t i)
{
        if (i == 0)
                return &c->network;
        return i <= c->n_subnets ? &c->subnets[i - 1] : NULL;
}

const struct config_network *
config_network_of(const struct config *c, uint32_t address)
{
        const struct config_network *n;

        for (uint32_t i = 0; (n = config_network_at(c, i)); i++)
                if (config_network_has(n, address))
                        return n;
        return NULL;
}

/* What every server can boot; the file may describe one of these names anew. */
static const struct profile built_in[] = {
        {.name = "local", .kind = PROFILE_LOCAL},
        {.name = "pool", .kind = PROFILE_POOL},
        {.name = "inspect", .kind = PROFILE_INSPECT},
        {.name = "rescue", .kind = PROFILE_RESCUE},
};

const struct profile *
config_profile_built_in(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(built_in); i++)
                if (strcmp(built_in[i].name, name) == 0)
                        return &built_in[i];
        return NULL;
}

static const struct profile *
described(const struct config *c, const char *name)
{
        for (uint32_t i = 0; i < c->n_profiles; i++)
                if (strcmp(c->profiles[i].name, name) == 0)
                        return &c->profiles[i];
        return NULL;
}

const struct profile *
config_profile_at(const struct config *c, uint32_t i)
{
        for (size_t k = 0; k < N_ELEMENTS(built_in); k++)
                if (!described(c, built_in[k].name) && i-- == 0)
                        return &built_in[k];
        return i < c->n_profiles ? &c->profiles[i] : NULL;
}

uint32_t
config_profile_index(const struct config *c, const char *name)
{
        const struct profile *p;

        for (uint32_t i = 0; (p = config_profile_at(c, i)); i++)
                if (strcmp(p->name, name) == 0)
                        return i;
        return UINT32_MAX;
}

const struct profile *
config_profile(const struct config *c, const char *name)
{
        uint32_t i = config_profile_index(c, name);

        return i == UINT32_MAX ? NULL : config_profile_at(c, i);
}

const struct menu *
config_menu(const struct config *c, const char *name)
{
        for (uint32_t i = 0; i < c->n_menus; i++)
                if (strcmp(c->menus[i].name, name) == 0)
                        return &c->menus[i];
        return NULL;
}
