/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_GUEST_BLOB_H
#define DOMPOOL_SERVER_GUEST_BLOB_H
/*
 * A guest's kernel or ramdisk becomes a blob: STATE/blobs/<sha256>, which `files` serves to hosts. May take seconds (256 MiB):
 * called in a child of `work`.
 */
#include "base/error.h"
#include "model/domain.h"

/* Names in the blob directory that begin so are unfinished blobs. */
#define GUEST_BLOB_PART ".new"

/* Called now and then with how much is done; may be NULL. */
typedef void (*guest_blob_progress_fn)(void *arg, unsigned percent);

/*
 * Copies the file open at @from from its beginning, hashes the copy, and gives it its name. Fills in sha256 and size of @ret. @tag
 * tells apart what is under way at the same time. A blob that is there already is put there again.
 */
int
guest_blob_make(const char *blob_dir, const char *tag, int from, guest_blob_progress_fn progress, void *arg, struct guest_file *ret,
                struct error *err);

#endif
