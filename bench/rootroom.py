# SPDX-License-Identifier: Apache-2.0
"""A virtual room of one BIOS host with a profile for each root, for the benchmarks of roots."""

import contextlib
import glob
import os
import time

from boot import boot_ours, qemu_argv
from room import Room

# Roots of which `dompool export list` has a server, by the same name.
SERVED = ("nfs", "nfs3", "nbd", "iscsi", "aoe")
NAME = "bench"


def profile(image, root):
    return f"{image}-{root}"


@contextlib.contextmanager
def room(build, cases):
    """
    @cases: (image, root), ...; an image is a name or the first 16 digits of a version. The host is off; it has been ready from RAM
    once, so that the room's files are in memory. `argv` of the room is its QEMU's command line. Images that the store
    (BENCH_STORE) has not are built.
    """
    r = Room(build, "bios", name=NAME, store=os.environ.get("BENCH_STORE", ""))
    try:
        r.up()
        r.argv = qemu_argv(r)
        r.lab("power", "n1", "off")
        for image in sorted({i for i, _ in cases} - {"micro"}):
            if not glob.glob(f"{r.store()}/versions/{image}*"):  # else it is a version's id
                r.build_image(image, timeout=1800)
        with open(r.dir + "/dompoold.conf", "a", encoding="utf-8") as f:
            for image, root in cases:
                f.write(f'\nprofile "{profile(image, root)}" {{\n\tkind = "pool"\n\timage = "{image}"\n\troot = "{root}"\n}}\n')
        r.lab("power", "server", "reset")
        yield r
    finally:
        r.down()


def order(r, image, root):
    """The next boot is from this root, and its server runs."""
    r.cli("profile", "set", "n1", profile(image, root))
    if root in SERVED:
        def runs():
            return any(e["name"].split("-")[0] == root and e["state"] == "running" for e in r.get("/v1/exports")["exports"])
        r.wait(runs, 20, f"the server of {root} runs")


def boot(r, image, root, settle=0):
    """boot.boot_ours from this root."""
    order(r, image, root)
    return boot_ours(r, settle)
