# SPDX-License-Identifier: Apache-2.0
"""A boot LAN out of network namespaces: one for the server with a bridge, one for each client, joined by veth pairs.

No packet leaves the machine: no namespace has a way out. Names hold the process id, so that several test runs do not meet.
"""
import itertools
import os
import subprocess

SERVER = "10.77.0.1"
SUBNET = "10.77.0.0/24"

_serial = itertools.count(1)


def ip(*argv, check=True):
    return subprocess.run(["ip", *argv], check=check, capture_output=True, text=True).stdout


class Namespace:
    """A network namespace; `run` and `popen` start programs in it."""

    def __init__(self, what):
        self.name = f"dp{os.getpid()}-{next(_serial)}-{what}"
        ip("netns", "add", self.name)
        ip("-n", self.name, "link", "set", "lo", "up")

    def argv(self, *argv):
        return ["ip", "netns", "exec", self.name, *(str(a) for a in argv)]

    def run(self, *argv, check=True, timeout=60, **kwargs):
        kwargs.setdefault("capture_output", True)
        kwargs.setdefault("text", True)
        return subprocess.run(self.argv(*argv), check=check, timeout=timeout, **kwargs)

    def popen(self, *argv, **kwargs):
        return subprocess.Popen(self.argv(*argv), **kwargs)

    def pids(self):
        return [int(p) for p in ip("netns", "pids", self.name, check=False).split()]

    def close(self):
        ip("netns", "del", self.name, check=False)


class Client(Namespace):
    """A machine on the boot LAN with the interface eth0; it has an address only where the test gives it one."""

    def __init__(self, lan, mac, address=None):
        super().__init__("client")
        self.mac = mac
        port = f"c{self.name.split('-')[1]}"
        ip("-n", lan.name, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("-n", self.name, "link", "set", "eth0", "address", mac)
        ip("-n", lan.name, "link", "set", port, "master", "br0", "up")
        ip("-n", self.name, "link", "set", "eth0", "up")
        if address:
            ip("-n", self.name, "addr", "add", f"{address}/24", "dev", "eth0")

    def power(self, on):
        """Without power no packet comes or goes, and nobody is told."""
        ip("-n", self.name, "link", "set", "eth0", "up" if on else "down")


class Lan(Namespace):
    """The server's namespace: the bridge br0 with the server's address."""

    def __init__(self):
        super().__init__("server")
        self.clients = []
        ip("-n", self.name, "link", "add", "br0", "type", "bridge", "forward_delay", "0", "stp_state", "0")
        ip("-n", self.name, "addr", "add", f"{SERVER}/24", "dev", "br0")
        ip("-n", self.name, "link", "set", "br0", "up")

    def client(self, mac="52:54:00:77:00:01", address=None):
        client = Client(self, mac, address)
        self.clients.append(client)
        return client

    def close(self):
        for client in self.clients:
            client.close()
        super().close()
