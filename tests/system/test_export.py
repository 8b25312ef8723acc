# SPDX-License-Identifier: Apache-2.0
"""Roots over the network: the servers that dompoold starts, asked by others' clients - libnfs, libnbd, libiscsi, and AoE by scapy - from
machines whose address is known and from one whose is not."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import api_room
import fake_agent
import fake_store
from server import wait_for

HOSTS = [
    {"name": "v4", "mac": "52:54:00:77:00:01", "address": "10.77.0.11", "profile": "pool", "root": "nfs"},
    {"name": "v3", "mac": "52:54:00:77:00:02", "address": "10.77.0.12", "profile": "pool", "root": "nfs3"},
    {"name": "nbd", "mac": "52:54:00:77:00:03", "address": "10.77.0.13", "profile": "pool", "root": "nbd"},
    {"name": "iscsi", "mac": "52:54:00:77:00:04", "address": "10.77.0.14", "profile": "pool", "root": "iscsi"},
    {"name": "aoe", "mac": "52:54:00:77:00:05", "address": "10.77.0.15", "profile": "pool", "root": "aoe"},
    {"name": "ram", "mac": "52:54:00:77:00:06", "address": "10.77.0.16", "profile": "pool"},
]
SERVER = "10.77.0.1"
ROOT = bytes(range(256)) * 4096  # 1 MiB
AOE = """
import struct, sys
from scapy.all import Ether, Raw, srp1
shelf, slot, lba = map(int, sys.argv[2:])
head = struct.pack(">BBHBBI", 0x10, 0, shelf, slot, 0, 77)          # version 1, command 0: ATA
ata = struct.pack("<BBBB6B2x", 0x40, 0, 1, 0x24, *lba.to_bytes(6, "little"))  # LBA48, one sector, READ SECTORS EXT
p = srp1(Ether(src=sys.argv[1], dst="ff:ff:ff:ff:ff:ff", type=0x88A2) / Raw(head + ata), iface="eth0", timeout=2, verbose=False)
print(bytes(p[Raw].load)[10 + 12:][:512].hex() if p else "silence")
"""


def make_version(server, mark=b"hello\n"):
    files = {**fake_store.FILES, "initrd-root": fake_store.make_cpio({"init": b"#!" + mark}), "root.squashfs": ROOT}
    image = fake_store.make_image(server.store, files=files)
    etc = server.store / "versions" / image / "root" / "etc"
    etc.mkdir(parents=True)
    (etc / "motd").write_bytes(mark)
    return image


def start(server, hosts, **more):
    fake_store.make_loaders(server.store)
    image = make_version(server)
    server.configure(hosts, **more)
    server.start()
    return image


def exports(server):
    return {e["name"]: e for e in server.get("/v1/exports")["exports"]}


def up(server, *names):
    return wait_for(lambda: (lambda x: set(names) <= set(x) and all(x[n]["state"] == "running" for n in names) and x)(exports(server)), 60)


def machine(server, name):
    h = next(h for h in HOSTS if h["name"] == name)
    return server.lan.client(h["mac"], h["address"])


def stranger(server):
    return server.lan.client("52:54:00:77:00:99", "10.77.0.99")


def nfs_read(client, url):
    """What nfs-cat reads; None: it is refused."""
    r = subprocess.run(client.argv("timeout", "5", "nfs-cat", url), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return r.stdout if r.returncode == 0 else None


def nfs4(image):
    return f"nfs://{SERVER}/{image[:16]}/etc/motd?version=4"


def nfs3(image):
    return f"nfs://{SERVER}/{image[:16]}-3/etc/motd?version=3&nfsport=2049&mountport=20048"


def nbd_read(client, image, folder):
    target = pathlib.Path(folder) / "copy"
    r = subprocess.run(client.argv("timeout", "10", "nbdcopy", f"nbd://{SERVER}/{image[:16]}", str(target)), stderr=subprocess.DEVNULL)
    return target.read_bytes() if r.returncode == 0 else None


def aoe_address(image):
    n = int(image[:8], 16)
    return 1 + (n >> 8) % 65500, (n & 0xFF) % 254


def aoe_read(client, image, lba=1):
    shelf, slot = aoe_address(image)
    return client.run("/usr/bin/python3", "-c", AOE, client.mac, str(shelf), str(slot), str(lba)).stdout.strip()


def iscsi_ls(client):
    r = subprocess.run(client.argv("timeout", "5", "iscsi-ls", "-s", f"iscsi://{SERVER}:3260"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return r.stdout


def test_nfs_gives_a_tree_to_known_addresses_only_and_comes_back(server):
    image = start(server, [HOSTS[0], HOSTS[5]])
    assert list(up(server, "nfs")) == ["nfs"]  # what nobody needs does not run
    known, other, unknown = machine(server, "v4"), machine(server, "ram"), stranger(server)
    assert wait_for(lambda: nfs_read(known, nfs4(image))) == b"hello\n"
    assert nfs_read(unknown, nfs4(image)) is None
    assert nfs_read(other, nfs4(image)) is None  # a host, whose root is in RAM

    pid = exports(server)["nfs"]["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: exports(server)["nfs"]["pid"] not in (0, pid))
    assert wait_for(lambda: nfs_read(known, nfs4(image))) == b"hello\n"
    assert exports(server)["nfs"]["restarts"] == 1
    whats = [e["what"] for e in server.get("/v1/events?kind=server")["events"] if e["subject"] == "nfs"]
    assert whats == ["export-down", "export-up"]

    # a host more: no new start
    pid = exports(server)["nfs"]["pid"]
    status, _ = server.api("PUT", "/v1/hosts/new", {"name": "new", "mac": "52:54:00:77:00:99", "address": "10.77.0.99", "profile": "pool", "root": "nfs"})
    assert status in (200, 201)
    assert wait_for(lambda: nfs_read(unknown, nfs4(image))) == b"hello\n"
    assert exports(server)["nfs"]["pid"] == pid
    server.stop()
    assert not pathlib.Path(f"/proc/{pid}").exists()


def test_nfs_version_3_beside_version_4(server):
    image = start(server, HOSTS[:2])
    up(server, "nfs3", "rpcbind")
    v4, v3 = machine(server, "v4"), machine(server, "v3")
    assert wait_for(lambda: nfs_read(v3, nfs3(image))) == b"hello\n"
    assert nfs_read(v4, nfs4(image)) == b"hello\n"
    assert nfs_read(v4, nfs3(image)) is None
    assert nfs_read(stranger(server), nfs3(image)) is None


def test_nbd_gives_the_file_to_known_addresses_only(server, tmp_path):
    image = start(server, [HOSTS[2], HOSTS[5]])
    up(server, "nbd")
    known = machine(server, "nbd")
    assert nbd_read(known, image, tmp_path) == ROOT
    assert nbd_read(stranger(server), image, tmp_path) is None
    known.run("nbdinfo", "--is", "read-only", f"nbd://{SERVER}/{image[:16]}")

    # work dies with its connections, and is back
    hold = f"import socket; s = socket.create_connection(('{SERVER}', 10809)); print(s.recv(8), flush=True); print(s.recv(1000) and s.recv(1))"
    held = known.popen("/usr/bin/python3", "-c", hold, stdout=subprocess.PIPE, text=True)
    assert held.stdout.readline() == "b'NBDMAGIC'\n"
    server.kill_role("work")
    assert held.communicate(timeout=60)[0] == "b''\n"
    assert wait_for(lambda: nbd_read(known, image, tmp_path)) == ROOT


def test_iscsi_shows_a_target_to_known_addresses_only_and_comes_back(server):
    image = start(server, [HOSTS[3]])
    pid = up(server, "iscsi")["iscsi"]["pid"]
    known, unknown = machine(server, "iscsi"), stranger(server)
    target = f"Target:iqn.2026-01.dompool:{image[:16]}"
    shown = wait_for(lambda: "Lun:1" in (s := iscsi_ls(known)) and s)
    assert target in shown and "Lun:1    Type:DIRECT_ACCESS (Size:1023k)" in shown
    assert target not in iscsi_ls(unknown)
    inquiry = known.run("iscsi-inq", f"iscsi://{SERVER}:3260/iqn.2026-01.dompool:{image[:16]}/1").stdout
    assert "Vendor:IET" in inquiry

    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: exports(server)["iscsi"]["pid"] not in (0, pid))
    assert wait_for(lambda: "Lun:1" in iscsi_ls(known))
    server.stop()


def test_aoe_answers_known_machines_only_and_comes_back(server):
    image = start(server, [HOSTS[4]])
    (name,) = wait_for(lambda: exports(server))
    up(server, name)
    assert name == f"aoe-{image[:16]}-br0-0"
    known, unknown = machine(server, "aoe"), stranger(server)
    assert wait_for(lambda: (r := aoe_read(known, image)) != "silence" and r) == ROOT[512:1024].hex()
    assert aoe_read(unknown, image) == "silence"
    os.kill(exports(server)[name]["pid"], signal.SIGKILL)
    assert wait_for(lambda: (r := aoe_read(known, image, 3)) != "silence" and r, 60) == ROOT[1536:2048].hex()


def image_events(server):
    return [e["what"] for e in server.get("/v1/events?kind=image")["events"] if e["what"].startswith("root-")]


def test_a_root_with_one_damaged_byte_is_given_to_nobody_and_its_hosts_fall_back(server, tmp_path):
    before = make_version(server, b"before\n")
    image = start(server, HOSTS[2:5])
    tag = server.store / "tags" / "micro.json"
    tag.unlink()
    tag.write_text(json.dumps({"current": image, "previous": before}))
    wait_for(lambda: server.get("/v1/images/" + before[:16])["tags"] == ["previous"])
    nbd, iscsi, aoe = (machine(server, name) for name in ("nbd", "iscsi", "aoe"))
    assert wait_for(lambda: nbd_read(nbd, image, tmp_path), 60) == ROOT
    assert wait_for(lambda: f":{image[:16]}" in iscsi_ls(iscsi))
    assert wait_for(lambda: aoe_read(aoe, image) != "silence")
    assert image_events(server) == []

    file = server.store / "versions" / image / "root.squashfs"
    file.write_bytes(ROOT[:500_000] + bytes([ROOT[500_000] ^ 1]) + ROOT[500_001:])
    wait_for(lambda: image_events(server) == ["root-damaged"], 60)
    assert wait_for(lambda: nbd_read(nbd, image, tmp_path) is None)
    assert wait_for(lambda: f":{image[:16]}" not in iscsi_ls(iscsi))
    assert wait_for(lambda: aoe_read(aoe, image) == "silence")
    shown = server.get("/v1/images/" + image[:16])["trouble"]
    assert shown == "its root.squashfs is not the one of its manifest; no host gets it by nbd, iscsi or aoe"
    assert server.get("/v1/images/" + before[:16])["trouble"] == ""
    for host in HOSTS[2:5]:
        fallback = server.get("/v1/hosts/" + host["name"])["fallback"]
        assert (fallback["failed"], fallback["instead"], fallback["why"]) == (image[:16], before[:16], shown)
    assert wait_for(lambda: nbd_read(nbd, before, tmp_path)) == ROOT

    # a work that begins with it never gives it
    server.kill_role("work")
    assert wait_for(lambda: nbd_read(nbd, before, tmp_path), 60) == ROOT
    assert nbd_read(nbd, image, tmp_path) is None and f":{image[:16]}" not in iscsi_ls(iscsi) and aoe_read(aoe, image) == "silence"

    # whole again: who asks for it gets it
    assert server.get("/v1/images/" + image[:16])["trouble"] == shown
    assert [server.api("POST", f"/v1/hosts/{host['name']}/retry")[0] for host in HOSTS[2:5]] == [422] * 3
    file.write_bytes(ROOT)
    wait_for(lambda: image_events(server) == ["root-damaged", "root-whole"], 60)
    for host in HOSTS[2:5]:
        assert server.api("POST", f"/v1/hosts/{host['name']}/retry")[0] == 200
    assert server.get("/v1/images/" + image[:16])["trouble"] == ""
    assert wait_for(lambda: nbd_read(nbd, image, tmp_path), 60) == ROOT
    assert wait_for(lambda: f":{image[:16]}" in iscsi_ls(iscsi))
    assert wait_for(lambda: aoe_read(aoe, image) != "silence")


def test_a_root_that_is_damaged_is_taken_from_who_runs_it_and_comes_back_whole(server, tmp_path):
    """A host that runs a version keeps its grant, whatever it is to boot next: what it is given is work's to decide."""
    image = start(server, [HOSTS[2]])
    known = machine(server, "nbd")
    assert wait_for(lambda: nbd_read(known, image, tmp_path), 60) == ROOT
    agent = api_room.connect_agent(server, HOSTS[2]["mac"])
    agent.send("AGENT_INVENTORY", inventory=fake_agent.inventory(image=image[:16]))
    wait_for(lambda: server.get("/v1/hosts/nbd")["inventory"]["image"] == image[:16])
    hold = f"import socket; s = socket.create_connection(('{SERVER}', 10809)); print(s.recv(8), flush=True); print(len(s.recv(1 << 20)), flush=True)"
    held = known.popen("/usr/bin/python3", "-c", hold + "; print(len(s.recv(1)), flush=True)", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert held.stdout.readline() == "b'NBDMAGIC'\n"
    held.stdout.readline()  # the rest of the greeting

    file = server.store / "versions" / image / "root.squashfs"
    file.write_bytes(ROOT[:-1] + bytes([ROOT[-1] ^ 1]))
    wait_for(lambda: image_events(server) == ["root-damaged"], 60)
    assert held.wait(60) is not None, "a connection that reads it ends"
    assert nbd_read(known, image, tmp_path) is None
    offset = len(server.log())
    server.kill_role("work")
    assert nbd_read(known, image, tmp_path) is None
    assert "root checked" not in server.log(offset)  # the one that comes after it knows

    file.write_bytes(ROOT)
    wait_for(lambda: image_events(server) == ["root-damaged", "root-whole"], 60)
    assert wait_for(lambda: nbd_read(known, image, tmp_path), 60) == ROOT, "without a word of anybody: it runs it still"
    agent.stop()


def verdicts(server):
    return (server.state / "work" / "verdicts").read_bytes()


def change_unseen(file, data):
    """Other bytes, by which the file is no other one: device, inode, size and time are as before."""
    was = file.stat()
    with open(file, "r+b") as f:
        f.write(data)
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))


