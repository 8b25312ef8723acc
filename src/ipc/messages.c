/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record tables of every message's payload, and the table of who may send what to whom, made from messages.def. Pure; linked by
 * every program that talks to another process.
 */
#include <string.h>

#include "ipc/messages.h"

const char *const role_names[] = {
        [ROLE_PARENT] = "parent", [ROLE_BOOT] = "boot", [ROLE_FILES] = "files",     [ROLE_API] = "api",
        [ROLE_CORE] = "core",     [ROLE_WORK] = "work", [ROLE_CAPTURE] = "capture", [ROLE_APARENT] = "aparent",
        [ROLE_LINK] = "link",     [ROLE_HV] = "hv",     [ROLE_HVTASK] = "hvtask",   [ROLE_SATELLITE] = "satellite",
        [ROLE_KEEP] = "keep",     [ROLE_N] = NULL};

static const char *const resource_names[] = {[RES_SERVER] = "server",
                                             [RES_HOSTS] = "hosts",
                                             [RES_HOST] = "host",
                                             [RES_HOST_TRACE] = "host-trace",
                                             [RES_HOST_CAPTURE] = "host-capture",
                                             [RES_HOST_EXPLAIN] = "host-explain",
                                             [RES_UNKNOWN] = "unknown-hosts",
                                             [RES_UNKNOWN_HOST] = "unknown-host",
                                             [RES_PROFILES] = "profiles",
                                             [RES_IMAGES] = "images",
                                             [RES_IMAGE] = "image",
                                             [RES_IMAGE_DIFF] = "image-diff",
                                             [RES_IMAGE_GC] = "image-gc",
                                             [RES_IMAGE_CHECK] = "image-check",
                                             [RES_DOMAINS] = "domains",
                                             [RES_DOMAIN] = "domain",
                                             [RES_OPS] = "operations",
                                             [RES_OP] = "operation",
                                             [RES_EXPORTS] = "exports",
                                             [RES_EXPORT] = "export",
                                             [RES_CANARIES] = "canaries",
                                             [RES_CANARY] = "canary",
                                             [RES_SATELLITES] = "satellites",
                                             [RES_SATELLITE] = "satellite",
                                             [RES_EVENTS] = "events",
                                             [RES_N] = NULL};
static const char *const unknown_change_names[] = {[UNKNOWN_FORGET] = "forget", [UNKNOWN_IGNORE] = "ignore", NULL};
static const char *const verb_names[] = {[VERB_SHUTDOWN] = "shutdown", [VERB_DESTROY] = "destroy", NULL};
static const char *const what_names[] = {[SATELLITE_POLICY] = "policy", [SATELLITE_FILES] = "files", NULL};
static const char *const keep_verdict_names[] = {
        [KEEP_ASK] = "ask",   [KEEP_WANT] = "want",       [KEEP_HAVE] = "have",   [KEEP_TOO_LARGE] = "too-large",
        [KEEP_BUSY] = "busy", [KEEP_DROPPED] = "dropped", [KEEP_VERDICT_N] = NULL};
static const char *const work_names[] = {
        [WORK_IMAGE_BUILD] = "image-build",       [WORK_FACTS] = "facts",
        [WORK_GUEST_FILE] = "guest-file",         [WORK_IMAGE_SET_DEFAULT] = "image-set-default",
        [WORK_IMAGE_ROLLBACK] = "image-rollback", [WORK_IMAGE_REMOVE] = "image-rm",
        [WORK_IMAGE_VERIFY] = "image-verify",     [WORK_KIND_N] = NULL};

/* Starts and ends a payload's table; the fields stand between. `S` is the struct's tag. */
#define FIELDS(S) static const struct rec_field S##_fields[] =
#define DESC(S) static const struct rec_desc S##_desc = REC_DESC(struct S, S##_fields)

FIELDS(msg_empty){
        REC_BOOL(struct msg_empty, unused),
};
DESC(msg_empty);

FIELDS(msg_role_fd){
        REC_U32(struct msg_role_fd, purpose),
        REC_U32(struct msg_role_fd, number),
};
DESC(msg_role_fd);

