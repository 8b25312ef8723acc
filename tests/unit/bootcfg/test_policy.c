/* SPDX-License-Identifier: Apache-2.0 */
/* The policy snapshot: built, written, mapped; and damaged in every way that must not be believed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sealed.h"
#include "bootcfg/policy_format.h"
#include "bootcfg/policy_once.h"
#include "fixture.h"

static int
map_bytes(const void *bytes, size_t size, struct policy **ret)
{
        struct error err;
        int fd, r;

        assert_int_equal(sealed_file_new("policy", bytes, size, &fd), 0);
        r = policy_map(fd, ret, &err);
        close(fd);
        return r;
}

static bool
believed(const void *bytes, size_t size)
{
        struct policy *p = NULL;
        int r = map_bytes(bytes, size, &p);

        policy_free(p);
        return r == 0;
}

static void
what_is_written_is_found_again(void **state)
{
        struct policy *built = fixture_policy(), *mapped = NULL;
        struct policy_host h;
        const void *bytes;
        size_t size;

        (void)state;
        assert_non_null(built);
        bytes = policy_bytes(built, &size);
        assert_int_equal(map_bytes(bytes, size, &mapped), 0);
        assert_string_equal(policy_host_by_mac(mapped, &mac_pool, &h)->name, "n1");
        assert_string_equal(policy_host_by_mac(mapped, &mac_fixed, &h)->name, "n2");
        assert_string_equal(policy_host_by_mac(mapped, &mac_no_image, &h)->name, "n3");
        assert_null(policy_host_by_mac(mapped, &mac_unknown, &h));
        assert_string_equal(policy_host_by_address(mapped, FIXED_ADDRESS, &h)->name, "n2");
        assert_null(policy_host_by_address(mapped, RANGE_FIRST, &h));
        assert_null(policy_host_by_address(mapped, 0, &h)); /* hosts without an address are not at 0 */
        assert_true(mac_eq(&policy_host_by_name(mapped, "n3", &h)->mac, &mac_no_image));
        assert_null(policy_host_by_name(mapped, "n4", &h));
        assert_string_equal(policy_host_at(mapped, 0, &h)->name, "n1");
        assert_null(policy_host_at(mapped, 3, &h));
        assert_string_equal(policy_image_at(mapped, 0)->id, IMAGE_ID);
        assert_null(policy_image_at(mapped, 1));
        assert_null(policy_image_at(mapped, UINT32_MAX));
        policy_free(mapped);
        policy_free(built);
}

/* Every number of hosts up to some hundred, so that indices of all fillings are seen. */
static void
hosts_are_found_in_rooms_of_every_size(void **state)
{
        enum { MANY = 300 };
        static char names[MANY][16];
        struct policy_host hosts[MANY], h;
        struct policy_header header;
        struct policy_image image;

        (void)state;
        fixture_header(&header);
        fixture_image(&image);
        for (uint32_t n = 0; n <= MANY; n += n < 20 ? 1 : 29) {
                struct policy *p;

                for (uint32_t i = 0; i < n; i++) {
                        const struct mac mac = {{2, 0, (uint8_t)(i * 37), 0, (uint8_t)(i >> 8), (uint8_t)i}};

                        snprintf(names[i], sizeof(names[i]), "host%u", i);
                        fixture_host(&hosts[i], names[i], &mac, PROFILE_LOCAL, NET_ADDRESS + 1 + i, 0);
                }
                p = fixture_build(&header, &image, 1, hosts, n);
                assert_non_null(p);
                for (uint32_t i = 0; i < n; i++) {
                        assert_string_equal(policy_host_by_mac(p, &hosts[i].mac, &h)->name, names[i]);
                        assert_string_equal(policy_host_by_address(p, NET_ADDRESS + 1 + i, &h)->name, names[i]);
                        assert_true(mac_eq(&policy_host_by_name(p, names[i], &h)->mac, &hosts[i].mac));
                        assert_string_equal(policy_host_at(p, h.index, &h)->name, names[i]);
                }
                assert_null(policy_host_by_mac(p, &mac_unknown, &h));
                policy_free(p);
        }
}

