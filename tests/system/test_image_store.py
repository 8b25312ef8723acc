# SPDX-License-Identifier: Apache-2.0
"""What is done with versions that are there, by the server and its command line: nothing that is used is removed, and it says by whom."""
import hashlib
import json
import pathlib
import shutil
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
    wait_for(lambda: four in {i["id"] for i in room.server.get("/v1/images")["images"]}, 60)
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
    assert "/init" in room.cli("diff", room.versions[0][:16], "micro")


def test_an_unsigned_version_is_not_believed(room):
    assert "not signed" in room.cli("verify", "micro", code=8)


def test_the_rooms_key_is_roots_alone(room):
    key = pathlib.Path(room.server.state) / "image.key"
    assert key.stat().st_mode & 0o7777 == 0o600 and key.stat().st_uid == 0
    public = key.read_text().split()[2]
    assert public in (room.store / "image.pub").read_text()


STATUS = "Package: tiny\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n\n"


def make_tree_version(store):
    """A version that is a tree alone: busybox, and two files of the same content."""
    listed = "package\tlinux-image-6.1\t6.1\npackage\ttiny\t1\n"
    files = {n: d for n, d in fake_store.FILES.items() if n != "initrd"} | {"contents": listed.encode()}
    version = fake_store.make_image(store, name="deb", files=files)
    root = pathlib.Path(store) / "versions" / version / "root"
    for folder in ("bin", "proc", "dev", "etc", "var/lib/dpkg"):
        (root / folder).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin/busybox")
    (root / "bin/sh").symlink_to("busybox")
    (root / "var/lib/dpkg/status").write_text(STATUS)
    (root / "etc/one").write_text("same")
    (root / "etc/two").hardlink_to(root / "etc/one")
    return version


def shell(store, *words, code=0):
    r = subprocess.run([str(api_room.DOMPOOL), "image", "shell", "--store", str(store), "deb", "--", *words], capture_output=True,
                       text=True, timeout=60)
    assert r.returncode == code, (r.stdout, r.stderr)
    return r.stderr


def local(store, *words, code=0):
    r = subprocess.run([str(api_room.DOMPOOL), "image", *words, "--store", str(store), "--json"], capture_output=True, text=True,
                       timeout=60)
    assert r.returncode == code, (r.stdout, r.stderr)
    return json.loads(r.stdout) if code == 0 else r.stderr


def test_a_shell_makes_a_version_when_it_exits_with_zero(tmp_path):
    store = tmp_path / "store"
    old = make_tree_version(store)
    shell(store, "/bin/sh", "-c", "echo other > /etc/one; exit 0")
    tag = json.loads((store / "tags/deb.json").read_text())
    assert tag["previous"] == old and tag["current"] != old
    new, before = (store / "versions" / tag[t] / "root" for t in ("current", "previous"))
    assert ((new / "etc/one").read_text(), (new / "etc/two").read_text()) == ("other\n", "same")
    assert (before / "etc/one").read_text() == "same"
    assert "linux-image-6.1" in (new.parent / "contents").read_text()
    assert local(store, "verify", "deb")["id"] == tag["current"]
    assert not (store / "shells/deb").exists()


def test_a_shell_that_fails_makes_none_and_loses_nothing(tmp_path):
    store = tmp_path / "store"
    old = make_tree_version(store)
    assert "image commit deb" in shell(store, "/bin/sh", "-c", "echo kept > /etc/three; exit 3", code=13)
    assert json.loads((store / "tags/deb.json").read_text())["current"] == old
    new = local(store, "commit", "deb")["id"]
    assert (store / "versions" / new / "root/etc/three").read_text() == "kept\n"


def test_a_password_or_a_private_key_gets_into_no_version(tmp_path):
    store = tmp_path / "store"
    make_tree_version(store)
    assert "user root has a password" in shell(store, "/bin/sh", "-c", "echo 'root:$6$x:1::::::' > /etc/shadow", code=8)
    shell(store, "/bin/sh", "-c", "echo 'root:!:1::::::' > /etc/shadow; mkdir -p /etc/ssh; "
          "echo '-----BEGIN OPENSSH PRIVATE KEY-----' > /etc/ssh/ssh_host_rsa_key", code=8)
    shell(store, "/bin/sh", "-c", "rm /etc/ssh/ssh_host_rsa_key")


def test_damage_is_named_and_a_changed_manifest_refused(tmp_path):
    store = tmp_path / "store"
    make_tree_version(store)
    shell(store, "/bin/sh", "-c", "echo x > /etc/x")
    version = store / "versions" / json.loads((store / "tags/deb.json").read_text())["current"]
    squashfs = bytearray((version / "root.squashfs").read_bytes())
    squashfs[len(squashfs) // 2] ^= 1
    (version / "root.squashfs").write_bytes(squashfs)
    assert "root.squashfs: its SHA-256 is not the one that was signed" in local(store, "verify", "deb", code=18)
    manifest = (version / "manifest.json").read_text()
    (version / "manifest.json").write_text(manifest.replace('"kernel_args":""', '"kernel_args":"init=/evil"'))
    assert (version / "manifest.json").read_text() != manifest
    assert "was changed" in local(store, "verify", "deb", code=8)
