/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_LOG_H
#define DOMPOOL_BASE_LOG_H
/*
 * One line, one fact, to standard error: "<5>core: host ready host=n1 seconds=41". The "<N>" (syslog severity) is only
 * written under systemd (JOURNAL_STREAM set). Bytes below 0x20 and 0x7f are written as \xNN, so that no stranger writes log lines.
 * Libraries log at LOG_DEBUG only; the program logs once, where the decision is made.
 */
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Sets the name written before each line ("core") and the least severe level that is written. */
void
log_init(const char *name, enum log_level max);

enum log_level
log_max_level(void);

void
log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * Lines that outsiders can cause in any number: some at once, and so many a second in the long run, so that a storm does not wait
 * for its log. At debug level there is no limit.
 */
#define LOG_BUDGET_BURST 500
#define LOG_BUDGET_PER_SECOND 100

struct log_budget {
        int64_t granted_ms; /* when lines were last granted, */
        int64_t left;       /* how many there are, */
        unsigned unsaid;    /* and how many went unsaid since; the next line's turn tells it */
};

bool
log_budget_take(struct log_budget *b, int64_t now_ms);

#endif
