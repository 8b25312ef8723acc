/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's parts that decide and write text: options, the room's description, QEMU's command line, the boots' progress. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "lab/lab_options.h"
#include "lab/lab_qemu.h"
#include "lab/lab_room.h"
#include "lab/lab_satellite.h"
#include "lab/lab_server.h"
#include "lab/lab_site.h"
#include "lab/lab_watch.h"

#define PARSE(O, ERR, ...) parse((O), (ERR), (const char *[]){"up", ##__VA_ARGS__, NULL})

static int
parse(struct lab_options *o, struct error *err, const char **argv)
{
        int argc = 0;

        while (argv[argc])
                argc++;
        return lab_options_parse(o, argc, (char **)argv, err);
}

static void
options_have_the_documented_defaults(void **state)
{
        struct lab_options o;
        struct error err;

        (void)state;
        assert_int_equal(PARSE(&o, &err), 0);
        assert_int_equal(o.n_hosts, 2);
        assert_int_equal(o.memory_mib, 1500);
        assert_int_equal(o.firmwares[0], LAB_BIOS);
        assert_string_equal(o.dir, "/run/dompool-lab");
        assert_string_equal(o.store, "/var/cache/dompool/images");
        assert_string_equal(o.nics[0], "virtio-net-pci");
}

static void
directory_follows_the_name(void **state)
{
        struct lab_options o;
        struct error err;

        (void)state;
        assert_int_equal(PARSE(&o, &err, "--name", "b2"), 0);
        assert_string_equal(o.dir, "/run/dompool-b2");
}

static void
bad_options_are_refused_by_name(void **state)
{
        static const char *const bad[][2] = {
                {"--hosts", "0"},       {"--hosts", "17"},  {"--hosts", "2x"},     {"--firmware", "efi"}, {"--firmware", ","},
                {"--memory", "100M"},   {"--memory", "no"}, {"--nic", "ne2k_pci"}, {"--dir", "relative"}, {"--name", "a/b"},
                {"--timeout", "0"},     {"--name", ".."},   {"--name", "x-site"},  {"--satellite", ","},  {"--satellite", "n3"},
                {"--satellite", "n01"}, {"--nics", "0"},    {"--nics", "3"},
        };
        struct lab_options o;
        struct error err;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                assert_true(PARSE(&o, &err, bad[i][0], bad[i][1]) < 0);
                assert_int_equal(err.code, ERR_USAGE);
                assert_non_null(strstr(err.message, bad[i][0]));
        }
        assert_true(PARSE(&o, &err, "--no-such-thing") < 0);
        assert_non_null(strstr(err.message, "--no-such-thing"));
}

static void
a_directory_too_long_for_sockets_is_refused(void **state)
{
        struct lab_options o;
        struct error err;
        char dir[100];

        (void)state;
        memset(dir, 'a', sizeof(dir));
        dir[0] = '/';
        dir[sizeof(dir) - 1] = '\0';
        assert_true(PARSE(&o, &err, "--dir", dir) < 0);
        assert_int_equal(err.code, ERR_USAGE);
}

static void
a_list_of_firmwares_goes_round_the_hosts(void **state)
{
        struct lab_options o;
        struct lab_room room;
        struct error err;

        (void)state;
        assert_int_equal(PARSE(&o, &err, "--hosts", "3", "--firmware", "bios,uefi"), 0);
        lab_room_init(&room, &o);
        assert_int_equal(room.n_hosts, 3);
        assert_int_equal(room.hosts[0].firmware, LAB_BIOS);
        assert_int_equal(room.hosts[1].firmware, LAB_UEFI);
        assert_int_equal(room.hosts[2].firmware, LAB_BIOS);
        assert_string_equal(room.hosts[2].name, "n3");
        assert_int_equal(room.hosts[2].mac.b[5], 3);
        assert_int_equal(room.hosts[2].address, 0x0a4d000d);
}

static void
a_saved_room_is_read_back(void **state)
{
        char dir[] = "/tmp/dompool-test-lab-XXXXXX";
        struct lab_options o;
        struct lab_room room, back;
        struct error err;

        (void)state;
        assert_non_null(mkdtemp(dir));
        assert_int_equal(PARSE(&o, &err, "--hosts", "2", "--firmware", "uefi,bios", "--dir", dir, "--kernel-args", "a=b c",
                               "--proxy", "--satellite", "n2", "--nics", "2"),
                         0);
        assert_true(o.proxy);
        lab_room_init(&room, &o);
        assert_true(room.satellite && room.hosts[1].satellite && !room.hosts[0].satellite);
        assert_true(room.segment);
        assert_string_equal(room.hosts[1].tap2, "tap2b");
        assert_int_equal(lab_room_save(&room, &err), 0);
        assert_int_equal(lab_room_load(&back, dir, &err), 0);
        assert_memory_equal(&room, &back, sizeof(room));
        lab_room_remove(&room);
        assert_true(lab_room_load(&back, dir, &err) < 0);
        assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void
a_damaged_description_is_an_error_not_a_room(void **state)
{
        char dir[] = "/tmp/dompool-test-lab-XXXXXX", path[64];
        struct lab_room room = {.n_hosts = 0};
        struct error err;
        FILE *f;

        (void)state;
        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof(path), "%s/room.json", dir);
        f = fopen(path, "w");
        fputs("{\"name\":\"lab\",\"netns\":\"../../etc\",\"dir\":\"/\",\"store\":\"/\",\"kernel_args\":\"\",\"hosts\":[]}", f);
        fclose(f);
        assert_true(lab_room_load(&room, dir, &err) < 0);
        assert_int_equal(err.code, ERR_IO);
        str_copy(room.dir, sizeof(room.dir), dir);
        lab_room_remove(&room);
}

