# SPDX-License-Identifier: Apache-2.0
"""
A host with two network cards and its root by NFS over the first: guests are on the second one and in its VLANs, and the host is on neither.
One host, in this order. Tagged frames are made and seen on the wire of the second card, outside of the host.
"""

import re
import time

import pytest

from room import PYTHON, Room

SEGMENT = "lab2"  # the wire of the second card, in the room's namespace
HOST = "10.77.0.11"
GUESTS = {"plain": ("xenbr0", "10.80.0.101", 0), "ten": ("vlan10", "10.80.0.110", 10), "twenty": ("labs", "10.80.0.120", 20)}
VLANS = 'guest-nic = "other"\n\tvlans = "10, 20:labs"'

TAGS = (0, 10, 20, 30)  # 0: a frame without a tag

# Who has ADDRESS? Asked once a second with each tag, by another sender for each; prints "ASKED:ANSWERED" for each pair of tags that was seen.
ASK = """
import sys, time
from scapy.all import ARP, AsyncSniffer, Dot1Q, Ether, get_if_hwaddr, sendp
wire, address, tags = sys.argv[1], sys.argv[2], [int(t) for t in sys.argv[3:]]
me = get_if_hwaddr(wire)
senders = {f"10.80.0.{200 + i}": tag for i, tag in enumerate(tags)}
sniffer = AsyncSniffer(iface=wire, lfilter=lambda p: ARP in p and p[ARP].op == 2 and p[ARP].psrc == address and p[ARP].pdst in senders)
sniffer.start()
for _ in range(3):
    time.sleep(0.7)
    for sender, tag in senders.items():
        frame = Ether(src=me, dst="ff:ff:ff:ff:ff:ff")
        if tag:
            frame /= Dot1Q(vlan=tag)
        sendp(frame / ARP(op=1, hwsrc=me, psrc=sender, pdst=address), iface=wire, verbose=0)
time.sleep(1)
print("answers", *{f"{senders[p[ARP].pdst]}:{p[Dot1Q].vlan if Dot1Q in p else 0}" for p in sniffer.stop()})
"""

# Files of the root from the server, again and again for a while; the result is on the layer, which is RAM.
READ = ("busybox rm -f /tmp/read /tmp/errors; (for i in 1 2 3 4 5; do echo 3 >/proc/sys/vm/drop_caches;"
        " busybox find /usr /bin /etc -xdev -type f -exec busybox cat {} + 2>>/tmp/errors; busybox sleep 3; done;"
        " echo done >/tmp/read) </dev/null >/dev/null & :")


@pytest.fixture(scope="module", name="split")
def fixture_split(build_dir):
    room = Room(build_dir, "bios", "dompool.shell=1", name="guestnet", loader="pxelinux", nic="virtio-net-pci", nics=2)
    room.up_without_hosts()
    with open(room.dir + "/dompoold.conf", "a", encoding="utf-8") as f:
        f.write(f'\nprofile "split" {{\n\tkind = "pool"\n\troot = "nfs"\n\t{VLANS}\n}}\n')
        f.write('profile "missing" {\n\tkind = "pool"\n\tguest-nic = "eth7"\n\tvlans = "10"\n}\n')
    room.lab("power", "server", "reset")
    yield room
    room.down()


def boot(room, profile):
    room.cli("profile", "set", "n1", profile)
    before = room.host("n1")["boot"]
    if room.host("n1")["state"] == "ready":
        room.cli("host", "reboot", "n1")
    else:
        room.lab("power", "n1", "on")
    room.wait(lambda: room.host("n1")["boot"] > before, 120, "a new boot")
    room.wait_host("n1", "ready", 240)


def run(room, command):
    status, out = room.shell("n1", command)
    assert status == 0, f"{command}: {status}\n{out}"
    return out


def ask(room, address):
    """Who has the address on the second card's wire? The tags that were answered, each with that of its answer."""
    answer = room.netns_run(PYTHON, "-c", ASK, SEGMENT, address, *map(str, TAGS)).stdout.split()
    return set(answer[answer.index("answers") + 1:])


def create(room, name, bridge, **options):
    room.create_ending(name, "n1", "-", vif=[f"bridge={bridge}"], **options)


