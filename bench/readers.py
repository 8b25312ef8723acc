# SPDX-License-Identifier: Apache-2.0
"""
Twenty hosts that read one root at once, by each transport: simulated readers (load/rootreader.c), each in a network namespace with a MAC and an
IP address of its own, that do what a real host did while it booted (recorded once a version of the image, with QEMU: rootrecord.py), against
the servers that dompoold itself starts. They begin together and wait for nothing but answers, where a real host computes in between: this is what
the server has to do for twenty boots, and how long it takes at least.

    ram                the initrd by HTTP; the others fetch initrd-root (not counted here) and then their root
    http               manifest, signature, root.squashfs
    nbd, iscsi, aoe    the reads of the recorded boot by NBD, the same for all three
    nfs, nfs3          the calls of the recorded boot by NFS 4 and 3

Server on the first core, readers on the last one, real-time; CPU time is that of all of dompoold's processes and what they have started.
What NBD, iSCSI, AoE and HTTP give is compared with the image's file. BENCH_N rounds (5), BENCH_READERS (20), BENCH_ROOTS, BENCH_IMAGE: a name, or the
id of a version (micro).
"""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import time

import rig
import rootrecord
from netns import SERVER, Lan
from udprig import Group

N = int(os.environ.get("BENCH_N", "5"))
READERS = int(os.environ.get("BENCH_READERS", "20"))
STORE = pathlib.Path(os.environ.get("BENCH_STORE", "/var/cache/dompool/images"))
IMAGE = os.environ.get("BENCH_IMAGE", "micro")
ROOTS = os.environ.get("BENCH_ROOTS", "ram http nbd iscsi aoe nfs nfs3").split()
RECORDED = ("nbd", "nfs", "nfs3")
BLOCK = ("nbd", "iscsi", "aoe")
PATIENCE = 300
MIB, GIB = 1 << 20, 1 << 30


def hosts():
    return [{"name": f"n{i}", "mac": f"52:54:00:77:01:{i:02x}", "address": f"10.77.0.{100 + i}"} for i in range(1, READERS + 1)]


def find_version():
    """The id of the version that IMAGE names: its current one, or the one whose id begins like that."""
    tag = STORE / "tags" / f"{IMAGE}.json"
    if tag.exists():
        return json.loads(tag.read_text())["current"]
    found = [p.name for p in (STORE / "versions").glob(IMAGE + "*")]
    if len(found) != 1:
        raise SystemExit(f"bench readers: {STORE} has {len(found)} versions that BENCH_IMAGE={IMAGE} could name; `dompool image build` makes one")
    return found[0]


