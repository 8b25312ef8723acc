# SPDX-License-Identifier: Apache-2.0
"""An image store of tiny files: what is tested with it is how they travel, not that they boot."""
import hashlib
import json
import pathlib

FILES = {
    "xen.gz": b"not a hypervisor\n" * 100,
    "vmlinuz": b"not a kernel\n" * 1000,
    "initrd": bytes(range(256)) * 1024,
}
LOADERS = {
    "pxelinux.0": b"not a loader\n" * 50,
    "ldlinux.c32": b"l" * 3000,
    "mboot.c32": b"m" * 3000,
    "libcom32.c32": b"c" * 3000,
    "grub/x86_64-efi/core.efi": b"g" * 5000,
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
