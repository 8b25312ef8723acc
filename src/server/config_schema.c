/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema of dompoold.conf(5): sections and options, as tables. Pure. What an option is checked for alone is its type's
 * (config_types.c); what concerns several options together is in config.c.
 */
#include "server/config.h"
#include "server/config_types.h"

const char *const config_section_names[] = {
        [SECTION_TOP] = "",
        [SECTION_NETWORK] = "network",
        [SECTION_SUBNET] = "subnet",
        [SECTION_API] = "api",
        [SECTION_TOKEN] = "token",
        [SECTION_PROFILE] = "profile",
        [SECTION_MENU] = "menu",
        [SECTION_ENTRY] = "entry",
        [SECTION_RULE] = "rule",
        [SECTION_QUIRK] = "quirk",
        [SECTION_HOST] = "host",
        [SECTION_N] = NULL,
        [SECTION_ENROLMENT] = "enrolment",
        [SECTION_ENROL] = "enrol",
        [SECTION_EXPORT] = "export",
};

#define AT(SECTION, NAME, TYPE, STRUCT, MEMBER, DEFAULT, REQUIRED, MEANING)                                                    \
        {                                                                                                                      \
                SECTION_##SECTION, NAME, &config_type_##TYPE, offsetof(STRUCT, MEMBER), sizeof(((STRUCT *)0)->MEMBER),         \
                        DEFAULT, REQUIRED, MEANING                                                                             \
        }
#define TOP(NAME, TYPE, MEMBER, DEFAULT, MEANING) AT(TOP, NAME, TYPE, struct config, MEMBER, DEFAULT, false, MEANING)
#define NETWORK(NAME, TYPE, MEMBER, DEFAULT, REQUIRED, MEANING)                                                                \
        AT(NETWORK, NAME, TYPE, struct config, network.MEMBER, DEFAULT, REQUIRED, MEANING)
#define SUBNET(NAME, TYPE, MEMBER, REQUIRED, MEANING)                                                                          \
        AT(SUBNET, NAME, TYPE, struct config_network, MEMBER, NULL, REQUIRED, MEANING)
#define API(NAME, TYPE, MEMBER, DEFAULT, MEANING) AT(API, NAME, TYPE, struct config, MEMBER, DEFAULT, false, MEANING)
#define PROFILE(NAME, TYPE, MEMBER, REQUIRED, MEANING) AT(PROFILE, NAME, TYPE, struct profile, MEMBER, NULL, REQUIRED, MEANING)
#define ENTRY(NAME, TYPE, MEMBER, REQUIRED, MEANING) AT(ENTRY, NAME, TYPE, struct menu_entry, MEMBER, NULL, REQUIRED, MEANING)
#define RULE(NAME, TYPE, MEMBER, REQUIRED, MEANING) AT(RULE, NAME, TYPE, struct rule, MEMBER, NULL, REQUIRED, MEANING)
#define QUIRK(NAME, TYPE, MEMBER, MEANING) AT(QUIRK, NAME, TYPE, struct quirk, MEMBER, NULL, false, MEANING)
#define ENROLMENT(NAME, TYPE, MEMBER, DEFAULT, MEANING)                                                                        \
        AT(ENROLMENT, NAME, TYPE, struct config, enrolment.MEMBER, DEFAULT, false, MEANING)
#define EXPORT(NAME, TYPE, MEMBER, DEFAULT, MEANING)                                                                           \
        AT(EXPORT, NAME, TYPE, struct config, exports.MEMBER, DEFAULT, false, MEANING)
#define ENROL(NAME, TYPE, MEMBER, REQUIRED, MEANING) AT(ENROL, NAME, TYPE, struct enrol_rule, MEMBER, NULL, REQUIRED, MEANING)
#define HOST(NAME, TYPE, MEMBER, REQUIRED, MEANING) AT(HOST, NAME, TYPE, struct host, MEMBER, NULL, REQUIRED, MEANING)

