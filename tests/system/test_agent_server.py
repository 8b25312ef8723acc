# SPDX-License-Identifier: Apache-2.0
"""Both real sides together: dompoold and a dompool-agent whose Xen is simulated, as the command line sees them."""
import os
import signal
import subprocess
import time

import pexpect
import pytest

import api_room
import netns
from api_room import dompool, guest_config
from fake_agent import boot_token
from server import BUILD, wait_for


class Agent:
    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        self.machine = server.lan.client(api_room.N1_MAC, "10.77.0.11")
        self.token_file = folder / "agent-token"
        self.process = None

    def start(self, token=None):
        self.token_file.write_text((token or boot_token(self.server.state, api_room.N1_MAC)) + "\n")
        fingerprint = self.server.get("/v1/server")["tls_fingerprint"]
        log = open(self.folder / "agent-log", "ab")
        self.process = self.machine.popen(BUILD / "src" / "dompool-agent", "--server", netns.SERVER, "--fingerprint", fingerprint,
                                          "--token-file", self.token_file, "--host", "n1", "--run-dir", self.folder / "agent-run",
                                          "--simulated", "", "--debug", stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        return self

    def ready(self, seconds=15):
        wait_for(lambda: self.server.get("/v1/hosts/n1")["state"] == "ready", seconds)
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(15)


@pytest.fixture
def room(running):
    api_room.guest_files(running)
    agent = Agent(running, running.folder)
    running.agent = agent
    agent.start().ready()
    yield running
    agent.stop()


def test_host_becomes_ready_with_its_inventory(room):
    host = room.get("/v1/hosts/n1")
    assert host["inventory"]["xen_version"] and host["inventory"]["memory_kib"] > 0
    assert dompool(room, "host", "trace", "n1", "-f").returncode == 0


def test_create_console_shutdown_destroy(room):
    for name in ("web1", "web2"):
        got = dompool(room, "domain", "create", guest_config(room.folder, name))
        assert got.returncode == 0, (got, room.tail())
        assert room.get(f"/v1/domains/{name}")["state"] == "running"
    child = pexpect.spawn(str(api_room.DOMPOOL), ["domain", "console", "web1"], timeout=10,
                          env={**os.environ, "DOMPOOL_SERVER": f"unix:{room.socket}"})
    child.expect_exact("Ctrl-] leaves")
    child.send("\r")
    child.expect(r"\S+")
    child.send("\x1d")
    child.expect(pexpect.EOF)
    assert dompool(room, "domain", "shutdown", "web1").returncode == 0
    assert dompool(room, "domain", "destroy", "web2").returncode == 0
    assert all(d["state"] != "running" for d in room.get("/v1/domains")["domains"])


def test_a_domain_of_which_a_file_is_changed_behind_the_back_still_gets_what_was_accepted(room):
    """What counts is what core put into its blobs when it said yes."""
    config = guest_config(room.folder)
    got = dompool(room, "domain", "create", config, "--no-wait")
    assert got.returncode == 0
    (room.guests / "vmlinuz").write_bytes(b"another")
    number = got.stdout.split()[1]
    assert dompool(room, "op", "wait", number).returncode == 0


def test_core_restart_keeps_host_and_domains(room):
    assert dompool(room, "domain", "create", guest_config(room.folder)).returncode == 0
    room.kill_role("core")
    wait_for(lambda: room.get("/v1/hosts/n1")["connected"], 20)
    assert room.get("/v1/domains/web1")["state"] == "running"
    assert dompool(room, "domain", "destroy", "web1").returncode == 0


def test_api_restart_keeps_host_and_domains(room):
    assert dompool(room, "domain", "create", guest_config(room.folder)).returncode == 0
    room.kill_role("api")
    wait_for(lambda: room.get("/v1/hosts/n1")["connected"], 20)
    assert room.get("/v1/domains/web1")["state"] == "running"
    assert dompool(room, "domain", "destroy", "web1").returncode == 0


def test_server_restart_keeps_host_and_domains(room):
    assert dompool(room, "domain", "create", guest_config(room.folder)).returncode == 0
    room.stop()
    time.sleep(1)
    room.start()
    wait_for(lambda: room.get("/v1/hosts/n1")["connected"], 30)
    assert room.get("/v1/domains/web1")["state"] == "running"
    assert dompool(room, "domain", "destroy", "web1").returncode == 0
