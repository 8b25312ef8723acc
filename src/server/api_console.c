/* SPDX-License-Identifier: Apache-2.0 */
/* Consoles: a client's web socket <-> CONSOLE_OPEN, CONSOLE_DATA, CONSOLE_CLOSE with core, which knows the agent. Runs in: api.
 */
#include "server/api_console.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "server/api.h"
#include "server/api_handlers.h"

static bool
console_opened(struct api_ws *w, const struct api_request *q)
{
        struct msg_console_open open = {.session = api_ws_session(w)};

        memcpy(open.domain, q->match.name, sizeof(open.domain));
        log_info("console opened domain=%s session=%llu by=%s", open.domain, (unsigned long long)open.session, q->caller.by);
        return role_send(api_ws_api(w)->ctx, ROLE_CORE, MSG_CONSOLE_OPEN, &open, -1) == 0;
}

static void
console_input(struct api_ws *w, const uint8_t *bytes, size_t size)
{
        for (size_t at = 0; at < size; at += CONSOLE_CHUNK) {
                size_t n = size - at < CONSOLE_CHUNK ? size - at : CONSOLE_CHUNK;
                /* Only read by role_send, never freed as a record. */
                struct msg_console_data data = {.session = api_ws_session(w),
                                                .data = {.data = (uint8_t *)bytes + at, .size = n}};

                if (role_send(api_ws_api(w)->ctx, ROLE_CORE, MSG_CONSOLE_DATA, &data, -1) < 0)
                        return; /* core's end closes all consoles */
        }
}

static void
console_over(struct api_ws *w)
{
        struct msg_console_close m = {.session = api_ws_session(w)};

        str_copy(m.code, sizeof(m.code), error_text(ERR_NONE));
        role_send(api_ws_api(w)->ctx, ROLE_CORE, MSG_CONSOLE_CLOSE, &m, -1);
}

static void
console_left_out(struct api_ws *w, uint64_t bytes)
{
        char text[120];
        int n = snprintf(text, sizeof(text), "\r\n[dompool: %llu bytes left out, this client reads too slowly]\r\n",
                         (unsigned long long)bytes);

        api_ws_send(w, false, text, (size_t)n);
}

static const struct api_ws_kind console_kind = {
        .what = "a console",
        .out_max = API_WS_OUT_MAX,
        .opened = console_opened,
        .input = console_input,
        .over = console_over,
        .left_out = console_left_out,
};

void
api_consoles_deliver(struct api *api, enum msg_type type, const void *payload)
{
        const struct msg_console_data *data = payload;
        const struct msg_console_close *end = payload;
        struct api_ws *w = api_ws_find(api, type == MSG_CONSOLE_DATA ? data->session : end->session, &console_kind);

        if (!w)
                return;
        if (type == MSG_CONSOLE_DATA) {
                if (data->data.size > 0)
                        api_ws_send(w, false, data->data.data, data->data.size);
                return;
        }
        api_ws_core_done(w);
        api_ws_close(w, *end->code ? error_from_text(end->code) : ERR_NONE, end->text);
}

/* The handler of GET /v1/domains/NAME/console: first core says whether there is such a domain. */
int
api_console(struct api_request *q, struct error *err)
{
        struct msg_api_get get = {.resource = RES_DOMAIN};
        int r = api_ws_prepare(q, &console_kind, err);

        if (r < 0)
                return r;
        memcpy(get.name, q->match.name, sizeof(get.name));
        return api_ask(q, MSG_API_GET, &get, 0, err);
}
