/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads kernel modules without another program: the image's list has them in order with all they depend on, and network cards
 * are matched by modalias against depmod's indexes. Emulated machines pay dearly for each exec; a real one gains a little.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/log.h"
#include "image/kmod_index.h"
#include "init/init_system.h"

#define MODULE_LIST "/etc/dompool/modules"
#define INDEX_MAX (4u << 20)

/* A whole text file, malloc'ed; NULL and errno. */
static char *
read_text(const char *path)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        uint8_t *text = NULL;
        int r = fd < 0 ? -errno : fd_read_all(fd, INDEX_MAX, &text, NULL);

        errno = -r;
        return (char *)text;
}

static int
module_path(char ret[400], const char *name)
{
        struct utsname u;

        if (uname(&u) < 0)
                return -errno;
        return snprintf(ret, 400, "/lib/modules/%s/%s", u.release, name) < 400 ? 0 : -ENAMETOOLONG;
}

/* Already there is as good as loaded. */
static int
module_load(const char *path)
{
        char full[400];
        int r = module_path(full, path), fd;

        if (r < 0)
                return r;
        fd = open(full, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST ? -errno : 0;
        close(fd);
        return r;
}

static int
module_load_or_say(const char *path, struct error *err, int before)
{
        struct error later;
        int r = module_load(path);

        if (r < 0)
                r = error_errno_set(before ? &later : err, -r, "loading module %s", path);
        return before ? before : r;
}

int
modules_load_list(enum module_phase phase, struct error *err)
{
        static const char *const words[] = {[MODULES_FIRST] = "boot ", [MODULES_LATE] = "late "};
        _cleanup_free_ char *text = read_text(MODULE_LIST);
        char *save = NULL;
        int r = 0;

        if (!text)
                return error_errno_set(err, errno, "%s", MODULE_LIST);
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                if (strncmp(line, words[phase], strlen(words[phase])) == 0)
                        r = module_load_or_say(line + strlen(words[phase]), err, r);
        return r;
}

/* What depmod's index @name says; NULL. */
static char *
read_index(const char *name)
{
        char path[400];

        return module_path(path, name) == 0 ? read_text(path) : NULL;
}

int
modules_load_name(const char *name, struct error *err)
{
        _cleanup_free_ char *dep = read_index("modules.dep"), *builtin = read_index("modules.builtin");
        struct kmod_entry e;
        int r = 0;

        if (builtin && kmod_builtin(builtin, name))
                return 0;
        if (!dep || kmod_dep_find(dep, name, &e) < 0)
                return error_set(err, ERR_NOT_FOUND,
                                 "module %s is neither in the kernel nor in this initrd: take an image whose stage has it",
                                 name);
        for (size_t i = 0; i < e.n; i++)
                r = module_load_or_say(e.paths[i], err, r);
        return r;
}

struct indexes {
        char *alias, *dep;
};

static int
load_by_alias(const struct indexes *x, const char *modalias, struct error *err, int before)
{
        const char *text = x->alias;
        char name[KMOD_NAME_SIZE];
        struct kmod_entry e;

        while (kmod_alias_next(&text, modalias, name)) {
                if (kmod_dep_find(x->dep, name, &e) < 0)
                        continue;
                log_debug("driver module=%s modalias=%s", name, modalias);
                for (size_t i = 0; i < e.n; i++)
                        before = module_load_or_say(e.paths[i], err, before);
        }
        return before;
}

/* PCI: network controllers (class 0x02....) and, for an inspection, storage (0x01....); other hardware is no business of a
 * diskless host. The devices behind a storage controller have no class. */
static bool
is_wanted(const char *folder, bool disks)
{
        char path[300], line[32];

        snprintf(path, sizeof(path), "%.250s/class", folder);
        return !system_read_line(path, line, sizeof(line)) || strncmp(line, "0x02", 4) == 0 ||
               (disks && strncmp(line, "0x01", 4) == 0);
}

static int
load_bus(const struct indexes *x, const char *bus, bool disks, struct error *err, int before)
{
        _cleanup_closedir_ DIR *d = NULL;
        char path[300];
        struct dirent *e;

        snprintf(path, sizeof(path), "/sys/bus/%s/devices", bus);
        d = opendir(path);
        while (d && (e = readdir(d))) {
                char folder[300], file[320], modalias[256];

                if (e->d_name[0] == '.')
                        continue;
                snprintf(folder, sizeof(folder), "/sys/bus/%s/devices/%.200s", bus, e->d_name);
                snprintf(file, sizeof(file), "%s/modalias", folder);
                if (is_wanted(folder, disks) && system_read_line(file, modalias, sizeof(modalias)))
                        before = load_by_alias(x, modalias, err, before);
        }
        return before;
}

int
modules_load_devices(bool disks, struct error *err)
{
        /* A virtio card is a PCI device whose driver makes a virtio device, a disk one of SCSI: so PCI is first. */
        static const char *const buses[] = {"pci", "virtio", "scsi"};
        struct indexes x = {0};
        char path[400];
        int r = 0;

        if (module_path(path, "modules.alias") == 0)
                x.alias = read_text(path);
        if (module_path(path, "modules.dep") == 0)
                x.dep = read_text(path);
        if (!x.alias || !x.dep)
                r = error_errno_set(err, errno, "%s", path);
        for (size_t i = 0; i < (disks ? 3u : 2u) && x.alias && x.dep; i++)
                r = load_bus(&x, buses[i], disks, err, r);
        free(x.alias);
        free(x.dep);
        return r;
}

static uint64_t
remove_not_loaded(const char *dep, const char *folder)
{
        struct kmod_entry e;
        uint64_t bytes = 0;

        while (kmod_dep_folder_next(&dep, folder, &e) == 0) {
                char name[KMOD_NAME_SIZE], path[400];
                struct stat st;

                if (!kmod_path_name(e.paths[e.n - 1], name))
                        continue;
                snprintf(path, sizeof(path), "/sys/module/%s", name);
                if (access(path, F_OK) == 0 || module_path(path, e.paths[e.n - 1]) < 0 || stat(path, &st) < 0 ||
                    unlink(path) < 0)
                        continue;
                bytes += (uint64_t)st.st_size;
        }
        return bytes;
}

uint64_t
modules_remove_unused(void)
{
        /* In an image for those hosts that need it: drivers of all cards, and NFS, which was loaded where it is needed. What
         * others need, too, as sunrpc, stays. */
        static const char *const folders[] = {"drivers/net/ethernet/", "fs/nfs/"};
        _cleanup_free_ char *dep = read_index("modules.dep");
        uint64_t bytes = 0;

        for (size_t i = 0; dep && i < N_ELEMENTS(folders); i++)
                bytes += remove_not_loaded(dep, folders[i]);
        return bytes;
}
