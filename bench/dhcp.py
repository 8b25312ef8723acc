# SPDX-License-Identifier: Apache-2.0
"""
DHCP against coredhcp, ISC dhcpd, Kea and dnsmasq in the same run, interleaved: every round starts each server once. BENCH_N (5) rounds of
BENCH_SECONDS (1) each; BENCH_HOSTS (50000) hosts that are known and have fixed addresses, asked for as a PXE ROM asks, through a relay agent.

    D1 D2  full exchanges, 64 at once: exchanges/s and the 99th percentile        D4  start to first answer, memory
    D3     one at a time: the median                                              D6  exchanges/s while 5,000 strangers a second ask
    D5     new leases from the pool: on disk before the ACK (Kea does not sync, ISC does)
    D7     proxyDHCP: offers/s to 2,000 hosts, all known by MAC, against dnsmasq with --pxe-service

Hosts are put into core's database by copying the row of the first one: the API takes one at a time.
"""

import json
import os
import time

import rig
from udprig import CLIENT, SERVER, Dompoold, Peers, Server, Wire

N = int(os.environ.get("BENCH_N", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "1"))
HOSTS = int(os.environ.get("BENCH_HOSTS", "50000"))
ROWS = os.environ.get("BENCH_ROWS", "").split()
PEERS = os.environ.get("BENCH_PEERS", "coredhcp isc kea dnsmasq").split()  # a round with dnsmasq takes 40 seconds longer
FLIGHT = 64
ROGUES = 5000
NEW_LEASES = 8000  # a round
PROXY_HOSTS = 2000
BASE = 32          # host i has 10.99.BASE.0 + i
POOL = f"10.99.{BASE}.1", "10.99.231.254"
BOOT_FILE = "pxelinux.0"


def mac(i):
    return f"02:00:00:{i >> 16:02x}:{i >> 8 & 255:02x}:{i & 255:02x}"


def address(i):
    return f"10.99.{BASE + (i >> 8)}.{i & 255}"


class Ours(Dompoold):
    """With hosts 1..HOSTS in its database, with fixed addresses or without."""

    def __init__(self, wire, build, fixed):
        first = f'host "h1" {{ mac = "{mac(1)}" {"address = " + chr(34) + address(1) + chr(34) if fixed else ""} profile = "local" }}'
        super().__init__(wire, build, first, f'range = "{POOL[0]}-{POOL[1]}"', name="dompool" if fixed else "dompool-pool")
        self.name = "dompool"
        self.add_hosts({"name": f"h{i}", "mac": mac(i), **({"address": address(i)} if fixed else {})} for i in range(2, HOSTS + 1))
        self.wait_idle()
        self.stop()

    def wait_idle(self):
        """Until all roles have done what a start makes them do: two seconds without work, for core also waits for its disk."""
        idle, end = 0, time.monotonic() + 60
        while idle < 4 and time.monotonic() < end:
            before = self.cpu()
            time.sleep(0.5)
            idle = idle + 1 if self.cpu() - before < 0.02 else 0

    def boot_pids(self):
        """Of the role that answers DHCP."""
        return [p for p in self.pids() if open(f"/proc/{p}/comm", encoding="ascii").read().strip() == "dompoold:boot"]

    def boot_memory(self):
        return self.memory(self.boot_pids())

    def boot_cpu(self):
        return rig.cpu_seconds(self.boot_pids())


class OurProxy(Dompoold):
    """Beside another server's addresses: hosts 1..PROXY_HOSTS boot from another machine, which needs no image."""

    def __init__(self, wire, build):
        first = f"""profile "away" {{ kind = "chain" server = "{CLIENT}" file = "{BOOT_FILE}" }}
host "h1" {{ mac = "{mac(1)}" profile = "away" }}"""
        super().__init__(wire, build, first, 'mode = "proxy"', name="dompool-proxy")
        self.add_hosts({"name": f"h{i}", "mac": mac(i)} for i in range(2, PROXY_HOSTS + 1))
        self.stop()


