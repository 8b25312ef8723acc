# SPDX-License-Identifier: Apache-2.0
"""What cannot boot is refused when the profile is set: with Debian's own kernel, Xen and loaders, a few bytes of them altered."""
import json
import lzma
import os
import pathlib
import shutil
import struct
import subprocess

import pytest

import api_room
import fake_store
import netns
import server as server_module
from server import wait_for
from test_image import BUILD, micro  # noqa: F401  the fixture

N1 = {"name": "n1", "mac": "52:54:00:77:00:01", "address": "10.77.0.11", "profile": "local"}
SUPPORTED = struct.pack("<III", 4, 4, 17) + b"Xen\0"


def dompool(server, *argv):
    return subprocess.run([str(api_room.DOMPOOL), "-s", f"unix:{server.socket}", *argv], capture_output=True, text=True, timeout=60)


def change_kernel(data, change):
    """A bzImage with another payload: change(vmlinux) packed anew, as Linux's build does it (xz, then the size)."""
    start = (data[0x1F1] + 1) * 512 + struct.unpack_from("<I", data, 0x248)[0]
    length = struct.unpack_from("<I", data, 0x24C)[0]
    old = data[start:start + length]
    payload = change(lzma.LZMADecompressor().decompress(old))
    packed = lzma.compress(payload, check=lzma.CHECK_CRC32, preset=0) + struct.pack("<I", len(payload))
    data = bytearray(data[:start] + packed + data[start + length:])
    struct.pack_into("<I", data, 0x24C, len(packed))
    return bytes(data)


def without_dom0(vmlinux):
    """As Debian's cloud flavour: a guest of Xen, CONFIG_XEN_DOM0 not set."""
    at = vmlinux.index(SUPPORTED) + len(SUPPORTED)
    features = struct.unpack_from("<I", vmlinux, at)[0]
    assert features & 1 << 11
    return vmlinux[:at] + struct.pack("<I", features & ~(1 << 11)) + vmlinux[at + 4:]


def without_xen(vmlinux):
    """CONFIG_XEN not set: nobody signs those notes."""
    start = vmlinux.index(struct.pack("<III", 4, 6, 6) + b"Xen\0")
    return vmlinux[:start] + vmlinux[start:start + 4096].replace(b"Xen\0", b"xxx\0") + vmlinux[start + 4096:]


class Room:
    def __init__(self, lan, folder, store, image):
        self.real, self.image = pathlib.Path(store) / "versions" / image["id"], image
        self.server = server_module.Server(lan, folder)
        self.server.configure([N1, {"name": "uefi", "mac": "52:54:00:77:00:02", "loader": "grub-efi"},
                               {"name": "rom", "mac": "52:54:00:77:00:03", "loader": "snponly"}],
                              top=f'profile "wordy" {{ kind = "pool" xen-args = "{"y" * 511}" }}')
        shutil.copytree(pathlib.Path(store) / "loaders", pathlib.Path(self.server.store) / "loaders")
        self.kernels = {}

    def files(self):
        return {n: (self.real / n).read_bytes() for n in ("vmlinuz", "xen.gz", "xen", "xen.efi", "initrd")}

    def add(self, name, **changes):
        """A version like the real one but for the files named (None: not there), as an old one: without facts."""
        files = {**self.files(), **{n.replace("_", "."): d for n, d in changes.items()}}
        fake_store.make_image(self.server.store, name, {n: d for n, d in files.items() if d is not None})

    def check(self, image, host="n1", profile="pool"):
        """{code: level} of `profile check`, as soon as work has looked into the image."""
        def ask():
            status, answer = self.server.api("POST", "/v1/profiles", {"hosts": host, "profile": profile, "image": image, "check": True})
            return status == 200 and "facts-missing" not in [f["code"] for f in answer["findings"]] and answer
        answer = wait_for(ask, 60, 0.3)
        self.findings = {f["code"]: f for f in answer["findings"]}
        assert answer["refused"] == any(f["level"] != "warning" for f in answer["findings"])
        return {c: f["level"] for c, f in self.findings.items()}


@pytest.fixture(scope="module")
def room(micro, tmp_path_factory):  # noqa: F811
    lan = netns.Lan()
    room = Room(lan, tmp_path_factory.mktemp("guards"), *micro)
    kernel = room.files()["vmlinuz"]
    initrd = subprocess.run(["zstd", "-dcq", room.real / "initrd"], capture_output=True, check=True).stdout
    release = room.image["kernel_version"].encode()
    arm64 = bytearray(kernel)
    arm64[0x1FE:0x206] = b"\0" * 8
    arm64[0x38:0x3C] = b"ARM\x64"
    for name, changes in {
            "good": {},
            "cloud": {"vmlinuz": change_kernel(kernel, without_dom0)},
            "noxen": {"vmlinuz": change_kernel(kernel, without_xen)},
            "arm64": {"vmlinuz": bytes(arm64)},
            "i386": {"vmlinuz": kernel[:0x236] + b"\x7e" + kernel[0x237:]},  # XLF_KERNEL_64 off
            "text": {"vmlinuz": b"not a kernel\n" * 1000},
            "odd": {"vmlinuz": change_kernel(kernel, lambda v: v).replace(b"\xfd7zXZ\0", b"\xfd7zXY\0", 1)},
            "memtest": {"xen_gz": room.files()["initrd"], "xen": None, "xen_efi": None},
            "noefi": {"xen_efi": None},
            "cut": {"initrd": room.files()["initrd"][:3_000_000]},
            "mixed": {"initrd": initrd.replace(release, release.replace(b"6.1.", b"6.2."))},
            "plain": {"initrd": initrd},
            "nodriver": {"initrd": initrd.replace(b"alias pci:v00008086d", b"alias pci:v0000dead")},
            "strange": {"initrd": b"\x99\x98\x97" + room.files()["initrd"]}}.items():
        room.add(name, **changes)
    room.server.start()
    yield room
    room.server.stop()
    lan.close()


