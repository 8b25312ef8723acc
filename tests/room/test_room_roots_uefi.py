# SPDX-License-Identifier: Apache-2.0
"""
Roots over the network for a host with UEFI, whose loader is iPXE and whose files come by HTTP: NFS, NBD, and iSCSI by an iBFT. The other
transports, by BIOS and PXELINUX, are test_room_roots.py's.
"""

import pytest

from room import Room
from test_room_roots import MIB, add_profiles, boot

ROOTS = ["nfs", "nbd"]


@pytest.fixture(scope="module", name="uefi_roots")
def fixture_uefi_roots(build_dir):
    room = Room(build_dir, "uefi", "dompool.shell=1", name="rootsuefi", loader="best", nic="virtio-net-pci")
    room.up_without_hosts()
    with open(room.dir + "/dompoold.conf", "a") as f:
        f.write('\nprofile "by-iscsi" {\n\tkind = "pool"\n\troot = "iscsi"\n\tiscsi-hook = "yes"\n\timage = "micro"\n}\n')
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


def test_a_uefi_host_takes_its_target_from_the_table_that_ipxe_left(uefi_roots):
    """Xen, and a dom0 below it, see a table that came by the firmware's ACPI."""
    seconds, n_bytes = boot(uefi_roots, "iscsi")
    print(f"iscsi: {seconds:.1f} s, {n_bytes / MIB:.1f} MiB")
    table = "/sys/firmware/ibft"
    status, out = uefi_roots.shell("n1", f"busybox cat {table}/initiator/initiator-name {table}/target0/target-name {table}/target0/lun")
    host = uefi_roots.host("n1")
    image, mac = host["inventory"]["image"][:16], host["mac"].replace(":", "")
    assert status == 0, out
    assert out.split() == [f"iqn.2026-01.dompool:host-{mac}", f"iqn.2026-01.dompool:{image}", "01000000"]
    by = "(portal, LUN and initiator from the firmware's iBFT)"
    status, facts = uefi_roots.shell("n1", "cat /run/dompool/root")
    assert status == 0 and "root=iscsi 10.77.0.1:3260 " in facts and by in facts, facts
    assert by in uefi_roots.cli("host", "trace", "n1").stdout
