# SPDX-License-Identifier: Apache-2.0
"""What is done with versions that are there, by the server and its command line: nothing that is used is removed, and it says by whom."""
import hashlib
import json
import pathlib
import subprocess

import pytest

import api_room
import fake_store
from server import wait_for

N1 = {"name": "n1", "mac": "52:54:00:77:00:01", "address": "10.77.0.11", "profile": "local"}


def make_version(store, word):
    files = {**fake_store.FILES, "initrd": fake_store.make_cpio({"init": word.encode() * 100})}
    line = f"file\t755\t0\t0\t{len(word) * 100}\t{hashlib.sha256(word.encode() * 100).hexdigest()}\t/init\n"
    files["contents"] = f"package\tbusybox\t{word}\n{line}".encode()
    return fake_store.make_image(store, files=files)


class Room:
    def __init__(self, server, store):
        self.server, self.store = server, pathlib.Path(store)
        self.versions = [make_version(store, word) for word in ("one", "two", "three")]
        self.tag(self.versions[2], self.versions[1])

    def tag(self, current, previous):
        (self.store / "tags/micro.json").write_text(json.dumps({"current": current, "previous": previous}))

    def tags(self):
        tag = json.loads((self.store / "tags/micro.json").read_text())
        return tag["current"], tag["previous"]

    def cli(self, *argv, code=0):
        r = subprocess.run([str(api_room.DOMPOOL), "-s", f"unix:{self.server.socket}", "image", *argv], capture_output=True,
                           text=True, timeout=60)
        assert r.returncode == code, (r.stdout, r.stderr)
        return r.stdout if code == 0 else r.stderr

    def there(self):
        return {p.name for p in (self.store / "versions").iterdir()}


@pytest.fixture
def room(server):
    store = server.store
    pathlib.Path(store).mkdir(parents=True, exist_ok=True)
    fake_store.make_loaders(store)
    room = Room(server, store)
    server.configure([N1, {"name": "pinned", "mac": "52:54:00:77:00:02", "image": room.versions[0][:16]}])
    (room.store / "tmp/build-1/root/etc").mkdir(parents=True)
    server.start()
    wait_for(lambda: len(server.get("/v1/images")["images"]) == 3)
    return room


def test_default_moves_and_goes_back(room):
    one, two, three = room.versions
    room.cli("set-default", "micro", one[:16])
    assert room.tags() == (one, three)
    room.cli("rollback", "micro")
    assert room.tags() == (three, one)
    events = [e["what"] for e in room.server.get("/v1/events?kind=server")["events"]]
    assert {"image-set-default", "image-rollback"} <= set(events)
    assert "no image" in room.cli("set-default", "micro", "0123456789abcdef", code=4)


def test_what_is_used_is_not_removed_and_the_user_is_named(room):
    one, two, three = room.versions
    assert "micro:current" in room.cli("rm", three[:16], code=6)
    assert "micro:previous" in room.cli("rm", two[:16], code=6)
    assert "host pinned is to boot it" in room.cli("rm", one[:16], code=6)
    assert room.there() == set(room.versions)
    assert json.loads(room.cli("show", one[:16], "--json"))["used_by"] == ["host pinned is to boot it"]


def test_gc_removes_what_nobody_uses_and_says_so_before(room):
    one, two, three = room.versions
    four = make_version(room.store, "four")
    room.tag(three, two)
    wait_for(lambda: four in {i["id"] for i in room.server.get("/v1/images")["images"]}, 20)
    unused = json.loads(room.cli("gc", "--dry-run", "--json"))["unused"]
    assert [u["id"] for u in unused] == [four] and unused[0]["bytes"] > 0
    assert room.there() == {one, two, three, four}
    room.cli("gc")
    assert room.there() == {one, two, three}


def test_what_a_killed_build_left_is_swept_at_start(room):
    wait_for(lambda: not (room.store / "tmp/build-1").exists())


def test_diff_shows_packages_and_files(room):
    diff = json.loads(room.cli("diff", room.versions[0][:16], room.versions[1][:16], "--json"))
    assert diff["packages"] == [{"change": "changed", "name": "busybox", "from": "one", "to": "two"}]
    assert [f["path"] for f in diff["files"]] == ["/init"] and diff["counts"]["changed"] == 1
    assert "/init" in room.cli("diff", "micro:previous", "micro")


def test_an_unsigned_version_is_not_believed(room):
    assert "not signed" in room.cli("verify", "micro", code=8)


def test_the_rooms_key_is_roots_alone(room):
    key = pathlib.Path(room.server.state) / "image.key"
    assert key.stat().st_mode & 0o7777 == 0o600 and key.stat().st_uid == 0
    public = key.read_text().split()[2]
    assert public in (room.store / "image.pub").read_text()
