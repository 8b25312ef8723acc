# SPDX-License-Identifier: Apache-2.0
"""DHCP of a real dompoold against dhclient, udhcpc and hand-made packets."""
import json
import os
import random
import re
import signal
import subprocess
import time

import pytest

from boot_harness import (FIXED_ADDRESS, FIXED_MAC, OTHER_MAC, POOL_MAC, RANGE, SERVER, UNKNOWN_MAC, Room, say)

PXE_BIOS = "PXEClient:Arch:00000:UNDI:002001"
PXE_UEFI = "PXEClient:Arch:00007:UNDI:003000"


@pytest.fixture(name="room")
def fixture_room():
    with Room() as room:
        yield room


def in_range(address):
    number = lambda text: [int(part) for part in text.split(".")]
    return number(RANGE[0]) <= number(address) <= number(RANGE[1])


def get_lease(room, mac, **more):
    """DISCOVER and REQUEST; the address, with the ACK's other contents checked for sense."""
    offer, = room.dhcp(say("discover", mac, **more))
    assert offer and offer["type"] == 2, offer
    ack, = room.dhcp(say("request", mac, requested=offer["address"], server=SERVER, **more))
    assert ack and ack["type"] == 5 and ack["address"] == offer["address"], ack
    assert ack["server"] == SERVER
    return ack


def udhcpc(room, mac, tries=20):
    room.be(mac)
    done = room.client("udhcpc", "-i", "cli0", "-n", "-q", "-f", "-t", str(tries), "-T", "1", "-s", "/bin/true")
    found = re.search(r"lease of (\S+) obtained from (\S+), lease time (\d+)", done.stdout)
    return found.groups() if found else None


def test_udhcpc_gets_a_lease(room):
    address, server, seconds = udhcpc(room, POOL_MAC)
    assert in_range(address)
    assert (server, seconds) == (SERVER, "600")


def test_dhclient_gets_the_fixed_address(room):
    room.be(FIXED_MAC)
    leases = room.path / "dhclient.leases"
    room.client("dhclient", "-1", "-v", "-sf", "/bin/true", "-lf", str(leases), "-pf", str(room.path / "dhclient.pid"), "cli0", timeout=60)
    text = leases.read_text()
    try:
        assert f"fixed-address {FIXED_ADDRESS};" in text
        assert "option subnet-mask 255.255.255.0;" in text
        assert f"option dhcp-server-identifier {SERVER};" in text
        assert 'option host-name "n2";' in text
        assert "option dhcp-lease-time 600;" in text
        assert "filename" not in text  # no firmware, no boot file
    finally:
        os.kill(int((room.path / "dhclient.pid").read_text()), signal.SIGTERM)


def test_firmware_is_told_its_loader(room):
    for vendor, arch, user_class, loader in (
            (PXE_BIOS, 0, None, "pxelinux.0"),
            (PXE_BIOS, 0, "iPXE", "pxelinux.0"),  # QEMU's BIOS boot ROM is an iPXE
            (PXE_UEFI, 7, None, "snponly.efi")):
        ack = get_lease(room, POOL_MAC, vendor=vendor, arch=arch, user_class=user_class)
        assert ack["file"] == loader
        assert ack["next"] == SERVER
        assert ack["options"]["boot-file-name"] == [loader + "\0"] or ack["options"]["boot-file-name"] == [loader]
        assert ack["size"] >= 300


def test_an_unknown_mac_gets_no_answer_and_is_listed(room):
    assert room.dhcp(say("discover", UNKNOWN_MAC, vendor=PXE_UEFI, arch=7), wait=1.5) == [None]
    end = time.monotonic() + 60
    while time.monotonic() < end:
        unknown = room.api("/v1/unknown-hosts")["unknown"]
        if unknown:
            break
        time.sleep(0.1)
    assert [u["mac"] for u in unknown] == [UNKNOWN_MAC]
    assert unknown[0]["vendor_class"] == PXE_UEFI
    assert udhcpc(room, UNKNOWN_MAC, tries=3) is None


