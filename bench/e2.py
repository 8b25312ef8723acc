# SPDX-License-Identifier: Apache-2.0
"""
E2: power-on to Xen's banner of eight emulated PCs, four with a card's iPXE (BIOS), four with OVMF, against dnsmasq (DHCP, TFTP) with nginx. The
same QEMU command lines, the same Xen, kernel and initrd. Ours get the loader that dompool gives such a machine: a script for the card's iPXE, and on UEFI an
iPXE of their own. Theirs get PXELINUX and GRUB with dompool's menus as files, and GRUB, which can, takes its big files from nginx. Two PCs at a time,
as a small machine can emulate no more; interleaved. Then again while 1 % of all frames are lost in each direction.

BENCH_ROWS (bios uefi bios-loss uefi-loss), BENCH_N (1) rounds of BENCH_BOOTS (4) boots a row on each side: a row at a time, where the machine is
shared.
"""

import os
import shutil
import subprocess
import tempfile
import time

from room import Room

N, BOOTS = int(os.environ.get("BENCH_N", "1")), int(os.environ.get("BENCH_BOOTS", "4"))
ROWS = {"bios": ("bios", 0), "uefi": ("uefi", 0), "bios-loss": ("bios", 1), "uefi-loss": ("uefi", 1)}
WANTED = os.environ.get("BENCH_ROWS", "").split() or list(ROWS)
HOSTS = [f"n{i}" for i in range(1, 9)]
FIRMWARE = ["bios"] * 4 + ["uefi"] * 4
MENUS = "n9"  # never switched on: wishes GRUB, and what is rendered for it is what theirs read on UEFI
AT_ONCE = 2
PATIENCE = 150  # seconds
ROOM, NETNS = "bench-e2", "dompool-bench-e2-peer"
SERVER, PORT = "10.77.0.1", 8080
VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
BANNER = b"Xen version 4."


