/* SPDX-License-Identifier: Apache-2.0 */
/* The body of POST /boot/report. Pure: reads strangers' bytes; runs in files. Whether the token in it is good is core's
 * business. */
#include <string.h>

#include "base/rec_json.h"
#include "server/role_files.h"

int
files_report_parse(const char *body, size_t size, struct msg_init_report *ret, struct error *err)
{
        json_t *json = json_parse(body, size, FILES_REPORT_MAX, err);
        int r;

        if (!json)
                return error_to_errno(err->code);
        r = rec_from_json(message_desc(MSG_INIT_REPORT), json, ret, err);
        json_decref(json);
        if (r < 0)
                return r;
        if (!*ret->token || !*ret->stage) {
                memset(ret, 0, sizeof(*ret));
                return error_set(err, ERR_INVALID, "a report has a token and a stage");
        }
        return 0;
}