def test_the_host_keeps_its_address_on_the_card_that_boots(split):
    boot(split, "split")
    assert f"inet {HOST}/24" in run(split, "ip addr show dev eth0")
    ports = run(split, "ls /sys/class/net/xenbr0/brif /sys/class/net/vlan10/brif /sys/class/net/labs/brif").split()
    assert sorted(p for p in ports if not p.startswith("/")) == ["eth1", "trunk.10", "trunk.20"], ports
    for name in ("xenbr0", "vlan10", "labs", "eth1", "trunk.10"):
        assert "inet" not in run(split, f"ip addr show dev {name}")
    assert run(split, "cat /sys/class/net/xenbr0/bridge/vlan_filtering") == "1"
    shown = split.host("n1")
    assert shown["inventory"]["bridges"] == "xenbr0 labs vlan10"
    assert shown["inventory"]["root"]["root"].startswith("nfs ")
    trace = split.cli("host", "trace", "n1").stdout
    assert re.search(r"^  guest-net +xenbr0 with eth1; vlan10 is VLAN 10, labs is VLAN 20$", trace, re.M), trace


def test_guests_are_on_the_second_card_and_in_its_vlans(split):
    for name, (bridge, address, _) in GUESTS.items():
        config = (f'name = "{name}"\ntype = "pvh"\nmemory = 128\nkernel = "vmlinuz"\nramdisk = "initrd"\n'
                  f'extra = "console=hvc0 name={name} ip={address}/24"\nvif = [ "bridge={bridge}" ]\n')
        status, op = split.request("POST", "/v1/domains", {"host": "n1", "file": name, "config": config})
        assert status == 202 and split.operation_end(op["id"])["state"] == "done"
    assert split.ping(GUESTS["plain"][1])
    for name in ("ten", "twenty"):
        _, address, tag = GUESTS[name]
        split.wait(lambda address=address, tag=tag: ask(split, address) == {f"{tag}:{tag}"}, 120, f"the guest in VLAN {tag}, and in no other")
    split.wait(lambda: ask(split, GUESTS["plain"][1]) == {"0:0"}, 120, "the guest beside the VLANs, and in none")


def test_the_host_answers_nobody_on_the_guests_networks(split):
    assert ask(split, HOST) == set()
    assert split.ping(HOST, 60)  # on the first card's


def test_a_bridge_that_is_not_there_is_refused_until_it_is(split):
    config = 'name = "thirty"\ntype = "pvh"\nmemory = 16\nkernel = "vmlinuz"\nvif = [ "bridge=vlan30" ]\n'
    status, answer = split.request("POST", "/v1/domains", {"host": "n1", "file": "thirty", "config": config})
    assert status >= 400, answer
    assert "host 'n1' has no bridge 'vlan30'; it has xenbr0 labs vlan10" in answer["error"]["message"]
    # One more VLAN while the root hangs on the other card.
    run(split, "ip link add link eth1 name trunk.30 type vlan id 30 && ip link add vlan30 type bridge && ip link set trunk.30 master vlan30"
               " && ip link set trunk.30 up && ip link set vlan30 up")
    split.wait(lambda: "vlan30" in split.host("n1")["inventory"]["bridges"].split(), 120, "the new bridge is known")
    create(split, "thirty", "vlan30")
    assert split.wait_domain("thirty", "running")["host"] == "n1"
    split.cli("domain", "destroy", "thirty")


def test_a_root_by_nfs_lives_through_guests_and_a_minute_without_its_server(split):
    for i in range(10):
        create(split, f"short{i}", ("xenbr0", "vlan10", "labs", "vlan30")[i % 4])
        split.cli("domain", "destroy", f"short{i}")
    split.shell("n1", READ)
    split.lab("power", "server", "off")
    time.sleep(60)
    split.lab("power", "server", "on")
    # What the shell itself is made of comes from the root, too.
    split.wait(lambda: split.shell("n1", "busybox cat /tmp/read")[1].strip() == "done", 240, "all files are read")
    assert split.shell("n1", "busybox cat /tmp/errors")[1].strip() == ""
    split.wait_host("n1", "ready", 240)
    assert split.ping(GUESTS["plain"][1])
    split.wait(lambda: ask(split, GUESTS["ten"][1]) == {"10:10"}, 120, "the guest in VLAN 10, and in no other")
    status, errors = split.shell("n1", "busybox dmesg | busybox grep -iE 'i/o error|nfs:.*error|stale'")
    assert status == 1, errors


def test_a_card_that_is_not_there_is_said_and_the_host_goes_on(split):
    boot(split, "missing")
    # Two reports, one after the other.
    trace = split.wait(lambda: "eth7" in (t := split.cli("host", "trace", "n1").stdout) and "\n  guest-net " in t and t, 120, "word of the card")
    assert "failed: error: the guests' network card, eth7, is not there after 20 s" in trace, trace
    assert "eth1 52:54:00:80:00:01" in trace, trace
    assert re.search(r"^  guest-net +xenbr0 with no card; vlan10 is VLAN 10 and leads nowhere$", trace, re.M), trace
    create(split, "lonely", "vlan10")
    assert split.wait_domain("lonely", "running")["host"] == "n1"
