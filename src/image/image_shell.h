/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_SHELL_H
#define DOMPOOL_IMAGE_IMAGE_SHELL_H
/*
 * A version changed by hand: a copy of its tree in STORE/shells/NAME, a shell in it, and a new version of what it has become.
 * For images whose tree is all there is (a whole Debian); what lives in an initrd is changed by its recipe. Needs root.
 */
#include "base/error.h"
#include "model/image.h"

struct image_shell {
        const char *store;
        const char *name;     /* the image */
        const char *key_file; /* that signs; NULL: the store's own */
};

/* Copies the current version's tree, or goes on with the copy that is there, and runs @argv in it (NULL: a shell), with our
 * terminal. *ret_status: how it exited. The copy stays. */
int image_shell_run(const struct image_shell *s, char *const argv[], int *ret_status, struct error *err);

/* Makes a version of the copy, and it NAME's current one; the copy is gone then. */
int image_shell_commit(const struct image_shell *s, struct image *ret, struct error *err);

#endif
