# SPDX-License-Identifier: Apache-2.0
"""Guests' networks as the server knows them: what hosts say of their bridges, what domains ask for, what a profile puts into the menu."""
import json

import pytest

import api_room
import fake_store
from server import wait_for

HOSTS = [{"name": f"n{i}", "mac": f"52:54:00:77:00:0{i}", "address": f"10.77.0.1{i}", "profile": "split"} for i in range(1, 3)]
PROFILE = 'profile "split" { kind = "pool" guest-nic = "other" vlans = "10, 20:labs" }'


@pytest.fixture(name="room")
def fixture_room(server, tmp_path):
    fake_store.make_loaders(server.store)
    image = fake_store.make_image(server.store)
    server.configure(HOSTS, top=f'image = "{image[:16]}"\n{PROFILE}')
    server.start()
    api_room.guest_files(server)
    agents = [api_room.connect_agent(server, mac=HOSTS[0]["mac"], inventory={"bridges": "xenbr0 labs vlan10", "free_memory_kib": 1 << 19}),
              api_room.connect_agent(server, mac=HOSTS[1]["mac"], inventory={"bridges": "xenbr0", "free_memory_kib": 1 << 20})]
    yield server
    for agent in agents:
        agent.stop()


def create(server, folder, name, bridge, *options):
    config = api_room.guest_config(folder, name, api_room.GUEST.replace("bridge=xenbr0", f"bridge={bridge}" if bridge else "mac=00:16:3e:00:00:01") % name)
    return api_room.dompool(server, "domain", "create", str(config), *options)


def test_a_host_shows_its_bridges(room):
    assert room.get("/v1/hosts/n1")["inventory"]["bridges"] == "xenbr0 labs vlan10"
    shown = api_room.dompool(room, "host", "show", "n1").stdout
    assert any(line.split() == ["bridges", "xenbr0", "labs", "vlan10"] for line in shown.splitlines()), shown


def test_a_domain_goes_where_its_bridge_is(room, tmp_path):
    r = create(room, tmp_path, "web1", "labs")  # n2 has more memory
    assert r.returncode == 0, r.stderr
    assert room.get("/v1/domains/web1")["host"] == "n1"
    for name, bridge in (("web2", "xenbr0"), ("web3", "")):
        assert create(room, tmp_path, name, bridge).returncode == 0
        assert room.get(f"/v1/domains/{name}")["host"] == "n2"


def test_a_bridge_that_is_not_there_is_refused_with_those_that_are(room, tmp_path):
    r = create(room, tmp_path, "web1", "vlan30", "--host", "n1")
    assert r.returncode != 0 and "host 'n1' has no bridge 'vlan30'; it has xenbr0 labs vlan10" in r.stderr, r.stderr
    r = create(room, tmp_path, "web1", "vlan30")
    assert r.returncode != 0 and "none of the 2 ready hosts" in r.stderr and "has a bridge 'vlan30'" in r.stderr, r.stderr
    assert room.get("/v1/domains")["domains"] == []


def test_the_menu_has_the_profiles_words_and_explain_says_whose_they_are(room):
    items = room.get("/v1/hosts/n1/explain?firmware=bios")["items"]
    line = next(line for item in items for line in item["lines"] if "dompool.vlans=10,20:labs" in line["text"])
    assert "dompool.guest-nic=other" in line["text"]
    assert "guest-nic of the profile" in line["why"] and "vlans of the profile" in line["why"], line


@pytest.mark.parametrize("module,refused", [("e1000", True), ("8021q", False)])
def test_vlans_without_their_module_are_refused(room, module, refused):
    cpio = fake_store.make_cpio({"init": b"x", f"lib/modules/6.1-fake/kernel/net/{module}.ko": b"x"})
    image = fake_store.make_image(room.store, files={**fake_store.FILES, "initrd": cpio})
    wait_for(lambda: len(room.get("/v1/images")["images"]) == 2, seconds=60)
    wait_for(lambda: room.get(f"/v1/images/{image[:16]}/check")["facts"], seconds=60)
    r = api_room.dompool(room, "profile", "set", "n1", "split", "--image", image[:16])
    assert ("[vlan-module]" in r.stderr) == refused, r.stderr
    if refused:
        assert r.returncode == 21 and "the VLANs 10,20:labs need the module 8021q, which the initrd has not" in r.stderr, r.stderr


def test_what_init_made_is_in_the_trace_and_what_it_could_not_too(room):
    mac, report = HOSTS[0]["mac"], "/boot/report"
    token = api_room.boot_token(room.state, mac)

    def say(stage, text, failed):
        body = {"token": token, "stage": stage, "text": text, "failed": failed, "uptime_ms": 1000}
        r = room.lan.run("curl", "-sS", "--fail", "-d", json.dumps(body), f"http://10.77.0.1:8080{report}")
        assert r.returncode == 0, r

    say("guest-net", "xenbr0 with no card; vlan10 is VLAN 10 and leads nowhere", False)
    say("error", "the guests' network card, eth7, is not there after 20 s: their bridges lead nowhere", True)
    wait_for(lambda: "eth7" in api_room.dompool(room, "host", "trace", "n1").stdout)
    trace = api_room.dompool(room, "host", "trace", "n1").stdout
    assert "  guest-net    xenbr0 with no card; vlan10 is VLAN 10 and leads nowhere" in trace, trace
    assert "failed: error: the guests' network card, eth7, is not there" in trace, trace