def test_what_was_found_outlives_a_restart_and_nothing_is_read_again(server, tmp_path):
    image = start(server, [HOSTS[2]])
    known = machine(server, "nbd")
    file = server.store / "versions" / image / "root.squashfs"
    bad = ROOT[:-1] + bytes([ROOT[-1] ^ 1])
    assert wait_for(lambda: nbd_read(known, image, tmp_path), 20) == ROOT
    assert image.encode() in verdicts(server)

    server.stop()
    change_unseen(file, bad)
    server.start()
    assert wait_for(lambda: nbd_read(known, image, tmp_path), 20) == bad, "who read it again would not give it"
    assert "root checked" not in server.log(server.start_offset)

    file.write_bytes(bad)  # another time
    wait_for(lambda: image_events(server) == ["root-damaged"], 30)
    trouble = server.get("/v1/images/" + image[:16])["trouble"]
    assert "is not the one of its manifest" in trouble
    server.stop()
    change_unseen(file, ROOT)
    server.start()
    wait_for(lambda: server.get("/v1/images/" + image[:16])["trouble"] == trouble)
    status, answer = server.api("POST", "/v1/hosts/nbd/profile", {"profile": "pool", "image": image[:16]})
    assert (status, answer["findings"][0]["code"]) == (422, "root-damaged")
    assert "root checked" not in server.log(server.start_offset)

    # a file that is none: as if nothing had been found yet
    server.stop()
    (server.state / "work" / "verdicts").write_bytes(b"\xff" * 1000)
    server.start()
    server.wait_log("verdicts cannot be used", 10, server.start_offset)
    assert server.api("POST", "/v1/hosts/nbd/retry")[0] == 200
    assert wait_for(lambda: nbd_read(known, image, tmp_path), 20) == ROOT
    assert image.encode() in verdicts(server)


