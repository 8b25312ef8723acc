# SPDX-License-Identifier: Apache-2.0
"""
What the benchmarks of DHCP and TFTP share beyond rig.py: a network of 65,000 addresses, packet loss, other people's servers, ours.

Peers that are not installed are downloaded from Debian's archive and unpacked below the build folder; nothing is installed.
"""

import glob
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import manyhosts
import rig
from rig import ip

SERVER = "10.99.0.1"
CLIENT = "10.99.0.2"           # also the relay agent
MANY = ["10.98.0.0/16", "10.99.128.0/17"]  # any number of sources, behind CLIENT


class Peers:
    """Programs of Debian packages, unpacked once, each into a folder of its own below FOLDER: atftpd's package has an in.tftpd, too."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    @property
    def env(self):
        libraries = [str(path) for p in ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu") for path in self.folder.glob("*/" + p)]
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}

    def get(self, program, *packages):
        """The path of PROGRAM; None (said) when the archive cannot be asked."""
        root = self.folder / packages[0]
        for name in (program, root / program.lstrip("/")):
            if os.path.exists(name):
                return str(name)
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *packages], cwd=folder, check=False,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            for deb in glob.glob(folder + "/*.deb"):
                subprocess.run(["dpkg-deb", "-x", deb, root], check=True)
        path = root / program.lstrip("/")
        if path.exists():
            return str(path)
        print(f"{packages[0]}: not to be had: {done.stderr.strip()}")
        return None


class Wire(rig.Wire):
    """rig's two namespaces with a larger network and a folder for all; a context manager, which ends what was started in it."""

    def __init__(self):
        super().__init__([CLIENT + "/16"])
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dompool-bench-"))
        self.folder.chmod(0o755)
        self.running = []
        ip("-n", self.server.name, "addr", "flush", "dev", "br0")
        ip("-n", self.server.name, "addr", "add", SERVER + "/16", "dev", "br0")
        for net in MANY:  # the clients' kernel takes whatever is sent to these for its own
            ip("-n", self.load.name, "route", "add", "local", net, "dev", "lo")
            ip("-n", self.server.name, "route", "add", net, "via", CLIENT)
        time.sleep(0.3)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for server in list(self.running):
            server.stop()
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def generate(self, *argv, timeout=120):
        """A load generator's answer."""
        done = self.load.run(*rig.on_cpu(rig.LOAD_CPU, *argv), check=False, timeout=timeout, capture_output=False, stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    def lose(self, per_mille):
        """Drops that many of a thousand UDP packets at each side's ingress; 0: none."""
        for ns in (self.server, self.load):
            ns.run("nft", "flush", "ruleset")
            if per_mille:
                ns.run("nft", "add table ip loss; add chain ip loss in { type filter hook input priority 0; }; "
                       f"add rule ip loss in meta l4proto udp numgen random mod 1000 < {per_mille} drop")


class Group:
    """A control group that counts CPU time: version 1's or 2's. What is started by its argv() stays in it."""

    def __init__(self, name):
        first = pathlib.Path("/sys/fs/cgroup/cpuacct")
        second = pathlib.Path("/sys/fs/cgroup/unified")
        top = first if first.is_dir() else second if second.is_dir() else pathlib.Path("/sys/fs/cgroup")
        self.path = top / f"dompool-bench-{os.getpid()}-{name}"
        self.path.mkdir(exist_ok=True)

    def argv(self, *argv):
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.path / "cgroup.procs"), *argv]

    def seconds(self):
        usage = self.path / "cpuacct.usage"
        if usage.exists():
            return int(usage.read_text()) / 1e9
        words = (self.path / "cpu.stat").read_text().split()
        return int(words[words.index("usage_usec") + 1]) / 1e6

    def close(self):
        try:
            self.path.rmdir()
        except OSError:
            pass  # its last process is not quite gone: an empty group is left


class Server:
    """A server under load: how it starts is the subclass's or the caller's; what it costs and how it ends is here."""

    def __init__(self, wire, name, argv, env=None):
        self.wire, self.name, self.argv, self.env = wire, name, argv, env
        self.process = self.group = None
        self.placed = rig.on_cpu
        self.log_path = wire.folder / f"{name}.log"

    def start(self):
        with open(self.log_path, "ab") as log:
            self.group = Group(self.name)
            argv = self.group.argv(*self.wire.server.argv(*self.placed(rig.SERVER_CPU, *self.argv)))  # ip shows its child another /sys
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.env, start_new_session=True)
        self.wire.running.append(self)

    def stop(self):
        """Ends it and whatever it has forked: all processes of the server's namespace."""
        if not self.process:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                pass
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.process = None
        self.group.close()
        self.wire.running.remove(self)

    def pids(self):
        return self.wire.server.pids()

    def cpu(self):
        """Seconds of CPU time of all its processes, with threads and children that have ended."""
        return self.group.seconds()

    def memory(self, pids=None):
        """Bytes: proportional set size of all its processes, or of these."""
        total = 0
        for pid in pids or self.pids():
            try:
                for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1]) * 1024
            except OSError:
                pass
        return total

    def log(self):
        return self.log_path.read_text(errors="replace")


class Dompoold(Server):
    """Ours, with the packaged defaults but for folders, the network and the hosts. HOSTS: the lines of the configuration's host blocks."""

    def __init__(self, wire, build, hosts="", network="", name="dompool"):
        self.path = wire.folder / name
        self.store = self.path / "images"
        (self.store / "loaders").mkdir(parents=True)
        (self.store / "versions").mkdir()
        (self.store / "tags").mkdir()
        (self.path / "guests").mkdir()
        self.conf = self.path / "dompoold.conf"
        self.conf.write_text(f"""
state-dir = "{self.path}/state"
run-dir = "{self.path}/run"
image-store = "{self.store}"
guest-files = "{self.path}/guests"
network {{
  interface = "br0"
  subnet = "10.99.0.0/16"
  {network or 'range = "10.99.1.0-10.99.1.255"'}
}}
api {{ socket = "{self.path}/run/api.sock" }}
{hosts}
""")
        super().__init__(wire, name, [os.path.join(build, "src/dompoold"), "-c", self.conf])

    def launch(self):
        """Starts it and waits for nothing."""
        super().start()

    def start(self):
        offset = self.log_path.stat().st_size if self.log_path.exists() else 0
        self.launch()
        end = time.monotonic() + 60
        while "boot: policy generation=" not in self.log()[offset:]:
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"dompoold does not start:\n{self.log()[offset:]}")
            time.sleep(0.02)

    def add_hosts(self, hosts):
        """More hosts than a configuration file may hold: copies of the first one's row in core's database with these differences (dicts).
        Leaves the server running."""
        self.start()
        self.stop()
        manyhosts.fill(self.path / "state/core/dompool.db", hosts)
        self.start()  # core writes the policy for all