static void
what_hosts_share_is_there_once(void **state)
{
        enum { MANY = 1000 };
        struct policy_host hosts[MANY];
        static char names[MANY][16];
        struct policy_header header;
        struct policy_image image;
        struct policy *p;
        size_t size;

        (void)state;
        fixture_header(&header);
        fixture_image(&image);
        for (uint32_t i = 0; i < MANY; i++) {
                const struct mac mac = {{2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i}};

                snprintf(names[i], sizeof(names[i]), "h%u", i);
                fixture_host(&hosts[i], names[i], &mac, PROFILE_POOL, 0, 0);
                hosts[i].xen_args = i % 2 ? "dom0_mem=1G a long line of words that are the same for many" : "";
        }
        p = fixture_build(&header, &image, 1, hosts, MANY);
        policy_bytes(p, &size);
        assert_int_equal(policy_header(p)->n_settings, 2);
        assert_int_equal(policy_header(p)->n_choices, 1);
        assert_in_range(size, MANY * sizeof(struct policy_row), 64 * MANY + 16384);
        policy_free(p);
}

/* n1 and n3 boot by an order, n2 has their setting without it. */
static void
an_order_for_the_next_boot_is_ended_for_one_host(void **state)
{
        const struct policy_choice choices[] = {
                {.profile = PROFILE_POOL, .rule = POLICY_NONE, .image = POLICY_HOSTS_IMAGE, .by = POLICY_BY_ONCE, .set_s = 7},
                {.profile = PROFILE_LOCAL, .rule = POLICY_NONE, .image = POLICY_HOSTS_IMAGE, .by = POLICY_BY_HOST}};
        const struct mac macs[] = {{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}, {{2, 0, 0, 0, 0, 3}}};
        static const char *const names[] = {"n1", "n2", "n3"};
        struct policy_host hosts[3], h;
        struct policy_header header;
        struct policy_image image;
        struct policy *p, *after;
        uint8_t *bytes;
        size_t size;
        int fd;

        (void)state;
        fixture_header(&header);
        fixture_image(&image);
        for (size_t i = 0; i < 3; i++) {
                fixture_host(&hosts[i], names[i], &macs[i], PROFILE_LOCAL, 0, 0);
                hosts[i].choices = i == 1 ? choices + 1 : choices;
                hosts[i].n_choices = i == 1 ? 1 : 2;
        }
        p = fixture_build(&header, &image, 1, hosts, 3);
        assert_non_null(p);
        assert_int_equal(policy_once_of(policy_host_by_name(p, "n1", &h))->set_s, 7);
        assert_null(policy_once_of(policy_host_by_name(p, "n2", &h)));
        assert_int_equal(policy_once_end(p, &macs[1], 99, &bytes, &size), -ENOENT);
        assert_int_equal(policy_once_end(p, &mac_unknown, 99, &bytes, &size), -ENOENT);
        assert_int_equal(policy_once_end(p, &macs[0], 99, &bytes, &size), 0);
        assert_int_equal(sealed_file_new("policy", bytes, size, &fd), 0);
        free(bytes);
        assert_int_equal(policy_map(fd, &after, &(struct error){0}), 0);
        close(fd);
        assert_int_equal(policy_header(after)->generation, 99);
        policy_host_by_name(after, "n1", &h);
        assert_int_equal(h.n_choices, 1);
        assert_int_equal(h.choices[0].by, POLICY_BY_HOST);
        assert_non_null(policy_once_of(policy_host_by_name(after, "n3", &h)));
        policy_free(after);
        policy_free(p);
}

static void
of_two_with_one_address_the_first_keeps_it(void **state)
{
        struct policy_header header;
        struct policy_image image;
        struct policy_host hosts[2], h;
        struct policy *p;

        (void)state;
        fixture_header(&header);
        fixture_image(&image);
        fixture_host(&hosts[0], "late", &mac_fixed, PROFILE_LOCAL, FIXED_ADDRESS, 0);
        fixture_host(&hosts[1], "early", &mac_pool, PROFILE_LOCAL, FIXED_ADDRESS, 0);
        p = fixture_build(&header, &image, 1, hosts, 2);
        assert_string_equal(policy_host_by_address(p, FIXED_ADDRESS, &h)->name, "early"); /* by its MAC */
        policy_free(p);
}

