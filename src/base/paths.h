/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_PATHS_H
#define DOMPOOL_BASE_PATHS_H
/* Where our own programs and data are: beside the running program (a build tree has all programs in one folder), else installed. */
#include <stddef.h>

#define PROGRAM_PATH_SIZE 512

/* "dompool-agent" -> full path of an existing executable; 0 or -ENOENT. */
int
paths_program(const char *name, char ret[PROGRAM_PATH_SIZE]);

/* A folder of ours, "images/micro" or "loaders"; 0 or -ENOENT. In a build tree: the source tree's. */
int
paths_data(const char *name, char ret[PROGRAM_PATH_SIZE]);

#endif
