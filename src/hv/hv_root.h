/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_HV_HV_ROOT_H
#define DOMPOOL_HV_HV_ROOT_H
/* What this host's root costs at this moment, from the kernel. */
#include "model/nfs_dirs.h"
#include "model/root_cost.h"

void hv_root_measure(struct root_cost *ret);

/* The writable layer alone; false: there is none with a limit. */
bool hv_root_layer(uint64_t *ret_used, uint64_t *ret_size);

/* What has become of its directories over NFS, as dompool-init says; "": it has none. */
void hv_root_nfs_dirs(char ret[NFS_DIRS_STATE_SIZE]);

#endif
