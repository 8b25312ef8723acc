# SPDX-License-Identifier: Apache-2.0
"""A real dompoold in a network namespace: configuration, start, API by its Unix socket, log, clean stop."""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import netns

TOP = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", TOP / "build"))
DOMPOOLD = BUILD / "src" / "dompoold"
ROLES = ("boot", "files", "api", "core", "work", "capture")


class UnixConnection(http.client.HTTPConnection):
    """http.client over a Unix socket."""

    def __init__(self, path, timeout=30):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def wait_for(what, seconds=60, every=0.02):
    """The first true value of what(); fails the test after that time, which is a loaded machine's: what is promised sooner says so."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < end, f"did not happen within {seconds} s: {what}"
        time.sleep(every)


class Server:
    """dompoold on a Lan. `folder` holds its state, configuration and log."""

    def __init__(self, lan, folder):
        self.lan, self.folder = lan, pathlib.Path(folder)
        self.folder.chmod(0o755)  # pytest's folders are shut for the roles' users
        for parent in self.folder.parents:
            if str(parent).startswith("/tmp/"):
                parent.chmod(parent.stat().st_mode | 0o011)
        self.state, self.run_dir = self.folder / "state", self.folder / "run"
        self.store, self.guests = self.folder / "images", self.folder / "guests"
        self.config, self.log_file = self.folder / "dompoold.conf", self.folder / "log"
        self.socket = self.run_dir / "api.sock"
        self.process = None
        self.deaths_allowed = False
        for path in (self.store, self.guests):
            path.mkdir(exist_ok=True)

    # ---- configuration ----

    def configure(self, hosts=(), top="", network="", api=""):
        """Writes the configuration. `hosts` are dicts of options with `name`; the other texts are added to their sections."""
        def host(h):
            options = " ".join(f'{k} = "{v}"' for k, v in h.items() if k != "name")
            return f'host "{h["name"]}" {{ {options} }}\n'

        self.config.write_text(
            f'state-dir = "{self.state}"\nrun-dir = "{self.run_dir}"\nimage-store = "{self.store}"\n'
            f'guest-files = "{self.guests}"\n{top}\n'
            f'network {{\n interface = "br0"\n subnet = "{netns.SUBNET}"\n range = "10.77.0.100-10.77.0.199"\n {network}\n}}\n'
            f'api {{\n socket = "{self.socket}"\n {api}\n}}\n' + "".join(host(h) for h in hosts))

    # ---- life ----

    def start(self, *options, ready=True, env=None, debug=True):
        log = open(self.log_file, "ab")
        self.start_offset = self.log_file.stat().st_size
        self.process = self.lan.popen(DOMPOOLD, *(["-d"] if debug else []), "-c", self.config, *options, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                      env={**os.environ, **(env or {})})
        log.close()
        if ready:
            self.wait_log(r"^parent: ready ", 60, self.start_offset)  # one that cannot start ends, which is seen at once
        return self

    def stop(self, sig=signal.SIGTERM, seconds=30):
        """Stops it and checks that nothing is left of it."""
        if self.process is None:
            return
        pids = [self.process.pid, *self.roles().values()]
        self.process.send_signal(sig)
        try:
            code = self.process.wait(seconds)
        finally:
            self.kill()
        assert code == 0, self.tail()
        for pid in pids:
            assert not pathlib.Path(f"/proc/{pid}").exists(), f"process {pid} is left"
        assert not self.socket.exists(), "the API's socket is left"
        if not self.deaths_allowed:
            assert not re.findall(r"^parent: role (?:died|ended|crashed).*", self.log(), re.M), self.tail()

    def kill(self):
        """kill -9 of the parent; the roles must follow by themselves."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def crash(self):
        """The same, and the roles have followed: what is started next meets nothing of it."""
        roles = list(self.roles().values())
        self.kill()
        wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in roles))

    # ---- looking inside ----

    def log(self, start=0):
        return self.log_file.read_bytes()[start:].decode(errors="replace")

    def tail(self, lines=40):
        return "\n".join(self.log().splitlines()[-lines:])

    def wait_log(self, pattern, seconds=60, start=0):
        """Waits for a line of the log; returns the match."""
        def look():
            found = re.search(pattern, self.log(start), re.M)
            if not found and self.process and self.process.poll() is not None:
                raise AssertionError(f"dompoold ended with {self.process.returncode}:\n{self.tail()}")
            return found
        try:
            return wait_for(look, seconds)
        except AssertionError as e:
            raise AssertionError(f"no line {pattern!r} in the log:\n{self.tail()}") from e

    def roles(self):
        """Process ids by role."""
        found = {}
        if self.process is None:
            return found
        try:
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        except FileNotFoundError:  # the parent has ended
            return found
        for child in children:
            try:
                name = pathlib.Path(f"/proc/{child}/comm").read_text().strip()
            except FileNotFoundError:  # a role that ended between the two looks
                continue
            if name.startswith("dompoold:"):
                # the kernel keeps 15 bytes of it
                found |= {role: int(child) for role in ROLES if f"dompoold:{role}"[:15] == name}
        return found

    def status(self, role):
        """/proc/PID/status of a role as a dict."""
        text = pathlib.Path(f"/proc/{self.roles()[role]}/status").read_text()
        return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)

    def kill_role(self, role, sig=signal.SIGKILL):
        """Kills a role and waits until another process plays it and is ready."""
        self.deaths_allowed = True
        old, start = self.roles()[role], len(self.log())
        os.kill(old, sig)
        self.wait_log(rf"^parent: role ready role={role} ", start=start)
        assert self.roles()[role] != old

    # ---- the API ----

    def api(self, method, path, body=None, headers=None, timeout=90):
        """(status, JSON) of a request on the Unix socket."""
        connection = UnixConnection(self.socket, timeout)
        try:
            headers = dict(headers or {})
            data = None
            if body is not None:
                data = json.dumps(body)
                headers.setdefault("Content-Type", "application/json")
            connection.request(method, path, body=data, headers=headers)
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else None
        finally:
            connection.close()

    def get(self, path, status=200):
        got, answer = self.api("GET", path)
        assert got == status, answer
        return answer