static void
no_policy_is_built_of_nonsense(void **state)
{
        struct policy_header header;
        struct policy_image image;
        struct policy_host hosts[2];
        static const struct policy_choice to_nowhere = {.profile = PROFILE_N, .rule = POLICY_NONE, .image = POLICY_NONE};

        (void)state;
        fixture_header(&header);
        fixture_image(&image);
        fixture_host(&hosts[0], "a", &mac_pool, PROFILE_POOL, 0, 0);
        fixture_host(&hosts[1], "b", &mac_pool, PROFILE_POOL, 0, 0);
        assert_null(fixture_build(&header, &image, 1, hosts, 2)); /* one MAC twice */
        hosts[1].mac = mac_fixed;
        hosts[1].choices = &to_nowhere;
        assert_null(fixture_build(&header, &image, 1, hosts, 2));
}

static void
a_file_that_may_change_is_refused(void **state)
{
        struct policy *p = fixture_policy(), *mapped;
        int fd = memfd_create("policy", MFD_CLOEXEC), sealed;
        const void *bytes;
        struct error err;
        size_t size;

        (void)state;
        bytes = policy_bytes(p, &size);
        assert_int_equal(write(fd, bytes, size), size);
        assert_true(policy_map(fd, &mapped, &err) < 0);
        assert_int_equal(sealed_file_copy("policy", fd, size - 1, &sealed), -EFBIG);
        assert_int_equal(sealed_file_copy("policy", fd, size, &sealed), 0);
        assert_int_equal(policy_map(sealed, &mapped, &err), 0);
        assert_true(write(sealed, bytes, 1) < 0 && ftruncate(sealed, 0) < 0);
        close(fd);
        close(sealed);
        policy_free(mapped);
        policy_free(p);
}

static void
a_cut_file_is_refused_at_every_length(void **state)
{
        struct policy *p = fixture_policy();
        const void *bytes;
        size_t size;

        (void)state;
        bytes = policy_bytes(p, &size);
        assert_true(believed(bytes, size));
        for (size_t n = 0; n < size; n += n < 600 || n > size - 600 ? 1 : 101)
                assert_false(believed(bytes, n));
        policy_free(p);
}

static void
a_flipped_bit_is_seen_wherever_it_is(void **state)
{
        struct policy *p = fixture_policy();
        const uint8_t *bytes;
        uint8_t *copy;
        size_t size;

        (void)state;
        bytes = policy_bytes(p, &size);
        copy = malloc(size);
        memcpy(copy, bytes, size);
        for (size_t n = 0; n < size; n += n < 200 || n > size - 600 ? 1 : 37) {
                copy[n] ^= (uint8_t)(1 << n % 8);
                if (believed(copy, size))
                        fail_msg("a flipped bit in byte %zu was believed", n);
                copy[n] = bytes[n];
        }
        assert_true(believed(copy, size));
        free(copy);
        policy_free(p);
}

/* What has the right checksum all the same, because it was made so: bytes to overwrite in a table, or in the header. */
#define IN_HEADER PART_N
#define OF_HEADER(FIELD) IN_HEADER, offsetof(struct policy_header, FIELD)

static const struct {
        enum policy_part part;
        size_t at;
        uint64_t value;
        size_t size;
} damages[] = {
        {OF_HEADER(magic), 1, 4},
        {OF_HEADER(version), POLICY_VERSION - 1, 4},
        {OF_HEADER(size), 100, 8},
        {OF_HEADER(n_hosts), 0x10000000, 4},
        {OF_HEADER(n_slots), 0, 4},
        {OF_HEADER(n_texts), 0, 4},
        {OF_HEADER(n_networks), 0, 4},
        {OF_HEADER(n_networks), CONFIG_MAX_NETWORKS + 1, 4},
        {OF_HEADER(default_image), 1, 4},
        {PART_IMAGES, offsetof(struct policy_image, id), '/', 1},
        {PART_SETTINGS, offsetof(struct policy_setting, image), 1, 4},
        {PART_SETTINGS, offsetof(struct policy_setting, console), UINT32_MAX, 4},
        {PART_SETTINGS, offsetof(struct policy_setting, choices), 3, 4},
        {PART_SETTINGS, offsetof(struct policy_setting, choices), UINT32_MAX, 4},
        {PART_SETTINGS, offsetof(struct policy_setting, n_choices), 0, 2},
        {PART_SETTINGS, offsetof(struct policy_setting, n_choices), POLICY_MAX_CHOICES + 1, 2},
        {PART_SETTINGS, offsetof(struct policy_setting, n_quirks), 1, 2},
        {PART_CHOICES, offsetof(struct policy_choice, profile), PROFILE_N, 4},
        {PART_CHOICES, offsetof(struct policy_choice, by), POLICY_BY_N, 1},
        {PART_HOSTS, offsetof(struct policy_row, mac), 0xff, 1}, /* out of order */
        {PART_HOSTS, offsetof(struct policy_row, name), 0, 4},   /* the empty text */
        {PART_HOSTS, offsetof(struct policy_row, name), 1u << 20, 4},
        {PART_HOSTS, offsetof(struct policy_row, setting), 3, 4},
        {PART_BY_MAC, 0, 4, 4}, /* a fourth host */
        {PART_BY_NAME, 0, 0x0101010101010101, 8},
        {PART_TEXTS, 0, 'x', 1}, /* the empty text */
        {PART_TEXTS, 1, ' ', 1}, /* in a name */
};

