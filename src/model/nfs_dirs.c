/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes the setting nfs-dirs. Pure. */
#include "model/nfs_dirs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "model/profile.h"

#define USUAL_VERSION "4.1"

/* Is @path @folder, or in it? */
static bool
lies_in(const char *path, const char *folder)
{
        size_t n = strlen(folder);

        return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The host's own: programs, their settings, what the kernel shows, what Xen's daemons and dompool write. A directory there, or
 * one that has it within, would leave a host that does not work, or one whose state is another host's. */
static bool
is_system(const char *path)
{
        static const struct {
                const char *folder;
                bool within; /* what lies in it, too */
        } folders[] = {
                {"/bin", true},          {"/boot", true},
                {"/dev", true},          {"/etc", true},
                {"/init", true},         {"/lib", true},
                {"/lib32", true},        {"/lib64", true},
                {"/libx32", true},       {"/newroot", true},
                {"/proc", true},         {"/root", true}, /* who may log in */
                {"/run", true},          {"/sbin", true},
                {"/sys", true},          {"/tmp", false},
                {"/usr", true},          {"/var/lib/dbus", true},
                {"/var/lib/dpkg", true}, {"/var/lib/systemd", true},
                {"/var/lib/xen", true},  {"/var/lib/xenstored", true},
                {"/var/lock", true},     {"/var/log/xen", true},
                {"/var/run", true},      {"/var/spool/cron", true},
        };

        for (size_t i = 0; i < N_ELEMENTS(folders); i++)
                if (lies_in(folders[i].folder, path) || (folders[i].within && lies_in(path, folders[i].folder)))
                        return true;
        return path[1] == '\0';
}

/* Absolute, of characters that no menu, mount option or shell takes for something else; without an empty part, "." or "..". */
static bool
path_ok(const char *path)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+@-";

        if (path[0] != '/' || path[strspn(path, allowed)] != '\0')
                return false;
        for (const char *part = path; *part && path[1];) {
                size_t n = strcspn(++part, "/");

                if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
                        return false;
                part += n;
        }
        return true;
}

static int
path_take(const char *text, char ret[NFS_PATH_SIZE], struct error *err)
{
        if (!path_ok(text) || !str_copy(ret, NFS_PATH_SIZE, text))
                return error_set(err, ERR_INVALID,
                                 "nfs-dirs: '%s' is no path: one is absolute, of 1 to %d of a-z A-Z 0-9 / . _ + @ -, without "
                                 "an empty part, '.' or '..'",
                                 text, NFS_PATH_SIZE - 1);
        return 0;
}

bool
nfs_version_parse(const char *text, char ret[NFS_VERSION_SIZE])
{
        static const char *const versions[] = {"3", "4.0", USUAL_VERSION, "4.2"};

        if (strcmp(text, "4") == 0)
                text = USUAL_VERSION;
        for (size_t i = 0; i < N_ELEMENTS(versions); i++)
                if (strcmp(text, versions[i]) == 0)
                        return str_copy(ret, NFS_VERSION_SIZE, versions[i]);
        return false;
}

static int
options_parse(char *options, struct nfs_dir *d, struct error *err)
{
        char *save = NULL;

        for (char *o = strtok_r(options, ":", &save); o; o = strtok_r(NULL, ":", &save))
                if (strcmp(o, "ro") == 0)
                        d->read_only = true;
                else if (!nfs_version_parse(o, d->version))
                        return error_set(err, ERR_INVALID, "nfs-dirs: %s: '%s' is none of 3, 4, 4.0, 4.1, 4.2 and ro", d->path,
                                         o);
        return 0;
}

