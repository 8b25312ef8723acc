# SPDX-License-Identifier: Apache-2.0
"""
The whole system on real Xen: firmware, loaders, hypervisor, dom0, agent, guests, and each fault of the issue. One room, in this order;
each test leaves it as the next one needs it.
"""

import json
import os
import signal
import subprocess
import time

import pexpect
import pytest

MIB = 1 << 20
GUESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "guests")
STAGES = ["dhcp", "loader", "menu", "xen", "kernel", "initrd", "init", "agent", "ready"]


def stages_in_order(trace):
    missing = [s for s in STAGES if s not in trace]
    assert not missing, f"stages missing: {missing}"
    times = [trace[s][0] for s in STAGES]
    assert times == sorted(times)


# --- the boots ---

def test_bios_host_boots_by_pxelinux(room):
    trace = room.trace("n1")
    stages_in_order(trace)
    assert "pxelinux.0" in trace["loader"][1]
    assert room.host("n1")["state"] == "ready"


def test_uefi_host_boots_by_an_ipxe_that_it_is_given(room):
    trace = room.trace("n2")
    stages_in_order(trace)
    assert "snponly.efi" in trace["loader"][1]
    assert all("by HTTP" in trace[stage][1] for stage in ("menu", "xen", "kernel", "initrd"))
    assert room.host("n2")["state"] == "ready"


@pytest.mark.parametrize("host", ["n1", "n2"])
def test_a_boot_is_at_most_32_mib_on_the_bridge(room, host):
    n_bytes, n_packets = room.wire[host]
    print(f"{host}: {n_bytes} bytes, {n_packets} packets")
    assert 1 * MIB < n_bytes <= 32 * MIB


def test_a_ready_host_has_reported_what_it_is(room):
    inventory = room.host("n1")["inventory"]
    assert inventory["xen_version"].startswith("4.17")
    assert inventory["kernel_version"].startswith("6.1")
    assert inventory["pv"] and inventory["pvh"]
    assert inventory["free_memory_kib"] > 128 * 1024


# --- strangers ---

def test_an_unknown_mac_is_ignored_and_listed(room):
    mac = "52:54:00:99:99:99"
    run = lambda *words: subprocess.run(["ip", "-n", room.netns, *words], check=True)
    run("link", "add", "probe", "type", "veth", "peer", "name", "probe0")
    try:
        run("link", "set", "probe0", "master", "lab0", "up")
        run("link", "set", "probe", "up")
        script = os.path.join(os.path.dirname(__file__), "send_discover.py")
        assert room.netns_run("/usr/bin/python3", script, "probe", mac).stdout.strip().endswith("silence")
        seen = room.wait(lambda: [u for u in room.get("/v1/unknown-hosts")["unknown"] if u["mac"] == mac], 120, "the MAC is listed")
        assert seen[0]["count"] >= 1
        assert mac in room.cli("host", "list", "--unknown").stdout
    finally:
        run("link", "del", "probe")


def hello(room, token):
    script = os.path.join(os.path.dirname(__file__), "fake_agent.py")
    return room.netns_run("/usr/bin/python3", script, "10.77.0.1", "8444", token).stdout


def test_a_forged_token_is_refused(room):
    assert "AGENT_REFUSE" in hello(room, "A" * 60)


def test_a_used_token_is_refused(room):
    status, line = room.shell("n1", "cat /proc/cmdline")
    assert status == 0
    token = next(w.split("=", 1)[1] for w in line.split() if w.startswith("dompool.token="))
    assert "AGENT_REFUSE" in hello(room, token)
    assert room.host("n1")["state"] == "ready"


# --- guests ---

def create_and_hear(room, file, host, name, address):
    config = os.path.join(os.path.dirname(__file__), "..", "data", "guests", file)
    room.cli("domain", "create", config, "--host", host)
    domain = room.wait_domain(name, "running")
    assert domain["host"] == host
    tty = room.console(name)
    tty.expect(f"hello from {name}")
    tty.send("\x1d")
    tty.expect(pexpect.EOF)
    tty.close()
    assert tty.exitstatus == 0
    assert room.ping(address)
    return domain


def test_a_pvh_guest_says_hello_and_is_on_the_network(room):
    assert create_and_hear(room, "pvh.cfg", "n1", "pvh1", "10.77.0.101")["type"] == "pvh"


def test_a_pv_guest_says_hello_and_is_on_the_network(room):
    assert create_and_hear(room, "pv.cfg", "n2", "pv1", "10.77.0.102")["type"] == "pv"


def test_a_missing_guest_kernel_is_a_clear_error_and_leaves_nothing(room):
    config = os.path.join(os.path.dirname(__file__), "..", "data", "guests", "missing-kernel.cfg")
    before = room.domains()
    r = room.cli("domain", "create", config, "--host", "n1", check=False)
    assert r.returncode == 4
    assert "no-such-vmlinuz" in r.stderr
    after = room.domains()
    assert set(after) == set(before)
    status, listing = room.shell("n1", "ls /run/dompool/blobs | busybox wc -l")
    assert status == 0 and int(listing.split()[-1]) <= 2


