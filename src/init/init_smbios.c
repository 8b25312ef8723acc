/* SPDX-License-Identifier: Apache-2.0 */
/* SMBIOS: a list of structures, each a formatted area and the strings that it counts from one (DSP0134, 6.1). No I/O. */
#include "init/init_smbios.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define TYPE_BIOS 0
#define TYPE_SYSTEM 1
#define TYPE_CHASSIS 3
#define TYPE_PROCESSOR 4
#define TYPE_MEMORY 17
#define TYPE_END 127

struct structure {
        const uint8_t *data; /* formatted area */
        size_t size;
        const char *strings; /* the set behind it, up to `end` */
        const char *end;
};

static uint8_t
byte_at(const struct structure *s, size_t offset)
{
        return offset < s->size ? s->data[offset] : 0;
}

static uint32_t
word_at(const struct structure *s, size_t offset)
{
        return byte_at(s, offset) | (uint32_t)byte_at(s, offset + 1) << 8;
}

/* The string whose number stands at @offset, without control characters and blanks at its ends; "" for none. */
static void
string_at(const struct structure *s, size_t offset, char *ret, size_t size)
{
        unsigned number = byte_at(s, offset);
        const char *p = s->strings;
        size_t n = 0;

        ret[0] = '\0';
        while (p < s->end && *p && --number > 0 && number < 256)
                p += strnlen(p, (size_t)(s->end - p)) + 1;
        if (byte_at(s, offset) == 0 || p >= s->end)
                return;
        for (; p < s->end && *p && n + 1 < size; p++)
                if (*p >= 0x20 && *p < 0x7f && (n > 0 || *p != ' '))
                        ret[n++] = *p;
        while (n > 0 && ret[n - 1] == ' ')
                n--;
        ret[n] = '\0';
}

/* Takes the structure at *at; false: the table ends here. */
static bool
next(const uint8_t **at, const uint8_t *end, struct structure *ret)
{
        const uint8_t *p = *at;

        if (end - p < 4 || p[1] < 4 || p[1] > end - p || p[0] == TYPE_END)
                return false;
        *ret = (struct structure){.data = p, .size = p[1], .strings = (const char *)p + p[1], .end = (const char *)end};
        for (p += p[1]; end - p >= 2 && (p[0] || p[1]); p++)
                ;
        if (end - p < 2)
                return false; /* its strings do not end */
        ret->end = (const char *)p + 1;
        *at = p + 2;
        return true;
}

static void
take_bios(const struct structure *s, struct host_hardware *h)
{
        char vendor[HARDWARE_TEXT_SIZE], version[HARDWARE_TEXT_SIZE], text[2 * HARDWARE_TEXT_SIZE];

        string_at(s, 4, vendor, sizeof(vendor));
        string_at(s, 5, version, sizeof(version));
        snprintf(text, sizeof(text), "%s%s%s", vendor, *vendor && *version ? " " : "", version);
        str_copy(h->bios, sizeof(h->bios), text);
}

static void
take_system(const struct structure *s, struct host_hardware *h)
{
        string_at(s, 4, h->manufacturer, sizeof(h->manufacturer));
        string_at(s, 5, h->product, sizeof(h->product));
        string_at(s, 7, h->serial, sizeof(h->serial));
        if (s->size >= 24)
                memcpy(h->uuid, s->data + 8, sizeof(h->uuid));
}

static void
take_chassis(const struct structure *s, struct host_hardware *h)
{
        if (!h->asset[0]) /* the first is the machine's, others are of what is built in */
                string_at(s, 8, h->asset, sizeof(h->asset));
}

/* A socket; an empty one has bit 6 of its status cleared. The count of cores came with SMBIOS 2.5. */
static void
take_processor(const struct structure *s, struct host_hardware *h)
{
        uint32_t cores = byte_at(s, 0x23);

        if (!(byte_at(s, 0x18) & 0x40))
                return;
        if (cores == 0xff && word_at(s, 0x2a) > 0)
                cores = word_at(s, 0x2a);
        h->n_cpus += cores ? cores : 1;
        if (!h->cpu[0])
                string_at(s, 0x10, h->cpu, sizeof(h->cpu));
}

/* A module's size is in MiB, or in KiB with bit 15 set; 0x7fff: in the field of 32 bits, MiB. */
static void
take_memory(const struct structure *s, struct host_hardware *h)
{
        uint32_t size = word_at(s, 12);

        if (size == 0 || size == 0xffff)
                return;
        if (size == 0x7fff)
                h->memory_kib += (uint64_t)(word_at(s, 0x1c) | (word_at(s, 0x1e) & 0x7fff) << 16) << 10;
        else
                h->memory_kib += size & 0x8000 ? size & 0x7fff : (uint64_t)size << 10;
}

void
smbios_read(const uint8_t *table, size_t size, struct host_hardware *ret)
{
        static const struct {
                uint8_t type;
                void (*take)(const struct structure *s, struct host_hardware *h);
        } types[] = {{TYPE_BIOS, take_bios},
                     {TYPE_SYSTEM, take_system},
                     {TYPE_CHASSIS, take_chassis},
                     {TYPE_PROCESSOR, take_processor},
                     {TYPE_MEMORY, take_memory}};
        const uint8_t *at = table, *end = table + size;
        struct structure s;

        while (next(&at, end, &s))
                for (size_t i = 0; i < N_ELEMENTS(types); i++)
                        if (types[i].type == s.data[0])
                                types[i].take(&s, ret);
}
