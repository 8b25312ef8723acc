# SPDX-License-Identifier: Apache-2.0
"""
Each loader and each network card in firmware's own hands: one room, one host a row, started one after the other and switched off when
it has come as far as the row says. PXELINUX, and iPXE on UEFI without a wish, are test_room.py's. Part of `make soak`.
"""

import pytest

from room import Room

BANNER = "Xen version 4.17"
MENUS_BY_HTTP = {("bios", "best"): "ipxe/01-", ("bios", "undionly"): "ipxe/01-", ("bios", "lpxelinux"): "pxelinux.cfg/01-",
                 ("uefi", "best"): "ipxe-efi/01-", ("uefi", "ipxe-efi"): "ipxe-efi/01-"}

# firmware, loader, network card, how far: "ready" (an agent is connected), or Xen's banner on the serial line
ROWS = [
    ("bios", "best", "virtio-net-pci", "ready"),      # the card's ROM is an iPXE: a script by HTTP, multiboot
    ("uefi", "grub-efi", "virtio-net-pci", "ready"),  # by TFTP
    ("bios", "grub-pc", "e1000", BANNER),
    ("bios", "lpxelinux", "rtl8139", BANNER),
    ("bios", "undionly", "e1000", BANNER),            # a ROM iPXE is an iPXE already: it gets the script, no circle
    ("bios", "pxelinux", "pcnet", BANNER),            # by TFTP: QEMU's pcnet hangs in iPXE after a burst (quirk "pcnet")
    ("uefi", "ipxe-efi", "e1000", BANNER),
    ("uefi-http", "best", "virtio-net-pci", "ready"), # arch 16, HTTPClient, and our own DHCP
    ("uefi", "best", "rtl8139", BANNER),              # the card's ROM brings its driver, and is an iPXE for UEFI
]


@pytest.fixture(scope="module")
def loaders_room(build_dir):
    """A room whose hosts are all off."""
    r = Room(build_dir, ",".join(x[0] for x in ROWS), "dompool.shell=1", name="loaders", loader=",".join(x[1] for x in ROWS),
             nic=",".join(x[2] for x in ROWS))
    r.up_without_hosts()
    yield r
    r.down()


def reached(room, host, goal):
    return room.host(host)["state"] == "ready" if goal == "ready" else goal in room.serial_log(host)


@pytest.mark.parametrize("number", range(len(ROWS)), ids=lambda i: "-".join(ROWS[i][:3]))
def test_a_host_boots(loaders_room, number):
    room, host = loaders_room, f"n{number + 1}"
    firmware, loader, _, goal = ROWS[number]
    room.lab("power", host, "on")
    try:
        room.wait(lambda: reached(room, host, goal), 200, f"{host} by {loader} reaches {goal}")
        trace = room.trace(host)
        print({stage: f"{(t - trace['dhcp'][0]) / 1000:.1f} s" for stage, (t, _) in trace.items()})
        assert {"dhcp", "menu", "xen", "kernel", "initrd"} <= set(trace)
        if (firmware, loader) in MENUS_BY_HTTP:
            assert MENUS_BY_HTTP[firmware, loader] in trace["menu"][1] and "by HTTP" in trace["menu"][1]
            assert all("by HTTP" in trace[stage][1] for stage in ("xen", "kernel", "initrd"))
    except AssertionError:
        print(room.serial_log(host)[-3000:])
        raise
    finally:
        room.lab("power", host, "off")