@pytest.mark.parametrize("image,host,wanted", [
    ("good", "n1", {}), ("good", "uefi", {}), ("good", "rom", {}), ("plain", "n1", {}),
    ("cloud", "n1", {"kernel-no-dom0": "error"}), ("noxen", "n1", {"kernel-no-xen": "error"}),
    ("arm64", "n1", {"kernel-arch": "error"}), ("i386", "n1", {"kernel-arch": "error"}), ("text", "n1", {"kernel-none": "error"}),
    ("odd", "n1", {"kernel-packing": "error"}), ("memtest", "n1", {"xen-none": "error"}),
    ("noefi", "rom", {"xen-efi-missing": "doubt"}), ("noefi", "uefi", {}), ("cut", "n1", {"initrd-none": "error"}),
    ("mixed", "n1", {"modules-release": "doubt"}), ("strange", "n1", {"initrd-packing": "error"})])
def test_what_does_not_fit_is_named(room, image, host, wanted):
    assert room.check(image, host) == wanted, room.findings


def test_profiles_that_boot_no_image_are_never_judged(room):
    status, answer = room.server.api("POST", "/v1/profiles", {"hosts": "n1", "profile": "local", "check": True})
    assert (status, answer["findings"], answer["refused"]) == (200, [], False)


def test_a_refusal_has_code_reason_and_remedy_and_changes_nothing(room):
    room.check("cloud")
    got = dompool(room.server, "profile", "set", "n1", "pool", "--image", "cloud", "--force")
    assert got.returncode == 21 and "kernel-no-dom0" in got.stderr and "linux-image-amd64" in got.stderr, got
    assert "--force" not in got.stderr  # it would not help
    status, answer = room.server.api("POST", "/v1/hosts/n1/profile", {"profile": "pool", "image": "cloud"})
    assert (status, answer["error"]["code"], answer["findings"][0]["code"]) == (422, "unfit", "kernel-no-dom0")
    assert room.server.get("/v1/hosts/n1")["profile"] == "local"


def test_one_host_that_cannot_keeps_the_room_as_it_is(room):
    room.check("noefi", "rom")
    got = dompool(room.server, "profile", "set", "n1", "uefi", "rom", "pool", "--image", "noefi")
    assert got.returncode == 21 and "'rom'" in got.stderr and "--force" in got.stderr, got
    assert {room.server.get(f"/v1/hosts/{h}")["profile_by"] for h in ("n1", "uefi")} == {"host", "default"}


def test_doubts_give_way_to_force(room):
    room.check("noefi", "rom")
    got = dompool(room.server, "profile", "set", "rom", "pool", "--image", "noefi", "--force")
    try:
        assert got.returncode == 0 and got.stdout == "rom\n" and "doubt: rom" in got.stderr, got
        assert room.server.get("/v1/hosts/rom")["profile"] == "pool"
        explained = dompool(room.server, "host", "explain", "rom", "--firmware", "ipxe-efi")
        assert "xen-efi-missing" in explained.stdout, explained
        checked = dompool(room.server, "image", "check", "noefi")
        assert checked.returncode == 21 and "rom" in checked.stdout, checked
    finally:
        dompool(room.server, "profile", "set", "rom", "auto")


def test_check_changes_nothing_and_says_by_its_exit_code(room):
    room.check("good")
    assert dompool(room.server, "profile", "check", "n1", "pool", "--image", "good").returncode == 0
    room.check("text")
    got = dompool(room.server, "profile", "check", "n1", "pool", "--image", "text", "--json")
    assert got.returncode == 21 and json.loads(got.stdout)["refused"] is True, got
    assert room.server.get("/v1/hosts/n1")["profile"] == "local"


