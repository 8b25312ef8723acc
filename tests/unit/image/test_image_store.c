/* SPDX-License-Identifier: Apache-2.0 */
/* The image store and the archive: same content, same id; tags; what a reader finds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "image/image_files.h"
#include "image/image_store.h"
#include "image/image_tree.h"

static char store[64];

static int
setup(void **state)
{
        (void)state;
        strcpy(store, "/tmp/dompool-store-XXXXXX");
        return mkdtemp(store) ? 0 : -1;
}

static int
teardown(void **state)
{
        struct error err;

        (void)state;
        return image_remove(store, &err);
}

static char *
path_in(const char *name)
{
        static char path[IMAGE_PATH_SIZE];

        snprintf(path, sizeof(path), "%s/%s", store, name);
        return path;
}

/* Publishes an image whose initrd has the given text. */
static struct image
publish(const char *text, int64_t built_ms)
{
        struct image im = {.name = "micro", .recipe = "micro", .xen_args = "dom0_mem=1G", .built_ms = built_ms};
        char folder[IMAGE_PATH_SIZE];
        struct error err;

        strcpy(folder, path_in("fresh"));
        assert_int_equal(image_mkdir(folder, &err), 0);
        assert_int_equal(image_write(path_in("fresh/xen.gz"), "xen", 3, &err), 0);
        assert_int_equal(image_write(path_in("fresh/vmlinuz"), "linux", 5, &err), 0);
        assert_int_equal(image_write(path_in("fresh/initrd"), text, strlen(text), &err), 0);
        if (image_store_publish(store, folder, NULL, &im, &err) < 0)
                fail_msg("%s", err.message);
        assert_int_equal(image_remove(folder, &err), 0);
        return im;
}

static void
test_a_published_image_is_found_by_tag_and_by_id(void **state)
{
        struct image im = publish("one", 1000), found;
        struct error err;

        (void)state;
        assert_int_equal(im.n_files, 3);
        assert_string_equal(im.files[0].name, "initrd");
        assert_int_equal(im.files[2].size, 3);
        assert_int_equal(image_store_find(store, "micro", &found, &err), 0);
        assert_string_equal(found.id, im.id);
        assert_int_equal(image_store_find(store, im.id, &found, &err), 0);
        assert_string_equal(found.xen_args, "dom0_mem=1G");
        assert_int_equal(image_store_find(store, "micro:previous", &found, &err), -ENOENT);
}

static void
test_the_same_content_is_the_same_version_and_moves_no_tag(void **state)
{
        struct image a = publish("one", 1000), b = publish("one", 2000), found, *list;
        struct error err;
        size_t n;

        (void)state;
        assert_string_equal(a.id, b.id);
        assert_int_equal(b.built_ms, 1000);
        assert_int_equal(image_store_find(store, "micro:previous", &found, &err), -ENOENT);
        assert_int_equal(image_store_list(store, &list, &n, &err), 0);
        assert_int_equal(n, 1);
        free(list);
}

static void
test_a_new_version_makes_the_old_one_previous(void **state)
{
        struct image a = publish("one", 1000), b = publish("two", 2000), found, *list;
        struct error err;
        size_t n;

        (void)state;
        assert_int_equal(image_store_find(store, "micro:current", &found, &err), 0);
        assert_string_equal(found.id, b.id);
        assert_int_equal(image_store_find(store, "micro:previous", &found, &err), 0);
        assert_string_equal(found.id, a.id);
        assert_int_equal(image_store_list(store, &list, &n, &err), 0);
        assert_int_equal(n, 2);
        assert_string_equal(list[0].id, b.id);
        free(list);
        /* Back to the old content: it is current again. */
        publish("one", 3000);
        assert_int_equal(image_store_find(store, "micro", &found, &err), 0);
        assert_string_equal(found.id, a.id);
}

static void
test_arguments_are_part_of_the_id(void **state)
{
        struct image a = publish("one", 1), b = {.name = "micro", .xen_args = "dom0_mem=2G"};
        struct error err;
        char folder[IMAGE_PATH_SIZE];

        (void)state;
        strcpy(folder, path_in("fresh"));
        assert_int_equal(image_mkdir(folder, &err), 0);
        assert_int_equal(image_write(path_in("fresh/xen.gz"), "xen", 3, &err), 0);
        assert_int_equal(image_write(path_in("fresh/vmlinuz"), "linux", 5, &err), 0);
        assert_int_equal(image_write(path_in("fresh/initrd"), "one", 3, &err), 0);
        assert_int_equal(image_store_publish(store, folder, NULL, &b, &err), 0);
        assert_string_not_equal(a.id, b.id);
}