def test_malformed_packets_are_dropped_and_the_role_lives_on(room):
    pid = room.role_pid("boot")
    chance = random.Random(7)
    good = bytes([1, 1, 6, 0]) + bytes(4) + bytes(20) + bytes.fromhex(POOL_MAC.replace(":", "")) + bytes(202) + \
        bytes.fromhex("63825363") + bytes([53, 1, 1, 60, 9]) + b"PXEClient" + bytes([93, 2, 0, 7, 255])
    raws = [b"", good[:239], good[:240], good[:243], good[:-2] + b"\xff\xff", good + bytes(1200), good[:236] + bytes(4) + good[240:],
            good[:2] + b"\x10" + good[3:], good[:240] + bytes([53, 1, 99, 255]), good[:240] + bytes([52, 1, 9, 53, 1, 1, 255]),
            good[:240] + bytes([53, 1, 1, 61, 255])]
    for _ in range(300):
        raw = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        raws.append(bytes(raw[:chance.randint(200, len(raw))]))
    room.dhcp(*[say("discover", POOL_MAC, raw=raw.hex()) for raw in raws], wait=0.002)
    room.wait_log("dhcp malformed")
    assert room.role_pid("boot") == pid
    get_lease(room, POOL_MAC)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_leases_are_kept_over_a_restart_of_the_server(room, how):
    first, second = get_lease(room, POOL_MAC)["address"], get_lease(room, OTHER_MAC)["address"]
    assert first != second
    room.stop(how)
    room.start()
    # In the other order: a server that had forgotten would give them the other way round.
    again, = room.dhcp(say("request", OTHER_MAC, requested=second))  # INIT-REBOOT: only a recorded lease is answered
    assert again and again["type"] == 5 and again["address"] == second
    assert get_lease(room, POOL_MAC)["address"] == first


def test_leases_are_kept_when_the_role_is_killed(room):
    address = get_lease(room, POOL_MAC)["address"]
    offset = room.mark()
    os.kill(room.role_pid("boot"), signal.SIGKILL)
    room.wait_log("boot: policy generation=", offset)
    again, = room.dhcp(say("request", POOL_MAC, requested=address))  # INIT-REBOOT: only a recorded lease is answered
    assert again and again["type"] == 5 and again["address"] == address


def test_a_torn_journal_does_not_keep_the_server_from_starting(room):
    address = get_lease(room, POOL_MAC)["address"]
    room.stop()
    journal = room.path / "state/boot/leases.journal"
    journal.write_bytes(journal.read_bytes() + b"half a record")
    room.start()
    assert "lease journal: damaged" in room.log()
    again, = room.dhcp(say("request", POOL_MAC, requested=address))
    assert again and again["type"] == 5


def test_the_lease_is_on_disk_when_the_ack_arrives(room):
    address = get_lease(room, POOL_MAC)["address"]
    number = 0
    for part in address.split("."):
        number = number << 8 | int(part)
    record = bytes.fromhex(POOL_MAC.replace(":", "")) + b"\1\0" + number.to_bytes(4, "little")
    assert record in (room.path / "state/boot/leases.journal").read_bytes()


def test_a_room_boots_while_core_is_stopped(room):
    core = room.role_pid("core")
    os.kill(core, signal.SIGSTOP)
    try:
        assert get_lease(room, POOL_MAC, vendor=PXE_BIOS, arch=0)["file"] == "pxelinux.0"
    finally:
        os.kill(core, signal.SIGCONT)
    end = time.monotonic() + 60
    while room.api("/v1/hosts/n1")["state"] != "booting":  # core hears of it afterwards
        assert time.monotonic() < end
        time.sleep(0.1)