def test_facts_are_those_of_the_real_files(room):
    room.check("good")
    facts = room.server.get("/v1/images/good/check")["facts"]
    kernel, xen, initrd = facts["kernel"], facts["xen"], facts["initrd"]
    assert (kernel["arch"], kernel["release"], kernel["packing"]) == ("x86-64", room.image["kernel_version"], "xz")
    assert kernel["xen_dom0"] and kernel["xen_pv"] and kernel["xen_pvh"] and kernel["cmdline_max"] == 2047
    assert xen["multiboot1"] and xen["multiboot2"] and xen["efi"] and xen["plain"]
    assert initrd["init"] and initrd["packing"] == "zstd" and initrd["modules_release"] == room.image["kernel_version"]
    assert {"8086:100e e1000", "10ec:8168 r8169", "1af4:* virtio_pci"} <= set(initrd["nics"].split("\n"))
    assert {"e1000", "xen_netback", "bridge"} <= set(initrd["modules"].split())
    asking = set(initrd["no_firmware"].split())
    assert {"bnx2", "bnx2x", "qed", "r8169"} <= asking and not {"e1000", "igb", "virtio_net"} & asking


def test_dom0_memory_is_counted_against_the_unpacked_initrd(room):
    room.check("good")
    for args, wanted in (("dom0_mem=64M", {"dom0-mem-small": "error"}), ("dom0_mem=400000", {"dom0-mem-unit": "warning"}),
                         ("dom0_mem=224M", {"dom0-mem-small": "error"}), ("dom0_mem=256M", {}), ("dom0_mem=400M,max:400M", {})):
        assert dompool(room.server, "host", "add", "mem", "52:54:00:77:00:09", "--xen-args", args).returncode == 0
        assert room.check("good", "mem") == wanted, (args, room.findings)
    dompool(room.server, "host", "remove", "mem")


def test_a_root_by_network_wants_its_modules(room):
    room.check("good")
    assert dompool(room.server, "host", "add", "root", "52:54:00:77:00:0a", "--kernel-args", "root=/dev/nbd0 ro").returncode == 0
    assert room.check("good", "root") == {"root-module": "doubt"} and "nbd" in room.findings["root-module"]["text"]
    dompool(room.server, "host", "remove", "root")


def test_command_lines_that_no_menu_takes_are_refused(room):
    room.check("good")
    assert dompool(room.server, "host", "add", "long", "52:54:00:77:00:0b", "--xen-args", "x" * 500).returncode == 0
    assert room.check("good", "long", "wordy") == {"args-refused": "error"}
    dompool(room.server, "host", "remove", "long")


@pytest.mark.parametrize("name,change,host,wanted", [
    ("pxelinux.0", lambda d: d.replace(b"PXELINUX 6.04", b"PXELINUX 2.11"), "n1", {"loader-old": "doubt"}),
    ("pxelinux.0", lambda d: d.replace(b"PXELINUX 6.04", b"PXELINUX 4.05"), "n1", {"loader-mixed": "doubt"}),
    ("pxelinux.0", lambda d: d.replace(b"PXELINUX", b"NOTHINGX"), "n1", {"loader-missing": "doubt"}),
    ("mboot.c32", None, "n1", {"loader-missing": "doubt"}),
    ("grub/x86_64-efi/core.efi", lambda d: d.replace(b"multiboot2\0", b"multibootX\0"), "uefi", {"loader-no-multiboot": "error"})])
def test_a_loader_that_cannot_start_xen_is_named(room, name, change, host, wanted):
    folder = pathlib.Path(room.server.store) / "loaders"
    data = (folder / name).read_bytes()
    try:
        if change:
            (folder / "new").write_bytes(change(data))
            os.rename(folder / "new", folder / name)
        else:
            (folder / name).unlink()
        (folder / "touched").write_text("")  # a file in a folder below does not change the time of the one above
        wait_for(lambda: room.check("good", host) == wanted, 60)
    finally:
        (folder / name).write_bytes(data)
        (folder / "touched").unlink(missing_ok=True)
        wait_for(lambda: room.check("good", host) == {}, 60)


def test_a_new_version_that_a_host_cannot_boot_is_told_of(room):
    assert dompool(room.server, "profile", "set", "uefi", "pool", "--image", "good").returncode == 0
    before = room.server.get("/v1/events?limit=1")["last"]
    cloud = json.loads((pathlib.Path(room.server.store) / "tags" / "cloud.json").read_text())
    tag = pathlib.Path(room.server.store) / "tags" / "good.json"
    kept = tag.read_text()
    try:
        tag.with_suffix(".new").write_text(json.dumps(cloud))
        os.rename(tag.with_suffix(".new"), tag)
        event = wait_for(lambda: [e for e in room.server.get(f"/v1/events?after={before}&kind=host")["events"] if e["what"] == "unfit" and e["subject"] == "uefi"], 60)[0]
        assert "kernel-no-dom0" in event["text"], event
    finally:
        tag.with_suffix(".new").write_text(kept)
        os.rename(tag.with_suffix(".new"), tag)
        dompool(room.server, "profile", "set", "uefi", "auto")


def test_a_store_is_checked_without_a_server(room):
    store = room.server.store
    got = subprocess.run([api_room.DOMPOOL, "image", "check", "good", "--store", store], capture_output=True, text=True)
    assert got.returncode == 0, got
    got = subprocess.run([api_room.DOMPOOL, "image", "check", "cloud", "--store", store], capture_output=True, text=True)
    assert got.returncode == 21 and "kernel-no-dom0" in got.stdout, got
