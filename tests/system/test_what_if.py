# SPDX-License-Identifier: Apache-2.0
"""--diff: how boots would change is said before a change is made, and is what happens when it is made. Nothing is changed by asking."""
import json
import subprocess

import pytest

from boot_harness import FIXED_MAC, OTHER_MAC, POOL_MAC, UNKNOWN_MAC, Room, programs_dir


@pytest.fixture(scope="module", name="room")
def fixture_room():
    with Room() as room:
        room.wait_log("parent: ready", seconds=60)
        yield room


@pytest.fixture(autouse=True)
def nothing_stays(room):
    yield
    assert dompool(room, "profile", "set", "--all", "auto").returncode == 0


def dompool(room, *argv):
    return subprocess.run([str(programs_dir() / "dompool"), "-s", f"unix:{room.path}/run/api.sock", *argv],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


def explained(room, machine, firmware="bios", at="12:00"):
    """The account of now as lines, without reasons, as --diff compares it."""
    answer = json.loads(dompool(room, "host", "explain", machine, "--firmware", firmware, "--at", at, "--json").stdout)
    lines = []
    for item in answer["items"]:
        if item["kind"] == "guard":  # what stands against the boot is no part of it
            continue
        size = f" ({item['size']} bytes)" if "size" in item else ""
        lines.append(f"{item['kind']}: {item['title']}{size}")
        lines += ["  " + line["text"] for line in item["lines"]]
        if "hex" in item:
            lines += [f"    {at // 2:04x}  {item['hex'][at:at + 64]}" for at in range(0, len(item["hex"]), 64)]
    return lines


def patched(before, diff):
    """What diff makes of the lines before, checked hunk by hunk; reasons cut off."""
    after, at = [], 0
    for line in diff:
        if line["op"] == "@":
            start = int(line["text"].split()[1].split(",")[0][1:]) - 1
            after += before[at:start]
            at = start
            continue
        if line["op"] in " -":
            assert before[at] == line["text"]
            at += 1
        if line["op"] in " +":
            after.append(line["text"])
    return after + before[at:]


@pytest.mark.parametrize("firmware", ["bios", "efi64", "efi64-http", "arm64", "ipxe", "ipxe-efi"])
def test_the_difference_is_what_comes_when_the_profile_is_set(room, firmware):
    before = explained(room, "n2", firmware)
    asked = dompool(room, "profile", "set", "n2", "pool", "--diff", "--firmware", firmware, "--at", "12:00", "--json")
    assert asked.returncode == 1, asked
    answer = json.loads(asked.stdout)
    assert explained(room, "n2", firmware) == before  # nothing was changed
    (host,) = answer["hosts"]
    assert (answer["compared"], answer["same"], host["host"], host["mac"]) == (1, 0, "n2", FIXED_MAC)
    assert host["before"] == "profile local" and host["after"].startswith("profile pool, image micro ")
    assert dompool(room, "profile", "set", "n2", "pool", "--force").returncode == 0  # the harness has not all loaders
    after = explained(room, "n2", firmware)
    assert after != before and patched(before, host["diff"]) == after
    assert any(line["op"] == "+" and line["why"] == "'dompool profile set'" for line in host["diff"])


def test_it_is_printed_as_a_unified_diff(room):
    got = dompool(room, "host", "explain", "n2", "--diff", "--profile", "pool")
    assert got.returncode == 1
    lines = got.stdout.splitlines()
    assert lines[0] == "--- n2, bios: profile local" and lines[1].startswith("+++ n2, bios: profile pool, image micro")
    assert lines[2].startswith("@@ -") and lines[-1] == "1 compared, 0 boot as before"
    assert any(line.startswith("-  LOCALBOOT") or "-  " in line for line in lines)
    assert any(line.startswith("+") and "dom0_mem=512M" in line and "# " in line and "xen_args of the image" in line for line in lines)


def test_no_change_is_exit_code_0_and_no_lines(room):
    got = dompool(room, "profile", "set", "n1", "pool", "--diff")
    assert (got.returncode, got.stdout) == (0, "1 compared, 1 boot as before\n")
    assert dompool(room, "host", "explain", UNKNOWN_MAC, "--diff", "--profile", "pool").returncode == 0


def test_of_a_room_only_the_hosts_that_change_are_listed(room):
    got = dompool(room, "profile", "set", "--all", "rescue", "--next", "--diff")
    assert got.returncode == 1
    assert [line.split()[0] for line in got.stdout.splitlines()] == ["n1", "n2", "n3", "3"]
    got = dompool(room, "profile", "set", "--all", "pool", "--diff")
    assert [line.split()[0] for line in got.stdout.splitlines()] == ["n2", "3"]
    assert "profile local -> profile pool, image micro" in got.stdout and "3 compared, 2 boot as before" in got.stdout
    assert dompool(room, "profile", "set", "--all", "pool", "--diff", "-o", "name").stdout == "n2\n"


def test_a_host_that_is_described_anew_or_for_the_first_time(room):
    got = dompool(room, "host", "add", "x1", "52:54:00:88:02:01", "--profile", "pool", "--diff")
    assert got.returncode == 1 and "--- x1, bios: nothing" in got.stdout and "-silence: no answer" in got.stdout
    assert "x1" not in [h["name"] for h in room.api("/v1/hosts")["hosts"]]
    assert dompool(room, "host", "add", "x1", "52:54:00:88:02:01", "--profile", "pool").returncode == 0
    try:
        got = dompool(room, "host", "add", "x1", "52:54:00:88:02:01", "--profile", "pool", "--kernel-args", "nomodeset", "--diff")
        assert got.returncode == 1
        changed = [line for line in got.stdout.splitlines()[2:] if line[0] in "+-"]
        assert len(changed) == 4 and "nomodeset" in changed[-1] and "kernel-args of the host" in changed[-1]
        got = dompool(room, "host", "add", "n1", POOL_MAC, "--diff")
        assert got.returncode == 7 and "stands in the configuration file" in got.stderr
    finally:
        dompool(room, "host", "remove", "x1")


def other_config(room, *changes):
    text = room.conf.read_text()
    for a, b in changes:
        assert a in text
        text = text.replace(a, b)
    new = room.path / "new.conf"
    new.write_text(text)
    return str(new)


def test_another_configuration_file(room):
    new = other_config(room, ('lease-time = "10m"', 'lease-time = "20m"'))
    got = dompool(room, "host", "explain", "--all", "--diff", "--config", new)
    assert got.returncode == 1 and [line.split()[0] for line in got.stdout.splitlines()] == ["n1", "n2", "n3", "3"]
    got = dompool(room, "host", "explain", "n2", "--diff", "--config", new)
    assert "-  option 51 lease time 0.0.2.88 (600)    # lease-time of the subnet" in got.stdout
    assert "+  option 51 lease time 0.0.4.176 (1200)    # lease-time of the subnet" in got.stdout
    same = other_config(room)
    got = dompool(room, "host", "explain", "--all", "--diff", "--config", same)
    assert (got.returncode, got.stdout) == (0, "3 compared, 3 boot as before\n")


def test_a_rule_and_hosts_that_come_go_and_change_in_another_configuration(room):
    new = other_config(
        room, (f'host "n3" {{ mac = "{OTHER_MAC}" profile = "pool" }}', 'host "n4" { mac = "52:54:00:88:02:04" profile = "pool" }'),
        (f'host "n1" {{ mac = "{POOL_MAC}" profile = "pool" }}', f'host "n1" {{ mac = "{POOL_MAC}" }}'))
    with open(new, "a", encoding="ascii") as f:
        f.write('rule "all-day" { profile = "rescue" hosts = "n2" }\n')
    got = dompool(room, "host", "explain", "--all", "--diff", "--config", new, "--json")
    hosts = {h["host"]: (h["before"].split(",")[0], h["after"].split(",")[0]) for h in json.loads(got.stdout)["hosts"]}
    assert hosts == {"n1": ("profile pool", "profile local"), "n2": ("profile local", "profile rescue"),
                     "n3": ("profile pool", "nothing"), "n4": ("nothing", "profile pool")}
    got = dompool(room, "host", "explain", "n2", "--diff", "--config", new)
    assert "+  profile rescue, kind rescue" in got.stdout and "# rule 'all-day'" in got.stdout
    # what was set here still counts
    assert dompool(room, "profile", "set", "n2", "local").returncode == 0
    assert dompool(room, "host", "explain", "n2", "--diff", "--config", new).returncode == 0


def test_a_wrong_configuration_is_refused_with_file_and_line(room):
    new = other_config(room, ('lease-time = "10m"', 'lease-time = "soon"'))
    got = dompool(room, "host", "explain", "--all", "--diff", "--config", new)
    assert got.returncode == 3 and "new.conf:" in got.stderr and "lease-time" in got.stderr, got


@pytest.mark.parametrize("argv, words", [
    (("host", "explain", "n1", "--diff"), "--profile PROFILE or --config FILE"),
    (("host", "explain", "n1", "--profile", "pool"), "--profile is for --diff"),
    (("host", "explain", "--diff", "--profile", "pool"), "say which hosts"),
    (("host", "explain", "n1", "n2"), "one host or MAC address"),
])
def test_what_is_not_said_well_is_usage(room, argv, words):
    got = dompool(room, *argv)
    assert got.returncode == 2 and words in got.stderr, got


def test_what_cannot_be_is_refused_as_it_would_be(room):
    assert dompool(room, "profile", "set", "n1", "nosuch", "--diff").returncode == 4
    assert dompool(room, "profile", "set", "nobody", "pool", "--diff").returncode == 4
    assert dompool(room, "profile", "set", "n1", "local", "--image", "micro", "--diff").returncode == 2
