# SPDX-License-Identifier: Apache-2.0
"""
H4: menus that are rendered for each host, by HTTP, against nginx with a plain file of that size, each on one core, the load on the other. 10,000
hosts have their leases by DHCP; 64 keep-alive connections at a time ask, each from its host's address for its host's menu, a hundred
times; then the next host comes, and each round goes on with the hosts after the last one's.
"""

import os
import time

import rig
from udprig import CLIENT, SERVER, Dompoold, Server, Wire

N = int(os.environ.get("BENCH_N", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
HOSTS, CONNECTIONS, REQUESTS = 10000, 64, 100
FROM, FIRST = "10.99.128.0", (10 << 24) + (99 << 16) + (128 << 8)
CASE = "H4 64 keep-alive"


def address(i):
    return ".".join(str((FIRST + i) >> s & 255) for s in (24, 16, 8, 0))


def mac(i):
    return f"02:00:00:00:{i >> 8:02x}:{i & 255:02x}"


class Ours(Dompoold):
    """The daemon as it is delivered, with all hosts; measured is its role files."""

    path_asked, port, congestion = "/pxelinux.cfg/01-%m", 8080, "bbr"  # a host default that dompool must not care about

    def __init__(self, wire, build):
        os.environ["BUILD_DIR"] = build
        import fake_store
        super().__init__(wire, build, hosts=f'host "n0" {{ mac = "{mac(0)}" address = "{address(0)}" profile = "pool" }}\n')
        for name in ("versions", "tags"):
            (self.store / name).rmdir()
        fake_store.make_image(self.store)
        self.add_hosts({"name": f"n{i}", "mac": mac(i), "address": address(i)} for i in range(1, HOSTS))
        time.sleep(3)
        files = next(p for p in self.pids() if open(f"/proc/{p}/comm").read().strip() == "dompoold:files")
        self.cpu_seconds = lambda: rig.cpu_seconds([files])

    def lease_all(self, build):
        got = self.wire.generate(build + "/bench/dhcpbench", f"server={SERVER}", f"relay={CLIENT}", f"base={FROM}", "first=0", f"hosts={HOSTS}",
                                 "flight=64", f"exchanges={HOSTS}", "seconds=30")
        assert got["exchanges"] >= HOSTS and got["wrong"] == got["failed"] == 0, got


class Nginx(Server):
    """As in httpd.py, with the menu as a file."""

    path_asked, port, congestion = "/menu", 8081, "reno"

    def __init__(self, wire, menu):
        folder = wire.folder / "nginx"
        (folder / "www").mkdir(parents=True)
        (folder / "www/menu").write_text(menu)
        (folder / "conf").write_text(f"""
daemon off; worker_processes 1; user root; pid {folder}/pid; error_log {folder}/error.log crit; worker_rlimit_nofile 4096;
events {{ worker_connections 768; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; open_file_cache max=1000;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/g; uwsgi_temp_path {folder}/u;
    scgi_temp_path {folder}/s;
    server {{ listen {self.port}; root {folder}/www; }}
}}
""")
        super().__init__(wire, "nginx", ["nginx", "-e", folder / "error.log", "-c", folder / "conf"])
        self.cpu_seconds = self.cpu
        self.start()
        time.sleep(0.5)


def one(wire, build, server, first):
    wire.set_congestion(server.congestion)
    before = server.cpu_seconds()
    got = wire.generate(build + "/bench/httpmany", f"server={SERVER}", f"port={server.port}", f"from={FROM}", f"hosts={HOSTS}", f"first={first}",
                        f"path={server.path_asked}", f"connections={CONNECTIONS}", f"requests={REQUESTS}", f"seconds={SECONDS}")
    got["cpu_us"] = (server.cpu_seconds() - before) / got["answers"] * 1e6
    return got


def run(build, results):
    with Wire() as wire:
        ours = Ours(wire, build)
        ours.lease_all(build)
        menu = wire.load.run("curl", "-sSf", "--interface", address(0), f"http://{SERVER}:8080/pxelinux.cfg/01-{mac(0).replace(':', '-')}").stdout
        assert "dompool.token=v1." in menu, menu
        nginx = Nginx(wire, menu)
        runs, first = [], 0
        for i in range(N):
            runs.append((one(wire, build, ours, first), one(wire, build, nginx, first)))
            first = (first + runs[-1][0]["hosts"]) % HOSTS
            print(f"{CASE} {i + 1}/{N}: dompool {runs[-1][0]}, nginx {runs[-1][1]}", flush=True)
    for which, peer in ((0, ""), (1, "nginx")):
        for key, metric, unit in (("per_s", "answers", "1/s"), ("p99_ms", "p99", "ms"), ("cpu_us", "cpu", "us")):
            results.figure(CASE, metric, [r[which][key] for r in runs], unit, peer=peer)
    results.ratio(CASE, "answers", *([r[i]["per_s"] for r in runs] for i in (0, 1)), "nginx", least=1.0)
    results.ratio(CASE, "cpu", *([r[i]["cpu_us"] for r in runs] for i in (0, 1)), "nginx")
