# SPDX-License-Identifier: Apache-2.0
"""dompool import with a real dompoold: another server's files become hosts, and those get what they had by DHCP."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from boot_harness import SERVER, FIXED_MAC, Room, programs_dir, say

DATA = pathlib.Path(__file__).resolve().parents[1] / "data/import"
XEN_MAC, DISK_MAC, LTSP_MAC = "52:54:00:88:01:01", "52:54:00:88:01:02", "52:54:00:88:01:03"

DHCPD = f"""
subnet 10.88.0.0 netmask 255.255.255.0 {{ next-server 10.88.0.7; }}
group {{
        filename "pxelinux.0";
        host xen1 {{ hardware ethernet {XEN_MAC}; fixed-address 10.88.0.61; }}
        host ltsp1 {{ hardware ethernet {LTSP_MAC}; fixed-address 10.88.0.63; }}
}}
host disk1 {{ hardware ethernet {DISK_MAC}; fixed-address 10.88.0.62; }}
host taken {{ hardware ethernet {FIXED_MAC}; fixed-address 10.88.0.64; }}
host away {{ hardware ethernet 52:54:00:88:01:05; fixed-address 192.0.2.5; }}
"""
MENU = """DEFAULT xen
LABEL xen
  KERNEL mboot.c32
  APPEND xen.gz dom0_mem=524288 noreboot com2=115200,8n1 console=com2,vga --- vmlinuz root=/dev/nfs quirk=1 --- initrd