class Bench:
    def __init__(self, build, wire, results):
        self.build, self.wire, self.results = build, wire, results
        self.tool = os.path.join(build, "bench/dhcpbench")
        self.where = Peers(os.path.join(build, "bench/peers"))

    def write(self, name, lines):
        path = self.wire.folder / name
        path.write_text("\n".join(lines) + "\n")
        return path

    def server(self, name, program, packages, words, env=None):
        path = self.where.get(program, *packages)
        return Server(self.wire, name, [path, *words], env={**self.where.env, **(env or {})}) if path else None

    def coredhcp(self, fixed):
        """Without a boot file: its plugins for fixed addresses and for boot files each end the chain."""
        leases = self.write("coredhcp.hosts", (f"{mac(i)} {address(i)}" for i in range(1, HOSTS + 1)))
        conf = self.write("coredhcp.yml", ["server4:", "  listen: '0.0.0.0'", "  plugins:", "    - lease_time: 43200s", f"    - server_id: {SERVER}",
                                            "    - netmask: 255.255.0.0", f"    - router: {SERVER}", f"    - file: {leases}"])
        return self.server("coredhcp", "/usr/bin/coredhcp", ["coredhcp-server"], ["--conf", conf]) if fixed else None

    def isc(self, fixed):
        hosts = (f"host h{i} {{ hardware ethernet {mac(i)}; fixed-address {address(i)}; }}" for i in range(1, HOSTS + 1)) if fixed else ()
        pool = "" if fixed else f"range {POOL[0]} {POOL[1]};"
        conf = self.write(f"isc-{fixed}.conf", ["authoritative; ping-check false; default-lease-time 43200; max-lease-time 43200;",
                                                f"subnet 10.99.0.0 netmask 255.255.0.0 {{ {pool} option routers {SERVER}; next-server {SERVER};"
                                                f' filename "{BOOT_FILE}"; }}', *hosts])
        leases = self.write(f"isc-{fixed}.leases", [])
        return self.server("isc", "/usr/sbin/dhcpd", ["isc-dhcp-server"],
                           ["-4", "-f", "-cf", conf, "-lf", leases, "-pf", self.wire.folder / "isc.pid", "br0"])

    def kea(self, fixed):
        subnet = {"subnet": "10.99.0.0/16", "id": 1, "next-server": SERVER, "boot-file-name": BOOT_FILE,
                  "option-data": [{"name": "routers", "data": SERVER}]}
        if fixed:
            subnet["reservations"] = [{"hw-address": mac(i), "ip-address": address(i)} for i in range(1, HOSTS + 1)]
        else:
            subnet["pools"] = [{"pool": f"{POOL[0]} - {POOL[1]}"}]
        folder = self.wire.folder
        conf = self.write(f"kea-{fixed}.conf", [json.dumps({"Dhcp4": {
            "interfaces-config": {"interfaces": ["br0"]}, "valid-lifetime": 43200, "subnet4": [subnet],
            "lease-database": {"type": "memfile", "persist": True, "name": str(folder / f"kea-{fixed}.csv")},
            "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": str(folder / "kea.log")}]}]}})])
        return self.server("kea", "/usr/sbin/kea-dhcp4", ["kea-dhcp4-server", "kea-common", "liblog4cplus-2.0.5", "libmariadb3"], ["-c", conf],
                           {"KEA_PIDFILE_DIR": str(folder), "KEA_LOCKFILE_DIR": "none"})

    def dnsmasq(self, fixed):
        hosts = self.write("dnsmasq.hosts", (f"{mac(i)},{address(i)}" for i in range(1, HOSTS + 1)))
        log = self.wire.folder / "dnsmasq.syslog"
        return self.server("dnsmasq", "/usr/sbin/dnsmasq", ["dnsmasq-base"],
                           ["--keep-in-foreground", "--port=0", "--conf-file=/dev/null", "--user=root", "--pid-file", "--no-ping", "--interface=br0",
                            f"--dhcp-leasefile={self.wire.folder}/dnsmasq.leases", f"--log-facility={log}", f"--dhcp-boot={BOOT_FILE}",
                            "--dhcp-lease-max=100000", "--dhcp-range=10.99.0.0,static,255.255.0.0,12h", f"--dhcp-hostsfile={hosts}"]) if fixed else None

    def dnsmasq_proxy(self):
        """As `pxe` of its manual page; who is not in the list of hosts gets nothing."""
        hosts = self.write("dnsmasq-proxy.hosts", (f"{mac(i)},set:known" for i in range(1, PROXY_HOSTS + 1)))
        path = self.where.get("/usr/sbin/dnsmasq", "dnsmasq-base")
        return Server(self.wire, "dnsmasq-proxy", [path, "--keep-in-foreground", "--port=0", "--conf-file=/dev/null", "--user=root", "--pid-file",
                                                   "--interface=br0", f"--log-facility={self.wire.folder}/dnsmasq-proxy.syslog",
                                                   "--dhcp-range=10.99.0.0,proxy,255.255.0.0", f"--dhcp-hostsfile={hosts}", "--dhcp-ignore=tag:!known",
                                                   f"--pxe-service=tag:known,x86PC,Network,{BOOT_FILE.removesuffix('.0')}",
                                                   f"--dhcp-leasefile={self.wire.folder}/dnsmasq-proxy.leases"]) if path else None

    def servers(self, fixed, names):
        made = {"dompool": Ours(self.wire, self.build, fixed)}
        for name in names:
            server = getattr(self, name)(fixed)
            if server:
                made[name] = server
        return made

    def load(self, *words, fixed=True):
        base = [f"base=10.99.{BASE}.0"] if fixed else []
        return self.wire.generate(self.tool, f"server={SERVER}", f"relay={CLIENT}", *base, *words)

    def first_answer(self, server):
        """Starts it; seconds until it answers its first DISCOVER."""
        start = time.monotonic()
        if isinstance(server, Dompoold):
            server.launch()
        else:
            server.start()
        while self.load("hosts=1", "first=1", "flight=1", "exchanges=1", "seconds=0.02", "offers=1")["exchanges"] == 0:
            if time.monotonic() - start > 60 or server.process.poll() is not None:
                raise RuntimeError(f"{server.name} does not answer:\n{server.log()[-3000:]}")
        return time.monotonic() - start

    def costed(self, server, *words, fixed=True):
        """load(), with the CPU time of an exchange. Of ours until all roles are idle: what core does with it comes later, and is part of its price."""
        ours = isinstance(server, Ours)
        before, boot_before = server.cpu(), server.boot_cpu() if ours else 0
        got = self.load(*words, fixed=fixed)
        if ours:
            got["boot_us"] = (server.boot_cpu() - boot_before) / max(1, got["exchanges"]) * 1e6
            server.wait_idle()
        got["cpu_us"] = (server.cpu() - before) / max(1, got["exchanges"]) * 1e6
        return got

    def known_hosts(self, name, server):
        """One server's part of a round for D1 to D4 and D6."""
        a = {"start_s": self.first_answer(server)}
        ours = isinstance(server, Ours)
        if ours:
            server.wait_idle()
        # Warm: all have a lease, or of dnsmasq's, who writes all that there are for each, as many as it gives in 20 s.
        self.load(f"hosts={HOSTS}", "first=1", f"flight={FLIGHT}", f"exchanges={HOSTS}", "seconds=20")
        if ours:
            server.wait_idle()
            a["boot_mib"] = server.boot_memory() / 2**20
        a["all_mib"] = server.memory() / 2**20
        for key, words in (("storm", [f"flight={FLIGHT}"]), ("one", ["flight=1"]), ("flood", [f"flight={FLIGHT}", f"rogues={ROGUES}"])):
            a[key] = self.costed(server, f"hosts={HOSTS}", "first=1", f"seconds={SECONDS}", *words)
            assert a[key]["wrong"] == 0, (name, key, a[key])
        server.stop()
        return a

    def new_leases(self, name, server, i):
        self.first_answer(server)
        if isinstance(server, Ours):
            server.wait_idle()
        got = self.costed(server, f"hosts={NEW_LEASES}", f"first={2 + i * NEW_LEASES}", f"flight={FLIGHT}", f"exchanges={NEW_LEASES}", "seconds=2",
                          fixed=False)
        server.stop()
        return got

    def offers(self, name, server, _):
        self.first_answer(server)
        time.sleep(1)
        got = self.costed(server, f"hosts={PROXY_HOSTS}", "first=1", f"flight={FLIGHT}", f"seconds={SECONDS}", "offers=1", fixed=False)
        server.stop()
        return got

    def rounds(self, servers, what):
        names = list(servers)
        runs = []
        for i in range(N):
            order = names[i % len(names):] + names[:i % len(names)]
            runs.append({n: what(n, servers[n], i) for n in order})
        return runs

    def row(self, case, runs, pick, unit, bars, largest=True):
        """Figures of all, ratios to the peers with BARS: {peer: bar}."""
        self.results.figure(case, unit, [pick(r["dompool"]) for r in runs], unit)
        for n in runs[0]:
            if n != "dompool":
                self.results.figure(case, unit, [pick(r[n]) for r in runs], unit, peer=n)
        for n, bar in bars.items():
            if n in runs[0]:
                self.results.ratio(case, unit, [pick(r["dompool"]) for r in runs], [pick(r[n]) for r in runs], n,
                                   **{"least" if largest else "bar": bar})


