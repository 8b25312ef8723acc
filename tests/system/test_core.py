# SPDX-License-Identifier: Apache-2.0
"""core as a process: what is left of it after kill -9, what it says of a database that it cannot use, how soon a host is lost.

Decisions in detail are scenarios (tests/scenario); here the real daemon runs them.
"""
import os
import signal
import sqlite3
import time

import pytest

import api_room
from conftest import N1, N2
from fake_agent import FakeAgent, boot_token
from server import wait_for


def come_back(server, agent, **kwargs):
    """The same agent once more, with its session, as link does when it was let go."""
    agent.closed.wait(60)
    again = FakeAgent(agent.address, agent.port, session=agent.session, netns=server.lan.name,
                      domains=agent.domains.values(), **kwargs)
    again.start()
    again.wait_welcome()
    return again


@pytest.fixture
def ready(server, store):
    api_room.guest_files(server)
    server.start()
    server.agent = api_room.connect_agent(server)
    yield server
    server.agent.stop()


def create(server, name="web1"):
    status, op = server.api("POST", "/v1/domains", {"config": api_room.GUEST % name, "file": f"{name}.cfg"})
    assert status == 202, op
    done = server.get(f"/v1/operations/{op['id']}?wait=20")
    assert done["state"] == "done", done
    return done


def event_ids(server):
    return [e["id"] for e in server.get("/v1/events?after=0&limit=10000")["events"]]


def test_killed_core_recognises_hosts_and_domains(ready):
    create(ready)
    before = ready.get("/v1/domains/web1")
    ready.kill_role("core")
    assert ready.get("/v1/hosts/n1")["state"] == "ready"  # known at once, from the database
    ready.agent = come_back(ready, ready.agent)
    after = wait_for(lambda: ready.get("/v1/hosts/n1")["connected"] and ready.get("/v1/domains/web1"))
    assert (after["uuid"], after["state"], after["config"]) == (before["uuid"], "running", before["config"])
    assert [e for e in ready.get("/v1/events?after=0")["events"] if e["what"] == "lost"] == []


def test_killed_server_recognises_hosts_and_domains(ready):
    create(ready)
    ready.kill()
    ready.start()
    assert ready.get("/v1/domains/web1")["state"] == "running"
    ready.agent = come_back(ready, ready.agent)
    wait_for(lambda: ready.get("/v1/hosts/n1")["connected"])
    ids = event_ids(ready)
    assert ids == list(range(1, len(ids) + 1))


def test_host_without_power_is_lost_within_three_heartbeats(server, store):
    server.configure([N1, N2], top='heartbeat = "1s"')
    server.start()
    machine = server.lan.client(address="10.77.0.50")
    agent = api_room.connect_agent(server, netns=machine.name, heartbeat=1000)
    time.sleep(4)  # it says nothing, but its kernel answers
    assert server.get("/v1/hosts/n1")["state"] == "ready"
    machine.power(False)
    start = time.monotonic()
    wait_for(lambda: server.get("/v1/hosts/n1")["state"] == "lost", seconds=60)
    assert 1 < time.monotonic() - start < 6
    machine.power(True)
    agent.stop()
    agent = come_back(server, agent)
    wait_for(lambda: server.get("/v1/hosts/n1")["state"] == "ready", seconds=60)
    agent.stop()


def test_host_without_power_is_lost_within_30_s_by_default(server, store):
    server.start()
    machine = server.lan.client(address="10.77.0.50")
    agent = api_room.connect_agent(server, netns=machine.name, heartbeat=1000)
    machine.power(False)
    start = time.monotonic()
    wait_for(lambda: server.get("/v1/hosts/n1")["state"] == "lost", seconds=30, every=0.2)
    assert time.monotonic() - start > 10
    agent.stop()


def test_ended_connection_is_no_loss(ready):
    ready.agent.stop()
    wait_for(lambda: not ready.get("/v1/hosts/n1")["connected"])
    assert ready.get("/v1/hosts/n1")["state"] == "ready"


