/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_SYSTEM_H
#define DOMPOOL_INIT_INIT_SYSTEM_H
/* The machine as its first process sees it: mounts, log, modules, the end. Root only. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/parse.h"

/* Whom children of dompool-init become that read a network: one user for all of them, made by the recipes. */
#define INIT_NET_USER "dompool-dhcp"
#define INIT_NET_UID 61851

/* All that the first process wants to hear of - the end of children, and who ends the machine - comes by one descriptor; it
 * gets no signal that it did not ask for. @first: Ctrl-Alt-Del is SIGINT to it. Returns the signalfd, or -1 with errno. */
int system_signals(bool first);

/* /proc, /sys, /dev, /dev/pts, /run; what is mounted already is no error. */
int system_mount(struct error *err);

/* Standard output and error to the kernel's log, which goes to every console; standard input from /dev/null. */
void system_log_open(void);

/* Starts filling the kernel's random number generator, so that it is ready when the agent's TLS asks: on a machine without a
 * hardware generator the kernel needs about a second, and it only begins when somebody waits for it. A child waits. */
void system_start_random(void);

/* xenfs on /proc/xen, which xenstored needs; Xen's guest logs and libxl's state get file systems of limited size, apart from
 * what the root's writable layer takes. ERR_UNSUPPORTED when this kernel does not run on Xen as its dom0. */
int system_mount_xen(struct error *err);

/* Small writes to files of /proc, /sys, /etc. */
int system_write(const char *path, const char *text);
/* First line of a file without the newline; false: cannot be read. */
bool system_read_line(const char *path, char *ret, size_t size);

/* A whole file of at most @max bytes, malloc'ed and NUL-terminated behind its end. */
int system_read_file(const char *path, size_t max, char **ret, size_t *ret_size, struct error *err);

/* The name of the first entry of a folder; "" when there is none. */
void system_first_entry(const char *path, char *ret, size_t size);

/* What dom0 can still take, in bytes (MemAvailable). */
uint64_t system_memory_available(void);

enum module_phase { MODULES_FIRST, MODULES_LATE };

/* Loads those of the image's list that belong to @phase. Goes on after a failure and reports the first. */
int modules_load_list(enum module_phase phase, struct error *err);

/* Loads one module by its name, with all it depends on; one that is built into the kernel is there. ERR_NOT_FOUND: this initrd
 * has not got it. */
int modules_load_name(const char *name, struct error *err);

/* Loads the drivers of the network cards that are there, by modalias; @disks: those of disks, too. */
int modules_load_devices(bool disks, struct error *err);

/* Where the root is RAM: removes the drivers of network cards that are not there, and NFS where nobody mounted anything, and
 * says how many bytes that gave back. What is plugged in later finds none. */
uint64_t modules_remove_unused(void);

/* Ends everything: SIGTERM, a while, SIGKILL, sync, reboot(2). Does not come back. */
_Noreturn void system_end(bool power_off);

#endif
