/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with versions that are there: the default moves and goes back, removal, signatures, lists, differences. */
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
#include "image/image_contents.h"
#include "image/image_diff.h"
#include "image/image_files.h"
#include "image/image_gc.h"
#include "image/image_key.h"
#include "image/image_object.h"
#include "image/image_store.h"
#include "image/image_verify.h"

static char store[64];
static struct sign_pair room;
static struct error err;

static int
setup(void **state)
{
        char path[IMAGE_PATH_SIZE];

        (void)state;
        strcpy(store, "/tmp/dompool-versions-XXXXXX");
        if (!mkdtemp(store))
                return -1;
        snprintf(path, sizeof(path), "%s/" IMAGE_KEY_NAME, store);
        return image_key_load(path, &room, &err) < 0 || image_key_publish(store, &room, &err) < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
        (void)state;
        return image_remove(store, &err);
}

static char *path_in(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static char *
path_in(const char *fmt, ...)
{
        static char path[IMAGE_PATH_SIZE];
        int n = snprintf(path, sizeof(path), "%s/", store);
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(path + n, sizeof(path) - (size_t)n, fmt, ap);
        va_end(ap);
        return path;
}

static void
put(const char *name, const char *text)
{
        char path[IMAGE_PATH_SIZE];

        snprintf(path, sizeof(path), "%s/%s", store, name);
        *strrchr(path, '/') = '\0';
        assert_int_equal(image_mkdir(path, &err), 0);
        assert_int_equal(image_write(path_in("%s", name), text, strlen(text), &err), 0);
}

/* A version with a tree: one file that all have, one of its own. */
static struct image
publish(const char *text, int64_t built_ms)
{
        struct image im = {.name = "micro", .recipe = "micro", .built_ms = built_ms};
        char folder[IMAGE_PATH_SIZE], root[IMAGE_PATH_SIZE + 8], list[IMAGE_PATH_SIZE + 16];
        struct contents c = {0};

        str_copy(folder, sizeof(folder), path_in("tmp/%s", "fresh"));
        put("tmp/fresh/vmlinuz", "linux");
        put("tmp/fresh/root/etc/same", "the same in all");
        put("tmp/fresh/root/lib/modules/6.1/kernel/tg3.ko", text);
        snprintf(root, sizeof(root), "%s/root", folder);
        snprintf(list, sizeof(list), "%s/" CONTENTS_NAME, folder);
        assert_int_equal(contents_add_package(&c, "busybox", text, &err), 0);
        assert_int_equal(contents_add_folder(&c, root, &err), 0);
        assert_int_equal(contents_write(&c, list, &err), 0);
        assert_int_equal(image_objects_link(store, root, &c, NULL, &err), 0);
        contents_deinit(&c);
        if (image_store_publish(store, folder, &room, &im, &err) < 0)
                fail_msg("%s", err.message);
        assert_int_equal(image_remove(folder, &err), 0);
        return im;
}

static bool
is_there(const char *id)
{
        return access(path_in("versions/%s/manifest.json", id), F_OK) == 0;
}

static void
a_default_is_set_and_taken_back(void **state)
{
        struct image a = publish("one", 1), b = publish("two", 2), c = publish("three", 3), now;

        (void)state;
        assert_int_equal(image_store_set(store, "micro", a.id, &now, &err), 0);
        assert_int_equal(image_store_find(store, "micro", &now, &err), 0);
        assert_string_equal(now.id, a.id);
        assert_int_equal(image_store_find(store, "micro:previous", &now, &err), 0);
        assert_string_equal(now.id, c.id);
        assert_int_equal(image_store_rollback(store, "micro", &now, &err), 0);
        assert_string_equal(now.id, c.id);
        assert_int_equal(image_store_rollback(store, "micro", &now, &err), 0);
        assert_string_equal(now.id, a.id);
        b.id[16] = '\0';
        assert_int_equal(image_store_set(store, "micro", b.id, &now, &err), 0);
        assert_true(image_store_set(store, "other", a.id, &now, &err) < 0);
        assert_int_equal(err.code, ERR_NOT_FOUND);
        assert_true(image_store_rollback(store, "other", &now, &err) < 0);
}

static void
there_is_nothing_to_go_back_to(void **state)
{
        struct image now;

        (void)state;
        publish("one", 1);
        assert_true(image_store_rollback(store, "micro", &now, &err) < 0);
        assert_int_equal(err.code, ERR_STATE);
}

static void
a_begin_of_an_id_is_enough(void **state)
{
        struct image a = publish("one", 1), found;
        char digits[IMAGE_ID_SIZE];

        (void)state;
        str_copy(digits, sizeof(digits), a.id);
        digits[16] = '\0';
        assert_int_equal(image_store_find(store, digits, &found, &err), 0);
        assert_string_equal(found.id, a.id);
        digits[0] = digits[0] == 'f' ? '0' : 'f';
        assert_true(image_store_find(store, digits, &found, &err) < 0);
        assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void
what_a_tag_names_is_not_removed(void **state)
{
        struct image a = publish("one", 1), b = publish("two", 2), c = publish("three", 3);
        char ids[2][IMAGE_ID_SIZE];
        struct image_gc_result done;

        (void)state;
        str_copy(ids[0], sizeof(ids[0]), a.id);
        str_copy(ids[1], sizeof(ids[1]), b.id);
        assert_true(image_gc_remove(store, (const char(*)[IMAGE_ID_SIZE])ids, 2, &done, &err) < 0);
        assert_int_equal(err.code, ERR_BUSY);
        assert_non_null(strstr(err.message, "micro:previous"));
        assert_true(is_there(a.id) && is_there(b.id) && is_there(c.id));
        assert_int_equal(image_gc_remove(store, (const char(*)[IMAGE_ID_SIZE])ids, 1, &done, &err), 0);
        assert_int_equal(done.versions, 1);
        assert_true(!is_there(a.id) && is_there(b.id) && is_there(c.id));
        /* Again, after a restart: it is done already. */
        assert_int_equal(image_gc_remove(store, (const char(*)[IMAGE_ID_SIZE])ids, 1, &done, &err), 0);
        assert_int_equal(done.versions, 0);
}

static uint64_t
links(const char *path)
{
        struct stat st;

        return stat(path, &st) < 0 ? 0 : (uint64_t)st.st_nlink;
}

static void
versions_share_what_is_the_same(void **state)
{
        struct image a = publish("one", 1), b, c;
        char ids[1][IMAGE_ID_SIZE];
        struct image_gc_result done;
        uint64_t bytes;

        (void)state;
        b = publish("two", 2);
        c = publish("three", 3);
        assert_int_equal(links(path_in("versions/%s/root/etc/same", a.id)), 4); /* three trees and the object */
        assert_int_equal(links(path_in("versions/%s/root/lib/modules/6.1/kernel/tg3.ko", c.id)), 2);
        str_copy(ids[0], sizeof(ids[0]), a.id);
        assert_int_equal(image_gc_remove(store, (const char(*)[IMAGE_ID_SIZE])ids, 1, &done, &err), 0);
        assert_int_equal(links(path_in("versions/%s/root/etc/same", b.id)), 3);
        assert_int_equal(image_objects_sweep(store, true, &bytes, &err), 0);
        assert_int_equal(bytes, 0); /* the removed version's own object went with it */
}

static void
what_a_dead_build_left_is_swept(void **state)
{
        struct image_gc_result done;

        (void)state;
        put("tmp/build-1/root/etc/left", "x");
        assert_int_equal(image_gc_remove(store, NULL, 0, &done, &err), 0);
        assert_true(access(path_in("tmp/%s", "build-1"), F_OK) < 0);
}

static void
a_version_is_verified_byte_by_byte(void **state)
{
        struct image a = publish("one", 1);
        struct image_verify v;

        (void)state;
        assert_int_equal(image_verify(store, &a, &v, &err), 0);
        assert_int_equal(v.n_damaged, 0);
        assert_int_equal(v.files, 4); /* vmlinuz, contents, and two of the tree */
}

static void
replace(const char *path, const char *text)
{
        assert_int_equal(image_write(strdupa(path), text, strlen(text), &err), 0);
}

static void
damage_is_named(void **state)
{
        struct image a = publish("one", 1);
        struct image_verify v;

        (void)state;
        replace(path_in("versions/%s/vmlinuz", a.id), "linuX");
        replace(path_in("versions/%s/root/etc/same", a.id), "not the same");
        replace(path_in("versions/%s/root/etc/more", a.id), "a stranger's");
        unlink(path_in("versions/%s/root/lib/modules/6.1/kernel/tg3.ko", a.id));
        assert_int_equal(image_verify(store, &a, &v, &err), 0);
        assert_true(v.n_damaged >= 4);
        assert_string_equal(v.damaged[0], "vmlinuz: its SHA-256 is not the one that was signed");
}

static void
a_changed_manifest_or_another_rooms_is_refused(void **state)
{
        struct image a = publish("one", 1);
        struct image_verify v;
        struct sign_pair other;
        char folder[IMAGE_PATH_SIZE];

        (void)state;
        str_copy(folder, sizeof(folder), path_in("versions/%s", a.id));
        assert_int_equal(sign_pair_new(&other), 0);
        assert_int_equal(image_sign(folder, &other, &err), 0);
        assert_true(image_verify(store, &a, &v, &err) < 0);
        assert_int_equal(err.code, ERR_DENIED);
        unlink(path_in("versions/%s/manifest.sig", a.id));
        assert_true(image_verify(store, &a, &v, &err) < 0);
        assert_non_null(strstr(err.message, "not signed"));
        /* Building it again signs it. */
        publish("one", 1);
        assert_int_equal(image_verify(store, &a, &v, &err), 0);
}

static void
a_key_that_others_can_read_is_no_key(void **state)
{
        struct sign_pair again;
        char path[IMAGE_PATH_SIZE];

        (void)state;
        str_copy(path, sizeof(path), path_in("%s", IMAGE_KEY_NAME));
        assert_int_equal(image_key_load(path, &again, &err), 0);
        assert_memory_equal(&again, &room, sizeof(again));
        assert_int_equal(chmod(path, 0644), 0);
        assert_true(image_key_load(path, &again, &err) < 0);
        assert_int_equal(err.code, ERR_DENIED);
}

static void
a_difference_names_files_packages_and_modules(void **state)
{
        struct image a = publish("one", 1), b = publish("three", 2);
        _cleanup_free_ char *text = NULL;
        json_t *json;

        (void)state;
        str_copy(b.kernel_args, sizeof(b.kernel_args), "quiet");
        assert_int_equal(image_diff_json(store, &a, &b, &json, &err), 0);
        text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
        json_decref(json);
        assert_non_null(strstr(text, "\"counts\":{\"added\":0,\"changed\":1,\"removed\":0}"));
        assert_non_null(strstr(text, "\"modules\":[{\"change\":\"changed\",\"name\":\"tg3\"}]"));
        assert_non_null(
                strstr(text, "\"packages\":[{\"change\":\"changed\",\"from\":\"one\",\"name\":\"busybox\",\"to\":\"three\"}]"));
        assert_non_null(strstr(text, "\"path\":\"/lib/modules/6.1/kernel/tg3.ko\",\"size_from\":3,\"size_to\":5"));
        assert_non_null(strstr(text, "\"from\":\"\",\"to\":\"quiet\",\"what\":\"kernel args\""));
        assert_non_null(strstr(text, "\"bytes\":2"));
}

static void
a_list_that_is_none_names_its_line(void **state)
{
        static const char *const bad[] = {
                "package\tx\n",
                "file\t644\t0\t0\t3\tabc\t/x\n",
                "dir\t0755\t0\t0\tx\n",
                "dir\t999\t0\t0\t/x\n",
                "link\t0\t0\t/x\n",
                "nonsense\n",
                "dir\t755\t0\t0\t/x\textra\n",
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                char text[128];
                struct contents c;

                snprintf(text, sizeof(text), "package\tbusybox\t1.35\n%s", bad[i]);
                assert_true(contents_parse(&c, "contents", text, &err) < 0);
                assert_non_null(strstr(err.message, "contents:2"));
        }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_default_is_set_and_taken_back),
                TEST(there_is_nothing_to_go_back_to),
                TEST(a_begin_of_an_id_is_enough),
                TEST(what_a_tag_names_is_not_removed),
                TEST(versions_share_what_is_the_same),
                TEST(what_a_dead_build_left_is_swept),
                TEST(a_version_is_verified_byte_by_byte),
                TEST(damage_is_named),
                TEST(a_changed_manifest_or_another_rooms_is_refused),
                TEST(a_key_that_others_can_read_is_no_key),
                TEST(a_difference_names_files_packages_and_modules),
                TEST(a_list_that_is_none_names_its_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