FIELDS(msg_role_ready){
        REC_U32(struct msg_role_ready, pid),
};
DESC(msg_role_ready);

FIELDS(msg_role_ended){
        REC_U32(struct msg_role_ended, role),
        REC_U32(struct msg_role_ended, signal),
        REC_U32(struct msg_role_ended, status),
        REC_I64(struct msg_role_ended, time_ms),
};
DESC(msg_role_ended);

FIELDS(msg_policy){
        REC_U64(struct msg_policy, generation),
};
DESC(msg_policy);

FIELDS(msg_token_used){
        REC_MAC(struct msg_token_used, mac),
        REC_I64(struct msg_token_used, attempt_ms),
};
DESC(msg_token_used);

FIELDS(msg_boot_event){
        REC_MAC(struct msg_boot_event, mac),
        REC_IP4(struct msg_boot_event, address),
        REC_ENUM(struct msg_boot_event, stage, boot_stage_names),
        REC_I64(struct msg_boot_event, time_ms),
        REC_I64(struct msg_boot_event, attempt_ms),
        REC_STR(struct msg_boot_event, text),
        REC_ENUM(struct msg_boot_event, note, boot_note_names),
        REC_BOOL(struct msg_boot_event, firmware),
        REC_REC(struct msg_boot_event, asked, host_firmware_desc),
};
DESC(msg_boot_event);

FIELDS(msg_boot_attempt){
        REC_MAC(struct msg_boot_attempt, mac),
        REC_I64(struct msg_boot_attempt, attempt_ms),
};
DESC(msg_boot_attempt);

FIELDS(msg_lease_event){
        REC_MAC(struct msg_lease_event, mac),
        REC_IP4(struct msg_lease_event, address),
        REC_U32(struct msg_lease_event, state),
        REC_I64(struct msg_lease_event, expiry_ms),
};
DESC(msg_lease_event);

FIELDS(msg_foreign_dhcp){
        REC_MAC(struct msg_foreign_dhcp, mac),     REC_IP4(struct msg_foreign_dhcp, server),
        REC_IP4(struct msg_foreign_dhcp, address), REC_BOOL(struct msg_foreign_dhcp, offered),
        REC_I64(struct msg_foreign_dhcp, time_ms),
};
DESC(msg_foreign_dhcp);
FIELDS(msg_machine_seen){
        REC_MAC(struct msg_machine_seen, mac),
        REC_REC(struct msg_machine_seen, seen, machine_seen_desc),
        REC_STR(struct msg_machine_seen, vendor_class),
};
DESC(msg_machine_seen);

FIELDS(msg_init_report){
        REC_STR(struct msg_init_report, token),
        REC_STR(struct msg_init_report, stage),
        REC_STR(struct msg_init_report, text),
        REC_BOOL(struct msg_init_report, failed),
        REC_U32_HIDDEN(struct msg_init_report, address),
        REC_F_(struct msg_init_report, time_ms, REC_TYPE_I64, 0, .hidden = true),
        REC_U64(struct msg_init_report, uptime_ms),
        REC_REC(struct msg_init_report, hardware, host_hardware_desc),
        REC_STR(struct msg_init_report, image),
};
DESC(msg_init_report);

FIELDS(msg_api_reply){
        REC_U64(struct msg_api_reply, request),
        REC_U32(struct msg_api_reply, status),
        REC_BLOB(struct msg_api_reply, body, REPLY_BODY_MAX),
};
DESC(msg_api_reply);

FIELDS(msg_api_get){
        REC_U64(struct msg_api_get, request), REC_ENUM(struct msg_api_get, resource, resource_names),
        REC_STR(struct msg_api_get, name),    REC_U64(struct msg_api_get, number),
        REC_U32(struct msg_api_get, limit),   REC_U32(struct msg_api_get, wait_ms),
        REC_STR(struct msg_api_get, filter),
};
DESC(msg_api_get);

FIELDS(msg_api_host_put){
        REC_U64(struct msg_api_host_put, request),
        REC_REC(struct msg_api_host_put, host, host_desc),
        REC_STR(struct msg_api_host_put, by),
};
DESC(msg_api_host_put);

