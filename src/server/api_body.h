/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_API_BODY_H
#define DOMPOOL_SERVER_API_BODY_H
/*
 * Request bodies of the API: text in, message for core out. Pure; they meet strangers' bytes. An empty body is an empty
 * object. All return 0 or the error that becomes the answer; `request`, `by` and `key` are filled in by the caller.
 */
#include "base/error.h"
#include "ipc/messages.h"
#include "xlcfg/xlcfg.h"

#define API_BODY_MAX (256u << 10)
#define API_BODY_MAX_CONFIG (16u << 20) /* where a whole configuration may be in it */

/* @name stands in the path; a name in the body must be the same. */
int
api_body_host(const char *text, size_t size, const char *name, struct msg_api_host_put *ret, struct error *err);

/* A host for the unknown machine @mac, which stands in the path; its name may be left out. */
int
api_body_adopt(const char *text, size_t size, const char *mac, struct msg_api_host_put *ret, struct error *err);

/* @name: the host that stands in the path; empty: the body says which. ret->hosts is the caller's, for blob_clear. */
int
api_body_profile(const char *text, size_t size, const char *name, struct msg_api_host_profile *ret, struct error *err);

/* Reads the xl.cfg inside by src/xlcfg; what it notes is put into @notes. */
int
api_body_domain(const char *text, size_t size, struct msg_api_domain_create *ret, struct xlcfg_notes *notes, struct error *err);

int
api_body_action(const char *text, size_t size, struct msg_api_domain_action *ret, struct error *err);

int
api_body_image(const char *text, size_t size, struct msg_api_name *ret, struct error *err);
int
api_body_version(const char *text, size_t size, struct msg_api_image_change *ret, struct error *err);

/* @ret, all zero before, is the caller's: its blobs for rec_clear. */
int
api_body_what_if(const char *text, size_t size, struct msg_api_what_if *ret, struct error *err);

int api_body_satellite(const char *text, size_t size, struct msg_api_satellite_add *ret, struct error *err);

/* Nothing or {}. */
int
api_body_none(const char *text, size_t size, struct error *err);

#endif
