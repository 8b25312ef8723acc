# SPDX-License-Identifier: Apache-2.0
"""
E1, a room after a blackout: 100, 1,000 and 10,000 simulated hosts that are switched on together, from DHCP by TFTP (window 16) and a menu
to three HTTP files, over a line of 1 Gbit/s (tbf on the server's side), against dnsmasq (DHCP, TFTP) with nginx. Up to 1,000 hosts each
fetches 1 MiB by TFTP and 24 MiB by HTTP, of 10,000 each 64 KiB files. Then, for what it costs beside the data, 1,000 hosts with files of
1 KiB on a line without a limit.

A host gives up by firmware's rules (see load/blackout.c); one that gives up is a failure. The line's share is that of the data in full
Ethernet frames of TCP: 1448 of 1514 bytes. CPU time is that of all processes of the server. BENCH_PEERS="" leaves the peer out, whose 100 hosts
take 12 minutes over the shaped line: dnsmasq waits a second for each block that the full line drops.
"""

import json
import os
import shutil
import sys
import time

import rig
from udprig import CLIENT, SERVER, Dompoold, Server, Wire

N = int(os.environ.get("BENCH_N", "5"))
ONLY = os.environ.get("BENCH_ONLY", "").split()
PEERS = os.environ.get("BENCH_PEERS", "dnsmasq+nginx").split()
FROM, FIRST = "10.99.128.0", (10 << 24) + (99 << 16) + (128 << 8)
LINE_BYTES = 1e9 / 8 * 1448 / 1514
TFTP = "loader.bin"
MIB = 1 << 20
# case, hosts, bytes by TFTP, of each of the three files by HTTP, whether the line is shaped, whether the line is what limits
CASES = [
    ("E1 100 hosts", 100, MIB, 8 * MIB, True, True),
    ("E1 1000 hosts", 1000, MIB, 8 * MIB, True, True),
    ("E1 10000 hosts", 10000, 64 << 10, 64 << 10, True, False),
    ("E1 control", 1000, 1 << 10, 1 << 10, False, False),
]


def address(i):
    return ".".join(str((FIRST + i) >> s & 255) for s in (24, 16, 8, 0))


def mac(i, separator=":"):
    return separator.join(["02", "00", "00", "00", f"{i >> 8:02x}", f"{i & 255:02x}"])


