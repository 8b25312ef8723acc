# SPDX-License-Identifier: Apache-2.0
"""A real machine (QEMU) that the server does not know: inspected by rule, then a host by rule that boots the pool to ready."""
import re

ENROL = """
enrol "virtual" { smbios = "QEMU/*" action = "enrol" names = "pc-{n:03}" profile = "pool" labels = "enrolled" }
enrol "look" { mac = "52:54:00:77" firmware = "bios" action = "inspect" }
"""


def test_an_unknown_machine_is_inspected_and_then_a_host_of_the_pool(room):
    """n1 leaves the configuration file; all that the server knows of the machine is then what it shows."""
    path = room.dir + "/dompoold.conf"
    with open(path) as f:
        known = f.read()
    mac = room.host("n1")["mac"]
    without = re.sub(r'host "n1" \{.*?\n\}\n', "", known, flags=re.S)
    assert without != known
    with open(path, "w") as f:
        f.write(without + ENROL)
    try:
        room.lab("power", "server", "reset")
        after = room.wait(room.last_event, 120, "the server is back")
        room.lab("power", "n1", "reset")
        host = room.wait(lambda: (h := room.host("pc-001")) and h["hardware"] and h, 240, "n1 is inspected and enrolled")
        assert (host["mac"], host["profile"], host["enrolled"], host["labels"]) == (mac, "pool", "virtual", "enrolled")
        assert host["hardware"]["manufacturer"] == "QEMU" and [n["mac"] for n in host["hardware"]["nics"]] == [mac]
        told = [e["what"] for e in room.events(after) if e["subject"] in (mac, "pc-001")]
        assert [w for w in told if w in ("inspect", "inspected", "enrolled")] == ["inspect", "inspected", "enrolled"]
        room.wait(lambda: room.host_status("n1")["pid"] <= 0, 120, "n1 is powered off")
        room.lab("power", "n1", "on")
        room.wait_host("pc-001", "ready", 180)
        assert room.get("/v1/unknown-hosts")["unknown"] == []
    finally:
        with open(path, "w") as f:
            f.write(known)
        room.lab("power", "server", "reset")
        room.lab("power", "n1", "reset", check=False)
