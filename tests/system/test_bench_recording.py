# SPDX-License-Identifier: Apache-2.0
"""What bench/readers replays: a conversation by NFS 4.1 becomes a script in which only what a server hands out anew is replaced."""
import pathlib
import struct
import sys

BENCH = pathlib.Path(__file__).parents[2] / "bench"
sys.path[:0] = [str(BENCH), str(BENCH.parent / "tests" / "room")]

from rootrecord import nbd_script, nfs_script, records  # noqa: E402

CLIENT = bytes.fromhex("0200000094de096b")
SESSION = CLIENT + bytes.fromhex("0100000000000000")
OTHER = CLIENT + bytes.fromhex("01000000")  # a stateid that, with the offset behind it, looks like the session's id
HANDLE = struct.pack(">I", 8) + b"handle01"
SEQUENCE = struct.pack(">I", 53) + SESSION + struct.pack(">4I", 1, 0, 0, 0)
SEQUENCE_ANSWER = struct.pack(">2I", 53, 0) + SESSION + bytes(20)
PUTFH, PUTFH_ANSWER = struct.pack(">I", 22) + HANDLE, struct.pack(">2I", 22, 0)


def message(number, direction, body):
    data = struct.pack(">2I", number, direction) + body
    return struct.pack(">I", len(data) | 1 << 31) + data


def call(number, *operations):
    head = struct.pack(">4I", 2, 100003, 4, 1) + struct.pack(">4I", 0, 0, 0, 0) + struct.pack(">3I", 0, 1, len(operations))
    return message(number, 0, head + b"".join(operations))


def answer(number, *results):
    return message(number, 1, struct.pack(">4I", 0, 0, 0, 0) + struct.pack(">3I", 0, 0, len(results)) + b"".join(results))


def parsed(script):
    """(call, takes, puts) of each; takes and puts as (register, offset, length)."""
    at, found = 0, []
    while at < len(script):
        size, _, _, n_takes, n_puts = struct.unpack_from("<5I", script, at)
        at += 20
        moves = [struct.unpack_from("<3I", script, at + 12 * i) for i in range(n_takes + n_puts)]
        at += 12 * len(moves)
        found.append((script[at:at + size], moves[:n_takes], moves[n_takes:]))
        at += -(-size // 4) * 4
    return found


def test_sessions_clients_and_stateids_are_put_where_they_stood_and_nowhere_else():
    opening = struct.pack(">I", 18) + bytes(4) + CLIENT + bytes(16)
    reading = struct.pack(">I", 25) + bytes(4) + OTHER + struct.pack(">QI", 0, 131072)
    asked = (call(1, struct.pack(">I", 42) + b"verifier" + struct.pack(">I", 8) + b"owner n1" + bytes(12))
             + call(2, struct.pack(">I", 43) + CLIENT + bytes(60)) + call(3, SEQUENCE, PUTFH, opening) + call(4, SEQUENCE, PUTFH, reading))
    said = (answer(1, struct.pack(">2I", 42, 0) + CLIENT + bytes(40)) + answer(2, struct.pack(">2I", 43, 0) + SESSION + bytes(40))
            + answer(3, SEQUENCE_ANSWER, PUTFH_ANSWER, struct.pack(">3I", 18, 0, 1) + OTHER + bytes(40)) + answer(4, SEQUENCE_ANSWER, PUTFH_ANSWER))
    exchange, create, opened, read = parsed(nfs_script([(asked, said)]))

    def put(part):
        return [part[0][at:at + n] for _, at, n in part[2]]

    assert put(exchange) == [b"n1"] and exchange[2][0][0] == 0  # the reader's number
    assert put(create) == [CLIENT] and create[2][0][0] == exchange[1][0][0]
    assert put(opened) == [SESSION, CLIENT]
    assert put(read) == [SESSION, OTHER]
    assert [m[0] for m in read[2]] == [create[1][0][0], opened[1][0][0]]
    answers = list(records(said))
    for i, part, words in ((0, exchange, CLIENT), (1, create, SESSION), (2, opened, OTHER)):
        ((_, at, n),) = part[1]
        assert answers[i][at:at + n] == words


def test_reads_by_nbd_are_those_that_were_asked_for():
    request = struct.Struct(">IHHQQI")
    stream = b"IHAVEOPT" + bytes(12) + request.pack(0x25609513, 0, 0, 1, 4096, 8192) + request.pack(0x25609513, 0, 3, 2, 0, 0)
    assert nbd_script([(stream, b"")]) == struct.pack("<QQ", 4096, 8192)
