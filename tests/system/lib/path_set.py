# SPDX-License-Identifier: Apache-2.0
"""Names that mean harm, thousands of them, and a client that asks for each by TFTP or HTTP and tells what came back.

Run as a program (in the client's namespace): path_set.py tftp|http SERVER PORT FILE; FILE holds names as hex, one a line. Prints
JSON: a list with what came for each name, as hex; null where nothing came.
"""
import itertools
import json
import random
import select
import socket
import sys

DOTS = [b"..", b"%2e%2e", b"%2E.", b".%2e", b"%252e%252e", b"%c0%ae%c0%ae", b"%u002e%u002e", b"\xc0\xae\xc0\xae", b"....", b".. ", b"..;",
        b"..%00", b"..\0", b"..%20", b"%ef%bc%8e%ef%bc%8e", b"..%5c..", b"...", b". ."]
SLASHES = [b"/", b"//", b"\\", b"/./", b"%2f", b"%5c", b"%252f", b"\\/", b"%c0%af", b"/%2e/", b"%u2215", b";/"]
PREFIXES = [b"", b"/", b"//", b"\\", b"./", b"loaders/", b"loaders..", b"grub/", b"i/", b"pxelinux.cfg/", b"blob/", b"boot/", b"grub/x86_64-efi/",
            b"C:\\", b"c:", b"\\\\server\\share\\", b"file:///", b"http://x/", b"~root/", b"images/", b"@", b"//?/", b"pxelinux.0/"]
SUFFIXES = [b"", b".", b"..", b" ", b"/", b"/.", b"%00", b"\0", b"\0.c32", b"%00.c32", b"::$DATA", b"?x", b"#x", b"%0a", b"\n", b"/..", b";", b"~",
            b".bak", b"%20"]
DEPTHS = [1, 2, 3, 5, 8, 13, 40]


def names(targets, traps, n, seed=3):
    """@n distinct names: ways up to each of @targets (paths without their first slash), and the names @traps of what was put into
    the served folder, all of them decorated; the plain ones first."""
    chance = random.Random(seed)
    found = dict.fromkeys(itertools.chain(traps, (b"/" + t for t in targets), (b"../" * d + t for t in targets for d in DEPTHS),
                                          (b"a" * size for size in (254, 255, 256, 300, 450, 511, 600, 4000)),
                                          (b"../" * count for count in (85, 100, 170))))
    while len(found) < n:
        slash, dots = chance.choice(SLASHES), chance.choice(DOTS)
        if chance.random() < 0.3:
            middle = chance.choice(traps)
        else:
            middle = (dots + slash) * chance.choice(DEPTHS) + chance.choice(targets).replace(b"/", chance.choice([b"/", slash]))
        name = chance.choice(PREFIXES) + middle + chance.choice(SUFFIXES)
        if chance.random() < 0.05:
            name = name.replace(b"/", b"/" * chance.randint(2, 60))
        found[name] = None
    return list(found)[:n]


def ask_tftp(server, port, wanted):
    """A socket a name, some at a time; an answer is one packet: nothing is acknowledged."""
    answers = []
    for at in range(0, len(wanted), 100):
        sockets = []
        for name in wanted[at:at + 100]:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.sendto(b"\0\1" + name + b"\0octet\0", (server, port))
            sockets.append(s)
        got, waiting = {}, set(sockets)
        while waiting:
            ready = select.select(list(waiting), [], [], 0.5)[0]
            for s in ready:
                got[s] = s.recv(65535).hex()
            waiting -= set(ready)
            if not ready:
                break
        answers += [got.get(s) for s in sockets]
        for s in sockets:
            s.close()
    return answers


def ask_http(server, port, wanted):
    """A connection a name, so that a broken request costs no other one its answer."""
    answers = []
    for name in wanted:
        got = b""
        try:
            with socket.create_connection((server, port), timeout=5) as s:
                s.sendall(b"GET /" + name.removeprefix(b"/") + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                while data := s.recv(65536):
                    got += data
        except OSError:
            pass
        answers.append(got.hex() if got else None)
    return answers


if __name__ == "__main__":
    protocol, host, number, path = sys.argv[1:]
    with open(path, encoding="ascii") as f:
        todo = [bytes.fromhex(line) for line in f.read().splitlines()]
    print(json.dumps({"tftp": ask_tftp, "http": ask_http}[protocol](host, int(number), todo)))
