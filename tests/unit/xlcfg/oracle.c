/* SPDX-License-Identifier: Apache-2.0 */
/* Asks libxlu and our reader the same question and compares the answers. */
#include "oracle.h"

#include <libxl.h>
#include <libxlutil.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xlcfg/xlcfg_doc.h"
#include "xlcfg/xlcfg_reader.h"

static enum oracle_verdict differ(char *why, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static enum oracle_verdict
differ(char *why, size_t size, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(why, size, fmt, ap);
        va_end(ap);
        return ORACLE_DIFFER;
}

/*
 * libxlu aborts on a NUL in a string, and its \x.. and \0.. escapes are broken: the value is read and dropped, \x skips a
 * character (libxlu_cfg.c, xlu__cfgl_dequote). We refuse both.
 */
static bool
askable(const char *text, size_t size)
{
        if (memchr(text, '\0', size))
                return false;
        for (size_t i = 0; i + 1 < size; i++)
                if (text[i] == '\\' && (text[i + 1] == 'x' || (text[i + 1] >= '0' && text[i + 1] <= '7')))
                        return false;
        return true;
}

static bool
same_list(XLU_ConfigList *theirs, const struct xlcfg_value *ours, XLU_Config *cfg)
{
        size_t n = 0;

        for (; n < ours->n_items; n++) {
                XLU_ConfigValue *v = xlu_cfg_get_listitem2(theirs, (int)n);
                const struct xlcfg_value *o = &ours->items[n];
                XLU_ConfigList *sub;
                char *s;

                if (!v)
                        return false;
                if (o->kind == XLCFG_STRING && (xlu_cfg_value_get_string(cfg, v, &s, 1) || strcmp(s, o->string) != 0))
                        return false;
                if (o->kind == XLCFG_LIST && (xlu_cfg_value_get_list(cfg, v, &sub, 1) || !same_list(sub, o, cfg)))
                        return false;
        }
        return !xlu_cfg_get_listitem2(theirs, (int)n);
}

static enum oracle_verdict
compare_settings(XLU_Config *cfg, const struct xlcfg_doc *doc, char *why, size_t size)
{
        for (size_t i = 0; i < doc->n_settings; i++) {
                const struct xlcfg_setting *s = &doc->settings[i];
                XLU_ConfigList *list;
                const char *text;

                if (s->value.kind == XLCFG_STRING) {
                        if (xlu_cfg_get_string(cfg, s->key, &text, 1))
                                return differ(why, size, "%s: we read a string, libxlu none", s->key);
                        if (strcmp(text, s->value.string) != 0)
                                return differ(why, size, "%s: we read \"%s\", libxlu \"%s\"", s->key, s->value.string, text);
                } else if (xlu_cfg_get_list(cfg, s->key, &list, NULL, 1) || !same_list(list, &s->value, cfg)) {
                        return differ(why, size, "%s: the lists are different", s->key);
                }
        }
        return ORACLE_BOTH_READ;
}

enum oracle_verdict
oracle_compare_text(const char *text, size_t size, char *why, size_t why_size)
{
        enum oracle_verdict verdict = ORACLE_BOTH_REFUSE;
        struct xlcfg_doc doc;
        struct error err;
        char *with_newline, *report = NULL;
        size_t report_size;
        XLU_Config *cfg;
        bool ours, theirs;
        FILE *f;

        if (!askable(text, size))
                return ORACLE_NOT_ASKED;
        ours = xlcfg_doc_parse("t", text, size, &doc, &err) == 0;
        if (!ours && err.code == ERR_LIMIT)
                return ORACLE_NOT_ASKED;
        /* libxlu refuses a comment that ends the file without a newline; with one it must agree. */
        with_newline = malloc(size + 1);
        if (size)
                memcpy(with_newline, text, size);
        with_newline[size] = '\n';
        f = open_memstream(&report, &report_size);
        cfg = xlu_cfg_init(f, "t");
        theirs = xlu_cfg_readdata(cfg, with_newline, (int)size + 1) == 0;
        fflush(f);
        if (ours != theirs)
                verdict = differ(why, why_size, "%s reads it; the other says: %s", ours ? "dompool" : "libxlu",
                                 ours ? report : err.message);
        else if (ours)
                verdict = compare_settings(cfg, &doc, why, why_size);
        if (ours)
                xlcfg_doc_deinit(&doc);
        xlu_cfg_destroy(cfg);
        fclose(f);
        free(report);
        free(with_newline);
        return verdict;
}

static const char *
format_name(libxl_disk_format format)
{
        return libxl_disk_format_to_string(format);
}

static bool
same_disk(const libxl_device_disk *theirs, const struct disk *ours)
{
        return strcmp(theirs->pdev_path ? theirs->pdev_path : "", ours->target) == 0 && strcmp(theirs->vdev, ours->vdev) == 0 &&
               strcmp(format_name(theirs->format), ours->format) == 0 && !!theirs->is_cdrom == ours->cdrom &&
               !theirs->readwrite == ours->readonly && strcmp(theirs->script ? theirs->script : "", ours->script) == 0;
}

enum oracle_verdict
oracle_compare_disk(const char *spec, char *why, size_t why_size)
{
        enum oracle_verdict verdict = ORACLE_BOTH_REFUSE;
        struct xlcfg_notes notes = {0};
        struct domain_config config = {0};
        struct error err = {0};
        struct xlcfg_reader r = {.name = "t", .config = &config, .notes = &notes, .err = &err};
        libxl_device_disk theirs;
        struct disk ours;
        FILE *null = fopen("/dev/null", "w");
        XLU_Config *cfg = xlu_cfg_init(null, "t");
        bool we = xlcfg_disk_read(&r, 1, spec, &ours) == 0, they;

        libxl_device_disk_init(&theirs);
        they = xlu_disk_parse(cfg, 1, &spec, &theirs) == 0;
        if (!we && (err.code == ERR_LIMIT || err.code == ERR_UNSUPPORTED))
                verdict = ORACLE_NOT_ASKED;
        else if (we != they)
                verdict =
                        differ(why, why_size, "only %s reads it; we say: %s", we ? "dompool" : "libxlu", we ? "" : err.message);
        else if (we && !same_disk(&theirs, &ours))
                verdict = differ(why, why_size,
                                 "libxlu: target=%s vdev=%s format=%s cdrom=%d rw=%d script=%s; we: %s %s %s %d %d %s",
                                 theirs.pdev_path, theirs.vdev, format_name(theirs.format), theirs.is_cdrom, theirs.readwrite,
                                 theirs.script, ours.target, ours.vdev, ours.format, ours.cdrom, !ours.readonly, ours.script);
        else if (we)
                verdict = ORACLE_BOTH_READ;
        libxl_device_disk_dispose(&theirs);
        xlu_cfg_destroy(cfg);
        fclose(null);
        return verdict;
}

enum oracle_verdict
oracle_compare_rate(const char *rate, char *why, size_t why_size)
{
        enum oracle_verdict verdict = ORACLE_BOTH_REFUSE;
        libxl_device_nic nic;
        uint64_t bytes = 0;
        uint32_t interval = 0;
        FILE *null = fopen("/dev/null", "w");
        XLU_Config *cfg = xlu_cfg_init(null, "t");
        bool we = xlcfg_vif_rate(rate, &bytes, &interval) == 0, they;

        libxl_device_nic_init(&nic);
        they = xlu_vif_parse_rate(cfg, rate, &nic) == 0;
        if (we != they)
                verdict = differ(why, why_size, "only %s reads %s", we ? "dompool" : "libxlu", rate);
        else if (we && (nic.rate_bytes_per_interval != bytes || nic.rate_interval_usecs != interval))
                verdict = differ(why, why_size, "%s: libxlu %llu/%u, we %llu/%u", rate,
                                 (unsigned long long)nic.rate_bytes_per_interval, nic.rate_interval_usecs,
                                 (unsigned long long)bytes, interval);
        else if (we)
                verdict = ORACLE_BOTH_READ;
        libxl_device_nic_dispose(&nic);
        xlu_cfg_destroy(cfg);
        fclose(null);
        return verdict;
}
