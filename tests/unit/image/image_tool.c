/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image builder without a server, for tests/system/test_image.py: image_tool build RECIPE STORE PROGRAMS [NAME] |
 * image_tool loaders STORE | image_tool find STORE NAME | image_tool facts STORE. Prints one line a step and, at the end, the version as JSON.
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/rec_json.h"
#include "image/facts_store.h"
#include "image/image_build.h"
#include "image/image_store.h"

static void
show(void *arg, const char *step, unsigned percent, const char *text)
{
        (void)arg;
        printf("%-10s %3u %% %s\n", step, percent, text);
        fflush(stdout);
}

static void
print_image(const struct image *im)
{
        json_t *obj = rec_to_json(&image_desc, im);
        _cleanup_free_ char *text = obj ? json_text(obj) : NULL;

        if (text)
                puts(text);
        json_decref(obj);
}

int
main(int argc, char **argv)
{
        struct error err = {0};
        struct image im = {0};
        int r = -1;

        if (argc >= 5 && strcmp(argv[1], "build") == 0) {
                char folder[512];
                struct image_build b = {.recipe_dir = argv[2], .store = argv[3], .program_dir = argv[4], .progress = show};

                str_copy(folder, sizeof(folder), argv[2]);
                b.name = argc > 5 ? argv[5] : basename(folder);
                r = image_build(&b, &im, &err);
        } else if (argc == 3 && strcmp(argv[1], "loaders") == 0) {
                return (r = loaders_build(argv[2], &err)) < 0 ? (fprintf(stderr, "%s\n", err.message), 1) : 0;
        } else if (argc == 3 && strcmp(argv[1], "facts") == 0) {
                return (r = facts_store_fill(argv[2], &err)) < 0 ? (fprintf(stderr, "%s\n", err.message), 1) : 0;
        } else if (argc == 4 && strcmp(argv[1], "find") == 0) {
                r = image_store_find(argv[2], argv[3], &im, &err);
        } else {
                fprintf(stderr, "usage: image_tool build RECIPE STORE PROGRAMS [NAME] | loaders STORE | find STORE NAME | facts STORE\n");
                return 2;
        }
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", error_text(err.code), err.message);
                return 1;
        }
        print_image(&im);
        return 0;
}
