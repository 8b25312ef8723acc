/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_CTL_IMPORT_FILES_H
#define DOMPOOL_CTL_IMPORT_FILES_H
/* The importer's files are this machine's. */
#include "import/import.h"

extern const struct import_io import_files_io;

#endif
