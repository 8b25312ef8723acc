/* SPDX-License-Identifier: Apache-2.0 */
/* The table of roles: who talks to whom, who runs as whom, what each may see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/role.h"

static const enum role all[] = {ROLE_BOOT, ROLE_FILES, ROLE_API, ROLE_CORE, ROLE_WORK, ROLE_CAPTURE};
#define N_ALL (sizeof(all) / sizeof(all[0]))

static void
roles_talk_to_core_boot_to_files_and_capture_to_api(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_ALL; i++)
                for (size_t j = 0; j < N_ALL; j++) {
                        bool core = all[i] == ROLE_CORE || all[j] == ROLE_CORE;
                        /* The same menus by TFTP and by HTTP, while core is away. */
                        bool menus =
                                (all[i] == ROLE_BOOT && all[j] == ROLE_FILES) || (all[i] == ROLE_FILES && all[j] == ROLE_BOOT);

                        bool packets = (all[i] == ROLE_API && all[j] == ROLE_CAPTURE) ||
                                       (all[i] == ROLE_CAPTURE && all[j] == ROLE_API);

                        assert_int_equal(role_pair_talks(all[i], all[j]), i != j && (core || menus || packets));
                }
        assert_false(role_pair_talks(ROLE_PARENT, ROLE_CORE));
        assert_false(role_pair_talks(ROLE_LINK, ROLE_HV));
}

static void
roles_are_found_by_name_and_agents_roles_are_not(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_ALL; i++)
                assert_int_equal(role_find(role_names[all[i]]), all[i]);
        assert_int_equal(role_find("parent"), -1);
        assert_int_equal(role_find("link"), -1);
        assert_int_equal(role_find(""), -1);
        assert_null(role_def_get(ROLE_LINK));
        assert_null(role_def_get((enum role) - 1));
}

static void
every_role_but_work_has_a_user_of_its_own_and_every_lock(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_ALL; i++) {
                struct sandbox s;
                char user[ROLE_USER_SIZE], text[ROLE_USER_SIZE];

                role_sandbox(all[i], &s, user);
                snprintf(text, sizeof(text), "dompool-%s", role_names[all[i]]);
                assert_string_equal(s.user, text);
                assert_int_equal(s.fallback_uid, ROLE_FALLBACK_UID + all[i]);
                if (all[i] == ROLE_WORK)
                        continue;
                assert_false(s.keep_root || s.no_seccomp || s.no_landlock);
                assert_true(s.no_new_processes);
                assert_false(s.syscalls & SYS_PROCESS);
        }
}

/* Packet sockets can send, and to any interface where an address may be given: capture has no call for that. */
static void
capture_can_open_and_address_nothing(void **state)
{
        struct sandbox s;
        char user[ROLE_USER_SIZE];

        (void)state;
        role_sandbox(ROLE_CAPTURE, &s, user);
        assert_int_equal(s.syscalls, SYS_BASE | SYS_FD_TAKING);
        assert_int_equal(role_def_get(ROLE_CAPTURE)->n_paths, 0);
}

static void
core_has_no_network(void **state)
{
        struct sandbox s;
        char user[ROLE_USER_SIZE];

        (void)state;
        role_sandbox(ROLE_CORE, &s, user);
        assert_false(s.syscalls & SYS_NET);
}

static void
only_core_and_boot_write_and_only_where_they_must(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_ALL; i++) {
                const struct role_def *def = role_def_get(all[i]);

                for (size_t j = 0; j < def->n_paths; j++) {
                        if (!def->paths[j].write)
                                continue;
                        assert_true(all[i] == ROLE_CORE || all[i] == ROLE_BOOT);
                        assert_true(def->paths[j].path == ROLE_PATH_STATE_OWN ||
                                    (all[i] == ROLE_CORE && def->paths[j].path == ROLE_PATH_BLOBS));
                }
        }
}

static void
paths_follow_the_configuration(void **state)
{
        static struct config c;
        char path[ROLE_PATH_SIZE];

        (void)state;
        strcpy(c.state_dir, "/s");
        strcpy(c.image_store, "/i");
        role_path_text(&c, ROLE_BOOT, ROLE_PATH_STATE_OWN, path);
        assert_string_equal(path, "/s/boot");
        role_path_text(&c, ROLE_FILES, ROLE_PATH_BLOBS, path);
        assert_string_equal(path, "/s/blobs");
        role_path_text(&c, ROLE_FILES, ROLE_PATH_IMAGE_STORE, path);
        assert_string_equal(path, "/i");
        /* The longest that the configuration allows is not cut. */
        memset(c.state_dir, 'x', sizeof(c.state_dir) - 1);
        role_path_text(&c, ROLE_FILES, ROLE_PATH_STATE_OWN, path);
        assert_int_equal(strlen(path), sizeof(c.state_dir) - 1 + strlen("/files"));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(roles_talk_to_core_boot_to_files_and_capture_to_api),
                cmocka_unit_test(roles_are_found_by_name_and_agents_roles_are_not),
                cmocka_unit_test(every_role_but_work_has_a_user_of_its_own_and_every_lock),
                cmocka_unit_test(capture_can_open_and_address_nothing),
                cmocka_unit_test(core_has_no_network),
                cmocka_unit_test(only_core_and_boot_write_and_only_where_they_must),
                cmocka_unit_test(paths_follow_the_configuration),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
