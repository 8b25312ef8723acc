# SPDX-License-Identifier: Apache-2.0
"""
TFTP against dnsmasq, tftpd-hpa and atftpd, in the same run, interleaved. Rates are medians of BENCH_N (5) runs of BENCH_SECONDS (0.7) each;
a ratio is of the two runs of one round. BENCH_ROWS="T2 T4" runs those rows only, BENCH_PEERS="dnsmasq" with that peer alone. CPU is that of all processes of a server, per byte served.

    T1 T3  without window, 1 and 16 clients        T5     menus of some KiB, ours rendered for each host, dnsmasq's from files
    T2 T4  with window                             T6 T7  packets lost
    T8     bytes for one unacknowledged request    T9     10,000 half-open transfers, each from an address of its own
"""

import hashlib
import json
import os
import time

from udprig import CLIENT, SERVER, Dompoold, Peers, Server, Wire

N = int(os.environ.get("BENCH_N", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "0.7"))
LOSS_SECONDS = float(os.environ.get("BENCH_LOSS_SECONDS", "3"))
ROWS = os.environ.get("BENCH_ROWS", "").split()
PEERS = os.environ.get("BENCH_PEERS", "dnsmasq hpa atftpd").split()
BIG, BIG_SIZE = "big.bin", 64 << 20
LOSSY_SIZE = 16 << 20
ALL, WINDOWED = ["dnsmasq", "hpa", "atftpd"], ["atftpd"]

# row: case, peers, the generator's words, least dompool/peer in MB/s (None: said only), most of CPU
RATES = {
    "T1": [("1 client", ALL, "clients=1", 1.0, None)],
    "T2": [("w8", WINDOWED, "clients=1 window=8", 1.3, 0.65),
           ("w16", WINDOWED, "clients=1 window=16", 1.7, 0.45),
           ("w64", WINDOWED, "clients=1 window=64", 3.0, 0.25)],
    "T3": [("16 clients", ["dnsmasq"], "clients=16", 1.2, 0.85),
           ("16, blk 512", ["dnsmasq"], "clients=16 blksize=512", 1.3, 0.85)],
    "T4": [("16 w16", WINDOWED, "clients=16 window=16", 5.0, 0.25),
           ("64 w16", WINDOWED, "clients=64 window=16", 4.2, 0.25)],
}
MENU_CLIENTS = {16: (1.1, 1.1), 64: (1.0, 1.1)}  # least in files/s, most of the 99th percentile
MENU_FIRST = "10.99.128.1"
HALF_OPEN = 10000
STRANGER = "10.98.7.7"
PATIENCE = 35  # seconds that an unacknowledged request is listened to: the peers go on for 31
# row: per mille, (window, peers, least ratio)
LOSS = {
    "T6": (1, [(1, ALL, 5), (8, WINDOWED, 6), (64, WINDOWED, 10)]),
    "T7": (10, [(1, ALL, 8), (8, WINDOWED, 8), (64, WINDOWED, 50)]),
}