static void
damage_is_refused_though_the_checksum_is_right(void **state)
{
        struct policy *p = fixture_policy();
        const void *bytes;
        uint8_t *copy;
        size_t size;

        (void)state;
        bytes = policy_bytes(p, &size);
        copy = malloc(size);
        for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
                memcpy(copy, bytes, size);
                memcpy(copy + (damages[i].part == IN_HEADER ? 0 : p->at[damages[i].part]) + damages[i].at, &damages[i].value,
                       damages[i].size);
                policy_checksum(copy, size);
                if (believed(copy, size))
                        fail_msg("damage %zu was believed", i);
        }
        memcpy(copy, bytes, size);
        for (uint32_t i = 0; i < policy_header(p)->n_slots; i++) /* no search would end */
                ((uint32_t *)(void *)(copy + p->at[PART_BY_MAC]))[i] = 1;
        policy_checksum(copy, size);
        assert_false(believed(copy, size));
        free(copy);
        policy_free(p);
}

static void
a_damaged_enrolment_rule_is_refused(void **state)
{
        static const struct {
                size_t at;
                uint8_t value;
                size_t size;
        } damage[] = {{offsetof(struct enrol_rule, action), ENROL_N, 1},
                      {offsetof(struct enrol_rule, networks), 'x', GLOBS_SIZE},
                      {offsetof(struct enrol_rule, name), 0, 1},
                      {offsetof(struct enrol_rule, from), 0xff, 4}};
        struct policy *p = fixture_guest_policy();
        const void *bytes;
        uint8_t *copy;
        size_t size;

        (void)state;
        bytes = policy_bytes(p, &size);
        copy = malloc(size);
        assert_true(believed(bytes, size));
        for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
                memcpy(copy, bytes, size);
                memset(copy + p->at[PART_ENROLS] + damage[i].at, damage[i].value, damage[i].size);
                policy_checksum(copy, size);
                if (believed(copy, size))
                        fail_msg("damage %zu was believed", i);
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
        struct policy_host h;

        (void)state;
        fixture_header(&header);
        header.default_image = UINT32_MAX;
        assert_int_equal(policy_build(&parts, &p), 0);
        assert_null(policy_host_by_mac(p, &mac_pool, &h));
        assert_null(policy_host_by_name(p, "n1", &h));
        policy_free(p);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_is_found_again),
                cmocka_unit_test(hosts_are_found_in_rooms_of_every_size),
                cmocka_unit_test(what_hosts_share_is_there_once),
                cmocka_unit_test(an_order_for_the_next_boot_is_ended_for_one_host),
                cmocka_unit_test(of_two_with_one_address_the_first_keeps_it),
                cmocka_unit_test(no_policy_is_built_of_nonsense),
                cmocka_unit_test(a_file_that_may_change_is_refused),
                cmocka_unit_test(a_cut_file_is_refused_at_every_length),
                cmocka_unit_test(a_flipped_bit_is_seen_wherever_it_is),
                cmocka_unit_test(damage_is_refused_though_the_checksum_is_right),
                cmocka_unit_test(a_damaged_enrolment_rule_is_refused),
                cmocka_unit_test(no_hosts_and_no_images_are_a_policy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
