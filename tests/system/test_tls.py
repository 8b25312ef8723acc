# SPDX-License-Identifier: Apache-2.0
"""What is reached by TLS: the API with tokens (other sides: curl, openssl, the command line) and the agents' lines."""
import hashlib
import json
import time

import pexpect
import pytest

import api_room
import fake_store
import netns
import server as server_module
from fake_agent import FakeAgent, boot_token
from server import wait_for

TOKEN = "4f0c1a5e-a-good-token"
API = f"https://{netns.SERVER}:8443"


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """One for all tests of the API: they leave it as it was, but for its log."""
    lan = netns.Lan()
    server = server_module.Server(lan, tmp_path_factory.mktemp("tls"))
    fake_store.make_image(server.store)
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    server.configure([{"name": "n1", "mac": api_room.N1_MAC, "address": "10.77.0.11", "profile": "pool"}],
                     api=f' listen = "{netns.SERVER}:8443"\n token "ci" {{ sha256 = "{digest}" }}')
    server.token_file = server.folder / "token"
    server.token_file.write_text(TOKEN + "\n")
    try:
        yield server.start()
        server.stop()
    finally:
        server.kill()
        lan.close()


def curl(server, path, *argv):
    got = server.lan.run("curl", "-ksS", "-o", "-", "-w", "\n%{http_code}", *argv, API + path, check=False)
    assert got.returncode == 0, got
    body, status = got.stdout.rsplit("\n", 1)
    return int(status), json.loads(body)


# ---- the API

def test_token_opens_the_api(tls):
    status, answer = curl(tls, "/v1/hosts", "-H", f"Authorization: Bearer {TOKEN}")
    assert status == 200 and answer["hosts"][0]["name"] == "n1"


@pytest.mark.parametrize("header", [None, "Authorization: Bearer wrong", f"Authorization: Basic {TOKEN}", f"Authorization: Bearer {TOKEN}x",
                                    "Authorization: Bearer", "Authorization: Bearer " + "x" * 2000])
def test_without_the_right_token_nothing_is_told(tls, header):
    status, answer = curl(tls, "/v1/hosts", *(["-H", header] if header else []))
    assert status == 401 and list(answer) == ["error"] and answer["error"]["code"] == "unauthenticated"


def test_plain_http_is_not_spoken_there(tls):
    got = tls.lan.run("curl", "-sS", "-m", "5", f"http://{netns.SERVER}:8443/v1/hosts", "-H", f"Authorization: Bearer {TOKEN}", check=False)
    assert got.returncode != 0 and "n1" not in got.stdout


def test_operations_say_whose_token_it_was(tls):
    status, op = curl(tls, "/v1/images", "-X", "POST", "-H", f"Authorization: Bearer {TOKEN}", "-d", '{"recipe":"no-such"}')
    if status == 202:
        assert op["by"] == "token:ci"
    else:
        assert status == 404, op


def test_command_line_with_token_and_fingerprint(tls):
    fingerprint = tls.get("/v1/server")["tls_fingerprint"]
    got = api_room.dompool(tls, "-s", API, "--token-file", tls.token_file, "--fingerprint", fingerprint, "host", "list", "-o", "name",
                           inside=tls.lan)
    assert (got.returncode, got.stdout) == (0, "n1\n"), got


def test_command_line_refuses_another_certificate_and_keeps_its_token(tls):
    before = len(tls.log())
    fingerprint = "00" + tls.get("/v1/server")["tls_fingerprint"][2:]
    got = api_room.dompool(tls, "-s", API, "--token-file", tls.token_file, "--fingerprint", fingerprint, "host", "list", inside=tls.lan)
    assert got.returncode == 8 and "--fingerprint" in got.stderr, got
    assert "token:ci" not in tls.log()[before:]


def test_command_line_without_fingerprint_does_not_trust(tls):
    got = api_room.dompool(tls, "-s", API, "--token-file", tls.token_file, "host", "list", inside=tls.lan)
    assert got.returncode == 8 and "--fingerprint" in got.stderr, got


def test_console_works_over_tls_as_well(tls):
    api_room.guest_files(tls)
    agent = api_room.connect_agent(tls)
    _, op = tls.api("POST", "/v1/domains", {"config": api_room.GUEST % "web1", "file": "web1.cfg"})
    assert tls.get(f"/v1/operations/{op['id']}?wait=10")["state"] == "done"
    argv = tls.lan.argv(api_room.DOMPOOL, "-s", API, "--token-file", tls.token_file, "--fingerprint",
                        tls.get("/v1/server")["tls_fingerprint"], "domain", "console", "web1")
    child = pexpect.spawn(argv[0], argv[1:], timeout=60)
    child.expect_exact("fake console of web1")
    child.send("over tls")
    child.expect_exact("OVER TLS")
    child.send("\x1d")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    wait_for(lambda: not agent.consoles)
    agent.stop()


# ---- agents

