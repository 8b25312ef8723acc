/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMPORT_DNSMASQ_H
#define DOMPOOL_IMPORT_DNSMASQ_H
/*
 * dnsmasq's configuration as lists of lines with tags. dnsmasq.c reads them; dnsmasq_tags.c asks which of them count for a host's
 * firmware.
 */
#include "import/import_private.h"

#define DNSMASQ_MAX_TAGS 8
#define DNSMASQ_TAG_SIZE 32
#define DNSMASQ_MAX_RULES 1024

struct dnsmasq_tags {
        size_t n;
        char tags[DNSMASQ_MAX_TAGS][DNSMASQ_TAG_SIZE]; /* "x", or "!x": must not be set */
};

/* Sets a tag for the clients that it fits. */
enum dnsmasq_match_kind { MATCH_ARCH, MATCH_IPXE, MATCH_VENDOR, MATCH_USER, MATCH_MAC, MATCH_TAGS };

struct dnsmasq_match {
        enum dnsmasq_match_kind kind;
        char set[DNSMASQ_TAG_SIZE];
        uint32_t arch;
        char text[64];            /* VENDOR, USER: what the class begins with */
        uint8_t mac[6], mask[6];  /* MAC */
        struct dnsmasq_tags tags; /* TAGS: tag-if */
};

/* What is sent to clients with these tags. */
enum dnsmasq_send_kind { SEND_BOOT, SEND_SERVICE, SEND_OPTION };

struct dnsmasq_send {
        enum dnsmasq_send_kind kind;
        struct dnsmasq_tags tags;
        uint32_t code;            /* OPTION; SERVICE: architecture */
        uint32_t server;          /* 0: dnsmasq itself */
        char text[IMPORT_PATH_SIZE];
};

struct dnsmasq_host {
        struct import_host *host;
        struct dnsmasq_tags tags;
};

struct dnsmasq {
        struct import *im;
        struct error *err;
        struct import_place at;
        const char *endings; /* of the files that the folder being read is for; NULL: all */
        struct dnsmasq_match *matches;
        size_t n_matches, matches_size;
        struct dnsmasq_send *sends;
        size_t n_sends, sends_size;
        struct dnsmasq_host *hosts;
        size_t n_hosts, hosts_size;
};

/* Works out the loaders of each host, once all files are read. */
void
dnsmasq_hosts(struct dnsmasq *d);

#endif
