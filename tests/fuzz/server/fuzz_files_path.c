/* SPDX-License-Identifier: Apache-2.0 */
/* A URL of the boot LAN: whatever it is, the path that comes out is relative, clean and below the folders that are served. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/role_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct policy *
make_policy(void)
{
        struct policy_header header = {.default_image = 0, .n_networks = 1};
        struct policy_image image = {.id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", .name = "micro"};
        const struct policy_parts parts = {.header = &header, .images = &image, .n_images = 1};
        struct policy *policy = NULL;

        if (policy_build(&parts, &policy) < 0)
                abort();
        return policy;
}

static void
check_clean(const char *path)
{
        if (!*path || *path == '/' || strstr(path, "//") || strchr(path, '\\'))
                abort();
        for (const char *p = path; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
                if (strncmp(p, "../", 3) == 0 || strcmp(p, "..") == 0 || strncmp(p, "./", 2) == 0 || strcmp(p, ".") == 0)
                        abort();
        for (const char *p = path; *p; p++)
                if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
                        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct policy *policy = make_policy();
        char *url = malloc(size + 1);
        struct files_path path;

        memcpy(url, data, size);
        url[size] = '\0';
        files_path_resolve(policy, url, &path);
        if (path.target == FILES_STORE) {
                check_clean(path.path);
                if (strncmp(path.path, "versions/", 9) != 0 && strncmp(path.path, "loaders/", 8) != 0)
                        abort();
        } else if (path.target == FILES_BLOB) {
                if (strlen(path.path) != 64 || strspn(path.path, "0123456789abcdef") != 64)
                        abort();
        } else if (path.target == FILES_MISSING && !path.why) {
                abort();
        }
        free(url);
        policy_free(policy);
        return 0;
}
