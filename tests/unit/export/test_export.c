/* SPDX-License-Identifier: Apache-2.0 */
/* From grants to servers' arguments, configurations and calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "export/export_server.h"
#include "export/export_tgt.h"

#define OLD "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NEW "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define H1 0x0a4d000bu /* 10.77.0.11 */
#define H2 0x0a4d000cu

static struct export_site
make_site(struct config **config)
{
        struct config *c = calloc(1, sizeof(*c));

        str_copy(c->image_store, sizeof(c->image_store), "/store");
        str_copy(c->network.interface, sizeof(c->network.interface), "br0");
        c->network.address = 0x0a4d0001;
        c->exports.iscsi_port = 3260;
        *config = c;
        return (struct export_site){.config = c, .dir = "/run/dompool/export"};
}

static void
nobody_s_servers_do_not_run(void **state)
{
        struct export_server servers[EXPORT_MAX_SERVERS];
        struct config *c;
        struct export_site site = make_site(&c);

        (void)state;
        assert_int_equal(export_servers(&site, NULL, 0, servers), 0);
        free(c);
}

static void
one_nfs_server_has_a_tree_a_version_and_its_hosts_alone(void **state)
{
        const struct export_grant grants[] = {{ROOT_NFS, OLD, H1, {{2, 0, 0, 0, 0, 1}}},
                                              {ROOT_NFS, NEW, H1, {{2, 0, 0, 0, 0, 1}}},
                                              {ROOT_NFS, NEW, H2, {{2, 0, 0, 0, 0, 2}}},
                                              {ROOT_NFS, NEW, 0, {{2, 0, 0, 0, 0, 3}}}};
        struct export_server servers[EXPORT_MAX_SERVERS];
        struct config *c;
        struct export_site site = make_site(&c);

        (void)state;
        assert_int_equal(export_servers(&site, grants, N_ELEMENTS(grants), servers), 1);
        assert_string_equal(servers[0].name, "nfs");
        assert_int_equal(servers[0].versions, 2);
        assert_int_equal(servers[0].clients, 3);
        assert_string_equal(servers[0].file, "/run/dompool/export/nfs.conf");
        assert_non_null(
                strstr(servers[0].file_text, "Path = \"/store/versions/" OLD "/root\";\n\tPseudo = \"/0123456789abcdef\";"));
        assert_non_null(strstr(servers[0].file_text, "Clients = 10.77.0.11; }"));
        assert_non_null(strstr(servers[0].file_text, "Clients = 10.77.0.11, 10.77.0.12; }"));
        assert_non_null(strstr(servers[0].file_text, "Protocols = 4;\n\tBind_addr = 10.77.0.1;"));
        export_server_clear(&servers[0]);
        free(c);
}

static void
version_3_brings_rpcbind_and_a_tree_of_its_own(void **state)
{
        const struct export_grant grants[] = {{ROOT_NFS, OLD, H1, {{2, 0, 0, 0, 0, 1}}},
                                              {ROOT_NFS3, OLD, H2, {{2, 0, 0, 0, 0, 2}}}};
        struct export_server servers[EXPORT_MAX_SERVERS];
        struct config *c;
        struct export_site site = make_site(&c);

        (void)state;
        assert_int_equal(export_servers(&site, grants, N_ELEMENTS(grants), servers), 2);
        assert_string_equal(servers[0].name, "rpcbind");
        assert_string_equal(servers[1].name, "nfs3");
        assert_non_null(strstr(servers[1].file_text, "Pseudo = \"/0123456789abcdef-3\""));
        for (int i = 0; i < 2; i++)
                export_server_clear(&servers[i]);
        free(c);
}

