# SPDX-License-Identifier: Apache-2.0
"""
A desktop's own disk, by each loader: profile `local` boots it, and neither that nor a boot of the pool writes it. The disk has a boot
sector (BIOS) and an EFI program (UEFI) that say so on the serial line.
"""

import hashlib
import subprocess

import pytest

from room import Room

MARK = "LOCAL-DISK"
SECTOR = 512
FIRST, SECTORS = 2048, 28672  # of the EFI system partition

# firmware and loader; the first one also boots the pool
ROWS = [("bios", "pxelinux"), ("bios", "lpxelinux"), ("bios", "grub-pc"), ("bios", "best"), ("uefi", "grub-efi"), ("uefi", "best"), ("uefi-http", "best")]


def boot_sector():
    """Writes the mark to COM1, byte by byte, and halts."""
    code = bytes.fromhex("31c0 8ed8 be167c fc ac 84c0 7406 baf803 ee ebf5 f4 ebfd") + MARK.encode() + b"-BIOS\r\n\0"
    entry = bytes([0x80, 0, 2, 0, 0xef, 0xff, 0xff, 0xff]) + FIRST.to_bytes(4, "little") + SECTORS.to_bytes(4, "little")
    return code.ljust(446, b"\0") + entry + bytes(48) + b"\x55\xaa"


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    (folder / "early.cfg").write_text(f"echo {MARK}-UEFI\nsleep 600\n")
    run = lambda *argv: subprocess.run([str(a) for a in argv], check=True, capture_output=True)  # noqa: E731
    run("grub-mkimage", "-O", "x86_64-efi", "-o", folder / "boot.efi", "-p", "/", "-c", folder / "early.cfg", "echo", "sleep")
    run("mformat", "-C", "-i", folder / "esp", "-T", SECTORS, "-h", "16", "-s", "63", "::")
    run("mmd", "-i", folder / "esp", "::/EFI", "::/EFI/BOOT")
    run("mcopy", "-i", folder / "esp", folder / "boot.efi", "::/EFI/BOOT/BOOTX64.EFI")
    image = bytearray((FIRST + SECTORS) * SECTOR)
    image[:SECTOR] = boot_sector()
    esp = (folder / "esp").read_bytes()
    image[FIRST * SECTOR:FIRST * SECTOR + len(esp)] = esp
    (folder / "disk.img").write_bytes(image)
    return folder / "disk.img"


@pytest.fixture(scope="module")
def desktops(build_dir, disk):
    r = Room(build_dir, ",".join(x[0] for x in ROWS), "dompool.shell=1", name="localtest", loader=",".join(x[1] for x in ROWS),
             nic="virtio-net-pci", disk=disk)
    r.up_without_hosts()
    yield r
    r.down()


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


@pytest.mark.parametrize("number", range(len(ROWS)), ids=lambda i: "-".join(ROWS[i]))
def test_a_desktop_boots_its_own_disk(desktops, disk, number):
    room, host = desktops, f"n{number + 1}"
    room.cli("profile", "set", host, "local")
    room.lab("power", host, "on")
    try:
        room.wait(lambda: MARK in room.serial_log(host), 200, f"{host} boots its disk")
        room.wait(lambda: "menu" in room.trace(host), 60, "it asked us first, and got our answer")
    except AssertionError:
        print(room.serial_log(host)[-3000:])
        raise
    finally:
        room.lab("power", host, "off")
    assert sha256(f"{room.dir}/{host}/disk.img") == sha256(disk)


def test_a_boot_of_the_pool_leaves_the_disk_as_it_was(desktops, disk):
    desktops.cli("profile", "set", "n1", "pool")
    desktops.lab("power", "n1", "on")
    desktops.wait_host("n1", "ready", 240)
    desktops.lab("power", "n1", "off")
    assert sha256(f"{desktops.dir}/n1/disk.img") == sha256(disk)
