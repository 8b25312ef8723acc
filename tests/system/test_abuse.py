# SPDX-License-Identifier: Apache-2.0
"""DHCP on a boot LAN with somebody who means harm: packets that lie about themselves, forged ones, MACs without end."""
import json
import os
import pathlib

import pytest
from scapy.all import BOOTP, DHCP

from boot_harness import FIXED_MAC, OTHER_MAC, POOL_MAC, RANGE, SERVER, UNKNOWN_MAC, Room, say

# Sends UDP payloads (hex, one an argument) from port 68 by broadcast; prints the answers with the same transaction id as hex.
RAW_SCRIPT = r"""
import json, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"cli0")
s.bind(("", 68))
out = []
for hexed in sys.argv[2:]:
    payload, got = bytes.fromhex(hexed), None
    s.sendto(payload, ("255.255.255.255", 67))
    end = time.monotonic() + float(sys.argv[1])
    while got is None and (left := end - time.monotonic()) > 0:
        s.settimeout(left)
        try:
            data = s.recv(4000)
        except socket.timeout:
            break
        got = data.hex() if data[4:8] == payload[4:8] else None
    out.append(got)
print(json.dumps(out))
"""
# Full exchanges of 30,000 MACs that nobody knows, as fast as Python goes; a transaction id each.
SPOOF_SCRIPT = r"""
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server = socket.inet_aton(sys.argv[1])
for i in range(30000):
    head = struct.pack(">BBBBIHH16s6s202s4s", 1, 1, 6, 0, i, 0, 0x8000, b"", b"\x02\x00" + struct.pack(">I", i * 2654435761 & 0xffffffff), b"", b"\x63\x82\x53\x63")
    s.sendto(head + b"\x35\x01\x01\x3c\x09PXEClient\x5d\x02\0\0\xff", (sys.argv[1], 67))
    s.sendto(head + b"\x35\x01\x03\x36\x04" + server + b"\x32\x04" + server[:3] + bytes([100 + i % 20]) + b"\xff", (sys.argv[1], 67))
"""


@pytest.fixture(name="room", scope="module")
def fixture_room():
    with Room() as room:
        room.be(POOL_MAC, "10.88.0.60")  # an address to send from; whose it is DHCP does not ask
        yield room


def packet(options, mac=POOL_MAC, file=b"", sname=b"", xid=[0x77000000]):
    """A BOOTREQUEST with these bytes behind the cookie, and an id of its own."""
    xid[0] += 1
    return (bytes([1, 1, 6, 0]) + xid[0].to_bytes(4, "big") + bytes(2) + b"\x80\0" + bytes(16) + bytes.fromhex(mac.replace(":", "")) + bytes(10)
            + sname.ljust(64, b"\0") + file.ljust(128, b"\0") + b"\x63\x82\x53\x63" + options)


def ask(room, *packets, wait=2.0):
    """The answers as scapy sees them, None for silence."""
    done = room.client("/usr/bin/python3", "-c", RAW_SCRIPT, str(wait), *[p.hex() for p in packets])
    return [hexed and BOOTP(bytes.fromhex(hexed)) for hexed in json.loads(done.stdout)]


def options_of(answer):
    return {o[0]: o[1] for o in answer[DHCP].options if isinstance(o, tuple)}


DISCOVER = b"\x35\x01\x01"
ARCH = b"\x5d\x02\0\0"


@pytest.mark.parametrize("made", [
    packet(DISCOVER + b"\x34\x01\x01" + ARCH + b"\xff", file=b"\x3c\x09PXEClient\xff"),
    packet(DISCOVER + b"\x34\x01\x02" + ARCH + b"\xff", sname=b"\x3c\x09PXEClient\xff"),
    packet(DISCOVER + b"\x34\x01\x03\x3c\x03PXE" + ARCH + b"\xff", file=b"\x3c\x02Cl\xff", sname=b"\x3c\x04ient\xff"),
    packet(DISCOVER + b"\x3c\x05PXECl\x3c\x04ient" + ARCH + b"\xff"),
    packet(DISCOVER + bytes(9) + ARCH + b"\0\x3c\x09PXEClient\0\xff")],
    ids=["file", "sname", "all three", "split", "pad"])
def test_overloaded_and_split_options_are_put_together(room, made):
    """RFC 2132, 9.3 and RFC 3396: firmware is recognised wherever it wrote that it is firmware."""
    answer, = ask(room, made)
    assert answer.file.startswith(b"pxelinux.0") and options_of(answer)["message-type"] == 2


