# SPDX-License-Identifier: Apache-2.0
"""dompoold.conf(5): errors with file and line, the check, the canonical print, the example, the manual page's list."""
import re
import subprocess

import pytest

from server import DOMPOOLD, TOP

NETWORK = 'network {\n interface = "br0"\n subnet = "10.77.0.0/24"\n}\n'
HOST1 = 'host "n1" {\n mac = "52:54:00:77:00:01"\n address = "10.77.0.11"\n}\n'


def dompoold(*argv):
    return subprocess.run([DOMPOOLD, *argv], capture_output=True, text=True, timeout=60)


def check(tmp_path, text):
    (tmp_path / "d.conf").write_text(text)
    return dompoold("-n", "-c", tmp_path / "d.conf")


# (what is wrong, the file, the line of the error, the words that follow)
ERRORS = [
    ("unknown option", NETWORK + 'colour = "red"\n', 5, "no such option 'colour'"),
    ("unknown option in a section", 'network {\n interfaces = "br0"\n}\n', 2, "no such option 'interfaces'"),
    ("option twice", 'http-port = 8080\nhttp-port = 8081\n' + NETWORK, 2, "http-port is given twice"),
    ("no network", 'http-port = 8080\n', None, "there is no network section; it names the boot LAN's interface and subnet"),
    ("no interface", 'network {\n subnet = "10.77.0.0/24"\n}\n', 3, "network has no interface"),
    ("host bits", 'network {\n interface = "br0"\n subnet = "10.77.0.1/24"\n}\n', 3,
     "subnet '10.77.0.1/24' must be a subnet such as \"10.77.0.0/24\", without host bits"),
    ("prefix too long", 'network {\n interface = "br0"\n subnet = "10.77.0.0/31"\n}\n', 3,
     "a boot LAN has a prefix length of 8 to 30, not 31"),
    ("range outside the subnet", 'network {\n interface = "br0"\n subnet = "10.77.0.0/24"\n range = "10.78.0.1-10.78.0.9"\n}\n', 5,
     "the range does not lie inside the subnet"),
    ("range backwards", 'network {\n interface = "br0"\n subnet = "10.77.0.0/24"\n range = "10.77.0.9-10.77.0.1"\n}\n', 4,
     "the range 10.77.0.9-10.77.0.1 ends before it begins"),
    ("own address in the range",
     'network {\n interface = "br0"\n subnet = "10.77.0.0/24"\n address = "10.77.0.5"\n range = "10.77.0.1-10.77.0.9"\n}\n', 6,
     "the server's own address lies in the range"),
    ("interface name too long", 'network {\n interface = "averyverylongname"\n subnet = "10.77.0.0/24"\n}\n', 2,
     "interface is 17 bytes long; the limit is 15"),
    ("port out of range", 'http-port = 70000\n' + NETWORK, 1, "http-port '70000' must be a port, 1 to 65535"),
    ("one port for two", NETWORK + 'agent-port = 8080\n', None, "http-port and agent-port are both 8080"),
    ("relative path", 'state-dir = "var/lib"\n' + NETWORK, 1,
     "state-dir 'var/lib' must be an absolute path without '..' or a slash at its end"),
    ("path too long", f'state-dir = "/{"x" * 200}"\n' + NETWORK, 1, "state-dir is 201 bytes long; the limit is 199"),
    ("menu characters", 'kernel-args = "quiet; reboot"\n' + NETWORK, 1,
     "kernel-args may hold printable ASCII without quotes, shell or menu characters; byte 6 is 0x3b"),
    ("small keep-limit", NETWORK + 'keep-limit = "1K"\n', 5, "1K is out of range: 4K to 16M are allowed"),
    ("large keep-limit", NETWORK + 'keep-limit = "1G"\n', 5, "1G is out of range: 4K to 16M are allowed"),
    ("short lease", 'network {\n interface = "br0"\n subnet = "10.77.0.0/24"\n lease-time = "5s"\n}\n', 4,
     "5s is out of range: 60 to 604800 seconds are allowed"),
    ("default profile", 'default-profile = "windows"\n' + NETWORK, None, "default-profile: there is no profile 'windows'"),
    ("host's profile", NETWORK + HOST1.replace("}", ' profile = "windows"\n}'), 9, "host 'n1': there is no profile 'windows'"),
    ("profile without kind", NETWORK + 'profile "lab" { image = "micro" }\n', 5, "profile 'lab' has no kind"),
    ("kind", NETWORK + 'profile "lab" {\n kind = "windows"\n}\n', 6,
     "kind 'windows' must be \"local\", \"pool\", \"chain\", \"inspect\" or \"rescue\""),
    ("local stays local", NETWORK + 'profile "local" { kind = "pool" }\n', 5,
     "profile 'local' is built in with kind \"local\", which cannot be changed"),
    ("root", NETWORK + 'profile "lab" {\n kind = "pool"\n root = "nfs5"\n}\n', 7, "root 'nfs5' must be ram, http, nfs, nfs3, nbd, iscsi or aoe"),
    ("iscsi-hook of another root", NETWORK + 'profile "lab" { kind = "pool" root = "nbd" iscsi-hook = "yes" }\n', 5,
     "profile 'lab': iscsi-hook is for kind \"pool\" with root \"iscsi\", its own or the host's"),
    ("guest-nic", NETWORK + 'profile "lab" {\n kind = "pool"\n guest-nic = "a/b"\n}\n', 7,
     "guest-nic 'a/b' must be boot, other, the name of an interface such as eth1 (at most 15 characters), or a MAC address"),
    ("vlan tag", NETWORK + 'profile "lab" {\n kind = "pool"\n vlans = "10, 4095"\n}\n', 7,
     "vlans: '4095' is no VLAN; a tag is a number from 1 to 4094"),
    ("bridge name", NETWORK + 'profile "lab" {\n kind = "pool"\n vlans = "10:a-name-of-16-byt"\n}\n', 7,
     "vlans: 'a-name-of-16-byt', the bridge of VLAN 10, must be 1 to 15 of a-z A-Z 0-9 . _ -, the first a letter or digit"),
    ("vlans of no host", NETWORK + 'profile "lab" { kind = "rescue" vlans = "10" }\n', 5,
     "profile 'lab': guest-nic and vlans are for kind \"pool\""),
    ("nfs-dirs over the system", NETWORK + 'profile "lab" {\n kind = "pool"\n nfs-dirs = "/home=10.0.0.5:/h, /usr/local=10.0.0.5:/l"\n}\n', 7,
     "nfs-dirs: /usr/local would hide a part of the host's own system"),
    ("nfs-dirs by name", NETWORK + 'profile "lab" {\n kind = "pool"\n nfs-dirs = "/home=filer:/export/home"\n}\n', 7,
     "nfs-dirs: /home: 'filer' is no IPv4 address; a name cannot be looked up where it is mounted"),
    ("nfs-dirs without server", NETWORK + 'profile "lab" {\n kind = "pool"\n nfs-dirs = "/home"\n}\n', 7,
     "nfs-dirs: '/home' must be PATH=ADDRESS:/PATH, such as /home=10.0.0.5:/export/home, perhaps with :ro or a version (:3) behind it"),
    ("nfs-dirs twice", NETWORK + 'profile "lab" {\n kind = "pool"\n nfs-dirs = "/srv=10.0.0.5:/a /srv/b=10.0.0.5:/b"\n}\n', 7,
     "nfs-dirs: of /srv and /srv/b one would hide the other"),
    ("nfs-dirs too long", NETWORK + f'profile "lab" {{\n kind = "pool"\n nfs-dirs = "/home=10.0.0.5:/{"x" * 220}"\n}}\n', 7,
     "nfs-dirs is 236 bytes long; the limit is 231"),
    ("nfs-dirs of no host", NETWORK + 'profile "lab" { kind = "rescue" nfs-dirs = "/home=10.0.0.5:/h" }\n', 5,
     "profile 'lab': nfs-dirs is for kind \"pool\""),
    ("chain without server", NETWORK + 'profile "x" { kind = "chain" file = "f" }\n', 5,
     "profile 'x': a chain needs the other server's address (server) and what to load (file)"),
    ("rule without profile", NETWORK + 'rule "r" { days = "mon" }\n', 5, "rule 'r' has no profile"),
    ("rule's profile", NETWORK + 'rule "r" {\n profile = "windows"\n}\n', 7, "rule 'r': there is no profile 'windows'"),
    ("days", NETWORK + 'rule "r" {\n days = "monday"\n}\n', 6, "days 'monday' must be days such as \"mon-fri\" or \"sat,sun\""),
    ("time", NETWORK + 'rule "r" {\n from = "8:00"\n}\n', 6, "from '8:00' must be a time of day such as \"08:00\", up to \"24:00\""),
    ("menu's profile", NETWORK + 'menu "m" {\n entry "a" { profile = "windows" }\n}\n', 7, "menu 'm': there is no profile 'windows'"),
    ("profile's menu", NETWORK + 'profile "x" { kind = "pool" menu = "m" }\n', 5, "profile 'x': there is no menu 'm'"),
    ("password", NETWORK + 'menu "m" {\n entry "a" { profile = "local" password-syslinux = "secret" }\n}\n', 7,
     "menu 'm': password-syslinux must begin with \"$6$\"; dompoold.conf(5) says what makes it"),
    ("labels", NETWORK + HOST1.replace("}", ' labels = "a *"\n}'), 9,
     "host 'n1': labels: '*' is no label; one has 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit"),
    ("empty value", 'image = ""\n' + NETWORK, 1, "image is empty: it must be 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit"),
    ("host without MAC", NETWORK + 'host "n1" {\n address = "10.77.0.11"\n}\n', 7, "host 'n1' has no mac"),
    ("empty host", NETWORK + 'host "n1" {}\n', 5, "host 'n1' has no mac"),
    ("host name", NETWORK + 'host "-n" { mac = "52:54:00:77:00:01" }\n', 5,
     "host name '-n' must be 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit"),
    ("multicast MAC", NETWORK + 'host "n" {\n mac = "53:54:00:77:00:01"\n}\n', 7,
     "host 'n': 53:54:00:77:00:01 is a multicast address, not a machine's"),
    ("MAC", NETWORK + 'host "n" {\n mac = "52:54:00:77:00"\n}\n', 6,
     "mac '52:54:00:77:00' must be a MAC address such as \"52:54:00:12:34:56\""),
    ("MAC twice", NETWORK + HOST1 + 'host "n2" {\n mac = "52-54-00-77-00-01"\n}\n', 11,
     "host 'n2' has the MAC address 52:54:00:77:00:01 of host 'n1' (which ends in line 8)"),
    ("address twice", NETWORK + HOST1 + 'host "n2" {\n mac = "52:54:00:77:00:02"\n address = "10.77.0.11"\n}\n', 12,
     "host 'n2' has the address 10.77.0.11 of host 'n1' (which ends in line 8)"),
    ("name twice", NETWORK + HOST1 + 'host "n1" {\n mac = "52:54:00:77:00:02"\n}\n', 9, "found duplicate title 'n1'"),
    ("address outside the subnet", NETWORK + 'host "n1" {\n mac = "52:54:00:77:00:01"\n address = "10.78.0.11"\n}\n', 8,
     "host 'n1': the address 10.78.0.11 lies outside the subnet"),
    ("broadcast address", NETWORK + 'host "n1" {\n mac = "52:54:00:77:00:01"\n address = "10.77.0.255"\n}\n', 8,
     "host 'n1': the address 10.77.0.255 lies outside the subnet"),
    ("mode", 'network {\n interface = "br0"\n subnet = "10.77.0.0/24"\n mode = "both"\n}\n', 4, "mode 'both' must be \"dhcp\" or \"proxy\""),
    ("subnet without net", NETWORK + 'subnet "b" {\n router = "10.78.0.1"\n}\n', 7, "subnet 'b' has no net"),
    ("subnet name", NETWORK + 'subnet "-b" { net = "10.78.0.0/24" }\n', 5,
     "subnet name '-b' must be 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit"),
    ("subnets overlap", NETWORK + 'subnet "b" { net = "10.77.0.128/25" }\n', 5, "subnet 'b' overlaps with the network section"),
    ("subnets overlap 2", NETWORK + 'subnet "b" { net = "10.78.0.0/24" }\nsubnet "c" { net = "10.78.0.0/16" }\n', 6,
     "subnet 'c' overlaps with subnet 'b'"),
    ("interface twice", NETWORK + 'subnet "b" { net = "10.78.0.0/24" interface = "br0" }\n', 5,
     "subnet 'b' has the interface of the network section"),
    ("relay twice", NETWORK + 'subnet "b" { net = "10.78.0.0/24" relay = "10.1.1.1" }\nsubnet "c" { net = "10.79.0.0/24" relay = "10.1.1.1" }\n', 6,
     "subnet 'c' has the relay agent of subnet 'b'"),
    ("range of another subnet", NETWORK + 'subnet "b" { net = "10.78.0.0/24" range = "10.77.0.1-10.77.0.9" }\n', 5,
     "the range does not lie inside the subnet"),
    ("address without interface", NETWORK + 'subnet "b" { net = "10.78.0.0/24" address = "10.78.0.1" }\n', 5,
     "the server has an address in a subnet only with an interface there"),
    ("address in no subnet", NETWORK + 'subnet "b" { net = "10.78.0.0/24" }\n' + HOST1.replace("10.77", "10.79"), 9,
     "host 'n1': the address 10.79.0.11 lies outside all subnets"),
    ("long timeout", 'network {\n interface = "br0"\n subnet = "10.77.0.0/24"\n pxe-timeout = "5m"\n}\n', 4,
     "5m is out of range: 0 to 254 seconds are allowed"),
    ("token", NETWORK + 'api { token "ci" {\n sha256 = "12" } }\n', 6, "sha256 '12' must be 64 hex digits, the SHA-256 of a token's text"),
    ("token without hash", NETWORK + 'api {\n token "ci" {\n}\n}\n', 7, "token 'ci' has no sha256"),
    ("listen", NETWORK + 'api {\n listen = "8443"\n}\n', 6, "listen '8443' must be an address and port such as \"192.0.2.1:8443\""),
    ("quirk of every machine", NETWORK + 'quirk "q" {\n no-http = "yes"\n why = "x"\n}\n', 8,
     "quirk 'q' is about every machine: it needs mac, pci, smbios or firmware"),
    ("quirk without effect", NETWORK + 'quirk "q" {\n mac = "b8:27:eb"\n why = "x"\n}\n', 8, "quirk 'q' changes nothing"),
    ("quirk's card", NETWORK + 'quirk "q" { pci = "8086" no-http = "yes" why = "x" }\n', 5,
     "quirk 'q': pci '8086' must be vendor:device in lower-case hex, \"8086:57a0\" or \"8086:*\""),
    ("enrol without action", NETWORK + 'enrol "e" {\n mac = "52:54:00"\n}\n', 7, "enrol 'e' has no action"),
    ("enrol's action", NETWORK + 'enrol "e" {\n action = "adopt"\n}\n', 6, 'action \'adopt\' must be "refuse", "inspect" or "enrol"'),
    ("enrol's profile", NETWORK + 'enrol "e" {\n action = "enrol"\n profile = "windows"\n}\n', 8, "enrol 'e': there is no profile 'windows'"),
    ("enrol's network", NETWORK + 'enrol "e" {\n action = "inspect"\n network = "lab"\n}\n', 8,
     "enrol 'e': network 'lab' is neither a subnet section's name nor a network's \"net/prefix\""),
    ("enrol's names", NETWORK + 'enrol "e" {\n action = "enrol"\n names = "pc {n}"\n}\n', 7,
     "names 'pc {n}' must give 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit"),
    ("enrol's pattern", NETWORK + 'enrol "e" {\n action = "enrol"\n names = "pc-{uuid}"\n}\n', 7,
     "names 'pc-{uuid}': in braces stand n, n:03, mac, serial or asset"),
    ("enrol that refuses with names", NETWORK + 'enrol "e" {\n action = "refuse"\n names = "pc-{n}"\n}\n', 8,
     "enrol 'e': names, profile and labels are for action \"enrol\", this one is \"refuse\""),
    ("enrolment's limit", NETWORK + 'enrolment {\n inspect-at-once = "65"\n}\n', 6, "inspect-at-once '65' must be a number, 1 to 64"),
    ("not closed", NETWORK + 'http-port = \n', 6, "premature end of file"),
]


