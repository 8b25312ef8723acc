# SPDX-License-Identifier: Apache-2.0
"""What quirks do to a host's answers, on a running server."""
import pytest

from boot_harness import OTHER_MAC, POOL_MAC, SERVER, Room, say

PXE_BIOS = {"vendor": "PXEClient:Arch:00000:UNDI:002001", "arch": 0}
PXE_UEFI = {"vendor": "PXEClient:Arch:00007:UNDI:003000", "arch": 7}
QUIRKS = f"""
quirk "old-card" {{ mac = "{POOL_MAC}" firmware = "bios" xen-args = "noapic" kernel-args = "via-rhine.avoid_D3=1" why = "x" }}
quirk "old-rom" {{ mac = "{POOL_MAC}" tftp-blksize = "1024" no-tftp-window = "yes" why = "x" }}
quirk "loader" {{ mac = "{POOL_MAC}" firmware = "efi" loader = "snponly" why = "x" }}
quirk "plain" {{ mac = "{OTHER_MAC}" no-tftp-options = "yes" why = "x" }}
"""

# Asks for pxelinux.0 with options and prints the first answer's opcode and text.
ASK = r"""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(30)
s.sendto(b"\0\1pxelinux.0\0octet\0blksize\0001408\0windowsize\00016\0", (sys.argv[1], 69))
data, peer = s.recvfrom(2000)
s.sendto(b"\0\5\0\0bye\0", peer)
print(data[1], len(data), data[2:].replace(b"\0", b" ").decode("latin1") if data[1] == 6 else "")
"""


class QuirkRoom(Room):
    def _make_files(self):
        super()._make_files()
        self.conf.write_text(self.conf.read_text() + QUIRKS)


@pytest.fixture(name="room", scope="module")
def fixture_room():
    with QuirkRoom() as room:
        yield room


def boot(room, mac, firmware):
    """The ACK; the client then has the address."""
    room.be(mac)
    offer = room.dhcp(say("discover", mac, **firmware))[0] or room.dhcp(say("discover", mac, **firmware))[0]
    ack, = room.dhcp(say("request", mac, requested=offer["address"], server=SERVER, **firmware))
    room.be(mac, ack["address"])
    return ack


def ask(room):
    return room.client("/usr/bin/python3", "-c", ASK, SERVER, check=True).stdout.strip()


def test_arguments_of_a_quirk_stand_in_the_menu(room):
    boot(room, POOL_MAC, PXE_BIOS)
    menu = room.client("curl", "-sS", f"tftp://{SERVER}/pxelinux.cfg/01-{POOL_MAC.replace(':', '-')}", check=True).stdout
    assert " noapic " in menu and " via-rhine.avoid_D3=1 " in menu


def test_a_quirk_about_firmware_concerns_that_firmware_only(room):
    assert boot(room, POOL_MAC, PXE_BIOS)["file"] == "pxelinux.0"
    assert boot(room, POOL_MAC, PXE_UEFI)["file"].endswith("snponly.efi")
    grub = room.client("curl", "-sS", f"tftp://{SERVER}/grub/grub.cfg-01-{POOL_MAC.replace(':', '-')}", check=True).stdout
    assert "noapic" not in grub and "multiboot2" in grub


def test_tftp_grants_no_more_than_the_hardware_bears(room):
    boot(room, POOL_MAC, PXE_BIOS)
    assert ask(room).startswith("6 ") and "blksize 1024" in ask(room) and "windowsize" not in ask(room)


def test_tftp_options_can_be_left_out_altogether(room):
    boot(room, OTHER_MAC, PXE_BIOS)
    assert ask(room) == "3 516"  # DATA of 512 bytes at once, as RFC 1350 has it
