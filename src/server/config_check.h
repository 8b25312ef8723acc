/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_CONFIG_CHECK_H
#define DOMPOOL_SERVER_CONFIG_CHECK_H
/* What of a configuration can be checked only when all of it is read, and where its sections stand. */
#include "base/error.h"
#include "model/config.h"

struct config_place {
        const char *file; /* NULL: there is none */
        int line;         /* of the section's end, where libconfuse hands it over */
};

/* A file's name, kept as long as the places are: libconfuse forgets that of an included file. */
struct config_file_name {
        struct config_file_name *next;
        char text[];
};

/* Of each section that messages are about, by its place in struct config; networks as config_network_at() counts. */
struct config_places {
        struct config_file_name *files; /* the latest first */
        struct config_place networks[CONFIG_MAX_NETWORKS], hosts[CONFIG_MAX_HOSTS], profiles[CONFIG_MAX_PROFILES];
        struct config_place menus[CONFIG_MAX_MENUS], rules[CONFIG_MAX_RULES], enrols[CONFIG_MAX_ENROLS];
};

/* NULL is allowed. */
void config_places_free(struct config_places *p);

/* Fills in what networks take from each other, and checks the whole; @file is for messages about no section. 0, or ERR_CONFIG.
 */
int config_check(struct config *config, const struct config_places *places, const char *file, struct error *err);

#endif
