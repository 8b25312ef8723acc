/* SPDX-License-Identifier: Apache-2.0 */
/* The API's route table: it is sound, finds what it lists, and says why it does not find the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above first */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "server/api_route.h"

static void
every_route_finds_itself(void **state)
{
        (void)state;
        for (size_t i = 0; i < api_n_routes; i++) {
                char path[200] = "";
                struct api_match match;
                struct error err;

                for (const char *at = api_routes[i].pattern; *at;) {
                        const char *fill = strncmp(at, "{name}", 6) == 0    ? "n1"
                                           : strncmp(at, "{image}", 7) == 0 ? "micro:previous"
                                           : strncmp(at, "{id}", 4) == 0    ? "17"
                                                                            : NULL;

                        snprintf(path + strlen(path), sizeof(path) - strlen(path), fill ? "%s" : "%.1s", fill ?: at);
                        at += fill ? strcspn(at, "}") + 1 : 1;
                }
                assert_int_equal(api_route_find(api_routes[i].method, path, &match, &err), 0);
                assert_ptr_equal(match.route, &api_routes[i]);
                assert_string_equal(match.name, strstr(api_routes[i].pattern, "{name}")    ? "n1"
                                                : strstr(api_routes[i].pattern, "{image}") ? "micro:previous"
                                                                                           : "");
                assert_int_equal(match.number, strstr(api_routes[i].pattern, "{id}") ? 17 : 0);
        }
}

static void
only_routes_that_read_take_the_reading_right(void **state)
{
        (void)state;
        for (size_t i = 0; i < api_n_routes; i++) {
                const struct api_route *r = &api_routes[i];
                /* A console types, and in a capture is the boot token. */
                bool console = strstr(r->pattern, "/console") || strstr(r->pattern, "/capture");

                assert_int_equal(r->right, strcmp(r->method, "GET") == 0 && !console ? API_RIGHT_READ : API_RIGHT_CHANGE);
        }
}

static void
refused(const char *method, const char *path, enum error_code code)
{
        struct api_match match;
        struct error err = {0};

        assert_true(api_route_find(method, path, &match, &err) < 0);
        assert_int_equal(err.code, code);
        assert_null(match.route);
}

static void
other_paths_are_not_found(void **state)
{
        (void)state;
        refused("GET", "", ERR_NOT_FOUND);
        refused("GET", "/", ERR_NOT_FOUND);
        refused("GET", "/v1", ERR_NOT_FOUND);
        refused("GET", "/v1/hosts/n1/", ERR_NOT_FOUND);
        refused("GET", "/v1/hosts/n1/trace/x", ERR_NOT_FOUND);
        refused("GET", "v1/hosts", ERR_NOT_FOUND);
        refused("GET", "/v1/hostsx", ERR_NOT_FOUND);
}

static void
bad_names_and_numbers_in_a_path_are_refused(void **state)
{
        (void)state;
        refused("GET", "/v1/hosts/", ERR_INVALID);
        refused("GET", "/v1/hosts/..", ERR_INVALID);
        refused("GET", "/v1/hosts/a b/trace", ERR_INVALID);
        refused("GET", "/v1/operations/0x1", ERR_INVALID);
        refused("GET", "/v1/operations/18446744073709551616", ERR_INVALID);
        refused("GET", "/v1/hosts/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                ERR_INVALID);
}

static void
another_method_is_told_which_there_are(void **state)
{
        struct api_match match;
        struct error err;

        (void)state;
        assert_true(api_route_find("PATCH", "/v1/hosts/n1", &match, &err) < 0);
        assert_int_equal(err.code, ERR_UNSUPPORTED);
        assert_string_equal(err.message, "this path takes GET, PUT, DELETE");
}

static void
query_keys_are_whole_words(void **state)
{
        const struct api_route route = {.query = "after wait limit"};

        (void)state;
        assert_true(api_route_knows(&route, "after"));
        assert_true(api_route_knows(&route, "wait"));
        assert_true(api_route_knows(&route, "limit"));
        assert_false(api_route_knows(&route, ""));
        assert_false(api_route_knows(&route, "aft"));
        assert_false(api_route_knows(&route, "ait"));
        assert_false(api_route_knows(&route, "after wait"));
}

/* The table in docs/ARCHITECTURE.md is for people; it names each path that there is. */
static void
the_document_lists_every_path(void **state)
{
        const char *root = getenv("SOURCE_ROOT");
        _cleanup_free_ char *text = calloc(1, 1 << 18);
        _cleanup_fclose_ FILE *f = NULL;
        char path[300];

        (void)state;
        assert_non_null(root);
        snprintf(path, sizeof(path), "%s/docs/ARCHITECTURE.md", root);
        f = fopen(path, "r");
        assert_non_null(f);
        assert_true(fread(text, 1, (1 << 18) - 1, f) > 0);
        for (size_t i = 0; i < api_n_routes; i++) {
                const char *last = strrchr(api_routes[i].pattern, '/');

                if (last[1] == '{') /* "/v1/hosts/NAME" */
                        continue;
                if (!strstr(text, last))
                        fail_msg("docs/ARCHITECTURE.md does not have %s %s", api_routes[i].method, api_routes[i].pattern);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_route_finds_itself),
                cmocka_unit_test(only_routes_that_read_take_the_reading_right),
                cmocka_unit_test(other_paths_are_not_found),
                cmocka_unit_test(bad_names_and_numbers_in_a_path_are_refused),
                cmocka_unit_test(another_method_is_told_which_there_are),
                cmocka_unit_test(query_keys_are_whole_words),
                cmocka_unit_test(the_document_lists_every_path),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
