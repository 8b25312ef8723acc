# SPDX-License-Identifier: Apache-2.0
"""Sends mutated packets of one protocol to a running server, as fast as asked for. Not a library: run in a namespace as

    mutator.py dhcp|tftp|http SERVER PORT COUNT SEED RATE [MAC ...]

Honest packets are changed by flipped bits, changed, inserted, removed and repeated bytes, odd lengths and ends cut off; about one in
eight stays as it is, so that the server also gets as far as sessions and leases. MACs are those that DHCP packets come from. Prints
JSON: how many were sent and answered.
"""
import json
import random
import select
import socket
import struct
import sys
import time

INTERESTING = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 43, 52, 53, 54, 57, 61, 67, 68, 69, 82, 97, 127, 128, 254, 255]


def mutate(packet, chance):
    """@packet with a few of its bytes changed."""
    if chance.random() < 0.12:
        return packet
    data = bytearray(packet)
    for _ in range(chance.choice((1, 1, 2, 3, 8, 30))):
        at = chance.randrange(len(data)) if data else 0
        kind = chance.randrange(7)
        if kind == 0 and data:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and data:
            data[at] = chance.choice(INTERESTING)
        elif kind == 2:
            data[at:at] = bytes(chance.getrandbits(8) for _ in range(chance.randint(1, 8)))
        elif kind == 3:
            del data[at:at + chance.randint(1, 16)]
        elif kind == 4:
            data[at:at] = data[at:at + chance.choice((2, 8, 40, 200))]
        elif kind == 5:
            del data[at:]
        elif data:
            data[at] = (data[at] + chance.choice((1, -1))) & 255
    return bytes(data[:chance.choice((1472, 1472, 1472, 9000))])


class Pace:
    """Keeps to @rate a second, in small steps."""

    def __init__(self, rate):
        self.rate, self.start, self.n = rate, time.monotonic(), 0

    def step(self, n=1):
        self.n += n
        if self.n % 64 < n:
            ahead = self.start + self.n / self.rate - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)


# ---- DHCP ------------------------------------------------------------------------------------------------------------------------


def dhcp_seeds(server, macs):
    seeds = []
    number = socket.inet_aton(server)
    for mac in macs:
        head = struct.pack(">BBBBIHH16s6s10s192s4s", 1, 1, 6, 0, 0x1234, 0, 0x8000, b"", bytes.fromhex(mac.replace(":", "")), b"", b"", b"\x63\x82\x53\x63")
        client_id = b"\x3d\x07\x01" + head[28:34]
        pxe = b"\x3c\x20PXEClient:Arch:00007:UNDI:003000\x5d\x02\0\x07\x5e\x03\x01\x03\0\x61\x11\0" + bytes(16) + b"\x39\x02\x04\xec\x37\x04\x01\x03\x42\x43"
        tails = [
            b"\x35\x01\x01" + client_id + pxe + b"\xff", b"\x35\x01\x01\xff",
            b"\x35\x01\x03\x36\x04" + number + b"\x32\x04" + number[:3] + b"\x65" + client_id + pxe + b"\xff",
            b"\x35\x01\x03\x32\x04" + number[:3] + b"\x66\xff", b"\x35\x01\x08" + pxe + b"\xff",
            b"\x35\x01\x01\x34\x01\x03" + client_id + b"\xff", b"\x35\x01\x01" + (b"\x4d\xff" + b"u" * 255) * 3 + b"\xff",
            b"\x35\x01\x01\x52\x08\x01\x06relay1\x0c\x08hostname\x51\x0a\0\0\0fqdn.x.\xff",
        ]
        seeds += [head + tail for tail in tails]
        renew = bytearray(head + b"\x35\x01\x03" + client_id + b"\xff")
        renew[12:16] = number[:3] + b"\x67"
        relayed = bytearray(head + tails[0])
        relayed[24:28] = number[:3] + b"\xfe"
        seeds += [bytes(renew), bytes(relayed)]
    return seeds


def run_dhcp(server, port, count, chance, pace, macs):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind(("", 68))
    s.setblocking(False)
    seeds, answered = dhcp_seeds(server, macs), 0
    for _ in range(count):
        s.sendto(mutate(chance.choice(seeds), chance), (server, port))  # not by broadcast: that would flood the honest clients as well
        pace.step()
        try:
            while s.recv(2000):
                answered += 1
        except BlockingIOError:
            pass
    return answered


# ---- TFTP ------------------------------------------------------------------------------------------------------------------------

