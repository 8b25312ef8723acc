# SPDX-License-Identifier: Apache-2.0
"""Enrolment on a running server: machines that nobody knows are refused, inspected or made hosts by rule, with real clients and invented packets."""
import json
import os
import re
import signal
import time

import pytest

from boot_harness import POOL_MAC, OTHER_MAC, SERVER, Room, programs_dir, run, say

PXE_BIOS = {"vendor": "PXEClient:Arch:00000:UNDI:002001", "arch": 0}
LOOK, DESK, DELL = "52:54:00:aa:00:01", "52:54:00:bb:00:01", "52:54:00:aa:00:02"
ENROL = """
enrol "thieves" { mac = "52:54:00:66" action = "refuse" }
enrol "qemu" { smbios = "QEMU/*" action = "enrol" names = "pc-{serial}" labels = "lab" profile = "pool" }
enrol "desks" { mac = "52:54:00:bb" action = "enrol" names = "desk-{n:02}" }
enrol "look" { mac = "52:54:00:aa 02:aa" network = "10.88.0.0/24" firmware = "bios" action = "inspect" }
"""


class EnrolRoom(Room):
    def _make_files(self):
        super()._make_files()
        self.conf.write_text(self.conf.read_text() + ENROL)

    def cli(self, *words, check=True):
        return run(str(programs_dir() / "dompool"), "--server", f"unix:{self.path}/run/api.sock", *words, check=check)

    def unknown(self, mac):
        return {u["mac"]: u for u in self.api("/v1/unknown-hosts")["unknown"]}.get(mac)

    def events(self, what):
        return [e for e in self.api("/v1/events?limit=1000")["events"] if e["what"] == what]

    def hosts(self):
        return {h["name"]: h for h in self.api("/v1/hosts")["hosts"]}


@pytest.fixture(name="room", scope="module")
def fixture_room():
    with EnrolRoom() as room:
        yield room


def wait_for(fn, seconds=60):
    end = time.monotonic() + seconds
    while not (value := fn()):
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.05)
    return value


def let_in(room, mac, **more):
    """The first DISCOVER goes unanswered, one of the next is: as firmware does it. The ACK."""
    assert room.dhcp(say("discover", mac, **PXE_BIOS, **more), wait=0.7) == [None]
    offer = wait_for(lambda: room.dhcp(say("discover", mac, **PXE_BIOS, **more), wait=0.7)[0])
    ack, = room.dhcp(say("request", mac, requested=offer["address"], server=SERVER, **PXE_BIOS))
    room.be(mac, ack["address"])
    return ack


def menu_of(room, mac):
    return room.client("curl", "-sS", f"tftp://{SERVER}/pxelinux.cfg/01-{mac.replace(':', '-')}").stdout


def report(room, menu, mac, **smbios):
    token = re.search(r"dompool\.token=(\S+)", menu).group(1)
    hardware = {"manufacturer": "QEMU", "product": "Standard PC", "n_cpus": 2, "memory_kib": 4194304,
                "nics": [{"name": "eth0", "mac": mac, "vendor": 6900, "device": 4096, "driver": "virtio-pci"}], **smbios}
    body = {"token": token, "stage": "inspect", "text": "2 CPUs", "uptime_ms": 9000, "hardware": hardware}
    room.client("curl", "-sS", "--fail", "--data", json.dumps(body), f"http://{SERVER}:8080/boot/report", check=True)