static bool
has_arg(const struct lab_argv *a, const char *text)
{
        for (unsigned i = 0; i < a->n; i++)
                if (strstr(a->v[i], text))
                        return true;
        return false;
}

static void
qemu_gets_firmware_only_for_uefi_and_a_rom_only_for_bios(void **state)
{
        struct lab_options o;
        struct lab_room room;
        struct lab_argv bios, uefi, http;
        struct error err;

        (void)state;
        assert_int_equal(PARSE(&o, &err, "--hosts", "3", "--firmware", "bios,uefi,uefi-http", "--memory", "2G"), 0);
        lab_room_init(&room, &o);
        lab_qemu_argv(&room, &room.hosts[0], &bios);
        lab_qemu_argv(&room, &room.hosts[1], &uefi);
        lab_qemu_argv(&room, &room.hosts[2], &http);
        assert_false(has_arg(&bios, "pflash"));
        assert_false(has_arg(&bios, "romfile="));
        assert_true(has_arg(&bios, "ifname=tap1,"));
        assert_true(has_arg(&bios, "mac=52:54:00:77:00:01"));
        assert_true(has_arg(&bios, "2048"));
        assert_true(has_arg(&uefi, "file=/run/dompool-lab/n2/vars.fd"));
        assert_true(has_arg(&uefi, ",romfile="));
        assert_false(has_arg(&uefi, "IPv4PXESupport"));
        assert_true(has_arg(&http, "IPv4PXESupport,string=n"));
        assert_true(has_arg(&http, "pflash"));
        assert_null(bios.v[bios.n]);
        lab_argv_free(&http);
        lab_argv_free(&bios);
        lab_argv_free(&uefi);
}

static void
console_text_loses_escape_sequences_and_control_bytes(void **state)
{
        char text[] = "\033[2J\033[01;01H(XEN) hello\r\n\a[ 1.0]\033[0m Linux\033[";

        (void)state;
        lab_console_clean(text);
        assert_string_equal(text, "(XEN) hello\n[ 1.0] Linux");
}

/* Feeds one event; returns the stage. */
static int
feed(struct lab_watch *w, int id, int64_t time_ms, const char *subject, const char *what, int boot)
{
        json_t *e = json_pack("{s:i, s:I, s:s, s:s, s:s, s:s, s:i}", "id", id, "time_ms", (json_int_t)time_ms, "kind", "boot",
                              "subject", subject, "what", what, "text", "words", "boot", boot);
        uint32_t host = 99;
        int stage = lab_watch_event(w, e, &host);

        json_decref(e);
        return stage;
}

static void
watch_setup(struct lab_watch *w, struct lab_room *room)
{
        struct lab_options o;
        struct error err;

        assert_int_equal(PARSE(&o, &err), 0);
        lab_room_init(room, &o);
        lab_watch_init(w, room, stdout);
        lab_watch_power_on(w, 0, 1000000);
}

static void
a_boot_is_a_line_of_stages_with_times_since_power_on(void **state)
{
        struct lab_room room;
        struct lab_watch w;
        char line[200];

        (void)state;
        watch_setup(&w, &room);
        assert_int_equal(feed(&w, 1, 1003100, "n1", "dhcp", 1), STAGE_DHCP);
        assert_int_equal(feed(&w, 2, 1004000, "n1", "loader", 1), STAGE_LOADER);
        assert_int_equal(feed(&w, 3, 1041500, "n1", "ready", 1), STAGE_READY);
        assert_string_equal(lab_watch_line(&w, 0, line, sizeof(line)), "n1   bios  dhcp 3.1  loader 4.0  ready 41.5 s");
        assert_string_equal(lab_watch_line(&w, 1, line, sizeof(line)), "n2   bios  off");
        assert_int_equal(w.last_event, 3);
}

