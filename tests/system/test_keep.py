# SPDX-License-Identifier: Apache-2.0
"""Kept files: the real agent, simulated hypervisor, against the real dompoold; a folder stands for the host's root, and is new each boot."""
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess

import pytest

import api_room
import netns
from conftest import N1
from fake_agent import FakeAgent, boot_token
from server import BUILD, wait_for

KEEP = "# a host's own\n/etc/ssh/ssh_host_*\n/var/log\n"
LINES = ("AGENT_KEEP_PART", "AGENT_KEEP_ANSWER")
# make asan's build goes without seccomp (src/sandbox/sandbox.c).
INSTRUMENTED = b"__asan_init" in (BUILD / "src" / "dompool-agent").read_bytes()


class Host:
    """A diskless machine: what it writes is gone at its next boot, but for the kept files."""

    def __init__(self, server, mac=api_room.N1_MAC, address="10.77.0.11"):
        self.server, self.mac = server, mac
        self.folder = server.folder / "host"
        self.root, self.log_path = self.folder / "root", self.folder / "log"
        self.folder.mkdir(mode=0o755)
        self.lan = server.lan.client(mac, address)
        self.fingerprint = server.get("/v1/server")["tls_fingerprint"]
        self.process = None

    def command(self, *more):
        return [BUILD / "src" / "dompool-agent", "--server", netns.SERVER, "--agent-port", api_room.AGENT_PORT, "--fingerprint",
                self.fingerprint, "--token", self.token, "--host", "n1", "--run-dir", self.folder / "run", "--keep-root", self.root,
                "--simulated", f"state={self.folder}/state", *more]

    def run(self, *more):
        log = open(self.log_path, "a")
        return self.lan.popen(*self.command(*more), stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def power_on(self, keep=KEEP):
        """A new image in RAM; what dompool-init does first. Returns how the putting back ended."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.rmtree(self.folder / "run", ignore_errors=True)
        for folder in ("etc/dompool", "etc/ssh", "var/log"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "etc/dompool/keep").write_text(keep)
        self.token = boot_token(self.server.state, self.mac)
        return self.run("--restore").wait(90)

    def start(self):
        self.process = self.run()
        wait_for(lambda: self.server.get("/v1/hosts/n1")["state"] == "ready")

    def boot(self, **kwargs):
        status = self.power_on(**kwargs)
        self.start()
        return status

    def shutdown(self):
        """In order: the first process asks the agent to end, and waits."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(60)

    def write(self, path, data, mode=0o600, uid=0, gid=0):
        p = self.root / path
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_bytes(data)
        p.chmod(mode)
        os.chown(p, uid, gid)
        return p

    def log(self):
        return self.log_path.read_text()

    def keep_status(self):
        """/proc/PID/status of the agent's process that saves, once it has its name."""
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                status = dict(line.split(":\t", 1) for line in (entry / "status").read_text().splitlines() if ":\t" in line)
            except OSError:
                continue
            if status["Name"] == "dompool-keep" and int(status["PPid"]) == self.process.pid:
                return status
        return None

    def kept(self):
        return self.server.get("/v1/hosts/n1")["kept"]

    def events(self, what):
        return [e for e in self.server.get("/v1/events?limit=1000")["events"] if e["what"] == what]


@pytest.fixture
def host(running):
    h = Host(running)
    yield h
    h.close()


def facts(path):
    st = path.stat()
    return stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns


def test_what_a_host_keeps_is_back_at_its_next_boot_as_it_was(host):
    assert host.boot() == 0
    assert host.kept() is None
    key = host.write("etc/ssh/ssh_host_ed25519_key", b"secret\n" * 50)
    log = host.write("var/log/app/app.log", os.urandom(700_000), mode=0o640, uid=33, gid=4)  # several parts
    os.chown(log.parent, 33, 33)
    log.parent.chmod(0o2750)
    host.write("var/log/empty", b"", mode=0o644)
    host.write("etc/ssh/sshd_config", b"the image's")
    os.symlink("/etc/passwd", host.root / "var/log/link")
    os.mkfifo(host.root / "var/log/pipe")
    was = {p: (facts(p), p.read_bytes()) for p in (key, log)}
    host.shutdown()
    kept = host.kept()
    assert kept["files"] == 5 and kept["size"] > 700_000 and kept["time_ms"] > 0  # log/, app/, app.log, empty, the key
    assert host.boot() == 0
    for path, (how, data) in was.items():
        assert path.read_bytes() == data and facts(path) == how
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o2750 and log.parent.stat().st_uid == 33
    assert (host.root / "var/log/empty").read_bytes() == b""
    assert sorted(os.listdir(host.root / "var/log")) == ["app", "empty"]
    assert not (host.root / "etc/ssh/sshd_config").exists()
    host.shutdown()
    assert host.kept() == kept  # nothing has changed: nothing was sent
    assert len(host.events("kept")) == 1


def test_changes_are_saved_while_the_host_runs_and_over_a_restart_of_the_server(host):
    host.boot()
    host.write("etc/ssh/ssh_host_rsa_key", b"1")
    wait_for(host.kept, seconds=60)
    assert host.kept()["files"] == 2  # var/log is one
    host.server.stop()
    host.server.start()
    wait_for(lambda: host.server.get("/v1/hosts/n1")["state"] == "ready", seconds=60)
    assert host.kept()["files"] == 2
    host.write("etc/ssh/ssh_host_rsa_key", b"2")
    host.shutdown()
    host.boot()
    assert (host.root / "etc/ssh/ssh_host_rsa_key").read_bytes() == b"2"


def test_a_host_that_is_shut_down_at_once_waits_a_moment_for_the_server(host):
    """Neither the process that saves nor the connection need be there yet when the order comes."""
    host.power_on()
    host.write("etc/ssh/ssh_host_rsa_key", b"1")
    host.process = host.run()
    wait_for(lambda: host.log().count("agent starts") == 2)
    host.shutdown()
    assert host.kept()["files"] == 2


def test_the_process_that_saves_is_locked_in(host):
    """Root, for others' files, and nothing else. That it can do all that it has to, the other tests see: a call that its list forgot
    ends it."""
    host.boot()
    status = wait_for(lambda: (s := host.keep_status()) and s["NoNewPrivs"] == "1" and s)
    assert status["Seccomp"] == ("0" if INSTRUMENTED else "2") and set(status["Uid"].split()) == {"0"}


def test_where_nobody_has_put_them_back_nothing_is_saved(host):
    """The first process has left no word of it: what the server has may be more than what is here."""
    host.power_on()
    (host.folder / "run/kept").unlink()
    host.start()
    event = wait_for(lambda: host.events("keep-failed"))[0]
    assert "they were not put back when it booted" in event["text"] and "child ended" not in host.log()


def test_files_over_the_limit_are_an_event_and_those_that_fitted_stay(server, store):
    server.configure([N1], top='keep-limit = "64K"')
    host = Host(server.start())
    try:
        host.boot()
        host.write("etc/ssh/ssh_host_rsa_key", b"first")
        host.shutdown()
        kept = host.kept()
        host.boot()
        host.write("var/log/huge", os.urandom(100_000))
        host.shutdown()
        event, = host.events("keep-too-large")
        assert "/var/log/huge alone 97, and keep-limit is 64 KiB" in event["text"] and "saved last stay" in event["text"]
        assert host.kept() == kept
        assert server.get("/v1/hosts/n1")["keep_trouble"] == event["text"]
        assert host.boot() == 0
        assert (host.root / "etc/ssh/ssh_host_rsa_key").read_bytes() == b"first"
        host.write("var/log/small", b"x")
        host.shutdown()
        assert host.kept()["files"] == 3 and server.get("/v1/hosts/n1")["keep_trouble"] == ""
    finally:
        host.close()


def test_what_was_too_large_is_saved_once_it_is_not(server, store):
    """The files are the same as when they were refused: what has changed is the limit, or what lay beside them."""
    server.configure([N1], top='keep-limit = "64K"')
    host = Host(server.start())
    try:
        host.boot()
        huge = host.write("var/log/huge", os.urandom(100_000))
        wait_for(lambda: host.events("keep-too-large"), seconds=60)
        huge.unlink()
        host.shutdown()
        assert host.server.get("/v1/hosts/n1")["keep_trouble"] == ""
        host.boot()
        host.write("var/log/huge", os.urandom(100_000))
        wait_for(lambda: len(host.events("keep-too-large")) == 2, seconds=60)
        server.stop()
        server.configure([N1], top='keep-limit = "1M"')
        server.start()
        wait_for(lambda: server.get("/v1/hosts/n1")["state"] == "ready", seconds=60)
        host.shutdown()
        assert host.kept()["size"] > 100_000
    finally:
        host.close()


def test_a_larger_limit_takes_more_than_the_default(server, store):
    server.configure([N1], top='keep-limit = "4M"')
    host = Host(server.start())
    try:
        host.boot()
        data = os.urandom(2_000_000)
        host.write("var/log/large", data)
        host.shutdown()
        assert host.kept()["size"] > 2_000_000
        assert host.boot() == 0 and (host.root / "var/log/large").read_bytes() == data
    finally:
        host.close()


def test_dropped_files_do_not_come_back_by_the_end_of_the_boot_that_has_them(host):
    host.boot()
    host.write("etc/ssh/ssh_host_rsa_key", b"old")
    host.shutdown()
    host.boot()
    done = api_room.dompool(host.server, "host", "drop-kept", "n1")
    assert done.returncode == 0 and done.stdout == "" and host.kept() is None
    host.write("etc/ssh/ssh_host_rsa_key", b"older still")
    host.shutdown()
    assert host.kept() is None and "dropped this host's kept files" in host.log()
    assert host.boot() == 0
    assert not (host.root / "etc/ssh/ssh_host_rsa_key").exists()
    host.write("etc/ssh/ssh_host_rsa_key", b"new")
    host.shutdown()
    assert host.kept()["files"] == 2
    assert api_room.dompool(host.server, "host", "drop-kept", "nobody").returncode == 4


def test_files_that_cannot_be_put_back_are_not_overwritten_by_others(host):
    host.boot()
    host.write("etc/ssh/ssh_host_rsa_key", b"old")
    host.shutdown()
    kept = host.kept()
    assert host.power_on(keep="/var/log\n") == 1  # another image: it does not know of the keys
    host.start()
    host.write("var/log/x", b"new")
    host.shutdown()
    event, = host.events("keep-failed")
    assert "'/etc/ssh/ssh_host_rsa_key' is none of this image's kept paths" in event["text"]
    assert host.kept() == kept
    assert host.boot() == 0 and (host.root / "etc/ssh/ssh_host_rsa_key").read_bytes() == b"old"


def test_a_link_in_the_image_leads_nothing_out(host):
    host.boot()
    host.write("var/log/app/x", b"old")
    host.shutdown()
    outside = host.folder / "outside"
    outside.mkdir()
    assert host.power_on() == 0
    shutil.rmtree(host.root / "var/log")
    os.symlink(outside, host.root / "var/log")
    host.token = boot_token(host.server.state, host.mac)
    assert "are not put back" not in host.log()
    assert host.run("--restore").wait(90) == 1
    assert "kept files are not put back, and nothing is saved in this boot: putting back /var/log: Not a directory" in host.log()
    assert os.listdir(outside) == []


def test_a_token_gives_the_kept_files_once(host):
    host.boot()
    host.write("etc/ssh/ssh_host_rsa_key", b"old")
    host.shutdown()
    host.power_on()
    thief = FakeAgent(netns.SERVER, api_room.AGENT_PORT, token=host.token, netns=host.server.lan.name)
    thief.start()
    wait_for(lambda: thief.refused)
    thief.stop()
    assert host.events("agent-refused")


class Speaker:
    """A host's agent that says what it likes of kept files."""

    def __init__(self, server):
        self.agent = api_room.connect_agent(server)

    def ask(self, name, **fields):
        before = len(self.agent.lines)
        self.agent.send(name, **fields)
        return wait_for(lambda: next((m for m in self.agent.lines[before:] if m["m"] in LINES), None))


def test_an_agent_that_lies_of_its_files_gets_no_archive_stored(running):
    s = Speaker(running)
    assert s.ask("AGENT_KEEP_GET", offset=0)["size"] == 0
    sha = "11" * 32
    offer = {"sha256": sha, "size": 8, "n_files": 1}
    assert s.ask("AGENT_KEEP_PART", sha256=sha, size=8, offset=0, data="AAAA")["verdict"] == "busy"  # never offered
    assert s.ask("AGENT_KEEP_OFFER", **{**offer, "size": 1 << 40})["verdict"] == "too-large"
    assert s.ask("AGENT_KEEP_OFFER", **offer)["verdict"] == "want"
    s.agent.send("AGENT_KEEP_PART", sha256=sha, size=8, offset=0, data="AAAAAAAAAAAA")  # nine bytes
    wait_for(lambda: [e for e in running.get("/v1/events?kind=security")["events"] if e["what"] == "keep-part"])
    assert s.ask("AGENT_KEEP_OFFER", **offer)["verdict"] == "want"
    s.agent.send("AGENT_KEEP_PART", sha256=sha, size=8, offset=0, data="AAAAAAAAAAA=")  # eight, of another hash
    wait_for(lambda: len([e for e in running.get("/v1/events?kind=security")["events"] if e["what"] == "keep-part"]) == 2)
    assert running.get("/v1/hosts/n1")["kept"] is None
    s.agent.stop()


def test_the_command_line_shows_them(host):
    host.boot()
    host.write("etc/ssh/ssh_host_rsa_key", b"x" * 2000)
    host.shutdown()
    text = api_room.dompool(host.server, "host", "show", "n1").stdout
    assert re.search(r"^kept files:? +2$", text, re.M) and "kept bytes" in text and "kept at" in text
