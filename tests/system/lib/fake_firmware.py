#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Firmware's DHCP on one interface: a line of JSON is a packet to send, the answer a line with all that came back in the given time."""
import json
import socket
import struct
import sys
import time

from scapy.all import BOOTP, DHCP, IP, UDP, Ether, bind_layers, mac2str

bind_layers(UDP, BOOTP, dport=4011)
interface = sys.argv[1]
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
sock.bind((interface, 0))


def server_mac(address):
    """The kernel's word; a datagram to nowhere makes it ask."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"", (address, 9))
    end = time.monotonic() + 10
    while time.monotonic() < end:
        for line in open("/proc/net/arp"):
            if line.split()[0] == address and line.split()[3] != "00:00:00:00:00:00":
                return line.split()[3]
        time.sleep(0.02)
    return "ff:ff:ff:ff:ff:ff"


def packet(said, xid):
    options = [("message-type", said["type"])]
    if "vendor" in said:
        options += [("vendor_class_id", said["vendor"]), (93, struct.pack(">H", said["arch"])), (94, b"\1\3\0"), (97, bytes(17))]
    options += [(name, said[key]) for key, name in (("requested", "requested_addr"), ("server", "server_id")) if key in said]
    port = said.get("port", 67)
    unicast = port == 4011
    head = Ether(src=said["mac"], dst=server_mac("10.77.0.1") if unicast else "ff:ff:ff:ff:ff:ff")
    head /= IP(src=said.get("address", "0.0.0.0"), dst="10.77.0.1" if unicast else "255.255.255.255")
    bootp = BOOTP(chaddr=mac2str(said["mac"]), xid=xid, flags=0 if unicast else 0x8000)
    return head / UDP(sport=4011 if unicast else 68, dport=port) / bootp / DHCP(options=options + ["end"])


def answer(p):
    b, options = p[BOOTP], {}
    for o in p[DHCP].options:
        if isinstance(o, tuple):
            options[str(o[0])] = o[1].hex() if isinstance(o[1], bytes) else o[1]
    text = lambda name: bytes.fromhex(options.get(name, "")).decode().rstrip("\0")
    return {"type": options["message-type"], "address": b.yiaddr, "next": b.siaddr, "file": b.file.rstrip(b"\0").decode(), "server": options.get("server_id"),
            "class": text("vendor_class_id"), "vendor": options.get("vendor_specific", ""), "options": options, "to": [p[IP].dst, p[UDP].dport]}


def listen(xid, seconds, of):
    """All within that time; but the servers that are to answer, @of, may take a loaded machine some more."""
    end, answers = time.monotonic() + seconds, []
    latest, of = end + 30, set(of)
    while time.monotonic() < end or (of - {a["server"] for a in answers} and time.monotonic() < latest):
        sock.settimeout(max(0.01, end - time.monotonic()))
        try:
            p = Ether(sock.recv(2000))
        except OSError:
            continue
        if UDP in p and BOOTP in p and p[BOOTP].op == 2 and p[BOOTP].xid == xid:
            answers.append(answer(p))
    return answers


for number, line in enumerate(sys.stdin):
    what = json.loads(line)
    sock.send(bytes(packet(what, 0x2000 + number)))
    print(json.dumps(listen(0x2000 + number, what["seconds"], what.get("of", ()))), flush=True)
