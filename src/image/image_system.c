/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a whole Debian by mmdebstrap, and what a recipe adds to it. Runs in the image builder, as root. */
#include "image/image_system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/parse.h"
#include "image/image_files.h"

/* Grows when the same recipe would be installed differently. */
#define BASE_VERSION 1
#define MAX_SOURCES 32
#define HOOK_PATH "/run/dompool-hook"

static void
say(const struct image_system *s, const char *step, unsigned percent, const char *text)
{
        if (s->progress)
                s->progress(s->arg, step, percent, text);
}

/* --- what is installed, and from where --- */

/* Where this machine's apt takes its packages from. */
static const char *const source_patterns[] = {"/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list",
                                              "/etc/apt/sources.list.d/*.sources"};

static int
find_sources(glob_t *ret, struct error *err)
{
        memset(ret, 0, sizeof(*ret));
        for (size_t i = 0; i < N_ELEMENTS(source_patterns); i++)
                glob(source_patterns[i], i ? GLOB_APPEND : 0, NULL, ret);
        if (ret->gl_pathc == 0)
                return error_set(err, ERR_NOT_FOUND, "apt has no sources: /etc/apt/sources.list or sources.list.d");
        if (ret->gl_pathc > MAX_SOURCES)
                return error_set(err, ERR_LIMIT, "apt has more than %d files of sources", MAX_SOURCES);
        return 0;
}

static int
base_key(const struct image_system *s, const glob_t *sources, char ret[17], struct error *err)
{
        _cleanup_free_ char *text = NULL;
        uint8_t sha256[SHA256_SIZE];
        glob_t lists = {0};
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        int r = 0;

        if (!f)
                return error_errno_set(err, errno, "open_memstream");
        fprintf(f, "%d %s %s\n", BASE_VERSION, s->recipe->suite, s->kernel_package);
        for (size_t i = 0; i < s->recipe->n_system; i++)
                fprintf(f, "%s\n", s->recipe->system[i]);
        for (size_t i = 0; i < s->recipe->n_without; i++)
                fprintf(f, "-%s\n", s->recipe->without[i]);
        glob("/var/lib/apt/lists/*_InRelease", 0, NULL, &lists);
        for (size_t i = 0; i < sources->gl_pathc + lists.gl_pathc && r == 0; i++) {
                r = image_hash(i < sources->gl_pathc ? sources->gl_pathv[i] : lists.gl_pathv[i - sources->gl_pathc], sha256,
                               NULL, err);
                fwrite(sha256, 1, sizeof(sha256), f);
        }
        globfree(&lists);
        if (fclose(f) != 0 && r == 0)
                r = error_errno_set(err, ENOMEM, "open_memstream");
        if (r < 0)
                return r;
        digest_sha256(text, size, sha256);
        hex_text(sha256, 8, ret);
        return 0;
}

int
image_system_key(const struct image_system *s, char ret[IMAGE_SYSTEM_KEY_SIZE], struct error *err)
{
        glob_t sources;
        int r = find_sources(&sources, err);

        if (r == 0)
                r = base_key(s, &sources, ret, err);
        globfree(&sources);
        return r;
}

/* "--include=a,b,c" */
static int
include_option(const struct recipe *recipe, char *ret, size_t size, struct error *err)
{
        size_t n = (size_t)snprintf(ret, size, "--include=");

        for (size_t i = 0; i < recipe->n_system; i++) {
                n += (size_t)snprintf(ret + n, size - n, "%s%s", i ? "," : "", recipe->system[i]);
                if (n >= size)
                        return error_set(err, ERR_LIMIT, "%s: the names of its packages are over %zu bytes", recipe->name,
                                         size);
        }
        return 0;
}

