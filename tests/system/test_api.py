# SPDX-License-Identifier: Apache-2.0
"""The REST API as a client meets it: routes, refusals, long polls, a core that comes and goes. Other side: Python's http.client."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import api_room
from server import UnixConnection, wait_for


@pytest.fixture
def room(running):
    api_room.guest_files(running)
    running.agent = api_room.connect_agent(running)
    yield running
    running.agent.stop()


def raw(server, data, half_close=False):
    """What the server answers to these bytes."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(str(server.socket))
    s.sendall(data)
    if half_close:
        s.shutdown(socket.SHUT_WR)
    answer = b""
    while True:
        try:
            got = s.recv(65536)
        except ConnectionResetError:
            break
        if not got:
            break
        answer += got
    s.close()
    return answer


def create(server, name="web1", **body):
    return server.api("POST", "/v1/domains", {"config": api_room.GUEST % name, "file": f"{name}.cfg", **body})


# ---- what is there

@pytest.mark.parametrize("path,key", [
    ("/v1/server", "version"), ("/v1/hosts", "hosts"), ("/v1/hosts/n1", "mac"), ("/v1/hosts/n1/trace", "boots"),
    ("/v1/unknown-hosts", "unknown"), ("/v1/profiles", "profiles"), ("/v1/images", "images"), ("/v1/domains", "domains"),
    ("/v1/domains?host=n1", "domains"), ("/v1/operations", "operations"), ("/v1/operations?limit=1", "operations"),
    ("/v1/events?after=0&limit=5", "events")])
def test_each_reading_path_answers_json(shared, path, key):
    assert key in shared.get(path)


def test_answers_carry_their_type_and_are_not_cached(shared):
    connection = UnixConnection(shared.socket)
    connection.request("GET", "/v1/hosts")
    response = connection.getresponse()
    assert response.getheader("Content-Type") == "application/json"
    assert response.getheader("Cache-Control") == "no-store"


def test_server_tells_the_fingerprint_of_its_certificate(shared):
    pem = (shared.state / "tls" / "cert.pem").read_text()
    seen = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=pem, capture_output=True, text=True,
                          check=True).stdout.split("=")[1].strip().replace(":", "").lower()
    assert shared.get("/v1/server")["tls_fingerprint"] == seen


def test_many_requests_on_one_connection(shared):
    connection = UnixConnection(shared.socket)
    for _ in range(200):
        connection.request("GET", "/v1/profiles")
        assert connection.getresponse().read().startswith(b"{")


# ---- refusals

@pytest.mark.parametrize("method,path,body,status,code", [
    ("GET", "/", None, 404, "not-found"),
    ("GET", "/v1/nothing", None, 404, "not-found"),
    ("GET", "/v1/hosts/nobody", None, 404, "not-found"),
    ("GET", "/v1/operations/999999", None, 404, "not-found"),
    ("GET", "/v1/operations/x", None, 400, "invalid"),
    ("GET", "/v1/hosts/..%2f..%2fetc", None, 404, "not-found"),
    ("GET", "/v1/hosts/%20", None, 400, "invalid"),
    ("GET", "/v1/hosts?colour=red", None, 400, "invalid"),
    ("GET", "/v1/events?wait=61", None, 400, "invalid"),
    ("GET", "/v1/events?after=-1", None, 400, "invalid"),
    ("DELETE", "/v1/hosts", None, 405, "unsupported"),
    ("POST", "/v1/hosts/n1/profile", {"profile": "cloud"}, 404, "not-found"),
    ("POST", "/v1/hosts/n1/profile", {"profile": "pool", "all": True}, 400, "invalid"),
    ("POST", "/v1/profiles", {"profile": "pool"}, 400, "invalid"),
    ("POST", "/v1/profiles", {"profile": "pool", "hosts": "n1 n99"}, 404, "not-found"),
    ("POST", "/v1/hosts/n1/profile", {}, 400, "invalid"),
    ("POST", "/v1/hosts/n1/profile", {"profile": "pool", "x": 1}, 400, "invalid"),
    ("POST", "/v1/hosts/n1/reboot", {"now": True}, 400, "invalid"),
    ("PUT", "/v1/hosts/n9", {"name": "n8", "mac": "52:54:00:00:00:09"}, 400, "invalid"),
    ("PUT", "/v1/hosts/n9", {"mac": "ff:ff:ff:ff:ff:ff"}, 400, "invalid"),
    ("POST", "/v1/images", {"recipe": "../x"}, 400, "invalid"),
    ("POST", "/v1/domains", {"host": "n1"}, 400, "invalid"),
    ("POST", "/v1/domains", {"config": "name = ", "file": "a.cfg"}, 422, "config"),
    ("POST", "/v1/domains/web1/shutdown", {"timeout": 86401}, 400, "invalid"),
    ("GET", "/v1/domains/web1/console", None, 400, "protocol")])