def test_what_was_found_of_a_version_that_is_gone_is_forgotten(server, tmp_path):
    old = start(server, [HOSTS[2]])
    known = machine(server, "nbd")
    assert wait_for(lambda: nbd_read(known, old, tmp_path), 20) == ROOT
    new = make_version(server, b"new\n")
    wait_for(lambda: new.encode() in verdicts(server), 40)
    assert old.encode() in verdicts(server), "it is in the store"
    shutil.rmtree(server.store / "versions" / old)
    wait_for(lambda: old.encode() not in verdicts(server), 60)  # two looks, ten seconds each
    assert new.encode() in verdicts(server)
    assert wait_for(lambda: nbd_read(known, new, tmp_path), 20) == ROOT


def test_a_version_stays_given_as_long_as_a_host_runs_it(server):
    """A dom0 tells the first 16 digits of its version."""
    old = start(server, [HOSTS[0]])
    known = machine(server, "v4")
    assert wait_for(lambda: nfs_read(known, nfs4(old)), 60) == b"hello\n"
    agent = api_room.connect_agent(server, HOSTS[0]["mac"])
    agent.send("AGENT_INVENTORY", inventory=fake_agent.inventory(image=old[:16]))
    wait_for(lambda: server.get("/v1/hosts/v4")["inventory"]["image"] == old[:16])
    new = make_version(server, b"new\n")
    assert wait_for(lambda: nfs_read(known, nfs4(new)), 60) == b"new\n"
    assert nfs_read(known, nfs4(old)) == b"hello\n"
    agent.stop()


