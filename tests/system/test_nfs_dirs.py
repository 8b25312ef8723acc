# SPDX-License-Identifier: Apache-2.0
"""Directories over NFS as the server knows them: what a profile puts into the menu, which images can mount them, what hosts say of them."""
import json

import pytest

import api_room
import fake_store
from server import wait_for

HOSTS = [{"name": "n1", "mac": "52:54:00:77:00:01", "address": "10.77.0.11", "profile": "shared"}]
PROFILE = 'profile "shared" { kind = "pool" nfs-dirs = "/home=10.77.0.5:/export/home, /srv/iso=10.77.0.5:/iso:ro" }'
WORD = "dompool.nfs-dirs=/home=10.77.0.5:/export/home,/srv/iso=10.77.0.5:/iso:ro"
AWAY = "/home is not from 10.77.0.5:/export/home yet: connecting to 10.77.0.5 port 2049: No route to host; /srv/iso from 10.77.0.5:/iso"
THERE = "/home from 10.77.0.5:/export/home; /srv/iso from 10.77.0.5:/iso"


@pytest.fixture(name="room")
def fixture_room(server):
    fake_store.make_loaders(server.store)
    image = fake_store.make_image(server.store)
    server.configure(HOSTS, top=f'image = "{image[:16]}"\n{PROFILE}')
    server.start()
    yield server


@pytest.mark.parametrize("firmware", ["bios", "efi64", "ipxe"])
def test_the_menu_has_the_profiles_word_and_explain_says_whose_it_is(room, firmware):
    items = room.get("/v1/hosts/n1/explain?firmware=" + firmware)["items"]
    line = next(line for item in items for line in item["lines"] if WORD + " " in line["text"] + " ")
    assert "nfs-dirs of the profile" in line["why"], line


@pytest.mark.parametrize("modules,refused", [(("e1000",), True), (("nfsv3",), True), (("nfsv4", "nfs"), False)])
def test_directories_without_their_module_are_refused(room, modules, refused):
    cpio = fake_store.make_cpio({"init": b"x", **{f"lib/modules/6.1-fake/kernel/fs/{m}.ko": b"x" for m in modules}})
    image = fake_store.make_image(room.store, files={**fake_store.FILES, "initrd": cpio})
    wait_for(lambda: len(room.get("/v1/images")["images"]) == 2, seconds=60)
    wait_for(lambda: room.get(f"/v1/images/{image[:16]}/check")["facts"], seconds=60)
    r = api_room.dompool(room, "profile", "set", "n1", "shared", "--image", image[:16])
    assert ("[nfs-module]" in r.stderr) == refused, r.stderr
    if refused:
        assert r.returncode == 21 and "/home over NFS needs the module nfsv4, which the initrd has not" in r.stderr, r.stderr


def say(room, stage, text):
    body = {"token": api_room.boot_token(room.state, HOSTS[0]["mac"]), "stage": stage, "text": text, "failed": False, "uptime_ms": 1000}
    r = room.lan.run("curl", "-sS", "--fail", "-d", json.dumps(body), "http://10.77.0.1:8080/boot/report")
    assert r.returncode == 0, r


def test_what_became_of_them_is_a_note_of_the_boot_and_the_latest_word_holds(room):
    say(room, "init", "dompool-init")
    for text in (AWAY, THERE):
        say(room, "nfs-dirs", text)
        wait_for(lambda text=text: f"  nfs-dirs     {text}\n" in api_room.dompool(room, "host", "trace", "n1").stdout)
    trace = api_room.dompool(room, "host", "trace", "n1").stdout
    assert "is not from" not in trace and "failed" not in trace, trace
    notes = json.loads(api_room.dompool(room, "--json", "host", "trace", "n1").stdout)["boots"][0]["notes"]
    assert [(n["kind"], n["count"]) for n in notes] == [("nfs-dirs", 2)], notes


def test_a_host_shows_its_directories(room):
    agent = api_room.connect_agent(room, mac=HOSTS[0]["mac"], inventory={"nfs_dirs": AWAY})
    try:
        assert room.get("/v1/hosts/n1")["inventory"]["nfs_dirs"] == AWAY
        shown = api_room.dompool(room, "host", "show", "n1").stdout
        assert any(" ".join(line.split()) == "nfs directories " + AWAY for line in shown.splitlines()), shown
    finally:
        agent.stop()