FIELDS(msg_api_unknown_change){
        REC_U64(struct msg_api_unknown_change, request),
        REC_STR(struct msg_api_unknown_change, name),
        REC_ENUM(struct msg_api_unknown_change, change, unknown_change_names),
        REC_STR(struct msg_api_unknown_change, by),
};
DESC(msg_api_unknown_change);

FIELDS(msg_api_name){
        REC_U64(struct msg_api_name, request),
        REC_STR(struct msg_api_name, name),
        REC_STR(struct msg_api_name, by),
        REC_STR(struct msg_api_name, key),
};
DESC(msg_api_name);

FIELDS(msg_api_image_change){
        REC_U64(struct msg_api_image_change, request), REC_ENUM(struct msg_api_image_change, kind, op_kind_names),
        REC_STR(struct msg_api_image_change, name),    REC_STR(struct msg_api_image_change, version),
        REC_STR(struct msg_api_image_change, by),      REC_STR(struct msg_api_image_change, key),
};
DESC(msg_api_image_change);

FIELDS(msg_api_host_profile){
        REC_U64(struct msg_api_host_profile, request),
        REC_STR(struct msg_api_host_profile, name),
        REC_BLOB(struct msg_api_host_profile, hosts, 256u << 10),
        REC_STR(struct msg_api_host_profile, label),
        REC_BOOL(struct msg_api_host_profile, all),
        REC_STR(struct msg_api_host_profile, profile),
        REC_BOOL(struct msg_api_host_profile, next),
        REC_BOOL(struct msg_api_host_profile, force),
        REC_BOOL(struct msg_api_host_profile, check),
        REC_STR(struct msg_api_host_profile, image),
        REC_STR(struct msg_api_host_profile, by),
        REC_U32(struct msg_api_host_profile, canary),
        REC_U32(struct msg_api_host_profile, ready_seconds),
        REC_U32(struct msg_api_host_profile, watch_seconds),
};
DESC(msg_api_host_profile);

FIELDS(msg_api_canary_end){
        REC_U64(struct msg_api_canary_end, request),
        REC_U64(struct msg_api_canary_end, id),
        REC_BOOL(struct msg_api_canary_end, promote),
        REC_STR(struct msg_api_canary_end, by),
};
DESC(msg_api_canary_end);

FIELDS(msg_api_what_if){
        REC_U64_HIDDEN(struct msg_api_what_if, request), /* a request's body is of this form, too */
        REC_BLOB(struct msg_api_what_if, hosts, 256u << 10),
        REC_STR(struct msg_api_what_if, label),
        REC_BOOL(struct msg_api_what_if, all),
        REC_STR(struct msg_api_what_if, firmware),
        REC_U64(struct msg_api_what_if, at),
        REC_STR(struct msg_api_what_if, profile),
        REC_STR(struct msg_api_what_if, image),
        REC_BOOL(struct msg_api_what_if, next),
        REC_BOOL(struct msg_api_what_if, has_host),
        REC_BOOL(struct msg_api_what_if, adopt),
        REC_REC(struct msg_api_what_if, host, host_desc),
        REC_BOOL(struct msg_api_what_if, has_config),
        REC_REC(struct msg_api_what_if, config, config_desc),
};
DESC(msg_api_what_if);

FIELDS(msg_api_domain_create){
        REC_U64(struct msg_api_domain_create, request),
        REC_STR(struct msg_api_domain_create, host),
        REC_REC(struct msg_api_domain_create, config, domain_config_desc),
        REC_STR(struct msg_api_domain_create, by),
        REC_STR(struct msg_api_domain_create, key),
};
DESC(msg_api_domain_create);

FIELDS(msg_api_domain_action){
        REC_U64(struct msg_api_domain_action, request),
        REC_STR(struct msg_api_domain_action, name),
        REC_ENUM(struct msg_api_domain_action, verb, verb_names),
        REC_U32(struct msg_api_domain_action, timeout_seconds),
        REC_STR(struct msg_api_domain_action, by),
        REC_STR(struct msg_api_domain_action, key),
};
DESC(msg_api_domain_action);

FIELDS(msg_api_cancel){
        REC_U64(struct msg_api_cancel, request),
};
DESC(msg_api_cancel);

