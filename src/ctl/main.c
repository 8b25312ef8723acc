/* SPDX-License-Identifier: Apache-2.0 */
/* The program dompool: the administrator's and user's command line. All of it is in ctl_main.c. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ctl/ctl.h"

int
main(int argc, char **argv)
{
        setlocale(LC_CTYPE, "");
        log_init("dompool", getenv("DOMPOOL_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING);
        return ctl_main(argc, argv);
}
