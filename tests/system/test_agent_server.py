# SPDX-License-Identifier: Apache-2.0
"""The real agent, simulated hypervisor, against the real dompoold: both ends of the wire as they are shipped."""
import os
import signal
import subprocess

import pytest

import api_room
import netns
from fake_agent import boot_token
from server import BUILD, wait_for

GUEST = 'name = "%s"\ntype = "pvh"\nkernel = "vmlinuz"\nramdisk = "initrd"\nmemory = 64\n'


class Host:
    """A real agent on a machine of the boot LAN."""

    def __init__(self, server, settings="create_ms=20,shutdown_ms=20"):
        self.server, self.folder = server, server.folder / "host"
        self.folder.mkdir(mode=0o755)
        self.settings = f"{settings},state={self.folder}/state"
        self.lan = server.lan.client(api_room.N1_MAC, "10.77.0.11")
        self.fingerprint = server.get("/v1/server")["tls_fingerprint"]
        self.token = boot_token(server.state, api_room.N1_MAC)
        self.process = None
        self.start()

    def start(self):
        with open(self.folder / "log", "a") as log:
            # exec, so that the process is the agent and not `ip netns exec`
            self.process = self.lan.popen(
                BUILD / "src" / "dompool-agent", "--server", netns.SERVER, "--agent-port", api_room.AGENT_PORT, "--fingerprint",
                self.fingerprint, "--token", self.token, "--host", "n1", "--run-dir", self.folder / "run", "--simulated",
                self.settings, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def wait_ready(self):
        wait_for(lambda: self.server.get("/v1/hosts/n1")["state"] == "ready")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)


@pytest.fixture
def host(running):
    api_room.guest_files(running)
    h = Host(running)
    h.wait_ready()
    yield h
    h.close()


def run_op(server, path, body):
    status, op = server.api("POST", path, body)
    assert status == 202, op
    return server.get(f"/v1/operations/{op['id']}?wait=20")


def create(server, name="vm1"):
    return run_op(server, "/v1/domains", {"host": "n1", "file": f"{name}.cfg", "config": GUEST % name})


def test_a_host_becomes_ready_and_shows_its_inventory(host):
    shown = host.server.get("/v1/hosts/n1")
    assert shown["inventory"]["n_cpus"] == 8 and shown["inventory"]["xen_version"] == "simulated"


def test_a_domain_is_created_shut_down_and_destroyed_through_the_api(host):
    server = host.server
    assert create(server)["state"] == "done"
    assert create(server, "vm2")["state"] == "done"
    shown = server.get("/v1/domains/vm1")
    assert shown["state"] == "running" and shown["host"] == "n1"
    assert run_op(server, "/v1/domains/vm1/shutdown", {"timeout": 10})["state"] == "done"
    assert run_op(server, "/v1/domains/vm2/destroy", {})["state"] == "done"
    assert not os.listdir(host.folder / "state")


def test_a_failure_of_the_hypervisor_is_told_to_the_user_and_nothing_is_left(running):
    api_room.guest_files(running)
    h = Host(running, "fail=bad")
    try:
        h.wait_ready()
        op = create(running, "bad1")
        assert op["state"] == "failed" and op["error_code"] == "hypervisor" and "simulated failure" in op["error_text"]
        assert running.api("GET", "/v1/domains/bad1")[0] == 404 or running.get("/v1/domains/bad1")["state"] in ("defined", "gone")
    finally:
        h.close()


def test_a_killed_agent_comes_back_with_its_session_and_its_domains(host):
    assert create(host.server)["state"] == "done"
    host.kill()
    host.start()
    wait_for(lambda: "session=kept" in (host.folder / "log").read_text())
    host.wait_ready()
    wait_for(lambda: host.server.get("/v1/domains/vm1")["state"] == "running")
    assert run_op(host.server, "/v1/domains/vm1/destroy", {})["state"] == "done"


def test_a_restarted_server_recognises_host_and_domain(host):
    server = host.server
    assert create(server)["state"] == "done"
    server.stop()
    server.start()
    wait_for(lambda: server.get("/v1/hosts/n1")["state"] == "ready", seconds=60)
    wait_for(lambda: server.get("/v1/domains/vm1")["state"] == "running")


def test_an_operation_survives_the_death_of_core_and_of_hv(running):
    api_room.guest_files(running)
    h = Host(running, "create_ms=1500")
    try:
        h.wait_ready()
        status, op = running.api("POST", "/v1/domains", {"host": "n1", "file": "vm1.cfg", "config": GUEST % "vm1"})
        assert status == 202
        wait_for(lambda: "operation begins" in (h.folder / "log").read_text())
        os.kill(hv_of(h), signal.SIGKILL)
        running.kill_role("core")
        assert wait_for(lambda: ended(running, op["id"]), seconds=60)["state"] == "done"
        assert len(os.listdir(h.folder / "state")) == 1
    finally:
        h.close()


def ended(server, op):
    status, answer = server.api("GET", f"/v1/operations/{op}")
    return answer if status == 200 and answer["state"] in ("done", "failed") else None


def hv_of(host):
    for pid in host.lan.pids():
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            if f.read().startswith(b"dompool-hv\0"):
                return pid
    raise AssertionError("no dompool-hv")