/* `conn` is hidden in all that an agent sends or gets: api alone says which connection it is. */
FIELDS(msg_agent_conn){
        REC_U64_HIDDEN(struct msg_agent_conn, conn),
};
DESC(msg_agent_conn);

FIELDS(msg_agent_gone){
        REC_U64(struct msg_agent_gone, conn),
        REC_U32(struct msg_agent_gone, silence_ms),
};
DESC(msg_agent_gone);

FIELDS(msg_agent_hello){
        REC_U64_HIDDEN(struct msg_agent_hello, conn),      REC_STR(struct msg_agent_hello, token),
        REC_BYTES(struct msg_agent_hello, session),        REC_STR(struct msg_agent_hello, agent_version),
        REC_U32(struct msg_agent_hello, messages_version), REC_U32_HIDDEN(struct msg_agent_hello, address),
};
DESC(msg_agent_hello);

FIELDS(msg_agent_welcome){
        REC_U64_HIDDEN(struct msg_agent_welcome, conn),       REC_STR(struct msg_agent_welcome, host),
        REC_BYTES(struct msg_agent_welcome, session),         REC_I64(struct msg_agent_welcome, server_time_ms),
        REC_U32(struct msg_agent_welcome, heartbeat_seconds), REC_STR(struct msg_agent_welcome, blob_path),
        REC_U32(struct msg_agent_welcome, http_port),
};
DESC(msg_agent_welcome);

FIELDS(msg_agent_refuse){
        REC_U64_HIDDEN(struct msg_agent_refuse, conn),
        REC_STR(struct msg_agent_refuse, code),
        REC_STR(struct msg_agent_refuse, text),
};
DESC(msg_agent_refuse);

FIELDS(msg_agent_inventory){
        REC_U64_HIDDEN(struct msg_agent_inventory, conn),
        REC_REC(struct msg_agent_inventory, inventory, host_inventory_desc),
};
DESC(msg_agent_inventory);

FIELDS(msg_agent_domains){
        REC_U64_HIDDEN(struct msg_agent_domains, conn),
        REC_LIST(struct msg_agent_domains, domains, domain_info_desc),
};
DESC(msg_agent_domains);

FIELDS(msg_agent_domain_event){
        REC_U64_HIDDEN(struct msg_agent_domain_event, conn),
        REC_REC(struct msg_agent_domain_event, domain, domain_info_desc),
        REC_STR(struct msg_agent_domain_event, what),
        REC_STR(struct msg_agent_domain_event, text),
};
DESC(msg_agent_domain_event);

FIELDS(msg_agent_op){
        REC_U64_HIDDEN(struct msg_agent_op, conn),     REC_U64(struct msg_agent_op, id),
        REC_U64(struct msg_agent_op, epoch),           REC_ENUM(struct msg_agent_op, kind, op_kind_names),
        REC_U32(struct msg_agent_op, timeout_seconds), REC_REC(struct msg_agent_op, config, domain_config_desc),
};
DESC(msg_agent_op);

FIELDS(msg_agent_op_progress){
        REC_U64_HIDDEN(struct msg_agent_op_progress, conn), REC_U64(struct msg_agent_op_progress, id),
        REC_U64(struct msg_agent_op_progress, epoch),       REC_STR(struct msg_agent_op_progress, step),
        REC_U32(struct msg_agent_op_progress, percent),
};
DESC(msg_agent_op_progress);

FIELDS(msg_agent_op_result){
        REC_U64_HIDDEN(struct msg_agent_op_result, conn), REC_U64(struct msg_agent_op_result, id),
        REC_U64(struct msg_agent_op_result, epoch),       REC_STR(struct msg_agent_op_result, code),
        REC_STR(struct msg_agent_op_result, text),        REC_REC(struct msg_agent_op_result, domain, domain_info_desc),
};
DESC(msg_agent_op_result);

FIELDS(msg_agent_op_ack){
        REC_U64_HIDDEN(struct msg_agent_op_ack, conn),
        REC_U64(struct msg_agent_op_ack, id),
};
DESC(msg_agent_op_ack);

