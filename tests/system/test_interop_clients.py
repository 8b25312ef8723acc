# SPDX-License-Identifier: Apache-2.0
"""Other people's clients that no other file here has: dhcpcd, systemd-networkd, perfdhcp, nmap's DHCP scripts, busybox tftp.

dhclient, udhcpc and scapy are test_dhcp.py's; tftp-hpa, atftp and curl test_tftp.py's and test_http.py's; firmware and loaders the
rooms'. dhcpcd and systemd-networkd set their address on the interface themselves; files by TFTP and HTTP are then fetched from it.
"""
import hashlib
import re
import signal

import pytest

import fake_store
from conftest import N1, N2
from netns import SERVER, ip
from server import wait_for

PERF_HOSTS = [{"name": f"p{i}", "mac": f"52:54:00:77:01:0{i}"} for i in range(8)]


@pytest.fixture(name="room")
def fixture_room(server, store):
    server.configure([N1, N2, *PERF_HOSTS])
    server.start()
    server.wait_log(r"^boot: policy generation=", start=0)
    server.image = store
    return server


def address_of(client):
    found = re.search(r"inet (\S+)/24 ", ip("-n", client.name, "-4", "addr", "show", "dev", "eth0"))
    return found and found.group(1)


def assert_at_home(room, client, tmp_path):
    """It has n1's address and boot files come by it."""
    assert address_of(client) == N1["address"]
    for url in (f"tftp://{SERVER}/i/{room.image[:16]}/initrd", f"http://{SERVER}:8080/i/{room.image[:16]}/initrd"):
        client.run("curl", "-sSf", "-o", tmp_path / "got", url)
        assert hashlib.sha256((tmp_path / "got").read_bytes()).digest() == hashlib.sha256(fake_store.FILES["initrd"]).digest()


def in_private_folders(*commands):
    """A shell that keeps what a network program writes below /run and /var/lib to itself; /sys read-only says that there is no udev."""
    mounts = ["mount -t tmpfs none /run", "mount -t tmpfs none /var/lib", "mount -o remount,ro /sys"]
    return ["unshare", "-m", "sh", "-ec", "; ".join([*mounts, *commands])]


def test_dhcpcd_configures_and_releases(room, tmp_path):
    client = room.lan.client(N1["mac"])
    start = len(room.log())
    process = client.popen(*in_private_folders("mkdir /var/lib/dhcpcd", "exec dhcpcd -4 -B -t 10 --nohook resolv.conf --noipv4ll eth0"), start_new_session=True)
    try:
        wait_for(lambda: address_of(client) == N1["address"], 60, 0.1)
        assert_at_home(room, client, tmp_path)
    finally:
        process.send_signal(signal.SIGALRM)  # dhcpcd(8): releases, then ends
        process.wait(60)
    room.wait_log(r'dhcp release mac=52:54:00:77:00:01 .*reason="released"', start=start)
    assert address_of(client) is None


def test_systemd_networkd_configures(room, tmp_path):
    client = room.lan.client(N1["mac"])
    network = r"[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n[DHCPv4]\nClientIdentifier=mac\n"
    process = client.popen(*in_private_folders("mkdir -p /run/systemd/network /run/systemd/netif", f"printf '{network}' >/run/systemd/network/eth0.network",
                                               "exec /lib/systemd/systemd-networkd"), start_new_session=True)
    try:
        wait_for(lambda: address_of(client) == N1["address"], 60, 0.1)
        assert_at_home(room, client, tmp_path)
        routes = ip("-n", client.name, "route")
        assert f"10.77.0.0/24 dev eth0 proto kernel scope link src {N1['address']}" in routes
    finally:
        process.terminate()
        process.wait(60)


def test_perfdhcp_loses_nothing(room):
    """As a relay on the boot LAN, which is how it always asks; its hosts are the eight that the policy knows."""
    client = room.lan.client("52:54:00:77:00:44", "10.77.0.44")
    done = client.run("perfdhcp", "-4", "-l", "eth0", "-b", "mac=" + PERF_HOSTS[0]["mac"], "-R", "8", "-r", "100", "-n", "300", SERVER, check=False)
    sent, received = ([int(n) for n in re.findall(rf"{what} packets: (\d+)", done.stdout)] for what in ("sent", "received"))
    # It does not wait for the answer to the last packet that it sends.
    assert sent[0] >= 250 and received[0] >= sent[0] - 1 and received[1] >= sent[1] - 1, done.stdout + done.stderr
    for trouble in ("Malformed packets", "rejected leases", "non unique addresses"):
        assert set(re.findall(rf"{trouble}: (\d+)", done.stdout)) == {"0"}, done.stdout


def nmap_discover(client, arguments):
    return client.run("nmap", "-e", "eth0", "--script", "broadcast-dhcp-discover", "--script-args", arguments, timeout=60).stdout


def test_nmap_finds_the_server(room):
    client = room.lan.client(N1["mac"], N1["address"])
    found = nmap_discover(client, f"broadcast-dhcp-discover.timeout=3,broadcast-dhcp-discover.mac={N1['mac']}")
    for line in (f"IP Offered: {N1['address']}", f"Server Identifier: {SERVER}", "Subnet Mask: 255.255.255.0"):
        assert line in found
    assert "IP Offered" not in nmap_discover(client, "broadcast-dhcp-discover.timeout=2")  # by its own MAC, which is no host's
    inform = client.run("nmap", "-n", "-Pn", "-sU", "-p", "67", "--script", "dhcp-discover", SERVER, timeout=60).stdout
    assert "DHCP Message Type: DHCPACK" in inform and f"Server Identifier: {SERVER}" in inform, inform


@pytest.mark.parametrize("options", [[], ["-b", "1428"], ["-b", "512"], ["-b", "65464"]])
def test_busybox_tftp_gets_files(room, tmp_path, options):
    client = room.lan.client(N1["mac"], N1["address"])
    for name, want in {"pxelinux.0": fake_store.LOADERS["pxelinux.0"], f"i/{room.image[:16]}/xen.gz": fake_store.FILES["xen.gz"]}.items():
        target = tmp_path / "got"
        client.run("busybox", "tftp", "-g", *options, "-r", name, "-l", target, SERVER)
        assert target.read_bytes() == want
    refused = client.run("busybox", "tftp", "-g", "-r", "../../etc/passwd", "-l", tmp_path / "x", SERVER, check=False)
    assert refused.returncode != 0 and "access refused" in refused.stderr
