/* SPDX-License-Identifier: Apache-2.0 */
/* Names and record table of operations. Pure; linked by every program. */
#include "model/operation.h"

const char *const op_kind_names[] = {
        [OP_DOMAIN_CREATE] = "domain-create",
        [OP_DOMAIN_SHUTDOWN] = "domain-shutdown",
        [OP_DOMAIN_DESTROY] = "domain-destroy",
        [OP_HOST_REBOOT] = "host-reboot",
        [OP_IMAGE_BUILD] = "image-build",
        [OP_IMAGE_SET_DEFAULT] = "image-set-default",
        [OP_IMAGE_ROLLBACK] = "image-rollback",
        [OP_IMAGE_REMOVE] = "image-rm",
        [OP_IMAGE_GC] = "image-gc",
        [OP_IMAGE_VERIFY] = "image-verify",
        [OP_KIND_N] = NULL,
};

const char *const op_state_names[] = {
        [OP_QUEUED] = "queued", [OP_RUNNING] = "running", [OP_DONE] = "done", [OP_FAILED] = "failed", NULL,
};

static const struct rec_field operation_fields[] = {
        REC_U64(struct operation, id),
        REC_ENUM(struct operation, kind, op_kind_names),
        REC_ENUM(struct operation, state, op_state_names),
        REC_U64(struct operation, epoch),
        REC_STR(struct operation, target),
        REC_STR(struct operation, host),
        REC_STR(struct operation, version),
        REC_STR(struct operation, step),
        REC_U32(struct operation, percent),
        REC_STR(struct operation, error_code),
        REC_STR(struct operation, error_text),
        REC_STR(struct operation, by),
        REC_I64(struct operation, created_ms),
        REC_I64(struct operation, updated_ms),
};
const struct rec_desc operation_desc = REC_DESC(struct operation, operation_fields);