@pytest.mark.parametrize("text,line,words", [e[1:] for e in ERRORS], ids=[e[0] for e in ERRORS])
def test_error_names_file_and_line(tmp_path, text, line, words):
    result = check(tmp_path, text)
    place = f"{tmp_path}/d.conf:{line}: " if line else f"{tmp_path}/d.conf: "
    assert result.stderr == f"dompoold: {place}{words}\n"
    assert result.returncode == 3
    assert result.stdout == ""


def test_error_in_an_included_file_names_that_file(tmp_path):
    (tmp_path / "hosts.conf").write_text('host "n1" {\n mac = "x"\n}\n')
    result = check(tmp_path, NETWORK + f'include("{tmp_path}/hosts.conf")\n')
    assert f"{tmp_path}/hosts.conf:2: mac 'x' must be" in result.stderr


def test_missing_file_is_said(tmp_path):
    result = dompoold("-n", "-c", tmp_path / "nothing.conf")
    assert result.returncode == 4
    assert f"cannot read the configuration '{tmp_path}/nothing.conf': No such file or directory" in result.stderr


def test_too_many_tokens_says_the_limit(tmp_path):
    tokens = "".join(f'token "t{i}" {{ sha256 = "{i:064x}" }}\n' for i in range(17))
    assert "too many tokens: the limit is 16" in check(tmp_path, NETWORK + "api {\n" + tokens + "}\n").stderr