class Bench:
    """The wire, the servers by name, and one started at a time."""

    def __init__(self, build, wire, results):
        self.build, self.wire, self.results = build, wire, results
        self.tool = os.path.join(build, "bench/tftpbench")
        self.root = wire.folder / "tftp"
        self.root.mkdir()
        hosts = 'profile "other" { kind = "pool" } profile "asked" { kind = "pool" menu = "m" }\n'
        hosts += 'menu "m" { entry "one" { profile = "pool" } entry "two" { profile = "other" } }\n'
        hosts += "".join(f'host "h{i}" {{ mac = "02:00:00:00:00:{i:02x}" address = "10.99.128.{i + 1}" profile = "asked" }}\n'
                         for i in range(max(MENU_CLIENTS)))
        ours = Dompoold(wire, build, hosts)
        make_image(ours.store)
        for folder in (self.root, ours.store / "loaders"):
            (folder / "honest.bin").write_bytes(os.urandom(64 << 10))
            (folder / BIG).write_bytes(os.urandom(1 << 20) * (BIG_SIZE >> 20))
            (folder / "lossy.bin").write_bytes(os.urandom(LOSSY_SIZE))
        self.servers = {"dompool": ours, **self.peers()}

    def peers(self):
        where = Peers(os.path.join(self.build, "bench/peers"))
        root = self.root
        log = self.wire.folder / "peer.log"
        found = {
            "dnsmasq": ("/usr/sbin/dnsmasq", ["dnsmasq-base"], ["--keep-in-foreground", "--port=0", "--enable-tftp", f"--tftp-root={root}", "--user=root",
                                                                 f"--tftp-max={max(MENU_CLIENTS)}", "--conf-file=/dev/null", f"--log-facility={log}", "--pid-file"]),
            "hpa": ("/usr/sbin/in.tftpd", ["tftpd-hpa", "libwrap0"], ["--foreground", "--listen", "--user", "root", "--address", f"{SERVER}:69",
                                                                       "--secure", root]),
            "atftpd": ("/usr/sbin/atftpd", ["atftpd", "libwrap0"], ["--daemon", "--no-fork", "--user", "root.root", "--bind-address", SERVER,
                                                                    "--logfile", log, root]),
        }
        servers = {}
        for name in PEERS:
            program, packages, words = found[name]
            path = where.get(program, *packages)
            if path:
                servers[name] = Server(self.wire, name, [path, *words], env=where.env)
        return servers

    def start(self, name):
        server = self.servers[name]
        server.start()
        end = time.monotonic() + 10
        while self.load("name=" + BIG, "transfers=1", "seconds=0.1")["mb_s"] == 0:
            if time.monotonic() > end:
                raise RuntimeError(f"{name} serves nothing:\n{server.log()}")
        return server

    def load(self, *words, server=SERVER):
        return self.wire.generate(self.tool, f"server={server}", *words)

    def round(self, names, words):
        """One run of each server; CPU seconds per GiB beside the generator's answer."""
        answers = {}
        for name in names:
            server = self.start(name)
            before = server.cpu()
            a = self.load(*words)
            used = server.cpu() - before
            a["cpu_per_gib"] = used / (a["mb_s"] * a["seconds"] * 1e6 / 2**30) if a["mb_s"] else float("inf")
            a["cpu_per_file"] = used / a["transfers"] if a["transfers"] else float("inf")
            assert a["wrong"] == 0, (name, words, a)
            if a["errors"]:
                print(f"{name} {' '.join(words)}: {a['errors']} errors")
            answers[name] = a
            server.stop()
        return answers

    def rounds(self, case, peers, words):
        names = ["dompool", *[p for p in peers if p in self.servers]]
        runs = []
        for i in range(N):
            order = names[i % len(names):] + names[:i % len(names)]
            runs.append(self.round(order, words))
        print(f"tftp {case}: " + ", ".join(f"{n} {sorted(r[n]['mb_s'] for r in runs)[N // 2]:.1f}" for n in names)
              + f" MB/s, generator busy {max(r['dompool']['busy'] for r in runs):.0%}", flush=True)
        return names, runs

    def figures(self, case, names, runs, metric, unit):
        for n in names:
            self.results.figure(case, metric, [r[n][metric] for r in runs], unit, peer="" if n == "dompool" else n)

    def ratios(self, case, names, runs, metric, **bar):
        for n in names[1:]:
            self.results.ratio(case, metric, [r["dompool"][metric] for r in runs], [r[n][metric] for r in runs], n, **bar)


