/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks apt-cache and apt-get, which check signatures, for versions and files; keeps the files in a cache of our own by name and
 * hash. Runs in the image builder; configures nothing and installs nothing.
 */
#include "image/image_apt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/image_files.h"

#define HINT "; is the network up, and is apt's list fresh (apt-get update)?"

int
apt_kernel(const char *package, char ret[NAME_SIZE], struct error *err)
{
        static const char key[] = "  Depends: linux-image-";
        const char *const argv[] = {"apt-cache", "depends", package, NULL};
        _cleanup_free_ char *text = NULL;
        const char *found;
        size_t n;
        int r;

        r = image_run(argv, NULL, "apt", &text, err);
        if (r < 0)
                return error_prefix(err, "kernel package %s", package);
        found = strstr(text, key);
        if (!found) {
                str_copy(ret, NAME_SIZE, package);
                return 0;
        }
        found += strlen("  Depends: ");
        n = strcspn(found, " \n");
        if (n >= NAME_SIZE)
                return error_set(err, ERR_TOOL, "apt-cache: package name too long");
        memcpy(ret, found, n);
        ret[n] = '\0';
        return 0;
}

/* "libgcc-s1_12.2.0-14%2bdeb12u1_amd64.deb": name and version stand before the first and the second '_'; %3a is ':'. */
static int
split_file_name(const char *file, struct apt_package *p)
{
        size_t n = strcspn(file, "_"), out = 0;
        const char *v = file + n + 1;

        if (file[n] == '\0' || n >= sizeof(p->name) || strchr(file, '/') || file[0] == '.')
                return -EINVAL;
        memcpy(p->name, file, n);
        p->name[n] = '\0';
        while (*v && *v != '_') {
                if (out + 1 >= sizeof(p->version))
                        return -EINVAL;
                if (strncmp(v, "%3a", 3) == 0) {
                        p->version[out++] = ':';
                        v += 3;
                } else {
                        p->version[out++] = *v++;
                }
        }
        p->version[out] = '\0';
        return *v == '_' && out > 0 ? 0 : -EINVAL;
}

int
apt_parse_uri(const char *line, struct apt_package *ret)
{
        struct apt_package p = {0};
        char size[24], hash[80];
        const char *rest;

        if (*line != '\'' || !(rest = strchr(line + 1, '\'')))
                return -EINVAL;
        if (sscanf(rest + 1, " %199s %23s SHA256:%79s", p.file, size, hash) != 3)
                return -EINVAL;
        if (parse_u64(size, UINT64_MAX, &p.size) < 0 || parse_hex(hash, p.sha256, sizeof(p.sha256)) < 0 ||
            split_file_name(p.file, &p) < 0)
                return -EINVAL;
        *ret = p;
        return 0;
}

static int
take_line(const char *line, const char (*names)[NAME_SIZE], size_t n, struct apt_package *ret, struct error *err)
{
        struct apt_package p;

        if (*line != '\'')
                return 0;
        if (apt_parse_uri(line, &p) < 0)
                return error_set(err, ERR_TOOL, "apt-get --print-uris: cannot read '%.200s'", line);
        for (size_t i = 0; i < n; i++)
                if (strcmp(names[i], p.name) == 0)
                        ret[i] = p;
        return 0;
}

int
apt_resolve(const char (*names)[NAME_SIZE], size_t n, struct apt_package *ret, struct error *err)
{
        const char *argv[RECIPE_MAX_PACKAGES + 6] = {"apt-get", "--print-uris", "-q", "download"};
        _cleanup_free_ char *text = NULL;
        char *save = NULL;
        int r;

        for (size_t i = 0; i < n; i++)
                argv[4 + i] = names[i];
        r = image_run(argv, "/", "apt", &text, err);
        if (r < 0)
                return error_prefix(err, "asking apt for versions (after 'apt-get update'?)");
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                if ((r = take_line(line, names, n, ret, err)) < 0)
                        return r;
        for (size_t i = 0; i < n; i++)
                if (!ret[i].file[0])
                        return error_set(err, ERR_NOT_FOUND, "apt knows no package %s" HINT, names[i]);
        return 0;
}

static int
verify(const struct apt_package *p, const char *path, struct error *err)
{
        uint8_t sha256[32];
        uint64_t size = 0;
        int r;

        r = image_hash(path, sha256, &size, err);
        if (r < 0)
                return r;
        if (size != p->size || memcmp(sha256, p->sha256, sizeof(sha256)) != 0)
                return error_set(err, ERR_IO, "%s: size or hash is not what apt's list says", path);
        return 0;
}

int
apt_fetch(const struct apt_package *p, const char *cache, const char *temp, struct error *err)
{
        char wanted[NAME_SIZE * 2 + 2], kept[IMAGE_PATH_SIZE], fresh[IMAGE_PATH_SIZE];
        const char *const argv[] = {"apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", wanted, NULL};
        int r;

        snprintf(wanted, sizeof(wanted), "%s=%s", p->name, p->version);
        if ((r = image_path(kept, err, "%s/%s", cache, p->file)) < 0 ||
            (r = image_path(fresh, err, "%s/%s", temp, p->file)) < 0)
                return r;
        if (access(kept, R_OK) == 0 && verify(p, kept, err) == 0)
                return 0;
        r = image_run(argv, temp, "apt", NULL, err);
        if (r == 0)
                r = verify(p, fresh, err);
        if (r < 0)
                return error_prefix(err, "downloading %s", p->name);
        if (rename(fresh, kept) == 0)
                return 0;
        /* Cache and store may be on two file systems. */
        return errno == EXDEV ? image_copy(fresh, kept, 0644, err) : error_errno_set(err, errno, "%s", kept);
}

int
apt_unpack(const struct apt_package *p, const char *cache, const char *root, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        const char *const argv[] = {"dpkg-deb", "-x", path, root, NULL};
        int r;

        r = image_path(path, err, "%s/%s", cache, p->file);
        return r < 0 ? r : image_run(argv, NULL, "dpkg", NULL, err);
}
