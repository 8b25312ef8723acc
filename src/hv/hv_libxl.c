/* SPDX-License-Identifier: Apache-2.0 */
/* Small things around libxl that hv and its tasks share. Runs in: hv, its tasks. */
#include "hv/hv_libxl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xenctrl.h>

#include "base/log.h"

/* Keeps the newest lines: the oldest go when there is no more room. */
static void
log_keep(struct hv_libxl_log *log, const char *line)
{
        size_t used = strlen(log->last), n = strlen(line);

        if (n >= sizeof(log->last) - 3)
                n = sizeof(log->last) - 3;
        while (used > 0 && used + 2 + n >= sizeof(log->last)) {
                char *next = strstr(log->last, "; ");

                if (!next) {
                        used = 0;
                        break;
                }
                memmove(log->last, next + 2, strlen(next + 2) + 1);
                used = strlen(log->last);
        }
        snprintf(log->last + used, sizeof(log->last) - used, "%s%.*s", used ? "; " : "", (int)n, line);
}

static void __attribute__((format(printf, 5, 0)))
log_message(xentoollog_logger *logger, xentoollog_level level, int errno_value, const char *context, const char *format,
            va_list ap)
{
        struct hv_libxl_log *log = (struct hv_libxl_log *)logger;
        char line[400];
        int n;

        n = vsnprintf(line, sizeof(line), format, ap);
        if (errno_value >= 0 && n >= 0 && (size_t)n < sizeof(line))
                snprintf(line + n, sizeof(line) - (size_t)n, ": %s", strerror(errno_value));
        if (level >= XTL_WARN)
                log_keep(log, line);
        log_debug("%s: %s", context ?: "xen", line);
}

static void
log_destroy(xentoollog_logger *logger)
{
        (void)logger;
}

void
hv_libxl_log_init(struct hv_libxl_log *log)
{
        *log = (struct hv_libxl_log){.vtable = {.vmessage = log_message, .destroy = log_destroy}};
}

int
hv_libxl_error(struct error *err, const struct hv_libxl_log *log, int rc, const char *fmt, ...)
{
        char what[200];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(what, sizeof(what), fmt, ap);
        va_end(ap);
        return error_set(err, rc == ERROR_NOMEM ? ERR_NO_SPACE : ERR_HYPERVISOR, "%s: libxl error %d%s%s%s", what, rc,
                         *log->last ? " (" : "", log->last, *log->last ? ")" : "");
}

int
hv_libxl_find(libxl_ctx *ctx, const uint8_t uuid[UUID_SIZE], libxl_dominfo *ret)
{
        int n, found = -1;
        libxl_dominfo *list = libxl_list_domain(ctx, &n);

        if (!list)
                return -EIO;
        for (int i = 0; i < n && found < 0; i++)
                if (list[i].domid != 0 && !list[i].dying && memcmp(libxl_uuid_bytearray(&list[i].uuid), uuid, UUID_SIZE) == 0)
                        found = i;
        if (found >= 0)
                libxl_dominfo_copy(ctx, ret, &list[found]);
        libxl_dominfo_list_free(list, n);
        return found >= 0 ? 0 : -ENOENT;
}

int
hv_libxl_set_uuid(uint32_t domid, const libxl_uuid *uuid)
{
        xc_interface *xc = xc_interface_open(NULL, NULL, 0);
        xen_domain_handle_t handle;
        int r;

        if (!xc)
                return -errno;
        memcpy(handle, libxl_uuid_bytearray_const(uuid), sizeof(handle));
        r = xc_domain_sethandle(xc, domid, handle) < 0 ? -errno : 0;
        xc_interface_close(xc);
        return r;
}

static uint32_t
state_of(const libxl_dominfo *in)
{
        if (in->dying)
                return DOMAIN_DYING;
        if (in->shutdown)
                return in->shutdown_reason == LIBXL_SHUTDOWN_REASON_CRASH ||
                                       in->shutdown_reason == LIBXL_SHUTDOWN_REASON_WATCHDOG
                               ? DOMAIN_CRASHED
                               : DOMAIN_SHUTDOWN;
        return in->paused ? DOMAIN_PAUSED : DOMAIN_RUNNING;
}

libxl_domain_type
hv_libxl_type(uint32_t type)
{
        static const libxl_domain_type types[] = {
                [DOMAIN_PV] = LIBXL_DOMAIN_TYPE_PV, [DOMAIN_PVH] = LIBXL_DOMAIN_TYPE_PVH, [DOMAIN_HVM] = LIBXL_DOMAIN_TYPE_HVM};

        return types[type];
}

void
hv_libxl_info(const libxl_dominfo *in, struct domain_info *ret)
{
        *ret = (struct domain_info){
                .domid = in->domid,
                .state = state_of(in),
                .memory_kib = in->current_memkb + in->outstanding_memkb,
                .vcpus = in->vcpu_online,
                .max_vcpus = in->vcpu_max_id + 1,
                .cpu_time_ns = in->cpu_time,
        };
        memcpy(ret->uuid, libxl_uuid_bytearray_const(&in->uuid), UUID_SIZE);
        ret->type = in->domain_type == LIBXL_DOMAIN_TYPE_PV    ? DOMAIN_PV
                    : in->domain_type == LIBXL_DOMAIN_TYPE_PVH ? DOMAIN_PVH
                                                               : DOMAIN_HVM;
}
