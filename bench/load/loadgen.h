/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BENCH_LOADGEN_H
#define DOMPOOL_BENCH_LOADGEN_H
/* What the load generators share: time, samples, addresses, options of the form "name=value". */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline int64_t
now_us(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static inline void
die(const char *what)
{
        perror(what);
        exit(1);
}

/* Durations in microseconds; what does not fit is counted in n alone. */
struct samples {
        uint32_t *us;
        size_t n, room;
};

static inline void
samples_init(struct samples *s, size_t room)
{
        s->us = malloc(room * sizeof(*s->us));
        if (!s->us)
                die("samples");
        s->n = 0;
        s->room = room;
}

static inline void
samples_add(struct samples *s, int64_t us)
{
        if (s->n < s->room)
                s->us[s->n] = (uint32_t)us;
        s->n++;
}

static inline int
samples_compare(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return (x > y) - (x < y);
}

/* Milliseconds below which @percent of the samples are. */
static inline double
samples_percentile(struct samples *s, double percent)
{
        size_t n = s->n < s->room ? s->n : s->room;

        if (n == 0)
                return 0;
        qsort(s->us, n, sizeof(*s->us), samples_compare);
        return s->us[(size_t)((double)(n - 1) * percent / 100)] / 1000.0;
}

/* The value of argument "name=value", else @other. */
static inline const char *
option_text(char **argv, const char *name, const char *other)
{
        size_t n = strlen(name);

        for (; *argv; argv++)
                if (strncmp(*argv, name, n) == 0 && (*argv)[n] == '=')
                        return *argv + n + 1;
        return other;
}

static inline double
option_number(char **argv, const char *name, double other)
{
        const char *text = option_text(argv, name, NULL);

        return text ? atof(text) : other;
}

/* Host order; 0: not given. */
static inline uint32_t
option_address(char **argv, const char *name)
{
        const char *text = option_text(argv, name, NULL);

        return text ? ntohl(inet_addr(text)) : 0;
}

static inline struct sockaddr_in
socket_address(uint32_t address, uint16_t port)
{
        return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
}

#endif