static void
a_vblade_has_at_most_32_machines_and_one_file(void **state)
{
        struct export_server servers[EXPORT_MAX_SERVERS];
        struct export_grant grants[33];
        struct config *c;
        struct export_site site = make_site(&c);

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(grants); i++)
                grants[i] = (struct export_grant){.root = ROOT_AOE, .image = OLD, .mac = {{2, 0, 0, 0, 0, (uint8_t)i}}};
        assert_int_equal(export_servers(&site, grants, N_ELEMENTS(grants), servers), 2);
        assert_string_equal(servers[0].name, "aoe-0123456789abcdef-br0-0");
        assert_string_equal(servers[1].name, "aoe-0123456789abcdef-br0-1");
        assert_string_equal(servers[1].args[3], "02:00:00:00:00:20");
        assert_string_equal(servers[1].args[4], "9066");
        assert_string_equal(servers[1].args[5], "103");
        assert_string_equal(servers[1].args[6], "br0");
        assert_string_equal(servers[1].args[7], "/store/versions/" OLD "/root.squashfs");
        assert_false(export_server_same_args(&servers[0], &servers[1]));
        assert_true(export_server_same_args(&servers[0], &servers[0]));
        for (int i = 0; i < 2; i++)
                export_server_clear(&servers[i]);
        free(c);
}

static char *
calls(const struct export_grant *old, size_t n_old, const struct export_grant *new, size_t n_new)
{
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        export_tgt_calls("/store", old, n_old, new, n_new, f);
        fclose(f);
        return text;
}

static void
tgtd_is_told_the_difference(void **state)
{
        const struct export_grant one[] = {{ROOT_ISCSI, OLD, H1, {{2, 0, 0, 0, 0, 1}}},
                                           {ROOT_ISCSI, OLD, H2, {{2, 0, 0, 0, 0, 2}}}};
        char *text = calls(NULL, 0, one, 2);

        (void)state;
        assert_string_equal(text,
                            "--op\tnew\t--mode\ttarget\t--tid\t1193047\t--targetname\tiqn.2026-01.dompool:0123456789abcdef\n"
                            "--op\tnew\t--mode\tlogicalunit\t--tid\t1193047\t--lun\t1\t--backing-store\t/store/versions/" OLD
                            "/root.squashfs\n"
                            "--op\tupdate\t--mode\tlogicalunit\t--tid\t1193047\t--lun\t1\t--params\treadonly=1\n"
                            "--op\tbind\t--mode\ttarget\t--tid\t1193047\t--initiator-address\t10.77.0.11\n"
                            "--op\tbind\t--mode\ttarget\t--tid\t1193047\t--initiator-address\t10.77.0.12\n");
        free(text);
        text = calls(one, 2, one, 1);
        assert_string_equal(text, "--op\tunbind\t--mode\ttarget\t--tid\t1193047\t--initiator-address\t10.77.0.12\n");
        free(text);
        text = calls(one, 2, one, 2);
        assert_string_equal(text, "");
        free(text);
        text = calls(one, 2, NULL, 0);
        assert_string_equal(text, "--op\tdelete\t--mode\ttarget\t--force\t--tid\t1193047\n");
        free(text);
}

static void
only_a_root_s_own_hosts_are_known_to_it(void **state)
{
        const struct export_grant grants[] = {{ROOT_NFS, OLD, H1, {{2, 0, 0, 0, 0, 1}}},
                                              {ROOT_NBD, OLD, H2, {{2, 0, 0, 0, 0, 2}}},
                                              {ROOT_NBD, OLD, 0, {{2, 0, 0, 0, 0, 3}}}};

        (void)state;
        assert_true(export_address_known(grants, 3, ROOT_NBD, H2));
        assert_false(export_address_known(grants, 3, ROOT_NBD, H1));
        assert_false(export_address_known(grants, 3, ROOT_NBD, 0));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nobody_s_servers_do_not_run),
                cmocka_unit_test(one_nfs_server_has_a_tree_a_version_and_its_hosts_alone),
                cmocka_unit_test(version_3_brings_rpcbind_and_a_tree_of_its_own),
                cmocka_unit_test(a_vblade_has_at_most_32_machines_and_one_file),
                cmocka_unit_test(tgtd_is_told_the_difference),
                cmocka_unit_test(only_a_root_s_own_hosts_are_known_to_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
