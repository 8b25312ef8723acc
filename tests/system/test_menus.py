# SPDX-License-Identifier: Apache-2.0
"""Menus by HTTP as by TFTP, read by curl; GRUB's menus checked by GRUB's own parser."""
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from boot_harness import FIXED_MAC, OTHER_MAC, POOL_MAC, SERVER, Room, say

MENUS = pathlib.Path(__file__).resolve().parents[1] / "data/menus"


def name_of(prefix, mac):
    return prefix + mac.replace(":", "-")


@pytest.fixture(name="room", scope="module")
def fixture_room():
    with Room() as room:
        room.address = lease(room, POOL_MAC)
        yield room


@pytest.fixture(autouse=True)
def host_n1(room):
    room.be(POOL_MAC, room.address)


def lease(room, mac):
    offer = None
    for _ in range(3):  # a link that was just up may lose the first packet
        offer, = room.dhcp(say("discover", mac))
        if offer:
            break
    ack, = room.dhcp(say("request", mac, requested=offer["address"], server=SERVER))
    assert ack["type"] == 5
    return ack["address"]


def http(room, name, *more):
    """(status, body)"""
    out = room.client("curl", "-sS", "-w", "\n%{http_code}", *more, f"http://{SERVER}:8080/{name}").stdout
    body, _, status = out.rpartition("\n")
    return int(status), body


def tftp(room, name):
    return room.client("curl", "-sS", f"tftp://{SERVER}/{name}").stdout


def token(text):
    return re.search(r"dompool\.token=(\S+)", text).group(1)


@pytest.mark.parametrize("prefix", ["pxelinux.cfg/01-", "grub/grub.cfg-01-", "grub-pc/grub.cfg-01-", "ipxe/01-", "ipxe-efi/01-",
                                    "xen.cfg/01-", "pxegrub/01-"])
def test_a_menu_is_the_same_by_http_and_by_tftp(room, prefix):
    name = name_of(prefix, POOL_MAC)
    by_tftp = tftp(room, name)
    time.sleep(0.05)
    assert http(room, name) == (200, by_tftp)
    assert room.image[:16] in by_tftp


@pytest.mark.parametrize("first,second", [(tftp, http), (http, tftp)])
def test_both_doors_share_one_token_whichever_comes_first(room, first, second):
    """The token of OTHER_MAC is new with each lease of it: the server starts anew."""
    room.stop()
    room.start()
    answers = [f(room, name_of("pxelinux.cfg/01-", POOL_MAC)) for f in (first, second)]
    texts = [a[1] if isinstance(a, tuple) else a for a in answers]
    assert token(texts[0]) == token(texts[1])


def test_another_hosts_menu_is_refused(room):
    status, body = http(room, name_of("ipxe/01-", OTHER_MAC))
    assert status == 403 and "another host" in body


def test_who_has_no_lease_gets_the_local_disk_and_no_token(room):
    room.be("02:00:00:00:00:77", "10.88.0.201")
    status, body = http(room, name_of("ipxe/01-", POOL_MAC))
    assert status == 200 and "sanboot" in body and "dompool.home" not in body and "kernel" not in body


def test_a_lease_is_known_at_once(room):
    """No pause between the ACK and the request for the menu: files must not be behind boot."""
    room.be(OTHER_MAC)
    address = lease(room, OTHER_MAC)
    room.client("ip", "addr", "add", f"{address}/24", "dev", "cli0")
    status, body = http(room, name_of("pxelinux.cfg/01-", OTHER_MAC))
    assert status == 200 and "dompool.token=" in body


def test_files_knows_the_leases_again_after_its_death(room):
    before = token(http(room, name_of("pxelinux.cfg/01-", POOL_MAC))[1])
    offset = room.mark()
    os.kill(room.role_pid("files"), signal.SIGKILL)
    room.wait_log("role=files", offset)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        status, body = http(room, name_of("pxelinux.cfg/01-", POOL_MAC), "--retry", "3", "--retry-connrefused")
        if status == 200 and "dompool.token" in body:
            break
        time.sleep(0.1)
    assert token(body) == before


def test_a_menu_is_never_cached(room):
    out = room.client("curl", "-sSI", f"http://{SERVER}:8080/" + name_of("ipxe/01-", POOL_MAC)).stdout
    assert "Cache-Control: no-store" in out and " 200 " in out


def test_the_menu_of_last_resort_is_local_by_http_too(room):
    for name in ("ipxe/default", "pxelinux.cfg/default", "grub/grub.cfg"):
        status, body = http(room, name)
        assert status == 200 and "dompool: local disk" in body
    assert http(room, "ipxe/nonsense")[0] == 404


# --- what DHCP says to each firmware ---

@pytest.mark.parametrize("vendor,arch,user_class,want", [
    ("PXEClient:Arch:00000:UNDI:002001", 0, None, "pxelinux.0"),
    ("PXEClient:Arch:00007:UNDI:003000", 7, None, "snponly.efi"),
    ("PXEClient:Arch:00011:UNDI:003000", 11, None, "grub-arm64/core.efi"),
    ("HTTPClient:Arch:00016:UNDI:003000", 16, None, f"http://{SERVER}:8080/snponly.efi"),
    ("HTTPClient:Arch:00019:UNDI:003000", 19, None, f"http://{SERVER}:8080/grub-arm64/core.efi"),
    ("PXEClient:Arch:00006:UNDI:003000", 6, None, ""),
])
def test_each_firmware_is_told_its_loader(room, vendor, arch, user_class, want):
    offer, = room.dhcp(say("discover", FIXED_MAC, vendor=vendor, arch=arch, user_class=user_class))
    assert offer["file"] == want
    if vendor.startswith("HTTP"):
        assert offer["options"]["vendor_class_id"] == ["HTTPClient"]


# --- GRUB's own parser ---

def scenes(name):
    parts = re.split(r"^##### (.*)\n", (MENUS / name).read_text(), flags=re.M)
    return list(zip(parts[1::2], parts[2::2]))


@pytest.mark.parametrize("name", ["grub-efi", "grub-pc", "grub-arm64"])
def test_grubs_parser_takes_every_menu(name, tmp_path):
    assert len(scenes(name)) >= 9
    for scene, text in scenes(name):
        (tmp_path / "grub.cfg").write_text(text)
        done = subprocess.run(["grub-script-check", tmp_path / "grub.cfg"], capture_output=True, text=True)
        assert done.returncode == 0, (scene, done.stderr)
