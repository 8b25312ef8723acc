/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one write(2) a line to standard error, so that lines of several processes never mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *log_name = "dompool";
static enum log_level log_max = LOG_LEVEL_INFO;
static int log_journal;

void
log_init(const char *name, enum log_level max)
{
        log_name = name;
        log_max = max;
        log_journal = getenv("JOURNAL_STREAM") != NULL;
}

enum log_level
log_max_level(void)
{
        return log_max;
}

void
log_write(enum log_level level, const char *fmt, ...)
{
        char text[2000], line[4 * sizeof(text) + 100];
        size_t n = 0;
        va_list ap;

        if (level > log_max)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        if (log_journal)
                n = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
        n += (size_t)snprintf(line + n, 90, "%s: ", log_name);
        for (const char *p = text; *p; p++) {
                unsigned char c = (unsigned char)*p;

                if (c < 0x20 || c == 0x7f)
                        n += (size_t)snprintf(line + n, 5, "\\x%02x", c);
                else
                        line[n++] = *p;
        }
        line[n++] = '\n';
        (void)!write(STDERR_FILENO, line, n);
}

bool
log_budget_take(struct log_budget *b, int64_t now_ms)
{
        int64_t granted = (now_ms - b->granted_ms) * LOG_BUDGET_PER_SECOND / 1000;

        if (log_max >= LOG_LEVEL_DEBUG)
                return true;
        if (granted > 0) {
                b->left = b->left + granted < LOG_BUDGET_BURST ? b->left + granted : LOG_BUDGET_BURST;
                b->granted_ms = now_ms;
        }
        if (b->left == 0) {
                b->unsaid++;
                return false;
        }
        b->left--;
        if (b->unsaid > 0)
                log_info("lines left out n=%u", b->unsaid);
        b->unsaid = 0;
        return true;
}
