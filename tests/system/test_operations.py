# SPDX-License-Identifier: Apache-2.0
"""Operations through the real daemon: durable, resumed after a kill of anything, carried out once, leaving nothing when they fail."""
import hashlib
import os
import random
import signal
import time

import pytest

import api_room
from fake_agent import FakeAgent
from server import wait_for


@pytest.fixture
def room(server, store):
    api_room.guest_files(server)
    server.start()
    server.agent = api_room.connect_agent(server)
    yield server
    server.agent.stop()


class FaithfulAgent:
    """A fake agent that comes back whenever it is let go, with its session and its domains, as link and hv do. Results that were not
    acknowledged are repeated; an operation that was carried out is not carried out again."""

    def __init__(self, server, first):
        self.server, self.agent, self.domains, self.done, self.made = server, first, first.domains, {}, []
        self.first_time(first)

    def first_time(self, agent):
        agent.domains = self.domains
        plain = agent.answer

        def once(op):
            key = op["id"]
            if key not in self.done:
                self.done[key] = op["kind"]
                self.made.append((op["kind"], op["config"]["name"]))
                plain(op)
                return
            info = self.domains.get(op["config"]["uuid"])
            agent.send("AGENT_OP_RESULT", id=key, epoch=op["epoch"], code="none", text="", **({"domain": info} if info else {}))
        agent.answer = once
        self.agent = agent

    def keep_up(self):
        if not self.agent.closed.is_set():
            return
        again = FakeAgent(self.agent.address, self.agent.port, session=self.agent.session, netns=self.server.lan.name)
        self.first_time(again)
        again.start()

    def stop(self):
        self.agent.stop()


def ask(server, method, path, body=None, key=None, seconds=30):
    """Repeats a request until core answers it: with a key that is safe."""
    headers = {"Idempotency-Key": key} if key else None

    def once():
        try:
            status, answer = server.api(method, path, body, headers)
        except OSError:
            return None
        return None if status in (503, 504) and answer["error"]["code"] in ("unreachable", "timeout") else (status, answer)
    return wait_for(once, seconds, every=0.05)


def kill_core(server):
    try:
        os.kill(server.roles()["core"], signal.SIGKILL)
    except (KeyError, FileNotFoundError, ProcessLookupError):
        pass  # it is being started again


def create_body(name):
    return {"config": api_room.GUEST % name, "file": f"{name}.cfg"}


def test_create_held_by_the_agent_is_resumed_after_kill_9_of_core(room):
    room.agent.hold = True
    _, op = room.api("POST", "/v1/domains", create_body("web1"))
    wait_for(lambda: room.agent.ops)
    room.kill_role("core")
    assert room.get(f"/v1/operations/{op['id']}")["state"] == "running"
    assert room.get("/v1/domains/web1")["state"] == "starting"
    room.agent.closed.wait(60)
    again = FakeAgent(room.agent.address, room.agent.port, session=room.agent.session, netns=room.lan.name)
    again.start()
    again.wait_welcome()
    assert room.get(f"/v1/operations/{op['id']}?wait=20")["state"] == "done"
    assert [(o["id"], o["epoch"]) for o in again.ops] == [(op["id"], 2)]
    wait_for(lambda: [m for m in again.lines if m["m"] == "AGENT_OP_ACK"] == [{"m": "AGENT_OP_ACK", "id": op["id"]}])
    again.stop()


def test_create_is_resumed_after_kill_9_of_the_whole_server(room):
    room.agent.hold = True
    _, op = room.api("POST", "/v1/domains", create_body("web1"))
    wait_for(lambda: room.agent.ops)
    room.kill()
    room.start()
    room.agent.closed.wait(60)
    again = FakeAgent(room.agent.address, room.agent.port, session=room.agent.session, netns=room.lan.name)
    again.start()
    assert room.get(f"/v1/operations/{op['id']}?wait=20")["state"] == "done"
    assert room.get("/v1/domains/web1")["state"] == "running"
    again.stop()


