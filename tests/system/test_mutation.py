# SPDX-License-Identifier: Apache-2.0
"""Live mutation: thousands of broken packets of each protocol (MUTATIONS of them; `make soak` sends a million) while honest clients,
other people's programs, are served every time. Afterwards the same processes run, as small and with as few descriptors as before."""
import json
import os
import pathlib
import subprocess
import threading
import time

import pytest

import fake_store
import mutator
from conftest import N1, N2
from netns import SERVER
from server import wait_for

MUTATIONS = int(os.environ.get("MUTATIONS", "20000"))
N3 = {"name": "n3", "mac": "52:54:00:77:00:03", "address": "10.77.0.13", "profile": "local"}
STRANGER = "02:00:00:00:00:55"
# Packets a second: below what would fill a socket's queue, where losing an honest packet is no mistake of the server's.
RATES = {"dhcp": (67, 8000), "tftp": (69, 6000), "http": (8080, 4000)}
RSS_KIB = 4096


@pytest.fixture(name="room")
def fixture_room(server, store):
    server.configure([N1, N2, N3])
    server.start()
    server.image = store
    return server


def start_mutators(room, attacker, count, seed):
    return {protocol: attacker.popen("/usr/bin/python3", mutator.__file__, protocol, SERVER, port, count, seed, rate, N1["mac"], N2["mac"], N3["mac"],
                                     STRANGER, stdout=subprocess.PIPE, text=True)
            for protocol, (port, rate) in RATES.items()}


def figures(room):
    """(process id, KiB of memory, descriptors) by role."""
    found = {}
    for role in ("boot", "files"):
        pid = room.roles()[role]
        rss = room.status(role)["VmRSS"].split()[0]
        found[role] = (pid, int(rss), len(os.listdir(f"/proc/{pid}/fd")))
    return found


class Honest:
    """Real clients in a loop: udhcpc, atftp, curl by TFTP and HTTP."""

    def __init__(self, client, image, folder):
        self.client, self.image, self.folder = client, image, pathlib.Path(folder)
        self.served, self.failures, self.slowest = 0, [], 0.0

    def fetch(self, want, *argv):
        target = self.folder / "got"
        target.unlink(missing_ok=True)
        done = self.client.run(*(a if a != "FILE" else target for a in argv), check=False)
        if not target.exists() or target.read_bytes() != want:
            self.failures.append((argv, done.returncode, done.stdout, done.stderr))

    def lease(self):
        done = self.client.run("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "20", "-T", "1", "-s", "/bin/true", check=False)
        if "obtained from " + SERVER not in done.stdout + done.stderr:
            self.failures.append(("udhcpc", done.stdout, done.stderr))

    def round(self):
        loader, initrd = fake_store.LOADERS["pxelinux.0"], fake_store.FILES["initrd"]
        path = f"i/{self.image[:16]}/initrd"
        for one in (self.lease,
                    lambda: self.fetch(loader, "atftp", "--option", "blksize 1428", "-g", "-r", "pxelinux.0", "-l", "FILE", SERVER),
                    lambda: self.fetch(initrd, "curl", "-sSf", "-o", "FILE", f"tftp://{SERVER}/{path}"),
                    lambda: self.fetch(initrd, "curl", "-sSf", "--max-time", "30", "-o", "FILE", f"http://{SERVER}:8080/{path}")):
            started = time.monotonic()
            one()
            self.slowest = max(self.slowest, time.monotonic() - started)
            self.served += 1

    def run_while(self, going):
        while going():
            self.round()


def finish(processes):
    return {protocol: json.loads(p.communicate(timeout=60 + MUTATIONS / 200)[0]) for protocol, p in processes.items()}


def test_honest_clients_are_served_while_packets_are_broken(room, tmp_path):
    attacker = room.lan.client(N3["mac"], N3["address"])
    client = room.lan.client(N1["mac"], N1["address"])
    finish(start_mutators(room, attacker, 500, 1))  # what is made once is made now
    wait_for(lambda: figures(room)["boot"][2] < 40, 60, 0.5)
    before = figures(room)

    mutators = start_mutators(room, attacker, MUTATIONS, 2)
    honest = Honest(client, room.image, tmp_path)
    thread = threading.Thread(target=honest.run_while, args=(lambda: any(p.poll() is None for p in mutators.values()),))
    thread.start()
    sent = finish(mutators)
    thread.join()
    print(sent, f"{honest.served} honest requests, the slowest took {honest.slowest:.2f} s")

    assert honest.failures == []
    assert honest.served >= 8
    assert all(s["sent"] == MUTATIONS and s["answered"] > MUTATIONS // 100 for s in sent.values()), sent
    wait_for(lambda: all(figures(room)[role][2] <= before[role][2] + 2 for role in before), 60, 0.5)
    after = figures(room)
    for role, (pid, rss, _) in before.items():
        assert after[role][0] == pid, f"{role} is another process"
        assert after[role][1] <= rss + RSS_KIB, f"{role} grew from {rss} to {after[role][1]} KiB"
    honest.round()
    assert honest.failures == []