def test_good_file_is_accepted_silently(tmp_path):
    result = check(tmp_path, NETWORK + HOST1)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


FULL = '''
state-dir = "/tmp/x y" run-dir = "/run/d" image-store = "/i$HOME" ssh-keys = "/k" guest-files = "/g\\"q\\\\b"
http-port = 80 tftp-port = 6969 dhcp-port = 6767 agent-port = 1
default-profile = "pool" image = "big" console = "com1,vga" xen-args = "dom0_mem=1G,max:1G" kernel-args = "quiet a=b" heartbeat = "2s"
keep-limit = "65536"
network { interface = "eth0" subnet = "10.0.0.0/8" range = "10.0.0.9-10.255.0.0" router = "10.0.0.1" dns = "1.1.1.1"
  address = "10.0.0.2" lease-time = "2d" mode = "proxy" pxe-prompt = "Press F8" pxe-timeout = "7s" relay = "192.168.0.1" }
subnet "vlan20" { net = "11.0.0.0/24" interface = "eth0.20" address = "11.0.0.1" mode = "dhcp" range = "11.0.0.9-11.0.0.99" router = "11.0.0.2"
  dns = "11.0.0.3" lease-time = "1h" relay = "192.168.0.2" pxe-prompt = "F8" pxe-timeout = "0s" }
subnet "far" { net = "12.0.0.0/24" }
api { socket = "/s" group = "adm" listen = "127.0.0.1:8443" token "ci" { sha256 = "''' + "ab" * 32 + '''" } token "b" { sha256 = "''' + \
    "CD" * 32 + '''" } }
quirk "old" { mac = "b8:27:eb" pci = "8086:57a0 10ec:*" smbios = "Dell Inc./R620*" firmware = "ipxe bios" xen-args = "noapic" kernel-args = "b=c"
  loader = "pxelinux" tftp-blksize = "1024" no-tftp-window = "yes" no-tftp-options = "no" no-http = "yes" why = "it hangs" source = "a#1" }
quirk "b" { firmware = "efi" no-tftp-options = "yes" why = "x" }
host "n1" { mac = "02-00-00-00-00-01" address = "10.0.0.11" profile = "local" image = "micro" xen-args = "x" kernel-args = "y" console = "vga" loader = "pxelinux"
  labels = "room-a, desks" }
export { nfs-server = "10.0.0.5:/vol/%i" nbd-server = "10.0.0.5:1:%i" iscsi-server = "10.0.0.5:3260:1:iqn.x:%i" aoe-target = "7.1" nbd-port = 10810 iscsi-port = 3261 }
profile "lab" { kind = "pool" image = "micro:previous" xen-args = "a" kernel-args = "b" root = "iscsi" iscsi-hook = "yes" layer = "overlay:256M" menu = "people"
  guest-nic = "other" vlans = "10, 20:labs 30:vlan30" nfs-dirs = "/home=10.0.0.5:/h:4, /srv=10.0.0.6:/:ro:3" }
profile "ltsp" { kind = "chain" server = "10.0.0.8" file = "ltsp/ltsp.ipxe" }
menu "people" { title = "Room A" entry "Own disk" { profile = "local" }
  entry "Xen: lab" { profile = "lab" password-grub = "grub.pbkdf2.sha512.10000.AB.CD" password-syslinux = "$6$a$b" password-pxegrub = "$1$a$b" }
  timeout = "30s" }
rule "night" { hosts = "n*, m[0-9]" labels = "room-a" mac = "02:00" smbios = "Dell*/Opti*" days = "mon-fri,sun" from = "20:30" to = "06:00"
  profile = "lab" menu = "people" }
rule "rest" { profile = "local" to = "24:00" from = "12:00" }
enrol "new" { mac = "b8:27:eb dc:a6:32" network = "vlan20, 10.0.0.0/8" firmware = "efi arm64 http" smbios = "Dell*/Opti*" days = "mon-fri" from = "08:00"
  to = "18:00" action = "enrol" names = "pc-{n:03}-{serial}" profile = "lab" labels = "room-a, new" }
enrol "auto" { action = "enrol" profile = "auto" }
enrol "rest" { action = "refuse" }
enrolment { per-hour = "10" limit = "200" inspect-at-once = "2" names = "lab{n}" }
host "n2" { mac = "02:00:00:00:00:02" }
'''


