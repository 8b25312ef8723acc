/* SPDX-License-Identifier: Apache-2.0 */
/* Record tables of dompoold's configuration; it is read and checked in src/server/config.c. Pure. */
#include "model/config.h"

static const struct rec_field config_network_fields[] = {
        REC_STR(struct config_network, interface),     REC_IP4(struct config_network, address),
        REC_IP4(struct config_network, net),           REC_U32(struct config_network, prefix),
        REC_IP4(struct config_network, range_first),   REC_IP4(struct config_network, range_last),
        REC_IP4(struct config_network, router),        REC_IP4(struct config_network, dns),
        REC_U32(struct config_network, lease_seconds),
};
const struct rec_desc config_network_desc = REC_DESC(struct config_network, config_network_fields);

static const struct rec_field config_token_fields[] = {
        REC_STR(struct config_token, name),
        REC_BYTES(struct config_token, sha256),
};
static const struct rec_desc config_token_desc = REC_DESC(struct config_token, config_token_fields);

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
        REC_STR(struct config, default_image),
        REC_ENUM(struct config, default_profile, profile_names),
        REC_STR(struct config, console),
        REC_STR(struct config, xen_args),
        REC_STR(struct config, kernel_args),
        REC_U32(struct config, heartbeat_seconds),
        REC_REC(struct config, network, config_network_desc),
        REC_LIST(struct config, tokens, config_token_desc),
        REC_LIST(struct config, hosts, host_desc),
};
const struct rec_desc config_desc = REC_DESC(struct config, config_fields);