def test_used_and_forged_tokens_are_refused_and_written_down(ready):
    for token in (ready.agent.token, ready.agent.token[:-1] + ("0" if ready.agent.token[-1] != "0" else "1")):
        thief = FakeAgent(ready.agent.address, ready.agent.port, token=token, netns=ready.lan.name)
        thief.start()
        wait_for(lambda: thief.refused)
        assert thief.refused["code"] == "unauthenticated"
    assert ready.get("/v1/hosts/n1")["state"] == "ready"
    refusals = ready.get("/v1/events?after=0&kind=security")["events"]
    assert [e["what"] for e in refusals] == ["agent-refused", "agent-refused"]
    assert "used already" in refusals[0]["text"]


def test_used_token_stays_used_after_a_kill(ready):
    token = ready.agent.token
    ready.kill_role("core")
    thief = FakeAgent(ready.agent.address, ready.agent.port, token=token, netns=ready.lan.name)
    thief.start()
    wait_for(lambda: thief.refused)


def test_next_boot_takes_the_place_of_the_last(ready):
    create(ready)
    token = boot_token(ready.state, N1["mac"])
    newer = FakeAgent(ready.agent.address, ready.agent.port, token=token, netns=ready.lan.name)
    newer.start()
    newer.wait_welcome()
    assert ready.agent.closed.wait(60), "the old connection was not let go"
    wait_for(lambda: ready.get("/v1/hosts/n1")["boot"] == 2)
    wait_for(lambda: ready.get("/v1/domains/web1")["state"] == "gone")
    newer.stop()


def test_profile_switch_survives_and_reaches_the_snapshot(running):
    snapshot = running.state / "core" / "policy.snap"
    before = snapshot.read_bytes()
    status, host = running.api("POST", "/v1/hosts/n1/profile", {"profile": "local"})
    assert (status, host["profile"]) == (200, "local")
    wait_for(lambda: snapshot.read_bytes() != before)
    running.kill_role("core")
    assert running.get("/v1/hosts/n1")["profile"] == "local"


# ---- databases that cannot be used

@pytest.fixture
def with_database(server, store):
    """A stopped server with a good database, which it gets back in the end."""
    server.start()
    server.stop()
    database = server.state / "core" / "dompool.db"
    good = database.read_bytes()
    yield server
    database.write_bytes(good)
    wait_for(lambda: server.api("GET", "/v1/server")[0] == 200, seconds=60, every=0.2)


def roles_now(server):
    try:
        return set(server.roles())
    except (FileNotFoundError, ProcessLookupError):  # one has just ended
        return set()


def assert_core_says(server, *words):
    """core does not start and says why; the other roles are there all the same."""
    server.deaths_allowed = True
    server.start(ready=False)
    line = server.wait_log(r"^core: cannot start: .*", start=server.start_offset).group(0)
    for word in words:
        assert word in line, line
    wait_for(lambda: {"boot", "files", "api"} <= roles_now(server))


def test_damaged_database_is_said_and_the_others_go_on(with_database):
    database = with_database.state / "core" / "dompool.db"
    database.write_bytes(b"this is no database " * 1000)
    assert_core_says(with_database, "dompool.db is damaged", "restore it from a copy")


def test_newer_database_is_refused(with_database):
    database = with_database.state / "core" / "dompool.db"
    db = sqlite3.connect(database)
    db.execute("PRAGMA user_version = 999")
    db.close()
    assert_core_says(with_database, "999", "newer dompoold")


def test_core_comes_back_once_the_database_is_good_again(with_database):
    database = with_database.state / "core" / "dompool.db"
    good = database.read_bytes()
    database.write_bytes(b"\0" * 100)
    assert_core_says(with_database, "dompool.db")
    database.write_bytes(good)
    wait_for(lambda: with_database.api("GET", "/v1/server")[0] == 200, seconds=60, every=0.2)


def test_database_is_readable_by_core_alone(running):
    folder = running.state / "core"
    assert folder.stat().st_mode & 0o077 == 0
    assert folder.stat().st_uid == int(running.status("core")["Uid"].split()[0])
    assert folder.stat().st_uid not in (0, os.getuid())


def test_crashed_core_knows_what_it_answered(ready):
    op = create(ready)
    ready.kill_role("core", signal.SIGSEGV)
    assert ready.get(f"/v1/operations/{op['id']}") == op
    assert ready.get("/v1/domains/web1")["state"] == "running"
