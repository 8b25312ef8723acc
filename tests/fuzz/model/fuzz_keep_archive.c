/* SPDX-License-Identifier: Apache-2.0 */
/* An archive of kept files: nothing that is taken leads out of a host's own paths or gives rights, and it is written as it was
 * read. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/keep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct keep_list list = {.n = 2, .paths = {"/etc/ssh/ssh_host_*", "/var/log"}};
        struct keep_archive *a = calloc(1, sizeof(*a));
        struct error err;
        uint8_t *again;
        size_t n;

        assert(a);
        if (keep_archive_read(data, size, &list, a, &err) == 0) {
                for (uint32_t i = 0; i < a->n_files; i++) {
                        const struct keep_file *f = &a->files[i];

                        assert(strncmp(f->path, "/etc/ssh/ssh_host_", 18) == 0 || strcmp(f->path, "/var/log") == 0 ||
                               strncmp(f->path, "/var/log/", 9) == 0);
                        for (const char *p = f->path; p; p = strchr(p + 1, '/')) {
                                size_t part = strcspn(p + 1, "/");

                                assert(part > 0 && strncmp(p, "/.", part + 1) != 0 && strncmp(p, "/..", part + 1) != 0);
                        }
                        assert(f->mode & KEEP_FILE ? (f->mode & 07000) == 0 : (f->mode & 04000) == 0 && f->data.size == 0);
                        assert(i == 0 || strcmp(a->files[i - 1].path, f->path) < 0);
                }
                assert(keep_archive_write(a, &again, &n, &err) == 0);
                assert(n == size && memcmp(again, data, n) == 0);
                free(again);
        }
        rec_clear(&keep_archive_desc, a);
        free(a);
        return 0;
}
