# SPDX-License-Identifier: Apache-2.0
"""Consoles from end to end: a pty with `dompool domain console`, the real server, a fake agent that answers in capitals."""
import base64
import os
import signal
import socket
import struct
import termios
import time

import pexpect
import pytest

import api_room
from server import wait_for

KEY = base64.b64encode(b"0123456789abcdef").decode()


@pytest.fixture
def room(running):
    api_room.guest_files(running)
    running.agent = api_room.connect_agent(running)
    _, op = running.api("POST", "/v1/domains", {"config": api_room.GUEST % "web1", "file": "web1.cfg"})
    assert running.get(f"/v1/operations/{op['id']}?wait=10")["state"] == "done"
    yield running
    running.agent.stop()


def console(server, name="web1"):
    env = {**os.environ, "DOMPOOL_SERVER": f"unix:{server.socket}"}
    return pexpect.spawn(str(api_room.DOMPOOL), ["domain", "console", name], env=env, timeout=60)


def test_console_shows_output_and_sends_keys(room):
    child = console(room)
    child.expect_exact("Ctrl-] leaves")
    child.expect_exact("fake console of web1")
    child.send("hello\r")
    child.expect_exact("HELLO")
    assert b"hello\r" in room.agent.console_input
    child.send("\x1d")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    wait_for(lambda: not room.agent.consoles)  # the agent is told that nobody looks any more


def test_ctrl_c_goes_to_the_guest(room):
    child = console(room)
    child.expect_exact("fake console")
    child.send("\x03")
    wait_for(lambda: b"\x03" in room.agent.console_input)
    assert child.isalive()
    child.send("\x1d")
    child.expect(pexpect.EOF)


@pytest.mark.parametrize("end", ["escape", "term", "hup", "server"])
def test_terminal_is_as_before_whatever_ends_it(room, end):
    shell = pexpect.spawn("/bin/sh", ["-i"], env={**os.environ, "PS1": "", "DOMPOOL_SERVER": f"unix:{room.socket}"}, timeout=60)
    before = termios.tcgetattr(shell.child_fd)
    shell.sendline(f"{api_room.DOMPOOL} domain console web1; echo ended=$?")
    shell.expect_exact("fake console")
    raw = termios.tcgetattr(shell.child_fd)
    assert raw[3] & termios.ICANON == 0 and raw[3] & termios.ECHO == 0
    pid = int([line for line in os.popen(f"ps -o pid=,comm= --ppid {shell.pid}").read().splitlines() if "dompool" in line][0].split()[0])
    if end == "escape":
        shell.send("\x1d")
    elif end == "server":
        room.deaths_allowed = True
        os.kill(room.roles()["api"], signal.SIGKILL)
    else:
        os.kill(pid, getattr(signal, "SIG" + end.upper()))
    shell.expect(r"ended=(\d+)")
    assert int(shell.match.group(1)) == {"escape": 0, "server": 11}.get(end, 13)
    assert termios.tcgetattr(shell.child_fd)[3] == before[3]
    shell.sendline("exit")
    shell.close()


def test_unknown_domain_is_told_before_the_terminal_is_touched(room):
    child = console(room, "nobody")
    child.expect_exact("domain 'nobody' is not known")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 4


def test_host_that_is_gone_ends_the_console_with_its_reason(room):
    child = console(room)
    child.expect_exact("fake console")
    room.agent.stop()
    child.expect_exact("the host's connection is gone")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 11


def test_close_by_the_agent_ends_it_quietly(room):
    child = console(room)
    child.expect_exact("fake console")
    room.agent.send("CONSOLE_CLOSE", session=list(room.agent.consoles)[0], code="none", text="the domain has ended")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_core_that_is_restarted_ends_it_with_a_reason(room):
    child = console(room)
    child.expect_exact("fake console")
    room.kill_role("core")
    child.expect_exact("core is being started again")
    child.expect(pexpect.EOF)