static void
events_of_others_and_of_before_are_no_stages(void **state)
{
        struct lab_room room;
        struct lab_watch w;

        (void)state;
        watch_setup(&w, &room);
        assert_int_equal(feed(&w, 1, 999000, "n1", "dhcp", 1), -1);  /* before its power-on */
        assert_int_equal(feed(&w, 2, 1001000, "n2", "dhcp", 1), -1); /* not switched on by us */
        assert_int_equal(feed(&w, 3, 1001000, "zz", "dhcp", 1), -1); /* nobody of this room */
        assert_int_equal(w.last_event, 3);
}

static void
a_second_boot_starts_the_line_anew(void **state)
{
        struct lab_room room;
        struct lab_watch w;
        char line[200];

        (void)state;
        watch_setup(&w, &room);
        feed(&w, 1, 1003000, "n1", "dhcp", 1);
        feed(&w, 2, 1009000, "n1", "init", 1);
        feed(&w, 3, 1010000, "n1", "dhcp", 2);
        assert_string_equal(lab_watch_line(&w, 0, line, sizeof(line)), "n1   bios  dhcp 10.0");
}

static void
the_server_is_configured_for_every_host(void **state)
{
        _cleanup_free_ char *text = NULL;
        struct lab_options o;
        struct lab_room room;
        struct error err;
        size_t size;
        FILE *f;

        (void)state;
        assert_int_equal(PARSE(&o, &err, "--hosts", "2"), 0);
        lab_room_init(&room, &o);
        f = open_memstream(&text, &size);
        lab_server_config(&room, f);
        fclose(f);
        assert_non_null(strstr(text, "52:54:00:77:00:01"));
        assert_non_null(strstr(text, "52:54:00:77:00:02"));
        assert_non_null(strstr(text, "10.77.0.12"));
        assert_non_null(strstr(text, "/run/dompool-lab/run/api.sock"));
}

static void
beside_the_sites_server_ours_is_a_proxy(void **state)
{
        _cleanup_free_ char *text = NULL;
        struct lab_options o;
        struct lab_room room;
        struct error err;
        size_t size;
        FILE *f;

        (void)state;
        assert_int_equal(PARSE(&o, &err, "--proxy"), 0);
        lab_room_init(&room, &o);
        f = open_memstream(&text, &size);
        lab_server_config(&room, f);
        fflush(f);
        assert_non_null(strstr(text, "mode = \"proxy\""));
        assert_null(strstr(text, "range"));
        assert_null(strstr(text, "10.77.0.12")); /* the hosts' addresses are the site's to give */
        lab_site_config(&room, f);
        fclose(f);
        assert_non_null(strstr(text, "dhcp-host=52:54:00:77:00:02,10.77.0.12,n2"));
}

static void
hosts_on_the_satellites_lan_are_its_and_the_others_the_servers(void **state)
{
        _cleanup_free_ char *text = NULL;
        struct lab_options o;
        struct lab_room room;
        struct error err;
        size_t size;
        FILE *f;

        (void)state;
        assert_int_equal(PARSE(&o, &err, "--satellite", "n3", "--hosts", "3"), 0);
        lab_room_init(&room, &o);
        f = open_memstream(&text, &size);
        lab_server_config(&room, f);
        fflush(f);
        assert_non_null(strstr(text, "mac = \"52:54:00:77:00:02\"\n\taddress = \"10.77.0.12\"\n\tprofile"));
        assert_non_null(strstr(text, "mac = \"52:54:00:77:00:03\"\n\tlabels = \"satellite\"\n\tprofile"));
        rewind(f);
        lab_satellite_config(&room, f);
        fclose(f);
        assert_non_null(strstr(text, "subnet = \"10.78.0.0/24\""));
        assert_non_null(strstr(text, "router = \"10.78.0.1\"")); /* agents go to the main server */
        assert_non_null(strstr(text, "satellite = \"/run/dompool-lab/satellite/enrolment\""));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(options_have_the_documented_defaults),
                cmocka_unit_test(directory_follows_the_name),
                cmocka_unit_test(bad_options_are_refused_by_name),
                cmocka_unit_test(a_directory_too_long_for_sockets_is_refused),
                cmocka_unit_test(a_list_of_firmwares_goes_round_the_hosts),
                cmocka_unit_test(a_saved_room_is_read_back),
                cmocka_unit_test(a_damaged_description_is_an_error_not_a_room),
                cmocka_unit_test(qemu_gets_firmware_only_for_uefi_and_a_rom_only_for_bios),
                cmocka_unit_test(console_text_loses_escape_sequences_and_control_bytes),
                cmocka_unit_test(a_boot_is_a_line_of_stages_with_times_since_power_on),
                cmocka_unit_test(events_of_others_and_of_before_are_no_stages),
                cmocka_unit_test(a_second_boot_starts_the_line_anew),
                cmocka_unit_test(the_server_is_configured_for_every_host),
                cmocka_unit_test(beside_the_sites_server_ours_is_a_proxy),
                cmocka_unit_test(hosts_on_the_satellites_lan_are_its_and_the_others_the_servers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
