# SPDX-License-Identifier: Apache-2.0
"""A host on which the usual loader falls silent is offered another one, says so in its trace, and keeps the one that works."""

import pytest

from boot_harness import OTHER_MAC, POOL_MAC, SERVER, Room, say

PXE_UEFI = {"vendor": "PXEClient:Arch:00007:UNDI:003000", "arch": 7}


@pytest.fixture(name="room")
def fixture_room():
    with Room() as room:
        yield room


def boot(room, mac):
    """Firmware's DHCP; the name of the loader that it is given. The client then has the address."""
    room.be(mac)
    offer = room.dhcp(say("discover", mac, **PXE_UEFI))[0] or room.dhcp(say("discover", mac, **PXE_UEFI))[0]
    ack, = room.dhcp(say("request", mac, requested=offer["address"], server=SERVER, **PXE_UEFI))
    assert ack["file"] == offer["file"]
    room.be(mac, ack["address"])
    path = room.store / "loaders" / ack["file"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"MZ" * 5000)
    return ack["file"]


def fetch(room, name):
    offset = room.mark()
    room.client("curl", "-sS", "-o", "/dev/null", f"tftp://{SERVER}/{name}", check=True)
    room.wait_log("tftp sent", offset)  # the last ACK has come


def test_a_silent_loader_gives_way_and_what_works_is_kept_over_a_restart(room):
    usual = boot(room, POOL_MAC)
    fetch(room, usual)
    second = boot(room, POOL_MAC)  # no menu was asked for: it starts all over again
    assert second != usual
    notes = room.api("/v1/hosts/n1/trace")["boots"][0]["notes"]
    assert [n["kind"] for n in notes] == ["other-loader"] and "nothing followed snponly" in notes[0]["text"]
    assert boot(room, POOL_MAC) == second, "it was not fetched yet: no reason to give it up"
    fetch(room, second)
    fetch(room, "grub/grub.cfg-01-" + POOL_MAC.replace(":", "-"))
    room.wait_log("loader kept")
    assert boot(room, POOL_MAC) == second
    room.stop()
    room.start()
    assert boot(room, POOL_MAC) == second
    assert boot(room, OTHER_MAC) == usual, "that is one host's trouble"


def test_a_loader_that_gets_its_menu_stays(room):
    usual = boot(room, POOL_MAC)
    for _ in range(2):
        fetch(room, usual)
        fetch(room, "grub/grub.cfg-01-" + POOL_MAC.replace(":", "-"))
        assert boot(room, POOL_MAC) == usual
