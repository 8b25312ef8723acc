/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_TESTS_CVE_STAGE_H
#define DOMPOOL_TESTS_CVE_STAGE_H
/*
 * A role of dompoold in the test's own process: started as role.c would, without parent, sandbox and peers, on loopback ports
 * of the test's, with folders of the test's. The test sends, turns the loop, and looks at what came.
 */
#include "server/role.h"

struct stage {
        uv_loop_t loop;
        struct role_ctx ctx;
        struct config *config;
        char path[64]; /* holds images/ (the image store) and state/ */
        uint16_t dhcp_port, tftp_port, http_port;
};

/* Starts @def; fails the test where that does not work. */
struct stage *stage_new(const struct role_def *def);

/* The role itself stays until the process ends, as in life. */
void stage_remove_files(struct stage *s);

/* A file of these bytes below the stage's folder; folders on the way are made. */
void stage_file(const struct stage *s, const char *name, const void *data, size_t size);

/* <path>/<name>, valid until the next call. */
const char *stage_path(const struct stage *s, const char *name);

/* Runs the role for some milliseconds. */
void stage_turn(struct stage *s, int ms);

/* A non-blocking socket bound to 127.0.0.@host:@port (0: any); a SOCK_STREAM one is connected to the role's HTTP port. -1 and
 * errno. */
int stage_client(const struct stage *s, int type, unsigned host, uint16_t port);

/* Runs the role until @fd can be read, for @ms at most; false: nothing came. */
bool stage_wait(struct stage *s, int fd, int ms);

/* Open descriptors of the process. */
unsigned stage_n_fds(void);

#endif
