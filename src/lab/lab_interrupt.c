/* SPDX-License-Identifier: Apache-2.0 */
/* The note that a signal leaves. Runs in the command-line client. */
#include "lab/lab_interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

/*
 * A global, because a handler can reach nothing else. Not a blocked signal with signalfd: the block would be inherited by the
 * programs that an image build runs, and Ctrl-C would no longer end those.
 */
static volatile sig_atomic_t caught;

static void
on_signal(int signal)
{
        caught = signal;
}

void
lab_interrupt_catch(void)
{
        static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
        struct sigaction sa = {.sa_handler = on_signal};

        sigemptyset(&sa.sa_mask);
        for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
                sigaction(signals[i], &sa, NULL);
}

bool
lab_interrupted(void)
{
        return caught != 0;
}

int
lab_sleep_ms(unsigned ms, struct error *err)
{
        struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

        if (!lab_interrupted())
                nanosleep(&t, NULL);
        return lab_interrupted() ? error_set(err, ERR_CANCELLED, "interrupted") : 0;
}
