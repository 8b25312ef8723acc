/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boots compared on two policies (bootcfg/explain_diff.h), and what the guards say of those that would be. Both policies are
 * snapshots, so that core may serve others between two machines: some a turn of the loop, until the answer is whole. What the
 * guards know of machines and images is that of the moment. Process: core.
 *
 *     core_what_if --core_compare--> [machine, machine, ...] --core_compare_turn, each turn of the loop--> ... --> the answer
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/cleanup.h"
#include "bootcfg/explain_diff.h"
#include "server/core_private.h"

#define FULL_MAX 16 /* so many machines are shown line by line; of more it is said how much changes */
#define SLICE 32    /* machines a turn; one takes about half a millisecond */

void
core_compare_free(struct core_comparison *x)
{
        if (!x)
                return;
        explain_server_free(x->server_before);
        explain_server_free(x->server_after);
        policy_free(x->before);
        policy_free(x->after);
        json_decref(x->hosts);
        json_decref(x->findings);
        free(x->machines);
        free(x);
}

static void
end(struct core *c, struct core_comparison *x)
{
        DL_DELETE(c->comparisons, x);
        c->n_comparisons--;
        core_compare_free(x);
}

/* --- what the guards say --- */

/* All findings against the ways; what a report has no room for counts as new, which errs on the side that is told. */
static void
merge(const struct core_guard_way *ways, uint32_t n, struct guard_report *ret)
{
        *ret = (struct guard_report){0};
        for (uint32_t i = 0; i < n; i++)
                for (uint32_t k = 0; k < ways[i].report.n_findings && ret->n_findings < GUARD_MAX_FINDINGS; k++)
                        ret->findings[ret->n_findings++] = ways[i].report.findings[k];
}

static bool
is_unfit(const struct guard_report *report, const struct guard_report *than)
{
        for (uint32_t i = 0; i < report->n_findings; i++)
                if (report->findings[i].level >= GUARD_DOUBT && !guard_has(than, &report->findings[i]))
                        return true;
        return false;
}

static void
add_findings(struct core_comparison *x, const char *name, const struct core_guard_way *way, const struct guard_report *than)
{
        size_t before = json_array_size(x->findings);

        core_guard_add_json(x->findings, name, &way->chosen, &way->report, than);
        if (json_array_size(x->findings) > before && guard_worst(&way->report) > x->worst)
                x->worst = guard_worst(&way->report);
}

/* A profile that is set is judged as when it is set; all else by what stands against it and not against what is in force. */
static void
judge(struct core *c, struct core_comparison *x, const struct core_compared *m)
{
        struct core_guard_way *ways = x->ways;
        const struct firmware *fw = NULL;
        struct policy_host host;
        struct guard_report than = {0};
        struct firmware asked;
        bool unfit = false;
        uint32_t n;

        if (*x->firmware && explain_firmware(x->firmware, &asked))
                fw = &asked;
        if (!x->sets_profile && policy_host_by_mac(x->before, &m->mac, &host)) {
                n = core_guard_ways(c, x->before, &host, host.choices, host.n_choices, fw, ways);
                merge(ways, n, &than);
        }
        if (!policy_host_by_mac(x->after, &m->mac, &host))
                return;
        n = core_guard_ways(c, x->after, &host, host.choices, x->sets_profile ? 1 : host.n_choices, fw, ways);
        for (uint32_t i = 0; i < n; i++) {
                add_findings(x, m->name, &ways[i], &than);
                unfit |= is_unfit(&ways[i].report, &than);
        }
        x->unfit += unfit;
}

/* --- the comparison --- */

static void
add_line(void *arg, char op, const char *text, const char *why)
{
        json_array_append_new(arg, json_pack("{s:s%,s:s,s:s}", "op", &op, (size_t)1, "text", text, "why", why));
}

static int
compare_one(struct core_comparison *x, const struct core_compared *m, struct error *err)
{
        const char *firmware = *x->firmware ? x->firmware : explain_firmware_name(0);
        const struct explain_request a = {.policy = x->before,
                                          .address = x->address_before,
                                          .mac = m->mac,
                                          .firmware = firmware,
                                          .now_ms = x->now_ms,
                                          .server = x->server_before};
        const struct explain_request b = {.policy = x->after,
                                          .address = x->address_after,
                                          .mac = m->mac,
                                          .firmware = firmware,
                                          .now_ms = x->now_ms,
                                          .server = x->server_after};
        json_t *lines = x->n_machines <= FULL_MAX ? json_array() : NULL;
        const struct explain_diff_sink sink = {.line = add_line, .arg = lines};
        struct explain_diff_result d;
        char mac[MAC_TEXT_SIZE];
        int r = explain_diff(&a, &b, lines ? &sink : NULL, &d, err);

        if (r == 0 && d.changes > 0)
                json_array_append_new(x->hosts, json_pack("{s:s,s:s,s:i,s:s,s:s,s:o*}", "host", m->name, "mac",
                                                          mac_text(&m->mac, mac), "changes", (int)d.changes, "before", d.before,
                                                          "after", d.after, "diff", json_incref(lines)));
        json_decref(lines);
        return r;
}

static json_t *
answer(const struct core_comparison *x)
{
        return json_pack("{s:s,s:I,s:i,s:i,s:O,s:b,s:s,s:i,s:O}", "firmware",
                         *x->firmware ? x->firmware : explain_firmware_name(0), "time_ms", (json_int_t)x->now_ms, "compared",
                         (int)x->n_machines, "same", (int)(x->n_machines - json_array_size(x->hosts)), "hosts", x->hosts,
                         "refused", x->sets_profile && x->worst >= GUARD_DOUBT, "worst",
                         x->worst < 0 ? "" : guard_level_names[x->worst], "unfit", (int)x->unfit, "findings", x->findings);
}

bool
core_compare_turn(struct core *c)
{
        struct core_comparison *x = c->comparisons;
        struct error err;
        int r = 0;

        if (!x)
                return false;
        for (uint32_t i = 0; r == 0 && i < SLICE && x->at < x->n_machines; i++, x->at++) {
                r = compare_one(x, &x->machines[x->at], &err);
                if (r == 0)
                        judge(c, x, &x->machines[x->at]);
        }
        if (r < 0)
                core_reply_error(c, x->request, &err);
        else if (x->at == x->n_machines)
                core_reply_json(c, x->request, 200, answer(x));
        if (r < 0 || x->at == x->n_machines)
                end(c, x);
        return c->comparisons != NULL;
}

void
core_compare(struct core *c, struct core_comparison *x)
{
        struct error err;
        int r = 0;

        x->worst = -1;
        x->hosts = json_array();
        x->findings = json_array();
        x->server_before = explain_server_new(x->before, x->address_before);
        x->server_after = explain_server_new(x->after, x->address_after);
        if (c->n_comparisons == CORE_MAX_COMPARISONS)
                r = error_set(&err, ERR_BUSY, "%d comparisons are being made, the most at a time; ask again in some seconds",
                              CORE_MAX_COMPARISONS);
        else if (!x->server_before || !x->server_after)
                r = error_errno_set(&err, ENOMEM, "what if");
        if (r < 0) {
                core_reply_error(c, x->request, &err);
                core_compare_free(x);
                return;
        }
        DL_APPEND(c->comparisons, x);
        c->n_comparisons++;
        if (c->comparisons == x) /* a few machines are answered at once */
                core_compare_turn(c);
}

void
core_compare_drop(struct core *c, uint64_t request)
{
        struct core_comparison *x, *next;

        DL_FOREACH_SAFE(c->comparisons, x, next)
        {
                if (!request || x->request == request)
                        end(c, x);
        }
}
