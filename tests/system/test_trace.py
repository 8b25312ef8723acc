# SPDX-License-Identifier: Apache-2.0
"""`dompool host trace`: what was sent, when, how many bytes, and how often again, by TFTP and by HTTP."""
import re
import subprocess
import time

import pytest

from boot_harness import POOL_MAC, SERVER, Room, programs_dir, say

PXE = {"vendor": "PXEClient:Arch:00000:UNDI:002001", "arch": 0}


@pytest.fixture(scope="module", name="room")
def fixture_room():
    room = Room()
    room.files["initrd"] = bytes(range(256)) * 65536  # more than a socket takes at once: what TCP repeats is known when the file ends
    with room:
        room.wait_log("parent: ready", seconds=60)
        yield room


def fetch(room, url):
    assert room.client("curl", "-sS", "-o", "/dev/null", url).returncode == 0, url


def lossy(room, percent):
    """Packets to the client are lost, but DHCP."""
    rules = f"""
add table ip lossy
add chain ip lossy in {{ type filter hook input priority 0; }}
add rule ip lossy in udp dport != 68 numgen random mod 100 < {percent} drop
add rule ip lossy in tcp sport 8080 numgen random mod 100 < {percent} drop
"""
    subprocess.run(["ip", "netns", "exec", room.client_ns, "nft", "-f", "-"], input=rules, text=True, check=True)


def test_a_boot_is_a_timeline_with_bytes_and_what_was_sent_again(room):
    room.be(POOL_MAC)
    offer = room.dhcp(say("discover", POOL_MAC, **PXE))[0] or room.dhcp(say("discover", POOL_MAC, **PXE))[0]
    ack = room.dhcp(say("request", POOL_MAC, requested=offer["address"], server=SERVER, **PXE))[0]
    room.be(POOL_MAC, ack["address"])
    image = f"i/{room.image[:16]}"
    menu = "pxelinux.cfg/01-" + POOL_MAC.replace(":", "-")
    for url in (f"tftp://{SERVER}/pxelinux.0", f"tftp://{SERVER}/{menu}", f"http://{SERVER}:8080/{image}/xen.gz"):
        fetch(room, url)
    lossy(room, 4)
    fetch(room, f"tftp://{SERVER}/{image}/vmlinuz")
    fetch(room, f"http://{SERVER}:8080/{image}/initrd")
    out, end = "", time.monotonic() + 60
    while "/initrd by HTTP" not in out and time.monotonic() < end:
        out = subprocess.run([str(programs_dir() / "dompool"), "-s", f"unix:{room.path}/run/api.sock", "host", "trace", "n1"],
                             stdout=subprocess.PIPE, text=True, check=True).stdout
    sizes = {name: len(data) for name, data in room.files.items()}
    for stage, words in (
            ("dhcp", "pxelinux.0"),
            ("loader", rf"pxelinux\.0, {len(room.loaders['pxelinux.0'])} bytes in \d+ ms$"),
            ("menu", rf"pxelinux\.cfg/\S+, \d+ bytes in \d+ ms$"),
            ("xen", rf"{image}/xen\.gz by HTTP, {sizes['xen.gz']} bytes$"),
            ("kernel", rf"{image}/vmlinuz, {sizes['vmlinuz']} bytes in \d+ ms, \d+ blocks sent again$"),
            ("initrd", rf"{image}/initrd by HTTP, {sizes['initrd']} bytes, \d+ segments sent again$")):
        assert re.search(rf"^ +\d+\.\d{{3}} s  {stage} +{words}", out, re.M), (stage, out)