def best(runs, names, metric):
    """The peer with the best median."""
    return max(names[1:], key=lambda n: sorted(r[n][metric] for r in runs)[len(runs) // 2])


def rates(b, row):
    for case, peers, words, least, cpu in RATES[row]:
        names, runs = b.rounds(f"{row} {case}", peers, ["name=" + BIG, f"size={BIG_SIZE}", f"seconds={SECONDS}", *words.split()])
        case = f"{row} {case}"
        b.figures(case, names, runs, "mb_s", "MB/s")
        b.figures(case, names, runs, "cpu_per_gib", "s/GiB")
        against = [names[0], best(runs, names, "mb_s")]
        b.ratios(case, against, runs, "mb_s", least=least)
        b.ratios(case, against, runs, "cpu_per_gib", bar=cpu)


def loss(b, row):
    per_mille, cases = LOSS[row]
    for window, peers, least in cases:
        case = f"{row} {per_mille / 10:g} % w{window}"
        b.wire.lose(per_mille)
        names, runs = b.rounds(case, peers, ["name=lossy.bin", f"size={LOSSY_SIZE}", f"seconds={LOSS_SECONDS}", f"window={window}"])
        b.wire.lose(0)
        b.figures(case, names, runs, "mb_s", "MB/s")
        b.ratios(case, [names[0], best(runs, names, "mb_s")], runs, "mb_s", least=least)


def menus(b):
    """The menu that a host gets is fetched once; dnsmasq serves as many bytes under the same name."""
    name = "pxelinux.cfg/01-%m"
    ours = b.start("dompool")
    b.wire.generate(os.path.join(b.build, "bench/dhcpbench"), f"server={SERVER}", f"relay={CLIENT}", f"hosts={max(MENU_CLIENTS)}", "flight=8",
                    f"exchanges={max(MENU_CLIENTS)}", f"base={MENU_FIRST}", "seconds=5")
    menu = b.wire.load.run("curl", "-s", "--interface", MENU_FIRST, f"tftp://{SERVER}/pxelinux.cfg/01-02-00-00-00-00-00").stdout
    ours.stop()
    folder = b.root / "pxelinux.cfg"
    folder.mkdir()
    for i in range(max(MENU_CLIENTS)):
        (folder / f"01-02-00-00-00-00-{i:02x}").write_text("x" * len(menu))
    for clients, (least, tail) in MENU_CLIENTS.items():
        case = f"T5 {clients} menus"
        names, runs = b.rounds(case, ["dnsmasq"], [f"name={name}", f"clients={clients}", f"from={MENU_FIRST}", f"seconds={SECONDS}"])
        for metric, unit, bar in (("files_s", "1/s", {"least": least}), ("p99_ms", "ms", {"bar": tail}), ("cpu_per_file", "s", {})):
            b.figures(case, names, runs, metric, unit)
            b.ratios(case, names, runs, metric, **bar)
    b.results.figure("T5 menu", "size", [len(menu)], "B")


AMPLIFICATION = r"""
import json, socket, sys, time
server, patience, stranger = sys.argv[1], float(sys.argv[2]), sys.argv[3]
sockets, out = [], []
for options in (b"", b"blksize\0001468\0tsize\0000\0"):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((stranger, 0))
    request = b"\0\1honest.bin\0octet\0" + options
    s.sendto(request, (server, 69))
    sockets.append((s, len(request) + 28))
time.sleep(patience)
for s, asked in sockets:
    s.setblocking(False)
    got = 0
    try:
        while True:
            got += len(s.recv(70000)) + 28
    except BlockingIOError:
        out.append(got / asked)
print(json.dumps(out))
"""


def amplification(b):
    """Bytes out for a byte in, headers of IP and UDP counted, nothing acknowledged, from an address never seen: it could be forged."""
    out = {}
    for name in b.servers:
        server = b.start(name)
        out[name] = json.loads(b.wire.load.run("python3", "-c", AMPLIFICATION, SERVER, PATIENCE, STRANGER, timeout=PATIENCE + 20).stdout)
        server.stop()
    for i, (case, bar) in enumerate((("T8 plain", 0.8), ("T8 options", 0.3))):
        for name, factors in out.items():
            b.results.figure(case, "bytes/byte", [factors[i]], "x", peer="" if name == "dompool" else name)
        peer = min((n for n in out if n != "dompool"), key=lambda n: out[n][i])
        b.results.ratio(case, "bytes/byte", [out["dompool"][i]], [out[peer][i]], peer, bar=bar)


def half_open(b):
    """Honest transfers while HALF_OPEN others, from as many addresses, never acknowledge: all served, how much later."""
    words = ["name=honest.bin", f"size={64 << 10}", "seconds=10", "transfers=300"]
    late, unserved = [], []
    for _ in range(N):
        server = b.start("dompool")
        idle = b.load(*words)
        flood = b.wire.load.popen(b.tool, f"server={SERVER}", "name=honest.bin", "from=10.98.0.1", f"half-open={HALF_OPEN}", stdin=-1, stdout=-1)
        flood.stdout.readline()
        held = b.load(*words)
        flood.stdin.close()
        flood.wait()
        late.append(held["p50_ms"] / idle["p50_ms"])
        unserved.append(300 - held["transfers"] + held["errors"])
        server.stop()
    b.results.figure("T9 half-open", "honest unserved", unserved, "of 300", bar=0)
    b.results.figure("T9 half-open", "p50 / idle", late, "ratio", bar=2)


def make_image(store):
    """An image of the name that hosts boot by default, small, with arguments: a menu of two entries is 4 KiB."""
    files = {name: os.urandom(1000) for name in ("xen.gz", "vmlinuz", "initrd")}
    digest = hashlib.sha256(b"".join(files.values())).hexdigest()
    folder = store / "versions" / digest
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps({
        "id": digest, "name": "micro", "recipe": "micro", "xen_version": "4.17", "kernel_version": "6.1", "xen_args": "x=y " * 100,
        "kernel_args": "k=v " * 100, "built_ms": 0,
        "files": [{"name": n, "size": len(d), "sha256": hashlib.sha256(d).hexdigest()} for n, d in files.items()]}))
    (store / "tags/micro.json").write_text(json.dumps({"current": digest, "previous": ""}))


def run(build, results):
    with Wire() as wire:
        b = Bench(build, wire, results)
        for rows, what in ((RATES, rates), (LOSS, loss)):
            for row in rows:
                if not ROWS or row in ROWS:
                    what(b, row)
        for row, what in (("T5", menus), ("T8", amplification), ("T9", half_open)):
            if not ROWS or row in ROWS:
                what(b)