TFTP_SEEDS = [
    b"\0\1pxelinux.0\0octet\0", b"\0\1pxelinux.0\0octet\0blksize\x001408\0tsize\x000\0", b"\0\1grub/x86_64-efi/core.efi\0octet\0windowsize\x0064\0",
    b"\0\1pxelinux.cfg/01-52-54-00-77-00-01\0octet\0", b"\0\1pxelinux.cfg/default\0netascii\0", b"\0\1nothing\0octet\0", b"\0\2pxelinux.0\0octet\0",
    b"\0\3\0\1data", b"\0\4\0\1", b"\0\5\0\0error\0", b"\0\6blksize\x001408\0", b"\0\1ldlinux.c32\0octet\0timeout\x001\0multicast\0\0utimeout\x005\0",
]
TRANSFER_SEEDS = [b"\0\4\0\0", b"\0\4\0\1", b"\0\4\0\2", b"\0\4\xff\xff", b"\0\5\0\0stop\0", b"\0\3\0\1" + b"d" * 512, b"\0\6tsize\x000\0", b"\0\1f\0octet\0"]


def run_tftp(server, port, count, chance, pace, _):
    """Each socket sends some packets to the server's port and then as many to the transfers that answer."""
    answered = sent = 0
    while sent < count:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setblocking(False)
            for _ in range(8):
                s.sendto(mutate(chance.choice(TFTP_SEEDS), chance), (server, port))
                sent += 1
            pace.step(8)
            peers = set()
            if select.select([s], [], [], 0.002)[0]:
                try:
                    while True:
                        peers.add(s.recvfrom(2000)[1])
                        answered += 1
                except (BlockingIOError, ConnectionRefusedError):
                    pass
            for peer in peers:
                if peer[1] == port:
                    continue
                for _ in range(4):
                    try:
                        s.sendto(mutate(chance.choice(TRANSFER_SEEDS), chance), peer)
                    except ConnectionRefusedError:
                        pass
                    sent += 1
                pace.step(4)
    return answered


# ---- HTTP ------------------------------------------------------------------------------------------------------------------------

HTTP_SEEDS = [
    b"GET /pxelinux.0 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /ldlinux.c32 HTTP/1.1\r\nHost: x\r\nRange: bytes=10-19\r\nIf-Range: \"1-2-3\"\r\n\r\n",
    b"HEAD /grub/x86_64-efi/core.efi HTTP/1.0\r\n\r\n", b"GET /i/0123456789abcdef/initrd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /blob/" + b"0" * 64 + b" HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\nAccept-Encoding: gzip\r\n\r\n",
    b"POST /boot/report HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\r\n{\"token\":\"v1.x\",\"stage\":\"init\",\"text\":\"hello\",\"uptime_ms\":5}",
    b"POST /boot/report HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"tok\r\n8\r\nen\":\"v1\"\r\n0\r\n\r\n",
    b"GET /pxelinux.0 HTTP/1.1\r\nHost: x\r\n\r\nGET /mboot.c32 HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /pxelinux.0 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nUpgrade: h2c\r\nX: " + b"y" * 900 + b"\r\n\r\n",
]


def run_http(server, port, count, chance, pace, _):
    """A connection a request, a dozen at a time (one address may have few), closed a moment later whatever came."""
    answered = 0
    for at in range(0, count, 12):
        sockets = []
        for _ in range(min(12, count - at)):
            s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # no TIME_WAIT: ports would run out
            s.settimeout(5)
            try:
                s.connect((server, port))
                s.sendall(mutate(chance.choice(HTTP_SEEDS), chance))
                s.setblocking(False)
                sockets.append(s)
            except OSError:
                s.close()
        pace.step(12)
        end, waiting = time.monotonic() + 0.004, set(sockets)
        while waiting and (left := end - time.monotonic()) > 0:
            for s in select.select(list(waiting), [], [], left)[0]:
                waiting.discard(s)
                try:
                    answered += s.recv(4096) != b""
                except OSError:
                    pass
        for s in sockets:
            s.close()
    return answered


def main():
    protocol, server, port, count, seed, rate = sys.argv[1:7]
    run = {"dhcp": run_dhcp, "tftp": run_tftp, "http": run_http}[protocol]
    answered = run(server, int(port), int(count), random.Random(int(seed)), Pace(int(rate)), sys.argv[7:])
    print(json.dumps({"sent": int(count), "answered": answered}))


if __name__ == "__main__":
    main()
