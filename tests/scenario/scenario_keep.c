/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of scenario scripts: kept files, as archives of zeroes. */
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "scenario_script.h"

static const char *const verdict_names[] = {
        [KEEP_ASK] = "ask",   [KEEP_WANT] = "want",       [KEEP_HAVE] = "have",   [KEEP_TOO_LARGE] = "too-large",
        [KEEP_BUSY] = "busy", [KEEP_DROPPED] = "dropped", [KEEP_VERDICT_N] = NULL};

static void
expect_verdict(struct script *s, struct agent *a, const char *wanted)
{
        struct received *r = received_next(&a->first);
        const struct msg_agent_keep_answer *m;

        if (!r || r->type != MSG_AGENT_KEEP_ANSWER)
                script_fail(s, "agent '%s' got %s", a->name, r ? message_name(r->type) : "nothing");
        m = r->payload;
        if (strcmp(verdict_names[m->verdict], wanted) != 0)
                script_fail(s, "agent '%s' was told '%s'", a->name, verdict_names[m->verdict]);
        if (m->verdict == KEEP_WANT)
                a->keep_have = m->offset;
        received_free(r);
}

static void
offer(struct script *s, struct agent *a, uint64_t size, const char *verdict)
{
        struct msg_agent_keep_offer m = {.conn = a->conn, .size = size, .n_files = 1};
        uint8_t *zeroes = calloc(1, size);

        digest_sha256(zeroes, size, m.sha256);
        free(zeroes);
        memcpy(a->keep_sha256, m.sha256, sizeof(m.sha256));
        a->keep_size = size;
        world_from(&s->world, ROLE_API, MSG_AGENT_KEEP_OFFER, &m);
        expect_verdict(s, a, verdict);
}

/* keep-offer AGENT KIB VERDICT */
static void
cmd_keep_offer(struct script *s, char **w, int n)
{
        (void)n;
        offer(s, world_agent(&s->world, w[0]), script_number(s, w[1]) << 10, w[2]);
}

/* keep-offers COUNT KIB VERDICT: so many, from the configuration's first host on, one after another. */
static void
cmd_keep_offers(struct script *s, char **w, int n)
{
        const struct config *c = s->world.config;

        (void)n;
        for (uint64_t i = 0; i < script_number(s, w[0]) && i < c->n_hosts; i++)
                offer(s, world_agent(&s->world, c->hosts[i].name), script_number(s, w[1]) << 10, w[2]);
}

/* keep-part AGENT VERDICT: the next part of what it has offered. */
static void
cmd_keep_part(struct script *s, char **w, int n)
{
        struct agent *a = world_agent(&s->world, w[0]);
        struct msg_agent_keep_part m = {.conn = a->conn, .size = a->keep_size, .offset = a->keep_have};

        (void)n;
        memcpy(m.sha256, a->keep_sha256, sizeof(m.sha256));
        m.data.size = m.size - m.offset < KEEP_PART_MAX ? m.size - m.offset : KEEP_PART_MAX;
        m.data.data = calloc(1, m.data.size);
        world_from(&s->world, ROLE_API, MSG_AGENT_KEEP_PART, &m);
        blob_clear(&m.data);
        expect_verdict(s, a, w[1]);
}

const struct command scenario_keep_commands[] = {
        {"keep-offer", 3, cmd_keep_offer},
        {"keep-offers", 3, cmd_keep_offers},
        {"keep-part", 2, cmd_keep_part},
        {NULL, 0, NULL},
};
