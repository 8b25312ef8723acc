# SPDX-License-Identifier: Apache-2.0
"""`dompool lab` itself: what it does when it is interrupted, killed, or a host does not come up. No host boots to its end here."""

import os
import re
import signal
import subprocess
import time

import pytest

from room import Room


@pytest.fixture
def lab(build_dir):
    r = Room(build_dir, "bios", name="labtest")
    r.down()
    yield r
    r.down()


def begin_up(lab):
    """`lab up` in the background, at the moment when its PC has been switched on; and the pids of its processes."""
    up = subprocess.Popen([os.path.join(lab.programs, "dompool"), "lab", "up", "--hosts", "1", "--name", lab.name],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until = time.monotonic() + 240  # an empty cache: the image is made first
    while not os.path.exists(lab.dir + "/pid/n1"):
        assert up.poll() is None and time.monotonic() < until, up.communicate()[0]
        time.sleep(0.05)
    def written():
        words = []
        for name in ("n1", "dompoold"):
            with open(f"{lab.dir}/pid/{name}") as f:
                words.append(f.read().split())
        return all(words) and [int(w[0]) for w in words]

    return up, lab.wait(written, 60, "the process ids")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def assert_nothing_left(lab, pids):
    assert not [p for p in pids if alive(p)]
    assert not os.path.exists(lab.dir)
    assert not os.path.exists("/run/netns/" + lab.netns)


def test_ctrl_c_takes_a_half_made_room_down(lab):
    up, pids = begin_up(lab)
    assert all(alive(p) for p in pids)
    up.send_signal(signal.SIGINT)
    up.communicate(timeout=120)
    assert up.returncode == 130
    assert_nothing_left(lab, pids)


def test_down_removes_what_a_killed_up_has_left(lab):
    up, pids = begin_up(lab)
    up.kill()
    up.communicate(timeout=120)
    assert all(alive(p) for p in pids)
    lab.down()
    assert_nothing_left(lab, pids)


def test_a_second_room_of_the_same_name_is_refused(lab):
    up, pids = begin_up(lab)
    r = lab.lab("up", check=False)
    assert r.returncode == 6 and "works on the room" in r.stderr
    up.kill()
    up.communicate(timeout=120)
    r = lab.lab("up", check=False)
    assert r.returncode == 5 and "lab down" in r.stderr
    assert all(alive(p) for p in pids)


def test_a_host_that_is_too_late_is_explained_and_the_room_goes(lab):
    r = lab.lab("up", "--hosts", "1", "--timeout", "6s", check=False)
    assert r.returncode == 12
    assert "n1 did not reach 'ready' within 6 s" in r.stderr
    assert "n1: got as far as" in r.stdout or "n1: nothing was heard of it" in r.stdout
    console = r.stdout.partition("n1: the last lines of its console")[2].split("\n")[1:]
    assert [line for line in console if re.match(r"  \| .*\w", line)], r.stdout  # of iPXE or Xen: how far 6 s take it is the machine's
    assert_nothing_left(lab, [])
