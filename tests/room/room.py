# SPDX-License-Identifier: Apache-2.0
"""A virtual room as the tests see it: made by `dompool lab`, watched through the API's Unix socket, typed at through serial consoles."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pexpect
import pexpect.fdpexpect

HERE = os.path.dirname(os.path.abspath(__file__))
GUESTS = os.path.join(HERE, "..", "data", "guests")
NAME = "roomtest"
PYTHON = "/usr/bin/python3"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=120):
        super().__init__("dompool", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Room:
    def __init__(self, build_dir, firmware, kernel_args="", name=NAME, loader="", nic="", store="", nics=1, disk=""):
        self.programs = os.path.join(build_dir, "src")
        self.name = name
        self.netns = "dompool-" + name
        self.firmware = firmware
        self.kernel_args = kernel_args
        self.loader = loader
        self.nic = nic
        self.nics = ["--nics", str(nics)] if nics > 1 else []
        self.disk = ["--disk", str(disk)] if disk else []
        self.store_option = ["--store", str(store)] if store else []
        self.dir = "/run/dompool-" + name
        self.socket = self.dir + "/run/api.sock"
        self.progress = ""
        self.n_started = 0

    # --- making and ending ---

    def lab(self, *words, check=True, timeout=600):
        argv = [os.path.join(self.programs, "dompool"), "lab", *words, "--name", self.name]
        r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout)
        if check and r.returncode != 0:
            raise AssertionError(f"{' '.join(argv)}: exit {r.returncode}\n{r.stdout}{r.stderr}")
        return r

    def up(self):
        self.down()
        words = ["up", "--json", *self.store_option, *self.nics, *self.disk, "--hosts", str(len(self.firmware.split(","))), "--firmware", self.firmware]
        if self.kernel_args:
            words += ["--kernel-args", self.kernel_args]
        if self.loader:
            words += ["--loader", self.loader]
        if self.nic:
            words += ["--nic", self.nic]
        r = self.lab(*words)
        self.progress = r.stderr
        return json.loads(r.stdout)

    def up_without_hosts(self):
        """The room and its server; every host is off. `lab up` gives up on the first host at once and is told to leave the rest."""
        self.down()
        words = ["--hosts", str(len(self.firmware.split(","))), "--firmware", self.firmware, "--loader", self.loader, "--nic", self.nic]
        self.progress = self.lab("up", "--timeout", "1s", "--keep", *self.store_option, *self.nics, *self.disk, *words, "--kernel-args", self.kernel_args, check=False).stderr
        for host in [h["name"] for h in self.status()["hosts"]]:
            self.lab("power", host, "off", check=False)

    def down(self):
        self.lab("down")

    def status(self):
        return json.loads(self.lab("status", "--json").stdout)

    def host_status(self, host):
        return next(h for h in self.status()["hosts"] if h["name"] == host)

    # --- the server ---

    def server_pid(self):
        return self.status()["dompoold"]

    def role_pid(self, role):
        """The process of a role of dompoold: a child of the parent with --role=ROLE in its command line."""
        parent = self.server_pid()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    ppid = int(f.read().rsplit(")", 1)[1].split()[1])
                with open(f"/proc/{pid}/cmdline") as f:
                    words = f.read().split("\0")
            except OSError:
                continue
            if ppid == parent and f"--role={role}" in words:
                return int(pid)
        return 0

    def kill_role(self, role):
        pid = self.role_pid(role)
        assert pid, f"no process of the role {role}"
        os.kill(pid, signal.SIGKILL)
        return pid

    # --- the API ---

    def request(self, method, path, body=None):
        c = UnixConnection(self.socket)
        try:
            c.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
            r = c.getresponse()
            text = r.read().decode()
            return r.status, json.loads(text) if text else None
        finally:
            c.close()

    def get(self, path):
        status, answer = self.request("GET", path)
        assert status == 200, f"GET {path}: {status} {answer}"
        return answer

    def host(self, name):
        return self.get(f"/v1/hosts/{name}")

    def domains(self):
        return {d["name"]: d for d in self.get("/v1/domains")["domains"]}

    def trace(self, host):
        """Stages of the host's newest boot: name -> (wall milliseconds, text)."""
        boot = self.get(f"/v1/hosts/{host}/trace")["boots"][0]
        return {s["stage"]: (s["time_ms"], s.get("text", "")) for s in boot["stages"]}

    def events(self, after=0):
        return self.get(f"/v1/events?after={after}&limit=1000")["events"]

    def last_event(self):
        """Number of the newest event; the log is read in pages."""
        last = 0
        while True:
            page = self.get(f"/v1/events?after={last}&limit=1000")["events"]
            if not page:
                return last
            last = page[-1]["id"]

    def operation_end(self, number, timeout=120):
        """Waits for an operation; the server may be down meanwhile."""
        def ended():
            op = self.get(f"/v1/operations/{number}?wait=5")
            return op if op["state"] in ("done", "failed") else None
        return self.wait(ended, timeout, f"the end of operation {number}")

    def create(self, file, host):
        with open(os.path.join(GUESTS, file)) as f:
            return self.request("POST", "/v1/domains", {"host": host, "file": file, "config": f.read()})

    def create_ending(self, name, host, how, **options):
        """Creates a guest that ends at once: p powers off, r reboots, c crashes, - lives on (ending.S)."""
        kernel = os.path.join(self.dir, "guests", "ending")
        if not os.path.exists(kernel):
            subprocess.run(["gcc", "-m32", "-nostdlib", "-static", "-no-pie", "-Wl,-Ttext-segment=0x100000,-e,start,--build-id=none",
                            "-o", kernel, os.path.join(HERE, "ending.S")], check=True)
        options = {"name": name, "type": "pvh", "memory": 16, "kernel": "ending", "extra": how, **options}
        config = "".join(f"{k} = {json.dumps(v)}\n" for k, v in options.items())
        status, op = self.request("POST", "/v1/domains", {"host": host, "file": name, "config": config})
        assert status == 202, op
        end = self.operation_end(op["id"])
        assert end["state"] == "done", end

    # --- the client ---

    def cli(self, *words, check=True, timeout=180):
        argv = [os.path.join(self.programs, "dompool"), "--server", "unix:" + self.socket, *words]
        r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout)
        if check and r.returncode != 0:
            raise AssertionError(f"{' '.join(argv)}: exit {r.returncode}\n{r.stdout}{r.stderr}")
        return r

    def console(self, domain):
        """`dompool domain console` on a terminal of its own."""
        return pexpect.spawn(os.path.join(self.programs, "dompool"), ["--server", "unix:" + self.socket, "domain", "console", domain],
                             timeout=120, encoding="utf-8", codec_errors="replace")

    def store(self):
        with open(self.dir + "/room.json") as f:
            return json.load(f)["store"]

    def build_image(self, recipe, programs=None, timeout=600):
        """Into the room's store, beside micro; nothing to do where it is there."""
        argv = [os.path.join(programs or self.programs, "dompool"), "image", "build", recipe, "--store", self.store()]
        r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
        assert r.returncode == 0, r.stdout

    def build_own_image(self, name, recipe, folder):
        """The same with a recipe of one's own, of this text: a tree of recipes and programs in `folder` is what dompool finds."""
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "images")
        shutil.copytree(source, folder + "/images")
        os.mkdir(f"{folder}/images/{name}")
        with open(f"{folder}/images/{name}/recipe.conf", "w") as f:
            f.write(recipe)
        os.mkdir(folder + "/src")
        for program in ("dompool", "dompool-init", "dompool-agent", "dompool-hv", "dompool-vif"):
            shutil.copy2(os.path.join(self.programs, program), folder + "/src")
        with open(folder + "/src/source-root", "w") as f:
            f.write(folder + "\n")
        self.build_image(name, programs=folder + "/src")

    # --- the network ---

    def netns_run(self, *argv, check=True, timeout=60, **kw):
        return subprocess.run(["ip", "netns", "exec", self.netns, *argv], check=check, timeout=timeout, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, **kw)

    def ping(self, address, seconds=120):
        """True when the address answers from the server's network within the time: an emulated guest boots for half a minute."""
        until = time.monotonic() + seconds
        while True:
            if self.netns_run("busybox", "ping", "-c", "1", "-W", "1", address, check=False).returncode == 0:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(0.2)

    def tap_counters(self, host):
        """(bytes, packets) that went over the bridge to the host and from it."""
        out = subprocess.run(["ip", "-n", self.netns, "-s", "-j", "link", "show", "tap" + host[1:]], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
        s = json.loads(out)[0]["stats64"]
        return s["rx"]["bytes"] + s["tx"]["bytes"], s["rx"]["packets"] + s["tx"]["packets"]

    # --- a host's serial console ---

    def shell(self, host, command, timeout=120):
        """Runs a command in the shell on the host's serial console (kernel argument dompool.shell=1); its output."""
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(f"{self.dir}/{host}/serial.sock")
        # detach: the file descriptor is pexpect's from now on, and closed by it.
        with pexpect.fdpexpect.fdspawn(s.detach(), timeout=timeout, encoding="utf-8", codec_errors="replace") as tty:
            self.n_started += 1
            mark = f"mark{self.n_started}"
            # The typed line is echoed: the marks are written so that their echo does not look like them.
            tty.send(f"\r\necho BEGIN'-'{mark}; {command}; echo END'-'{mark}=$?\r\n")
            tty.expect(f"BEGIN-{mark}\r*\n")  # hvc0 and Xen's serial line each put a carriage return before the newline
            tty.expect(f"END-{mark}=(\\d+)")
            out, status = tty.before, int(tty.match.group(1))
        # Messages of the kernel and of the daemons may stand between.
        lines = [line for line in out.replace("\r", "").split("\n") if line and not re.match(r"^\[ *\d+\.\d+\]|^\(XEN\)|^<\d>", line)]
        return status, "\n".join(lines)

    def serial_log(self, host):
        with open(f"{self.dir}/log/{host}.serial.log", errors="replace") as f:
            return f.read()

    # --- waiting ---

    def wait(self, fn, timeout, what):
        """Calls fn until it returns something true; a server that is down for a moment is no error."""
        until = time.monotonic() + timeout
        last = None
        while time.monotonic() < until:
            try:
                r = fn()
                if r:
                    return r
            except (OSError, http.client.HTTPException, AssertionError, KeyError, StopIteration) as e:
                last = e
            time.sleep(0.2)
        raise AssertionError(f"{what}: not within {timeout} s ({last})")

    def wait_host(self, host, state, timeout):
        return self.wait(lambda: self.host(host)["state"] == state, timeout, f"{host} is {state}")

    def wait_domain(self, name, state, timeout=120):
        return self.wait(lambda: self.domains()[name]["state"] == state and self.domains()[name], timeout, f"{name} is {state}")
