/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_ROOT_H
#define DOMPOOL_INIT_INIT_ROOT_H
/*
 * The root over the network, in the first stage (images/stage). The bridge has its address before, so nothing moves it later.
 *
 *   modules -> transport: a file system on INIT_ROOT_LOWER -> layer: INIT_ROOT_NEW -> /sbin/init is in it? -> INIT_ROOT_FILE
 *
 * All of it is done by a child, for all of it may block: one attempt is one child. What it is at, and then what went wrong, is
 * in INIT_ROOT_ERROR, also of a child that its time limit ended. Once an attempt has succeeded, the first process moves over
 * (init_root_switch.h).
 */
#include <stdbool.h>

#include "base/error.h"
#include "init/init_ibft.h"
#include "init/init_options.h"
#include "model/root_cost.h"

#define INIT_ROOT_DIR "/run/dompool"
#define INIT_ROOT_FILE ROOT_FACTS_FILE
#define INIT_ROOT_ERROR INIT_ROOT_DIR "/root.error"
#define INIT_ROOT_IMAGE INIT_ROOT_DIR "/image" /* http: a tmpfs with the squashfs */
#define INIT_ROOT_LOWER ROOT_LOWER             /* the image, read-only */
#define INIT_ROOT_LAYER ROOT_LAYER_FOLDER      /* the tmpfs that takes what is written */
#define INIT_ROOT_NEW "/newroot"
/* How long a device may take to appear whose driver has been told of it */
#define INIT_ROOT_DEVICE_MS 15000

/* Starts an attempt; its pid, or negative errno. Its success is the mounted root. */
int init_root_start(const struct init_options *o);

/* --- for the transports, in the attempt's child --- */

/* What the attempt is at: stays in INIT_ROOT_ERROR when its time is up. */
void init_root_step(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct init_root_cost {
        uint64_t fetched; /* bytes by HTTP */
        uint64_t ram;     /* of them, those that stay */
};

/* Fetches the image's squashfs, which must be as the signed manifest says, into INIT_ROOT_IMAGE; mounts it on INIT_ROOT_LOWER.
 */
int init_root_http(const struct init_options *o, struct init_root_cost *ret, struct error *err);

/* Connects /dev/nbd0, and mounts it. */
int init_root_nbd(const struct init_root *r, struct error *err);
/* Starts the process that connects it anew whenever the server has gone. It needs no file, and all of it stays in memory. */
int init_root_nbd_keep(const struct init_root *r, struct error *err);

#define INIT_ROOT_LOGIN_S 15 /* an iSCSI login may take */

/* What was mounted, where that may be otherwise than the command line says it. */
struct init_root_used {
        struct init_root root;
        char by[INIT_IBFT_TEXT_SIZE]; /* where its parameters are from, for people; "": nobody asks */
};

/* Logs in, by an iscsid that goes on as it is and connects anew whenever the server has gone; mounts the disk. @mac: the
 * host's, for the initiator's name where no iBFT of this target (init_ibft.h) says another. */
int init_root_iscsi(const struct init_root *menu, const struct mac *mac, struct init_root_used *ret, struct error *err);

/* Starts the process that tells of a lost session, and sees to it that iscsid can end that (init_root_iscsi_keep.c). */
int init_root_iscsi_keep(const struct init_root *r, struct error *err);

/* TCP to @address, blocking; -1 and @err. */
int init_root_connect(uint32_t address, uint16_t port, struct error *err);

/* A block device as the root's file system. */
int init_root_mount_device(const char *device, struct error *err);

#endif