class Image:
    """A version of the store, and the scripts recorded of it."""

    def __init__(self, build):
        self.id = find_version()
        self.id16, self.folder = self.id[:16], STORE / "versions" / self.id
        # NFS' handles are those of this very tree.
        self.scripts = pathlib.Path(build, "bench", "reads", f"{self.id16}-{os.stat(self.folder / 'root').st_ino}")
        missing = [r for r in RECORDED if not (self.scripts / r).exists() and (r in ROOTS or (r == "nbd" and set(BLOCK) & set(ROOTS)))]
        if missing:
            rootrecord.record(build, self.id16, missing, self.scripts)

    def sum(self, name, reads=None):
        """What the readers make of it: words of 64 bits, added up; reads: (offset, length) of it, or all."""
        data = (self.folder / name).read_bytes()
        total = 0
        for offset, length in reads or [(0, len(data))]:
            part = data[offset:offset + length]
            part += b"\0" * (-len(part) % 8)
            total += sum(struct.unpack(f"<{len(part) // 8}Q", part))
        return total % (1 << 64)

    def reads(self):
        return list(struct.iter_unpack("<QQ", (self.scripts / "nbd").read_bytes()))

    def expected(self, root):
        """The sum of all that a reader is given; None: not compared."""
        if root == "ram":
            return self.sum("initrd")
        if root == "http":
            return (self.sum("manifest.json") + self.sum("manifest.sig") + self.sum("root.squashfs")) % (1 << 64)
        return self.sum("root.squashfs", self.reads()) if root in BLOCK else None

    def words(self, root, i):
        """rootreader's arguments."""
        n = int(self.id[:8], 16)
        files = {"ram": ["initrd"], "http": ["manifest.json", "manifest.sig", "root.squashfs"]}
        return {
            "ram": ["kind=http", "port=8080", "paths=" + ",".join(f"/i/{self.id16}/{f}" for f in files["ram"])],
            "http": ["kind=http", "port=8080", "paths=" + ",".join(f"/i/{self.id16}/{f}" for f in files["http"])],
            "nbd": ["kind=nbd", "port=10809", f"export={self.id16}", f"script={self.scripts}/nbd"],
            "iscsi": ["kind=iscsi", "port=3260", f"target=iqn.2026-01.dompool:{self.id16}", f"initiator=iqn.2026-01.bench:n{i}",
                      f"script={self.scripts}/nbd"],
            "aoe": ["kind=aoe", "interface=eth0", f"shelf={1 + (n >> 8) % 65500}", f"slot={(n & 0xff) % 254}", f"script={self.scripts}/nbd"],
            "nfs": ["kind=rpc", "port=2049", f"number={i}", f"script={self.scripts}/nfs"],
            "nfs3": ["kind=rpc", "port=2049", f"number={i}", f"script={self.scripts}/nfs3"],
        }[root] + [f"server={SERVER}"]


class Counted:
    """The LAN as the server's harness wants it: what is started is counted, with all that it starts."""

    def __init__(self, lan):
        self.lan, self.name, self.run, self.group = lan, lan.name, lan.run, Group("readers")

    def popen(self, *argv, **kwargs):
        return subprocess.Popen(self.group.argv(*self.lan.argv(*argv)), **kwargs)


class Stage:
    """dompoold for hosts of one root, with the store's own key: another one would make all images of the store unbelievable."""

    def __init__(self, lan, build, folder, image, root):
        os.environ["BUILD_DIR"] = build
        import server
        folder.mkdir()
        self.lan, self.root = Counted(lan), root
        self.group = self.lan.group
        self.server = server.Server(self.lan, folder)
        self.server.store = STORE
        self.server.state.mkdir()
        shutil.copy(STORE / "image.key", self.server.state / "image.key")
        (self.server.state / "image.key").chmod(0o600)
        profile = f'profile "bench" {{ kind = "pool" image = "{image.id16}" root = "{root}" }}'
        self.server.configure([{**h, "profile": "bench"} for h in hosts()], top=profile)
        self.server.start(debug=False)
        try:
            server.wait_for(self.runs, 30)
            server.wait_for(self.is_idle, 120)
        except AssertionError:
            self.close()
            raise

    def runs(self):
        exports = self.server.get("/v1/exports")["exports"]
        return all(e["state"] == "running" for e in exports) and (exports or self.root in ("ram", "http"))

    def pids(self):
        return self.lan.lan.pids()

    def pin(self):
        """All that runs now, connections' processes too, is on the server's core."""
        for pid in self.pids():
            rig.pin(pid, rig.SERVER_CPU)

    def is_idle(self):
        """What a start stirs up has settled: images are looked into, a policy is made."""
        before = self.group.seconds()
        time.sleep(1)
        return self.group.seconds() - before < 0.02

    def memory(self):
        """MiB: proportional set size of all of it."""
        total = 0
        for pid in self.pids():
            lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1024

    def close(self):
        self.server.stop()
        self.group.close()


def wire_bytes(lan):
    """To and from the server, at its bridge."""
    s = json.loads(subprocess.run(["ip", "-n", lan.name, "-s", "-j", "link", "show", "br0"], check=True, stdout=subprocess.PIPE, text=True).stdout)
    return sum(s[0]["stats64"][way]["bytes"] for way in ("rx", "tx"))


