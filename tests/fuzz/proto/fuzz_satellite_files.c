/* SPDX-License-Identifier: Apache-2.0 */
/* A list of files for a satellite: nothing in it leads out of the image store, and what is taken is written as it was read. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/satellite_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct satellite_file *files = NULL;
        char url[SATELLITE_PATH_SIZE + 2], line[SATELLITE_FILE_LINE_MAX + 2];
        struct error err;
        size_t n = 0;

        if (satellite_files_parse((const char *)data, size, &files, &n, &err) < 0)
                return 0;
        for (size_t i = 0; i < n; i++) {
                const char *p = files[i].path;

                assert(strncmp(p, "loaders/", 8) == 0 || strncmp(p, "versions/", 9) == 0);
                assert(!strstr(p, "/.") && !strstr(p, "//"));
                satellite_files_url(&files[i], url);
                assert(url[0] == '/');
                assert(satellite_files_add(line, 0, sizeof(line), &files[i]) > 0);
        }
        free(files);
        return 0;
}