FIELDS(msg_agent_ping){
        REC_U64_HIDDEN(struct msg_agent_ping, conn),
        REC_U64(struct msg_agent_ping, free_memory_kib),
        REC_U64(struct msg_agent_ping, uptime_ms),
};
DESC(msg_agent_ping);

FIELDS(msg_agent_keep_get){
        REC_U64_HIDDEN(struct msg_agent_keep_get, conn),
        REC_U64(struct msg_agent_keep_get, offset),
};
DESC(msg_agent_keep_get);

FIELDS(msg_agent_keep_offer){
        REC_U64_HIDDEN(struct msg_agent_keep_offer, conn), REC_BYTES(struct msg_agent_keep_offer, sha256),
        REC_U64(struct msg_agent_keep_offer, size),        REC_U32(struct msg_agent_keep_offer, n_files),
        REC_STR(struct msg_agent_keep_offer, biggest),     REC_U64(struct msg_agent_keep_offer, biggest_size),
        REC_STR(struct msg_agent_keep_offer, trouble),
};
DESC(msg_agent_keep_offer);

FIELDS(msg_agent_keep_part){
        REC_U64_HIDDEN(struct msg_agent_keep_part, conn),
        REC_BYTES(struct msg_agent_keep_part, sha256),
        REC_U64(struct msg_agent_keep_part, size),
        REC_U64(struct msg_agent_keep_part, offset),
        REC_BLOB(struct msg_agent_keep_part, data, KEEP_PART_MAX),
};
DESC(msg_agent_keep_part);

FIELDS(msg_agent_keep_answer){
        REC_U64_HIDDEN(struct msg_agent_keep_answer, conn),
        REC_BYTES(struct msg_agent_keep_answer, sha256),
        REC_ENUM(struct msg_agent_keep_answer, verdict, keep_verdict_names),
        REC_U64(struct msg_agent_keep_answer, offset),
        REC_U64(struct msg_agent_keep_answer, limit),
};
DESC(msg_agent_keep_answer);

FIELDS(msg_console_open){
        REC_U64_HIDDEN(struct msg_console_open, conn),
        REC_U64(struct msg_console_open, session),
        REC_STR(struct msg_console_open, domain),
        REC_BYTES(struct msg_console_open, uuid),
};
DESC(msg_console_open);

FIELDS(msg_console_data){
        REC_U64_HIDDEN(struct msg_console_data, conn),
        REC_U64(struct msg_console_data, session),
        REC_BLOB(struct msg_console_data, data, CONSOLE_CHUNK),
};
DESC(msg_console_data);

FIELDS(msg_console_close){
        REC_U64_HIDDEN(struct msg_console_close, conn),
        REC_U64(struct msg_console_close, session),
        REC_STR(struct msg_console_close, code),
        REC_STR(struct msg_console_close, text),
};
DESC(msg_console_close);

FIELDS(msg_capture_open){
        REC_U64(struct msg_capture_open, session), REC_STR(struct msg_capture_open, name),
        REC_U32(struct msg_capture_open, boots),   REC_U32(struct msg_capture_open, seconds),
        REC_U32(struct msg_capture_open, snap),    REC_STR(struct msg_capture_open, by),
};
DESC(msg_capture_open);

FIELDS(msg_capture_socket){
        REC_U64(struct msg_capture_socket, session),
        REC_MAC(struct msg_capture_socket, mac),
        REC_IP4(struct msg_capture_socket, address),
        REC_U32(struct msg_capture_socket, snap),
};
DESC(msg_capture_socket);

FIELDS(msg_capture_data){
        REC_U64(struct msg_capture_data, session),
        REC_BLOB(struct msg_capture_data, data, CAPTURE_CHUNK),
};
DESC(msg_capture_data);

FIELDS(msg_capture_note){
        REC_U64(struct msg_capture_note, session),
        REC_STR(struct msg_capture_note, text),
};
DESC(msg_capture_note);

FIELDS(msg_capture_close){
        REC_U64(struct msg_capture_close, session),
        REC_STR(struct msg_capture_close, code),
        REC_STR(struct msg_capture_close, text),
};
DESC(msg_capture_close);