def start_readers(clients, build, image, root):
    """With a connection each. A server that runs may give nothing yet: tgtd's targets come a moment later."""
    readers = []
    for i, client in enumerate(clients, 1):
        end = time.monotonic() + 10
        while True:
            r = client.popen(*rig.on_cpu(rig.LOAD_CPU, build + "/bench/rootreader", *image.words(root, i)), stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            if r.stdout.readline() == "open\n":
                break
            said = r.communicate()[1]
            if time.monotonic() > end:
                raise SystemExit(f"bench readers: {root}: no connection: {said}")
            time.sleep(0.2)
        readers.append(r)
    return readers


def answer(reader, root):
    line = reader.stdout.readline()
    if not line:
        raise SystemExit(f"bench readers: {root}: {reader.stderr.read()}")
    return json.loads(line)


def read_all(lan, clients, build, image, stage):
    """All readers at once; seconds until the last one has all, the server's CPU seconds, bytes on the wire, and each one's answer."""
    readers = start_readers(clients, build, image, stage.root)
    try:
        stage.pin()
        memory = stage.memory()
        cpu, wire, begin = stage.group.seconds(), wire_bytes(lan), time.monotonic()
        for r in readers:
            r.stdin.close()
        answers = [answer(r, stage.root) for r in readers]
        seconds = time.monotonic() - begin
        time.sleep(0.2)  # what the server does behind its last answer
        return {"seconds": seconds, "cpu": stage.group.seconds() - cpu, "wire": wire_bytes(lan) - wire, "memory": memory, "answers": answers}
    finally:
        for r in readers:
            r.kill()
            r.wait()


def one(lan, clients, build, folder, image, root, expected):
    stage = Stage(lan, build, folder, image, root)
    try:
        result = read_all(lan, clients, build, image, stage)
    finally:
        stage.close()
        shutil.rmtree(folder)
    for a in result["answers"]:
        assert expected is None or a["sum"] == expected, f"{root}: a reader was given other bytes than the image's"
    first = result["answers"][0]
    print(f"readers {root}: {result['seconds']:.2f} s, {result['cpu']:.2f} s CPU, {result['wire'] / MIB:.0f} MiB on the wire; "
          f"each {first['requests']} requests, {first['bytes'] / MIB:.1f} MiB; {sum(a['lost'] for a in result['answers'])} lost or other", flush=True)
    return result


def report(results, root, runs):
    wire = [r["wire"] for r in runs]
    results.figure(root, "time, all readers", [r["seconds"] for r in runs], "s")
    results.figure(root, "cpu of the server", [r["cpu"] for r in runs], "s")
    results.figure(root, "cpu for each reader", [1000 * r["cpu"] / READERS for r in runs], "ms")
    results.figure(root, "cpu", [r["cpu"] * GIB / w for r, w in zip(runs, wire)], "s/GiB")
    results.figure(root, "wire, each reader", [w / READERS / MIB for w in wire], "MiB")
    results.figure(root, "memory of the server", [r["memory"] for r in runs], "MiB")


def run(build, results):
    image = Image(build)
    expected = {root: image.expected(root) for root in ROOTS}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dompool-bench-"))
    folder.chmod(0o755)
    lan = Lan()
    runs = {root: [] for root in ROOTS}
    try:
        clients = [lan.client(h["mac"], h["address"]) for h in hosts()]
        for _ in range(N):
            for root in ROOTS:
                runs[root].append(one(lan, clients, build, folder / root, image, root, expected[root]))
    finally:
        lan.close()
        shutil.rmtree(folder, ignore_errors=True)
    for root in ROOTS:
        report(results, root, runs[root])
        if root != "ram":
            results.ratio(root, "cpu", [r["cpu"] for r in runs[root]], [r["cpu"] for r in runs[ROOTS[0]]], ROOTS[0])