def test_refusal_has_status_code_and_reason(shared, method, path, body, status, code):
    got, answer = shared.api(method, path, body)
    assert (got, answer["error"]["code"]) == (status, code), answer
    assert answer["error"]["message"]


@pytest.mark.parametrize("body", ["{", "[]", '"x"', '{"profile":"pool","profile":"local"}', "{\"profile\":\"p\\u0000\"}", "\xff", "[" * 100000],
                         ids=["cut", "array", "string", "twice", "nul", "no-utf8", "deep"])
def test_body_that_is_no_object_is_refused(shared, body):
    data = body.encode("latin-1")
    head = b"POST /v1/hosts/n1/profile HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(data)
    answer = raw(shared, head + data)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]["code"] in ("invalid", "protocol", "limit")


def test_config_error_names_file_and_line(shared):
    _, answer = shared.api("POST", "/v1/domains", {"config": 'name = "a"\nmemory = "much"\n', "file": "web.cfg"})
    assert "web.cfg:2" in answer["error"]["message"]


def test_body_over_256_kib_is_refused_before_it_is_read(shared):
    head = b"POST /v1/domains HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n"
    assert raw(shared, head + b"x" * 300000).startswith(b"HTTP/1.1 413 ")


def test_chunked_body_over_256_kib_is_refused(shared):
    head = b"POST /v1/domains HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (30000, b"x" * 30000) for _ in range(10)) + b"0\r\n\r\n"
    assert raw(shared, head + chunks).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("data", [b"\x00" * 4096 + b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100000, b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n"],
                         ids=["zeros", "no-version", "version-9", "one-line", "long-path"])
def test_garbage_harms_nobody_else(shared, data):
    """What libmicrohttpd answers to it, if anything, is its own; a connection without a request ends after 30 s."""
    before = shared.roles()["api"]
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(1)
    s.connect(str(shared.socket))
    try:
        s.sendall(data)
        assert not s.recv(65536).startswith(b"HTTP/1.1 2")
    except OSError:
        pass
    s.close()
    assert shared.roles()["api"] == before
    shared.get("/v1/hosts")


def test_another_user_may_not_use_the_socket(server, store):
    """Even where the file's mode would let him: the credentials decide."""
    server.start()
    server.socket.chmod(0o777)
    program = ("import sys; sys.path.insert(0, %r); import server; c = server.UnixConnection(%r); c.request('GET', '/v1/hosts'); "
               "r = c.getresponse(); print(r.status, r.read().decode())" % (str(pathlib.Path(__file__).parent / "lib"), str(server.socket)))
    got = subprocess.run([sys.executable, "-c", program], user=65534, group=65534, extra_groups=[], capture_output=True, text=True)
    assert got.stdout.startswith("403 "), got
    assert '"denied"' in got.stdout


def test_a_member_of_the_api_group_may_use_the_socket(server, store):
    server.configure(api=' group = "games"')
    server.start()
    import grp
    gid = grp.getgrnam("games").gr_gid
    program = ("import sys; sys.path.insert(0, %r); import server; c = server.UnixConnection(%r); c.request('GET', '/v1/hosts'); "
               "print(c.getresponse().status)" % (str(pathlib.Path(__file__).parent / "lib"), str(server.socket)))
    got = subprocess.run([sys.executable, "-c", program], user=65534, group=65534, extra_groups=[gid], capture_output=True, text=True)
    assert got.stdout == "200\n", got
    assert "uid:65534" not in got.stderr


def test_client_that_has_said_all_and_shuts_its_side_is_answered(shared):
    answer = raw(shared, b"GET /v1/hosts/n1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", half_close=True)
    assert answer.startswith(b"HTTP/1.1 200 "), answer


# ---- hosts

def test_a_host_can_be_added_changed_and_removed(running):
    status, host = running.api("PUT", "/v1/hosts/n9", {"mac": "52:54:00:00:00:09", "profile": "pool"})
    assert status in (200, 201) and host["profile"] == "pool" and not host["configured"]
    assert running.api("POST", "/v1/hosts/n9/profile", {"profile": "local"})[1]["profile"] == "local"
    assert running.api("DELETE", "/v1/hosts/n9")[0] in (200, 204)
    running.get("/v1/hosts/n9", status=404)


def test_a_configured_host_cannot_be_removed(shared):
    assert shared.api("DELETE", "/v1/hosts/n1")[0] == 409


# ---- domains and operations

def test_create_is_answered_before_it_is_done_and_ends(room):
    status, op = create(room)
    assert status == 202 and op["kind"] == "domain-create" and op["by"] == "uid:0"
    done = room.get(f"/v1/operations/{op['id']}?wait=10")
    assert (done["state"], done["error_code"]) == ("done", "none")
    assert room.get("/v1/domains/web1")["state"] == "running"
    assert room.agent.ops[0]["config"]["name"] == "web1"
    # what leaves the server is a typed configuration with hashes, never a path to open
    assert room.agent.ops[0]["config"]["kernel"]["sha256"] != "0" * 64


def test_notes_on_unused_keys_come_with_the_answer(room):
    status, op = room.api("POST", "/v1/domains", {"config": api_room.GUEST % "web1" + "vnc = 1\n", "file": "web1.cfg"})
    assert status == 202
    assert [n["line"] for n in op["notes"]] == [7], op


def test_same_idempotency_key_gives_the_same_operation(room):
    room.agent.hold = True
    first = room.api("POST", "/v1/domains", {"config": api_room.GUEST % "web1"}, headers={"Idempotency-Key": "k-1"})[1]
    second = room.api("POST", "/v1/domains", {"config": api_room.GUEST % "web1"}, headers={"Idempotency-Key": "k-1"})[1]
    assert first["id"] == second["id"]
    assert len(room.get("/v1/operations")["operations"]) == 1


@pytest.mark.parametrize("key", ["a b", "x" * 64, "\x80"])
def test_bad_idempotency_key_is_refused(shared, key):
    head = b"POST /v1/hosts/n1/reboot HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIdempotency-Key: " + key.encode("latin-1")
    assert raw(shared, head + b"\r\nContent-Length: 0\r\n\r\n")[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 413")


def test_failed_operation_keeps_the_words_of_the_agent(room):
    room.agent.fail_with = ("hypervisor", "xc_domain_create: no memory")
    _, op = create(room)
    done = room.get(f"/v1/operations/{op['id']}?wait=10")
    assert (done["state"], done["error_code"], done["error_text"]) == ("failed", "hypervisor", "xc_domain_create: no memory")


def test_shutdown_and_destroy_reach_the_agent(room):
    for name in ("a", "b"):
        _, op = create(room, name)
        room.get(f"/v1/operations/{op['id']}?wait=10")
    for name, verb in (("a", "shutdown"), ("b", "destroy")):
        status, op = room.api("POST", f"/v1/domains/{name}/{verb}", {"timeout": 5})
        assert status == 202
        assert room.get(f"/v1/operations/{op['id']}?wait=10")["state"] == "done"
    assert [o["kind"] for o in room.agent.ops[2:]] == ["domain-shutdown", "domain-destroy"]
    assert room.agent.domains == {}


# ---- long polls

def test_event_long_poll_ends_with_the_event(running):
    last = running.get("/v1/events?limit=1&after=0")
    while last["events"]:
        last = running.get(f"/v1/events?after={last['last']}")
    got = {}

    def poll():
        start = time.monotonic()
        got["events"] = running.get(f"/v1/events?after={last['last']}&wait=20")["events"]
        got["seconds"] = time.monotonic() - start

    thread = threading.Thread(target=poll)
    thread.start()
    time.sleep(0.5)
    running.api("PUT", "/v1/hosts/n9", {"mac": "52:54:00:00:00:09"})
    thread.join(30)
    assert got["events"] and 0.4 < got["seconds"] < 15


def test_a_long_poll_does_not_keep_others_waiting(running):
    head = b"GET /v1/events?after=999999&wait=50 HTTP/1.1\r\nHost: x\r\n\r\n"
    waiting = []
    for _ in range(100):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(running.socket))
        s.sendall(head)
        waiting.append(s)
    start = time.monotonic()
    running.get("/v1/hosts")
    assert time.monotonic() - start < 10
    for s in waiting:
        s.close()


def test_core_forgets_a_poll_whose_client_has_gone(running):
    """500 abandoned long polls; a server that kept them would refuse new ones."""
    last = running.get("/v1/events")["last"]
    for _ in range(5):
        sockets = []
        for _ in range(300):
            s = socket.socket(socket.AF_UNIX)
            s.connect(str(running.socket))
            s.sendall(b"GET /v1/events?after=%d&wait=60 HTTP/1.1\r\nHost: x\r\n\r\n" % last)
            sockets.append(s)
        time.sleep(0.2)
        for s in sockets:
            s.close()
    status, _ = running.api("GET", f"/v1/events?after={last}&wait=1")
    assert status == 200


# ---- core comes and goes

def test_request_that_waits_is_answered_when_core_dies(running):
    got = {}
    last = running.get("/v1/events")["last"]

    def poll():
        got["answer"] = running.api("GET", f"/v1/events?after={last}&wait=50")

    thread = threading.Thread(target=poll)
    thread.start()
    time.sleep(0.5)
    start = time.monotonic()
    running.kill_role("core")
    thread.join(30)
    assert time.monotonic() - start < 30
    assert got["answer"][0] == 503 and got["answer"][1]["error"]["code"] == "unreachable"


def test_while_core_is_stopped_requests_time_out_and_others_are_refused(running):
    running.deaths_allowed = True
    pid = running.roles()["core"]
    os.kill(pid, signal.SIGKILL)
    statuses, end = set(), time.monotonic() + 30
    while time.monotonic() < end:
        status, answer = running.api("GET", "/v1/hosts")
        statuses.add(status)
        if status == 503:
            assert "core" in answer["error"]["message"]
        if status == 200 and 503 in statuses:
            break
        time.sleep(0.005)
    assert 200 in statuses
    wait_for(lambda: running.api("GET", "/v1/hosts")[0] == 200)


def test_operation_survives_the_death_of_core(room):
    room.agent.hold = True
    _, op = create(room)
    wait_for(lambda: room.agent.ops)
    room.kill_role("core")
    room.agent.closed.wait(60)  # agents are let go; a real one comes back with its session
    again = api_room.FakeAgent(room.agent.address, room.agent.port, session=room.agent.session, netns=room.lan.name)
    again.start()
    again.wait_welcome()
    done = room.get(f"/v1/operations/{op['id']}?wait=20")
    assert done["state"] == "done", done
    assert again.ops[0]["id"] == op["id"] and again.ops[0]["epoch"] > room.agent.ops[0]["epoch"]
    again.stop()
