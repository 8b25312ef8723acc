# SPDX-License-Identifier: Apache-2.0
"""
HTTP on the boot LAN: dompool's files role against nginx (sendfile, reno), lighttpd and h2o, each on one core, wrk on the other.

    H1  a 256 MiB image over 1 and 16 connections: MB/s and CPU seconds for each GiB
    H4  menus rendered for each host: httpmenus.py
    H5  10,000 slow connections, default configuration: are honest requests served, how late, when are the slow ones cut
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import httpmenus
import rig
from rig import SERVER

N = int(os.environ.get("BENCH_N", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
ONLY = os.environ.get("BENCH_ONLY", "").split()  # parts of the names of cases
PEERS = os.environ.get("BENCH_PEERS", "nginx lighttpd h2o").split()  # the bars need nginx alone
BIG_SIZE = 256 << 20
LARGE = {"H1 1 conn": (1, 0.95), "H1 16 conn": (16, 0.9)}  # connections, and the least speed beside nginx
SLOW, SLOW_SECONDS = 10000, 30
SLOW_CASE = f"H5 {SLOW} slow"
SMALL_SIZE = 4096
GIB = 1 << 30


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


class Peer:
    """A server of the peers' table. `pid` is its first process."""

    congestion = "reno"  # as a careful administrator sets it for the whole machine: these servers cannot for a listener

    def __init__(self, wire, folder):
        self.folder = os.path.join(folder, self.name)
        os.mkdir(self.folder)
        self.process = wire.server.popen(*rig.on_cpu(rig.SERVER_CPU, *self.argv(folder)),
                                         stdout=open(self.folder + "/out", "w"), stderr=open(self.folder + "/err", "w"))

    def pids(self):
        return rig.descendants(self.process.pid)

    def close(self):
        self.process.terminate()
        self.process.wait()


class Nginx(Peer):
    name = "nginx"
    port = 8081
    big, small = "/big", "/small"

    def argv(self, folder):
        return ["nginx", "-e", self.folder + "/error.log", "-c", write(self.folder + "/conf", f"""
daemon off;
worker_processes 1;
pid {self.folder}/pid;
error_log {self.folder}/error.log crit;
worker_rlimit_nofile 4096;
user root;
events {{ worker_connections 768; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    open_file_cache max=1000;
    client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/p; fastcgi_temp_path {self.folder}/f;
    uwsgi_temp_path {self.folder}/u; scgi_temp_path {self.folder}/s;
    server {{ listen {self.port}; root {folder}/www; }}
}}
""")]


class Lighttpd(Peer):
    name = "lighttpd"
    port = 8082
    big, small = "/big", "/small"

    def argv(self, folder):
        return ["lighttpd", "-D", "-f", write(self.folder + "/conf", f"""
server.document-root = "{folder}/www"
server.port = {self.port}
server.max-keep-alive-requests = 1000000
server.network-backend = "sendfile"
""")]


class H2o(Peer):
    name = "h2o"
    port = 8083
    big, small = "/big", "/small"

    def argv(self, folder):
        return ["h2o", "-c", write(self.folder + "/conf", f"""
num-threads: 1
user: root
listen: {{port: {self.port}}}
hosts: {{"default": {{paths: {{"/": {{file.dir: {folder}/www}}}}}}}}
""")]


class Dompool:
    """The daemon as it is delivered, default configuration; measured is its role files."""

    name = "dompool"
    port = 8080
    congestion = "bbr"  # a host default that costs nginx 4.5 times the CPU: dompool must not care

    def __init__(self, wire, folder, build):
        os.environ["BUILD_DIR"] = build
        import fake_store
        import server
        self.server = server.Server(wire, os.path.join(folder, "dompool"))
        with open(folder + "/www/big", "rb") as f:
            image = fake_store.make_image(self.server.store, files={**fake_store.FILES, "initrd": f.read()})
        fake_store.make_loaders(self.server.store)
        shutil.copy(folder + "/www/small", self.server.store / "loaders" / "small")
        self.big, self.small = f"/i/{image[:16]}/initrd", "/loaders/small"
        self.server.configure()
        self.server.start(debug=False)  # as it is delivered: no line of log for each answer
        time.sleep(1)  # the policy comes after the start
        self.pid = self.server.roles()["files"]
        rig.pin(self.pid, rig.SERVER_CPU)

    def pids(self):
        return [self.pid]

    def close(self):
        self.server.stop()


class Wrk:
    """One run of wrk: requests/s, bytes/s, latency, and the server's CPU time meanwhile."""

    UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "us": 1e-3, "ms": 1, "s": 1000}

    def __init__(self, wire, peer, path, connections, seconds=SECONDS):
        wire.set_congestion(peer.congestion)
        before = rig.cpu_seconds(peer.pids())
        start = time.monotonic()
        out = wire.load.run(*rig.on_cpu(rig.LOAD_CPU, "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", "--timeout", "60",
                                        f"http://{SERVER}:{peer.port}{path}"), timeout=120).stdout
        cpu = rig.cpu_seconds(peer.pids()) - before
        assert "Non-2xx" not in out and "Socket errors" not in out, f"{peer.name}: {out}"
        self.requests = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
        self.rate = self._number(re.search(r"Transfer/sec:\s+([\d.]+)([KMG]?B)", out))
        self.p99 = self._number(re.search(r"99%\s+([\d.]+)(us|ms|s)", out))
        self.total = self._number(re.search(r"requests in [\d.]+m?s, ([\d.]+)([KMG]?B) read", out))
        self.n_requests = int(re.search(r"(\d+) requests in", out)[1])
        self.cpu, self.seconds = cpu, time.monotonic() - start

    def _number(self, match):
        return float(match[1]) * self.UNITS[match[2]]