static int
run_mmdebstrap(const struct image_system *s, const glob_t *sources, const char *target, struct error *err)
{
        char include[RECIPE_MAX_PACKAGES * 32], exclude[RECIPE_MAX_PATHS][RECIPE_PATH_SIZE + 32];
        const char *argv[16 + RECIPE_MAX_PATHS + MAX_SOURCES] = {
                "mmdebstrap",         "--quiet",
                "--mode=root",        "--variant=minbase",
                "--format=directory", "--aptopt=APT::Install-Recommends \"false\""};
        size_t n = 6;
        int r = include_option(s->recipe, include, sizeof(include), err);

        if (r < 0)
                return r;
        argv[n++] = include;
        for (size_t i = 0; i < s->recipe->n_without; i++) {
                snprintf(exclude[i], sizeof(exclude[i]), "--dpkgopt=path-exclude=%s", s->recipe->without[i]);
                argv[n++] = exclude[i];
        }
        argv[n++] = s->recipe->suite;
        argv[n++] = target;
        for (size_t i = 0; i < sources->gl_pathc; i++)
                argv[n++] = sources->gl_pathv[i];
        argv[n] = NULL;
        return image_run(argv, "/", "mmdebstrap", NULL, err);
}

/* The kernel's modules, which are not installed but unpacked: installing a kernel would make an initrd that nobody reads. */
static int
add_modules(const struct image_system *s, const char *target, struct error *err)
{
        char from[IMAGE_PATH_SIZE], to[IMAGE_PATH_SIZE];
        const char *const copy[] = {"cp", "-a", "--", from, to, NULL};
        const char *const depmod[] = {"depmod", "-b", target, s->kernel_version, NULL};
        int r;

        if ((r = image_path(from, err, "%s/lib/modules/%s", s->kernel, s->kernel_version)) < 0 ||
            (r = image_path(to, err, "%s/usr/lib/modules", target)) < 0 || (r = image_mkdir(to, err)) < 0 ||
            (r = image_run(copy, NULL, "coreutils", NULL, err)) < 0)
                return r;
        for (size_t i = 0; i < s->recipe->n_without; i++) {
                const char *pattern = s->recipe->without[i], *prefix = "/lib/modules/*/";
                size_t n = strlen(prefix), size = strlen(pattern);

                if (strncmp(pattern, prefix, n) != 0 || size < n + 3 || strcmp(pattern + size - 2, "/*") != 0 ||
                    strstr(pattern, ".."))
                        continue;
                if ((r = image_path(to, err, "%s/usr/lib/modules/%s/%.*s", target, s->kernel_version, (int)(size - 2 - n),
                                    pattern + n)) < 0 ||
                    (r = image_remove(to, err)) < 0)
                        return r;
        }
        return image_run(depmod, NULL, "kmod", NULL, err);
}

/* The trees of this recipe that were installed before: of no use any more. */
static void
remove_old_bases(const struct image_system *s)
{
        char pattern[IMAGE_PATH_SIZE];
        struct error ignored;
        glob_t g = {0};

        if (image_path(pattern, &ignored, "%s/bases/%s-????????????????", s->store, s->recipe->name) < 0 ||
            glob(pattern, 0, NULL, &g) != 0)
                return;
        for (size_t i = 0; i < g.gl_pathc; i++)
                image_remove(g.gl_pathv[i], &ignored);
        globfree(&g);
}

static int
make_base(const struct image_system *s, const glob_t *sources, const char *base, struct error *err)
{
        char fresh[IMAGE_PATH_SIZE], path[IMAGE_PATH_SIZE];
        int r;

        say(s, "install", 0, "mmdebstrap installs the packages; this takes minutes the first time");
        if ((r = image_path(fresh, err, "%s/base", s->temp)) < 0 || (r = run_mmdebstrap(s, sources, fresh, err)) < 0)
                return r;
        say(s, "install", 80, "the kernel's modules");
        if ((r = add_modules(s, fresh, err)) < 0 || (r = image_path(path, err, "%s/bases", s->store)) < 0 ||
            (r = image_mkdir(path, err)) < 0)
                return r;
        remove_old_bases(s);
        return rename(fresh, base) < 0 ? error_errno_set(err, errno, "%s", base) : 0;
}

int
image_system_install(const struct image_system *s, struct error *err)
{
        char key[17], base[IMAGE_PATH_SIZE];
        const char *const copy[] = {"cp", "-a", "--reflink=auto", "--", base, s->root, NULL};
        glob_t sources;
        int r;

        if (geteuid() != 0)
                return error_set(err, ERR_DENIED,
                                 "%s is a whole Debian: only root can install one; ask the server, or use sudo",
                                 s->recipe->name);
        if ((r = find_sources(&sources, err)) == 0 && (r = base_key(s, &sources, key, err)) == 0 &&
            (r = image_path(base, err, "%s/bases/%s-%s", s->store, s->recipe->name, key)) == 0 && access(base, F_OK) < 0)
                r = make_base(s, &sources, base, err);
        globfree(&sources);
        if (r < 0)
                return r;
        say(s, "copy", 0, "the installed system");
        return image_run(copy, NULL, "coreutils", NULL, err);
}