FIELDS(msg_work_task){
        REC_U64(struct msg_work_task, op),
        REC_ENUM(struct msg_work_task, kind, work_names),
        REC_STR(struct msg_work_task, name),
        REC_STR(struct msg_work_task, versions),
};
DESC(msg_work_task);

FIELDS(msg_work_progress){
        REC_U64(struct msg_work_progress, op),
        REC_STR(struct msg_work_progress, step),
        REC_U32(struct msg_work_progress, percent),
};
DESC(msg_work_progress);

FIELDS(msg_work_result){
        REC_U64(struct msg_work_result, op),   REC_STR(struct msg_work_result, name),     REC_STR(struct msg_work_result, code),
        REC_STR(struct msg_work_result, text), REC_BYTES(struct msg_work_result, sha256), REC_U64(struct msg_work_result, size),
};
DESC(msg_work_result);

FIELDS(msg_api_satellite_add){
        REC_U64(struct msg_api_satellite_add, request),
        REC_STR(struct msg_api_satellite_add, name),
        REC_STR(struct msg_api_satellite_add, label),
        REC_STR(struct msg_api_satellite_add, by),
};
DESC(msg_api_satellite_add);

FIELDS(msg_export_plan){
        REC_LIST(struct msg_export_plan, grants, export_grant_desc),
};
DESC(msg_export_plan);

FIELDS(msg_export_states){
        REC_LIST(struct msg_export_states, states, export_state_desc),
        REC_LIST(struct msg_export_states, checked, export_check_desc),
};
DESC(msg_export_states);

FIELDS(msg_satellite_hello){
        REC_U64_HIDDEN(struct msg_satellite_hello, conn),
        REC_STR(struct msg_satellite_hello, name),
        REC_BYTES(struct msg_satellite_hello, secret),
        REC_STR(struct msg_satellite_hello, version),
        REC_U32(struct msg_satellite_hello, messages_version),
        REC_U32(struct msg_satellite_hello, policy_version),
        REC_U64(struct msg_satellite_hello, generation),
        REC_U64(struct msg_satellite_hello, journal),
        REC_U64(struct msg_satellite_hello, newest),
        REC_I64(struct msg_satellite_hello, time_ms),
        REC_U32(struct msg_satellite_hello, http_port),
        REC_LIST(struct msg_satellite_hello, networks, config_network_desc),
        REC_U32_HIDDEN(struct msg_satellite_hello, address),
};
DESC(msg_satellite_hello);

FIELDS(msg_satellite_welcome){
        REC_U64_HIDDEN(struct msg_satellite_welcome, conn),
        REC_STR(struct msg_satellite_welcome, version),
        REC_I64(struct msg_satellite_welcome, time_ms),
        REC_U32(struct msg_satellite_welcome, http_port),
};
DESC(msg_satellite_welcome);

FIELDS(msg_satellite_offer){
        REC_U64_HIDDEN(struct msg_satellite_offer, conn),     REC_U64(struct msg_satellite_offer, generation),
        REC_U64(struct msg_satellite_offer, policy_size),     REC_U64(struct msg_satellite_offer, files_size),
        REC_BYTES(struct msg_satellite_offer, policy_sha256), REC_BYTES(struct msg_satellite_offer, files_sha256),
};
DESC(msg_satellite_offer);

FIELDS(msg_satellite_get){
        REC_U64_HIDDEN(struct msg_satellite_get, conn),
        REC_U64(struct msg_satellite_get, generation),
        REC_ENUM(struct msg_satellite_get, what, what_names),
        REC_U64(struct msg_satellite_get, offset),
};
DESC(msg_satellite_get);

FIELDS(msg_satellite_part){
        REC_U64_HIDDEN(struct msg_satellite_part, conn),
        REC_U64(struct msg_satellite_part, generation),
        REC_ENUM(struct msg_satellite_part, what, what_names),
        REC_U64(struct msg_satellite_part, offset),
        REC_BLOB(struct msg_satellite_part, data, SATELLITE_PART_MAX),
};
DESC(msg_satellite_part);

