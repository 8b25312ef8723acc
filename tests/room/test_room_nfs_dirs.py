# SPDX-License-Identifier: Apache-2.0
"""
Two hosts, one with its root in RAM and one with its root over NFS, have a directory in common that lies on another NFS server: what one writes the
other reads. With that server away they reboot and get ready all the same, and have the directory once it is back. In this order.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from room import Room

HOSTS = ("n1", "n2")
ROOTS = {"n1": "ram", "n2": "nfs"}
FILER = "10.77.0.5"
DIRS = f"/shared={FILER}:/shared, /srv/deep/iso={FILER}:/iso:ro"
THERE = f"/shared from {FILER}:/shared; /srv/deep/iso from {FILER}:/iso"

# Whoever asks gets it: dom0's root is root there.
CONFIG = """
NFS_CORE_PARAM {{ Protocols = 4; Bind_addr = {address}; NFS_Port = 2049; Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false; }}
NFSV4 {{ Graceless = true; RecoveryBackend = fs; RecoveryRoot = "{folder}/recovery"; Only_Numeric_Owners = true; }}
EXPORT_DEFAULTS {{ Access_Type = RW; Squash = No_Root_Squash; SecType = sys; Transports = TCP; }}
EXPORT {{ Export_Id = 1; Path = "{folder}/shared"; Pseudo = "/shared"; FSAL {{ Name = VFS; }} }}
EXPORT {{ Export_Id = 2; Path = "{folder}/iso"; Pseudo = "/iso"; FSAL {{ Name = VFS; }} }}
LOG {{ Default_Log_Level = WARN; }}
"""


class Filer:
    """An administrator's NFS server, on an address of its own in the room's network."""

    def __init__(self, room):
        self.room = room
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="filertest-", dir="/var/cache/dompool"))
        self.process = None
        for name in ("shared", "iso", "recovery"):
            (self.folder / name).mkdir()
        (self.folder / "iso" / "disk").write_text("image\n")
        (self.folder / "filer.conf").write_text(CONFIG.format(address=FILER, folder=self.folder))
        routes = room.netns_run("ip", "-4", "route", "show", "10.77.0.0/24").stdout
        self.bridge = re.search(r"dev (\S+)", routes).group(1)

    def on(self):
        self.room.netns_run("ip", "addr", "add", FILER + "/24", "dev", self.bridge)
        argv = ["ip", "netns", "exec", self.room.netns, "ganesha.nfsd", "-F", "-L", "/dev/stderr", "-p", self.folder / "pid", "-f", self.folder / "filer.conf"]
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log)

    def off(self):
        """As by its power switch: nobody says that a connection is closed."""
        self.room.netns_run("ip", "addr", "del", FILER + "/24", "dev", self.bridge, check=False)
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process = None


@pytest.fixture(scope="module", name="room")
def fixture_room(build_dir):
    room = Room(build_dir, "bios,bios", "dompool.shell=1", name="nfsdirs", loader="pxelinux", nic="virtio-net-pci")
    room.up_without_hosts()
    room.build_image("micro-nfs")
    room.filer = Filer(room)
    try:
        with open(room.dir + "/dompoold.conf", "a") as f:
            for host, root in ROOTS.items():
                f.write(f'\nprofile "shared-{host}" {{\n\tkind = "pool"\n\timage = "micro-nfs"\n\troot = "{root}"\n\tnfs-dirs = "{DIRS}"\n}}\n')
        room.lab("power", "server", "reset")
        yield room
    finally:
        room.filer.off()
        room.down()
        shutil.rmtree(room.filer.folder)


def boot(room):
    """Both at the same time; the seconds until both were ready."""
    begin, before = time.monotonic(), {h: room.host(h)["boot"] for h in HOSTS}
    for h in HOSTS:
        room.cli("profile", "set", h, "shared-" + h)
        if room.host(h)["state"] == "ready":
            room.cli("host", "reboot", h)
        else:
            room.lab("power", h, "on")
    for h in HOSTS:
        room.wait(lambda h=h: room.host(h)["boot"] > before[h], 120, f"a new boot of {h}")
        room.wait_host(h, "ready", 240)
    return time.monotonic() - begin


def run(room, host, command):
    status, out = room.shell(host, command)
    assert status == 0, f"{host}: {command}: {status}\n{out}"
    return out


def newest(room, host):
    return room.get(f"/v1/hosts/{host}/trace")["boots"][0]


def note(room, host):
    """What the newest boot's trace says of the directories."""
    return next((n["text"] for n in newest(room, host)["notes"] if n["kind"] == "nfs-dirs"), "")


