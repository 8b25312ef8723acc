/* SPDX-License-Identifier: Apache-2.0 */
/* Our reader against Xen's libxlu: the same texts are read, to the same values, and the same texts are refused. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oracle.h"

static size_t
load(const char *path, char *buf, size_t size)
{
        FILE *f = fopen(path, "rb");
        size_t n;

        assert_non_null(f);
        n = fread(buf, 1, size, f);
        fclose(f);
        return n;
}

/* Compares every file of a folder; a name with "bad-" must be refused by both. */
static void
compare_folder(const char *folder, unsigned at_least)
{
        char dir[512], path[1024], why[2000], text[65536];
        struct dirent *e;
        unsigned n = 0;
        DIR *d;

        snprintf(dir, sizeof(dir), "%s/%s", getenv("SOURCE_ROOT"), folder);
        d = opendir(dir);
        assert_non_null(d);
        while ((e = readdir(d))) {
                size_t len = strlen(e->d_name);
                enum oracle_verdict v, want = strncmp(e->d_name, "bad-", 4) == 0 ? ORACLE_BOTH_REFUSE : ORACLE_BOTH_READ;

                if (len < 4 || strcmp(e->d_name + len - 4, ".cfg") != 0)
                        continue;
                if (strncmp(e->d_name, "xm-", 3) == 0)
                        want = ORACLE_BOTH_REFUSE;
                snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
                v = oracle_compare_text(text, load(path, text, sizeof(text)), why, sizeof(why));
                if (v == ORACLE_DIFFER)
                        fail_msg("%s: %s", e->d_name, why);
                if (v != want)
                        fail_msg("%s: both %s it", e->d_name, v == ORACLE_BOTH_READ ? "read" : "refuse");
                n++;
        }
        closedir(d);
        assert_true(n >= at_least);
}

static void
grammar_files_read_as_libxlu_reads_them(void **state)
{
        (void)state;
        compare_folder("tests/data/xlcfg/grammar", 30);
}

static void
real_guest_files_read_as_libxlu_reads_them(void **state)
{
        (void)state;
        compare_folder("tests/data/xlcfg", 5);
}

/* Texts put together at random from the pieces of the grammar, right and wrong; the seed is fixed. */
static void
random_token_sequences_get_the_same_verdict(void **state)
{
        static const char *const pieces[] = {"a",
                                             "b",
                                             "memory",
                                             "=",
                                             "+=",
                                             "=",
                                             "[",
                                             "]",
                                             ",",
                                             "'x'",
                                             "\"y z\"",
                                             "12",
                                             "0x1f",
                                             "\n",
                                             ";",
                                             " ",
                                             "\t",
                                             "#c\n",
                                             "[ 'p', 'q' ]",
                                             "a = 1\n",
                                             "b = [ 2 ]\n",
                                             "b += [ 3 ]\n",
                                             "a += 'w'\n"};
        unsigned seed = 17, read = 0, refused = 0;
        char why[2000];

        (void)state;
        for (unsigned round = 0; round < 20000; round++) {
                char text[400] = "";
                unsigned n = 1 + (unsigned)rand_r(&seed) % 9;

                for (unsigned i = 0; i < n; i++)
                        strcat(text, pieces[(unsigned)rand_r(&seed) % (sizeof(pieces) / sizeof(pieces[0]))]);
                switch (oracle_compare_text(text, strlen(text), why, sizeof(why))) {
                case ORACLE_BOTH_READ:
                        read++;
                        break;
                case ORACLE_BOTH_REFUSE:
                        refused++;
                        break;
                case ORACLE_NOT_ASKED:
                case ORACLE_DIFFER:
                        fail_msg("<<<%s>>> %s", text, why);
                }
        }
        assert_true(read > 1000 && refused > 1000);
}