def test_a_server_of_ones_own_starts_none(server):
    start(server, HOSTS, top='export { nfs-server = "10.0.0.5:/vol/%i" nbd-server = "10.0.0.5:10809:%i" iscsi-server = "10.0.0.5:3260:1:iqn.x:%i" }')
    names = wait_for(lambda: exports(server))
    assert all(n.startswith("aoe-") for n in names)
    shown = server.get("/v1/hosts/v4/explain?firmware=bios")
    lines = [line["text"] for item in shown["items"] for line in item["lines"]]
    assert any("dompool.root=nfs:10.0.0.5:/vol/" in text and "initrd-root" in text for text in lines)


def test_processes_have_no_more_rights_than_they_need(server):
    start(server, [HOSTS[0], HOSTS[3], HOSTS[4]])
    wait_for(lambda: len(exports(server)) == 3 and all(e["state"] == "running" for e in exports(server).values()))
    caps = {}
    for name, e in exports(server).items():
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{e['pid']}/status").read_text().splitlines() if ":\t" in line)
        caps[name.split("-")[0]] = (status["Uid"].split()[0] == "0", int(status["CapBnd"], 16), status["NoNewPrivs"])
    assert caps == {"nfs": (True, 1 << 2 | 1 << 6 | 1 << 7, "1"), "iscsi": (True, 1 << 1, "1"), "aoe": (False, 1 << 13, "1")}


def test_what_a_killed_server_leaves_running_ends_with_the_next_start(server):
    """Most die with it. rpcbind has become another user, and nbdkit waits for its client."""
    start(server, HOSTS)
    before = wait_for(lambda: len(exports(server)) == 5 and exports(server), 60)
    up(server, *before)
    hold = f"import socket, time; s = socket.create_connection(('{SERVER}', 10809)); print(s.recv(8), flush=True); time.sleep(60)"
    held = machine(server, "nbd").popen("/usr/bin/python3", "-c", hold, stdout=subprocess.PIPE, text=True)
    assert held.stdout.readline() == "b'NBDMAGIC'\n"
    nbdkit = subprocess.run(["pgrep", "-f", f"^nbdkit .*{server.folder}"], stdout=subprocess.PIPE, text=True).stdout.split()
    assert len(nbdkit) == 1
    gone = lambda pids: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids)  # noqa: E731
    server.kill()
    wait_for(lambda: gone(e["pid"] for name, e in before.items() if name not in ("rpcbind", "nbd")), 60)
    server.start()
    wait_for(lambda: gone([before["rpcbind"]["pid"], *nbdkit]), 60)
    after = up(server, *before)
    assert after["rpcbind"]["restarts"] == 0
