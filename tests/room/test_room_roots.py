# SPDX-License-Identifier: Apache-2.0
"""
One host whose root comes over the network, by each transport in turn, from the servers that dompoold itself starts: it reboots into it,
gets ready, says where its root is, and runs a guest. Then its server is killed, and for iSCSI - for all of them with DOMPOOL_SOAK - the network
is away for a minute: it goes on, with what it has not in memory, and without an error.
"""

import json
import os
import pathlib
import re
import time

import pytest

from room import Room

MIB = 1 << 20
# root -> what dompool-init says of it, the server that gives it, and how many MiB a boot may take (NFS has nothing compressed)
TRANSPORTS = {
    "http": ("http", None, 52),
    "nfs": ("nfs 10.77.0.1:/", "nfs", 60),
    "nfs3": ("nfs 10.77.0.1:/", "nfs3", 60),
    "nbd": ("nbd 10.77.0.1:10809 ", "nbd", 52),
    "iscsi": ("iscsi 10.77.0.1:3260 iqn.2026-01.dompool:", "iscsi", 52),
    "aoe": ("aoe e", "aoe", 52),
}
CUT = list(TRANSPORTS) if os.environ.get("DOMPOOL_SOAK") else ["iscsi"]
CUT_S = 60
# Those of the transports whose hosts boot an image with kept files: written on one, there on the next
KEEP = ("http", "nfs")
KEEP_RECIPE = 'base = micro\nkeep = { "/etc/host_*", /var/own }\n'
# Every file of the root from the server again; its result is on the layer, which is RAM.
READ = ("busybox rm -f /tmp/read; (echo 3 >/proc/sys/vm/drop_caches; busybox find / -xdev -type f -exec busybox cat {} + 2>/tmp/errors;"
        " echo done >/tmp/read) </dev/null >/dev/null & :")


@pytest.fixture(scope="module", name="roots")
def fixture_roots(build_dir, tmp_path_factory):
    """A room whose host is off, with a profile for each transport."""
    room = Room(build_dir, "bios", "dompool.shell=1", name="rootstest", loader="pxelinux", nic="virtio-net-pci")
    room.up_without_hosts()
    room.build_own_image("keeping", KEEP_RECIPE, str(tmp_path_factory.mktemp("keeping")))
    add_profiles(room, (*TRANSPORTS, "ram"))
    yield room
    room.down()


def add_profiles(room, roots):
    with open(room.dir + "/dompoold.conf", "a") as f:
        for root in roots:
            image = "keeping" if root in (*KEEP, "ram") else "micro"
            f.write(f'\nprofile "by-{root}" {{\n\tkind = "pool"\n\troot = "{root}"\n\timage = "{image}"\n}}\n')
    room.lab("power", "server", "reset")


def export_states(room):
    return {e["name"].split("-")[0]: e["state"] for e in room.get("/v1/exports")["exports"]}


def boot(room, root):
    """Into the root, from whatever the host runs now; the seconds that took, and the bytes that went over its wire."""
    room.cli("profile", "set", "n1", "by-" + root)
    server = TRANSPORTS[root][1]
    if server:
        room.wait(lambda: export_states(room).get(server) == "running", 120, f"the server of {root} runs")
    before, begin, wire = room.host("n1")["boot"], time.monotonic(), room.tap_counters("n1")[0]
    if room.host("n1")["state"] == "ready":
        room.cli("host", "reboot", "n1")
    else:
        room.lab("power", "n1", "on")
    room.wait(lambda: room.host("n1")["boot"] > before, 120, "a new boot")
    room.wait_host("n1", "ready", 180)
    return time.monotonic() - begin, room.tap_counters("n1")[0] - wire


def test_the_rooms_server_signs_with_the_key_of_its_store(roots):
    """With another one it would add a public key, and every room after it would build its images anew."""
    store = pathlib.Path(json.loads(pathlib.Path(roots.dir, "room.json").read_text())["store"])
    assert (store / "image.key").read_bytes() == pathlib.Path(roots.dir, "state", "image.key").read_bytes()
    assert os.stat(roots.dir + "/state/image.key").st_mode & 0o777 == 0o600


def check_footprint(room, root, n_bytes):
    """What the host says that its root took, beside what went over its wire: Xen, kernel, initrd, and what was read of the root."""
    files = {f["name"]: f["size"] for f in room.get("/v1/images/" + room.host("n1")["image"])["files"]}
    boot_files = files["xen.gz"] + files["vmlinuz"] + files["initrd-root"]
    cost = room.host("n1")["inventory"]["root"]
    print(f"{root}: {cost}, {boot_files / MIB:.1f} MiB of boot files")
    assert cost["root"].startswith(TRANSPORTS[root][0])
    assert 1 * MIB < cost["fetched"] < n_bytes
    assert abs(n_bytes - boot_files - cost["fetched"]) < 5 * MIB
    assert cost["ram"] == (files["root.squashfs"] if root == "http" else 0)
    assert cost["layer_used"] < 16 * MIB < cost["layer_size"]  # of micro nothing is written but to places in RAM of their own
    trace = room.cli("host", "trace", "n1").stdout
    assert re.search(r"^  footprint    [1-9][\d.]* MiB fetched, ", trace, re.M), trace