def make_www(folder):
    os.mkdir(folder + "/www")
    block = os.urandom(1 << 20)
    with open(folder + "/www/big", "wb") as f:
        for _ in range(BIG_SIZE >> 20):
            f.write(block)
    with open(folder + "/www/small", "wb") as f:
        f.write(block[:SMALL_SIZE])


def wanted(case):
    return not ONLY or any(o in case for o in ONLY)


def measure(wire, peers, case, path, connections):
    """N interleaved rounds; a list of runs for each peer."""
    runs = {p.name: [] for p in peers}
    for i in range(N):
        for p in peers:
            runs[p.name].append(Wrk(wire, p, path(p), connections))
        print(f"{case} {i + 1}/{N}: " + ", ".join(f"{p.name} {runs[p.name][-1].rate / 1e6:.0f} MB/s {runs[p.name][-1].requests:.0f} req/s"
                                                  for p in peers), flush=True)
    return runs


def large_files(wire, peers, results):
    for case, (connections, least) in LARGE.items():
        if not wanted(case):
            continue
        runs = measure(wire, peers, case, lambda p: p.big, connections)
        speed = {name: [r.rate / 1e6 for r in rs] for name, rs in runs.items()}
        cpu = {name: [r.cpu * GIB / r.total for r in rs] for name, rs in runs.items()}
        for name in runs:
            peer = "" if name == "dompool" else name
            results.figure(case, "speed", speed[name], "MB/s", peer=peer)
            results.figure(case, "cpu", cpu[name], "s/GiB", peer=peer)
        results.ratio(case, "speed", speed["dompool"], speed["nginx"], "nginx", least=least)
        results.ratio(case, "cpu", cpu["dompool"], cpu["nginx"], "nginx", bar=1.25)


def slow_clients(wire, peers, build, results):
    """Each round: a while of honest requests on the idle server, then the same with slow connections, which come back when they are cut."""
    case = SLOW_CASE
    if not wanted(case):
        return
    names = [p.name for p in peers]
    idle, busy, shares, slow = ({n: [] for n in names} for _ in range(4))
    for i in range(N):
        for p in peers:
            wire.set_congestion(p.congestion)
            idle[p.name].append(probe(wire, build, p, 5)["p99_ms"])
            words = [f"server={SERVER}", f"port={p.port}", f"path={p.big}", f"n={SLOW}", "kind=mixed", "again=1", f"seconds={SLOW_SECONDS}"]
            attack = wire.load.popen("taskset", "-c", rig.LOAD_CPU, build + "/bench/slowhttp", *words, stdout=subprocess.PIPE, text=True)
            time.sleep(2)
            honest = probe(wire, build, p, SLOW_SECONDS - 3)
            slow[p.name].append(json.loads(attack.communicate(timeout=120)[0].splitlines()[-1]))
            busy[p.name].append(honest["p99_ms"])
            shares[p.name].append(100 * honest["good"] / (honest["good"] + honest["bad"]))
            print(f"{case} {i + 1}/{N}: {p.name}: {shares[p.name][-1]:.1f} % served, p99 {busy[p.name][-1]:.2f} ms (idle {idle[p.name][-1]:.2f}); "
                  f"{slow[p.name][-1]}", flush=True)
    for p in names:
        peer, ours = ("", True) if p == "dompool" else (p, False)
        results.figure(case, "honest served", shares[p], "%", peer=peer, least=100 if ours else None)
        results.figure(case, "p99, idle", idle[p], "ms", peer=peer)
        results.figure(case, "p99", busy[p], "ms", peer=peer)
        results.figure(case, "slow one's longest", [s["cut_max_s"] for s in slow[p]], "s", peer=peer, bar=20 if ours else None)
    results.ratio(case, "p99", busy["dompool"], idle["dompool"], "idle", bar=2)


def probe(wire, build, peer, seconds):
    out = wire.load.run(*rig.on_cpu(rig.LOAD_CPU, build + "/bench/httpprobe", f"server={SERVER}", f"port={peer.port}", f"path={peer.small}",
                                    "rate=100", f"seconds={seconds}"), timeout=seconds * 3 + 60).stdout
    return json.loads(out)


def run(build, results):
    if wanted(httpmenus.CASE):
        httpmenus.run(build, results)
    if not any(wanted(c) for c in (*LARGE, SLOW_CASE)):
        return
    folder = tempfile.mkdtemp(prefix="dompool-bench-")
    os.chmod(folder, 0o755)
    os.mkdir(folder + "/dompool")
    wire = rig.Wire()
    peers = []
    try:
        make_www(folder)
        peers.append(Dompool(wire, folder, build))
        peers += [p(wire, folder) for p in (Nginx, Lighttpd, H2o) if p.name in PEERS]
        time.sleep(1)
        large_files(wire, peers, results)
        slow_clients(wire, peers[:2], build, results)
    finally:
        for p in peers:
            p.close()
        wire.close()
        shutil.rmtree(folder, ignore_errors=True)
