# SPDX-License-Identifier: Apache-2.0
"""Hosts boot beside a DHCP server that the site has already (dnsmasq, `dompool lab up --proxy`): BIOS and UEFI by PXE, UEFI by HTTP."""
import re

import pytest

from room import Room

FIRMWARE = ("uefi", "uefi-http", "bios")


class ProxyRoom(Room):
    def lab(self, *words, **more):
        return super().lab(*words, *(["--proxy"] if words[0] == "up" else []), **more)


@pytest.fixture(scope="module", name="proxy")
def fixture_proxy(build_dir):
    """Fails unless all three get ready."""
    room = ProxyRoom(build_dir, ",".join(FIRMWARE), name="proxytest")
    room.up()
    yield room
    room.down()


def test_every_firmware_gets_ready_with_the_sites_address(proxy):
    leases = open(proxy.dir + "/site.leases").read()
    for number, firmware in enumerate(FIRMWARE, 1):
        host = proxy.host(f"n{number}")
        assert host["state"] == "ready", firmware
        assert f"52:54:00:77:00:0{number} 10.77.0.{10 + number} n{number}" in leases, firmware


def test_the_sites_server_is_undisturbed_and_no_address_came_from_us(proxy):
    site = open(proxy.dir + "/log/site.log").read()
    assert not re.search(r"DHCP(NAK|DECLINE)", site)
    ours = open(proxy.dir + "/log/dompoold.log").read()
    assert re.findall(r"host=n\d reply=(\w+)", ours) and not re.search(r"host=n\d reply=nak", ours)
    assert not re.search(r"dhcp request .* reply=ack(?! address=10\.77\.0\.1[123] )", ours)


def test_firmware_shows_a_prompt_and_then_boots_from_us(proxy):
    """PXE's boot menu (option 43) as SeaBIOS's iPXE and OVMF show it; without a key the network is taken."""
    path = proxy.dir + "/dompoold.conf"
    with open(path) as f:
        conf = f.read()
    with open(path, "w") as f:
        f.write(conf.replace("network {", 'network {\n\tpxe-prompt = "Press F8 for dompool"\n\tpxe-timeout = "1s"', 1))
    proxy.lab("power", "server", "reset")
    before = {n: len(proxy.serial_log(n)) for n in ("n1", "n3")}
    for n in before:
        proxy.lab("power", n, "reset")
    for n, size in before.items():
        proxy.wait(lambda: "Xen version 4." in proxy.serial_log(n)[size:], 120, f"{n} starts Xen")
        assert "Press F8 for dompool" in proxy.serial_log(n)[size:], n