/* --- the recipe's own --- */

/* The folder of @path within the tree, whatever its links say. */
static int
open_parent(int root, const char *path, const char **ret_name, struct error *err)
{
        char folder[IMAGE_PATH_SIZE];
        struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
        const char *slash = strrchr(path, '/');
        int r, fd;

        r = image_path(folder, err, "/%.*s", slash ? (int)(slash - path) : 0, path);
        if (r < 0)
                return r;
        fd = (int)syscall(SYS_openat2, root, folder, &how, sizeof(how));
        *ret_name = slash ? slash + 1 : path;
        return fd < 0 ? error_errno_set(err, errno, "%s in the image", folder) : fd;
}

static int
copy_at(int dir, const char *name, const struct tree_entry *e, struct error *err)
{
        char to[64 + NAME_MAX];

        unlinkat(dir, name, 0);
        snprintf(to, sizeof(to), "/proc/self/fd/%d/%s", dir, name);
        return image_copy(e->source, to, e->mode & 07777, err);
}

static int
put_one(int root, const char *root_path, const struct tree_entry *e, struct error *err)
{
        _cleanup_close_ int dir = -1;
        const char *name;
        struct stat st;

        /* A library that the tree has already. */
        if (S_ISREG(e->mode) && strncmp(e->source, root_path, strlen(root_path)) == 0)
                return 0;
        dir = open_parent(root, e->path, &name, err);
        if (dir < 0)
                return dir;
        if (S_ISREG(e->mode))
                return copy_at(dir, name, e, err);
        if (S_ISLNK(e->mode)) {
                unlinkat(dir, name, 0);
                return symlinkat(e->source, dir, name) < 0 ? error_errno_set(err, errno, "/%s", e->path) : 0;
        }
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) /* a link here may lead to a folder: usr-merge */
                return S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode) ? 0
                                                                  : error_set(err, ERR_INVALID, "/%s is no folder", e->path);
        if (mkdirat(dir, name, 0755) < 0 || fchmodat(dir, name, e->mode & 07777, 0) < 0)
                return error_errno_set(err, errno, "/%s", e->path);
        return 0;
}

int
image_system_put(const struct tree *t, const char *root, struct error *err)
{
        _cleanup_close_ int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = fd < 0 ? error_errno_set(err, errno, "%s", root) : 0;

        for (size_t i = 0; i < t->n && r == 0; i++)
                r = put_one(fd, root, &t->entries[i], err);
        return r;
}

int
image_system_writable(const struct image_system *s, struct error *err)
{
        const struct recipe *recipe = s->recipe;
        char path[IMAGE_PATH_SIZE];
        int r;

        if (recipe->n_writable == 0)
                return 0;
        if ((r = image_path(path, err, "%s/etc/dompool", s->root)) < 0 || (r = image_mkdir(path, err)) < 0 ||
            (r = image_path(path, err, "%s/etc/dompool/flash", s->root)) < 0)
                return r;
        return recipe_write_paths(path, recipe->writable, recipe->n_writable, err);
}

static int
run_hook(const struct image_system *s, const char *folder, const char *name, struct error *err)
{
        char from[IMAGE_PATH_SIZE], to[IMAGE_PATH_SIZE];
        const char *const argv[] = {
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--net",
                "--ipc",
                "--uts",
                "sh",
                "-c",
                "mount --make-rprivate / && mount -t proc proc \"$0/proc\" && exec chroot \"$0\" " HOOK_PATH,
                s->root,
                NULL};
        int r;

        if ((r = image_path(from, err, "%s/hooks/%s", folder, name)) < 0 ||
            (r = image_path(to, err, "%s" HOOK_PATH, s->root)) < 0 || (r = image_copy(from, to, 0700, err)) < 0)
                return r;
        say(s, "hook", 0, name);
        r = image_run(argv, NULL, "util-linux", NULL, err);
        unlink(to);
        return r < 0 ? error_prefix(err, "%s/hooks/%s", folder, name) : 0;
}