def test_lengths_that_lie_get_no_answer(room):
    lies = [packet(DISCOVER + bytes([code, size]) + b"x" * 5) for code in (12, 43, 60, 61, 77, 82, 97, 124, 125) for size in (6, 100, 255)]
    lies += [packet(DISCOVER + b"\x34\x01\x01\xff", file=b"\x3c\xff"), packet(DISCOVER + b"\x34\x01\x02\xff", sname=b"\0" * 62 + b"\x3c\x01"),
             packet(DISCOVER + b"\x34\x01\x04\xff"), packet(DISCOVER + b"\x34\x02\x01\x01\xff"), packet(b"\x35\x00\xff"), packet(b"\x35\x02\x01\x01\xff")]
    assert ask(room, *lies, wait=0.05) == [None] * len(lies)


@pytest.mark.parametrize("said", [None, 0, 1, 300, 576, 577, 1500, 65535])
def test_the_answer_fits_what_the_client_takes(room, said):
    """With a long client identifier, which the answer repeats. Less than 576 nobody may say (RFC 2132, 9.10)."""
    more = b"" if said is None else b"\x39\x02" + said.to_bytes(2, "big")
    made = packet(DISCOVER + b"\x3c\x09PXEClient" + ARCH + more + b"\x61\x11\0" + b"u" * 16 + b"\x3d\x40" + b"i" * 64 + b"\xff")
    answer, = ask(room, made)
    limit = min(max(said or 576, 576), 1500) - 28
    assert 300 <= len(answer) <= limit
    assert answer.file.startswith(b"pxelinux.0")


def test_overlong_options_are_taken_as_they_are(room):
    long = b"".join(bytes([code, 255]) + b"x" * 255 for code in (12, 43, 60, 77))
    answer, = ask(room, packet(DISCOVER + long + b"\xff"))
    assert options_of(answer)["message-type"] == 2 and not answer.file.strip(b"\0")  # not firmware, whatever is in there
    assert options_of(answer)["hostname"] == b"n1"


def lease(room, mac, **more):
    """As hosts do it: a packet that was lost, for a flood filled the socket's buffer, is sent again."""
    offer = room.dhcp(say("discover", mac, **more))[0] or room.dhcp(say("discover", mac, **more))[0]
    ack = room.dhcp(say("request", mac, requested=offer["address"], server=SERVER))[0]
    assert ack["type"] == 5, ack
    return ack["address"]


def test_a_forged_release_takes_no_address_away(room):
    """Sent with the host's own MAC and address: it is not handed on while others are free, and the host's next renewal keeps it."""
    mine = lease(room, POOL_MAC)
    for server in (SERVER, None, "10.88.0.99"):
        room.dhcp(say("release", POOL_MAC, ciaddr=mine, server=server), wait=0.1)
        assert lease(room, OTHER_MAC) != mine
        room.be(POOL_MAC, mine)
        renewed, = room.dhcp(say("request", POOL_MAC, ciaddr=mine))
        assert renewed["type"] == 5 and renewed["address"] == mine
    room.be(POOL_MAC, "10.88.0.60")


def test_forged_declines_of_others_change_nothing(room):
    mine = lease(room, POOL_MAC)
    for forger in (OTHER_MAC, FIXED_MAC, UNKNOWN_MAC):
        room.dhcp(say("decline", forger, requested=mine, server=SERVER), say("release", forger, ciaddr=mine, server=SERVER), wait=0.1)
    assert lease(room, POOL_MAC) == mine


def rss_kib(room):
    text = pathlib.Path(f"/proc/{room.role_pid('boot')}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0])


def test_spoofed_macs_exhaust_nothing(room):
    """30,000 MACs ask for all addresses there are: none is given away, no memory grows, and hosts get theirs meanwhile."""
    pid, before, mine = room.role_pid("boot"), rss_kib(room), lease(room, POOL_MAC)
    offset = room.mark()
    room.client("/usr/bin/python3", "-c", SPOOF_SCRIPT, SERVER, check=True)
    assert lease(room, POOL_MAC) == mine
    assert lease(room, FIXED_MAC) == "10.88.0.50"
    assert lease(room, OTHER_MAC) not in (mine, "10.88.0.50")
    assert room.role_pid("boot") == pid and rss_kib(room) <= before + 16 * 1024
    given = room.log(offset).count("reply=ack")
    assert given == 3, f"{given} leases of {RANGE}"
    journal = (room.path / "state/boot/leases.journal").read_bytes()
    assert b"\x02\x00" not in {journal[at:at + 2] for at in range(16, len(journal), 32)}
    assert len(room.log(offset)) < 30000 * 2 * 250  # a line a packet at most, and only because tests run with -d


def test_the_room_is_as_it_was(room):
    """After all of the above."""
    assert "role ended" not in room.log() and "role died" not in room.log()
    assert len(os.listdir(f"/proc/{room.role_pid('boot')}/fd")) < 60
