/* SPDX-License-Identifier: Apache-2.0 */
/* RUN_DIR/kept: text to struct and back. Processes: agent's keep, dompool-init. */
#include "model/keep_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

void
keep_state_write(const struct keep_state *s, char ret[KEEP_STATE_SIZE])
{
        char hex[SHA256_TEXT_SIZE];

        if (s->ok)
                snprintf(ret, KEEP_STATE_SIZE, "ok %s\n", hex_text(s->sha256, sizeof(s->sha256), hex));
        else
                snprintf(ret, KEEP_STATE_SIZE, "trouble %s\n", s->trouble);
}

int
keep_state_read(const char *text, struct keep_state *ret)
{
        static const char ok[] = "ok ", trouble[] = "trouble ";
        char line[KEEP_STATE_SIZE];

        if (!str_copy(line, sizeof(line), text))
                return -EINVAL;
        line[strcspn(line, "\n")] = '\0';
        *ret = (struct keep_state){0};
        if (strncmp(line, ok, strlen(ok)) == 0) {
                ret->ok = true;
                return parse_hex(line + strlen(ok), ret->sha256, sizeof(ret->sha256));
        }
        if (strncmp(line, trouble, strlen(trouble)) != 0 || !line[strlen(trouble)])
                return -EINVAL;
        str_copy(ret->trouble, sizeof(ret->trouble), line + strlen(trouble));
        return 0;
}
