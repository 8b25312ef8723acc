/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures: packets as a pcap file in binary frames of a web socket, what the boot has come to in text frames. Core says when
 * it is over, capture says good-bye when the last packet is through. Runs in: api; it looks at no byte of a packet.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "server/api.h"
#include "server/api_handlers.h"

#define BOOTS_DEFAULT 1
#define SECONDS_DEFAULT 600
#define SNAP_DEFAULT 512 /* a request, an answer's head and the beginning of what a file holds */
#define OUT_MAX (16u << 20)

/* What the query asks for; core looks at the numbers. */
static int
capture_read(const struct api_request *q, struct msg_capture_open *ret, struct error *err)
{
        const struct {
                const char *key;
                uint64_t max, by_default;
                uint32_t *to;
        } numbers[] = {
                {"boots", CAPTURE_MAX_BOOTS, BOOTS_DEFAULT, &ret->boots},
                {"seconds", CAPTURE_MAX_SECONDS, SECONDS_DEFAULT, &ret->seconds},
                {"snap", CAPTURE_SNAP_MAX, SNAP_DEFAULT, &ret->snap},
        };

        for (size_t i = 0; i < N_ELEMENTS(numbers); i++) {
                const char *text = api_request_query(q, numbers[i].key);
                uint64_t number = numbers[i].by_default;

                if (text && parse_u64(text, numbers[i].max, &number) < 0)
                        return error_set(err, ERR_INVALID, "query %s: a number up to %llu is wanted", numbers[i].key,
                                         (unsigned long long)numbers[i].max);
                *numbers[i].to = (uint32_t)number;
        }
        return 0;
}

static bool
capture_opened(struct api_ws *w, const struct api_request *q)
{
        struct msg_capture_open open = {.session = api_ws_session(w)};
        struct error ignored; /* the handler has read the same query */

        memcpy(open.name, q->match.name, sizeof(open.name));
        memcpy(open.by, q->caller.by, sizeof(open.by));
        return capture_read(q, &open, &ignored) == 0 &&
               role_send(api_ws_api(w)->ctx, ROLE_CORE, MSG_CAPTURE_OPEN, &open, -1) == 0;
}

static void
capture_over(struct api_ws *w)
{
        struct msg_capture_close m = {.session = api_ws_session(w), .text = "its watcher has ended it"};

        role_send(api_ws_api(w)->ctx, ROLE_CORE, MSG_CAPTURE_CLOSE, &m, -1);
}

static const struct api_ws_kind capture_kind = {
        .what = "a capture",
        .out_max = OUT_MAX,
        .opened = capture_opened,
        .over = capture_over,
};

void
api_captures_deliver(struct api *api, enum msg_type type, const void *payload)
{
        uint64_t session;
        struct api_ws *w;

        memcpy(&session, payload, sizeof(session)); /* the first member of all three */
        w = api_ws_find(api, session, &capture_kind);
        if (!w)
                return;
        if (type == MSG_CAPTURE_DATA) {
                const struct msg_capture_data *m = payload;

                if (!api_ws_send(w, false, m->data.data, m->data.size))
                        api_ws_close(w, ERR_LIMIT, "this client reads too slowly");
        } else if (type == MSG_CAPTURE_NOTE) {
                const struct msg_capture_note *m = payload;

                api_ws_send(w, true, m->text, strlen(m->text));
        } else {
                const struct msg_capture_close *m = payload;

                api_ws_close(w, *m->code ? error_from_text(m->code) : ERR_NONE, m->text);
        }
}

void
api_captures_gone(struct api *api)
{
        api_ws_close_all(api, &capture_kind, ERR_UNREACHABLE, "the process that captures has ended");
}

/* The handler of GET /v1/hosts/NAME-or-MAC/capture: first core says whether it can be. */
int
api_capture(struct api_request *q, struct error *err)
{
        struct msg_api_get get = {.resource = RES_HOST_CAPTURE};
        struct msg_capture_open open;
        int r = capture_read(q, &open, err);

        if (r == 0)
                r = api_ws_prepare(q, &capture_kind, err);
        if (r < 0)
                return r;
        memcpy(get.name, q->match.name, sizeof(get.name));
        return api_ask(q, MSG_API_GET, &get, 0, err);
}