static void
test_a_missing_image_says_what_there_is(void **state)
{
        struct image found;
        struct error err;

        (void)state;
        assert_int_equal(image_store_find(store, "micro", &found, &err), -ENOENT);
        assert_non_null(strstr(err.message, "dompool image build"));
        publish("one", 1);
        assert_int_equal(image_store_find(store, "mirco", &found, &err), -ENOENT);
        assert_non_null(strstr(err.message, "there are: micro"));
        assert_int_equal(image_store_find(store, "../../etc/passwd", &found, &err), -ENOENT);
        assert_int_equal(image_store_find(store, "micro:oldest", &found, &err), -EINVAL);
}

static void
test_a_damaged_version_hides_no_other(void **state)
{
        struct image a = publish("one", 1), *list;
        char path[IMAGE_PATH_SIZE];
        struct error err;
        size_t n;

        (void)state;
        publish("two", 2);
        snprintf(path, sizeof(path), "%s/versions/%s/manifest.json", store, a.id);
        assert_int_equal(truncate(path, 10), 0);
        assert_int_equal(image_store_list(store, &list, &n, &err), 0);
        assert_int_equal(n, 1);
        free(list);
        /* Publishing it again heals it. */
        publish("one", 3);
        assert_int_equal(image_store_list(store, &list, &n, &err), 0);
        assert_int_equal(n, 2);
        free(list);
}

static void
write_archive(const char *name, bool reverse, char ret[IMAGE_PATH_SIZE])
{
        struct error err;
        struct tree t = {0};
        char source[IMAGE_PATH_SIZE];

        strcpy(source, path_in("source"));
        assert_int_equal(image_write(source, "#!/bin/sh\n", 10, &err), 0);
        for (int i = 0; i < 2; i++) {
                if ((i == 0) != reverse)
                        assert_int_equal(tree_add_file(&t, "/usr/bin/x", source, 0755, &err), 0);
                else
                        assert_int_equal(tree_add_link(&t, "/bin/x", "../usr/bin/x", &err), 0);
        }
        assert_int_equal(tree_add_folder(&t, "/tmp", 01777, &err), 0);
        assert_int_equal(tree_add_file(&t, "/usr/bin/x", source, 0755, &err), -EEXIST);
        strcpy(ret, path_in(name));
        assert_int_equal(tree_write(&t, ret, "zstd", 3, &err), 0);
        tree_deinit(&t);
}

static void
test_the_archive_depends_on_its_contents_alone(void **state)
{
        char a[IMAGE_PATH_SIZE], b[IMAGE_PATH_SIZE], command[IMAGE_PATH_SIZE * 2], out[1000] = "";
        uint8_t x[32], y[32];
        struct error err;
        FILE *f;

        (void)state;
        write_archive("a", false, a);
        sleep(1);
        write_archive("b", true, b);
        assert_int_equal(image_hash(a, x, NULL, &err), 0);
        assert_int_equal(image_hash(b, y, NULL, &err), 0);
        assert_memory_equal(x, y, sizeof(x));
        snprintf(command, sizeof(command), "zstd -dc %s | cpio -itv --quiet 2>&1", a);
        f = popen(command, "re");
        assert_non_null(f);
        assert_true(fread(out, 1, sizeof(out) - 1, f) > 0);
        pclose(f);
        assert_non_null(strstr(out, "drwxrwxrwt"));
        assert_non_null(strstr(out, "-rwxr-xr-x   1 root     root           10 Jan  1  1970 usr/bin/x"));
        assert_non_null(strstr(out, "bin/x -> ../usr/bin/x"));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_published_image_is_found_by_tag_and_by_id, setup, teardown),
                cmocka_unit_test_setup_teardown(test_the_same_content_is_the_same_version_and_moves_no_tag, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_new_version_makes_the_old_one_previous, setup, teardown),
                cmocka_unit_test_setup_teardown(test_arguments_are_part_of_the_id, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_missing_image_says_what_there_is, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_damaged_version_hides_no_other, setup, teardown),
                cmocka_unit_test_setup_teardown(test_the_archive_depends_on_its_contents_alone, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