static int
run_hooks(const struct image_system *s, const char *folder, struct error *err)
{
        struct dirent **entries = NULL;
        char path[IMAGE_PATH_SIZE];
        int n, r = image_path(path, err, "%s/hooks", folder);

        if (r < 0)
                return r;
        n = scandir(path, &entries, NULL, alphasort);
        if (n < 0)
                return errno == ENOENT ? 0 : error_errno_set(err, errno, "%s", path);
        for (int i = 0; i < n; i++) {
                if (r == 0 && entries[i]->d_name[0] != '.')
                        r = run_hook(s, folder, entries[i]->d_name, err);
                free(entries[i]);
        }
        free(entries);
        return r;
}

int
image_system_hooks(const struct image_system *s, struct error *err)
{
        int r = *s->recipe->base ? run_hooks(s, s->recipe->base, err) : 0;

        return r < 0 ? r : run_hooks(s, s->recipe->folder, err);
}

/* --- no secrets --- */

static int
check_shadow(const char *root, struct error *err)
{
        _cleanup_free_ uint8_t *text = NULL;
        char path[IMAGE_PATH_SIZE], *save = NULL;
        int r;

        if ((r = image_path(path, err, "%s/etc/shadow", root)) < 0)
                return r;
        r = image_read(path, 1 << 20, &text, NULL, err);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (char *line = strtok_r((char *)text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                const char *colon = strchr(line, ':');

                if (colon && colon[1] != '*' && colon[1] != '!')
                        return error_set(
                                err, ERR_DENIED,
                                "/etc/shadow: user %.*s has a password, or an empty one: whoever reads the image has it as "
                                "well; lock it (passwd -l) and put an SSH key there",
                                (int)(colon - line), line);
        }
        return 0;
}

static int
check_key_file(const char *path, const char *root, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        char head[200];
        ssize_t n = fd < 0 ? 0 : read(fd, head, sizeof(head) - 1);

        head[n > 0 ? n : 0] = '\0';
        if (!strstr(head, "PRIVATE KEY-----"))
                return 0;
        return error_set(
                err, ERR_DENIED,
                "%s is a private key: everybody on the boot LAN can read an image; make it at boot, or keep it per host",
                path + strlen(root));
}

int
image_system_check(const char *root, struct error *err)
{
        static const char *const places[] = {"/etc/ssh/*", "/etc/ssl/private/*", "/root/.ssh/*", "/etc/dompool/*"};
        int r = check_shadow(root, err);

        for (size_t i = 0; r == 0 && i < N_ELEMENTS(places); i++) {
                char pattern[IMAGE_PATH_SIZE];
                glob_t g = {0};

                snprintf(pattern, sizeof(pattern), "%s%s", root, places[i]);
                glob(pattern, 0, NULL, &g);
                for (size_t k = 0; r == 0 && k < g.gl_pathc; k++)
                        r = check_key_file(g.gl_pathv[k], root, err);
                globfree(&g);
        }
        return r;
}

/* --- what came of it --- */

int
image_system_packages(const char *root, struct contents *c, struct error *err)
{
        char admin[IMAGE_PATH_SIZE], *save = NULL;
        const char *const argv[] = {"dpkg-query", admin, "-W", "-f=${Package} ${Version}\n", NULL};
        _cleanup_free_ char *text = NULL;
        int r;

        if ((r = image_path(admin, err, "--admindir=%s/var/lib/dpkg", root)) < 0 ||
            (r = image_run(argv, NULL, "dpkg", &text, err)) < 0)
                return r;
        for (char *line = strtok_r(text, "\n", &save); line && r == 0; line = strtok_r(NULL, "\n", &save)) {
                char *blank = strchr(line, ' ');

                if (!blank)
                        continue;
                *blank = '\0';
                r = contents_add_package(c, line, blank + 1, err);
        }
        return r;
}

int
image_system_pack(const char *root, const char *squashfs, unsigned level, struct error *err)
{
        char text[8];
        const char *const argv[] = {"mksquashfs", root, squashfs,       "-noappend", "-all-time", "0",
                                    "-mkfs-time", "0",  "-no-progress", "-comp",     "zstd",      "-Xcompression-level",
                                    text,         NULL};

        snprintf(text, sizeof(text), "%u", level);
        return image_run(argv, NULL, "squashfs-tools", NULL, err);
}
