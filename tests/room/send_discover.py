# SPDX-License-Identifier: Apache-2.0
"""Sends the DISCOVER of a BIOS PXE client with the given MAC from an interface; prints the answers seen in two seconds."""

import sys

from scapy.all import BOOTP, DHCP, IP, UDP, Ether, conf, srp1

interface, mac = sys.argv[1:3]
raw = bytes.fromhex(mac.replace(":", ""))
conf.checkIPaddr = False
packet = (Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)
          / BOOTP(chaddr=raw, xid=0x11223344, flags=0x8000)
          / DHCP(options=[("message-type", "discover"), (60, b"PXEClient:Arch:00000:UNDI:002001"), (93, b"\0\0"), (94, b"\1\2\1"),
                          (97, b"\0" + bytes(16)), "end"]))
answer = srp1(packet, iface=interface, timeout=2, verbose=False)
print("answered" if answer and BOOTP in answer else "silence")