@pytest.fixture
def agent_server(running):
    running.agents = []

    def make(**kwargs):
        kwargs.setdefault("token", boot_token(running.state, api_room.N1_MAC))
        agent = FakeAgent(netns.SERVER, api_room.AGENT_PORT, netns=running.lan.name, **kwargs)
        running.agents.append(agent)
        agent.start()
        return agent

    running.agent = make
    yield running
    for agent in running.agents:
        agent.stop()


def test_agent_with_a_boot_token_makes_its_host_ready(agent_server):
    agent_server.agent().wait_welcome()
    wait_for(lambda: agent_server.get("/v1/hosts/n1")["state"] == "ready")


def test_boot_token_works_once(agent_server):
    token = boot_token(agent_server.state, api_room.N1_MAC)
    agent_server.agent(token=token).wait_welcome()
    second = agent_server.agent(token=token)
    assert second.closed.wait(60)
    assert second.refused and second.refused["code"] == "unauthenticated"


@pytest.mark.parametrize("token", ["", "v1.x", "v1.525400770001.0.0.00"])
def test_forged_token_is_refused_with_a_reason(agent_server, token):
    agent = agent_server.agent(token=token)
    assert agent.closed.wait(60)
    assert agent.refused["code"] == "unauthenticated" and agent.refused["text"]


def test_session_serves_for_coming_back(agent_server):
    first = agent_server.agent().wait_welcome()
    first.stop()
    again = agent_server.agent(token="", session=first.session).wait_welcome()
    assert again.host == "n1"


def test_agent_that_vanishes_leaves_a_lost_host(agent_server):
    agent = agent_server.agent().wait_welcome()
    wait_for(lambda: agent_server.get("/v1/hosts/n1")["state"] == "ready")
    agent.stop()
    start = time.monotonic()
    wait_for(lambda: agent_server.get("/v1/hosts/n1")["state"] == "lost", 30)
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("line", [
    b"not json", b"[]", b"{}", b'{"m":"NOTHING"}', b'{"m":"AGENT_WELCOME"}', b'{"m":"AGENT_PING","conn":1}',
    b'{"m":"AGENT_PING","uptime_ms":"x"}', b'{"m":"CONSOLE_DATA","session":1,"data":"?"}', b'{"m":"AGENT_HELLO"}',
    b'{"m":"CONSOLE_OPEN","session":1,"domain":"x"}', b'{"m":"AGENT_PING","m":"AGENT_PING"}', b"x" * (1 << 20) + b"x"],
    ids=lambda line: line[:24].decode())
def test_line_out_of_turn_or_malformed_cuts_that_agent_only(shared, line):
    agent = FakeAgent(netns.SERVER, api_room.AGENT_PORT, netns=shared.lan.name, token=boot_token(shared.state, api_room.N1_MAC))
    agent.start()
    agent.wait_welcome()
    before = shared.roles()
    agent.send_raw(line + b"\n")
    assert agent.closed.wait(60)
    shared.get("/v1/hosts")
    assert shared.roles() == before
    agent.stop()


def test_first_line_must_be_the_hello(agent_server):
    class Rude(FakeAgent):
        def send(self, name, **fields):
            super().send("AGENT_PING" if name == "AGENT_HELLO" else name, **({} if name == "AGENT_HELLO" else fields))

    agent = Rude(netns.SERVER, api_room.AGENT_PORT, netns=agent_server.lan.name)
    agent.start()
    assert agent.closed.wait(9) and not agent.welcome.is_set()  # who says nothing is cut after ten seconds


CONNECT = """
import socket, sys, time
sockets = [socket.create_connection((%r, 8444), timeout=60) for _ in range(int(sys.argv[1]))]
time.sleep(0.5)
start, alive = time.monotonic(), len(sockets)
for s in sockets:
    s.setblocking(False)
def is_open(s):
    try:
        return s.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
print(sum(map(is_open, sockets)), flush=True)
while any(map(is_open, sockets)) and time.monotonic() - start < 20:
    time.sleep(0.1)
print("%%.1f" %% (time.monotonic() - start))
""" % netns.SERVER


def test_silent_connections_are_few_and_cut_after_ten_seconds(running):
    got = running.lan.run("/usr/bin/python3", "-c", CONNECT, "20", timeout=60)
    alive, seconds = got.stdout.split()
    assert int(alive) == 8
    assert 8 < float(seconds) < 12


def test_only_tls_1_3_is_spoken_to_agents(running):
    for version, ok in (("-tls1_2", False), ("-tls1_3", True)):
        got = running.lan.run("openssl", "s_client", "-connect", f"{netns.SERVER}:8444", version, check=False, input="")
        assert (("TLSv1.3" in got.stdout and "Cipher is (NONE)" not in got.stdout) == ok), got


def test_agents_are_let_go_and_come_back_when_core_restarts(agent_server):
    agent = agent_server.agent().wait_welcome()
    agent_server.kill_role("core")
    assert agent.closed.wait(60)
    agent_server.agent(token="", session=agent.session).wait_welcome()
