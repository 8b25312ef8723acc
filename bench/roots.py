# SPDX-License-Identifier: Apache-2.0
"""
From the first DHCP packet to ready, by each root, of one BIOS host: seconds and bytes on its wire, against a Debian on an NFS root made by hand
(handroot.py). Same QEMU command line, bridge and NFS server; interleaved, a round at a time, hosts one after another, all files in the server's memory.
By hand, ready is when `xl list` works in dom0; of ours, when its agent has told the server of its domains. How much of the image was read is what dom0's
kernel counted until then; by hand it is what went over the wire without the files of TFTP.

A case is a root of the image `micro`, or IMAGE/ROOT. BENCH_ROOTS names cases, BENCH_N rounds (3). A round of all takes about ten minutes under
emulation.
"""

import os
import shutil
import subprocess
import tempfile

import rootroom
from boot import NETNS, boot_ours
from handroot import HandRoot

N = int(os.environ.get("BENCH_N", "3"))
CASES = os.environ.get("BENCH_ROOTS", "ram http nfs nfs3 nbd iscsi aoe debian/nfs3 debian/nbd").split()
HAND = "by-hand"
MIB = 1 << 20
# Largest share of the time and of the bytes by hand. micro in RAM is to be that much better, the others no slower.
BARS = {"ram": (1 / 2, 1 / 1.5)}
OTHERS = (1.0, None)


class FirstDhcp:
    """The time of the first DHCP packet at the host's tap after the block has begun."""

    def __init__(self, netns):
        self.argv = ["ip", "netns", "exec", netns, "tcpdump", "-i", "tap1", "-n", "-tt", "-l", "-c", "1", "-Z", "root", "udp port 67"]

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert any(line.startswith("listening") for line in self.process.stderr), "tcpdump does not listen at tap1"
        return self

    def time(self):
        return float(self.process.stdout.readline().split()[0])

    def __exit__(self, *exc):
        self.process.kill()
        self.process.communicate()


def timed(netns, boot):
    """(seconds from the first DHCP packet, bytes) of a boot."""
    with FirstDhcp(netns) as dhcp:
        _, end, n_bytes, _ = boot()
        return end - dhcp.time(), n_bytes


def split(case):
    image, _, root = case.rpartition("/")
    return image or "micro", root


def size_of(folder):
    return int(subprocess.run(["du", "-sb", folder], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[0])


def read_all(folder):
    """So that its files are in memory."""
    subprocess.run(["find", folder, "-type", "f", "-exec", "cat", "{}", "+"], check=True, stdout=subprocess.DEVNULL)


def version_folder(room, image):
    return f"{room.store()}/versions/{room.get(f'/v1/images/{image}')['id']}"


def boot_from(room, case):
    """(seconds, bytes, share of the image that was fetched; None: the loader brought it)"""
    image, root = split(case)
    rootroom.order(room, image, root)
    seconds, n_bytes = timed(room.netns, lambda: boot_ours(room))
    if root == "ram":
        return seconds, n_bytes, None
    cost = room.host("n1")["inventory"]["root"]
    assert cost["root"].startswith(root.rstrip("3")), f"the host booted from another root: {cost['root']}"
    part = "root" if root.startswith("nfs") else "root.squashfs"
    return seconds, n_bytes, cost["fetched"] / size_of(f"{version_folder(room, image)}/{part}")


def say(number, case, seconds, n_bytes, share=None):
    read = "" if share is None else f", {100 * share:.0f} % of the image"
    print(f"roots {number}/{N}: {case} {seconds:.1f} s, {n_bytes / MIB:.1f} MiB{read}; load {os.getloadavg()[0]:.1f}", flush=True)


def measure(room, hand):
    """(runs by hand, case -> its runs)"""
    for folder in [hand.tree, *{version_folder(room, split(c)[0]) for c in CASES}]:
        read_all(folder)
    by_hand, ours = [], {c: [] for c in CASES}
    for i in range(1, N + 1):
        by_hand.append(timed(NETNS, hand.boot))
        say(i, HAND, *by_hand[-1])
        for case in CASES:
            ours[case].append(boot_from(room, case))
            say(i, case, *ours[case][-1])
    return by_hand, ours


def report_hand(results, runs, tree_size, tftp_size):
    results.figure("nfs", "DHCP to ready", [r[0] for r in runs], "s", peer=HAND)
    results.figure("nfs", "on the wire", [r[1] / MIB for r in runs], "MiB", peer=HAND)
    results.figure("nfs", "of the tree read", [100 * (r[1] - tftp_size) / tree_size for r in runs], "%", peer=HAND)


def report(results, case, ours, by_hand):
    bars = BARS.get(case, OTHERS)
    for i, (metric, unit, divisor) in enumerate([("DHCP to ready", "s", 1), ("on the wire", "MiB", MIB)]):
        a, b = [o[i] / divisor for o in ours], [h[i] / divisor for h in by_hand]
        results.figure(case, metric, a, unit)
        results.ratio(case, metric, a, b, HAND, bar=bars[i])
    if ours[0][2] is not None:
        results.figure(case, "of the image read", [100 * o[2] for o in ours], "%")


def run(build, results):
    folder, hand = tempfile.mkdtemp(prefix="dompool-bench-"), None
    try:
        with rootroom.room(build, [split(c) for c in CASES]) as room:
            try:
                hand = HandRoot(folder, room.argv)
                by_hand, ours = measure(room, hand)
                report_hand(results, by_hand, *hand.sizes())
            finally:
                if hand:
                    hand.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for case in CASES:
        report(results, case, ours[case], by_hand)
