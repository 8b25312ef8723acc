/* SPDX-License-Identifier: Apache-2.0 */
/* A lease journal of any bytes: read to its end, and only whole records count. */
#include <assert.h>

#include "server/boot_journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct lease_table *t = lease_table_new();
        struct boot_journal_report report;

        assert(boot_journal_replay(data, size, t, &report) == 0);
        assert(lease_table_count(t) <= report.n_good);
        assert(report.foreign || size == 0 ||
               BOOT_JOURNAL_HEADER_SIZE + (report.n_good + report.n_bad) * BOOT_JOURNAL_RECORD_SIZE + report.torn == size);
        lease_table_free(t);
        return 0;
}
