# SPDX-License-Identifier: Apache-2.0
"""Router solicitations: a loader that just got its boot file named need not wait for an IPv6 router; nobody else is answered."""
import json

import pytest

from boot_harness import FIXED_MAC, POOL_MAC, UNKNOWN_MAC, Room, say

PXE_BIOS = "PXEClient:Arch:00000:UNDI:002001"

# Solicits as iPXE does, and prints the advertisements of the next 1.5 s, in scapy's reading. A MAC of the packet is not the one of the interface.
SOLICIT = r"""
import json, socket, sys, time
from scapy.all import Ether, ICMPv6ND_RA, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6
mac, hops = sys.argv[1], int(sys.argv[2])
own = "fe80::5054:ff:fe88:%x" % int("".join(mac.split(":")[4:]), 16)
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
sock.bind(("cli0", 0))
sock.send(bytes(Ether(src=mac, dst="33:33:00:00:00:02") / IPv6(src=own, dst="ff02::2", hlim=hops) / ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr=mac)))
end, heard = time.monotonic() + 1.5, []
while time.monotonic() < end:
    sock.settimeout(max(0.01, end - time.monotonic()))
    try:
        p = Ether(sock.recv(2000))
    except socket.timeout:
        break
    if ICMPv6ND_NS in p and p[ICMPv6ND_NS].tgt == own:
        sock.send(bytes(Ether(src=mac, dst=p.src) / IPv6(src=own, dst=p[IPv6].src, hlim=255)
                        / ICMPv6ND_NA(tgt=own, R=0, S=1) / ICMPv6NDOptDstLLAddr(lladdr=mac)))
    if ICMPv6ND_RA in p:
        ra = p[ICMPv6ND_RA]
        heard.append({"to": p.dst, "hops": p[IPv6].hlim, "life": ra.routerlifetime, "M": ra.M, "O": ra.O, "rest": len(bytes(ra)) - 16,
                      "source": p[IPv6].src})
print(json.dumps(heard))
"""


@pytest.fixture(name="room", scope="module")
def fixture_room():
    with Room() as room:
        room.client("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/cli0/disable_ipv6", check=True)  # its kernel would solicit, too
        yield room


def solicit(room, mac, hops=255):
    return json.loads(room.client("/usr/bin/python3", "-c", SOLICIT, mac, str(hops), check=True).stdout.splitlines()[-1])


def boot(room, mac, **more):
    offer, = room.dhcp(say("discover", mac, **more))
    ack, = room.dhcp(say("request", mac, requested=offer["address"], server=offer["server"], **more))
    assert ack["type"] == 5


def test_a_booting_host_is_told_that_there_is_no_router(room):
    boot(room, POOL_MAC, vendor=PXE_BIOS, arch=0)
    heard = next(filter(None, (solicit(room, POOL_MAC) for _ in range(3))))[0]  # iPXE asks six times; the server's own address may be new
    assert heard["to"] == POOL_MAC, "it goes to the host alone"
    assert heard["hops"] == 255 and heard["source"].startswith("fe80::")
    assert (heard["life"], heard["M"], heard["O"], heard["rest"]) == (0, 0, 0, 0), "no router, no DHCPv6, no prefix"


def test_a_solicitation_from_beyond_a_router_is_not_answered(room):
    boot(room, POOL_MAC, vendor=PXE_BIOS, arch=0)
    assert solicit(room, POOL_MAC, hops=64) == []


def test_who_does_not_boot_is_left_to_the_routers_of_the_lan(room):
    boot(room, FIXED_MAC)  # an installed system's lease
    assert solicit(room, FIXED_MAC) == []
    assert solicit(room, UNKNOWN_MAC) == []