def spoil(data, how):
    if how == "cut":
        return data[:len(data) // 2]
    if how == "flipped":
        return data[:len(data) - 100] + bytes([data[-100] ^ 4]) + data[len(data) - 99:]
    return data[:4] + (1).to_bytes(4, "little") + data[8:]  # of another version


def test_a_room_boots_from_the_disk_before_core_is_there_and_from_nothing_else(room):
    """The server starts with a core that cannot: its database is broken. Then the snapshot is, too."""
    database, snapshot = (room.path / "state/core" / name for name in ("dompool.db", "policy.snap"))
    room.stop()
    good, policy = database.read_bytes(), snapshot.read_bytes()
    database.write_bytes(b"this is no database " * 1000)
    room.start()
    assert get_lease(room, POOL_MAC, vendor=PXE_BIOS, arch=0)["file"] == "pxelinux.0"
    room.stop()
    for how in ("cut", "flipped", "old"):
        snapshot.write_bytes(spoil(policy, how))
        offset = room.mark()
        room.start(wait="boot: policy not taken: policy snapshot: ")
        room.wait_log("files: policy refused", offset)
        assert room.dhcp(say("discover", POOL_MAC), wait=0.3) == [None]
        room.stop()
    database.write_bytes(good)
    room.start()
    assert in_range(get_lease(room, POOL_MAC)["address"])  # core has written a new one
    room.stop()
    assert snapshot.read_bytes()[:8] == policy[:8]


def test_a_declined_address_is_not_given_again(room):
    bad = get_lease(room, POOL_MAC)["address"]
    assert room.dhcp(say("decline", POOL_MAC, requested=bad, server=SERVER), wait=0.3) == [None]
    for mac in (POOL_MAC, OTHER_MAC):
        assert get_lease(room, mac)["address"] != bad


def test_a_release_is_taken_only_from_the_owner(room):
    address = get_lease(room, POOL_MAC)["address"]
    offset = room.mark()
    assert room.dhcp(say("release", OTHER_MAC, ciaddr=address, server=SERVER), wait=0.3) == [None]
    room.wait_log("RELEASE of an address that is not its own", offset)
    nak, = room.dhcp(say("request", OTHER_MAC, requested=address, server=SERVER))
    assert nak["type"] == 6
    room.dhcp(say("release", POOL_MAC, ciaddr=address, server=SERVER), wait=0.3)
    room.wait_log('reason="released"', offset)
    assert get_lease(room, POOL_MAC)["address"] == address  # it is remembered


# A relay agent whose hosts all ask while the server looks away, every other one as firmware does.
RELAY_SCRIPT = r"""
import json, os, signal, socket, struct, sys, time
pid, macs, relay, server = int(sys.argv[1]), sys.argv[2].split(","), socket.inet_aton(sys.argv[3]), sys.argv[4]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[3], 67))
os.kill(pid, signal.SIGSTOP)
time.sleep(0.2)
for i in range(int(sys.argv[5])):
    mac = bytes.fromhex(macs[i % len(macs)].replace(":", ""))
    head = struct.pack(">BBBBIHH16s16s192sI", 1, 1, 6, 1, i, 0, 0, bytes(12) + relay, mac, bytes(192), 0x63825363)
    pxe = b"" if i % 2 else bytes([60, 32]) + b"PXEClient:Arch:00000:UNDI:002001" + bytes([93, 2, 0, 0])
    sock.sendto(head + bytes([53, 1, 1]) + pxe + b"\xff", (server, 67))
os.kill(pid, signal.SIGCONT)
sock.settimeout(3)
out = []
try:
    while len(out) < int(sys.argv[5]):
        out.append(sock.recv(2000).hex())
except socket.timeout:
    pass
print(json.dumps(out))
"""


def relay_storm(room, n):
    done = room.client("python3", "-c", RELAY_SCRIPT, str(room.role_pid("boot")), f"{POOL_MAC},{FIXED_MAC},{OTHER_MAC}", "10.88.0.2", SERVER, str(n))
    answers = [bytes.fromhex(a) for a in json.loads(done.stdout)]
    assert sorted(int.from_bytes(a[4:8]) for a in answers) == list(range(n))
    return answers


def test_answers_of_one_batch_reach_the_relay_agent_one_by_one(room):
    """They leave as one packet, filled up to one size: whatever is behind an answer's end must be zero, not another host's answer."""
    room.be(POOL_MAC, "10.88.0.2")
    get_lease(room, OTHER_MAC, vendor=PXE_UEFI, arch=7)  # longer answers were in the buffers before
    answers = relay_storm(room, 6)
    assert len({len(a) for a in answers}) == 1
    for a in answers:
        i = int.from_bytes(a[4:8])
        assert a[28:34].hex(":") == (POOL_MAC, FIXED_MAC, OTHER_MAC)[i % 3]
        assert (b"pxelinux.0" in a) == (i % 2 == 0)
        at = 240
        while a[at] != 255:
            at += 2 + a[at + 1]
        assert not any(a[at + 1:])


def test_who_takes_no_answer_stops_no_others(room):
    """Nobody listens where the answer goes: an ICMP error comes back to the server's socket."""
    room.be(POOL_MAC, "10.88.0.2")
    for _ in range(3):
        room.dhcp(say("discover", POOL_MAC, giaddr="10.88.0.2"), wait=0.2)
        assert get_lease(room, OTHER_MAC)


@pytest.mark.parametrize("limit, rate, n", [("24k", "1mbit", 250), ("8m", "4mbit", 1000)])
def test_answers_that_the_interface_has_no_room_for_are_sent_again(room, limit, rate, n):
    """In a room that starts at once. Firmware asks again only after four seconds, then eight. A short queue drops them; of a deep one the
    socket may not have more."""
    tc = ["ip", "netns", "exec", room.server_ns, "tc"]
    room.be(POOL_MAC, "10.88.0.2")
    subprocess.run([*tc, "qdisc", "add", "dev", "srv0", "root", "tbf", "rate", rate, "burst", "40k", "limit", limit], check=True)
    relay_storm(room, n)  # says that all have come
    shown = subprocess.run([*tc, "-s", "-j", "qdisc", "show", "dev", "srv0"], check=True, capture_output=True).stdout
    assert (json.loads(shown)[0]["drops"] > 0) == (limit == "24k"), shown


def test_a_relay_agent_whose_hosts_take_no_offer_gets_answers_singly(room):
    """It may be one that reads raw frames, to which a batch looks like one packet."""
    room.be(POOL_MAC, "10.88.0.2")
    offset = room.mark()
    relay_storm(room, 9)  # the third OFFER to each
    room.wait_log("answers leave singly from now on", offset)
    assert len({len(a) for a in relay_storm(room, 6)}) == 2


def test_inform_gets_settings_without_a_lease(room):
    ack, = room.dhcp(say("inform", POOL_MAC, ciaddr="10.88.0.200"), wait=0.5)
    # The answer is unicast to an address that nobody has here: the server tries, ARP fails. Give the client the address.
    assert ack is None
    room.be(POOL_MAC, "10.88.0.200")
    ack, = room.dhcp(say("inform", POOL_MAC, ciaddr="10.88.0.200"))
    assert ack and ack["type"] == 5 and ack["address"] == "0.0.0.0"
    assert "lease_time" not in ack["options"]
    assert ack["to"] == "10.88.0.200"


def test_wrong_requests_are_refused_as_rfc_2131_says(room):
    nak, = room.dhcp(say("request", POOL_MAC, requested="192.168.1.5"))
    assert nak["type"] == 6 and nak["to"] == "255.255.255.255"
    assert room.dhcp(say("request", POOL_MAC, requested="10.88.0.110"), wait=0.5) == [None]  # no record: silence
    assert room.dhcp(say("request", POOL_MAC, requested="10.88.0.110", server="10.88.0.2"), wait=0.5) == [None]
    nak, = room.dhcp(say("request", POOL_MAC, requested=FIXED_ADDRESS, server=SERVER))
    assert nak["type"] == 6


def test_a_flood_of_strangers_leaves_hosts_their_answers(room):
    before = room.role_pid("boot")
    started = time.monotonic()
    macs = [f"02:00:00:00:{i >> 8:02x}:{i & 255:02x}" for i in range(2000)]
    room.dhcp(*[say("discover", mac) for mac in macs], wait=0.0)
    assert get_lease(room, POOL_MAC)["type"] == 5
    assert room.role_pid("boot") == before
    seconds = time.monotonic() - started
    assert len(room.api("/v1/unknown-hosts")["unknown"]) <= 50 * (seconds + 1)  # told at a limited rate
