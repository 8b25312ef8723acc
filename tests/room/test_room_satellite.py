# SPDX-License-Identifier: Apache-2.0
"""
Hosts on a LAN of their own that a satellite serves (`dompool lab up --satellite`): a BIOS and a UEFI machine boot from it, also while the main
server is off, one of them with its root by HTTP, and the main server is told afterwards.
"""
import json
import os
import subprocess
import time

import pytest

from room import Room
from test_lab import alive

MIB = 1 << 20
STAGES = ["dhcp", "loader", "menu", "xen", "kernel", "initrd", "init", "agent", "ready"]


class SatelliteRoom(Room):
    def lab(self, *words, **more):
        return super().lab(*words, *(["--satellite", "n1,n2"] if words[0] == "up" else []), **more)

    def satellite(self):
        return self.get("/v1/satellites/satellite")

    def wait_current(self):
        """The satellite has what the main server offers it."""
        self.wait(lambda: (s := self.satellite())["offered"] > 0 and s["state"] == "connected" and s["generation"] == s["offered"], 60,
                  "the satellite serves the newest generation")

    def sent_to_satellite(self):
        """Bytes that went from the main server over the line to it."""
        out = subprocess.run(["ip", "-n", self.netns, "-s", "-j", "link", "show", "up0"], check=True, stdout=subprocess.PIPE, text=True).stdout
        return json.loads(out)[0]["stats64"]["tx"]["bytes"]

    def newest(self, host):
        return next(iter(self.get(f"/v1/hosts/{host}/trace")["boots"]))  # none yet: StopIteration, which wait() takes for "not yet"

    def wait_boot(self, host, after):
        """A boot with a higher number is ready; it."""
        return self.wait(lambda: (b := self.newest(host))["boot"] > after and b["stages"][-1]["stage"] == "ready" and b, 180, f"{host} is ready")


@pytest.fixture(scope="module", name="far")
def fixture_far(build_dir):
    """Both hosts are off; the satellite has all that they need, also by HTTP."""
    room = SatelliteRoom(build_dir, "bios,uefi", name="satellitetest", loader="pxelinux,best", nic="virtio-net-pci")
    room.up_without_hosts()
    with open(room.dir + "/dompoold.conf", "a") as f:
        f.write('\nprofile "by-http" {\n\tkind = "pool"\n\troot = "http"\n}\n')
    room.lab("power", "server", "reset")
    room.wait_current()
    yield room
    room.down()


def test_a_bios_host_gets_ready_by_the_satellite(far):
    before = far.sent_to_satellite()
    far.lab("power", "n1", "on")
    far.wait_host("n1", "ready", 180)
    boot = far.newest("n1")
    assert [s["stage"] for s in boot["stages"]] == STAGES and boot["via"] == "satellite"
    status = far.host_status("n1")
    assert status["satellite"] and status["address"].startswith("10.78.0."), status
    assert far.tap_counters("n1")[0] > 15 * MIB
    assert far.sent_to_satellite() - before < 2 * MIB, "the files lay there already"


def test_hosts_boot_while_the_main_server_is_off_and_are_traced_when_it_is_back(far):
    far.cli("profile", "set", "n1", "by-http")
    far.wait_current()
    booted = far.newest("n1")["boot"]
    far.lab("power", "server", "off")
    status = far.status()
    assert status["dompoold"] == 0 and status["satellite"]["pid"] > 0
    off_ms = time.time() * 1000
    far.lab("power", "n1", "off")
    said, wire = len(far.serial_log("n1")), far.tap_counters("n1")[0]
    for host in ("n1", "n2"):
        far.lab("power", host, "on")
    for host, begin in (("n1", said), ("n2", 0)):
        far.wait(lambda: "agent: agent starts" in far.serial_log(host)[begin:], 180, f"{host} boots without the main server")
    assert far.tap_counters("n1")[0] - wire > 15 * MIB
    on_ms = time.time() * 1000
    far.lab("power", "server", "on")
    for host, after in (("n1", booted), ("n2", 0)):
        boot = far.wait_boot(host, after)
        times = {s["stage"]: s["time_ms"] for s in boot["stages"]}
        assert sorted(times, key=STAGES.index) == STAGES and boot["via"] == "satellite"
        assert off_ms <= times["dhcp"] <= times["init"] <= on_ms < times["ready"], "the true times"
        assert "via satellite satellite" in far.cli("host", "trace", host).stdout
        assert far.host(host)["state"] == "ready"
    assert "initrd-root" in far.trace("n1")["initrd"][1]
    assert "  root         http" in far.cli("host", "trace", "n1").stdout
    assert len([b for b in far.get("/v1/hosts/n1/trace")["boots"] if b["boot"] > booted]) == 1


def test_power_stops_and_starts_the_satellite_and_down_leaves_nothing_of_it(far):
    old = far.status()["satellite"]["pid"]
    far.lab("power", "satellite", "reset")
    status = far.status()
    pids = [status["satellite"]["pid"], status["dompoold"], *(h["pid"] for h in status["hosts"])]
    assert pids[0] not in (0, old) and all(alive(p) for p in pids)
    far.wait_current()
    assert "satellite runs" in far.lab("status").stdout
    assert os.path.exists(f"/run/netns/{far.netns}-satellite")
    far.down()
    assert not [p for p in pids if alive(p)]
    assert not os.path.exists(far.dir) and not os.path.exists(f"/run/netns/{far.netns}-satellite")
