# SPDX-License-Identifier: Apache-2.0
"""
A host is to boot a version whose manifest nobody signed, by HTTP: it says so on its console and to the server, gives up, restarts by itself, and
runs the version before.
"""
import json
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from room import Room

STORE = pathlib.Path("/var/cache/dompool/images")
FORGED = "f0" * 32


@pytest.fixture(scope="module", name="room")
def fixture_room(build_dir):
    """A room with a copy of the lab's store, all files of which are links: the version that is added to it is nobody else's."""
    STORE.mkdir(parents=True, exist_ok=True)
    copy = pathlib.Path(tempfile.mkdtemp(prefix="falltest-", dir=STORE.parent))
    subprocess.run(["cp", "-al", f"{STORE}/.", copy], check=True)
    room = Room(build_dir, "bios", "dompool.root-wait=4", name="falltest", loader="pxelinux", nic="virtio-net-pci", store=copy)
    try:
        room.up_without_hosts()
        room.good = forge(copy)
        with open(room.dir + "/dompoold.conf", "a") as f:
            f.write('\nprofile "by-http" {\n\tkind = "pool"\n\troot = "http"\n}\n')
        room.lab("power", "server", "reset")
        yield room
    finally:
        room.down()
        shutil.rmtree(copy)


def forge(store):
    """The current version once more under another id, which its signature is not for. The id of the good one."""
    tag = store / "tags" / "micro.json"
    good = json.loads(tag.read_text())["current"]
    folder = store / "versions" / FORGED
    subprocess.run(["cp", "-al", store / "versions" / good, folder], check=True)
    manifest = (folder / "manifest.json").read_text()
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").write_text(manifest.replace(good, FORGED))
    tag.unlink()
    tag.write_text(json.dumps({"current": FORGED, "previous": good}))
    return good


def test_a_version_that_nobody_signed_gives_way_to_the_one_before(room):
    room.cli("profile", "set", "n1", "by-http")
    room.lab("power", "n1", "on")
    room.wait(lambda: room.host("n1")["fallback"], 180, "the host has given up")
    fallback = room.host("n1")["fallback"]
    assert (fallback["failed"], fallback["instead"], fallback["kind"]) == (FORGED[:16], room.good[:16], "pool")
    assert f"the manifest of image {FORGED[:16]} is not believed" in fallback["why"]
    room.wait_host("n1", "ready", 240)
    assert room.host("n1")["inventory"]["image"] == room.good[:16]
    boots = room.get("/v1/hosts/n1/trace")["boots"]
    assert "is not believed" in next(b for b in boots if b["failure"])["failure"]
    assert f"root-failed: the manifest of image {FORGED[:16]} is not believed" in room.serial_log("n1")
    shown = room.cli("host", "show", "n1").stdout
    assert f"image micro {room.good[:16]}" in shown
    assert [e["what"] for e in room.events() if e["subject"] == "n1" and e["what"] == "fallback"] == ["fallback"]