class Stack:
    """dnsmasq and nginx, as one would set them up for this room."""

    name = "dnsmasq+nginx"
    files = "/f/0,/f/1,/f/2"
    menu = "/menu/%m"

    def __init__(self, wire, hosts, tftp_size, file_size):
        folder = wire.folder / "stack"
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("tftp", "www/f", "www/menu"):
            (folder / name).mkdir(parents=True)
        (folder / "tftp" / TFTP).write_bytes(os.urandom(tftp_size))
        for i in range(3):
            (folder / "www/f" / str(i)).write_bytes(os.urandom(file_size))
        for i in range(hosts):
            (folder / "www/menu" / mac(i, "-")).write_text("#" * 700)
        (folder / "hosts").write_text("".join(f"{mac(i)},{address(i)}\n" for i in range(hosts)))
        (folder / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; user root; pid {folder}/pid; error_log {folder}/error.log crit; worker_rlimit_nofile 20000;
events {{ worker_connections 16384; }}
http {{
    access_log off; sendfile on; tcp_nopush on; open_file_cache max=1000;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/g; uwsgi_temp_path {folder}/u;
    scgi_temp_path {folder}/s;
    server {{ listen 8080 backlog=4096; root {folder}/www; }}
}}
""")
        self.servers = [
            Server(wire, "dnsmasq", ["dnsmasq", "--keep-in-foreground", "--port=0", "--interface=br0", "--bind-interfaces", "--no-ping",
                                     f"--dhcp-range={address(0)},static,255.255.0.0", f"--dhcp-hostsfile={folder}/hosts",
                                     f"--dhcp-boot={TFTP}", "--enable-tftp", f"--tftp-root={folder}/tftp", "--tftp-max=20000",
                                     "--dhcp-lease-max=20000", f"--dhcp-leasefile={folder}/leases", "--user=root", "--conf-file=/dev/null",
                                     f"--log-facility={folder}/log", "--pid-file"]),
            Server(wire, "nginx", ["nginx", "-e", folder / "error.log", "-c", folder / "nginx.conf"]),
        ]
        wire.set_congestion("reno")

    def start(self):
        for s in self.servers:
            s.start()
        time.sleep(3)

    def stop(self):
        for s in self.servers:
            s.stop()

    def cpu(self):
        return sum(s.cpu() for s in self.servers)


class Ours:
    """dompoold in its default configuration, every host known."""

    name = "dompool"
    menu = "/pxelinux.cfg/01-%m"

    def __init__(self, wire, hosts, tftp_size, file_size, build):
        os.environ["BUILD_DIR"] = build
        import fake_store
        shutil.rmtree(wire.folder / "dompool", ignore_errors=True)
        self.server = Dompoold(wire, build, hosts=f'host "n0" {{ mac = "{mac(0)}" address = "{address(0)}" profile = "pool" }}\n')
        names = ("xen.gz", "vmlinuz", "initrd")
        for name in ("versions", "tags"):
            (self.server.store / name).rmdir()
        image = fake_store.make_image(self.server.store, files={n: os.urandom(file_size) for n in names})
        (self.server.store / "loaders" / TFTP).write_bytes(os.urandom(tftp_size))
        self.files = ",".join(f"/i/{image[:16]}/{n}" for n in names)
        self.server.add_hosts({"name": f"n{i}", "mac": mac(i), "address": address(i)} for i in range(1, hosts))
        self.server.stop()
        self.start, self.stop, self.cpu = self.server.start, self.server.stop, self.server.cpu
        wire.set_congestion("bbr")


def shape(wire, on):
    """tbf on the server's interface; false: this kernel has none."""
    tc = ["tc", "qdisc", "replace" if on else "del", "dev", "br0", "root"]
    done = wire.server.run(*tc, *(["tbf", "rate", "1gbit", "burst", "256k", "latency", "50ms"] if on else []), check=False)
    return not on or done.returncode == 0


def one(wire, build, make, case, hosts, tftp_size, file_size):
    """One blackout; the generator's answer with the server's CPU time."""
    server = make(wire, hosts, tftp_size, file_size)
    server.start()
    try:
        time.sleep(1)
        before = server.cpu()
        answer = json.loads(wire.load.run(*rig.on_cpu(rig.LOAD_CPU, build + "/bench/blackout", f"server={SERVER}", f"relay={CLIENT}",
                                                      f"from={FROM}", f"hosts={hosts}", f"tftp={TFTP}", f"menu={server.menu}",
                                                      f"files={server.files}", "patience=900"),
                                          timeout=1000, capture_output=False, stdout=-1).stdout)
        answer["cpu"] = server.cpu() - before
    finally:
        server.stop()
    answer["per_second"] = answer["through"] / answer["seconds"]
    answer["failures"] = answer["hosts"] - answer["through"]
    answer["line"] = answer["bytes"] / answer["data_seconds"] / LINE_BYTES
    print(f"{case} {server.name}: {json.dumps(answer)}", flush=True)
    return answer


def run(build, results):
    def ours(*words):
        return Ours(*words, build)

    with Wire() as wire:
        for case, hosts, tftp_size, file_size, shaped, line_limits in CASES:
            if ONLY and case.replace(" ", "-") not in ONLY:
                continue
            if not shape(wire, shaped) and shaped:
                print(f"{case}: no tbf in this kernel, the line has no limit", file=sys.stderr)
                line_limits = False
            makes = [ours] + [Stack] * (Stack.name in PEERS)
            runs = [[one(wire, build, make, case, hosts, tftp_size, file_size) for make in makes] for _ in range(N)]
            mine, *theirs = zip(*runs)
            for answers, peer in ((mine, ""), *((t, Stack.name) for t in theirs)):
                results.figure(case, "hosts through", [a["per_second"] for a in answers], "1/s", peer=peer)
                results.figure(case, "hosts that gave up", [a["failures"] for a in answers], "hosts", peer=peer, bar=None if peer else 0)
                results.figure(case, "lease, p99", [a["lease_p99_ms"] for a in answers], "ms", peer=peer)
                results.figure(case, "boot, p99", [a["boot_p99_ms"] / 1000 for a in answers], "s", peer=peer)
                if shaped:
                    results.figure(case, "share of the line", [a["line"] for a in answers], "ratio", peer=peer,
                                   least=0.95 if line_limits and not peer else None)
                else:
                    results.figure(case, "cpu per host", [a["cpu"] / hosts * 1000 for a in answers], "ms", peer=peer, bar=None if peer else 1)
            for t in theirs:
                results.ratio(case, "hosts through", [a["per_second"] for a in mine], [a["per_second"] for a in t], Stack.name,
                              least=None if line_limits else 1.5)
