# SPDX-License-Identifier: Apache-2.0
"""Boots that do not go on, each made to fail in its own way by real packets, and the verdict that `host trace` gives by name.

All of them fail side by side, one wait serves all. What needs minutes of silence is in tests/scenario/scripts/verdicts.scn, on a virtual clock.
"""
import json
import time

import pytest

from boot_harness import OTHER_MAC, RANGE, SERVER, Room, programs_dir, run, say

PXE_BIOS = {"vendor": "PXEClient:Arch:00000:UNDI:002001", "arch": 0}
PXE_RISCV = {"vendor": "PXEClient:Arch:00027:UNDI:002001", "arch": 27}
HTTP = 8080  # the default
WAIT = 33  # the longest patience of the verdicts here, and a little


class Hosts(Room):
    """Adds hosts while the server runs, and lets one host after the other be the client."""

    def dompool(self, *argv):
        return run(str(programs_dir() / "dompool"), "-s", f"unix:{self.path}/run/api.sock", *argv)

    def add(self, number):
        name, mac = f"v{number}", f"52:54:00:88:01:{number:02x}"
        self.dompool("host", "add", name, mac, "--profile", "pool", "--image", "micro")
        return name, mac

    def lease(self, mac, **firmware):
        """DHCP as firmware does it; the client's interface then has the address."""
        self.be(mac)
        offer = self.ask(say("discover", mac, **firmware))
        ack = self.ask(say("request", mac, requested=offer["address"], server=SERVER, **firmware))
        self.be(mac, ack["address"])

    def ask(self, packet):
        """As firmware does: once more when the first packet was lost on a link that just came up."""
        return self.dhcp(packet, wait=2)[0] or self.dhcp(packet, wait=4)[0]

    def get(self, name):
        return self.client("curl", "-sS", "--path-as-is", "-o", "/dev/null", f"tftp://{SERVER}/{name}")

    def load(self, *files):
        for name in files:
            assert self.get(name).returncode == 0, name

    def menu(self, mac):
        return "pxelinux.cfg/01-" + mac.replace(":", "-")

    def verdict(self, name):
        boot = self.api(f"/v1/hosts/{name}/trace")["boots"][0]
        return boot["verdict"], boot["stuck"]


# A transfer that is acknowledged twice and then never again.
CUT = r"""
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(30)
s.sendto(b"\0\1" + sys.argv[2].encode() + b"\0octet\0blksize\0001024\0", (sys.argv[1], 69))
for block in range(3):
    data, peer = s.recvfrom(2000)
    s.sendto(struct.pack(">HH", 4, block), peer)
s.sendto(b"\0\5\0\0connection lost\0", peer)
"""


def other_server(room, mac):
    offer = room.ask(say("discover", mac, **PXE_BIOS))
    assert room.dhcp(say("request", mac, requested=offer["address"], server="10.88.0.9", **PXE_BIOS), wait=0.3) == [None]


def offers_never_taken(room, mac):
    for _ in range(3):
        room.dhcp(say("discover", mac, **PXE_BIOS))


def firmware_without_a_loader(room, mac):
    room.lease(mac, **PXE_RISCV)


def loader_file_missing(room, mac):
    room.lease(mac, **PXE_BIOS)
    room.load("pxelinux.0")
    room.get("libutil.c32")


def menu_of_another(room, mac):
    room.lease(mac, **PXE_BIOS)
    room.load("pxelinux.0")
    assert room.get(room.menu(OTHER_MAC)).returncode != 0


def server_out_of_reach_after_the_loader(room, mac):
    room.lease(mac, **PXE_BIOS)
    room.load("pxelinux.0", "ldlinux.c32")


def nothing_after_dhcp(room, mac):
    room.lease(mac, **PXE_BIOS)


def truncated_initrd(room, mac):
    image = f"i/{room.image[:16]}"
    room.lease(mac, **PXE_BIOS)
    room.load("pxelinux.0", room.menu(mac), image + "/xen.gz", image + "/vmlinuz")
    path = room.store / "versions" / room.image / "initrd"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    try:
        assert room.get(image + "/initrd").returncode != 0, "what is truncated is not handed out"
    finally:
        path.write_bytes(whole)


