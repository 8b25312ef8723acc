/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files in which hv remembers its domains, and the decision what becomes of one that ended. Does not talk to Xen.
 * Runs in: hv and its task children, as root; the folder is root's alone.
 */
#include "hv/hv_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define RECORD_FILE_MAX 65536

static const struct rec_field hv_record_fields[] = {
        REC_U64(struct hv_record, op),          REC_U32(struct hv_record, domid),
        REC_BOOL(struct hv_record, complete),   REC_BOOL(struct hv_record, preserved),
        REC_U32(struct hv_record, n_fast),      REC_I64(struct hv_record, started_ms),
        REC_BOOL(struct hv_record, restarting), REC_REC(struct hv_record, config, domain_config_desc),
};
const struct rec_desc hv_record_desc = REC_DESC(struct hv_record, hv_record_fields);

static void
record_path(const char *dir, const uint8_t uuid[UUID_SIZE], const char *suffix, char ret[PATH_SIZE])
{
        char text[UUID_TEXT_SIZE];

        snprintf(ret, PATH_SIZE, "%s/%s%s", dir, uuid_text(uuid, text), suffix);
}

static int
write_whole(const char *path, const void *data, size_t size)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return -errno;
        for (size_t done = 0; done < size;) {
                ssize_t n = write(fd, (const char *)data + done, size - done);

                if (n < 0)
                        return -errno;
                done += (size_t)n;
        }
        return 0;
}

int
hv_record_save(const char *dir, const struct hv_record *record)
{
        size_t size = rec_encoded_size(&hv_record_desc, record);
        _cleanup_free_ uint8_t *data = malloc(size);
        char path[PATH_SIZE], part[PATH_SIZE];
        int r;

        if (!data)
                return -ENOMEM;
        rec_encode(&hv_record_desc, record, data);
        record_path(dir, record->config.uuid, "", path);
        record_path(dir, record->config.uuid, ".part", part);
        r = write_whole(part, data, size);
        if (r == 0 && rename(part, path) < 0)
                r = -errno;
        if (r < 0)
                unlink(part);
        return r;
}

static int
read_record(const char *path, struct hv_record *ret)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_free_ uint8_t *data = NULL;
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > RECORD_FILE_MAX)
                return -EBADMSG;
        data = malloc((size_t)st.st_size);
        if (!data)
                return -ENOMEM;
        n = read(fd, data, (size_t)st.st_size);
        if (n < 0)
                return -errno;
        return rec_decode(&hv_record_desc, data, (size_t)n, ret);
}

int
hv_record_load(const char *dir, const uint8_t uuid[UUID_SIZE], struct hv_record *ret)
{
        char path[PATH_SIZE];

        record_path(dir, uuid, "", path);
        return read_record(path, ret);
}

int
hv_record_delete(const char *dir, const uint8_t uuid[UUID_SIZE])
{
        char path[PATH_SIZE];

        record_path(dir, uuid, "", path);
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int
hv_record_each(const char *dir, void (*fn)(void *arg, const struct hv_record *record), void *arg)
{
        _cleanup_closedir_ DIR *d = opendir(dir);
        struct dirent *e;

        if (!d)
                return -errno;
        while ((e = readdir(d))) {
                uint8_t uuid[UUID_SIZE];
                struct hv_record record;

                if (parse_uuid(e->d_name, uuid) == 0 && hv_record_load(dir, uuid, &record) == 0)
                        fn(arg, &record);
        }
        return 0;
}

static uint32_t
configured_action(const struct domain_config *c, enum hv_end end, const char **ret_note)
{
        switch (end) {
        case HV_END_POWEROFF:
                return c->on_poweroff;
        case HV_END_REBOOT:
                return c->on_reboot;
        case HV_END_CRASH:
                return c->on_crash;
        case HV_END_SUSPEND: /* nobody here asked for it; its memory is worth keeping */
                return ACTION_PRESERVE;
        case HV_END_SOFT_RESET:
                break;
        }
        *ret_note = "soft reset is not supported; destroyed";
        return ACTION_DESTROY;
}

struct hv_end_decision
hv_end_decide(const struct hv_record *record, enum hv_end end, int64_t now_ms)
{
        struct hv_end_decision d = {.note = ""};

        d.action = configured_action(&record->config, end, &d.note);
        if (d.action == ACTION_COREDUMP_DESTROY || d.action == ACTION_COREDUMP_RESTART) {
                d.note = "no core dump is written: a diskless host has no place for one";
                d.action = d.action == ACTION_COREDUMP_RESTART ? ACTION_RESTART : ACTION_DESTROY;
        } else if (d.action == ACTION_SOFT_RESET) {
                d.note = "soft reset is not supported; destroyed";
                d.action = ACTION_DESTROY;
        }
        if (d.action != ACTION_RESTART && d.action != ACTION_RENAME_RESTART)
                return d;
        d.n_fast = now_ms - record->started_ms < HV_FAST_MS ? record->n_fast + 1 : 0;
        if (d.n_fast >= HV_FAST_MAX) {
                d.action = ACTION_DESTROY;
                d.note = "destroyed instead of restarted: it ended 5 times in a row within 10 s of its start";
        }
        return d;
}
