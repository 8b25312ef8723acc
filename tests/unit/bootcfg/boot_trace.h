/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_TESTS_BOOTCFG_BOOT_TRACE_H
#define DOMPOOL_TESTS_BOOTCFG_BOOT_TRACE_H
/*
 * Recorded firmware: the DHCP packets of tests/data/boot-traces, line by line. The room there: network 10.99.0.0/24, we are
 * 10.99.0.1, the site's DHCP server is 10.99.0.2, the host gets 10.99.0.58. The MAC is in one of the traces only; all have that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "proto/dhcp.h"

#define TRACE_NET 0x0a630000u
#define TRACE_SERVER 0x0a630001u
#define TRACE_SITE 0x0a630002u
#define TRACE_HOST 0x0a63003au

static const struct mac mac_trace = {{0x52, 0x54, 0, 0x12, 0x34, 0x56}};

struct trace_packet {
        uint32_t from, to;
        uint16_t from_port, to_port;
        struct dhcp_packet p;
};

/* Bytes of "0a1b" or "b'text'" or "10.1.2.3"; returns their number. */
static inline size_t
trace_option(const char *text, uint8_t buf[256])
{
        uint32_t ip;
        size_t n = 0;

        if (text[0] == 'b' && text[1] == '\'') {
                for (text += 2; *text && *text != '\''; text++)
                        buf[n++] = (uint8_t)*text;
                return n;
        }
        if (parse_ip4(text, &ip) == 0) {
                for (int i = 3; i >= 0; i--)
                        buf[n++] = (uint8_t)(ip >> (8 * i));
                return n;
        }
        n = strlen(text) / 2;
        if (strlen(text) % 2 == 1 || parse_hex(text, buf, n) != 0) { /* a plain number: 53=1 */
                buf[0] = (uint8_t)strtoul(text, NULL, 10);
                n = 1;
        }
        return n;
}

/* "10.99.0.58:4011" */
static inline void
trace_address(char *text, uint32_t *ret_address, uint16_t *ret_port)
{
        char *colon = strchr(text, ':');

        *colon = '\0';
        parse_ip4(text, ret_address);
        *ret_port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

/* A word "flags=8000" of the fixed part; false: it is an option. */
static inline bool
trace_header(char *word, struct dhcp_header *h)
{
        uint8_t data[256];
        size_t n;

        if (strncmp(word, "op=", 3) == 0)
                h->op = (uint8_t)(word[3] - '0');
        else if (strncmp(word, "flags=", 6) == 0)
                h->flags = (uint16_t)strtoul(word + 6, NULL, 16);
        else if (strncmp(word, "yi=", 3) == 0)
                parse_ip4(word + 3, &h->yiaddr);
        else if (strncmp(word, "si=", 3) == 0)
                parse_ip4(word + 3, &h->siaddr);
        else if (strncmp(word, "file=", 5) == 0) {
                n = trace_option(word + 5, data);
                memcpy(h->file, data, n);
                h->file[n] = '\0';
        } else
                return strncmp(word, "len=", 4) == 0;
        return true;
}

/* The next DHCP packet of a trace; false: there is none. */
static inline bool
trace_next(FILE *f, struct trace_packet *ret)
{
        char line[2048];

        while (fgets(line, sizeof(line), f)) {
                struct dhcp_header h = {.xid = 5, .mac = mac_trace};
                struct dhcp_builder b = {0};
                char *save = NULL, *arrow;

                if (!strstr(line, " op="))
                        continue; /* TFTP */
                for (char *word = strtok_r(line, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
                        unsigned code = (unsigned)strtoul(word, NULL, 10);
                        char *value = strchr(word, '=');
                        uint8_t data[256];
                        size_t n;

                        arrow = strchr(word, '>');
                        if (arrow) {
                                *arrow = '\0';
                                trace_address(word, &ret->from, &ret->from_port);
                                trace_address(arrow + 1, &ret->to, &ret->to_port);
                        } else if (value && !trace_header(word, &h)) {
                                n = trace_option(value + 1, data);
                                if (code == DHCP_OPT_TYPE)
                                        dhcp_build_start(&b, &h, data[0], DHCP_MAX_SIZE);
                                else
                                        dhcp_build_option(&b, (uint8_t)code, data, n);
                        }
                }
                return dhcp_parse(b.data, dhcp_build_finish(&b), &ret->p) == 0;
        }
        return false;
}

static inline FILE *
trace_open(const char *name)
{
        const char *root = getenv("SOURCE_ROOT");
        char path[512];

        snprintf(path, sizeof(path), "%s/tests/data/boot-traces/%s", root ? root : ".", name);
        return fopen(path, "r");
}

/* The traces' room as a policy, with their host in profile pool, and n2 of the fixture, which is local. */
static inline struct policy *
trace_policy(enum network_mode mode, const char *prompt)
{
        struct policy_header header;
        struct policy_image image;
        struct policy_host hosts[3];
        struct config_network *n = &header.networks[0];

        fixture_header(&header);
        fixture_image(&image);
        fixture_hosts(hosts);
        hosts[1].mac = mac_trace;
        hosts[2].address = 0;
        n->mode = mode;
        n->net = TRACE_NET;
        n->address = n->router = TRACE_SERVER;
        n->range_first = n->range_last = TRACE_HOST;
        snprintf(n->pxe_prompt, sizeof(n->pxe_prompt), "%s", prompt);
        return fixture_build(&header, &image, 1, hosts, 3);
}

#endif