def test_result_is_taken_once_and_acknowledged_each_time(room):
    _, op = room.api("POST", "/v1/domains", create_body("web1"))
    room.get(f"/v1/operations/{op['id']}?wait=10")
    for _ in range(3):
        room.agent.send("AGENT_OP_RESULT", id=op["id"], epoch=1, code="hypervisor", text="late")
    wait_for(lambda: len([m for m in room.agent.lines if m["m"] == "AGENT_OP_ACK"]) == 4)
    assert room.get(f"/v1/operations/{op['id']}")["state"] == "done"
    assert len([e for e in room.get("/v1/events?after=0&kind=op")["events"] if e["what"] == "done"]) == 1


def test_core_killed_at_random_places_loses_and_doubles_nothing(room):
    """Each of 20 domains is made and every second one destroyed while core is killed again and again."""
    rng = random.Random(5)
    faithful = FaithfulAgent(room, room.agent)
    room.deaths_allowed = True
    wanted = []
    next_kill = time.monotonic() + 0.1
    todo = [("create", f"vm{i}") for i in range(20)] + [("destroy", f"vm{i}") for i in range(0, 20, 2)]
    for verb, name in todo:
        if time.monotonic() > next_kill:
            kill_core(room)
            next_kill = time.monotonic() + rng.uniform(0.2, 1.2)
        path, body = ("/v1/domains", create_body(name)) if verb == "create" else (f"/v1/domains/{name}/destroy", {})
        op = None
        end = time.monotonic() + 40
        while op is None:  # busy, not ready: honest answers of a core that has just come back
            faithful.keep_up()
            status, answer = ask(room, "POST", path, body, key=f"{verb}-{name}")
            if status == 202:
                op = answer
            else:
                assert answer["error"]["code"] in ("state", "busy", "unreachable"), answer
                assert time.monotonic() < end, answer
                time.sleep(0.05)
        wanted.append((verb, name, op["id"]))
    for verb, name, number in wanted:
        def ended(number=number):
            faithful.keep_up()
            _, op = ask(room, "GET", f"/v1/operations/{number}")
            return op if op["state"] in ("done", "failed") else None
        op = wait_for(ended, 60, every=0.05)
        assert op["state"] == "done" and op["target"] == name, op
    assert sorted(set(faithful.made)) == sorted(faithful.made), "something was carried out twice"
    names = sorted(d["name"] for d in ask(room, "GET", "/v1/domains")[1]["domains"])
    assert names == sorted(f"vm{i}" for i in range(1, 20, 2))
    assert names == sorted(d["name"] for d in faithful.domains.values())
    ids = [e["id"] for e in ask(room, "GET", "/v1/events?after=0&limit=10000")[1]["events"]]
    assert ids == list(range(1, len(ids) + 1))
    assert len(room.get("/v1/operations")["operations"]) == len(wanted), "an operation was made twice"
    faithful.stop()


def test_missing_kernel_is_named_in_full_and_leaves_nothing(room):
    (room.guests / "initrd").unlink()
    status, answer = room.api("POST", "/v1/domains", create_body("web1"))
    assert (status, answer["error"]["code"]) == (404, "not-found")
    assert f"{room.guests}/initrd" in answer["error"]["message"]
    assert room.get("/v1/operations")["operations"] == []
    assert room.get("/v1/domains")["domains"] == []
    assert room.agent.ops == []


@pytest.mark.parametrize("path", ["../../../etc/shadow", "/etc/shadow", "link", "fifo", "."])
def test_no_file_outside_the_guest_files_is_ever_read(room, path):
    os.symlink("/etc/passwd", room.guests / "link")
    os.mkfifo(room.guests / "fifo")
    config = (api_room.GUEST % "web1").replace('"vmlinuz"', f'"{path}"')
    status, answer = room.api("POST", "/v1/domains", {"config": config, "file": "web1.cfg"})
    assert status in (400, 403, 404, 422), answer
    assert list((room.state / "blobs").iterdir()) == []


