/* SPDX-License-Identifier: Apache-2.0 */
/* The enrolment's file of a satellite. Runs in the parent (and in `dompoold -n --satellite`), before any role is started. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "server/config.h"

#define FILE_MAX 2048

int
config_read_satellite(struct config *c, struct error *err)
{
        const char *file = c->satellite_file;
        _cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
        char text[FILE_MAX];
        struct stat st;
        ssize_t n;

        if (fd < 0)
                return error_set(err, ERR_CONFIG,
                                 "%s: %s; put the line there that 'dompool satellite add NAME' prints at the main server", file,
                                 strerror(errno));
        if (fstat(fd, &st) < 0 || (st.st_mode & 077) != 0)
                return error_set(err, ERR_CONFIG,
                                 "%s: others than its owner can read or write it, and there is a secret in it: chmod 600 it",
                                 file);
        n = read(fd, text, sizeof(text));
        if (n < 0)
                return error_set(err, ERR_CONFIG, "%s: %s", file, strerror(errno));
        if (satellite_enrolment_parse(text, (size_t)n, &c->main_server, err) < 0)
                return error_prefix(err, "%s", file);
        return 0;
}