def test_a_machine_is_inspected_as_a_guest_and_becomes_a_host_by_rule(room):
    ack = let_in(room, LOOK)
    assert ack["options"]["lease_time"] == [600]
    menu = menu_of(room, LOOK)
    assert "dompool.mode=inspect" in menu and "dompool.host=guest-525400aa0001" in menu
    assert "dompool.token" not in menu_of(room, POOL_MAC)  # another's menu is another's
    assert (seen := room.unknown(LOOK))["state"] == "inspecting" and seen["rule"] == "look" and seen["network"] == "10.88.0.0/24"
    assert room.cli("host", "list", "--unknown").stdout.count("inspecting") == 1
    report(room, menu, LOOK, serial="SN 42/x\nkernel /evil $(x)")
    host = wait_for(lambda: room.hosts().get("pc-sn-42-x-kernel-evil-x"))  # nothing of the firmware's but letters, digits and dashes
    assert (host["profile"], host["profile_by"], host["labels"], host["enrolled"]) == ("pool", "setting", "lab", "qemu")
    assert room.unknown(LOOK) is None
    # Its next boot is the pool's, by the name that it has got.
    room.be(LOOK)
    offer = wait_for(lambda: room.dhcp(say("discover", LOOK, **PXE_BIOS), wait=0.7)[0])
    ack, = room.dhcp(say("request", LOOK, requested=offer["address"], server=SERVER, **PXE_BIOS))
    room.be(LOOK, ack["address"])
    menu = menu_of(room, LOOK)
    assert "dompool.host=pc-sn-42-x-kernel-evil-x" in menu and "dompool.mode" not in menu and "/evil" not in menu
    shown = room.cli("host", "show", host["name"]).stdout
    assert "qemu" in shown and "SN 42/x" in shown


def test_udhcpc_becomes_a_host_at_once_and_boots_its_own_disk(room):
    room.be(DESK)
    done = room.client("udhcpc", "-i", "cli0", "-n", "-q", "-f", "-t", "20", "-T", "1", "-s", "/bin/true")
    assert re.search(r"lease of (\S+) obtained from 10\.88\.0\.1", done.stdout), done.stdout
    host = room.hosts()["desk-01"]
    assert (host["mac"], host["profile"], host["profile_by"], host["enrolled"]) == (DESK, "local", "setting", "desks")
    assert [e["subject"] for e in room.events("enrolled")][-1] == "desk-01"


def test_what_waits_is_adopted_ignored_or_forgotten_by_hand(room):
    menu = ""
    let_in(room, DELL)
    menu = menu_of(room, DELL)
    report(room, menu, DELL, manufacturer="Dell Inc.", product="OptiPlex", serial="D1")
    seen = wait_for(lambda: (u := room.unknown(DELL)) and u["hardware"] and u)
    assert (seen["state"], seen["hardware"]["product"]) == ("inspected", "OptiPlex")
    room.be(DELL)
    assert room.dhcp(say("discover", DELL, **PXE_BIOS), wait=0.7) == [None]  # once
    listed = room.cli("host", "list", "--unknown").stdout
    assert "OptiPlex" in listed and "inspected" in listed
    assert "network card:" in room.cli("host", "show", DELL).stdout
    assert room.cli("host", "list", "--unknown", "-o", "name").stdout.split() == [DELL.replace(":", "-")]
    explained = room.cli("host", "explain", DELL).stdout
    assert "enrol 'look'" in explained and "waits for 'dompool host adopt'" in explained
    room.cli("host", "ignore", DELL)
    assert room.unknown(DELL)["state"] == "ignored"
    room.cli("host", "forget", DELL)
    assert room.unknown(DELL) is None
    assert room.cli("host", "forget", DELL, check=False).returncode != 0
    room.dhcp(say("discover", "52:54:00:66:00:01", **PXE_BIOS), wait=0)
    wait_for(lambda: room.unknown("52:54:00:66:00:01"))
    would = room.cli("host", "adopt", "52-54-00-66-00-01", "--profile", "rescue", "--diff", check=False)
    assert would.returncode == 1 and "+++ pc-001, bios: profile rescue" in would.stdout, would.stdout
    assert "+  host pc-001" in would.stdout and "+  profile rescue" in would.stdout and "pxelinux.cfg/01-52-54-00-66-00-01" in would.stdout
    assert "+  address 10.88.0." in would.stdout and "pc-001" not in room.hosts()
    assert room.cli("host", "adopt", "52-54-00-66-00-02", "--diff", check=False).returncode == 4  # it has not asked
    room.cli("host", "adopt", "52-54-00-66-00-01", "--profile", "local", "--labels", "adopted")
    assert room.hosts()["pc-001"]["mac"] == "52:54:00:66:00:01" and room.hosts()["pc-001"]["labels"] == "adopted"
    refused = room.cli("host", "adopt", "52:54:00:66:00:01", check=False)
    assert "is host 'pc-001'" in refused.stdout and refused.returncode != 0