# --- faults: agent, core, server ---

def domids(room):
    return {name: (d["host"], d["domid"], d["state"]) for name, d in room.domains().items() if d["state"] == "running"}


def test_a_killed_agent_comes_back_and_domains_keep_running(room):
    before = domids(room)
    assert "pvh1" in before
    last = room.last_event()
    status, _ = room.shell("n1", "busybox killall -9 dompool-agent")
    assert status == 0
    room.wait(lambda: [e for e in room.events(last) if e["subject"] == "n1"], 120, "an event of the agent's end or return")
    room.wait_host("n1", "ready", 240)
    room.wait(lambda: domids(room) == before, 120, "the same domains run")
    assert room.ping("10.77.0.101")


def test_a_restarted_server_recognises_hosts_and_domains(room):
    before, last = domids(room), room.last_event()
    addresses = {h: room.host(h)["address_now"] for h in ("n1", "n2")}
    old = room.server_pid()
    room.lab("power", "server", "reset")
    assert room.server_pid() != old
    for h in ("n1", "n2"):
        room.wait_host(h, "ready", 240)
        assert room.host(h)["address_now"] == addresses[h]
    room.wait(lambda: domids(room) == before, 120, "the same domains run")
    assert room.last_event() >= last


def test_an_operation_survives_kill_9_of_the_whole_server(room):
    status, op = room.create("third.cfg", "n1")
    assert status == 202
    os.kill(room.server_pid(), signal.SIGKILL)
    room.lab("power", "server", "on")
    end = room.operation_end(op["id"])
    assert end["state"] == "done", end
    room.wait_domain("third", "running")
    assert room.ping("10.77.0.103")  # its kernel starts up meanwhile


# --- sizes ---

def test_maxmem_and_maxvcpus_are_what_the_domain_may_grow_to(room):
    room.create_ending("small", "n1", "-", maxmem=32, maxvcpus=2)
    d = room.wait_domain("small", "running")
    # memory is what Xen has given out; it rounds up a little for itself
    assert 16 * 1024 <= d["memory_kib"] <= 17 * 1024 and d["max_memory_kib"] == 32 * 1024
    assert d["vcpus"] == 1 and d["max_vcpus"] == 2
    room.cli("domain", "destroy", "small")


# --- ends of guests ---

def ended(room, name):
    return room.domains().get(name, {"state": "gone"})["state"] in ("gone", "defined")


def notes(room, name, since):
    return [e["text"] for e in room.events(since) if e["kind"] == "domain" and e["subject"] == name]


def test_a_guest_whose_kernel_panics_is_preserved_if_so_configured(room):
    with room.console("third") as tty:
        tty.send("\r")
        tty.expect("third# ")
        tty.send("echo c >/proc/sysrq-trigger\r")
        room.wait_domain("third", "crashed", 120)
    assert not room.ping("10.77.0.103", 2)
    time.sleep(2)
    assert room.domains()["third"]["state"] == "crashed"  # and nothing was done about it


@pytest.mark.parametrize("how, option, action, note", [
    ("p", "on_poweroff", "destroy", ""),
    ("c", "on_crash", "coredump-destroy", "no core dump is written"),
])
def test_an_ended_guest_is_destroyed_if_so_configured(room, how, option, action, note):
    last = room.last_event()
    room.create_ending("ending", "n1", how, **{option: action})
    room.wait(lambda: ended(room, "ending"), 120, "it is gone")
    assert any(note in text for text in notes(room, "ending", last))


@pytest.mark.parametrize("how, option, state", [("p", "on_poweroff", "shutdown"), ("c", "on_crash", "crashed")])
def test_an_ended_guest_is_preserved_if_so_configured(room, how, option, state):
    room.create_ending("kept", "n1", how, **{option: "preserve"})
    room.wait_domain("kept", state, 120)
    room.cli("domain", "destroy", "kept")
    assert ended(room, "kept")


def wait_restarted(room, name, since):
    room.wait(lambda: [e for e in room.events(since) if e["subject"] == name and e["what"] == "restarted"], 120, f"{name} is restarted")


@pytest.mark.parametrize("how, option, action", [("r", "on_reboot", "restart"), ("c", "on_crash", "coredump-restart")])
def test_an_ended_guest_is_restarted_if_so_configured(room, how, option, action):
    last = room.last_event()
    room.create_ending("again", "n1", how, **{option: action})
    wait_restarted(room, "again", last)
    room.cli("domain", "destroy", "again")  # between two of its lives
    room.wait(lambda: ended(room, "again"), 120, "it is gone")


