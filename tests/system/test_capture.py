# SPDX-License-Identifier: Apache-2.0
"""`dompool host capture`: a boot's conversation by DHCP, TFTP and HTTP is in the file, which scapy reads, and nobody else's is."""
import json
import os
import re
import signal
import subprocess
import time

import pytest
from scapy.all import BOOTP, DHCP, IP, TCP, UDP, Ether, PcapReader, Raw

from boot_harness import OTHER_MAC, POOL_MAC, SERVER, UNKNOWN_MAC, Room, programs_dir, say

PXE = {"vendor": "PXEClient:Arch:00000:UNDI:002001", "arch": 0}
IPXE = {"vendor": "PXEClient:Arch:00000:UNDI:002001", "arch": 0, "user_class": "iPXE"}
STRANGE_SERVER = "10.88.0.9"


@pytest.fixture(scope="module", name="room")
def fixture_room():
    with Room() as room:
        room.wait_log("parent: ready", seconds=60)
        end = time.monotonic() + 60
        while room.api("/v1/server").get("roles", {}).get("capture") != "up" and time.monotonic() < end:
            time.sleep(0.05)
        yield room


started = []


@pytest.fixture(autouse=True)
def nothing_goes_on(room):
    yield
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
    started.clear()


class Capture:
    """The command, started; its file and what it said."""

    def __init__(self, room, machine, *argv, file="boot.pcap", stdout=subprocess.PIPE):
        self.file = room.path / file
        self.file.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [str(programs_dir() / "dompool"), "-s", f"unix:{room.path}/run/api.sock", "host", "capture", machine, *argv,
             *(() if "--file" in argv else ("--file", str(self.file)))],
            stdout=stdout, stderr=subprocess.PIPE, text=True, cwd=room.path)
        started.append(self.process)
        self.said = self.process.stderr.readline()  # it has begun, or why not

    def end(self, how=None, seconds=60):
        if how:
            self.process.send_signal(how)
        out, err = self.process.communicate(timeout=seconds)
        self.out, self.said = out, self.said + err
        return self.process.returncode

    def packets(self):
        with PcapReader(str(self.file)) as reader:
            return list(reader)


def boot(room, mac, firmware=PXE, file="pxelinux.0"):
    """What a machine does: DHCP, its loader, its menu by both doors, the beginning of its kernel."""
    room.be(mac)
    for _ in range(3):  # as firmware does: a packet on a link that just came up may be lost
        offer = room.dhcp(say("discover", mac, **firmware), wait=2)[0]
        if offer:
            break
    ack = room.dhcp(say("request", mac, requested=offer["address"], server=SERVER, **firmware))[0]
    room.be(mac, ack["address"])
    menu = "pxelinux.cfg/01-" + mac.replace(":", "-")
    for url in (f"tftp://{SERVER}/{file}", f"tftp://{SERVER}/{menu}", f"http://{SERVER}:8080/{menu}",
                f"http://{SERVER}:8080/i/{room.image[:16]}/vmlinuz"):
        room.client("curl", "-sS", "-o", "/dev/null", url)
    return ack["address"]


# A frame of no protocol, from the machine: what came before it is in the file when it is.
MARK = b"all that was before this"
MARK_SCRIPT = f"""
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("cli0", 0))
s.send(b"\\xff" * 6 + bytes.fromhex(sys.argv[1].replace(":", "")) + b"\\x88\\xb5" + {MARK!r} + bytes(40))
"""


def wait_mark(room, capture, mac):
    room.client("/usr/bin/python3", "-c", MARK_SCRIPT, mac, check=True)
    end = time.monotonic() + 60
    while MARK not in capture.file.read_bytes():
        assert time.monotonic() < end, capture.file.read_bytes()[-200:]
        time.sleep(0.02)


def begin_again(room):
    """Once there is a place, or a role, for it again."""
    end = time.monotonic() + 60
    while "capturing" not in (capture := Capture(room, "n1", file="again.pcap")).said:
        assert time.monotonic() < end, capture.said
        capture.end()
    return capture


def captured(room, during, *argv, machine="n1"):
    capture = Capture(room, machine, *argv)
    assert "capturing" in capture.said, capture.said + capture.process.communicate()[1]
    during()
    wait_mark(room, capture, POOL_MAC if machine == "n1" else machine)
    assert capture.end(signal.SIGINT) == 0, capture.said
    return capture


def of_strangers(packets, mac, address):
    """Frames that are neither from, to nor about this machine."""
    return [p for p in packets if mac not in (p[Ether].src, p[Ether].dst)
            and not (BOOTP in p and p[BOOTP].chaddr[:6] == bytes.fromhex(mac.replace(":", "")))]


