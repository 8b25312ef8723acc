# SPDX-License-Identifier: Apache-2.0
"""
Power-on to ready of one BIOS host: dompool against the hand-made way, that is dnsmasq, PXELINUX, and the same Xen, kernel and modules in a
gzip initrd packed by hand whose busybox script starts the same daemons and says READY when `xl list` works (bench/hand). Same QEMU, same bridge,
interleaved. Time from QEMU's start; bytes and packets at the host's tap, both directions, up to ready.
"""

import glob
import json
import os
import shutil
import subprocess
import tempfile
import time

from room import Room

N = int(os.environ.get("BENCH_N", "5"))
STORE = os.environ.get("BENCH_STORE", "/var/cache/dompool/images")
PACKAGES = ["xen-utils-4.17", "libxenmisc4.17", "libyajl2", "libnl-3-200", "libnl-route-3-200", "liblzma5", "zlib1g", "libuuid1", "libc6",
            "libxencall1", "libxendevicemodel1", "libxenevtchn1", "libxenforeignmemory1", "libxengnttab1", "libxenhypfs1", "libxenstore4",
            "libxentoolcore1", "libxentoollog1", "libfdt1", "libgcc-s1"]
HERE = os.path.dirname(os.path.abspath(__file__))
NETNS = "dompool-bench-hand"
TIMEOUT = 400


def sh(*argv, **kw):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, **kw).stdout


def unpack_image(folder):
    """The node image's initrd as a tree, without dompool: the hand-made one has the same modules, libraries and daemons."""
    with open(f"{STORE}/tags/micro.json") as f:
        version = f"{STORE}/versions/{json.load(f)['current']}"
    tree = os.path.join(folder, "tree")
    os.mkdir(tree)
    sh("sh", "-c", f"zstd -dcq < {version}/initrd | cpio -idm --quiet", cwd=tree)
    for path in ["init", "usr/lib/dompool", "etc/dompool"]:
        path = os.path.join(tree, path)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)
    return version, tree


