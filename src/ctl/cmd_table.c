/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of commands and options: the one place where they are listed. Runs in: dompool. */
#include "base/cleanup.h"
#include "ctl/ctl.h"
#include "lab/lab.h"

const struct ctl_option_def ctl_options[OPT_N] = {
        [OPT_SERVER] = {"server", 's', "ADDRESS", true, "unix:/path or https://host:port (also DOMPOOL_SERVER)"},
        [OPT_TOKEN_FILE] = {"token-file", 0, "FILE", true, "file with the token for https (also DOMPOOL_TOKEN_FILE)"},
        [OPT_FINGERPRINT] = {"fingerprint", 0, "HEX", true, "SHA-256 of the server's certificate (also DOMPOOL_FINGERPRINT)"},
        [OPT_JSON] = {"json", 0, NULL, true, "print the server's answer as JSON"},
        [OPT_OUTPUT] = {"output", 'o', "FORMAT", true, "table, json or name (names only, one a line)", "table json name"},
        [OPT_HELP] = {"help", 'h', NULL, true, "print help and exit"},
        [OPT_VERSION] = {"version", 'V', NULL, true, "print the version and exit"},
        [OPT_NO_WAIT] = {"no-wait", 0, NULL, false, "start the operation and do not wait for its end"},
        [OPT_TIMEOUT] = {"timeout", 0, "SECONDS", false, "give up waiting after this time; the operation goes on"},
        [OPT_UNKNOWN] = {"unknown", 0, NULL, false, "show the machines that asked for a boot and are no host"},
        [OPT_FOLLOW] = {"follow", 'f', NULL, false, "go on and print what comes"},
        [OPT_HOST] = {"host", 0, "NAME", false, "this host"},
        [OPT_IMAGE] = {"image", 0, "NAME", false, "node image, a name or a version id"},
        [OPT_PROFILE] = {"profile", 0, "PROFILE", false, "a profile's name; see dompool profile list",
                         "local pool inspect rescue"},
        [OPT_ADDRESS] = {"address", 0, "IP", false, "fixed IPv4 address"},
        [OPT_CONSOLE] = {"console", 0, "LIST", false, "Xen's console=, such as com1,vga"},
        [OPT_XEN_ARGS] = {"xen-args", 0, "TEXT", false, "further words of Xen's command line"},
        [OPT_KERNEL_ARGS] = {"kernel-args", 0, "TEXT", false, "further words of dom0's kernel command line"},
        [OPT_STORE] = {"store", 0, "DIR", false, "an image store on this machine instead of the server's"},
        [OPT_AFTER] = {"after", 0, "NUMBER", false, "only what comes after this event"},
        [OPT_LIMIT] = {"limit", 'n', "NUMBER", false, "at most so many rows"},
        [OPT_KIND] = {"kind", 0, "KIND", false, "boot, host, domain, op, server or security",
                      "boot host domain op server security"},
        [OPT_LABEL] = {"label", 0, "LABEL", false, "all hosts that have this label"},
        [OPT_LABELS] = {"labels", 0, "LIST", false, "labels of the host, with commas between"},
        [OPT_ALL] = {"all", 0, NULL, false, "all hosts"},
        [OPT_NEXT] = {"next", 0, NULL, false, "for the next boot only"},
};

#define WAITS (OPT_BIT(OPT_NO_WAIT) | OPT_BIT(OPT_TIMEOUT))
#define HOST_DESCRIPTION                                                                                                       \
        (OPT_BIT(OPT_ADDRESS) | OPT_BIT(OPT_PROFILE) | OPT_BIT(OPT_IMAGE) | OPT_BIT(OPT_CONSOLE) | OPT_BIT(OPT_XEN_ARGS) |     \
         OPT_BIT(OPT_KERNEL_ARGS) | OPT_BIT(OPT_LABELS))

