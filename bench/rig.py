# SPDX-License-Identifier: Apache-2.0
"""
What the network benchmarks share: two namespaces joined by a veth pair, the server on the first core and the load on the last one, both
real-time so that other work on the machine stays out, and the CPU time that a server's processes have used.
"""

import glob
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "system", "lib"))

from netns import SERVER, SUBNET, Namespace, ip  # noqa: E402, F401

SERVER_CPU, LOAD_CPU = 0, (os.cpu_count() or 1) - 1
PRIORITY = "10"


class Wire:
    """The server's namespace and the clients', joined by one veth pair; the server's end is called as tests call it."""

    def __init__(self, addresses=()):
        self.server = Namespace("server")
        self.load = Namespace("load")
        ip("-n", self.server.name, "link", "add", "br0", "type", "veth", "peer", "name", "eth0", "netns", self.load.name)
        self.name, self.popen, self.run = self.server.name, self.server.popen, self.server.run  # what tests/system/lib/server.py wants of a Lan
        for ns, device, addrs in ((self.server, "br0", [SERVER + "/24"]), (self.load, "eth0", addresses or ["10.77.0.11/24"])):
            for address in addrs:
                ip("-n", ns.name, "addr", "add", address, "dev", device)
            ip("-n", ns.name, "link", "set", device, "up")

    def set_congestion(self, name):
        """The server's namespace default: it counts for connections made from now on to listeners that do not set their own."""
        self.server.run("sysctl", "-qw", f"net.ipv4.tcp_congestion_control={name}")

    def close(self):
        self.load.close()
        self.server.close()


def on_cpu(cpu, *argv):
    """The command line that runs argv on this core, real-time."""
    return ["chrt", "-r", PRIORITY, "taskset", "-c", str(cpu), *(str(a) for a in argv)]


def before_others(cpu, *argv):
    """
    The command line that runs argv on this core as init would, an ordinary process whose children may give way to it, but before all other
    sessions' work: this session's group has the least nice value. To be started in a session of its own.
    """
    return ["sh", "-c", 'echo -20 >/proc/self/autogroup 2>/dev/null || renice -n -20 -p $$ >/dev/null; exec "$@"', "server",
            "taskset", "-c", str(cpu), *(str(a) for a in argv)]


def pin(pid, cpu):
    """The same for a process that runs, with all its threads."""
    subprocess.run(["chrt", "-a", "-r", "-p", PRIORITY, str(pid)], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["taskset", "-a", "-c", "-p", str(cpu), str(pid)], check=True, stdout=subprocess.DEVNULL)


def descendants(pid):
    pids = [pid]
    for p in pids:
        for path in glob.glob(f"/proc/{p}/task/*/children"):
            try:
                pids += [int(c) for c in open(path).read().split()]
            except FileNotFoundError:
                pass
    return pids


def cpu_seconds(pids):
    """Time on a CPU of all threads of these processes; schedstat counts nanoseconds."""
    total = 0
    for pid in pids:
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            try:
                total += int(open(path).read().split()[0])
            except FileNotFoundError:
                pass
    return total / 1e9