def test_canonical_print_reads_back_identically(tmp_path):
    (tmp_path / "a.conf").write_text(FULL)
    first = dompoold("-nv", "-c", tmp_path / "a.conf")
    assert first.returncode == 0, first.stderr
    (tmp_path / "b.conf").write_text(first.stdout)
    second = dompoold("-nv", "-c", tmp_path / "b.conf")
    assert second.returncode == 0, second.stderr
    assert second.stdout == first.stdout
    # What was said is in it: nothing is lost on the way.
    for value in ('"/tmp/x y"', '"/i\\$HOME"', '"/g\\"q\\\\b"', '"10.0.0.9-10.255.0.0"', '"172800s"', '"127.0.0.1:8443"', '"' + "cd" * 32 + '"',
                  'profile = "local"', '"02:00:00:00:00:01"', 'guest-nic = "other"', 'vlans = "10,20:labs,30"',
                  'nfs-dirs = "/home=10.0.0.5:/h,/srv=10.0.0.6:/:3:ro"', 'iscsi-hook = "yes"', 'keep-limit = "64K"'):
        assert value in first.stdout


def test_a_subnet_takes_what_it_does_not_say_from_the_network(tmp_path):
    (tmp_path / "a.conf").write_text('subnet "b" { net = "10.78.0.0/24" }\n' + NETWORK.replace(
        "}", ' mode = "proxy"\n dns = "9.9.9.9"\n lease-time = "2h"\n pxe-timeout = "9s"\n}') + HOST1.replace("10.77", "10.78"))
    printed = dompoold("-nv", "-c", tmp_path / "a.conf").stdout
    subnet = printed[printed.index('subnet "b"'):printed.index("api {")]
    for line in ('mode = "proxy"', 'dns = "9.9.9.9"', 'lease-time = "7200s"', 'pxe-timeout = "9s"'):
        assert line in subnet