def test_a_whole_boot_is_in_the_file_and_another_hosts_is_not(room):
    def both():
        boot(room, OTHER_MAC)
        addresses.append(boot(room, POOL_MAC))
        boot(room, OTHER_MAC)

    addresses = []
    capture = captured(room, both)
    packets = capture.packets()
    assert of_strangers(packets, POOL_MAC, addresses[0]) == []
    kinds = [p[DHCP].options[0][1] for p in packets if DHCP in p]
    assert [k for k, before in zip(kinds, [0, 0] + kinds) if k != before][-4:] == [1, 2, 3, 5]  # DISCOVER, OFFER, REQUEST, ACK
    requests = [bytes(p[UDP].payload) for p in packets if UDP in p and p[UDP].dport == 69]
    assert [r[2:].split(b"\0")[0] for r in requests] == [b"pxelinux.0", b"pxelinux.cfg/01-" + POOL_MAC.replace(":", "-").encode()]
    blocks = [p for p in packets if UDP in p and bytes(p[UDP].payload)[:2] == b"\0\3"]
    assert blocks and all(p[IP].src == SERVER and p[IP].dst == addresses[0] for p in blocks)
    http = b"".join(bytes(p[Raw].load) for p in packets if TCP in p and Raw in p)
    assert b"GET /pxelinux.cfg/" in http and b"HTTP/1.1 200" in http and b"/vmlinuz HTTP/1.1" in http
    times = [float(p.time) for p in packets]
    assert times == sorted(times) and abs(times[-1] - time.time()) < 60


def test_files_are_cut_dhcp_is_whole_and_the_true_length_is_kept(room):
    packets = captured(room, lambda: boot(room, POOL_MAC)).packets()
    assert all(len(p) <= 512 for p in packets if DHCP not in p)
    assert any(p.wirelen > 512 == len(p) for p in packets if TCP in p)
    assert all(p.wirelen == len(p) and p[DHCP].options[-1] in ("end", "pad") for p in packets if DHCP in p)
    whole = captured(room, lambda: boot(room, POOL_MAC), "--snap", "0").packets()
    assert all(p.wirelen == len(p) for p in whole) and max(len(p) for p in whole) > 1000
    # with whole packets the kernel is there byte for byte
    data = {}
    for p in whole:
        if TCP in p and p[IP].src == SERVER and Raw in p:
            data[(p[TCP].dport, p[TCP].seq)] = bytes(p[Raw].load)
    body = b"".join(data[key] for key in sorted(data))
    assert room.files["vmlinuz"][:5000] in body


def test_another_dhcp_servers_answer_is_seen(room):
    """Broadcast, from a MAC that is not the machine's: it belongs to it by chaddr."""
    script = f"""
from scapy.all import *
for mac in ("{POOL_MAC}", "{OTHER_MAC}"):
    sendp(Ether(src="02:00:00:00:00:09", dst="ff:ff:ff:ff:ff:ff") / IP(src="{STRANGE_SERVER}", dst="255.255.255.255") / UDP(sport=67, dport=68)
          / BOOTP(op=2, yiaddr="10.88.0.77", chaddr=mac2str(mac)) / DHCP(options=[("message-type", "offer"), ("server_id", "{STRANGE_SERVER}"), "end"]),
          iface="cli0", verbose=False)
"""
    packets = captured(room, lambda: room.client("/usr/bin/python3", "-c", script, check=True)).packets()
    offers = [p for p in packets if DHCP in p and p[IP].src == STRANGE_SERVER]
    assert len(offers) == 1 and offers[0][BOOTP].chaddr[:6].hex(":") == POOL_MAC


def report(room, mac, address):
    """dompool-init of a rescue image has come up."""
    menu = room.client("curl", "-sS", f"http://{SERVER}:8080/pxelinux.cfg/01-" + mac.replace(":", "-")).stdout
    token = re.search(r"dompool\.token=(\S+)", menu).group(1)
    body = json.dumps({"token": token, "stage": "rescue", "text": "a shell waits", "uptime_ms": 1000})
    assert room.client("curl", "-sS", "-d", body, f"http://{SERVER}:8080/boot/report").returncode == 0


def test_it_ends_by_itself_when_the_host_is_ready_and_tells_the_boot(room):
    capture = Capture(room, "n1", "--json")
    report(room, POOL_MAC, boot(room, POOL_MAC))
    assert capture.end() == 0, capture.said
    answer = json.loads(capture.out)
    assert re.match(r"boot \d+ is ready; \d+ packets$", answer["end"])
    assert answer["packets"] == len(capture.packets()) and answer["bytes"] == capture.file.stat().st_size
    for stage in (r"boot \d+", r"s dhcp ", r"s loader ", r"s menu ", r"s ready a shell waits"):
        assert re.search(stage, capture.said), stage
    events = room.api("/v1/events?kind=host")["events"]
    assert [e["what"] for e in events if e["subject"] == "n1"][-2:] == ["capture", "capture-ended"]


