# SPDX-License-Identifier: Apache-2.0
"""A host says that it could not get its root: what its next menu boots, what is shown of that, and how it goes back.

The whole chain with its corners is in tests/scenario/scripts/fallback.scn; here real menus are fetched.
"""
import json
import re
import time

import pytest

import fake_store
from boot_harness import POOL_MAC, SERVER, Room, programs_dir, run, say

PXE = {"vendor": "PXEClient:Arch:00000:UNDI:002001", "arch": 0}
REASON = "connecting to 10.88.0.1 port 10809: Connection refused"


class Rooted(Room):
    """Host n1 has its root by NBD, of the second of two versions of micro."""

    def _make_files(self):
        self.files["initrd-root"] = fake_store.make_cpio({"init": b"stage"})
        self.files["root.squashfs"] = b"root" * 1024
        super()._make_files()
        self.before = self.image
        self.image = fake_store.make_image(self.store, files={**self.files, "vmlinuz": fake_store.make_kernel() + b"new"})
        self.tag(self.image, self.before)
        self.conf.write_text(self.conf.read_text().replace('profile = "pool" }', 'profile = "pool" root = "nbd" }', 1))

    def tag(self, current, previous):
        (self.store / "tags" / "micro.json").write_text(json.dumps({"current": current, "previous": previous}))

    def dompool(self, *words):
        return run(str(programs_dir() / "dompool"), "-s", f"unix:{self.path}/run/api.sock", *words).stdout

    def boot(self):
        """Firmware's DHCP, and the menu: its text."""
        self.be(POOL_MAC)
        offer = self.dhcp(say("discover", POOL_MAC, **PXE))[0] or self.dhcp(say("discover", POOL_MAC, **PXE))[0]
        ack = self.dhcp(say("request", POOL_MAC, requested=offer["address"], server=SERVER, **PXE))[0]
        self.be(POOL_MAC, ack["address"])
        return self.client("curl", "-sS", f"tftp://{SERVER}/pxelinux.cfg/01-" + POOL_MAC.replace(":", "-"), check=True).stdout

    def fail(self, menu, text=REASON):
        """dompool-init's last words, as it sends them."""
        body = {"token": re.search(r"dompool\.token=(\S+)", menu)[1], "stage": "root-failed", "text": text, "failed": True,
                "uptime_ms": 300000, "image": re.search(r"dompool\.image=(\w+)", menu)[1]}
        mark = self.mark()
        self.client("curl", "-sS", "--fail", "-d", json.dumps(body), f"http://{SERVER}:8080/boot/report", check=True)
        self.wait_log("boot: policy generation=", mark)


@pytest.fixture(name="room")
def fixture_room():
    with Rooted() as room:
        yield room


def test_the_next_boot_is_the_version_before_then_rescue_and_a_word_goes_back(room):
    menu = room.boot()
    assert f"dompool.image={room.image[:16]}" in menu and "dompool.root=nbd:" in menu
    room.fail(menu)
    menu = room.boot()
    assert f"dompool.image={room.before[:16]}" in menu and "dompool.root=nbd:" in menu

    shown = room.dompool("host", "show", "n1")
    assert re.search(rf"fallen back from +{room.image[:12]}", shown) and f"image micro {room.before[:16]}" in shown and REASON in shown
    explained = room.dompool("host", "explain", "n1")
    assert "a fall-back: the host could not get the root" in explained and "'dompool host retry' ends it" in explained
    events = [e for e in room.api("/v1/events?kind=host")["events"] if e["what"] == "fallback"]
    assert len(events) == 1 and REASON in events[0]["text"] and room.before[:16] in events[0]["text"]
    assert "host n1 falls back to it" in json.dumps(room.api(f"/v1/images/{room.before[:16]}")["used_by"])
    trace = room.api("/v1/hosts/n1/trace")["boots"]
    assert any(REASON in b["failure"] and b["failure"].startswith("root-failed: ") for b in trace)

    room.fail(menu)
    assert "dompool.mode=rescue" in room.boot()
    assert "rescue" in room.dompool("host", "show", "n1")

    mark = room.mark()
    assert room.dompool("host", "retry", "--all") == ""
    room.wait_log("boot: policy generation=", mark)
    assert f"dompool.image={room.image[:16]}" in room.boot()
    assert room.api("/v1/hosts/n1")["fallback"] is None


def test_a_version_that_becomes_the_default_is_tried(room):
    room.fail(room.boot())
    assert f"dompool.image={room.before[:16]}" in room.boot()
    newest = fake_store.make_image(room.store, files={**room.files, "vmlinuz": fake_store.make_kernel() + b"newest"})
    room.tag(newest, room.image)
    room.wait_log("what=fallback-over", seconds=60)
    end = time.monotonic() + 60  # the new snapshot is on its way to boot
    while f"dompool.image={newest[:16]}" not in (menu := room.boot()):
        assert time.monotonic() < end, menu
