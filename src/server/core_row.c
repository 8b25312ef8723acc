/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host's row as core holds it: the texts short, its reports packed (rec_encode), since there may be 65,536 of them and a
 * report is asked for now and then. What is decided by, of all hosts at once, stands beside. Process: core.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "server/core_private.h"

/* --- packed records --- */

int
core_pack(const struct rec_desc *desc, const void *rec, struct blob *packed)
{
        size_t size = rec_encoded_size(desc, rec);
        _cleanup_free_ uint8_t *buf = malloc(size);

        if (!buf)
                return -ENOMEM;
        rec_encode(desc, rec, buf);
        return blob_set(packed, buf, size);
}

void
core_unpack(const struct rec_desc *desc, const struct blob *packed, void *ret)
{
        /* What core_pack made is decoded again: anything else is a mistake of ours. */
        if (packed->size == 0 || rec_decode(desc, packed->data, packed->size, ret) < 0)
                memset(ret, 0, desc->size);
}

/* --- a row and its parts --- */

int
core_row_describe(struct core_row *row, const struct host *description)
{
        struct host_brief b;
        int r = host_brief_make(description, &b);

        if (r < 0)
                return r;
        host_brief_clear(&row->host);
        row->host = b;
        return 0;
}

const struct host_hardware *
core_row_hardware(const struct core_row *row, struct host_hardware *buf)
{
        core_unpack(&host_hardware_desc, &row->hardware, buf);
        return buf;
}

int
core_row_set_hardware(struct core_row *row, const struct host_hardware *hw)
{
        if (hw->time_ms)
                return core_pack(&host_hardware_desc, hw, &row->hardware);
        blob_clear(&row->hardware);
        return 0;
}

const struct host_inventory *
core_row_inventory(const struct core_row *row, struct host_inventory *buf)
{
        core_unpack(&host_inventory_desc, &row->inventory, buf);
        buf->free_memory_kib = row->can.free_memory_kib;
        return buf;
}

int
core_row_set_inventory(struct core_row *row, const struct host_inventory *inv)
{
        int r = core_pack(&host_inventory_desc, inv, &row->inventory);

        if (r == 0)
                row->can = (struct core_can){.free_memory_kib = inv->free_memory_kib,
                                             .n_cpus = inv->n_cpus,
                                             .hvm = inv->hvm,
                                             .pv = inv->pv,
                                             .pvh = inv->pvh};
        return r;
}

/* --- to and from the database --- */

int
core_row_load(struct core_row *row, const struct store_host *from)
{
        int r;

        *row = (struct core_row){
                .setting = from->setting,
                .state = from->state,
                .since_ms = from->since_ms,
                .address_now = from->address_now,
                .boot = from->boot,
                .attempt_ms = from->attempt_ms,
                .has_session = from->has_session,
                .seen = from->seen,
        };
        memcpy(row->session_sha256, from->session_sha256, sizeof(row->session_sha256));
        r = core_row_describe(row, &from->host);
        if (r == 0)
                r = core_row_set_hardware(row, &from->hardware);
        if (r == 0 && from->has_inventory)
                r = core_row_set_inventory(row, &from->inventory);
        if (r < 0)
                core_row_clear(row);
        return r;
}

void
core_row_expand(const struct core_row *row, struct store_host *ret)
{
        *ret = (struct store_host){
                .setting = row->setting,
                .state = row->state,
                .since_ms = row->since_ms,
                .address_now = row->address_now,
                .boot = row->boot,
                .attempt_ms = row->attempt_ms,
                .has_session = row->has_session,
                .has_inventory = row->inventory.size > 0,
                .seen = row->seen,
        };
        memcpy(ret->session_sha256, row->session_sha256, sizeof(ret->session_sha256));
        host_brief_expand(&row->host, &ret->host);
        core_row_hardware(row, &ret->hardware);
        if (ret->has_inventory)
                core_row_inventory(row, &ret->inventory);
}

void
core_row_clear(struct core_row *row)
{
        host_brief_clear(&row->host);
        blob_clear(&row->inventory);
        blob_clear(&row->hardware);
}
