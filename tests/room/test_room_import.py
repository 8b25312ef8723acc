# SPDX-License-Identifier: Apache-2.0
"""
The snippets of other people's set-ups (tests/data/import) after `dompool import --apply`: their hosts boot the pool. Only what must be
so in this room is replaced in them: MAC and IP addresses; and kernels, which are the pool's image.
"""
import pathlib
import shutil

import pytest

from room import Room

DATA = pathlib.Path(__file__).resolve().parents[1] / "data/import"


@pytest.fixture(scope="module", name="bare")
def fixture_bare(build_dir, tmp_path_factory):
    """A room whose server knows no host; its two machines are off. room.old: the other set-ups' files."""
    room = Room(build_dir, "bios,bios", name="importtest", loader="best,best", nic="virtio-net-pci")
    room.up_without_hosts()
    room.lab("power", "server", "off")
    conf = pathlib.Path(room.dir, "dompoold.conf")
    conf.write_text(conf.read_text().partition("\nhost ")[0])
    shutil.rmtree(room.dir + "/state")
    room.lab("power", "server", "on")
    room.old = tmp_path_factory.mktemp("old")
    yield room
    room.down()


def replaced(text, changes):
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


def take_over(room):
    """S0: PXELINUX's file of one machine. S3: dhcpd.conf with legacy GRUB's menus."""
    s0, s3 = room.old / "s0/pxelinux.cfg", room.old / "s3"
    s0.mkdir(parents=True)
    shutil.copy(DATA / "s0/pxelinux.cfg/01-00-16-3e-00-00-50", s0 / "01-52-54-00-77-00-01")
    shutil.copytree(DATA / "s3", s3)
    conf = s3 / "dhcpd.conf"
    conf.write_text(replaced(conf.read_text(), {"00:11:2f:a8:b4:d4": "52:54:00:77:00:02", "192.168.0.101": "10.77.0.12"}))
    return room.cli("import", "--apply", str(room.old / "s0"), str(conf), f"192.168.0.100={s3}/ondemand", f"192.168.0.5={s3}/virtdom")


def test_imported_hosts_boot_the_pool(bare):
    assert bare.get("/v1/hosts")["hosts"] == []
    shown = take_over(bare).stdout
    hosts = {h["mac"]: h for h in bare.get("/v1/hosts")["hosts"]}
    names = [hosts["52:54:00:77:00:01"]["name"], hosts["52:54:00:77:00:02"]["name"]]
    assert names == ["pc-525400770001", "post01"], shown
    for n in ("n1", "n2"):
        bare.lab("power", n, "on")
    for n in names:
        bare.wait_host(n, "ready", 240)
        assert "ready" in bare.trace(n)
    assert bare.host("post01")["address_now"] == "10.77.0.12"