def transfer_broken_off(room, mac):
    room.lease(mac, **PXE_BIOS)
    room.load("pxelinux.0", room.menu(mac))
    room.client("/usr/bin/python3", "-c", CUT, SERVER, f"i/{room.image[:16]}/vmlinuz", check=True)


def everything_fetched(room, mac):
    image = f"i/{room.image[:16]}"
    room.lease(mac, **PXE_BIOS)
    room.load("pxelinux.0", room.menu(mac), image + "/xen.gz", image + "/vmlinuz", image + "/initrd")


def dom0_without_interrupts(room, mac):
    everything_fetched(room, mac)
    for _ in range(3):
        room.dhcp(say("discover", mac))  # dompool-init asks, hears nothing, asks again


def report(room, token, **more):
    body = {"token": token, "stage": "network", "text": "no card", "uptime_ms": 1000, **more}
    room.client("curl", "-sS", "-X", "POST", "--data", json.dumps(body), f"http://{SERVER}:{HTTP}/boot/report", check=True)


def init_fails(room, mac):
    everything_fetched(room, mac)
    menu = room.client("curl", "-sS", f"tftp://{SERVER}/{room.menu(mac)}", check=True).stdout
    report(room, menu.split("dompool.token=")[1].split()[0], failed=True)


def token_forged(room, mac):
    everything_fetched(room, mac)
    report(room, "AAAA")


FAILURES = [
    (other_server, "other-dhcp-server", "10.88.0.9"), (offers_never_taken, "offer-unheard", "offered in vain"),
    (firmware_without_a_loader, "no-loader-for-firmware", "architecture 27"), (loader_file_missing, "missing-file", "libutil.c32"),
    (menu_of_another, "another-hosts-menu", OTHER_MAC.replace(":", "-")), (server_out_of_reach_after_the_loader, "loader-silent", "firewall"),
    (nothing_after_dhcp, "no-loader-asked-for", "network boot"), (truncated_initrd, "damaged-file", "initrd"),
    (transfer_broken_off, "transfer-broken-off", "vmlinuz"), (dom0_without_interrupts, "dom0-hears-nothing", "noapic"),
    (init_fails, "init-failed", "no card"), (token_forged, "token-refused", "token"),
]


@pytest.fixture(name="verdicts", scope="module")
def fixture_verdicts():
    """Every failure is induced; what is said of each."""
    with Hosts() as room:
        hosts = [room.add(number) for number in range(len(FAILURES))]
        early = None
        for (fail, _, _), (name, mac) in zip(FAILURES, hosts):
            fail(room, mac)
            early = early or room.verdict(name)
        time.sleep(WAIT)
        end = time.monotonic() + 60  # on a loaded machine
        while True:
            said = {fail: room.verdict(name) for (fail, _, _), (name, _) in zip(FAILURES, hosts)}
            if all(said[fail][0] == wanted for fail, wanted, _ in FAILURES) or time.monotonic() > end:
                break
            time.sleep(0.5)
        yield said | {"early": early}


@pytest.mark.parametrize("fail, name, words", FAILURES, ids=[f.__name__ for f, _, _ in FAILURES])
def test_a_boot_that_fails_is_given_its_cause_by_name(verdicts, fail, name, words):
    assert verdicts[fail][0] == name, verdicts[fail]
    assert words in verdicts[fail][1]


def test_nothing_is_said_before_its_time(verdicts):
    assert verdicts["early"] == ("", "")


def test_a_full_pool_is_named():
    """Alone, because it takes all addresses."""
    first, last = (int(a.split(".")[3]) for a in RANGE)
    with Hosts() as room:
        for number in range(last - first + 1):
            offer, = room.dhcp(say("discover", room.add(number)[1]))
            assert offer
        name, mac = room.add(99)
        assert room.dhcp(say("discover", mac, **PXE_BIOS), wait=0.3) == [None]
        end = time.monotonic() + 60
        while (said := room.verdict(name))[0] != "no-free-address" and time.monotonic() < end:
            time.sleep(0.2)
        verdict, text = said
        assert verdict == "no-free-address" and "network.range" in text