def test_hosts_without_a_profile_leave_it_to_rules_and_default(tmp_path):
    (tmp_path / "a.conf").write_text(HOST1 + NETWORK + 'default-profile = "pool"\n')
    printed = dompoold("-nv", "-c", tmp_path / "a.conf").stdout
    assert 'default-profile = "pool"' in printed
    assert "profile" not in printed[printed.index('host "n1"'):]


def test_nine_entries_of_a_menu_are_too_many(tmp_path):
    entries = "".join(f' entry "e{i}" {{ profile = "local" }}\n' for i in range(9))
    assert "too many entries: the limit is 8" in check(tmp_path, NETWORK + 'menu "m" {\n' + entries + "}\n").stderr


def test_example_is_accepted():
    assert dompoold("-n", "-c", TOP / "packaging" / "dompoold.conf.example").returncode == 0


def test_manual_page_names_every_option(tmp_path):
    """The schema is the source: what the canonical print of a full file shows must stand in dompoold.conf(5), and nothing else."""
    (tmp_path / "a.conf").write_text(FULL)
    printed = dompoold("-nv", "-c", tmp_path / "a.conf").stdout
    options = set(re.findall(r"^\s*([a-z0-9-]+) = ", printed, re.M))
    page = (TOP / "man" / "dompoold.conf.5").read_text()
    sections = {"include", "network", "api", "host", "token", "entry"}  # network is an option of enrol, too
    assert set(re.findall(r"^\.It Ic ([a-z0-9-]+)", page, re.M)) - sections == options - sections


