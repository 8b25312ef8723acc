/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_PROTO_BOOT_HOME_H
#define DOMPOOL_PROTO_BOOT_HOME_H
/*
 * A dom0's way home as one word of its kernel command line, for loaders that have no room for dompool.server=, .http=, .agent=,
 * .fp=, .token= and .mac= (old iPXE keeps all command lines in 512 bytes): dompool.home=<128 characters of base64url>. The same
 * facts, less than half as long. Pure.
 *
 *     version 1 | reserved 1 | server 4 | http 2 | agent 2 | mac 6 | fingerprint 32 | attempt 8 | expiry 8 | hmac 32
 *
 * in network order, 96 bytes. Version 2 has the address of the agents' server and two zero bytes behind, 102 bytes: 136
 * characters, where that is another one (a satellite's hosts). The last three of the first line and the MAC are the boot
 * token's (src/bootcfg/token.h).
 */
#include <stdint.h>

#include "base/parse.h"

#define BOOT_HOME_TEXT_SIZE 144

struct boot_home {
        uint32_t server;
        uint16_t http_port, agent_port;
        uint32_t agent_server; /* 0: the same server */
        struct mac mac;
        char fingerprint[65]; /* 64 hex digits */
        char token[120];      /* text */
};

/* 0; -EINVAL: a text is not of its form. */
int boot_home_encode(const struct boot_home *h, char ret[BOOT_HOME_TEXT_SIZE]);

/* 0; -EINVAL: the text is not one of ours. */
int boot_home_decode(const char *text, struct boot_home *ret);

#endif