"""


@pytest.fixture(name="room")
def fixture_room():
    with Room() as room:
        old = room.path / "old"
        (old / "tftp/pxelinux.cfg").mkdir(parents=True)
        (old / "dhcpd.conf").write_text(DHCPD)
        (old / "tftp/pxelinux.cfg" / ("01-" + XEN_MAC.replace(":", "-"))).write_text(MENU)
        room.old = [str(old / "dhcpd.conf"), str(old / "tftp")]
        yield room


def dompool(room, *argv):
    env = {**os.environ, "DOMPOOL_SERVER": f"unix:{room.path}/run/api.sock"}
    return subprocess.run([str(programs_dir() / "dompool"), *argv], capture_output=True, text=True, timeout=60, env=env)


def import_json(room, *argv):
    done = dompool(room, "import", "--json", *room.old, *argv)
    return done, {r["name"]: r for r in json.loads(done.stdout)["results"]}


def hosts(room):
    return {h["name"]: h for h in room.api("/v1/hosts")["hosts"]}


def menu_of(room, mac):
    """The menu that PXELINUX on this machine loads."""
    pxe = {"vendor": "PXEClient:Arch:00000:UNDI:002001", "arch": 0}
    offer, = room.dhcp(say("discover", mac, **pxe))
    ack, = room.dhcp(say("request", mac, requested=offer["address"], server=SERVER, **pxe))
    assert ack["file"] == "pxelinux.0"
    room.be(mac, ack["address"])
    return room.client("curl", "-s", f"tftp://{SERVER}/pxelinux.cfg/01-{mac.replace(':', '-')}").stdout


def alone(*argv):
    """Without any server."""
    return subprocess.run([str(programs_dir() / "dompool"), "-s", "unix:/nonexistent", "import", *map(str, argv)], capture_output=True,
                          text=True, timeout=60)


def test_what_is_not_understood_is_printed_with_file_and_line_and_without_control_characters(tmp_path):
    path = tmp_path / "ethers"
    path.write_bytes(b"52:54:00:88:01:01 pc1\n\x1b[31mred\xff\n")
    done = alone(path)
    assert done.returncode == 0 and "\x1b" not in done.stdout
    assert f"{path}:2: ?[31mred?: is no MAC address with a name behind it; write \"MAC NAME\"" in done.stdout
    assert alone(path, "-o", "name").stdout == "pc1\n"
    note, = json.loads(alone(path, "--json").stdout)["notes"]
    assert (note["kind"], note["line"]) == ("not-understood", 2)


@pytest.mark.parametrize("name,text,options,code,words", [
    ("missing", None, [], 4, "cannot be read"), ("x", "what is it\n", [], 2, "say --format"),
    ("x", "", ["--format", "xml"], 2, "--format 'xml'"), ("ethers", "a\0b", [], 4, "NUL byte"),
    ("dhcpd.conf", 'include "dhcpd.conf";', [], 10, "more than 8 deep")])
def test_a_file_that_cannot_be_imported_is_an_error(tmp_path, name, text, options, code, words):
    if text is not None:
        (tmp_path / name).write_text(text)
    done = alone(*options, tmp_path / name)
    assert done.returncode == code and words in done.stderr, done


def test_without_apply_nothing_is_changed_and_no_server_is_asked(room):
    before = hosts(room)
    done = dompool(room, "-s", "unix:/nonexistent", "import", *room.old)
    assert done.returncode == 0 and "Nothing was changed" in done.stdout, done
    assert hosts(room) == before


def test_applied_hosts_get_by_dhcp_what_they_had(room):
    done, results = import_json(room, "--apply")
    assert done.returncode == 7 and "refused 1 of 5 hosts" in done.stderr  # state: something is left to do
    assert {n: r["result"] for n, r in results.items()} == {
        "xen1": "added", "disk1": "added", "ltsp1": "left", "taken": "there already", "away": "refused"}
    assert "192.0.2.5" in results["away"]["why"] and "by the name 'n2'" in results["taken"]["why"]

    shown = hosts(room)
    assert "ltsp1" not in shown and "away" not in shown  # they stay the old server's
    assert (shown["xen1"]["profile"], shown["disk1"]["profile"]) == ("pool", "local")
    assert shown["xen1"]["xen_args"] == "dom0_mem=524288K noreboot com2=115200,8n1"  # a number without unit is KiB
    assert shown["xen1"]["console"] == "com2,vga"
    assert shown["xen1"]["kernel_args"] == "quirk=1"
    assert "xen1" in dompool(room, "host", "list").stdout
    for mac, address in ((XEN_MAC, "10.88.0.61"), (DISK_MAC, "10.88.0.62")):
        offer, = room.dhcp(say("discover", mac, vendor="PXEClient:Arch:00000:UNDI:002001", arch=0))
        assert offer and offer["address"] == address and offer["server"] == SERVER
    assert room.dhcp(say("discover", LTSP_MAC), wait=1.0) == [None]

    before = hosts(room)
    _, again = import_json(room, "--apply")
    assert {n: r["result"] for n, r in again.items()} == {
        "xen1": "there already", "disk1": "there already", "ltsp1": "left", "taken": "there already", "away": "refused"}
    assert hosts(room) == before


def test_a_host_goes_on_with_the_old_loader_by_a_chain_profile_of_the_configuration(room):
    wanted = json.loads(dompool(room, "import", "--json", *room.old).stdout)["wanted"]
    assert len(wanted) == 1
    room.stop()
    room.conf.write_text(room.conf.read_text() + wanted[0] + "\n")
    room.start()
    _, results = import_json(room, "--apply")
    assert results["ltsp1"]["result"] == "added", results["ltsp1"]
    assert "pxechn.c32" in menu_of(room, LTSP_MAC) and "10.88.0.7::pxelinux.0" in menu_of(room, LTSP_MAC)


def test_the_seeds_hosts_are_added_and_boot_the_pool(room):
    """S0's by its file's name, S3's by dhcpd.conf, through both of its menus (its address is another network's: taken out)."""
    s3 = room.path / "s3"
    shutil.copytree(DATA / "s3", s3)
    conf = s3 / "dhcpd.conf"
    conf.write_text(conf.read_text().replace("fixed-address 192.168.0.101;", ""))
    room.old = [str(DATA / "s0"), str(conf), f"192.168.0.100={s3}/ondemand", f"192.168.0.5={s3}/virtdom"]
    done, results = import_json(room, "--apply")
    assert done.returncode == 0, done
    for name, mac in (("pc-00163e000050", "00:16:3e:00:00:50"), ("post01", "00:11:2f:a8:b4:d4")):
        assert results[name]["result"] == "added"
        assert hosts(room)[name]["profile"] == "pool"
        menu = menu_of(room, mac)
        assert "mboot.c32" in menu and f"dompool.host={name}" in menu, menu
        assert "nfsroot" not in menu and "192000" not in menu