def test_two_machines_with_one_uuid_or_one_mac_address_are_named(room):
    shared, other = "4c4c4544004235108052b3c04f4b4e32", "99887766554433221100aabbccddeeff"
    room.dhcp(say("discover", POOL_MAC, **PXE_BIOS, uuid=shared), say("discover", "52:54:00:66:00:02", **PXE_BIOS, uuid=shared), wait=0.5)
    host = wait_for(lambda: (h := room.hosts()["n1"]) and h["duplicates"] and h)
    assert host["duplicates"] == ["its UUID is also that of 52:54:00:66:00:02"]
    assert room.unknown("52:54:00:66:00:02")["duplicates"] == ["its UUID is also that of n1"]
    room.dhcp(say("discover", OTHER_MAC, **PXE_BIOS, uuid="00" * 16), say("discover", "52:54:00:66:00:03", **PXE_BIOS, uuid="00" * 16), wait=0.5)
    room.dhcp(say("discover", OTHER_MAC, **PXE_BIOS, uuid=other), wait=0.5)
    assert room.hosts()["n3"]["duplicates"] == []
    room.dhcp(say("discover", OTHER_MAC, **PXE_BIOS, uuid=other[::-1]), wait=0.5)
    two = wait_for(lambda: room.events("two-machines"))
    assert two[0]["subject"] == "n3" and "99887766-5544-3322-1100-aabbccddeeff" in two[0]["text"] and "ffeeddcc-bbaa-0011-" in two[0]["text"]
    assert {e["subject"] for e in room.events("duplicate")} == {"n1", "52:54:00:66:00:02"}
    assert "its UUID is also that of 52:54:00:66:00:02" in room.cli("host", "show", "n1").stdout


def test_invented_addresses_that_a_rule_lets_in_leave_the_hosts_their_answers(room):
    """A flood that the inspection rule takes: 8 guests at a time, a quarter of the range's 20 addresses, and the limit is an event."""
    macs = [f"02:aa:00:00:{i >> 8:02x}:{i & 255:02x}" for i in range(1000)]
    before = len(room.hosts())
    for _ in range(2):
        room.dhcp(*[say("discover", mac, **PXE_BIOS) for mac in macs], wait=0.0)
        time.sleep(1)
    inspecting = lambda: [u["mac"] for u in room.api("/v1/unknown-hosts")["unknown"] if u["state"] == "inspecting"]
    guests = wait_for(lambda: (g := inspecting()) and len(g) >= 8 and g)
    assert len(guests) == 8
    answered = [m for m in guests if room.dhcp(say("discover", m, **PXE_BIOS), wait=0.7)[0]]
    assert 1 <= len(answered) <= 5
    for mac in answered:  # and by declining what they get they take no more
        offer, = room.dhcp(say("discover", mac, **PXE_BIOS))
        room.dhcp(say("request", mac, requested=offer["address"], server=SERVER, **PXE_BIOS))
        room.dhcp(say("decline", mac, requested=offer["address"], server=SERVER), wait=0.1)
    assert [m for m in guests if room.dhcp(say("discover", m, **PXE_BIOS), wait=0.3)[0]] == []
    for mac in (POOL_MAC, OTHER_MAC):
        assert room.dhcp(say("discover", mac, **PXE_BIOS))[0]["type"] == 2
    assert len(room.hosts()) == before
    assert len([e for e in room.events("enrol-limit") if "inspect-at-once" in e["text"]]) == 1
    assert len(room.events("inspect")) <= 10 + 8


def test_refusing_needs_no_core(room):
    core = room.role_pid("core")
    os.kill(core, signal.SIGSTOP)
    try:
        assert room.dhcp(say("discover", "52:54:00:66:00:77", **PXE_BIOS), say("discover", "52:54:00:bb:00:77", **PXE_BIOS), wait=0.7) == [None, None]
        assert room.dhcp(say("discover", POOL_MAC, **PXE_BIOS))[0]["type"] == 2
    finally:
        os.kill(core, signal.SIGCONT)
    assert wait_for(lambda: room.unknown("52:54:00:66:00:77"))["reason"] == "refused by the rule"
