/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of a corpus folder: the fuzzers' finds as an ordinary test. An empty corpus is a failure.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay(const char *dir, const char *name)
{
        char path[4096];
        uint8_t *data;
        size_t size;
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        f = fopen(path, "rb");
        if (!f) {
                perror(path);
                return 1;
        }
        data = malloc((1u << 20) + 1);
        size = fread(data, 1, 1u << 20, f);
        fclose(f);
        data = realloc(data, size ? size : 1); /* exact, so that a sanitizer sees a read behind the end */
        LLVMFuzzerTestOneInput(data, size);
        free(data);
        return 0;
}

int
main(int argc, char **argv)
{
        unsigned n = 0, bad = 0;
        struct dirent *e;
        DIR *d;

        if (argc != 2 || !(d = opendir(argv[1]))) {
                fprintf(stderr, "usage: %s CORPUS-FOLDER (which must exist)\n", argv[0]);
                return 2;
        }
        while ((e = readdir(d))) {
                if (e->d_name[0] == '.')
                        continue;
                bad += (unsigned)replay(argv[1], e->d_name);
                n++;
        }
        closedir(d);
        printf("%u inputs\n", n);
        return n == 0 || bad > 0;
}
