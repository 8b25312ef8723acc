# SPDX-License-Identifier: Apache-2.0
"""A profile that a few hosts boot first: the real dompoold and its command line among hosts that are agents without machines."""
import json

import pytest

import api_room
import fake_store
from fake_agent import FakeAgent
from server import wait_for

HOSTS = [{"name": f"n{i}", "mac": f"52:54:00:77:00:0{i}", "address": f"10.77.0.1{i}", "profile": "pool"} for i in range(1, 5)]


class Pool:
    """Four hosts that are ready on version `old`; `new` is there as well, and current."""

    def __init__(self, server):
        self.server, self.agents = server, {}
        fake_store.make_loaders(server.store)
        self.old = fake_store.make_image(server.store)
        server.configure(HOSTS, top=f'image = "{self.old[:16]}"')
        server.start()
        for host in HOSTS:
            self.boot(host["name"])
        self.new = fake_store.make_image(server.store, files={**fake_store.FILES, "initrd": fake_store.make_cpio({"init": b"new"})})
        wait_for(lambda: len(server.get("/v1/images")["images"]) == 2, seconds=60)

    def mac(self, name):
        return next(h["mac"] for h in HOSTS if h["name"] == name)

    def host(self, name):
        return self.server.get(f"/v1/hosts/{name}")

    def boot(self, name, image=None):
        """The host comes up with what the server has for it at this moment, and is ready."""
        if name in self.agents:
            self.agents[name].stop()
        image = image or self.host(name)["image_id"]
        self.agents[name] = api_room.connect_agent(self.server, mac=self.mac(name), inventory={"image": image[:16]})
        return image

    def reboots(self, name):
        return sum(op["kind"] == "host-reboot" for op in self.agents[name].ops)

    def wait_reboot(self, name, n=1):
        wait_for(lambda: self.reboots(name) >= n)

    def start(self, *options):
        r = api_room.dompool(self.server, "--json", "profile", "set", "n1", "n2", "n3", "n4", "pool", "--image", "micro", "--canary", 2,
                             *options)
        assert r.returncode == 0, r.stderr
        return json.loads(r.stdout)["canary"]

    def canary(self, number=1):
        return self.server.get(f"/v1/canaries/{number}")

    def states(self, number=1):
        return {h["host"]: h["state"] for h in self.canary(number)["hosts"]}

    def come_back(self, name):
        """The same agent once more, with its session."""
        agent = self.agents[name]
        agent.closed.wait(60)
        again = FakeAgent(agent.address, agent.port, session=agent.session, netns=self.server.lan.name, inventory=agent.inventory)
        again.start()
        again.wait_welcome()
        self.agents[name] = again


@pytest.fixture
def pool(server):
    pool = Pool(server)
    yield pool
    for agent in pool.agents.values():
        agent.stop()


def test_two_hosts_boot_it_first_and_then_all_have_it(pool):
    canary = pool.start("--ready-within", 60, "--watch", 2)
    assert (canary["state"], canary["waiting"], canary["version"]) == ("testing", ["n3", "n4"], pool.new[:16])
    for name in ("n1", "n2"):
        pool.wait_reboot(name)
        assert pool.boot(name) == pool.new
    assert pool.host("n3")["image_id"] == pool.old
    r = api_room.dompool(pool.server, "canary", "wait", 1)
    assert r.returncode == 0 and "promoted" in r.stdout, (r.stdout, r.stderr)
    assert pool.states() == {"n1": "good", "n2": "good"}
    for host in HOSTS:
        assert pool.host(host["name"])["image_id"] == pool.new
    assert pool.reboots("n3") == pool.reboots("n4") == 0
    assert [e["what"] for e in pool.server.get("/v1/events?after=0&kind=canary")["events"]] == [
        "testing", "watched", "watched", "good", "good", "promoted"]


def test_a_host_that_never_gets_ready_takes_it_back_from_the_other_and_keeps_it_from_all(pool):
    pool.start("--ready-within", 4, "--watch", 1)
    pool.wait_reboot("n1")
    assert pool.boot("n1") == pool.new
    pool.wait_reboot("n2")
    pool.agents["n2"].stop()  # and does not come back
    wait_for(lambda: pool.canary()["state"] == "going-back", seconds=60)
    assert "host n2: not ready within 4 s" in pool.canary()["text"]
    pool.wait_reboot("n1", 1)
    assert pool.boot("n1") == pool.old and pool.boot("n2") == pool.old
    r = api_room.dompool(pool.server, "canary", "wait", 1)
    assert r.returncode != 0 and "rolled-back" in r.stderr, (r.stdout, r.stderr)
    assert pool.states() == {"n1": "back", "n2": "back"}
    for host in HOSTS:
        shown = pool.host(host["name"])
        assert (shown["image_id"], shown["profile_by"], shown["canary"]) == (pool.old, "host", 0)
    assert pool.reboots("n3") == pool.reboots("n4") == 0


def test_a_killed_core_goes_on_with_it(pool):
    pool.start("--ready-within", 60, "--watch", 3)
    for name in ("n1", "n2"):
        pool.wait_reboot(name)
    assert pool.boot("n1") == pool.new
    wait_for(lambda: pool.states()["n1"] == "watched")
    pool.server.kill_role("core")
    for host in HOSTS:
        pool.come_back(host["name"])
    assert (pool.canary()["state"], pool.states()["n1"]) == ("testing", "watched")
    assert pool.host("n4")["canary"] == 1
    status, answer = pool.server.api("POST", "/v1/profiles", {"hosts": "n4", "profile": "local"})
    assert status == 409 and "canary abort 1" in answer["error"]["message"], answer
    assert pool.boot("n2") == pool.new
    wait_for(lambda: pool.canary()["state"] == "promoted", seconds=60)
    assert pool.host("n4")["image_id"] == pool.new


def test_a_layer_that_fills_is_an_event_before_it_is_full(pool):
    layer = {"root": "nfs 10.77.0.1:/x version 4.1", "fetched": 24 << 20, "ram": 0, "layer_size": 128 << 20}
    for used in (100, 110, 127, 110, 20):
        pool.agents["n1"].send_inventory(root={**layer, "layer_used": used << 20})
    wait_for(lambda: pool.host("n1")["inventory"].get("root", {}).get("layer_used") == 20 << 20)
    told = [e for e in pool.server.get("/v1/events?after=0&kind=host")["events"] if e["what"].startswith("layer-")]
    assert [e["what"] for e in told] == ["layer-filling", "layer-full", "layer-fine"], told
    assert "110 of 128 MiB" in told[0]["text"]
    r = api_room.dompool(pool.server, "host", "show", "n1")
    assert "24 MiB" in r.stdout and "fine" in r.stdout, r.stdout


def test_the_version_before_is_a_path_of_the_api(pool):
    (pool.server.store / "tags/micro.json").write_text(json.dumps({"current": pool.new, "previous": pool.old}))
    assert pool.server.get("/v1/images/micro:previous")["id"] == pool.old
    r = api_room.dompool(pool.server, "--json", "image", "show", "micro:previous")
    assert r.returncode == 0 and json.loads(r.stdout)["id"] == pool.old, r.stderr
