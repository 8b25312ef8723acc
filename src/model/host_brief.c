/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptions to and from their brief form; one table says which text is which. Pure; runs in core. */
#include "model/host_brief.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct text {
        size_t in_host, size, in_brief;
} texts[] = {
#define TEXT(M)                                                                                                                \
        {                                                                                                                      \
                offsetof(struct host, M), sizeof(((struct host *)0)->M), offsetof(struct host_brief, M)                        \
        }
        TEXT(name),        TEXT(profile), TEXT(labels), TEXT(image),    TEXT(xen_args),
        TEXT(kernel_args), TEXT(console), TEXT(loader), TEXT(enrolled),
#undef TEXT
};
#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))

static const char *
in_host(const struct host *h, size_t i)
{
        return (const char *)h + texts[i].in_host;
}

static const char **
in_brief(struct host_brief *b, size_t i)
{
        return (const char **)((char *)b + texts[i].in_brief);
}

struct host_brief
host_brief_of(const struct host *h)
{
        struct host_brief b = {.mac = h->mac, .configured = h->configured, .address = h->address};

        for (size_t i = 0; i < N_TEXTS; i++)
                *in_brief(&b, i) = in_host(h, i);
        return b;
}

int
host_brief_make(const struct host *h, struct host_brief *ret)
{
        struct host_brief b = host_brief_of(h);
        size_t size = 1; /* the empty text, which most are, once */
        char *at;

        for (size_t i = 0; i < N_TEXTS; i++)
                size += *in_host(h, i) ? strlen(in_host(h, i)) + 1 : 0;
        at = b.texts = malloc(size);
        if (!at)
                return -ENOMEM;
        *at++ = '\0';
        for (size_t i = 0; i < N_TEXTS; i++) {
                size_t n = strlen(in_host(h, i)) + 1;

                *in_brief(&b, i) = n > 1 ? memcpy(at, in_host(h, i), n) : b.texts;
                at += n > 1 ? n : 0;
        }
        *ret = b;
        return 0;
}

void
host_brief_clear(struct host_brief *b)
{
        free(b->texts);
        *b = (struct host_brief){0};
}

void
host_brief_expand(const struct host_brief *b, struct host *ret)
{
        struct host_brief from = *b;

        *ret = (struct host){.mac = b->mac, .configured = b->configured, .address = b->address};
        for (size_t i = 0; i < N_TEXTS; i++)
                if (*in_brief(&from, i))
                        str_copy((char *)ret + texts[i].in_host, texts[i].size, *in_brief(&from, i));
}