@pytest.mark.parametrize("root", TRANSPORTS)
def test_a_host_gets_ready_from_its_root_and_runs_a_guest(roots, root):
    seconds, n_bytes = boot(roots, root)
    print(f"{root}: {seconds:.1f} s, {n_bytes / MIB:.1f} MiB")
    assert n_bytes <= TRANSPORTS[root][2] * MIB
    trace = roots.trace("n1")
    assert "initrd-root" in trace["initrd"][1]
    check_footprint(roots, root, n_bytes)
    status, facts = roots.shell("n1", "cat /run/dompool/root")
    assert status == 0 and "root=" + TRANSPORTS[root][0] in facts, facts
    status, mounts = roots.shell("n1", "busybox grep ' / ' /proc/mounts")
    assert status == 0 and "overlay" in mounts, mounts
    assert "  root         " + TRANSPORTS[root][0] in roots.cli("host", "trace", "n1").stdout
    run_guest(roots)
    roots.kill_role("work")  # all servers of roots die with it, and are back
    read_all(roots)
    if root in CUT:
        cut_network(roots)
    run_guest(roots)
    status, errors = roots.shell("n1", "busybox dmesg | busybox grep -iE 'i/o error|squashfs error|offlined|nfs:.*error'")
    assert status == 1, errors
    if root == KEEP[0]:
        write_own(roots)
    elif root == KEEP[1]:
        check_own(roots)


def write_own(roots):
    """What is the host's own; the order to reboot that comes next saves it."""
    status, out = roots.shell("n1", "umask 077; busybox mkdir -p /var/own/d && echo secret >/etc/host_key && echo log >/var/own/d/log"
                                    " && busybox chmod 640 /var/own/d/log && busybox chown 33:4 /var/own/d/log && busybox ls /var/own")
    assert status == 0, out


def check_own(roots):
    """It was back before the agent that reported the host ready was started; with mode and owner."""
    status, out = roots.shell("n1", "busybox stat -c '%n %a %u %g' /etc/host_key /var/own/d /var/own/d/log; busybox cat /etc/host_key /var/own/d/log")
    assert status == 0, out
    assert out.split("\n") == ["/etc/host_key 600 0 0", "/var/own/d 700 0 0", "/var/own/d/log 640 33 4", "secret", "log"]
    kept = roots.host("n1")["kept"]
    assert kept["files"] == 4 and kept["size"] < 2048, kept


def test_a_host_in_ram_has_what_it_wrote_on_another_root(roots):
    before = roots.host("n1")["boot"]
    roots.cli("profile", "set", "n1", "by-ram")
    roots.cli("host", "reboot", "n1")
    roots.wait(lambda: roots.host("n1")["boot"] > before, 120, "a new boot")
    roots.wait_host("n1", "ready", 180)
    check_own(roots)


def run_guest(roots):
    roots.create_ending("guest", "n1", "-")
    assert roots.wait_domain("guest", "running")["host"] == "n1"
    roots.cli("domain", "destroy", "guest")


def test_a_canary_gets_ready_from_nbd_and_starts_a_guest(roots):
    """The whole of it on real Xen: the order for one boot, the reboot, the guest that comes with dompool, and the setting."""
    if roots.host("n1")["state"] != "ready":
        boot(roots, "nfs")
    r = roots.cli("--json", "profile", "set", "n1", "by-nbd", "--image", "micro", "--canary", "1", "--ready-within", "240", "--watch", "5")
    canary = json.loads(r.stdout)["canary"]
    r = roots.cli("canary", "wait", str(canary["id"]), timeout=300)
    assert "promoted" in r.stdout and "a guest started on it" in r.stdout, r.stdout
    shown = roots.host("n1")
    assert (shown["profile"], shown["image"]) == ("by-nbd", canary["version"])
    assert shown["inventory"]["root"]["root"].startswith("nbd ")
    roots.wait(lambda: roots.host("n1")["n_domains"] == 0, 120, "the guest is gone again")


def layer_events(room):
    return [e["what"] for e in room.get("/v1/events?after=0&limit=10000&kind=host")["events"] if e["what"].startswith("layer-")]


def test_a_full_layer_is_told_of_before_and_the_host_lives_on(roots):
    """In the host that the tests before have booted."""
    layer = roots.host("n1")["inventory"]["root"]["layer_size"]
    assert layer_events(roots) == []
    status, out = roots.shell("n1", f"busybox dd if=/dev/zero of=/etc/fill bs=1M count={layer * 85 // 100 // MIB}")
    assert status == 0, out
    roots.wait(lambda: layer_events(roots) == ["layer-filling"], 120, "the event of a layer that fills")
    status, out = roots.shell("n1", "busybox dd if=/dev/zero of=/etc/more bs=64k")
    assert status != 0 and "No space left" in out, out
    roots.wait(lambda: layer_events(roots)[-1] == "layer-full", 120, "the event of a full layer")
    assert roots.host("n1")["layer"] == "full"
    roots.create_ending("guest", "n1", "-")
    assert roots.wait_domain("guest", "running")["host"] == "n1"
    roots.cli("domain", "destroy", "guest")
    status, out = roots.shell("n1", "busybox rm /etc/fill /etc/more")
    assert status == 0, out
    roots.wait(lambda: layer_events(roots)[-1] == "layer-fine", 120, "the event of a layer with room")
    assert roots.host("n1")["state"] == "ready"


def read_end(roots, seconds):
    """The reading that READ has begun comes to an end, without an error."""
    roots.wait(lambda: roots.shell("n1", "busybox cat /tmp/read")[1].strip() == "done", seconds, "all files are read")
    assert roots.shell("n1", "busybox cat /tmp/errors")[1].strip() == ""


def read_all(roots):
    roots.shell("n1", READ)
    read_end(roots, 180)


def cut_network(roots):
    """For a minute no packet of the host comes through; it reads from its root meanwhile."""
    roots.shell("n1", READ)
    roots.netns_run("ip", "link", "set", "tap1", "down")
    time.sleep(CUT_S)
    roots.netns_run("ip", "link", "set", "tap1", "up")
    read_end(roots, 240)
    roots.wait_host("n1", "ready", 240)
