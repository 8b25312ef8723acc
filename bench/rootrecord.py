# SPDX-License-Identifier: Apache-2.0
"""
What a host reads of its root while it boots, recorded at its tap of a virtual room: for NBD the offset and length of each read, for NFS the
client's calls as they are, with the words in them that a server hands out anew each time. Scripts are what bench/load/rootreader replays.
"""

import os
import signal
import struct
import subprocess
import time

import rootroom

PORTS = {"nbd": 10809, "nfs": 2049, "nfs3": 2049}
SETTLE_S = 5  # what starts behind `ready` is read as well

NBD_REQUEST = struct.Struct(">IHHQQI")
NBD_MAGIC = struct.pack(">I", 0x25609513)
NFS, COMPOUND = 100003, 1
OP_OPEN, OP_PUTFH, OP_EXCHANGE_ID, OP_CREATE_SESSION, OP_SEQUENCE = 18, 22, 42, 43, 53
SESSION_SIZE = 16
NO_STATUS = 0xFFFFFFFF


# --- packets ---

def packets(path):
    """(source, destination, sequence number, flags, data) of each TCP segment of a pcap file of Ethernet frames; addresses are (ip, port)."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:4] == b"\xd4\xc3\xb2\xa1", "a pcap file in this machine's order"
    at = 24
    while at + 16 <= len(data):
        have, whole = struct.unpack_from("<II", data, at + 8)
        frame, at = data[at + 16:at + 16 + have], at + 16 + have
        if have < 54 or frame[12:14] != b"\x08\x00" or frame[23] != 6:
            continue
        assert have == whole, "a frame was cut off"
        head = 14 + (frame[14] & 15) * 4
        end = 14 + struct.unpack_from(">H", frame, 16)[0]
        sport, dport, seq = struct.unpack_from(">HHI", frame, head)
        yield (frame[26:30], sport), (frame[30:34], dport), seq, frame[head + 13], frame[head + (frame[head + 12] >> 4) * 4:end]


def streams(path):
    """Both ways of each connection, in the order in which they began: (what the client said, what the server said)."""
    ways, order = {}, []
    for source, target, seq, flags, data in packets(path):
        if flags & 2:  # SYN
            if (source, target) in ways:
                if ways[source, target][0] == seq + 1:
                    continue  # sent again
                raise SystemExit("bench readers: a client used a port twice, its connections cannot be told apart; once more")
            ways[source, target] = (seq + 1, [])
            if not flags & 16:
                order.append((source, target))
        elif data and (source, target) in ways:
            start, parts = ways[source, target]
            parts.append(((seq - start) & 0xFFFFFFFF, data))
    return [(joined(ways[w][1]), joined(ways.get((w[1], w[0]), (0, []))[1])) for w in order]


def joined(parts):
    stream = bytearray()
    for at, data in sorted(parts):
        if at > len(stream):
            raise SystemExit("bench readers: the capture lost packets; once more, on a quieter machine")
        stream += data[len(stream) - at:]
    return bytes(stream)


# --- NBD ---

def nbd_script(connections):
    reads = []
    for asked, _ in connections:
        at = asked.find(NBD_MAGIC)
        while 0 <= at <= len(asked) - NBD_REQUEST.size:
            magic, _, kind, _, offset, length = NBD_REQUEST.unpack_from(asked, at)
            assert magic == 0x25609513
            if kind == 0:
                reads.append((offset, length))
            at += NBD_REQUEST.size
    return b"".join(struct.pack("<QQ", *r) for r in reads)


# --- NFS ---

def records(stream):
    """The messages of ONC RPC over TCP."""
    at, message = 0, b""
    while at + 4 <= len(stream):
        mark = struct.unpack_from(">I", stream, at)[0]
        size = mark & 0x7FFFFFFF
        if at + 4 + size > len(stream):
            break
        message += stream[at + 4:at + 4 + size]
        at += 4 + size
        if mark >> 31:
            yield message
            message = b""


def word(data, at):
    return struct.unpack_from(">I", data, at)[0]


def behind_opaque(data, at):
    return at + 4 + (word(data, at) + 3) // 4 * 4


def args_at(call):
    """Behind the call's head and its two credentials."""
    return behind_opaque(call, behind_opaque(call, 24 + 4) + 4)


