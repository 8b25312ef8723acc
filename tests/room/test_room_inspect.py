# SPDX-License-Identifier: Apache-2.0
"""The profile `inspect` for one boot on a real machine (QEMU): it reports its hardware, powers off, and is what it was the next time."""

MIB_KIB = 1024


def test_inspect_for_one_boot_reports_the_hardware_and_powers_off(room):
    before = room.host("n1")
    assert before["profile"] == "pool" and before["once"] == ""
    room.cli("profile", "set", "n1", "inspect", "--next")
    assert room.host("n1")["once"] == "inspect"
    room.lab("power", "n1", "reset")
    host = room.wait(lambda: (h := room.host("n1")) and h["hardware"] and h, 180, "n1 has reported its hardware")
    hardware = host["hardware"]
    assert hardware["manufacturer"] == "QEMU" and hardware["n_cpus"] >= 1
    assert hardware["memory_kib"] >= 512 * MIB_KIB, hardware
    assert [n["mac"] for n in hardware["nics"]] == [host["mac"]] and hardware["nics"][0]["driver"]
    assert (host["state"], host["profile"], host["once"]) == ("off", "pool", "")
    room.wait(lambda: room.host_status("n1")["pid"] <= 0, 120, "n1 is powered off")
    shown = room.cli("host", "show", "n1").stdout
    assert "network card:" in shown and "manufacturer" in shown


def test_the_next_boot_is_its_normal_profile_again(room):
    room.lab("power", "n1", "on")
    room.wait_host("n1", "ready", 180)
    assert "ready" in room.trace("n1")
