/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_CORE_EXPORT_H
#define DOMPOOL_SERVER_CORE_EXPORT_H
/* Inside of core: roots over the network, and what is booted when one cannot be had. */
#include <jansson.h>

#include "ipc/messages.h"
#include "model/config.h"

struct core;
struct core_host;
struct core_row;
struct image;
struct policy_choice;
struct host_fallback;

/* --- core_export.c --- */
int core_export_load(struct core *c, struct error *err);
void core_export_free(struct core *c);
void core_export_tick(struct core *c);
/* The policy, or what hosts run, is another: the plan is made anew. */
void core_export_due(struct core *c);
/* A host has another address. */
void core_export_lease(struct core *c);
/* To work, which is there (again). */
void core_export_send(struct core *c);
void core_export_states(struct core *c, const struct msg_export_states *m);
/* What is wrong with a version that is therefore not given as a block device; "": nothing that is known. */
const char *core_export_damage(const struct core *c, const char *image);
bool core_export_any_damage(const struct core *c);
json_t *core_exports_json(struct core *c, const struct msg_api_get *m, struct error *err);
json_t *core_export_json(struct core *c, const struct msg_api_get *m, struct error *err);

/* --- core_fallback.c --- */
/* Replaces a choice of @config's for a host that cannot boot what it means (->fallen): the profile; the image is that of the
 * host's setting, `fallback.instead`, and for the caller to fill in. */
void core_fallback_apply(struct core *c, const struct config *config, const struct core_row *row, struct policy_choice *choice);
/* INIT_ROOT_FAILED came from it. */
void core_fallback_failed(struct core *c, struct core_host *h, const struct msg_init_report *m, int64_t attempt_ms);
/* Why a host cannot have @im (NULL: none) by @root: the file that our servers would give as a block device is damaged; "": it
 * is not, or nobody knows, or it is not ours. */
const char *core_fallback_damage(const struct core *c, enum root_kind root, const struct image *im);
/* Before a policy leaves: hosts that it would boot into such a version fall back without trying, an order for one boot is over.
 */
void core_fallback_look_damage(struct core *c);
/* After images have changed: fall-backs from a version that nobody wants any more are over. */
void core_fallback_look(struct core *c);
void core_fallback_retry(struct core *c, const struct msg_api_name *m);
/* "image micro 0123456789abcdef", "local", "rescue, image micro ...". Returns @buf. */
const char *core_fallback_text(struct core *c, const struct host_fallback *f, char *buf, size_t size);
/* null: there is none. */
json_t *core_fallback_json(struct core *c, const struct core_host *h);

#endif
