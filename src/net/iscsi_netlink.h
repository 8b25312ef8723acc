/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_NET_ISCSI_NETLINK_H
#define DOMPOOL_NET_ISCSI_NETLINK_H
/*
 * The one word that dompool says to the kernel's iSCSI initiator beside open-iscsi's iscsid (Linux, include/scsi/iscsi_if.h,
 * which is no header for programs).
 */
#include <stdint.h>

/* Ends connection 0 of session @session as one that is lost: what is asked of its disks waits, and a new connection may be
 * bound. iscsid of Debian 12 forgets to say so when a target closes between the binding and the login, and can never bind again
 * (open-iscsi, pull request 388). @transport: /sys/class/iscsi_transport/tcp/handle. Root only. 0 or negative errno. */
int iscsi_netlink_lost(uint64_t transport, uint32_t session);

#endif