@pytest.mark.parametrize("argv,code,words", [
    (("--help",), 0, "usage: dompoold"),
    (("--version",), 0, "dompoold 0."),
    (("--nonsense",), 2, "try 'dompoold --help'"),
    (("more",), 2, "unexpected argument 'more'"),
    (("--role=king",), 2, "there is no role 'king'"),
])
def test_command_line(argv, code, words):
    result = dompoold(*argv)
    assert result.returncode == code
    assert words in result.stdout + result.stderr


def test_manual_page_names_every_command_line_option():
    page = (TOP / "man" / "dompoold.8").read_text()
    for option in re.findall(r"^  -(\w),", dompoold("--help").stdout, re.M):
        assert re.search(rf"^\.It Fl {option}\b", page, re.M), option


def test_start_without_root_is_refused(tmp_path):
    (tmp_path / "a.conf").write_text(NETWORK)
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    result = subprocess.run([DOMPOOLD, "-c", tmp_path / "a.conf"], capture_output=True, text=True, user=65534, group=65534, timeout=60)
    assert result.returncode == 8
    assert "dompoold must be started by root" in result.stderr


QUIRK = 'quirk "%s" {\n pci = "8086:57a0"\n %s = "yes"\n why = "x"\n}\n'


def test_an_error_in_the_file_of_quirks_names_that_file(tmp_path):
    (tmp_path / "quirks.conf").write_text(QUIRK % ("q", "no-htp"))
    result = check(tmp_path, NETWORK + f'quirks = "{tmp_path}/quirks.conf"\n')
    assert f"{tmp_path}/quirks.conf:3: no such option 'no-htp'" in result.stderr


def test_a_quirk_of_ones_own_takes_the_place_of_a_shipped_one(tmp_path):
    (tmp_path / "quirks.conf").write_text(QUIRK % ("a", "no-http") + QUIRK % ("b", "no-http"))
    (tmp_path / "d.conf").write_text(NETWORK + f'quirks = "{tmp_path}/quirks.conf"\n' + QUIRK % ("b", "no-tftp-window"))
    printed = dompoold("-nv", "-c", tmp_path / "d.conf").stdout
    assert re.findall(r'quirk "(.)" {[^}]*(no-[a-z-]+) = "yes"', printed) == [("b", "no-tftp-window"), ("a", "no-http")]


def test_every_shipped_quirk_is_good_and_names_its_source(tmp_path):
    shipped = TOP / "packaging/quirks.conf"
    (tmp_path / "d.conf").write_text(NETWORK + f'quirks = "{shipped}"\n')
    printed = dompoold("-nv", "-c", tmp_path / "d.conf").stdout
    quirks = re.findall(r'quirk "[^"]*" {([^}]*)}', printed)
    assert len(quirks) == shipped.read_text().count('\nquirk "') >= 10
    assert all('source = "' in quirk for quirk in quirks)