def known(b):
    servers = b.servers(True, PEERS)
    runs = b.rounds(servers, lambda n, s, i: b.known_hosts(n, s))
    print(f"dhcp: generator busy {max(r['dompool']['storm']['busy'] for r in runs):.0%}, "
          f"unanswered {sum(r['dompool'][k]['failed'] for r in runs for k in ('storm', 'one', 'flood'))}", flush=True)
    b.row("D1 64 at once", runs, lambda a: a["storm"]["per_s"], "1/s", {"coredhcp": 4, "isc": 8, "kea": 12, "dnsmasq": 500})
    b.row("D1 64 at once", runs, lambda a: a["storm"]["cpu_us"], "CPU us", {})
    b.results.figure("D1 64 at once", "CPU us, boot", [r["dompool"]["storm"]["boot_us"] for r in runs], "CPU us")
    b.row("D2 64 at once", runs, lambda a: a["storm"]["p99_ms"], "p99 ms", {"coredhcp": 0.2}, largest=False)
    b.row("D3 one", runs, lambda a: a["one"]["p50_ms"], "p50 ms", {"isc": 0.75}, largest=False)
    b.row("D4 start", runs, lambda a: a["start_s"], "s", {"coredhcp": 1.0}, largest=False)
    # ISC's process answers DHCP and nothing else: it is compared with the role that does. All roles besides, with database, API and HTTP.
    b.row("D4 memory, DHCP", runs, lambda a: a.get("boot_mib", a["all_mib"]), "MiB", {"isc": 0.5}, largest=False)
    b.results.figure("D4 memory, all roles", "MiB", [r["dompool"]["all_mib"] for r in runs], "MiB")
    b.row("D6 flood", runs, lambda a: a["flood"]["per_s"], "1/s", {"isc": 2})


