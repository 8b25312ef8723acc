/* SPDX-License-Identifier: Apache-2.0 */
/* The policy snapshot: built, written, mapped; and damaged in every way that must not be believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

/* A file with these bytes. */
static int
file_of(const void *bytes, size_t size)
{
        int fd = memfd_create("policy", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, bytes, size), size);
        return fd;
}

static int
map_bytes(const void *bytes, size_t size)
{
        int fd = file_of(bytes, size), r;
        struct policy *p = NULL;
        struct error err;

        r = policy_map(fd, &p, &err);
        close(fd);
        policy_free(p);
        return r;
}

static void
what_is_written_is_found_again(void **state)
{
        struct policy *built = fixture_policy(), *mapped = NULL;
        const void *bytes;
        struct error err;
        size_t size;
        int fd;

        (void)state;
        assert_non_null(built);
        bytes = policy_bytes(built, &size);
        fd = file_of(bytes, size);
        assert_int_equal(policy_map(fd, &mapped, &err), 0);
        close(fd);
        assert_string_equal(policy_host_by_mac(mapped, &mac_pool)->name, "n1");
        assert_string_equal(policy_host_by_mac(mapped, &mac_fixed)->name, "n2");
        assert_string_equal(policy_host_by_mac(mapped, &mac_no_image)->name, "n3");
        assert_null(policy_host_by_mac(mapped, &mac_unknown));
        assert_string_equal(policy_host_at(mapped, 0)->name, "n1");
        assert_null(policy_host_at(mapped, 3));
        assert_string_equal(policy_image_at(mapped, 0)->id, IMAGE_ID);
        assert_null(policy_image_at(mapped, 1));
        assert_null(policy_image_at(mapped, UINT32_MAX));
        policy_free(mapped);
        policy_free(built);
}

static void
a_cut_file_is_refused_at_every_length(void **state)
{
        struct policy *p = fixture_policy();
        const void *bytes;
        size_t size;

        (void)state;
        bytes = policy_bytes(p, &size);
        assert_int_equal(map_bytes(bytes, size), 0);
        for (size_t n = 0; n < size; n += n < 600 ? 1 : 101)
                assert_true(map_bytes(bytes, n) < 0);
        policy_free(p);
}

static void
damage_is_refused(void **state)
{
        struct policy *p = fixture_policy();
        const void *bytes;
        uint8_t *copy;
        size_t size;

        (void)state;
        bytes = policy_bytes(p, &size);
        copy = malloc(size + 1);
        for (unsigned i = 0; i < 8; i++) {
                struct policy_header *h = (struct policy_header *)copy;
                struct policy_image *image = (struct policy_image *)(h + 1);
                struct policy_host *hosts = (struct policy_host *)((struct policy_profile *)(image + 1) + PROFILE_N);

                memcpy(copy, bytes, size);
                switch (i) {
                case 0:
                        h->magic++;
                        break;
                case 1:
                        h->version++;
                        break;
                case 2:
                        h->n_hosts = 0x10000000;
                        break;
                case 3:
                        memset(h->console, 'x', sizeof(h->console));
                        break;
                case 4:
                        image->id[5] = '/';
                        break;
                case 5:
                        hosts[1].image = 1;
                        break;
                case 6:
                        hosts[2].mac = hosts[1].mac;
                        break;
                default:
                        strcpy(hosts[0].name, "a b");
                }
                if (map_bytes(copy, size) >= 0)
                        fail_msg("damage %u was believed", i);
        }
        free(copy);
        policy_free(p);
}

static void
no_hosts_and_no_images_are_a_policy(void **state)
{
        struct policy_header header;
        const struct policy_parts parts = {.header = &header};
        struct policy *p = NULL;

        (void)state;
        fixture_header(&header);
        header.default_image = UINT32_MAX;
        assert_int_equal(policy_build(&parts, &p), 0);
        assert_null(policy_host_by_mac(p, &mac_pool));
        policy_free(p);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_is_found_again),
                cmocka_unit_test(a_cut_file_is_refused_at_every_length),
                cmocka_unit_test(damage_is_refused),
                cmocka_unit_test(no_hosts_and_no_images_are_a_policy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