def test_guest_files_are_served_as_they_were_accepted(room):
    kernel = (room.guests / "vmlinuz").read_bytes()
    _, op = room.api("POST", "/v1/domains", create_body("web1"))
    room.get(f"/v1/operations/{op['id']}?wait=10")
    (room.guests / "vmlinuz").write_bytes(b"changed since")
    sha256 = room.agent.ops[0]["config"]["kernel"]["sha256"]
    assert sha256 == hashlib.sha256(kernel).hexdigest()
    assert (room.state / "blobs" / sha256).read_bytes() == kernel
    # the next guest gets the new one
    _, op = room.api("POST", "/v1/domains", create_body("web2"))
    room.get(f"/v1/operations/{op['id']}?wait=10")
    assert room.agent.ops[1]["config"]["kernel"]["sha256"] == hashlib.sha256(b"changed since").hexdigest()


def test_same_file_is_copied_once(room):
    for name in ("web1", "web2"):
        _, op = room.api("POST", "/v1/domains", create_body(name))
        room.get(f"/v1/operations/{op['id']}?wait=10")
        if name == "web1":
            before = {p.name: p.stat().st_mtime_ns for p in (room.state / "blobs").iterdir()}
    assert before == {p.name: p.stat().st_mtime_ns for p in (room.state / "blobs").iterdir()}


def test_server_answers_while_a_large_guest_file_is_taken_in(room):
    with open(room.guests / "large", "wb") as f:
        f.truncate(256 << 20)  # the most that is taken
    _, op = room.api("POST", "/v1/domains", {"config": api_room.GUEST.replace("vmlinuz", "large") % "web1", "file": "web1.cfg"})
    times = []
    while True:
        begin = time.monotonic()
        now = room.get(f"/v1/operations/{op['id']}")
        if now["state"] != "queued":
            break
        times.append(time.monotonic() - begin)
        assert now["step"] in ("queued", "kernel", "ramdisk")
    assert len(times) >= 5, times
    assert sorted(times)[-1 - max(1, len(times) // 10)] < 0.2, sorted(times)  # one in ten may meet a machine that is busy with other things
    assert room.get(f"/v1/operations/{op['id']}?wait=20")["state"] == "done"
    assert (room.state / "blobs" / room.agent.ops[0]["config"]["kernel"]["sha256"]).stat().st_size == 256 << 20


def test_two_guests_have_two_macs_and_uuids(room):
    for name in ("web1", "web2"):
        _, op = room.api("POST", "/v1/domains", create_body(name))
        room.get(f"/v1/operations/{op['id']}?wait=10")
    configs = [o["config"] for o in room.agent.ops]
    assert len({c["uuid"] for c in configs}) == 2
    macs = {c["vifs"][0]["mac"] for c in configs}
    assert len(macs) == 2 and all(m.startswith("00:16:3e:") for m in macs)


def test_guest_of_a_lost_host_is_lost_and_out_of_reach(server, store):
    server.configure([{"name": "n1", "mac": api_room.N1_MAC, "profile": "pool"}], top='heartbeat = "1s"')
    api_room.guest_files(server)
    server.start()
    machine = server.lan.client(address="10.77.0.50")
    agent = api_room.connect_agent(server, netns=machine.name)
    _, op = server.api("POST", "/v1/domains", create_body("web1"))
    server.get(f"/v1/operations/{op['id']}?wait=10")
    machine.power(False)
    wait_for(lambda: server.get("/v1/domains/web1")["state"] == "lost", seconds=60)
    status, answer = server.api("POST", "/v1/domains/web1/shutdown", {})
    assert (status, answer["error"]["code"]) == (503, "unreachable")
    agent.stop()
