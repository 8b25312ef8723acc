# SPDX-License-Identifier: Apache-2.0
"""Every role is locked in before it reads a stranger's byte: looked at from outside, by /proc, in a running server."""
import os
import pathlib

import pytest

from server import DOMPOOLD

# src/sandbox/sandbox.c: make asan's build goes without seccomp.
SECCOMP = "0" if b"__asan_init" in DOMPOOLD.read_bytes() else "2"
LOCKED = ("boot", "files", "api", "core", "capture")
UIDS = {"boot": 64301, "files": 64302, "api": 64303, "core": 64304, "capture": 64306}


@pytest.mark.parametrize("role", LOCKED)
def test_role_is_dropped_and_locked(shared, role):
    status = shared.status(role)
    assert status["CapEff"] == status["CapPrm"] == status["CapInh"] == status["CapBnd"] == status["CapAmb"] == "0" * 16
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == SECCOMP
    assert status["Groups"].split() == []
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {str(UIDS[role])}


def test_no_two_roles_share_a_user(shared):
    uids = [shared.status(role)["Uid"] for role in LOCKED]
    assert len(set(uids)) == len(LOCKED)


def test_work_can_gain_no_privilege_beyond_its_own(shared):
    assert shared.status("work")["NoNewPrivs"] == "1"


@pytest.mark.parametrize("role", LOCKED)
def test_role_writes_no_core_dump_and_starts_no_process(shared, role):
    limits = pathlib.Path(f"/proc/{shared.roles()[role]}/limits").read_text()
    assert [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core file size")] == [["0", "0"]]
    assert [line.split()[2:4] for line in limits.splitlines() if line.startswith("Max processes")] == [["0", "0"]]


def test_roles_hold_no_descriptor_of_another(shared):
    """boot's sockets are not in files, the TLS key is in api alone, the database is in core alone."""
    links = {}
    for role, pid in shared.roles().items():
        folder = pathlib.Path(f"/proc/{pid}/fd")
        links[role] = {os.readlink(folder / fd) for fd in os.listdir(folder)}
    listening = {
        role: {line.split()[1] for line in shared.lan.run("ss", "-Hltunp").stdout.splitlines() if f"pid={pid}," in line}
        for role, pid in shared.roles().items()
    }
    ports = {role: {line.split()[4].rsplit(":", 1)[1] for line in shared.lan.run("ss", "-Hltunp").stdout.splitlines()
                    if f"pid={pid}," in line} for role, pid in shared.roles().items()}
    assert listening["core"] == listening["work"] == set()
    assert ports["boot"] == {"67", "69"}
    assert ports["files"] == {"8080"}
    assert ports["api"] == {"8444"}
    assert not any("tls/key.pem" in link for role in ("boot", "files", "core", "work") for link in links[role])
    assert not any("/core/" in link for role in ("api", "work") for link in links[role])