def add_xl(folder, tree):
    """xl and the libraries it needs, from Debian's packages."""
    debs = os.path.join(folder, "debs")
    root = os.path.join(folder, "root")
    os.mkdir(debs)
    os.chmod(folder, 0o755)
    sh("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *PACKAGES, cwd=debs)
    for deb in glob.glob(debs + "/*.deb"):
        sh("dpkg-deb", "-x", deb, root)
    xl = glob.glob(root + "/usr/lib/xen-4.17/bin/xl")[0]
    os.makedirs(tree + "/usr/sbin", exist_ok=True)
    shutil.copy2(xl, tree + "/usr/sbin/xl")
    todo, done = [xl], set()
    while todo:
        for line in sh("readelf", "-d", todo.pop()).splitlines():
            name = line.split("[")[1].rstrip("]") if "(NEEDED)" in line else None
            if not name or name in done:
                continue
            done.add(name)
            if glob.glob(f"{tree}/**/{name}", recursive=True):
                continue
            found = glob.glob(f"{root}/**/{name}", recursive=True)
            assert found, f"no package has {name}"
            os.makedirs(tree + "/usr/lib/x86_64-linux-gnu", exist_ok=True)
            shutil.copy2(os.path.realpath(found[0]), f"{tree}/usr/lib/x86_64-linux-gnu/{name}")
            todo.append(found[0])


def make_hand_tftp(folder):
    version, tree = unpack_image(folder)
    add_xl(folder, tree)
    shutil.copy2(HERE + "/hand/init", tree + "/init")
    os.makedirs(tree + "/bin", exist_ok=True)
    shutil.copy2(HERE + "/hand/lease", tree + "/bin/lease")
    tftp = os.path.join(folder, "tftp")
    os.makedirs(tftp + "/pxelinux.cfg")
    sh("sh", "-c", f"find . | cpio -o -H newc --quiet | gzip -9 > {tftp}/initrd.gz", cwd=tree)
    shutil.copy2("/usr/lib/PXELINUX/pxelinux.0", tftp)
    for name in ["ldlinux.c32", "mboot.c32", "libcom32.c32"]:
        shutil.copy2("/usr/lib/syslinux/modules/bios/" + name, tftp)
    for name in ["xen.gz", "vmlinuz"]:
        shutil.copy2(f"{version}/{name}", tftp)
    with open(f"{version}/manifest.json") as f:
        manifest = json.load(f)
    with open(tftp + "/pxelinux.cfg/default", "w") as f:
        f.write("DEFAULT pool\nPROMPT 0\nLABEL pool\n  KERNEL mboot.c32\n"
                f"  APPEND xen.gz console=com1 com1=115200,8n1 {manifest.get('xen_args', '')}"
                f" --- vmlinuz console=hvc0 {manifest.get('kernel_args', '')} --- initrd.gz\n")
    sh("chmod", "-R", "a+rX", folder)
    return tftp


class HandMade:
    """A namespace with the same bridge, dnsmasq in it, which gives the files of the folder @tftp, and a host of the same QEMU command line."""

    def __init__(self, folder, argv, tftp):
        self.folder = folder
        self.serial = folder + "/serial.log"
        self.argv = [a.replace("/run/dompool-bench/n1/", folder + "/").replace("/run/dompool-bench/log/n1.serial.log", self.serial)
                     for a in argv]
        sh("ip", "netns", "add", NETNS)
        for words in ["link set lo up", "link add lab0 type bridge", "addr add 10.77.0.1/24 dev lab0", "link set lab0 up",
                      "tuntap add dev tap1 mode tap", "link set tap1 master lab0 up"]:
            sh("ip", "-n", NETNS, *words.split())
        self.dnsmasq = subprocess.Popen(
            ["ip", "netns", "exec", NETNS, "dnsmasq", "--no-daemon", "--port=0", "--interface=lab0", "--bind-interfaces", "--no-ping",
             "--dhcp-range=10.77.0.200,10.77.0.250", "--dhcp-host=52:54:00:77:00:01,10.77.0.11", "--dhcp-boot=pxelinux.0", "--enable-tftp",
             f"--tftp-root={tftp}", f"--dhcp-leasefile={folder}/leases", "--pid-file"],
            stdout=subprocess.DEVNULL, stderr=open(folder + "/dnsmasq.log", "w"))

    def said(self):
        """What the host has said on its console, each line begun by a newline."""
        if not os.path.exists(self.serial):
            return ""
        with open(self.serial, errors="replace") as f:
            return "\n" + f.read().replace("\r", "\n")

    def boot(self):
        """(time of power-on, time of ready, bytes, packets)"""
        before = counters(NETNS)
        if os.path.exists(self.serial):
            os.unlink(self.serial)
        start = time.time()
        # A session of its own, as `dompool lab` gives it: the kernel shares out the processors by sessions (autogroup).
        qemu = subprocess.Popen(["ip", "netns", "exec", NETNS, *self.argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                start_new_session=True)
        try:
            while "\nREADY" not in self.said():
                assert time.time() - start < TIMEOUT and qemu.poll() is None, "the hand-made host did not become ready:\n" + self.said()[-3000:]
                time.sleep(0.05)
            end = time.time()
            after = counters(NETNS)
        finally:
            qemu.kill()
            qemu.wait()
        return start, end, after[0] - before[0], after[1] - before[1]

    def close(self):
        self.dnsmasq.terminate()
        self.dnsmasq.wait()
        sh("ip", "netns", "del", NETNS)


def counters(netns):
    s = json.loads(sh("ip", "-n", netns, "-s", "-j", "link", "show", "tap1"))[0]["stats64"]
    return s["rx"]["bytes"] + s["tx"]["bytes"], s["rx"]["packets"] + s["tx"]["packets"]


def qemu_argv(room):
    """The command line of the room's host, which is on."""
    with open(f"/proc/{room.host_status('n1')['pid']}/cmdline") as f:
        return f.read().rstrip("\0").split("\0")


def boot_ours(room, settle=0):
    """
    As HandMade.boot. The event's own time is the end: reading it later costs nothing. @settle: so many seconds more before the host is switched
    off.
    """
    last, before = room.last_event(), counters(room.netns)
    start = time.time()
    room.lab("power", "n1", "on")
    try:
        def ready():
            return [e for e in room.events(last) if e["kind"] == "boot" and e["subject"] == "n1" and e["what"] == "ready"]
        event = room.wait(ready, TIMEOUT, "n1 is ready")[0]
        after = counters(room.netns)
        time.sleep(settle)
    finally:
        room.lab("power", "n1", "off")
    return start, event["time_ms"] / 1000, after[0] - before[0], after[1] - before[1]


def from_power_on(start, end, *counts):
    return end - start, *counts


def run(build, results):
    room = Room(build, "bios", name="bench")
    folder = tempfile.mkdtemp(prefix="dompool-bench-")
    hand = None
    try:
        room.up()
        argv = qemu_argv(room)
        room.lab("power", "n1", "off")
        hand = HandMade(folder, argv, make_hand_tftp(folder))
        ours, theirs = [], []
        for i in range(N):
            theirs.append(from_power_on(*hand.boot()))
            ours.append(from_power_on(*boot_ours(room)))
            print(f"boot {i + 1}/{N}: dompool {ours[-1][0]:.1f} s, by hand {theirs[-1][0]:.1f} s", flush=True)
    finally:
        if hand:
            hand.close()
        room.down()
        shutil.rmtree(folder, ignore_errors=True)
    for i, (metric, unit) in enumerate([("time", "s"), ("bytes", "B"), ("packets", "1")]):
        a, b = [o[i] for o in ours], [t[i] for t in theirs]
        results.figure("bios", metric, a, unit)
        results.figure("bios", metric, b, unit, peer="by-hand")
        if metric == "time":
            results.ratio("bios", metric, a, b, "by-hand", interval_bar=1.05)
        else:
            results.ratio("bios", metric, a, b, "by-hand", bar=1.0)
