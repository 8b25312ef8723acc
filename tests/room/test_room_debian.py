# SPDX-License-Identifier: Apache-2.0
"""
A host whose dom0 is a whole Debian: systemd from a root over the network, dompool-init as a service of it. Only in `make soak`: the first build
of the image installs a Debian, and under emulation systemd takes its time.
"""

import re
import time

import pexpect
import pytest

from room import Room

ROOTS = ("nfs", "nbd")


@pytest.fixture(scope="module", name="debian")
def fixture_debian(build_dir):
    """A room whose host is off, with a profile for each root. Its store has the image, built where apt reaches an archive."""
    room = Room(build_dir, "bios", "dompool.shell=1", name="debiantest", loader="pxelinux", nic="virtio-net-pci")
    room.up_without_hosts()
    room.build_image("debian", timeout=1800)
    with open(room.dir + "/dompoold.conf", "a", encoding="utf-8") as f:
        for root in ROOTS:
            f.write(f'\nprofile "by-{root}" {{\n\tkind = "pool"\n\timage = "debian"\n\troot = "{root}"\n}}\n')
    room.lab("power", "server", "reset")
    yield room
    room.down()


def wait_ready(room, after, timeout=360):
    begin = time.monotonic()
    room.wait(lambda: room.host("n1")["boot"] > after, 120, "a new boot")
    room.wait_host("n1", "ready", timeout)
    print(f"ready after {time.monotonic() - begin:.1f} s")
    wait_shell(room)


def wait_shell(room):
    """What is typed before the shell is there is lost."""
    for _ in range(20):
        try:
            return room.shell("n1", ":", 8)
        except pexpect.TIMEOUT:
            pass
    raise AssertionError("no shell on the console")


def boot(room, root):
    before = room.host("n1")["boot"]
    room.cli("profile", "set", "n1", "by-" + root)
    if room.host("n1")["state"] == "ready":
        room.cli("host", "reboot", "n1")
    else:
        room.lab("power", "n1", "on")
    wait_ready(room, before)


def run(room, command, timeout=60):
    status, out = room.shell("n1", command, timeout)
    assert status == 0, f"{command}: {status}\n{out}"
    return out


def run_guest(room, name):
    room.create_ending(name, "n1", "-")
    assert room.wait_domain(name, "running")["host"] == "n1"


@pytest.mark.parametrize("root", ROOTS)
def test_a_whole_debian_gets_ready_and_runs_a_guest(debian, root):
    boot(debian, root)
    assert "root=" + root in run(debian, "cat /run/dompool/root")
    assert "systemd" in run(debian, "cat /proc/1/comm")
    run_guest(debian, "guest")
    debian.cli("domain", "destroy", "guest")


def test_a_guest_is_on_the_network(debian):
    status, op = debian.create("pvh.cfg", "n1")
    assert status == 202 and debian.operation_end(op["id"])["state"] == "done"
    assert debian.ping("10.77.0.101")
    debian.cli("domain", "destroy", "pvh1")


def test_systemd_has_no_failed_unit(debian):
    state = debian.shell("n1", "systemctl is-system-running --wait", 180)[1]
    assert "running" in state, state + debian.shell("n1", "systemctl list-units --failed --no-legend --plain --no-pager")[1]


def test_nothing_but_dompool_init_has_touched_the_network(debian):
    address = debian.host("n1")["address_now"]
    assert f"inet {address}/24" in run(debian, "ip -o -4 addr show dev xenbr0")
    assert len(re.findall(r"\binet 10\.77\.", run(debian, "ip -o -4 addr"))) == 1
    assert run(debian, "pgrep -c -x dompool-dhcp").split()[-1] == "1"
    assert debian.shell("n1", "systemctl is-active systemd-networkd networking")[0] != 0


def test_a_host_is_itself_and_not_its_image(debian):
    assert "n1" in run(debian, "hostname")
    machine_id = run(debian, "cat /etc/machine-id /run/dompool/lower/etc/machine-id").split()
    assert len(machine_id) == 1 and re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", machine_id[0])  # the image's is empty
    assert "ssh_host" not in run(debian, "ls /run/dompool/lower/etc/ssh")
    run(debian, "systemctl start ssh && ls /etc/ssh/ssh_host_ed25519_key", 120)  # it makes its keys first
    assert re.match(r"root:[!*]", run(debian, "grep ^root: /etc/shadow"))
    journals = run(debian, "ls -d /run/log/journal/* /var/log/journal/* 2>/dev/null; true").split()
    assert journals == ["/run/log/journal/" + machine_id[0]]


def test_the_service_is_started_anew_while_a_guest_runs(debian):
    run_guest(debian, "lives")
    domid, last = debian.domains()["lives"]["domid"], debian.last_event()
    xenstored = run(debian, "pgrep -x xenstored").split()[-1]
    run(debian, "systemctl restart dompool-init")
    debian.wait(lambda: [e for e in debian.events(last) if e["subject"] == "n1"], 120, "an event of the agent's end or return")
    debian.wait_host("n1", "ready", 240)
    debian.wait(lambda: debian.domains()["lives"]["state"] == "running", 120, "the guest runs on")
    assert debian.domains()["lives"]["domid"] == domid
    assert run(debian, "pgrep -x xenstored").split()[-1] == xenstored
    assert run(debian, "pgrep -c -x dompool-dhcp").split()[-1] == "1"
    assert run(debian, "pgrep -c -f dompool-agent.--server").split()[-1] == "1"
    run_guest(debian, "another")


def test_a_reboot_goes_through_systemd_and_comes_back(debian):
    before = debian.host("n1")["boot"]
    machine_id = run(debian, "cat /etc/machine-id")
    keys = run(debian, "cat /etc/ssh/ssh_host_*")  # made by the service's first start, and kept
    assert "PRIVATE KEY" in keys
    debian.cli("host", "reboot", "n1", timeout=300)
    wait_ready(debian, before)
    log = debian.serial_log("n1")
    assert "restart: User defined signal 1" in log and "systemd does not end the machine" not in log
    assert run(debian, "cat /etc/machine-id") == machine_id
    assert run(debian, "cat /etc/ssh/ssh_host_*") == keys
    assert debian.shell("n1", "stat -c %a%u /etc/ssh/ssh_host_ed25519_key")[1].split()[-1] == "6000"
    run_guest(debian, "after")