const struct config_option config_options[] = {
        TOP("state-dir", path, state_dir, "/var/lib/dompool", "where the state is kept"),
        TOP("run-dir", path, run_dir, "/run/dompool", "sockets of the running server"),
        TOP("image-store", path, image_store, "/var/cache/dompool/images", "node images and loaders"),
        TOP("ssh-keys", path, ssh_keys, "/etc/dompool/authorized_keys",
            "administrators' public SSH keys for images with an SSH server; a file that is not there holds none"),
        TOP("guest-files", path, guest_files, "/srv/dompool/guests", "kernels and ramdisks that guest configurations may name"),
        TOP("http-port", port, http_port, "8080", "TCP port of boot files and guest files on the boot LAN"),
        TOP("tftp-port", port, tftp_port, "69", "UDP port of TFTP"),
        TOP("dhcp-port", port, dhcp_port, "67", "UDP port of DHCP"),
        TOP("agent-port", port, agent_port, "8444", "TCP port where agents connect by TLS"),
        TOP("default-profile", name, default_profile, "local", "profile of hosts that do not name one"),
        TOP("image", name, default_image, "micro", "image of pool hosts that do not name one"),
        TOP("console", args, console, "vga", "Xen's console= of hosts that do not name one"),
        TOP("xen-args", args, xen_args, NULL, "added to Xen's command line on every host"),
        TOP("kernel-args", args, kernel_args, NULL, "added to dom0's command line on every host"),
        TOP("quirks", path, quirks_file, DOMPOOL_DATADIR "/quirks.conf",
            "file with more quirks; one that is not there holds none"),
        TOP("satellite", path, satellite_file, "/etc/dompool/satellite",
            "with --satellite: the line that 'dompool satellite add' printed"),
        TOP("heartbeat", heartbeat, heartbeat_seconds, "5s", "a host without a sign of life for three of these is lost"),
        TOP("keep-limit", keep_limit, keep_limit, "1M", "how much of a host's own files (SSH host keys, logs) is kept at most"),

        NETWORK("mode", mode, mode, "dhcp", false,
                "\"dhcp\": addresses and boot files are ours; \"proxy\": addresses are another server's"),
        NETWORK("interface", interface, interface, NULL, true, "the interface on the boot LAN"),
        NETWORK("address", address, address, NULL, false,
                "the server's address there; the interface's first when it is left out"),
        NETWORK("subnet", subnet, net, NULL, true, "the boot LAN's subnet"),
        NETWORK("range", range, range_first, NULL, false, "addresses for hosts without a fixed one"),
        NETWORK("router", address, router, NULL, false, "default router told to hosts"),
        NETWORK("dns", address, dns, NULL, false, "name server told to hosts"),
        NETWORK("lease-time", lease_time, lease_seconds, "1h", false, "length of a lease"),
        NETWORK("relay", address, relay, NULL, false, "address of the relay agent, where it lies outside the subnet"),
        NETWORK("pxe-prompt", prompt, pxe_prompt, NULL, false, "in proxy mode: firmware shows this, and a menu on a key"),
        NETWORK("pxe-timeout", pxe_timeout, pxe_timeout_seconds, "5s", false, "how long the prompt stands"),

        SUBNET("net", subnet, net, true, "the subnet"),
        SUBNET("interface", interface, interface, false, "this server's interface in it; reached through relays when left out"),
        SUBNET("address", address, address, false, "the server's address there; the interface's first when it is left out"),
        SUBNET("mode", mode, mode, false, "as in network, and as there when it is left out"),
        SUBNET("range", range, range_first, false, "addresses for hosts without a fixed one"),
        SUBNET("router", address, router, false, "default router told to hosts"),
        SUBNET("dns", address, dns, false, "name server told to hosts; the network's when it is left out"),
        SUBNET("lease-time", lease_time, lease_seconds, false, "length of a lease; the network's when it is left out"),
        SUBNET("relay", address, relay, false, "address of the relay agent, where it lies outside the subnet"),
        SUBNET("pxe-prompt", prompt, pxe_prompt, false, "as in network"),
        SUBNET("pxe-timeout", pxe_timeout, pxe_timeout_seconds, false, "how long the prompt stands"),

        API("socket", path, api_socket, "/run/dompool/api.sock", "the API's Unix socket"),
        API("group", name, api_group, NULL, "group whose members may use the socket, besides root"),
        API("listen", listen, api_address, NULL, "address and port of the API by TLS; none when it is left out"),

        AT(TOKEN, "sha256", sha256, struct config_token, sha256, NULL, true, "hash of the token"),

        PROFILE("kind", kind, kind, true, "local, pool, chain, inspect or rescue"),
        PROFILE("image", args, image, false, "image name or version; the host's when it is left out"),
        PROFILE("xen-args", args, xen_args, false, "added to Xen's command line"),
        PROFILE("kernel-args", args, kernel_args, false, "added to dom0's command line"),
        PROFILE("root", root, root, false,
                "where dom0's root comes from: ram, http, nfs, nfs3, nbd, iscsi or aoe; the host's when it is left out"),
        PROFILE("iscsi-hook", yes, iscsi_hook, false,
                "with root iscsi, iPXE on UEFI logs in too and leaves the target's parameters in an iBFT: yes or no"),
        PROFILE("layer", layer, layer, false, "where writes to a root over the network go: overlay, overlay:SIZE or flash"),
        PROFILE("guest-nic", guest_nic, guest_nic, false,
                "network card of the bridge that guests use: boot, other, an interface or a MAC address; boot"),
        PROFILE("vlans", vlans, vlans, false, "VLANs of that card, each with a bridge for guests: \"10, 20:labs\""),
        PROFILE("nfs-dirs", nfs_dirs, nfs_dirs, false,
                "writable directories over NFS: \"/home=10.0.0.5:/export/home, /srv/images=10.0.0.6:/vol/images:ro\""),
        PROFILE("server", address, server, false, "chain: the other boot server"),
        PROFILE("file", args, file, false, "chain: the loader there"),
        PROFILE("menu", name, menu, false, "menu shown to a person first"),

        AT(MENU, "title", prompt, struct menu, title, NULL, false, "headline"),
        AT(MENU, "timeout", menu_timeout, struct menu, timeout, NULL, false, "until the first entry is booted; 10 seconds"),
        ENTRY("profile", name, profile, true, "what this entry boots"),
        ENTRY("password-grub", prompt, password_grub, false, "hash of its password as GRUB 2 takes it"),
        ENTRY("password-syslinux", prompt, password_syslinux, false, "as PXELINUX takes it"),
        ENTRY("password-pxegrub", prompt, password_pxegrub, false, "as legacy pxeGRUB takes it"),

        RULE("hosts", args, hosts, false, "names of hosts, with * ? [ ]"),
        RULE("labels", args, labels, false, "hosts that have one of these labels"),
        RULE("mac", args, mac, false, "hosts whose MAC address begins so"),
        RULE("smbios", args, smbios, false, "hosts whose manufacturer/product is like this, as `inspect` reported it"),
        RULE("days", days, days, false, "on these days"),
        RULE("from", time, from, false, "from this time of day"),
        RULE("to", time, to, false, "up to this time of day"),
        RULE("profile", name, profile, true, "what these hosts boot then"),
        RULE("menu", name, menu, false, "menu instead of the profile's"),

        QUIRK("mac", words, macs, "beginnings of MAC addresses that it is about"),
        QUIRK("pci", words, pci, "network cards that it is about, vendor:device"),
        QUIRK("smbios", prompt, smbios, "glob on manufacturer/product of the machines that it is about"),
        QUIRK("firmware", quirk_bits, firmware, "firmware that it is about; any when it is left out"),
        QUIRK("xen-args", args, xen_args, "added to Xen's command line"),
        QUIRK("kernel-args", args, kernel_args, "added to dom0's command line"),
        QUIRK("loader", name, loader, "loader to use instead of the best for the firmware"),
        QUIRK("tftp-blksize", blksize, tftp_blksize, "largest TFTP block that is granted"),
        QUIRK("no-tftp-window", yes, no_tftp_window, "TFTP goes one block at a time"),
        QUIRK("no-tftp-options", yes, no_tftp_options, "TFTP options are not answered"),
        QUIRK("no-http", yes, no_http, "no loader that fetches by HTTP"),
        QUIRK("why", prompt, why, "what goes wrong without it"),
        QUIRK("source", prompt, source, "who found it"),

        EXPORT("nfs-server", root_server, nfs_server, NULL,
               "your own NFS server and path instead of ours: \"10.0.0.5:/vol/%i\""),
        EXPORT("nbd-server", root_server, nbd_server, NULL, "your own NBD server: \"10.0.0.5:10809:%i\""),
        EXPORT("iscsi-server", root_server, iscsi_server, NULL,
               "your own iSCSI target: \"10.0.0.5:3260:1:iqn.2001-04.com.example:%i\""),
        EXPORT("aoe-target", root_server, aoe_target, NULL, "your own AoE target: \"7.1\""),
        EXPORT("nbd-port", port, nbd_port, "10809", "TCP port of our NBD server"),
        EXPORT("iscsi-port", port, iscsi_port, "3260", "TCP port of our iSCSI target"),

        ENROLMENT("per-hour", count, per_hour, "60", "machines that enrol sections let in within an hour"),
        ENROLMENT("limit", count, in_all, "1000", "hosts that enrol sections have made, in all"),
        ENROLMENT("inspect-at-once", at_once, inspect_at_once, "8", "machines under inspection at a time"),
        ENROLMENT("names", pattern, names, "pc-{n:03}", "names of enrolled hosts, where nothing else is said"),

        ENROL("mac", words, macs, false, "beginnings of MAC addresses"),
        ENROL("network", words, networks, false, "where it asks: names of subnets, or \"10.77.0.0/24\""),
        ENROL("firmware", quirk_bits, firmware, false, "what asks: one or more of bios, efi, ipxe, http, arm64"),
        ENROL("smbios", prompt, smbios, false, "glob on its manufacturer/product, known once it was inspected"),
        ENROL("days", days, days, false, "on these days"),
        ENROL("from", time, from, false, "from this time of day"),
        ENROL("to", time, to, false, "up to this time of day"),
        ENROL("action", action, action, true, "refuse, inspect or enrol"),
        ENROL("names", pattern, names, false, "enrol: pattern of names; the one of enrolment when it is left out"),
        ENROL("profile", name, profile, false, "enrol: what it boots; \"auto\": the rules decide; local when it is left out"),
        ENROL("labels", args, labels, false, "enrol: labels that it gets"),

        HOST("mac", mac, mac, true, "MAC address of the NIC that boots"),
        HOST("address", address, address, false, "fixed address; one of the range when it is left out"),
        HOST("profile", name, profile, false, "what the host boots"),
        HOST("image", name, image, false, "image name or version"),
        HOST("root", root, root, false, "where dom0's root comes from, if the profile does not say; ram"),
        HOST("loader", name, loader, false, "loader to use instead of the best for its firmware"),
        HOST("labels", args, labels, false, "names that rules and commands choose hosts by"),
        HOST("console", args, console, false, "Xen's console="),
        HOST("xen-args", args, xen_args, false, "added to Xen's command line"),
        HOST("kernel-args", args, kernel_args, false, "added to dom0's command line"),
};
const size_t config_n_options = sizeof(config_options) / sizeof(config_options[0]);
