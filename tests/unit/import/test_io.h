/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_TESTS_IMPORT_TEST_IO_H
#define DOMPOOL_TESTS_IMPORT_TEST_IO_H
/* Files for the importer's tests: those of tests/data/import, or texts in memory; and what is expected of the result. */
#include "import/import.h"

struct test_file {
        const char *path;
        const char *text;
};

/* The texts, NULL-terminated by path; a folder is there when a path lies in it. NULL: files below tests/data/import. */
void
test_io_begin(struct import *im, const struct test_file *files);

/* cmocka's fixture; *state is the struct import. Files are those on disk until a test begins anew. */
int
test_io_setup(void **state);
int
test_io_teardown(void **state);

/* Reads an argument, or fails the test. */
void
test_io_source(struct import *im, const char *argument);

/* Finishes; then @expected must be all that is there, line by line:
 *     host NAME MAC ADDRESS FIRMWARE: BOOTS
 *     KIND FILE:LINE: THING          (for each note) */
void
test_io_expect(struct import *im, const char *expected);

/* Fails unless the note of this thing says these words. */
void
test_io_expect_note(const struct import *im, const char *thing, const char *words);

#endif
