# SPDX-License-Identifier: Apache-2.0
"""A main server and a satellite with a LAN of its own, three network namespaces and more: the LANs are joined by a routed link.

    main 10.77.0.1 --- br0, its boot LAN           main and satellite: up0, 10.79.0.0/30, each with a route to the other's LAN
    satellite 10.78.0.1 --- br0, its boot LAN      hosts there have 10.78.0.1 as router

No packet leaves the machine.
"""
import pathlib
import re
import subprocess

import api_room
import fake_store
import netns
from fake_agent import FakeAgent
from server import BUILD, Server, wait_for

MAIN, SATELLITE = "10.77.0.1", "10.78.0.1"
S1_MAC, S2_MAC, M1_MAC, UNKNOWN_MAC = "52:54:00:78:00:01", "52:54:00:78:00:02", "52:54:00:77:00:01", "52:54:00:78:00:99"
HOSTS = [
    {"name": "s1", "mac": S1_MAC, "profile": "pool", "labels": "north desk"},
    {"name": "s2", "mac": S2_MAC, "profile": "pool", "labels": "north"},
    {"name": "m1", "mac": M1_MAC, "profile": "pool"},
]
LEASE_SCRIPT = """#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr flush dev eth0
ip addr add $ip/24 dev eth0
ip route add default via $router
"""


class Satellite(Server):
    """`dompoold --satellite` on a Lan of its own."""

    def __init__(self, lan, folder):
        super().__init__(lan, folder)
        self.enrolment = self.folder / "enrolment"

    def configure(self, hosts=(), top="", network=f'router = "{SATELLITE}"', api=""):
        self.config.write_text(
            f'state-dir = "{self.state}"\nrun-dir = "{self.run_dir}"\nimage-store = "{self.store}"\n'
            f'guest-files = "{self.guests}"\nsatellite = "{self.enrolment}"\n{top}\n'
            f'network {{\n interface = "br0"\n subnet = "10.78.0.0/24"\n range = "10.78.0.100-10.78.0.199"\n{network}\n}}\n')

    def enrol(self, line):
        self.enrolment.write_text(line)
        self.enrolment.chmod(0o600)

    def start(self, *options, **kwargs):
        return super().start("--satellite", *options, **kwargs)


