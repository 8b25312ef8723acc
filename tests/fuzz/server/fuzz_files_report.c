/* SPDX-License-Identifier: Apache-2.0 */
/* The body of POST /boot/report: what is accepted has a token and a stage, and no address or time of its own. */
#include <stdint.h>
#include <stdlib.h>

#include "server/role_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct msg_init_report report;
        struct error err = {0};

        if (files_report_parse((const char *)data, size, &report, &err) < 0) {
                if (err.code == ERR_NONE || !*err.message)
                        abort();
                return 0;
        }
        if (size > FILES_REPORT_MAX || !*report.token || !*report.stage || report.address || report.time_ms)
                abort();
        return 0;
}
