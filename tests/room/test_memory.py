# SPDX-License-Identifier: Apache-2.0
"""
How little memory dom0 of micro needs: a host with 256 MiB creates and destroys guests for ten minutes. With 224, which the guards
refuse, the kernel cannot unpack the initrd. Part of `make soak`; DOMPOOL_SOAK_SECONDS shortens the ten minutes.
"""

import os
import re
import time

import pytest

from room import Room

PROMISED = 256
TOO_LITTLE = 224
SECONDS = int(os.environ.get("DOMPOOL_SOAK_SECONDS", "600"))
AT_ONCE = 4  # guests that live at a time


@pytest.fixture(scope="module", name="room256")
def fixture_room256(build_dir):
    room = Room(build_dir, "bios", "dompool.shell=1", name="memtest", loader="pxelinux", nic="virtio-net-pci")
    room.up_without_hosts()
    with open(room.dir + "/dompoold.conf", "a") as f:
        for mib in (PROMISED, TOO_LITTLE):
            f.write(f'\nprofile "m{mib}" {{\n\tkind = "pool"\n\txen-args = "dom0_mem={mib}M,max:{mib}M"\n}}\n')
        f.write(f'\nrule "little" {{\n\thosts = "n1"\n\tprofile = "m{TOO_LITTLE}"\n}}\n')
    room.lab("power", "server", "reset")
    yield room
    room.down()


def boot(room):
    room.cli("profile", "set", "n1", f"m{PROMISED}")
    room.lab("power", "n1", "off", check=False)
    before = room.host("n1")["boot"]
    room.lab("power", "n1", "on")
    room.wait(lambda: room.host("n1")["boot"] > before, 120, "a new boot")
    room.wait_host("n1", "ready", 240)


def available_mib(room):
    status, text = room.shell("n1", "busybox grep MemAvailable /proc/meminfo")
    assert status == 0
    return int(re.search(r"MemAvailable: *(\d+) kB", text).group(1)) // 1024


def live(room, seconds):
    """Creates and destroys guests; how many lived, and how little memory was there at the worst moment that was looked at."""
    until, n, least = time.monotonic() + seconds, 0, available_mib(room)
    while time.monotonic() < until:
        for i in range(AT_ONCE):
            room.create_ending(f"g{i}", "n1", "-")
        least = min(least, available_mib(room))
        for i in range(AT_ONCE):
            room.cli("domain", "destroy", f"g{i}")
        n += AT_ONCE
    assert room.host("n1")["state"] == "ready"
    assert "Out of memory" not in room.serial_log("n1") and "oom-kill" not in room.serial_log("n1")
    return n, least


def test_an_initrd_that_does_not_fit_ends_in_a_panic_and_not_in_a_shell(room256):
    """What the kernel says of it: "write error", and it would go on to /bin/sh on the console."""
    status, answer = room256.request("POST", "/v1/profiles", {"hosts": "n1", "profile": f"m{TOO_LITTLE}", "force": True})
    assert status == 422 and "dom0-mem-small" in [f["code"] for f in answer["findings"]], answer
    room256.cli("profile", "set", "n1", "auto")  # as a rule chooses: that is said, and not refused
    seen = len(room256.serial_log("n1"))
    room256.lab("power", "n1", "on")
    room256.wait(lambda: "rebooting machine in 5 seconds" in room256.serial_log("n1")[seen:], 150, "Xen's restart after dom0's panic")
    log = room256.serial_log("n1")[seen:]
    room256.lab("power", "n1", "off")
    assert "Initramfs unpacking failed" in log and "Kernel panic - not syncing" in log
    assert "job control" not in log and "built-in shell" not in log  # busybox's first words


def test_256_mib_are_enough(room256):
    boot(room256)
    n, least = live(room256, SECONDS)
    print(f"dom0 with {PROMISED} MiB: {n} guests in {SECONDS} s, never less than {least} MiB available")
    assert least >= 32
