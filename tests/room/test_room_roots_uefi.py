# SPDX-License-Identifier: Apache-2.0
"""
Roots over the network for a host with UEFI, whose loader is iPXE and whose files come by HTTP: NFS and NBD. The other transports, by
BIOS and PXELINUX, are test_room_roots.py's.
"""

import pytest

from room import Room
from test_room_roots import MIB, add_profiles, boot

ROOTS = ["nfs", "nbd"]


@pytest.fixture(scope="module", name="uefi_roots")
def fixture_uefi_roots(build_dir):
    room = Room(build_dir, "uefi", "dompool.shell=1", name="rootsuefi", loader="best", nic="virtio-net-pci")
    room.up_without_hosts()
    add_profiles(room, ROOTS)
    yield room
    room.down()


@pytest.mark.parametrize("root", ROOTS)
def test_a_uefi_host_gets_ready_from_its_root(uefi_roots, root):
    seconds, n_bytes = boot(uefi_roots, root)
    print(f"{root}: {seconds:.1f} s, {n_bytes / MIB:.1f} MiB")
    trace = uefi_roots.trace("n1")
    assert "by HTTP" in trace["initrd"][1] and "initrd-root" in trace["initrd"][1]
    status, facts = uefi_roots.shell("n1", "cat /run/dompool/root")
    assert status == 0 and f"root={root} " in facts, facts
