# SPDX-License-Identifier: Apache-2.0
"""An image store of tiny files: what is tested with it is how they travel, not that they boot. The heads are right, so that the
guards let them pass; real ones are those of test_guards.py."""
import hashlib
import json
import pathlib
import struct


def note(type_, data):
    return struct.pack("<III", 4, len(data), type_) + b"Xen\0" + data + b"\0" * (-len(data) % 4)


def make_vmlinux(features=1 << 11, notes=True):
    """An ELF file that is nothing but notes to Xen: entry, PVH entry, what it can be."""
    data = note(1, b"\0" * 8) + note(18, b"\0" * 8) + note(17, struct.pack("<I", features)) if notes else b""
    head = b"\x7fELF\2\1\1" + b"\0" * 9 + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return head + struct.pack("<IIQQQQQQ", 4, 4, 120, 0, 0, len(data), len(data), 4) + data


def make_kernel(release="6.1-fake", payload=None, flags=1, protocol=0x20F):
    payload = make_vmlinux() if payload is None else payload
    head = bytearray(2 * 512)
    head[0x1F1] = 1  # sectors of setup behind the first
    head[0x1FE:0x200] = b"\x55\xaa"
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", head, 0x206, protocol)
    struct.pack_into("<H", head, 0x20E, 0x300 - 0x200)
    head[0x300:0x300 + len(release) + 5] = release.encode() + b" (x)\0"
    struct.pack_into("<H", head, 0x236, flags)
    struct.pack_into("<I", head, 0x238, 2047)
    struct.pack_into("<II", head, 0x248, 0, len(payload))
    return bytes(head) + payload


def make_xen(multiboot=(1, 2)):
    heads = {1: (0x1BADB002, 0, -0x1BADB002 & 0xFFFFFFFF), 2: (0xE85250D6, 0, 16, -(0xE85250D6 + 16) & 0xFFFFFFFF)}
    data = b"\x7fELF\1\1\1" + b"\0" * 9 + struct.pack("<HH", 2, 3) + b"\0" * 44
    for version in multiboot:
        data += struct.pack(f"<{len(heads[version])}I", *heads[version]) + b"\0" * (-4 * len(heads[version]) % 8)
    return data + b"dom0_mem\0" + b"not a hypervisor\n" * 100


def make_cpio(files):
    out = b""
    for name, data in [*files.items(), ("TRAILER!!!", b"")]:
        fields = [0, 0o100755, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        out += b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return out


FILES = {
    "xen.gz": make_xen(),
    "vmlinuz": make_kernel() + b"not a kernel\n" * 1000,
    "initrd": make_cpio({"init": bytes(range(256)) * 1024}),
}
LOADERS = {
    "pxelinux.0": b"PXELINUX 6.04 PXE\n" + b"not a loader\n" * 50,
    "ldlinux.c32": b"\x7fELF" + b"l" * 3000,
    "mboot.c32": b"\x7fELF" + b"m" * 3000,
    "libcom32.c32": b"\x7fELF" + b"c" * 3000,
    "snponly.efi": b"MZ" + b"i" * 5000,
    "grub/x86_64-efi/core.efi": b"\0multiboot2\0" + b"g" * 5000,
}


def make_image(store, name="micro", files=None):
    """Puts a version into the store and makes it NAME's current one. Returns its id."""
    files = FILES if files is None else files
    store = pathlib.Path(store)
    image = hashlib.sha256(b"".join(n.encode() + d for n, d in sorted(files.items()))).hexdigest()
    folder = store / "versions" / image
    folder.mkdir(parents=True)
    for n, data in files.items():
        (folder / n).write_bytes(data)
    manifest = {
        "id": image, "name": name, "recipe": name, "xen_version": "4.17", "kernel_version": "6.1",
        "xen_args": "", "kernel_args": "", "built_ms": 0,
        "files": [{"name": n, "size": len(d), "sha256": hashlib.sha256(d).hexdigest()} for n, d in files.items()],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (store / "tags").mkdir(exist_ok=True)
    (store / "tags" / f"{name}.json").write_text(json.dumps({"current": image, "previous": ""}))
    return image


def make_loaders(store):
    for name, data in LOADERS.items():
        path = pathlib.Path(store) / "loaders" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