def test_a_restarted_guest_leaves_its_old_self_under_another_name(room):
    last = room.last_event()
    room.create_ending("renamed", "n1", "r", on_reboot="rename-restart")
    wait_restarted(room, "renamed", last)
    room.cli("domain", "destroy", "renamed")
    room.wait(lambda: ended(room, "renamed"), 120, "its last life is over")
    old = {name: d for name, d in room.domains().items() if name.startswith("renamed-")}
    assert "renamed-1" in old and all(d["state"] == "shutdown" for d in old.values())
    for name in old:
        room.cli("domain", "destroy", name)
    room.wait(lambda: not any(name.startswith("renamed") for name in room.domains()), 120, "its old selves are gone")


def test_a_guest_shuts_down_when_told(room):
    room.cli("domain", "shutdown", "pvh1")
    room.wait(lambda: ended(room, "pvh1"), 120, "pvh1 has ended")
    assert not room.ping("10.77.0.101", 2)


def test_a_guest_is_destroyed(room):
    room.cli("domain", "destroy", "third")
    room.wait(lambda: ended(room, "third"), 120, "third has ended")
    status, vifs = room.shell("n1", "ls /sys/class/net | busybox grep -c vif; true")
    assert status == 0 and int(vifs.split()[-1]) == 0


# --- faults: power, and core during a boot ---

def test_a_host_that_loses_power_is_lost_within_30_seconds(room):
    room.lab("power", "n2", "off")
    off = time.monotonic()
    room.wait_host("n2", "lost", 30)
    print(f"lost after {time.monotonic() - off:.1f} s")
    assert room.domains()["pv1"]["state"] == "lost"
    assert room.host("n1")["state"] == "ready"


def test_a_host_boots_while_core_is_killed(room):
    last = room.last_event()
    room.lab("power", "n2", "on")
    room.wait(lambda: [e for e in room.events(last) if e["subject"] == "n2" and e["what"] == "loader"], 120, "n2 asks for its loader")
    old = room.kill_role("core")
    room.wait(lambda: room.role_pid("core") not in (0, old), 120, "core is started again")
    room.wait_host("n2", "ready", 240)
    stages_in_order(room.trace("n2"))
    # What ran on it before is gone for sure now.
    room.wait(lambda: ended(room, "pv1"), 120, "pv1 is gone")


def test_a_host_reboots_when_told_and_comes_back_by_pxe(room):
    """And with the image that it is given meanwhile: micro-hvm."""
    room.build_image("micro-hvm")
    room.cli("profile", "set", "n1", "pool", "--image", "micro-hvm")
    room.create_ending("kept", "n1", "c", on_crash="preserve")
    room.wait_domain("kept", "crashed", 120)
    before = room.host("n1")["boot"]
    room.cli("host", "reboot", "n1")  # it waits for the operation's end
    room.wait_host("n1", "ready", 240)
    assert room.host("n1")["boot"] == before + 1
    assert {"dhcp", "menu", "init", "ready"} <= set(room.trace("n1"))  # whichever loader it was this time
    assert ended(room, "kept")


# --- the device model of micro-hvm ---

def rfb_banner(room, host, display):
    """What a VNC server on the host's own 127.0.0.1 says first."""
    command = f"busybox timeout 5 busybox nc 127.0.0.1 {5900 + display} </dev/zero | busybox head -n 1"
    return room.shell(host, command)[1]


def test_a_pv_guest_has_a_vnc_server_that_the_host_alone_reaches(room):
    assert room.host("n1")["inventory"]["hvm"]
    room.cli("domain", "create", os.path.join(GUESTS, "vfb.cfg"), "--host", "n1")
    assert room.wait_domain("vfb1", "running")["type"] == "pv"
    assert "RFB 003." in rfb_banner(room, "n1", 0)
    address = room.host("n1")["address_now"]
    assert room.netns_run("busybox", "nc", "-w", "2", address, "5900", check=False, stdin=subprocess.DEVNULL).returncode != 0
    room.cli("domain", "destroy", "vfb1")
    room.wait(lambda: ended(room, "vfb1"), 120, "vfb1 has ended")
    room.wait(lambda: room.shell("n1", "busybox ps | busybox grep -c '[x]en-qemu'; true")[1].split()[-1] == "0", 120, "its device model is gone")


def test_an_hvm_guest_says_hello_and_is_on_the_network(room):
    room.cli("domain", "create", os.path.join(GUESTS, "hvm.cfg"), "--host", "n1")
    assert room.wait_domain("hvm1", "running")["type"] == "hvm"
    assert "RFB 003." in rfb_banner(room, "n1", 0)
    assert room.ping("10.77.0.105", 240)  # firmware and kernel on an emulated PC in an emulated PC
    with room.console("hvm1") as tty:
        tty.expect("hello from hvm1")
    room.cli("domain", "destroy", "hvm1")


# --- the end ---

def test_down_leaves_nothing(room):
    processes = [h["pid"] for h in room.status()["hosts"]] + [room.server_pid()]
    room.down()
    for pid in processes:
        try:
            with open(f"/proc/{pid}/stat") as f:
                assert f.read().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            pass
    assert not os.path.exists(room.dir)
    assert not os.path.exists("/run/netns/" + room.netns)
