/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_API_HANDLERS_H
#define DOMPOOL_SERVER_API_HANDLERS_H
/* What the routes do, see struct api_route. Each sends one question to core; the answer comes back by api_request.c. */
#include "server/api_route.h"

int
api_get(struct api_request *q, struct error *err);
int
api_host_put(struct api_request *q, struct error *err);
int
api_host_delete(struct api_request *q, struct error *err);
int
api_host_profile(struct api_request *q, struct error *err);
/* The route's resource: promote it? */
int api_canary_end(struct api_request *q, struct error *err);
int
api_what_if(struct api_request *q, struct error *err);
int
api_host_reboot(struct api_request *q, struct error *err);
int api_host_retry(struct api_request *q, struct error *err);
int api_host_drop_kept(struct api_request *q, struct error *err);
int
api_unknown_adopt(struct api_request *q, struct error *err);
/* The route's resource is an enum unknown_change. */
int
api_unknown_change(struct api_request *q, struct error *err);
int
api_image_build(struct api_request *q, struct error *err);

int
api_image_change(struct api_request *q, struct error *err);
int api_satellite_add(struct api_request *q, struct error *err);
int api_satellite_remove(struct api_request *q, struct error *err);
int api_domain_create(struct api_request *q, struct error *err);
int
api_domain_action(struct api_request *q, struct error *err);
/* In api_console.c and api_capture.c: upgrade to a web socket. */
int
api_console(struct api_request *q, struct error *err);
int
api_capture(struct api_request *q, struct error *err);

#endif
