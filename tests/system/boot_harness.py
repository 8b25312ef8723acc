# SPDX-License-Identifier: Apache-2.0
"""A real dompoold in one network namespace and clients in another, for the tests of DHCP and TFTP.

The two are joined by a veth pair, so no packet leaves the machine. The image store holds a made-up image and loaders of known
bytes: what is tested here is how they travel, not that they boot.
"""
import hashlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import fake_store

SERVER = "10.88.0.1"
RANGE = ("10.88.0.100", "10.88.0.119")
POOL_MAC = "52:54:00:88:00:01"    # host n1, profile pool, address from the range
FIXED_MAC = "52:54:00:88:00:02"   # host n2, profile local, fixed address
FIXED_ADDRESS = "10.88.0.50"
OTHER_MAC = "52:54:00:88:00:03"   # host n3, profile pool
UNKNOWN_MAC = "52:54:00:88:00:99"

_serial = itertools.count()


def programs_dir():
    """The folder of the built programs: $BUILD_DIR/src, or build/src of the source tree."""
    root = pathlib.Path(__file__).resolve().parents[2]
    return pathlib.Path(os.environ.get("BUILD_DIR", root / "build")) / "src"


def run(*argv, check=True, **kwargs):
    return subprocess.run(argv, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs)


def make_image(store, files):
    """Puts a version with these files into an image store and tags it as micro's current one. Returns its id."""
    digest = hashlib.sha256(b"".join(name.encode() + data for name, data in sorted(files.items()))).hexdigest()
    folder = store / "versions" / digest
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    manifest = {
        "id": digest, "name": "micro", "recipe": "micro", "xen_version": "4.17", "kernel_version": "6.1",
        "xen_args": "dom0_mem=512M", "kernel_args": "quiet", "built_ms": 0,
        "files": [{"name": n, "size": len(d), "sha256": hashlib.sha256(d).hexdigest()} for n, d in files.items()],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (store / "tags").mkdir()
    (store / "tags" / "micro.json").write_text(json.dumps({"current": digest, "previous": ""}))
    return digest


def say(kind, mac, **more):
    """A DHCP message for Room.dhcp(): ciaddr, giaddr, requested, server, vendor, arch, user_class, uuid, xid, raw (whole UDP payload as hex)."""
    return {"kind": kind, "mac": mac, **more}


# Runs on the client's side. scapy takes the answers apart: an implementation that is not ours.
DHCP_SCRIPT = r"""
import json, socket, struct, sys, time
from scapy.all import BOOTP, DHCP, IP, UDP, Ether, Raw, mac2str
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
sock.bind(("cli0", 0))

def packet(s, xid):
    mac = mac2str(s["mac"])
    options = [("message-type", s["kind"])]
    for key, name in (("requested", "requested_addr"), ("server", "server_id"), ("vendor", "vendor_class_id")):
        if s.get(key):
            options.append((name, s[key]))
    if "arch" in s:
        options.append((93, struct.pack(">H", s["arch"])))
    if s.get("uuid"):
        options.append((97, b"\0" + bytes.fromhex(s["uuid"])))
    if s.get("user_class"):
        options.append((77, s["user_class"].encode()))
    head = Ether(src=s["mac"], dst="ff:ff:ff:ff:ff:ff") / IP(src=s.get("ciaddr", "0.0.0.0"), dst=s.get("to", "255.255.255.255"))
    if s.get("raw") is not None:
        return head / UDP(sport=68, dport=67) / Raw(bytes.fromhex(s["raw"]))
    bootp = BOOTP(chaddr=mac, xid=xid, ciaddr=s.get("ciaddr", "0.0.0.0"), giaddr=s.get("giaddr", "0.0.0.0"), flags=0x8000)
    return head / UDP(sport=68, dport=67) / bootp / DHCP(options=options + ["end"])

def answer(xid, wait):
    end = time.monotonic() + wait
    while time.monotonic() < end:
        sock.settimeout(max(0.01, end - time.monotonic()))
        try:
            p = Ether(sock.recv(2000))
        except socket.timeout:
            return None
        except OSError:  # the link was taken down in between
            continue
        if BOOTP in p and p[BOOTP].op == 2 and p[BOOTP].xid == xid:
            b = p[BOOTP]
            options = {}
            for o in p[DHCP].options:
                if isinstance(o, tuple):
                    options[str(o[0])] = [v.decode("latin1") if isinstance(v, bytes) else v for v in o[1:]]
            return {"type": options["message-type"][0], "address": b.yiaddr, "next": b.siaddr, "file": b.file.rstrip(b"\0").decode(),
                    "server": options.get("server_id", [None])[0], "options": options, "size": len(p[UDP].payload), "to": p[IP].dst}
    return None

# What was on the wire since: megabytes of files, maybe, which scapy would read for longer than an answer is waited for.
def forget():
    sock.setblocking(False)
    while True:
        try:
            sock.recv(1)
        except BlockingIOError:
            break
        except OSError:  # news of a link that was down meanwhile: told once
            continue
    sock.setblocking(True)

xid = 0x1000
for line in sys.stdin:
    spec = json.loads(line)
    forget()
    out = []
    for s in spec["says"]:
        xid += 1
        try:
            sock.send(bytes(packet(s, xid)))
        except OSError:  # news of a link that was down meanwhile: told once
            sock.send(bytes(packet(s, xid)))
        out.append(answer(xid, spec["wait"]) if spec["wait"] else None)
    print(json.dumps(out), flush=True)
"""


class Room:
    """Namespaces, configuration, image store and a running server. A context manager."""

    def __init__(self):
        name = f"dpb{os.getpid()}-{next(_serial)}"
        self.server_ns, self.client_ns = name + "s", name + "c"
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="dompool-boot-"))
        self.path.chmod(0o755)
        self.store = self.path / "images"
        self.log_path = self.path / "dompoold.log"
        self.process = None
        self.talker = None
        self.files = {"xen.gz": fake_store.make_xen() + b"xen" * 40000, "vmlinuz": fake_store.make_kernel() + b"linux" * 30001,
                      "initrd": fake_store.make_cpio({"init": bytes(range(256)) * 4096})}

    def __enter__(self):
        try:
            self._make_net()
            self._make_files()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        self.stop()
        if self.talker:
            self.talker.stdin.close()
            self.talker.wait(30)
        for ns in (self.server_ns, self.client_ns):
            run("ip", "netns", "del", ns, check=False)
        shutil.rmtree(self.path, ignore_errors=True)

    def _make_net(self):
        run("ip", "netns", "add", self.server_ns)
        run("ip", "netns", "add", self.client_ns)
        run("ip", "link", "add", "srv0", "netns", self.server_ns, "type", "veth", "peer", "name", "cli0", "netns", self.client_ns)
        for ns in (self.server_ns, self.client_ns):
            run("ip", "-n", ns, "link", "set", "lo", "up")
        run("ip", "-n", self.server_ns, "addr", "add", f"{SERVER}/24", "dev", "srv0")
        run("ip", "-n", self.server_ns, "link", "set", "srv0", "up")
        self.be(POOL_MAC)

    def _make_files(self):
        loaders = self.store / "loaders"
        (loaders / "grub/x86_64-efi").mkdir(parents=True)
        self.loaders = {
            "pxelinux.0": b"pxelinux" * 5000, "ldlinux.c32": b"ldlinux" * 1000, "mboot.c32": b"mboot" * 512,
            "empty.bin": b"", "exact.bin": b"e" * (512 * 8), "grub/x86_64-efi/core.efi": b"MZ" * 60000,
        }
        for name, data in self.loaders.items():
            (loaders / name).write_bytes(data)
        self.image = make_image(self.store, self.files)
        (self.path / "guests").mkdir()
        self.conf = self.path / "dompoold.conf"
        self.conf.write_text(f"""
state-dir = "{self.path}/state"
run-dir = "{self.path}/run"
image-store = "{self.store}"
guest-files = "{self.path}/guests"
console = "com1,vga"
network {{
  interface = "srv0"
  subnet = "10.88.0.0/24"
  range = "{RANGE[0]}-{RANGE[1]}"
  lease-time = "10m"
}}
api {{ socket = "{self.path}/run/api.sock" }}
host "n1" {{ mac = "{POOL_MAC}" profile = "pool" }}
host "n2" {{ mac = "{FIXED_MAC}" address = "{FIXED_ADDRESS}" profile = "local" }}
host "n3" {{ mac = "{OTHER_MAC}" profile = "pool" }}
""")

    def start(self, wait="boot: policy generation="):
        """Starts the server and waits until `boot` has a policy, or says something else."""
        with open(self.log_path, "ab") as log:
            offset = log.tell()
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.server_ns, str(programs_dir() / "dompoold"), "-d", "-c", str(self.conf)],
                stdout=log, stderr=log, start_new_session=True)
        self.wait_log(wait, offset)

    def stop(self, how=signal.SIGTERM):
        if not self.process:
            return
        if self.process.poll() is None:
            os.kill(self.process.pid, how)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None
        end = time.monotonic() + 30
        while self.role_pids(""):  # roles die with the parent, a moment later
            assert time.monotonic() < end, self.log()
            time.sleep(0.02)

    def role_pids(self, role):
        found = []
        for pid in run("ip", "netns", "pids", self.server_ns).stdout.split():
            try:
                if f"--role={role}".encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(int(pid))
            except OSError:
                pass
        return found

    def role_pid(self, role):
        """The process of one role of this room's server."""
        for pid in self.role_pids(role):
            return pid
        raise AssertionError(f"no process of role {role}; log:\n{self.log()}")

    def log(self, offset=0):
        with open(self.log_path, "rb") as f:
            f.seek(offset)
            return f.read().decode(errors="replace")

    def mark(self):
        return self.log_path.stat().st_size

    def wait_log(self, text, offset=0, seconds=60.0):
        end = time.monotonic() + seconds
        while text not in self.log(offset):
            if time.monotonic() > end or (self.process and self.process.poll() is not None):
                raise AssertionError(f"'{text}' does not appear in the server's log:\n{self.log(offset)}")
            time.sleep(0.02)

    # --- the client's side ---

    def be(self, mac, address=None):
        """The client's interface gets this MAC and, if any, this address; all others go."""
        run("ip", "-n", self.client_ns, "link", "set", "cli0", "down")
        run("ip", "-n", self.client_ns, "addr", "flush", "dev", "cli0")
        run("ip", "-n", self.client_ns, "link", "set", "cli0", "address", mac)
        run("ip", "-n", self.client_ns, "link", "set", "cli0", "up")
        for ns, name in ((self.client_ns, "cli0"), (self.server_ns, "srv0")):
            self._wait_up(ns, name)
        if address:
            run("ip", "-n", self.client_ns, "addr", "add", f"{address}/24", "dev", "cli0")

    @staticmethod
    def _wait_up(ns, name):
        """The kernel tells of a link that came up a moment later; until then packets on it are lost."""
        end = time.monotonic() + 30
        while "state UP" not in run("ip", "-n", ns, "link", "show", name).stdout:
            assert time.monotonic() < end, f"{name} does not come up"
            time.sleep(0.02)

    def client(self, *argv, check=False, timeout=60, **kwargs):
        return run("ip", "netns", "exec", self.client_ns, *argv, check=check, timeout=timeout, **kwargs)

    def dhcp(self, *says, wait=4.0):
        """Sends each packet (made by say()) by raw Ethernet and waits for the answer to it; a list, None for silence."""
        if not self.talker:  # one process for all packets: scapy takes a second to load
            self.talker = subprocess.Popen(["ip", "netns", "exec", self.client_ns, "/usr/bin/python3", "-c", DHCP_SCRIPT],
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.talker.stdin.write(json.dumps({"says": says, "wait": wait}) + "\n")
        self.talker.stdin.flush()
        return json.loads(self.talker.stdout.readline())

    def api(self, path):
        out = run("curl", "-s", "--unix-socket", f"{self.path}/run/api.sock", f"http://localhost{path}").stdout
        return json.loads(out)
