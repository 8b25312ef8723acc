# SPDX-License-Identifier: Apache-2.0
"""The event log through the real daemon: numbered without gaps over kills, and a watcher that follows misses nothing."""
import os
import signal
import threading
import time

import api_room
from conftest import N1
from server import wait_for


class Watcher(threading.Thread):
    """Follows the log by long polls from where it was, through every failure: what `dompool op wait` and later streams do."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ids, self.last, self.ended = server, [], 0, threading.Event()

    def run(self):
        while not self.ended.is_set():
            try:
                status, answer = self.server.api("GET", f"/v1/events?after={self.last}&wait=2", timeout=10)
            except (OSError, ValueError):
                status = 0
            if status != 200:
                time.sleep(0.05)
                continue
            self.ids += [e["id"] for e in answer["events"]]
            self.last = answer["last"]


def kill_core(server):
    try:
        os.kill(server.roles()["core"], signal.SIGKILL)
    except (KeyError, FileNotFoundError, ProcessLookupError):
        pass  # it is being started again


def numbers(server):
    return [e["id"] for e in server.get("/v1/events?after=0&limit=10000")["events"]]


def test_watcher_sees_every_event_once_while_core_is_killed(running):
    running.deaths_allowed = True
    watcher = Watcher(running)
    watcher.start()
    for i in range(30):
        name = f"h{i}"
        body = {"mac": f"52:54:00:88:00:{i:02x}", "profile": "pool"}
        if i % 7 == 3:
            kill_core(running)

        def put():
            try:
                return running.api("PUT", f"/v1/hosts/{name}", body)[0] == 200
            except OSError:
                return False
        wait_for(put, 60)
    ids = wait_for(lambda: numbers(running))
    wait_for(lambda: watcher.last >= ids[-1])
    watcher.ended.set()
    assert watcher.ids[:len(ids)] == ids == list(range(1, len(ids) + 1))
    hosts = {h["name"] for h in running.get("/v1/hosts")["hosts"]}
    assert {f"h{i}" for i in range(30)} <= hosts


def test_numbers_go_on_over_a_restart_of_the_server(server, store):
    server.start()
    before = numbers(server)
    server.stop()
    server.start()
    after = numbers(server)
    assert after[:len(before)] == before and after == list(range(1, len(after) + 1)) and len(after) > len(before)


def test_page_by_page_is_all_of_it(running):
    for i in range(10):
        running.api("PUT", f"/v1/hosts/p{i}", {"mac": f"52:54:00:88:01:{i:02x}"})
    everything, after = [], 0
    while True:
        page = running.get(f"/v1/events?after={after}&limit=3")
        if not page["events"]:
            break
        assert len(page["events"]) <= 3
        everything += [e["id"] for e in page["events"]]
        after = page["last"]
    assert everything == numbers(running)


def test_kind_selects_and_last_skips_the_others(running):
    answer = running.get("/v1/events?after=0&kind=server")
    assert {e["kind"] for e in answer["events"]} == {"server"}
    assert answer["last"] == numbers(running)[-1]


def test_boot_is_told_stage_by_stage(server, store):
    server.configure([N1])
    server.start()
    agent = api_room.connect_agent(server)
    boot = [e["what"] for e in server.get("/v1/events?after=0&kind=boot")["events"]]
    assert boot == ["agent", "ready"]
    trace = server.get("/v1/hosts/n1/trace")
    assert trace["host"] == "n1"
    assert [s["stage"] for s in trace["boots"][0]["stages"]] == ["agent", "ready"]
    assert trace["boots"][0]["stuck"] == ""
    agent.stop()


def test_host_that_never_asked_has_no_boots(running):
    assert running.get("/v1/hosts/n1/trace")["boots"] == []