def test_both_hosts_have_the_directories_before_their_agents_run(room):
    room.filer.on()
    print(f"both ready after {boot(room):.0f} s")
    for h in HOSTS:
        assert note(room, h) == THERE
        assert re.search(rf"^  nfs-dirs +{re.escape(THERE)}$", room.cli("host", "trace", h).stdout, re.M)
        assert room.host(h)["inventory"]["nfs_dirs"] == THERE
        assert room.host(h)["inventory"]["root"]["root"].startswith(ROOTS[h])
        reports = [e["text"].split(":")[0] for e in room.events() if e["subject"] == h and e["what"] == "init-report"]
        assert reports.index("nfs-dirs") < reports.index("agent"), reports
        mounts = run(room, h, "busybox grep ' nfs4 ' /proc/mounts")
        shared = next(line for line in mounts.split("\n") if " /shared " in line)
        assert re.search(r" rw,nosuid,nodev,.*vers=4\.1,.*\bhard,.*timeo=100,", shared), mounts
        assert re.search(r" /srv/deep/iso nfs4 ro,", mounts), mounts
        assert run(room, h, "cat /srv/deep/iso/disk") == "image"
        status, out = room.shell(h, "echo x >/srv/deep/iso/y")
        assert status != 0 and "Read-only" in out, out


def test_what_one_writes_the_other_reads_with_owner_and_mode(room):
    run(room, "n1", "cd /shared && busybox mkdir d && echo from n1 >d/a && busybox chown 33:4 d/a && busybox chmod 640 d/a && busybox chmod 1777 d")
    assert run(room, "n2", "busybox stat -c '%n %a %u %g' /shared/d /shared/d/a && cat /shared/d/a").split("\n") == [
        "/shared/d 1777 0 0", "/shared/d/a 640 33 4", "from n1"]
    run(room, "n2", "echo from n2 >>/shared/d/a && busybox mv /shared/d/a /shared/d/b")
    # What is known of a name is asked for anew within a minute (acdirmax); a name that was never asked for at once.
    assert run(room, "n1", "cat /shared/d/b").split("\n") == ["from n1", "from n2"]
    there = os.stat(room.filer.folder / "shared/d/b")
    assert (there.st_mode & 0o7777, there.st_uid, there.st_gid) == (0o640, 33, 4)


def test_hosts_reboot_and_get_ready_while_the_server_is_away(room):
    """Also one with something unwritten, that nobody will ever take."""
    room.shell("n2", "(busybox dd if=/dev/zero of=/shared/big bs=64k count=64 && busybox sleep 1) </dev/null >/dev/null 2>&1 & :")
    room.filer.off()
    room.shell("n2", "(busybox dd if=/dev/zero of=/shared/never bs=64k count=64) </dev/null >/dev/null 2>&1 & :")
    print(f"both ready after {boot(room):.0f} s, the server away")
    for h in HOSTS:
        for part in (f"/shared is not from {FILER}:/shared yet: ", f"/srv/deep/iso is not from {FILER}:/iso yet: connecting to {FILER} port 2049: "):
            assert part in note(room, h)
        assert "/shared is not from" in room.cli("host", "show", h).stdout
        assert f"nfs-dirs failed: /shared is not from {FILER}" in room.serial_log(h)
        assert newest(room, h)["failure"] == ""
        status, out = room.shell(h, "echo lost >/shared/lost")
        assert status != 0 and "Read-only" in out, out
    room.create_ending("guest", "n1", "-")
    assert room.wait_domain("guest", "running")["host"] == "n1"
    room.cli("domain", "destroy", "guest")


def test_the_directories_come_when_the_server_is_back(room):
    room.filer.on()
    begin = time.monotonic()
    for h in HOSTS:
        room.wait(lambda h=h: room.host(h)["inventory"]["nfs_dirs"] == THERE, 120, f"{h} has its directories")
        assert room.wait(lambda h=h: note(room, h) == THERE, 120, "the trace says so")
    print(f"all there {time.monotonic() - begin:.0f} s after the server")
    assert run(room, "n1", "cat /shared/d/b").split("\n") == ["from n1", "from n2"]
    run(room, "n2", "echo again >/shared/d/c")
    assert (room.filer.folder / "shared/d/c").read_text() == "again\n"
    assert not (room.filer.folder / "shared/lost").exists()