const struct ctl_command ctl_commands[] = {
        {"host", "list", "", "the hosts and what they do", OPT_BIT(OPT_UNKNOWN), 0, 0, cmd_host_list},
        {"host", "show", "NAME", "one host in full", 0, 1, 1, cmd_host_show, .complete = "hosts"},
        {"host", "trace", "NAME", "its last boots, stage by stage, and where one is stuck", OPT_BIT(OPT_FOLLOW), 1, 1,
         cmd_host_trace, .complete = "hosts"},
        {"host", "add", "NAME MAC", "describe a machine, so that its boot is answered", HOST_DESCRIPTION, 2, 2, cmd_host_add},
        {"host", "remove", "NAME", "forget a host that was added so", 0, 1, 1, cmd_host_remove, .complete = "hosts"},
        {"host", "reboot", "NAME", "reboot a ready host", WAITS, 1, 1, cmd_host_reboot, .complete = "hosts"},
        {"profile", "list", "", "what hosts can boot, and the rules that choose", 0, 0, 0, cmd_profile_list},
        {"profile", "show", "NAME", "one profile in full", 0, 1, 1, cmd_profile_show,
         .complete = "[local pool inspect rescue]"},
        {"profile", "set", "[HOST...] PROFILE", "what hosts boot from the next time on; auto: the rules decide again",
         OPT_BIT(OPT_IMAGE) | OPT_BIT(OPT_NEXT) | OPT_BIT(OPT_LABEL) | OPT_BIT(OPT_ALL), 1, 4097, cmd_profile_set,
         .complete = "hosts"},
        {"image", "build", "NAME", "make a node image from Debian packages", OPT_BIT(OPT_STORE) | WAITS, 1, 1, cmd_image_build,
         .complete = "[micro]"},
        {"image", "list", "", "the versions of node images", OPT_BIT(OPT_STORE), 0, 0, cmd_image_list},
        {"image", "show", "NAME", "one version in full", OPT_BIT(OPT_STORE), 1, 1, cmd_image_show, .complete = "images"},
        {"domain", "create", "FILE", "create a domain from an xl.cfg", OPT_BIT(OPT_HOST) | WAITS, 1, 1, cmd_domain_create,
         .complete = "file"},
        {"domain", "list", "", "the domains and where they are", OPT_BIT(OPT_HOST), 0, 0, cmd_domain_list},
        {"domain", "show", "NAME", "one domain in full", 0, 1, 1, cmd_domain_show, .complete = "domains"},
        {"domain", "shutdown", "NAME", "ask a domain to shut down", WAITS, 1, 1, cmd_domain_shutdown, .complete = "domains"},
        {"domain", "destroy", "NAME", "end a domain at once", WAITS, 1, 1, cmd_domain_destroy, .complete = "domains"},
        {"domain", "console", "NAME", "its console; Ctrl-] leaves", 0, 1, 1, cmd_domain_console, .complete = "domains"},
        {"op", "list", "", "operations, newest first", OPT_BIT(OPT_LIMIT), 0, 0, cmd_op_list},
        {"op", "show", "NUMBER", "one operation", 0, 1, 1, cmd_op_show, .complete = "operations"},
        {"op", "wait", "NUMBER", "wait for the end of an operation", OPT_BIT(OPT_TIMEOUT), 1, 1, cmd_op_wait,
         .complete = "operations"},
        {"event", "list", "", "what has happened",
         OPT_BIT(OPT_FOLLOW) | OPT_BIT(OPT_AFTER) | OPT_BIT(OPT_LIMIT) | OPT_BIT(OPT_KIND), 0, 0, cmd_event_list},
        {"server", "show", "", "version, roles and counts of the server", 0, 0, 0, cmd_server_show},
        {"lab", "up", "[OPTION...]", "start a virtual room of diskless hosts", .raw = lab_command},
        {"lab", "down", "[OPTION...]", "end it; nothing stays behind", .raw = lab_command},
        {"lab", "status", "[OPTION...]", "what runs of it", .raw = lab_command},
        {"lab", "power", "HOST STATE", "cut, give or reset a host's power", .raw = lab_command},
        {"lab", "demo", "[OPTION...]", "the whole system once, from image to guest", .raw = lab_command},
        {"errors", NULL, "", "error codes and exit codes", 0, 0, 0, cmd_errors},
        {"completion", NULL, "SHELL", "print the completion script for bash, zsh or fish", 0, 1, 1, cmd_completion,
         .complete = "[bash zsh fish]"},
        {"version", NULL, "", "print the version", 0, 0, 0, cmd_version},
};
const size_t ctl_n_commands = N_ELEMENTS(ctl_commands);