def pool(b):
    servers = b.servers(False, ["kea", "isc"])
    for server in servers.values():  # real-time roles would wait for each other, a tenth of a second at a time, as in no installation
        server.placed = rig.before_others
    runs = b.rounds(servers, b.new_leases)
    b.row("D5 new leases", runs, lambda a: a["per_s"], "1/s", {"kea": 2, "isc": 50})
    b.row("D5 new leases", runs, lambda a: a["cpu_us"], "CPU us", {})
    b.results.figure("D5 new leases", "CPU us, boot", [r["dompool"]["boot_us"] for r in runs], "CPU us")


def proxy(b):
    servers = {"dompool": OurProxy(b.wire, b.build)}
    peer = b.dnsmasq_proxy()
    if peer:
        servers["dnsmasq"] = peer
    runs = b.rounds(servers, b.offers)
    b.row("D7 proxy offers", runs, lambda a: a["per_s"], "1/s", {"dnsmasq": 10})
    b.row("D7 proxy offers", runs, lambda a: a["cpu_us"], "CPU us", {})


def run(build, results):
    with Wire() as wire:
        b = Bench(build, wire, results)
        if not ROWS or set(ROWS) & {"D1", "D2", "D3", "D4", "D6"}:
            known(b)
        if not ROWS or "D5" in ROWS:
            pool(b)
        if not ROWS or "D7" in ROWS:
            proxy(b)