static void
disk_specifications_read_as_libxlu_reads_them(void **state)
{
        static const char *const specs[] = {
                "/srv/a.img,raw,xvda,rw",
                "/srv/a.img,,xvda",
                "/srv/a.img,,xvda,",
                "/srv/a.img,,xvda,r",
                "/srv/a.qcow2,qcow2,hda,w",
                "file:/var/xen/centos.img,xvda,w",
                "phy:/dev/VG0/disk,sda2,r",
                "phy:/dev/sr0,hdc:cdrom,r",
                "tap:qcow2:/srv/a,xvda,w",
                "tap:aio:/srv/a,xvda,w",
                "nbd:server:10809,xvda,w",
                "iscsi:iqn.2001,xvda,w",
                "drbd:res,xvda,w",
                "format=raw, vdev=xvda, access=ro, target=/srv/a,b=c.img",
                "vdev=xvda,target=/srv/a,",
                "target=/srv/a",
                "vdev=hdc,cdrom",
                "vdev=hdc,devtype=cdrom,target=/srv/cd.iso",
                ",hdc:cdrom,r",
                ",,hdc:cdrom,r",
                ",empty,hdc:cdrom,r",
                "/srv/a.img,raw,xvda,rw,more",
                "/srv/a.img,unknown,xvda",
                "/srv/a.img,raw,xvda,x",
                "/srv/a.img",
                "/srv/a.img,raw",
                "",
                ",",
                "foo:/srv/a,xvda,w",
                "foo:bar,raw,xvda",
                "vdev=xvda,vdev=xvdb,target=/a",
                "format=raw,format=qcow2,vdev=xvda,target=/a",
                "format=raw,format=raw,vdev=xvda,target=/a",
                "raw:/srv/a,xvda,w",
                "qcow2:/srv/a,xvda",
                "vhd:/srv/a,xvda",
                "backendtype=phy,vdev=xvda,target=/dev/nbd0",
                "backendtype=none,vdev=xvda,target=/dev/nbd0",
                "discard,direct-io-safe,vdev=xvda,target=/dev/nbd0",
                "script=block-x,vdev=xvda,target=dummy",
                "  /srv/a.img, raw, xvda, rw",
                "unknown=1,vdev=xvda,target=/a",
                "/srv/a=b,raw,xvda",
                "access=,vdev=xvda,target=/a",
                "/srv/a.img,raw,xvda:disk,w",
                "/srv/a.img,raw,xvda:tape,w",
                "format=vhd,vdev=xvda,access=w,target=/srv/x.vhd",
        };
        char why[1000];
        unsigned read = 0;

        (void)state;
        for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
                enum oracle_verdict v = oracle_compare_disk(specs[i], why, sizeof(why));

                if (v == ORACLE_DIFFER)
                        fail_msg("'%s': %s", specs[i], why);
                read += v == ORACLE_BOTH_READ;
        }
        assert_true(read > 20);
}

static void
vif_rates_read_as_libxlu_reads_them(void **state)
{
        static const char *const rates[] = {"10MB/s",
                                            "250KB/s",
                                            "1GB/s",
                                            "8Kb/s",
                                            "1000b/s",
                                            "10Mb/s@50ms",
                                            "1MB/s@1s",
                                            "1MB/s@2",
                                            "1MB/s@20us",
                                            "1MB/s@20m",
                                            "1MB/s@20u",
                                            "5MB",
                                            "MB/s",
                                            "10XB/s",
                                            "10MB/s@",
                                            "10MB/s@x",
                                            "10MB/h",
                                            "",
                                            "@1s",
                                            "10MB/s@5000000s",
                                            "99999999999B/s",
                                            "4000000000GB/s@4000s",
                                            "10MB/s "};
        char why[1000];
        unsigned read = 0;

        (void)state;
        for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
                enum oracle_verdict v = oracle_compare_rate(rates[i], why, sizeof(why));

                if (v == ORACLE_DIFFER)
                        fail_msg("%s", why);
                read += v == ORACLE_BOTH_READ;
        }
        assert_true(read >= 11);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(grammar_files_read_as_libxlu_reads_them),
                cmocka_unit_test(real_guest_files_read_as_libxlu_reads_them),
                cmocka_unit_test(random_token_sequences_get_the_same_verdict),
                cmocka_unit_test(disk_specifications_read_as_libxlu_reads_them),
                cmocka_unit_test(vif_rates_read_as_libxlu_reads_them),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