class Room:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.folder = folder
        self.lan, self.lan2 = netns.Lan(), netns.Lan()
        self._join()
        for name in ("main", "satellite"):
            (folder / name).mkdir()
        self.main, self.satellite = Server(self.lan, folder / "main"), Satellite(self.lan2, folder / "satellite")
        self.main.configure(HOSTS)
        self.satellite.configure()
        self.clients = {}
        fake_store.make_loaders(self.main.store)
        self.image = fake_store.make_image(self.main.store)
        script = folder / "lease.sh"
        script.write_text(LEASE_SCRIPT)
        script.chmod(0o755)

    def _join(self):
        a, b = self.lan.name, self.lan2.name
        netns.ip("-n", b, "addr", "flush", "dev", "br0")
        netns.ip("-n", b, "addr", "add", f"{SATELLITE}/24", "dev", "br0")
        netns.ip("-n", a, "link", "add", "up0", "type", "veth", "peer", "name", "up0", "netns", b)
        for ns, own, other, net in ((a, "10.79.0.1", "10.79.0.2", "10.78.0.0/24"), (b, "10.79.0.2", "10.79.0.1", "10.77.0.0/24")):
            netns.ip("-n", ns, "addr", "add", f"{own}/30", "dev", "up0")
            netns.ip("-n", ns, "link", "set", "up0", "up")
            netns.ip("-n", ns, "route", "add", net, "via", other)
        for lan in (self.lan, self.lan2):
            lan.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")

    # ---- life ----

    def enrol(self, name="north", label=None):
        """`dompool satellite add`, and its line where the satellite looks for it."""
        done = api_room.dompool(self.main, "satellite", "add", name, *(["--label", label] if label else []))
        assert done.returncode == 0, done.stderr
        self.satellite.enrol(done.stdout)
        return done.stdout.strip()

    def start(self):
        self.main.start()
        self.enrol()
        self.satellite.start()
        self.wait_current()
        return self

    def wait_current(self, seconds=60):
        """Until the satellite serves the newest generation; its state at the main server."""
        def current():
            s = self.state()
            return s if s["state"] == "connected" and s["offered"] and s["generation"] == s["offered"] else None
        return wait_for(current, seconds)

    def state(self, name="north"):
        return self.main.get(f"/v1/satellites/{name}")

    def link(self, up):
        netns.ip("-n", self.lan2.name, "link", "set", "up0", "up" if up else "down")
        if up:
            netns.ip("-n", self.lan2.name, "route", "replace", "10.77.0.0/24", "via", "10.79.0.1")

    def main_away(self, sig="kill"):
        if sig == "kill":
            self.main.crash()
        else:
            self.main.stop()

    def close(self):
        for s in (self.satellite, self.main):
            try:
                s.stop()
            finally:
                s.kill()
        self.lan2.close()
        self.lan.close()

    # ---- hosts of the satellite ----

    def client(self, mac):
        if mac not in self.clients:
            self.clients[mac] = self.lan2.client(mac)
        return self.clients[mac]

    def lease(self, mac, check=True):
        """A real DHCP client that says it is firmware; its address."""
        c = self.client(mac)
        done = c.run("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "20" if check else "3", "-T", "1", "-V", "PXEClient:Arch:00000:UNDI:002001", "-x", "0x5d:0000",
                     "-s", self.folder / "lease.sh", check=False, timeout=60)
        found = re.search(r"lease of ([0-9.]+) obtained", done.stdout + done.stderr)
        assert found or not check, done.stdout + done.stderr
        return found and found[1]

    def get(self, mac, url, check=True):
        done = self.client(mac).run("curl", "-s", "-S", "-f", "--max-time", "30", url, check=False, text=False)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout if done.returncode == 0 else None

    def tftp(self, mac, name):
        to = self.folder / "fetched"
        to.unlink(missing_ok=True)
        done = self.client(mac).run("atftp", "-g", "-r", name, "-l", to, SATELLITE, check=False)
        assert done.returncode == 0 and to.exists(), done.stdout + done.stderr
        return to.read_bytes()

    def menu(self, mac):
        """As PXELINUX gets it, and the words of dom0's command line."""
        menu = self.tftp(mac, f"pxelinux.cfg/01-{mac.replace(':', '-')}").decode()
        return menu, dict(re.findall(r"(dompool\.\w+)=(\S+)", menu))

    def boot(self, mac):
        """As firmware, PXELINUX and dompool-init do it; the words of dom0's command line."""
        self.lease(mac)
        assert self.tftp(mac, "pxelinux.0") == fake_store.LOADERS["pxelinux.0"]
        menu, words = self.menu(mac)
        for path in re.findall(r"/?(i/[0-9a-f]{16}/[\w.]+)", menu):
            assert self.get(mac, f"http://{SATELLITE}:8080/{path}") == fake_store.FILES[path.rsplit("/", 1)[1]], path
        report = f'{{"token":"{words["dompool.token"]}","stage":"init","text":"first light","failed":false,"uptime_ms":900}}'
        self.client(mac).run("curl", "-s", "-f", "-d", report, "-H", "Content-Type: application/json", f"http://{SATELLITE}:8080/boot/report")
        return words

    def agent(self, mac, words):
        """The host's agent: it goes where the menu says, from the host."""
        address, port = words["dompool.agent"].split(":")
        a = FakeAgent(address, int(port), token=words["dompool.token"], netns=self.client(mac).name)
        a.start()
        return a

    def real_agent(self, mac, words):
        """The agent of the node image, as dompool-init starts it, with a simulated hypervisor; the caller ends it."""
        address, port = words["dompool.agent"].split(":")
        folder = self.folder / f"agent-{words['dompool.host']}"
        folder.mkdir(mode=0o755, exist_ok=True)
        with open(folder / "log", "ab") as log:
            return self.client(mac).popen(BUILD / "src/dompool-agent", "--server", address, "--agent-port", port, "--fingerprint",
                                          words["dompool.fp"], "--token", words["dompool.token"], "--host", words["dompool.host"], "--run-dir",
                                          folder / "run", "--simulated", f"state={folder}/state", stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def trace(self, host):
        return self.main.get(f"/v1/hosts/{host}/trace")["boots"]

    def events(self, **wanted):
        return [e for e in self.main.get("/v1/events?limit=10000")["events"] if all(e[k] == v for k, v in wanted.items())]
