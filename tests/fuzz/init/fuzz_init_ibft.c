/* SPDX-License-Identifier: Apache-2.0 */
/* An iBFT of a lying firmware: a line for each file that the kernel shows. What is taken can be an argument and a word of a
 * log. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "init/init_ibft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name(const char *name)
{
        assert(strlen(name) < INIT_IBFT_NAME_SIZE && !strpbrk(name, " \t\n\033"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct init_root menu = {.kind = INIT_ROOT_ISCSI, .address = 1, .port = 3260, .lun = 1}, r;
        char *text = malloc(size + 1), *save = NULL, why[INIT_IBFT_TEXT_SIZE];
        struct init_ibft t = {0};
        size_t i = 0;

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                (void)init_ibft_take(&t, i++, line);
        check_name(t.initiator);
        for (i = 0; i < INIT_IBFT_TARGETS; i++)
                check_name(t.targets[i].name);
        if (strlen(t.targets[0].name) < sizeof(menu.name))
                strcpy(menu.name, t.targets[0].name);
        if (init_ibft_choose(&t, &menu, &r, why))
                assert(r.address && r.port && r.lun <= 255);
        else
                assert(r.address == 1 && r.port == 3260 && r.lun == 1);
        assert(strcmp(r.name, menu.name) == 0 && strlen(why) < sizeof(why));
        free(text);
        return 0;
}