FIELDS(msg_satellite_state){
        REC_U64_HIDDEN(struct msg_satellite_state, conn), REC_U64(struct msg_satellite_state, generation),
        REC_U32(struct msg_satellite_state, n_missing),   REC_U64(struct msg_satellite_state, missing_size),
        REC_U64(struct msg_satellite_state, n_dropped),   REC_STR(struct msg_satellite_state, trouble),
};
DESC(msg_satellite_state);

FIELDS(msg_satellite_ack){
        REC_U64_HIDDEN(struct msg_satellite_ack, conn),
        REC_U64(struct msg_satellite_ack, seq),
};
DESC(msg_satellite_ack);

FIELDS(msg_satellite_used){
        REC_U64_HIDDEN(struct msg_satellite_used, conn),
        REC_REC(struct msg_satellite_used, used, msg_token_used_desc),
};
DESC(msg_satellite_used);

FIELDS(msg_satellite_boot){
        REC_U64_HIDDEN(struct msg_satellite_boot, conn),
        REC_U64(struct msg_satellite_boot, seq),
        REC_REC(struct msg_satellite_boot, report, msg_boot_event_desc),
};
DESC(msg_satellite_boot);

FIELDS(msg_satellite_lease){
        REC_U64_HIDDEN(struct msg_satellite_lease, conn),
        REC_REC(struct msg_satellite_lease, report, msg_lease_event_desc),
};
DESC(msg_satellite_lease);

FIELDS(msg_satellite_unknown){
        REC_U64_HIDDEN(struct msg_satellite_unknown, conn),
        REC_U64(struct msg_satellite_unknown, seq),
        REC_REC(struct msg_satellite_unknown, report, msg_machine_seen_desc),
};
DESC(msg_satellite_unknown);

FIELDS(msg_satellite_foreign){
        REC_U64_HIDDEN(struct msg_satellite_foreign, conn),
        REC_U64(struct msg_satellite_foreign, seq),
        REC_REC(struct msg_satellite_foreign, report, msg_foreign_dhcp_desc),
};
DESC(msg_satellite_foreign);

FIELDS(msg_satellite_init){
        REC_U64_HIDDEN(struct msg_satellite_init, conn),
        REC_U64(struct msg_satellite_init, seq),
        REC_IP4(struct msg_satellite_init, address),
        REC_I64(struct msg_satellite_init, time_ms),
        REC_REC(struct msg_satellite_init, report, msg_init_report_desc),
};
DESC(msg_satellite_init);

FIELDS(msg_host_reboot){
        REC_STR(struct msg_host_reboot, reason),
};
DESC(msg_host_reboot);

struct message {
        const char *name;
        const struct rec_desc *desc;
        uint32_t from, to; /* sets of roles */
};

#define R(ROLE) (1u << ROLE_##ROLE)
static const struct message messages[MSG_MAX] = {
#define MESSAGE(ID, NUMBER, STRUCT, FROM, TO) [NUMBER] = {.name = #ID, .desc = &STRUCT##_desc, .from = (FROM), .to = (TO)},
#include "ipc/messages.def"
#undef MESSAGE
};
#undef R

/* NULL when @type is not in the table; numbers come from other processes. */
static const struct message *
message_get(enum msg_type type)
{
        if ((unsigned)type >= MSG_MAX || !messages[type].name)
                return NULL;
        return &messages[type];
}

const struct rec_desc *
message_desc(enum msg_type type)
{
        const struct message *m = message_get(type);

        return m ? m->desc : NULL;
}

const char *
message_name(enum msg_type type)
{
        const struct message *m = message_get(type);

        return m ? m->name : "unknown";
}

int
message_find(const char *name)
{
        for (int i = 0; i < MSG_MAX; i++)
                if (messages[i].name && strcmp(messages[i].name, name) == 0)
                        return i;
        return -1;
}

bool
message_takes_fd(enum msg_type type)
{
        return type == MSG_ROLE_FD || type == MSG_POLICY || type == MSG_WORK_TASK || type == MSG_CAPTURE_SOCKET;
}

bool
message_allowed(enum msg_type type, enum role from, enum role to)
{
        const struct message *m = message_get(type);

        return m && (unsigned)from < ROLE_N && (unsigned)to < ROLE_N && (m->from >> from & 1) && (m->to >> to & 1);
}