class Words:
    """What a server hands out: which register has it, and where it stands in later calls."""

    def __init__(self):
        self.registers = {}  # recorded bytes -> register

    def take(self, answer, at, length):
        value = answer[at:at + length]
        if value not in self.registers:
            self.registers[value] = len(self.registers) + 1  # 0: the reader's number
        return self.registers[value], at, length

    def puts(self, call, begin):
        """Longest first, for a stateid may begin with its client's id. Sessions' ids are not looked for: they may be like stateids."""
        found, covered = [], set()
        values = [(v, r) for v, r in self.registers.items() if len(v) < SESSION_SIZE]
        for value, register in sorted(values, key=lambda r: -len(r[0])):
            at = call.find(value, begin)
            while at >= 0:
                where = set(range(at, at + len(value)))
                if not where & covered:
                    found.append((register, at, len(value)))
                    covered |= where
                at = call.find(value, at + 4)
        return found


def compound_words(call, answer, words):
    """Takes and puts of a COMPOUND of version 4.1 and later, whose first operation tells what it is for."""
    at = behind_opaque(call, args_at(call)) + 8
    op, args = word(call, at), at + 4
    result = behind_opaque(answer, 28) + 4  # behind status, tag and number of results
    if op == OP_EXCHANGE_ID:
        owner = args + 8
        takes = [words.take(answer, result + 8, 8)]
        return takes, [(0, owner + 4 + word(call, owner) - 2, 2)]
    if op == OP_CREATE_SESSION:
        return [words.take(answer, result + 8, SESSION_SIZE)], words.puts(call, args)
    assert op == OP_SEQUENCE, f"an NFS client that begins with operation {op}"
    puts = [(words.registers[call[args:args + SESSION_SIZE]], args, SESSION_SIZE), *words.puts(call, args + 32)]
    third = behind_opaque(call, args + 32 + 4)
    if word(call, at - 4) > 2 and word(call, args + 32) == OP_PUTFH and word(call, third) == OP_OPEN:
        opened = result + 44 + 8
        if word(answer, 24) == 0:
            return [words.take(answer, opened + 8 + 4, 12)], puts  # the stateid without its number
    return [], puts


def nfs_script(connections):
    words, script = Words(), b""
    for asked, said in connections:
        answers = {a[:4]: a for a in records(said)}
        for call in records(asked):
            answer = answers.get(call[:4])
            if answer is None or word(call, 4) != 0:
                continue  # asked when the recording ended
            program, version, procedure = struct.unpack_from(">III", call, 12)
            takes, puts = [], []
            if program == NFS and version == 4 and procedure == COMPOUND:
                takes, puts = compound_words(call, answer, words)
            status = word(answer, 24) if len(answer) >= 28 and procedure != 0 else NO_STATUS
            script += struct.pack("<5I", len(call), status, len(answer), len(takes), len(puts))
            script += b"".join(struct.pack("<3I", *m) for m in [*takes, *puts]) + call + b"\0" * (-len(call) % 4)
    return script


SCRIPTS = {"nbd": nbd_script, "nfs": nfs_script, "nfs3": nfs_script}


# --- recording ---

class Capture:
    """tcpdump on the host's tap while the block runs; what it has written is whole."""

    def __init__(self, netns, path, what):
        self.argv = ["ip", "netns", "exec", netns, "tcpdump", "-i", "tap1", "-s", "0", "-B", "131072", "-U", "-Z", "root", "-w", path, what]

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stderr=subprocess.PIPE, text=True)
        assert "listening" in self.process.stderr.readline()

    def __exit__(self, *exc):
        time.sleep(1)
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=30)[1]
        if exc[0] is None and "\n0 packets dropped by kernel" not in "\n" + said:
            raise SystemExit(f"bench readers: the recording has holes: {said}")


def record(build, image, roots, folder):
    """Boots one host from each of the roots and leaves a script for each in the folder."""
    os.makedirs(folder, exist_ok=True)
    with rootroom.room(build, [(image, root) for root in roots]) as room:
        for root in roots:
            pcap = os.path.join(folder, root + ".pcap")
            with Capture(room.netns, pcap, f"tcp port {PORTS[root]}"):
                rootroom.boot(room, image, root, settle=SETTLE_S)
            script = SCRIPTS[root](streams(pcap))
            os.unlink(pcap)
            with open(os.path.join(folder, root + ".new"), "wb") as f:
                f.write(script)
            os.rename(os.path.join(folder, root + ".new"), os.path.join(folder, root))
            print(f"readers: {root}: recorded, a script of {len(script)} bytes", flush=True)
