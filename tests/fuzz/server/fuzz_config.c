/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dompoold.conf(5): an error has words, and what is accepted prints canonically to a text that is accepted and prints the same.
 * The file is an administrator's, not a stranger's; this finds what the print forgets to quote.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
read_text(const void *data, size_t size, struct config **ret, struct error *err)
{
        int fd = memfd_create("config", MFD_CLOEXEC), r;
        char path[40];

        if (fd < 0 || write(fd, data, size) != (ssize_t)size)
                abort();
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        r = config_read(path, ret, NULL, err);
        close(fd);
        return r;
}

static char *
print(const struct config *c, size_t *ret_size)
{
        char *text = NULL;
        FILE *f = open_memstream(&text, ret_size);

        config_print(c, f);
        fclose(f);
        return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct config *first = NULL, *second = NULL;
        char *first_text, *second_text;
        size_t first_size, second_size;
        struct error err = {0};

        /* Not "include" (it would read this machine's files) and not "${" (its environment). */
        if (memmem(data, size, "include", 7) || memmem(data, size, "${", 2))
                return 0;
        if (read_text(data, size, &first, &err) < 0) {
                if (err.code == ERR_NONE || !*err.message)
                        abort();
                return 0;
        }
        first_text = print(first, &first_size);
        if (read_text(first_text, first_size, &second, &err) < 0) {
                fprintf(stderr, "%s\n%s\n", err.message, first_text);
                abort();
        }
        second_text = print(second, &second_size);
        if (first_size != second_size || memcmp(first_text, second_text, first_size) != 0 ||
            memcmp(first, second, sizeof(*first)) != 0)
                abort();
        free(first_text);
        free(second_text);
        config_free(first);
        config_free(second);
        return 0;
}