static int
dir_parse(char *word, struct nfs_dir *ret, struct error *err)
{
        char *server = strchr(word, '='), *path = server ? strchr(server, ':') : NULL, *options;
        struct nfs_dir d = {.version = USUAL_VERSION};
        int r;

        if (!path)
                return error_set(err, ERR_INVALID,
                                 "nfs-dirs: '%s' must be PATH=ADDRESS:/PATH, such as /home=10.0.0.5:/export/home, perhaps with "
                                 ":ro or a version (:3) behind it",
                                 word);
        *server++ = *path++ = '\0';
        options = strchr(path, ':');
        if (options)
                *options++ = '\0';
        r = path_take(word, d.path, err);
        if (r < 0)
                return r;
        if (is_system(d.path))
                return error_set(err, ERR_INVALID, "nfs-dirs: %s would hide a part of the host's own system", d.path);
        if (parse_ip4(server, &d.address) < 0 || d.address == 0)
                return error_set(err, ERR_INVALID,
                                 "nfs-dirs: %s: '%s' is no IPv4 address; a name cannot be looked up where it is mounted",
                                 d.path, server);
        r = path_take(path, d.export, err);
        if (r == 0 && options)
                r = options_parse(options, &d, err);
        if (r < 0)
                return r;
        *ret = d;
        return 0;
}

static int
check_new(const struct nfs_dirs *dirs, const struct nfs_dir *one, struct error *err)
{
        for (uint32_t i = 0; i < dirs->n; i++) {
                const char *other = dirs->list[i].path;

                if (strcmp(other, one->path) == 0)
                        return error_set(err, ERR_INVALID, "nfs-dirs: %s is named twice", other);
                if (lies_in(other, one->path) || lies_in(one->path, other))
                        return error_set(err, ERR_INVALID, "nfs-dirs: of %s and %s one would hide the other", other, one->path);
        }
        if (dirs->n == NFS_DIRS_MAX)
                return error_set(err, ERR_INVALID, "nfs-dirs: more than %d directories", NFS_DIRS_MAX);
        return 0;
}

int
nfs_dirs_parse(const char *text, struct nfs_dirs *ret, struct error *err)
{
        struct nfs_dirs dirs = {0};
        char word[NFS_DIRS_SIZE];

        if (strlen(text) >= NFS_DIRS_SIZE)
                return error_set(err, ERR_INVALID, "nfs-dirs is %zu bytes long; the limit is %d", strlen(text),
                                 NFS_DIRS_SIZE - 1);
        while ((text = list_next_long(text, word, sizeof(word)))) {
                struct nfs_dir one;
                int r = dir_parse(word, &one, err);

                if (r == 0)
                        r = check_new(&dirs, &one, err);
                if (r < 0)
                        return r;
                dirs.list[dirs.n++] = one;
        }
        *ret = dirs;
        return 0;
}

/* Only the last part of @pattern may be a pattern, so it meets @path where that part of @path, or of what is above it, fits. */
static bool
pattern_meets(const char *pattern, const char *path)
{
        char folder[KEEP_PATTERN_SIZE];
        const char *last;

        keep_pattern_split(pattern, folder, &last);
        return lies_in(folder, path) || keep_pattern_covers(pattern, path);
}

const char *
nfs_dirs_kept(const char *path, const struct keep_list *list)
{
        for (size_t i = 0; i < list->n; i++)
                if (pattern_meets(list->paths[i], path))
                        return list->paths[i];
        return NULL;
}

char *
nfs_dirs_text(const struct nfs_dirs *dirs, char buf[NFS_DIRS_SIZE])
{
        size_t n = 0;

        buf[0] = '\0';
        for (uint32_t i = 0; i < dirs->n && n < NFS_DIRS_SIZE; i++) {
                const struct nfs_dir *d = &dirs->list[i];
                const bool usual = strcmp(d->version, USUAL_VERSION) == 0;
                char address[IP4_TEXT_SIZE];

                n += (size_t)snprintf(buf + n, NFS_DIRS_SIZE - n, "%s%s=%s:%s%s%s%s", i > 0 ? "," : "", d->path,
                                      ip4_text(d->address, address), d->export, usual ? "" : ":", usual ? "" : d->version,
                                      d->read_only ? ":ro" : "");
        }
        return buf;
}
