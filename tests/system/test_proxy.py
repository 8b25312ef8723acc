# SPDX-License-Identifier: Apache-2.0
"""proxyDHCP beside real DHCP servers (dnsmasq, Kea) that hand out the addresses; relay agents (ISC dhcrelay, dnsmasq) and subnets, with real
clients behind them. Firmware is scapy's packets, made as tests/data/boot-traces has them."""
import json
import pathlib
import signal
import subprocess
import time

import pytest

import netns
from server import wait_for

FIRMWARE = str(pathlib.Path(__file__).resolve().parent / "lib" / "fake_firmware.py")
SITE = "10.77.0.2"
HOST = "10.77.0.11"
MAC = "52:54:00:77:00:01"
LOCAL = "52:54:00:77:00:02"
STRANGER = "52:54:00:77:00:99"
CLASSES = {"bios": ("PXEClient:Arch:00000:UNDI:002001", 0), "uefi": ("PXEClient:Arch:00007:UNDI:003000", 7),
           "http": ("HTTPClient:Arch:00016:UNDI:003000", 16)}
URL = f"http://{netns.SERVER}:8080/"


class Firmware:
    """A process with scapy on a client's interface; its packets and their answers travel as lines of JSON."""

    def __init__(self, client):
        self.process = client.popen("/usr/bin/python3", FIRMWARE, "eth0", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, seconds=0.8, **said):
        """All answers that come within that time, in their order; those of the servers in `of` are waited for."""
        self.process.stdin.write(json.dumps({"seconds": seconds, **said}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def boot(self, kind, mac=MAC, seconds=0.8, **more):
        vendor, arch = CLASSES[kind]
        return self.say(seconds, mac=mac, vendor=vendor, arch=arch, **more)

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)


def by(answers, server):
    return [a for a in answers if a["server"] == server]


def dnsmasq(site, folder):
    return site.popen("dnsmasq", "--keep-in-foreground", "--port=0", "--interface=eth0", "--bind-interfaces", "--no-ping", "--user=root", "--pid-file=",
                      f"--dhcp-leasefile={folder}/leases", "--dhcp-range=10.77.0.50,10.77.0.60,1h", "--log-facility=-", "--conf-file=/dev/null",
                      *(f"--dhcp-host={m},10.77.0.{n}" for m, n in ((MAC, 11), (LOCAL, 12))), stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)


def kea(site, folder):
    conf = {"Dhcp4": {
        "interfaces-config": {"interfaces": ["eth0"]}, "valid-lifetime": 3600,
        "lease-database": {"type": "memfile", "persist": False},
        "subnet4": [{"id": 1, "subnet": "10.77.0.0/24", "pools": [{"pool": "10.77.0.50-10.77.0.60"}],
                     "reservations": [{"hw-address": MAC, "ip-address": HOST}, {"hw-address": LOCAL, "ip-address": "10.77.0.12"}]}]}}
    (folder / "kea.json").write_text(json.dumps(conf))
    return site.popen("env", f"KEA_PIDFILE_DIR={folder}", f"KEA_LOCKFILE_DIR={folder}", "kea-dhcp4", "-c", folder / "kea.json",
                      stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)


@pytest.fixture(name="firmware")
def fixture_firmware(lan):
    firmware = Firmware(lan.client(MAC))
    yield firmware
    firmware.close()


@pytest.fixture(name="site", params=[dnsmasq, kea], ids=["dnsmasq", "kea"])
def fixture_site(request, lan, tmp_path, firmware):
    """The site's own DHCP server; it hands out addresses before we come."""
    folder = tmp_path / "site"
    folder.mkdir()
    process = request.param(lan.client("52:54:00:77:00:fe", SITE), folder)
    wait_for(lambda: by(firmware.say(0.4, type="discover", mac=MAC), SITE), 60)
    yield process
    process.terminate()
    process.wait(60)


@pytest.fixture(name="proxy")
def fixture_proxy(server, store, site):
    server.configure([{"name": "n1", "mac": MAC, "profile": "pool"}, {"name": "n2", "mac": LOCAL, "profile": "local"}],
                     network='mode = "proxy"')
    text = server.config.read_text().replace(' range = "10.77.0.100-10.77.0.199"\n', "")
    server.config.write_text(text)
    server.start()
    server.wait_log(r"^boot: policy generation=", start=server.start_offset)
    return server


def takes_the_sites_address(firmware, kind, mac=MAC, address=HOST):
    """DISCOVER and REQUEST as firmware does them; our offer."""
    offers = firmware.boot(kind, mac, type="discover", of=[SITE, netns.SERVER])
    site, = by(offers, SITE)
    assert site["address"] == address
    ours = by(offers, netns.SERVER)
    acks = firmware.boot(kind, mac, type="request", requested=address, server=SITE, of=[SITE])
    assert [(a["server"], a["type"], a["address"]) for a in acks] == [(SITE, 5, address)]  # to this we say nothing
    return ours


def no_address_of_ours(answers):
    for a in by(answers, netns.SERVER):
        assert a["address"] == "0.0.0.0" and "lease_time" not in a["options"] and "subnet_mask" not in a["options"], a


def test_firmware_boots_beside_the_sites_server(lan, proxy, firmware):
    # BIOS: the file is in the offer, and it says not to look further.
    offer, = takes_the_sites_address(firmware, "bios")
    assert (offer["file"], offer["next"], offer["class"]) == ("pxelinux.0", netns.SERVER, "PXEClient")
    assert offer["vendor"].startswith("060108")
    # UEFI: the offer has neither file nor option 43; port 4011 has the file.
    offer, = takes_the_sites_address(firmware, "uefi")
    assert (offer["file"], offer["vendor"], offer["class"]) == ("", "", "PXEClient")
    lan.clients[0].run("ip", "addr", "add", f"{HOST}/24", "dev", "eth0")
    answers = firmware.boot("uefi", type="request", port=4011, address=HOST, of=[netns.SERVER])
    ack, = by(answers, netns.SERVER)
    assert ack["type"] == 5 and ack["file"] and ack["to"] == [HOST, 4011]
    no_address_of_ours(answers + [offer])
    # UEFI HTTP boot: one offer with the URL.
    offer, = takes_the_sites_address(firmware, "http")
    assert offer["class"] == "HTTPClient" and offer["file"].startswith(URL)
    no_address_of_ours([offer])
    assert lan.clients[0].run("curl", "-sf", "-o", "/dev/null", URL + "pxelinux.0", check=False).returncode == 0
    wait_for(lambda: proxy.get("/v1/hosts/n1").get("address_now") == HOST)
    stages = wait_for(lambda: proxy.get("/v1/hosts/n1/trace")["boots"])[0]["stages"]
    assert stages[0]["stage"] == "dhcp"


@pytest.mark.parametrize("site", [dnsmasq], ids=["dnsmasq"], indirect=True)
def test_who_has_the_address_may_read_the_menu_and_nobody_else(lan, proxy, firmware, tmp_path):
    takes_the_sites_address(firmware, "bios")
    other = lan.client("52:54:00:77:00:03", "10.77.0.77")
    lan.clients[0].run("ip", "addr", "add", f"{HOST}/24", "dev", "eth0")

    def menu(client):
        client.run("curl", "-s", "-o", tmp_path / "menu", f"tftp://{netns.SERVER}/pxelinux.cfg/01-52-54-00-77-00-01", check=False)
        return (tmp_path / "menu").read_text()

    assert "dompool.token=" in menu(lan.clients[0])
    assert "dompool.token=" not in menu(other)


@pytest.mark.parametrize("site", [dnsmasq], ids=["dnsmasq"], indirect=True)
def test_local_hosts_strangers_and_systems_hear_nothing_from_us(proxy, firmware):
    for mac, kind in ((LOCAL, "bios"), (LOCAL, "uefi"), (LOCAL, "http"), (STRANGER, "bios")):
        answers = firmware.boot(kind, mac, type="discover", seconds=1, of=[SITE])
        assert not by(answers, netns.SERVER) and by(answers, SITE), (mac, kind)
    answers = firmware.say(1, mac=MAC, type="discover", of=[SITE])
    assert not by(answers, netns.SERVER) and by(answers, SITE)


@pytest.mark.parametrize("site", [dnsmasq], ids=["dnsmasq"], indirect=True)
def test_a_real_client_gets_its_lease_of_the_sites_server(lan, proxy):
    client = lan.client("52:54:00:77:00:05")
    out = client.run("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "20", "-T", "1", "-s", "/bin/true").stderr
    assert f"obtained from {SITE}" in out


def test_a_foreign_server_where_addresses_are_ours_is_an_event_once(lan, running, tmp_path):
    site = dnsmasq(lan.client("52:54:00:77:00:fe", SITE), tmp_path)
    firmware = Firmware(lan.client(MAC))
    try:
        wait_for(lambda: by(firmware.boot("bios", type="discover", seconds=0.4), SITE), 60)
        for _ in range(3):
            offers = firmware.boot("bios", type="discover", of=[SITE, netns.SERVER])
            assert by(offers, SITE) and by(offers, netns.SERVER)
            firmware.boot("bios", type="request", requested=HOST, server=SITE, seconds=0.5)
    finally:
        firmware.close()
        site.terminate()
        site.wait(60)
    events = [e for e in running.get("/v1/events?limit=100")["events"] if e["what"] == "foreign-dhcp"]
    assert [(e["subject"], e["text"]) for e in events] == [("n1", f"got OFFER from us, REQUESTed {HOST} from {SITE}")]


# --- relay agents and subnets ---

REMOTE = "10.78.0"
VLAN = "10.79.0"


def connect(lan, router, remote, vlan):
    """A router between the boot LAN and 10.78.0.0/24; a VLAN of the server's own, 10.79.0.0/24, on its eth9."""
    netns.ip("-n", lan.name, "link", "add", "r0", "type", "veth", "peer", "name", "wan0", "netns", router.name)
    netns.ip("-n", lan.name, "link", "set", "r0", "master", "br0", "up")
    netns.ip("-n", lan.name, "route", "add", f"{REMOTE}.0/24", "via", "10.77.0.9")
    netns.ip("-n", router.name, "link", "add", "lan0", "type", "veth", "peer", "name", "eth0", "netns", remote.name)
    netns.ip("-n", lan.name, "link", "add", "eth9", "type", "veth", "peer", "name", "eth0", "netns", vlan.name)
    for ns, name, address in ((router, "wan0", "10.77.0.9"), (router, "lan0", f"{REMOTE}.1"), (lan, "eth9", f"{VLAN}.1")):
        netns.ip("-n", ns.name, "addr", "add", f"{address}/24", "dev", name)
        netns.ip("-n", ns.name, "link", "set", name, "up")
    router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    for ns, mac in ((remote, MAC), (vlan, LOCAL)):
        netns.ip("-n", ns.name, "link", "set", "eth0", "address", mac)
        netns.ip("-n", ns.name, "link", "set", "eth0", "up")


@pytest.fixture(name="remote")
def fixture_remote(lan, server, store):
    """The namespaces of the router, where the relay agent is to run, of a client behind it, and of one in the VLAN."""
    spaces = [netns.Namespace(what) for what in ("router", "remote", "vlan")]
    try:
        connect(lan, *spaces)
        server.configure([{"name": "n1", "mac": MAC, "profile": "pool"}, {"name": "n2", "mac": LOCAL, "profile": "pool"}],
                         top=f'subnet "remote" {{ net = "{REMOTE}.0/24" range = "{REMOTE}.100-{REMOTE}.109" router = "{REMOTE}.1" lease-time = "2m" }}\n'
                             f'subnet "vlan" {{ net = "{VLAN}.0/24" interface = "eth9" range = "{VLAN}.100-{VLAN}.109" }}')
        server.start()
        server.wait_log(r"^boot: policy generation=", start=server.start_offset)
        yield spaces
    finally:
        for ns in spaces:
            ns.close()


SCRIPT = '#!/bin/sh\n[ "$1" = bound ] && ip addr add $ip/$mask dev $interface && ip route add default via $router\nexit 0\n'


def udhcpc(client, tmp_path, *options):
    """udhcpc takes a lease and sets the interface up with it; what it said."""
    script = tmp_path / "udhcpc.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    return client.run("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "20", "-T", "1", "-s", script, *options).stderr


def dhcrelay(router):
    return router.popen("dhcrelay", "-4", "-d", "-a", "-id", "lan0", "-iu", "wan0", netns.SERVER, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)


def dnsmasq_relay(router):
    return router.popen("dnsmasq", "--keep-in-foreground", "--port=0", "--user=root", "--pid-file=", "--conf-file=/dev/null", "--log-facility=-",
                        f"--dhcp-relay={REMOTE}.1,{netns.SERVER}", stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)


@pytest.mark.parametrize("relay", [dhcrelay, dnsmasq_relay], ids=["dhcrelay with option 82", "dnsmasq"])
def test_a_client_behind_a_relay_gets_an_address_of_its_subnet(remote, server, tmp_path, relay):
    router, client, _ = remote
    process = relay(router)
    try:
        out = udhcpc(client, tmp_path)
        assert f"lease of {REMOTE}.100 obtained from {netns.SERVER}, lease time 120" in out
        # Files are served at the boot LAN's address, by way of the router.
        assert client.run("curl", "-sf", f"tftp://{netns.SERVER}/pxelinux.cfg/01-52-54-00-77-00-01").stdout.count("dompool.token=") == 1
        ack = rf"dhcp request mac={MAC} host=n1 reply=ack address={REMOTE}.100"
        offset = server.log_file.stat().st_size
        renew = client.popen("udhcpc", "-i", "eth0", "-f", "-t", "3", "-T", "1", "-r", f"{REMOTE}.100", "-s", "/bin/true", stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        server.wait_log(ack, start=offset)  # before that the signal would end it
        time.sleep(0.5)
        offset = server.log_file.stat().st_size
        renew.send_signal(signal.SIGUSR1)  # renews by unicast, past the relay
        server.wait_log(ack, start=offset)
        renew.terminate()
        renew.wait(60)
    finally:
        process.terminate()
        process.wait(60)


def test_a_vlan_of_its_own_interface_has_its_own_pool(remote, server, tmp_path):
    _, _, client = remote
    out = udhcpc(client, tmp_path)
    assert f"lease of {VLAN}.100 obtained from {netns.SERVER}, lease time 3600" in out
    # The way to the boot LAN's address is the server itself.
    assert client.run("curl", "-sf", f"http://{netns.SERVER}:8080/pxelinux.0", "-o", "/dev/null", check=False).returncode == 0