def test_it_waits_for_as_many_boots_as_wanted(room):
    capture = Capture(room, "n1", "--boots", "2")
    report(room, POOL_MAC, boot(room, POOL_MAC))
    time.sleep(0.3)
    assert capture.process.poll() is None
    report(room, POOL_MAC, boot(room, POOL_MAC))
    assert capture.end() == 0
    assert sum(1 for p in capture.packets() if DHCP in p and p[DHCP].options[0][1] == 5) == 2


def test_its_time_is_limited_and_silence_is_an_error(room):
    capture = Capture(room, UNKNOWN_MAC, "--time", "1s")
    assert capture.end() == 12
    assert "the time is up and no boot was seen" in capture.said and "was it switched on?" in capture.said
    assert capture.packets() == [] if capture.file.stat().st_size > 24 else True


def test_an_unknown_machine_can_be_captured_by_its_mac(room):
    capture = captured(room, lambda: (room.be(UNKNOWN_MAC), room.dhcp(say("discover", UNKNOWN_MAC, **PXE), wait=0.5)),
                       machine=UNKNOWN_MAC)
    assert [p[DHCP].options[0][1] for p in capture.packets() if DHCP in p] == [1]
    assert "it is no host, so it gets no answer" in capture.said


def test_tcpdump_reads_the_stream_while_it_runs(room):
    """`--file - | tcpdump -nr -`"""
    read, write = os.pipe()
    reader = subprocess.Popen(["tcpdump", "-nlr", "-"], stdin=read, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    capture = Capture(room, "n1", "--file", "-", stdout=write)
    os.close(read), os.close(write)
    boot(room, POOL_MAC)
    for what in ("BOOTP/DHCP, Request", "BOOTP/DHCP, Reply", "pxelinux.0"):
        assert any(what in line for line in iter(reader.stdout.readline, "")), what
    assert capture.process.poll() is None  # it has not ended yet
    assert capture.end(signal.SIGINT) == 0
    assert reader.wait(60) == 0


def test_the_file_is_the_administrators_alone(room):
    capture = captured(room, lambda: None)
    assert capture.file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("argv, code, words", [
    (("nobody",), 4, "neither a host nor a MAC address"),
    (("n1", "--boots", "0"), 2, "1 to 100"),
    (("n1", "--time", "2d"), 2, "1s to 24h"),
    (("n1", "--snap", "10"), 2, "64 to 65535"),
    (("n1", "--file", "/nowhere/x.pcap"), None, "/nowhere/x.pcap"),
])
def test_what_cannot_be_captured_is_said(room, argv, code, words):
    capture = Capture(room, *argv)
    assert capture.end() == code or (code is None and capture.process.returncode not in (0, None))
    assert words in capture.said


def test_there_is_a_limit_of_captures_and_places_become_free(room):
    many = [Capture(room, "n1", file=f"{i}.pcap") for i in range(8)]
    last = Capture(room, "n1", file="last.pcap")
    assert last.end() != 0 and "8 captures run, the most at a time" in last.said
    assert many[0].end(signal.SIGINT) == 0
    again = begin_again(room)
    for capture in (*many[1:], again):
        assert capture.end(signal.SIGINT) == 0, capture.said


def sockets(room, role):
    """The packet sockets that this role holds."""
    inodes = {line.split()[8] for line in room_packet_table(room)[1:]}
    folder = f"/proc/{room.role_pid(role)}/fd"
    links = []
    for fd in os.listdir(folder):
        try:
            links.append(os.readlink(f"{folder}/{fd}"))
        except OSError:
            pass
    return [link for link in links if link.startswith("socket:[") and link[8:-1] in inodes]


def room_packet_table(room):
    with open(f"/proc/{room.role_pid('capture')}/net/packet", encoding="ascii") as f:
        return f.read().splitlines()


def wait_no_sockets(room):
    """Who asked for a capture can have gone a moment before its socket is closed."""
    end = time.monotonic() + 60
    while sockets(room, "capture") and time.monotonic() < end:
        time.sleep(0.05)
    assert sockets(room, "capture") == []


def test_the_socket_is_captures_alone_and_for_its_time_only(room):
    wait_no_sockets(room)  # of the captures of the tests before
    capture = Capture(room, "n1")
    assert len(sockets(room, "capture")) == 1
    assert all(sockets(room, role) == [] for role in ("boot", "files", "api", "core", "work"))
    assert len(room_packet_table(room)) == 2  # neither does the parent keep it
    assert capture.end(signal.SIGINT) == 0
    wait_no_sockets(room)


@pytest.mark.parametrize("role", ["capture", "core"])
def test_a_process_that_dies_ends_the_capture_with_an_error(room, role):
    mark = room.mark()
    capture = Capture(room, "n1")
    os.kill(room.role_pid(role), signal.SIGKILL)
    assert capture.end() not in (0, None)
    assert "error" in capture.said or "dompool:" in capture.said
    room.wait_log(f"role ready role={role}", mark)
    assert begin_again(room).end(signal.SIGINT) == 0
    again = captured(room, lambda: boot(room, POOL_MAC))
    assert any(DHCP in p for p in again.packets())
