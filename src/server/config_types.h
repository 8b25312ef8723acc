/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_CONFIG_TYPES_H
#define DOMPOOL_SERVER_CONFIG_TYPES_H
/* The types of dompoold.conf(5)'s options, for the table in config_schema.c. */
#include "server/config.h"

extern const struct config_type config_type_path, config_type_name, config_type_interface, config_type_args,
        config_type_root_server, config_type_root, config_type_layer, config_type_guest_nic, config_type_vlans,
        config_type_nfs_dirs, config_type_port, config_type_address, config_type_subnet, config_type_range, config_type_listen,
        config_type_mac, config_type_lease_time, config_type_heartbeat, config_type_keep_limit, config_type_mode,
        config_type_pxe_timeout, config_type_prompt, config_type_kind, config_type_days, config_type_time,
        config_type_menu_timeout, config_type_words, config_type_quirk_bits, config_type_action, config_type_pattern,
        config_type_count, config_type_at_once, config_type_yes, config_type_blksize, config_type_sha256;

#endif