def test_two_consoles_of_one_domain_are_apart(room):
    one, two = console(room), console(room)
    one.expect_exact("fake console")
    two.expect_exact("fake console")
    one.send("first")
    one.expect_exact("FIRST")
    two.send("second")
    two.expect_exact("SECOND")
    assert b"FIRST" not in two.before
    for child in (one, two):
        child.send("\x1d")
        child.expect(pexpect.EOF)


def test_a_megabyte_of_output_arrives_whole(room):
    child = console(room)
    child.expect_exact("fake console of web1\r\n")
    session = list(room.agent.consoles)[0]
    # In pieces that the client's terminal swallows in time: nothing may be left out then.
    for i in range(64):
        room.agent.console_output(session, b"%03d" % i + b"x" * 15997)
        child.expect_exact("%03d" % i)
    room.agent.console_output(session, b"the end")
    child.expect_exact("the end")
    child.send("\x1d")
    child.expect(pexpect.EOF)


# ---- the web socket itself, by hand

def upgrade(server, name="web1", extra=""):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(str(server.socket))
    s.sendall((f"GET /v1/domains/{name}/console HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{extra}\r\n").encode())
    head = b""
    while b"\r\n\r\n" not in head:
        got = s.recv(1)
        assert got, head
        head += got
    return s, head


def frame(data, opcode=2, mask=b"abcd", fin=True):
    size = len(data)
    head = bytes([(0x80 if fin else 0) | opcode])
    flag = 0x80 if mask else 0
    head += bytes([flag | size]) if size < 126 else bytes([flag | 126]) + struct.pack(">H", size)
    if mask:
        data = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
    return head + mask + data


def until_closed(s):
    data = b""
    try:
        while True:
            got = s.recv(65536)
            if not got:
                return data
            data += got
    except ConnectionResetError:
        return data


def test_handshake_is_that_of_rfc_6455(room):
    _, head = upgrade(room)
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Accept: BACScCJPNqyz+UBoqMH89VmURoA=\r\n" in head


@pytest.mark.parametrize("data", [
    frame(b"x", mask=b""), frame(b"x", opcode=3), b"\xff" * 64, frame(b"x" * 65535) + b"\x82\xff" + b"\xff" * 8 + b"abcd",
    b"\x89\xfe\x01\x00abcd" + b"x" * 256], ids=["unmasked", "opcode", "garbage", "endless", "long-ping"])
def test_frame_against_the_rules_ends_that_console_only(room, data):
    before = room.roles()["api"]
    s, _ = upgrade(room)
    s.sendall(data)
    until_closed(s)
    assert room.roles()["api"] == before
    wait_for(lambda: not room.agent.consoles)
    room.get("/v1/hosts")


def test_client_that_types_without_end_is_held_back(room):
    """128 KiB a second and not more reach the agent; TCP holds the client, no queue grows."""
    s, _ = upgrade(room)
    s.setblocking(False)
    block, sent, begin = frame(b"k" * 4096), 0, time.monotonic()
    while time.monotonic() < begin + 4:
        try:
            sent += s.send(block[sent % len(block):])
        except BlockingIOError:
            time.sleep(0.01)
    assert sent < 4 << 20
    arrived = len(room.agent.console_input)
    assert arrived < (time.monotonic() - begin + 2) * (128 << 10)


def test_client_that_does_not_read_loses_output_and_is_told(room):
    s, _ = upgrade(room)
    wait_for(lambda: room.agent.consoles)
    session = list(room.agent.consoles)[-1]
    for _ in range(800):
        room.agent.console_output(session, b"y" * 12000)
    time.sleep(1)
    s.settimeout(60)
    data = b""
    while b"left out" not in data[-4096:]:
        data += s.recv(65536)
    assert len(data) < 3 << 20  # of 9: the queue's 1 MiB and what the socket holds
    assert room.get("/v1/hosts/n1")["state"] == "ready"


def test_client_that_vanishes_is_noticed(room):
    s, _ = upgrade(room)
    wait_for(lambda: room.agent.consoles)
    s.close()
    wait_for(lambda: not room.agent.consoles)
