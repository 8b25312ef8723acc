# SPDX-License-Identifier: Apache-2.0
"""The agent with its simulated hypervisor against a server made of Python's ssl and http.server: everything but libxl is real."""
import base64
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from fake_agent_server import FakeServer

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get("BUILD_DIR", TOP / "build")) / "src"
UUID = "11" * 16
LINK_UID = 61850
# make asan's build goes without seccomp (src/sandbox/sandbox.c), and its memory is the sanitizer's.
INSTRUMENTED = b"__asan_init" in (PROGRAMS / "dompool-agent").read_bytes()


def children(pid):
    """{name of the role: pid} of an agent's parent."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
        except (OSError, IndexError):
            continue
        if parent == pid:
            found["link" if b"--link" in arguments else arguments[0].decode()] = int(entry.name)
    return found


def processor_ms(pid):
    """Exact, where /proc/PID/stat counts ticks of 10 ms."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def pss_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise AssertionError("no Pss")


class Agent:
    def __init__(self, folder, server, settings="create_ms=20,shutdown_ms=20"):
        self.run_dir = os.path.join(folder, "run")
        self.settings = f"{settings},state={folder}/state"
        self.log_path = os.path.join(folder, "log")
        self.server = server
        self.process = None

    def start(self, fingerprint=None):
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(
                [PROGRAMS / "dompool-agent", "--server", "127.0.0.1", "--agent-port", str(self.server.port),
                 "--http-port", str(self.server.http_port), "--fingerprint", fingerprint or self.server.fingerprint,
                 "--token", "token-1", "--host", "n1", "--run-dir", self.run_dir, "--simulated", self.settings],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def roles(self):
        return children(self.process.pid)

    def log(self):
        return pathlib.Path(self.log_path).read_text()


@pytest.fixture
def folder():
    # not pytest's tmp_path: link is another user and must be able to reach its folder
    path = tempfile.mkdtemp(prefix="dompool-agent-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def server(folder):
    s = FakeServer(folder)
    yield s
    s.close()


@pytest.fixture
def agent(folder, server):
    a = Agent(folder, server)
    yield a
    a.stop()


@pytest.fixture
def ready(agent, server):
    agent.start()
    server.wait("AGENT_INVENTORY")
    server.wait("AGENT_DOMAINS")
    return agent


def config(server, name="vm1", uuid=UUID, kernel=b"kernel" * 1000, **more):
    return {"name": name, "uuid": uuid, "type": "pvh", "memory_kib": 65536, "vcpus": 1, "kernel": server.add_blob(kernel),
            "ramdisk": server.add_blob(b"ramdisk"), "on_poweroff": "destroy", "on_reboot": "restart", "on_crash": "destroy", **more}


def create(server, op=1, **more):
    server.send("AGENT_OP", id=op, epoch=1, kind="domain-create", config=config(server, **more))
    result = server.wait("AGENT_OP_RESULT", id=op)
    server.send("AGENT_OP_ACK", id=op)
    return result


def wait_until(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


# ---- greeting ----

def test_says_hello_with_the_token_then_reports_and_pings(ready, server):
    hello = server.got[0]
    assert hello["m"] == "AGENT_HELLO" and hello["token"] == "token-1" and hello["messages_version"] == 1
    inventory = server.wait("AGENT_INVENTORY")["inventory"]
    assert inventory["n_cpus"] == 8 and inventory["free_memory_kib"] == (16 - 1) << 20
    ping = server.wait("AGENT_PING")
    assert ping["free_memory_kib"] == inventory["free_memory_kib"] and ping["uptime_ms"] > 0


def test_sends_nothing_to_a_server_with_another_certificate(agent, server):
    agent.start(fingerprint="00" * 32)
    server.wait("_closed")
    wait_until(lambda: "not the pinned one" in agent.log())
    assert not [m for m in server.got if m["m"].startswith("AGENT_")]


def test_goes_on_asking_a_server_that_refuses_it(agent, server):
    server.token = "another"
    agent.start()
    server.wait("AGENT_HELLO")
    seen = len(server.got)
    server.wait("AGENT_HELLO", after=seen)
    assert "refused by the server" in agent.log()
    server.token = "token-1"
    server.wait("AGENT_INVENTORY")


# ---- operations ----

def test_creates_a_domain_after_fetching_its_files(ready, server):
    result = create(server)
    assert result["code"] == "none" and result["domain"]["state"] == "running" and result["domain"]["op"] == 1
    assert len(server.http_requests) == 2
    assert server.wait("AGENT_DOMAIN_EVENT", what="appeared")["domain"]["name"] == "vm1"
    assert server.wait("AGENT_OP_PROGRESS", step="fetch", percent=100)["id"] == 1


def test_does_not_fetch_a_file_twice(ready, server):
    create(server)
    assert create(server, op=2, name="vm2", uuid="22" * 16)["code"] == "none"
    assert len(server.http_requests) == 2


def test_a_kernel_that_the_server_has_not_fails_the_create_and_leaves_nothing(ready, server):
    c = config(server)
    server.blobs.clear()
    server.send("AGENT_OP", id=1, epoch=1, kind="domain-create", config=c)
    result = server.wait("AGENT_OP_RESULT", id=1)
    assert result["code"] == "not-found" and "kernel of domain 'vm1'" in result["text"] and "404" in result["text"]
    assert os.listdir(os.path.join(ready.run_dir, "blobs")) == []
    assert os.listdir(os.path.join(os.path.dirname(ready.run_dir), "state")) == []


def test_a_file_with_a_wrong_hash_never_reaches_the_hypervisor(ready, server):
    c = config(server)
    server.blobs[c["kernel"]["sha256"]] = b"x" * c["kernel"]["size"]
    server.send("AGENT_OP", id=1, epoch=1, kind="domain-create", config=c)
    result = server.wait("AGENT_OP_RESULT", id=1)
    assert result["code"] == "protocol" and "SHA-256" in result["text"]
    assert os.listdir(os.path.join(ready.run_dir, "blobs")) == []


def test_a_transfer_that_breaks_off_is_begun_again(ready, server):
    server.cut = 2
    assert create(server)["code"] == "none"
    assert len(server.http_requests) == 2 + 2


def test_a_transfer_that_always_breaks_off_fails_with_the_address_and_leaves_nothing(ready, server):
    server.cut = 100
    result = create(server)
    assert result["code"] == "unreachable" and f":{server.http_port}/blob/" in result["text"]
    assert len(server.http_requests) == 3
    assert os.listdir(os.path.join(ready.run_dir, "blobs")) == []


def test_a_file_of_another_size_is_refused_before_its_body(ready, server):
    c = config(server)
    server.blobs[c["kernel"]["sha256"]] = b"x" * (c["kernel"]["size"] + 1)
    server.send("AGENT_OP", id=1, epoch=1, kind="domain-create", config=c)
    assert "were announced" in server.wait("AGENT_OP_RESULT", id=1)["text"]


def test_the_same_operation_sent_twice_makes_one_domain(ready, server):
    c = config(server)
    server.connection.send_at_once(*({"m": "AGENT_OP", "id": 1, "epoch": epoch, "kind": "domain-create", "config": c} for epoch in (1, 2)))
    assert server.wait("AGENT_OP_RESULT", id=1)["epoch"] == 2
    server.send("AGENT_OP", id=1, epoch=3, kind="domain-create", config=c)
    assert server.wait("AGENT_OP_RESULT", id=1, epoch=3)["code"] == "none"
    assert len([m for m in server.got if m["m"] == "AGENT_DOMAIN_EVENT"]) == 1


def test_shuts_down_and_destroys(ready, server):
    create(server)
    create(server, op=2, name="vm2", uuid="22" * 16)
    server.send("AGENT_OP", id=3, epoch=1, kind="domain-shutdown", config={"name": "vm1", "uuid": UUID})
    server.send("AGENT_OP", id=4, epoch=1, kind="domain-destroy", config={"name": "vm2", "uuid": "22" * 16})
    assert server.wait("AGENT_OP_RESULT", id=3)["code"] == "none"
    assert server.wait("AGENT_OP_RESULT", id=4)["code"] == "none"
    gone = {m["domain"]["name"] for m in server.got if m["m"] == "AGENT_DOMAIN_EVENT" and m["what"] == "gone"}
    assert gone == {"vm1", "vm2"}


def test_a_reboot_ends_the_domains_and_leaves_its_reason_for_init(ready, server):
    create(server)
    server.send("AGENT_OP", id=9, epoch=1, kind="host-reboot")
    assert server.wait("AGENT_OP_RESULT", id=9)["code"] == "none"
    server.send("AGENT_OP_ACK", id=9)
    reason = pathlib.Path(ready.run_dir, "reboot")
    wait_until(reason.exists)
    assert server.wait("AGENT_DOMAIN_EVENT", what="gone")


# ---- consoles ----

def test_a_console_answers(ready, server):
    create(server)
    server.send("CONSOLE_OPEN", session=5, domain="vm1", uuid=UUID)
    hello = server.wait("CONSOLE_DATA", session=5)
    assert b"hello from vm1" in base64.b64decode(hello["data"])
    seen = len(server.got)
    server.send("CONSOLE_DATA", session=5, data=base64.b64encode(b"abc\x00\xff").decode())
    assert base64.b64decode(server.wait("CONSOLE_DATA", session=5, after=seen)["data"]) == b"abc\x00\xff"


def test_a_console_of_an_unknown_domain_is_closed_with_the_reason(ready, server):
    server.send("CONSOLE_OPEN", session=5, domain="vm1", uuid=UUID)
    assert server.wait("CONSOLE_CLOSE", session=5)["code"] == "not-found"


# ---- deaths ----

def test_a_result_that_nobody_acknowledged_is_repeated_after_a_reconnect(ready, server):
    server.send("AGENT_OP", id=1, epoch=1, kind="domain-create", config=config(server))
    server.wait("AGENT_OP_RESULT", id=1)
    seen = len(server.got)
    server.drop_agents()
    time.sleep(0.3)
    server.listen_again()
    hello = server.wait("AGENT_HELLO", after=seen)
    assert hello["session"] == server.session and hello["token"] == ""
    assert server.wait("AGENT_DOMAINS", after=seen)["domains"][0]["name"] == "vm1"
    assert server.wait("AGENT_OP_RESULT", after=seen, id=1)["code"] == "none"
    server.send("AGENT_OP_ACK", id=1)


@pytest.mark.parametrize("role", ["link", "dompool-hv"])
def test_a_killed_child_comes_back_and_the_domains_are_right_again(ready, server, role):
    create(server)
    old = ready.roles()
    seen = len(server.got)
    os.kill(old[role], signal.SIGKILL)
    wait_until(lambda: ready.roles().get(role) not in (None, old[role]))
    if role == "link":
        assert server.wait("AGENT_HELLO", after=seen)["session"] == server.session
    assert server.wait("AGENT_DOMAINS", after=seen)["domains"][0]["uuid"] == UUID
    server.send("AGENT_OP", id=2, epoch=1, kind="domain-destroy", config={"name": "vm1", "uuid": UUID})
    assert server.wait("AGENT_OP_RESULT", id=2)["code"] == "none"


def test_a_killed_agent_ends_its_children_and_the_next_one_uses_the_kept_session(ready, server):
    create(server)
    old = ready.roles()
    seen = len(server.got)
    ready.process.kill()
    ready.process.wait()
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in old.values()))
    ready.start()
    assert server.wait("AGENT_HELLO", after=seen)["session"] == server.session
    assert server.wait("AGENT_DOMAINS", after=seen)["domains"][0]["uuid"] == UUID


def test_an_operation_that_hv_had_when_it_died_is_carried_out_by_the_next_hv(agent, server):
    agent.settings = agent.settings.replace("create_ms=20", "create_ms=1000")
    agent.start()
    server.wait("AGENT_DOMAINS")
    server.send("AGENT_OP", id=1, epoch=1, kind="domain-create", config=config(server))
    server.wait("AGENT_OP_PROGRESS", step="create")
    os.kill(agent.roles()["dompool-hv"], signal.SIGKILL)
    assert server.wait("AGENT_OP_RESULT", id=1)["code"] == "none"
    assert len(os.listdir(os.path.join(os.path.dirname(agent.run_dir), "state"))) == 1


def test_stops_cleanly_on_sigterm(ready, server):
    roles = ready.roles()
    ready.process.terminate()
    assert ready.process.wait(60) == 0
    assert not any(os.path.exists(f"/proc/{pid}") for pid in roles.values())
    server.wait("_closed")


# ---- privilege and size ----

def test_link_is_unprivileged_and_locked_in(ready):
    status = pathlib.Path(f"/proc/{ready.roles()['link']}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == {str(LINK_UID)} and fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == ("0" if INSTRUMENTED else "2")
    assert int(fields["CapEff"], 16) == 0 and fields["Groups"].strip() == ""


def test_the_session_can_be_read_by_root_alone(ready):
    path = pathlib.Path(ready.run_dir, "session")
    wait_until(path.exists)
    assert path.stat().st_mode & 0o777 == 0o600 and path.stat().st_uid == 0


@pytest.mark.skipif(INSTRUMENTED, reason="the sanitizer's memory is not the agent's")
def test_all_processes_together_stay_below_14_mib(ready):
    pids = [ready.process.pid, *ready.roles().values()]
    assert len(pids) == 3
    total = sum(pss_kib(pid) for pid in pids)
    assert total <= 14 * 1024, f"{total} KiB"


def test_an_idle_agent_hardly_uses_the_processor(ready, server):
    time.sleep(1)
    pids = [ready.process.pid, *ready.roles().values()]
    before = sum(processor_ms(pid) for pid in pids)
    time.sleep(12)  # at the test's pace more words than in eight idle minutes
    used = sum(processor_ms(pid) for pid in pids) - before
    print(f"{used:.1f} ms")
    assert used <= 10, f"{used:.1f} ms"


# ---- hostile or broken servers ----

@pytest.mark.parametrize("line", [b"{", b"[]", b'{"m":"AGENT_HELLO"}', b'{"m":"ROLE_FD","purpose":0}', b'{"m":"AGENT_OP","id":"x"}',
                                  b'{"m":"AGENT_OP","id":1,"id":2}', b"\x00" * 100])
def test_a_malformed_line_ends_the_connection_and_not_the_agent(ready, server, line):
    old = ready.roles()
    seen = len(server.got)
    server.connection.sock.sendall(line + b"\n")
    server.wait("_closed", after=seen)
    server.wait("AGENT_HELLO", after=seen)
    assert ready.roles() == old


def test_options_that_are_wrong_are_named():
    r = subprocess.run([PROGRAMS / "dompool-agent", "--server", "300.0.0.1"], capture_output=True, text=True)
    assert r.returncode == 2 and "--server" in r.stderr
    r = subprocess.run([PROGRAMS / "dompool-hv", "--colour"], capture_output=True, text=True)
    assert r.returncode == 2
    r = subprocess.run([PROGRAMS / "dompool-vif"], capture_output=True, text=True, env={})
    assert r.returncode == 2 and "XENBUS_PATH" in r.stderr


def test_a_wrong_setting_of_the_simulation_is_named_in_the_log(agent, server):
    agent.settings = "cpus=many"
    agent.start()
    wait_until(lambda: "setting 'cpus'" in agent.log())


# ---- dompool-vif; its "online" needs xenstore and is shown by the room tests ----

def run_vif(lan, action, vif):
    return lan.run("env", "XENBUS_PATH=backend/vif/1/0", f"vif={vif}", PROGRAMS / "dompool-vif", action, check=False)


def test_vif_offline_takes_the_interface_out_of_its_bridge(lan):
    lan.run("ip", "link", "add", "vif1.0", "type", "veth", "peer", "name", "guest")
    lan.run("ip", "link", "set", "vif1.0", "master", "br0", "up")
    assert run_vif(lan, "offline", "vif1.0").returncode == 0
    shown = json.loads(lan.run("ip", "-j", "link", "show", "vif1.0").stdout)[0]
    assert "master" not in shown and "UP" not in shown["flags"]


def test_vif_offline_of_an_interface_that_is_gone_is_no_error(lan):
    assert run_vif(lan, "offline", "vif7.0").returncode == 0


def test_vif_online_without_xenstore_fails_and_says_so(lan):
    r = run_vif(lan, "online", "vif1.0")
    assert r.returncode == 1 and "xenstored cannot be reached" in r.stderr