def sh(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


class Side:
    """One of the two networks, with the same eight PCs on its bridge."""

    def __init__(self, name, netns, folder, argvs):
        self.name, self.netns, self.folder, self.argvs = name, netns, os.path.join(folder, name), {}
        for host, argv in argvs.items():
            os.makedirs(f"{self.folder}/{host}")
            self.argvs[host] = [a.replace(f"/run/dompool-{ROOM}/{host}/", f"{self.folder}/{host}/")
                                .replace(f"/run/dompool-{ROOM}/log/", f"{self.folder}/log-") for a in argv]

    def lose(self, percent):
        """So much of all frames to and from the server, where the bridge hands them over: no sender is told."""
        rule = f"numgen random mod 100 < {percent} drop"
        sh("ip", "netns", "exec", self.netns, "nft", "flush ruleset; add table bridge loss; "
           "add chain bridge loss in { type filter hook input priority 0; }; add chain bridge loss out { type filter hook output priority 0; }; "
           + (f"add rule bridge loss in {rule}; add rule bridge loss out {rule}" if percent else ""))

    def power_on(self, host):
        log = f"{self.folder}/log-{host}.serial.log"
        if os.path.exists(log):
            os.unlink(log)
        if any("pflash" in a for a in self.argvs[host]):
            shutil.copy(VARS, f"{self.folder}/{host}/vars.fd")
        return log, subprocess.Popen(["ip", "netns", "exec", self.netns, *self.argvs[host]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def boot(self, hosts):
        """Seconds to the banner for each; None: it did not come."""
        start = time.monotonic()
        on = {h: self.power_on(h) for h in hosts}
        took = dict.fromkeys(hosts)
        try:
            while None in took.values() and time.monotonic() - start < PATIENCE:
                for host, (log, _) in on.items():
                    if took[host] is None and os.path.exists(log) and BANNER in open(log, "rb").read():
                        took[host] = time.monotonic() - start
                        on[host][1].kill()  # the other one goes on alone, as on the other side
                time.sleep(0.05)
        finally:
            for _, qemu in on.values():
                qemu.kill()
                qemu.wait()
        for host in (h for h in hosts if took[h] is None):
            with open(on[host][0], errors="replace") as f:
                print(f"{self.name} {host}: no banner: ...{f.read()[-600:]!r}", flush=True)
        return [took[h] for h in hosts]


def explained_menu(room, host, firmware):
    """The menu that dompool renders for this host, as text."""
    items = room.get(f"/v1/hosts/{host}/explain?firmware={firmware}")["items"]
    menus = [i["text"] for i in items if i["kind"] == "file" and "dompool.ho" in i.get("text", "")]
    assert menus, items
    return menus[-1]


class Peer(Side):
    def __init__(self, folder, argvs, room, store):
        super().__init__("dnsmasq+nginx", NETNS, folder, argvs)
        self.servers = []
        self.make_files(room, store)
        self.make_network()
        macs = {h: room.host(h)["mac"] for h in HOSTS}
        words = ["--no-daemon", "--port=0", "--conf-file=/dev/null", "--user=root", "--interface=lab0", "--bind-interfaces", "--no-ping",
                 "--dhcp-range=10.77.0.200,10.77.0.250", "--dhcp-match=set:efi,option:client-arch,7", "--enable-tftp",
                 f"--tftp-root={self.folder}/www", f"--dhcp-leasefile={self.folder}/leases", "--pid-file",
                 "--dhcp-boot=tag:!efi,pxelinux.0", "--dhcp-boot=tag:efi,grub/x86_64-efi/core.efi",
                 *(f"--dhcp-host={macs[h]},10.77.0.{101 + i}" for i, h in enumerate(HOSTS))]
        self.start("dnsmasq", "dnsmasq", *words)
        self.start("nginx", "nginx", "-e", f"{self.folder}/nginx.log", "-c", self.nginx_conf())
        time.sleep(1)

    def make_files(self, room, store):
        www = f"{self.folder}/www"
        shutil.copytree(f"{store}/loaders", www)
        for name in ("i", "pxelinux.cfg"):
            os.makedirs(f"{www}/{name}")
        for version in os.listdir(f"{store}/versions"):
            os.symlink(f"{store}/versions/{version}", f"{www}/i/{version[:16]}")
        for host, firmware in zip(HOSTS, FIRMWARE):
            mac = room.host(host)["mac"].replace(":", "-")
            name, menu = (f"pxelinux.cfg/01-{mac}", explained_menu(room, host, "bios")) if firmware == "bios" else \
                         (f"grub/grub.cfg-01-{mac}", explained_menu(room, MENUS, "efi64"))
            with open(f"{www}/{name}", "w") as f:
                f.write(menu.replace(f"(tftp,{SERVER})", f"(http,{SERVER}:{PORT})"))
        sh("chmod", "-R", "a+rX", self.folder)

    def make_network(self):
        sh("ip", "netns", "add", NETNS)
        taps = [w for i in range(1, len(HOSTS) + 1) for w in (f"tuntap add dev tap{i} mode tap", f"link set tap{i} master lab0 up")]
        for words in ["link set lo up", "link add lab0 type bridge", f"addr add {SERVER}/24 dev lab0", "link set lab0 up", *taps]:
            sh("ip", "-n", NETNS, *words.split())
        self.lose(0)

    def nginx_conf(self):
        folder = self.folder
        with open(f"{folder}/nginx.conf", "w") as f:
            f.write(f"daemon off; worker_processes 1; user root; pid {folder}/pid; error_log {folder}/nginx.log crit;\n"
                    "events {} http { access_log off; sendfile on; tcp_nopush on; open_file_cache max=1000;\n"
                    + "".join(f"{t}_temp_path {folder}/t-{t};\n" for t in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
                    + f"server {{ listen {PORT}; root {folder}/www; }} }}\n")
        return f.name

    def start(self, name, *argv):
        self.servers.append(subprocess.Popen(["ip", "netns", "exec", NETNS, *argv], stdout=subprocess.DEVNULL, stderr=open(f"{self.folder}/{name}.err", "w")))

    def close(self):
        for s in self.servers:
            s.terminate()
            s.wait()
        subprocess.run(["ip", "netns", "del", NETNS], check=False)


def read_argvs(room):
    argvs = {}
    for host in HOSTS:
        room.lab("power", host, "on")
        with open(f"/proc/{room.host_status(host)['pid']}/cmdline") as f:
            argvs[host] = f.read().rstrip("\0").split("\0")
        room.lab("power", host, "off")
    return argvs


def row(name, ours, theirs, results):
    firmware, percent = ROWS[name]
    hosts = [h for h, f in zip(HOSTS, FIRMWARE) if f == firmware][:BOOTS]
    mine, other = [], []
    for side in (ours, theirs):
        side.lose(percent)
    for i in range(N):
        for j in range(0, len(hosts), AT_ONCE):
            pair = hosts[j:j + AT_ONCE]
            for side, times in ((ours, mine), (theirs, other)) if (i + j // AT_ONCE) % 2 else ((theirs, other), (ours, mine)):
                times += side.boot(pair)
                print(f"E2 {name} {pair}: {side.name} " + ", ".join("none" if t is None else f"{t:.1f} s" for t in times[-len(pair):]), flush=True)
    case = f"E2 {name}"
    for times, peer in ((mine, ""), (other, theirs.name)):
        came = [t for t in times if t is not None]
        results.figure(case, "boots that came", [100 * len(came) / len(times)], "%", peer=peer, least=None if peer else 100)
        if came:
            results.figure(case, "to the banner", came, "s", peer=peer)
    both = [(a, b) for a, b in zip(mine, other) if a is not None and b is not None]
    if both:
        results.ratio(case, "to the banner", [a for a, _ in both], [b for _, b in both], theirs.name, bar=1.0)


def run(build, results):
    room = Room(build, ",".join(FIRMWARE + ["uefi"]), name=ROOM, loader=",".join(["best"] * len(FIRMWARE) + ["grub-efi"]), nic="virtio-net-pci")
    folder = tempfile.mkdtemp(prefix="dompool-e2-")
    os.chmod(folder, 0o755)
    store = os.environ.get("BENCH_STORE", "/var/cache/dompool/images")
    theirs = None
    try:
        room.up_without_hosts()
        argvs = read_argvs(room)
        ours = Side("dompool", room.netns, folder, argvs)
        theirs = Peer(folder, argvs, room, store)
        for name in WANTED:
            row(name, ours, theirs, results)
    finally:
        if theirs:
            theirs.close()
        room.down()
        shutil.rmtree(folder, ignore_errors=True)
