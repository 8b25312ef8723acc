# SPDX-License-Identifier: Apache-2.0
"""The path set: 5,000 names that mean harm, against TFTP and HTTP of a running dompoold. No byte comes from outside the served
folders, no error names a path of the server, and honest clients are served afterwards."""
import json
import os
import pathlib
import re
import socket
import stat

import pytest

import path_set
from boot_harness import POOL_MAC, SERVER, Room

N = 5000
MARK = b"bytes-from-outside-7f3a"


def set_traps(room):
    """Puts links, devices, FIFOs and sockets into the served folders; returns their names as a client would ask for them."""
    loaders = room.store / "loaders"
    (room.path / "secret").write_bytes(MARK)
    (room.store / "secret").write_bytes(MARK)
    (room.path / "state/boot/secret").write_bytes(MARK)
    links = {
        "link": "../../secret", "absolute": str(room.path / "secret"), "passwd": "/etc/passwd", "up": "..", "upup": "../..", "root": "/",
        "proc": "/proc/self", "environ": "/proc/self/environ", "cwd": "/proc/self/cwd", "fd": "/proc/self/fd", "zero-link": "/dev/zero",
        "loop": "loop", "state": str(room.path / "state/boot"), "pxelinux.cfg": "../..", "grub/up": "../../..", "hop": "link",
    }
    for name, target in links.items():
        (loaders / name).symlink_to(target)
    os.mkfifo(loaders / "fifo", 0o666)
    os.mknod(loaders / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    os.mknod(loaders / "block", 0o666 | stat.S_IFBLK, os.makedev(7, 0))
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(loaders / "socket"))
    s.close()
    (room.store / "versions" / room.image / "escape").symlink_to("/etc/passwd")
    (room.store / "versions" / room.image / "contents").write_bytes(MARK)
    below = [b"up/secret", b"upup/secret", b"root/etc/passwd", b"proc/environ", b"proc/root/etc/passwd", b"cwd/secret", b"fd/0", b"fd/3", b"state/secret",
             b"state/leases.journal", b"grub/up/secret", b"pxelinux.cfg/secret", b"up/up/secret", b"socket", b"fifo", b"zero", b"block",
             f"i/{room.image[:16]}/escape".encode(), f"i/{room.image[:16]}/contents".encode(), b"grub", b"grub/x86_64-efi", b".", b"", b"/"]
    return [name.encode() for name in links] + below


@pytest.fixture(name="room", scope="module")
def fixture_room():
    with Room() as room:
        room.be(POOL_MAC, "10.88.0.60")
        targets = [b"etc/passwd", b"etc/shadow", b"proc/self/environ", b"proc/version", b"dev/zero", b"secret", b"tags/micro.json",
                   b"state/core/dompool.db", b"state/tls/key.pem", b"state/boot/leases.journal", str(room.path / "secret").encode()[1:],
                   str(room.path / "dompoold.conf").encode()[1:], b"boot.ini", b"windows/win.ini"]
        room.names = path_set.names(targets, set_traps(room), N)
        room.served = set(room.loaders.values()) | set(room.files.values())
        yield room


def probe(room, protocol, port, tmp_path):
    """(name, answer) of the whole set; the answer as bytes, None for silence."""
    asked = tmp_path / "names"
    asked.write_text("\n".join(name.hex() for name in room.names))
    done = room.client("/usr/bin/python3", path_set.__file__, protocol, SERVER, str(port), str(asked), timeout=240)
    answers = json.loads(done.stdout)
    assert len(answers) == len(room.names) == len(set(room.names)) == N
    return [(name, answer and bytes.fromhex(answer)) for name, answer in zip(room.names, answers)]


def assert_tells_nothing(room, name, answer):
    for secret in (MARK, b"root:x:0:", b"SQLite format", b"BEGIN", b"interface =", b"Linux version", str(room.path).encode(), room.path.name.encode(),
                   b"/state", b"/images", b"/loaders", b"/versions", b"No such file"):
        assert secret not in answer, (name, answer[:300])


def test_no_name_leads_out_by_tftp(room, tmp_path):
    kinds = {"error": 0, "served": 0, "silent": 0}
    for name, answer in probe(room, "tftp", 69, tmp_path):
        if answer is None:
            kinds["silent"] += 1
        elif answer[:2] == b"\0\5":
            kinds["error"] += 1
            assert_tells_nothing(room, name, answer)
            assert re.fullmatch(rb"[a-z ,]*\0", answer[4:]), (name, answer)
        else:  # another spelling of a file that is there for everybody
            assert answer[:4] == b"\0\3\0\1" and any(data[:512] == answer[4:] for data in room.served), (name, answer[:300])
            kinds["served"] += 1
    assert kinds["error"] > N // 10, kinds


def test_no_name_leads_out_by_http(room, tmp_path):
    refused = 0
    for name, answer in probe(room, "http", 8080, tmp_path):
        if answer is None:
            continue
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        if status == 200:
            assert body in room.served, (name, answer[:300])
        else:
            assert status in (400, 404, 414, 431), (name, answer[:300])
            assert_tells_nothing(room, name, answer)
            refused += 1
    assert refused > N // 2


def test_both_roles_live_on_and_serve(room, tmp_path):
    assert "role ended" not in room.log() and "role died" not in room.log()
    for url in (f"tftp://{SERVER}/pxelinux.0", f"http://{SERVER}:8080/pxelinux.0"):
        room.client("curl", "-sSf", "-o", tmp_path / "x", url, check=True)
        assert (tmp_path / "x").read_bytes() == room.loaders["pxelinux.0"]
    for role in ("boot", "files"):
        links = [os.readlink(link) for link in pathlib.Path(f"/proc/{room.role_pid(role)}/fd").iterdir()]
        assert not [link for link in links if "secret" in link or "passwd" in link or "/dev/zero" in link]
