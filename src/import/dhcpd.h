/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMPORT_DHCPD_H
#define DOMPOOL_IMPORT_DHCPD_H
/*
 * dhcpd.conf as scopes: what stands in a block counts for the hosts in it. dhcpd.c collects the scopes of all files,
 * dhcpd_host.c asks them what a host's firmware would be given.
 */
#include "import/brace.h"
#include "import/import_private.h"

#define DHCPD_MAX_SCOPES 65536
#define DHCPD_MAX_OPTIONS 1024

enum dhcpd_scope_kind { SCOPE_GLOBAL, SCOPE_NETWORK, SCOPE_SUBNET, SCOPE_POOL, SCOPE_GROUP, SCOPE_CLASS, SCOPE_HOST, SCOPE_IF };

enum dhcpd_item_kind { ITEM_STATEMENT, ITEM_IF, ITEM_ELSIF, ITEM_ELSE };

/* A statement that has an effect when a host is answered; with @branch it is a condition and its block. */
struct dhcpd_item {
        enum dhcpd_item_kind kind;
        const struct brace_statement *statement;
        const struct brace_word *words; /* of the statement; of a condition: without "if" and its kin */
        size_t n_words;
        struct dhcpd_scope *branch;
        bool told; /* that the condition is not understood */
};

struct dhcpd_scope {
        enum dhcpd_scope_kind kind;
        struct dhcpd_scope *parent;
        struct dhcpd_item *items;
        size_t n_items, items_size;
        uint32_t net, mask;              /* SUBNET */
        struct dhcpd_item match;         /* CLASS: words behind "match if"; statement NULL: none that is understood */
        struct import_host *host;        /* HOST; NULL: it has no MAC */
        bool has_mac;                    /* HOST, until the block is read to its end */
        struct mac mac;
        uint32_t address;
};

/* One file: its text, cut up, and the tree that points into it. */
struct dhcpd_file {
        struct dhcpd_file *next;
        char path[IMPORT_PATH_SIZE];
        char *text;
        struct brace_tree tree;
};

struct dhcpd_option {
        char name[64];
        unsigned code;
};

struct dhcpd {
        struct import *im;
        struct error *err;
        struct dhcpd_file *files;
        struct dhcpd_scope **scopes; /* [0] is the global one */
        size_t n_scopes, scopes_size;
        struct dhcpd_scope **classes, **subnets; /* those of scopes */
        size_t n_classes, classes_size, n_subnets, subnets_size;
        struct dhcpd_option *options; /* option NAME code N */
        size_t n_options, options_size;
};

/* 0: no such option here. */
unsigned
dhcpd_option_by_name(const struct dhcpd *d, const char *name);

/* Works out the loaders of each host of the scopes, once all files are read. */
void
dhcpd_hosts(struct dhcpd *d);

#endif
