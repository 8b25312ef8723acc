# SPDX-License-Identifier: Apache-2.0
"""
Legacy pxeGRUB: no network-enabled one is packaged, so its menu as we render it is read by grub-legacy's own stage2 from a floppy, (nd)
replaced by (fd0), up to Xen's banner. Kernel and initrd are stand-ins: Xen speaks before it looks at them.
"""

import pathlib
import re
import subprocess
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
MENU = HERE.parent / "data/menus/pxegrub"
STAGES = pathlib.Path("/usr/lib/grub/x86_64-pc")
STORE = pathlib.Path("/var/cache/dompool/images")
ID16 = "0123456789abcdef"  # of the fixture's image
SECTOR = 512
RESERVED = 250             # sectors before the FAT: stage1, then stage2, where stage1 looks for it
BPB = slice(0x03, 0x3e)    # of the boot sector: what FAT keeps there


def rendered(scene):
    """The menu of tests/unit/bootcfg/test_menu.c, for a floppy and a serial console."""
    parts = re.split(r"^##### (.*)\n", MENU.read_text(), flags=re.M)
    text = dict(zip(parts[1::2], parts[2::2]))[scene]
    assert "kernel (nd)/i/" in text and "modulenounzip (nd)/i/" in text
    return text.replace("(nd)", "(fd0)").replace("console=vga", "console=com1 com1=115200,8n1")


def newest_xen():
    found = sorted(STORE.glob("versions/*/xen.gz"), key=lambda p: p.stat().st_mtime)
    assert found, f"no image in {STORE}: dompool image build micro"
    return found[-1]


def run(*argv, **more):
    subprocess.run([str(a) for a in argv], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)


def make_floppy(tmp_path, menu):
    image = tmp_path / "floppy.img"
    image.write_bytes(bytes(2880 << 10))
    run("mformat", "-f", "2880", "-R", RESERVED, "-i", image, "::")
    (tmp_path / "menu.lst").write_text(menu)
    (tmp_path / "vmlinuz").write_bytes(b"no kernel" * 100)
    (tmp_path / "initrd").write_bytes(b"no initrd" * 100)
    for folder in ("/boot", "/boot/grub", "/i", f"/i/{ID16}"):
        run("mmd", "-i", image, "::" + folder)
    for source, to in ((STAGES / "stage1", "/boot/grub/stage1"), (STAGES / "stage2", "/boot/grub/stage2"),
                       (tmp_path / "menu.lst", "/boot/grub/menu.lst"), (newest_xen(), f"/i/{ID16}/xen.gz"),
                       (tmp_path / "vmlinuz", f"/i/{ID16}/vmlinuz"), (tmp_path / "initrd", f"/i/{ID16}/initrd")):
        run("mcopy", "-i", image, source, "::" + to)
    install(image)
    return image


def install(image):
    """What GRUB's own `setup` does, whose program is a 32-bit one that not every kernel runs: stage2 knows that it lies in a row from sector 1 on."""
    data, stage1, stage2 = bytearray(image.read_bytes()), bytearray((STAGES / "stage1").read_bytes()), (STAGES / "stage2").read_bytes()
    assert len(stage1) == SECTOR and len(stage2) < (RESERVED - 1) * SECTOR
    stage1[BPB] = data[BPB]
    data[:SECTOR] = stage1
    data[SECTOR:SECTOR + len(stage2)] = stage2
    image.write_bytes(data)


def boots_to(image, serial, what, seconds):
    """Starts a PC from the floppy and waits for a text on its serial line."""
    argv = ["qemu-system-x86_64", "-machine", "pc,accel=tcg", "-cpu", "qemu64", "-m", "512", "-nodefaults", "-no-user-config", "-display",
            "none", "-vga", "std", "-serial", f"file:{serial}", "-drive", f"if=floppy,format=raw,file={image}", "-boot", "a", "-no-reboot"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as pc:
        try:
            end = time.monotonic() + seconds
            while time.monotonic() < end and pc.poll() is None:
                if serial.exists() and what in serial.read_text(errors="replace"):
                    return True
                time.sleep(0.2)
            return serial.exists() and what in serial.read_text(errors="replace")
        finally:
            pc.kill()


@pytest.mark.parametrize("scene", ["pool", "a menu"])
def test_grub_legacy_boots_xen_by_our_menu(tmp_path, scene):
    menu = rendered(scene).replace("timeout 20", "timeout 1")
    serial = tmp_path / "serial"
    arrived = boots_to(make_floppy(tmp_path, menu), serial, "Command line: dom0_mem=512M console=com1 com1=115200,8n1", 120)
    text = serial.read_text(errors="replace") if serial.exists() else "nothing on the serial line"
    assert arrived and "Xen version 4.17" in text, text[-2000:]
