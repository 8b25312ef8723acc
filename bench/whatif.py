# SPDX-License-Identifier: Apache-2.0
"""
How long it takes to say how the boots of a whole room would change (`dompool profile set --all pool --diff`), what core holds meanwhile, and how
long others wait for an answer then: another client asks GET /v1/server all the time. 10,000 hosts that boot their own disk.
"""

import os
import subprocess
import threading
import time

import rig
from udprig import Dompoold, Wire  # first: it says where the tests' library is

from server import UnixConnection

N = int(os.environ.get("BENCH_N", "5"))
HOSTS = int(os.environ.get("BENCH_HOSTS", "10000"))
CASE = f"{HOSTS} hosts"


def mac(i):
    return f"02:00:00:00:{i >> 8:02x}:{i & 255:02x}"


class Room(Dompoold):
    def __init__(self, wire, build):
        os.environ["BUILD_DIR"] = build
        import fake_store
        super().__init__(wire, build, hosts=f'host "n0" {{ mac = "{mac(0)}" profile = "local" }}\n')
        for name in ("versions", "tags"):
            (self.store / name).rmdir()
        fake_store.make_image(self.store)
        self.add_hosts({"name": f"n{i}", "mac": mac(i)} for i in range(1, HOSTS))
        time.sleep(3)
        self.core = next(p for p in self.pids() if open(f"/proc/{p}/comm").read().strip() == "dompoold:core")
        self.socket = self.path / "run/api.sock"
        self.client = os.path.join(build, "src/dompool")

    def memory(self, what):
        """VmRSS or VmHWM of core, MiB."""
        return next(int(line.split()[1]) for line in open(f"/proc/{self.core}/status") if line.startswith(what)) / 1024

    def forget_peak(self):
        with open(f"/proc/{self.core}/clear_refs", "w") as f:
            f.write("5")

    def ask(self):
        connection = UnixConnection(self.socket)
        connection.request("GET", "/v1/server")
        assert connection.getresponse().status == 200
        connection.close()


def one(room):
    room.forget_peak()
    before, cpu, waits, done = room.memory("VmRSS"), rig.cpu_seconds([room.core]), [], []

    def compare():
        begin = time.monotonic()
        got = subprocess.run([room.client, "-s", f"unix:{room.socket}", "profile", "set", "--all", "pool", "--diff"], capture_output=True, text=True)
        done.append(time.monotonic() - begin)
        assert got.returncode == 1 and got.stdout.endswith(f"{HOSTS} compared, 0 boot as before\n"), got.stderr + got.stdout[-200:]

    asking = threading.Thread(target=compare)
    asking.start()
    while asking.is_alive():
        begin = time.monotonic()
        room.ask()
        waits.append((time.monotonic() - begin) * 1e3)
        time.sleep(0.002)
    asking.join()
    assert done
    return {"seconds": done[0], "cpu": rig.cpu_seconds([room.core]) - cpu, "MiB": room.memory("VmHWM") - before, "wait": max(waits), "served": len(waits)}


def run(build, results):
    with Wire() as wire:
        room = Room(wire, build)
        runs = []
        for i in range(N):
            runs.append(one(room))
            print(f"{CASE} {i + 1}/{N}: {runs[-1]}", flush=True)
    results.figure(CASE, "time", [r["seconds"] for r in runs], "s")
    results.figure(CASE, "cpu of core", [r["cpu"] for r in runs], "s", bar=2)
    results.figure(CASE, "memory of core, more", [r["MiB"] for r in runs], "MiB")
    results.figure(CASE, "longest wait of others", [r["wait"] for r in runs], "ms", bar=500)
