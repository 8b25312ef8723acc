# SPDX-License-Identifier: Apache-2.0
"""A satellite on a LAN of its own, with real clients there, while the main server comes and goes."""
import hashlib
import json
import os
import time

import pytest

import api_room
import fake_agent
import fake_store
import satellite_room
from satellite_room import M1_MAC, MAIN, S1_MAC, S2_MAC, SATELLITE, UNKNOWN_MAC
from server import wait_for


ROOT = bytes(range(256)) * 4096
BY_ROOT = "".join(f'profile "by-{root}" {{ kind = "pool" root = "{root}" }}\n' for root in ("http", "nfs", "nfs3", "nbd", "iscsi", "aoe"))


@pytest.fixture
def room(tmp_path):
    r = satellite_room.Room(tmp_path)
    yield r
    r.close()


@pytest.fixture
def running(room):
    return room.start()


def wait_on_disk(room, mac, n=1):
    """Reports of a tenth of a second go to the satellite's disk together: n of this machine's dompool-init are there."""
    journal, token = room.satellite.state / "satellite/reports.journal", b"v1." + mac.replace(":", "").encode() + b"."
    wait_for(lambda: journal.exists() and journal.read_bytes().count(token) >= n)


def stages(boot):
    return [s["stage"] for s in boot["stages"]]


def test_a_host_boots_from_the_satellite_and_its_agent_goes_to_the_main_server(running):
    words = running.boot(S1_MAC)
    assert words["dompool.server"] == SATELLITE and words["dompool.agent"] == f"{MAIN}:8444"
    agent = running.agent(S1_MAC, words)
    agent.wait_welcome()
    wait_for(lambda: running.main.get("/v1/hosts/s1")["state"] == "ready")
    boot = wait_for(lambda: (b := running.trace("s1")) and stages(b[0])[-1] == "ready" and b[0])
    assert stages(boot) == ["dhcp", "loader", "menu", "xen", "kernel", "initrd", "init", "agent", "ready"]
    assert boot["via"] == "north"
    assert "via satellite north" in api_room.dompool(running.main, "host", "trace", "s1").stdout
    agent.stop()


def test_only_its_own_hosts_are_in_the_snapshot_and_the_token_key_is_not(running):
    snapshot = (running.satellite.state / "satellite/policy.snap").read_bytes()
    main = (running.main.state / "core/policy.snap").read_bytes()
    key = main[fake_agent.TOKEN_KEY_OFFSET:][:32]
    assert main.count(key) == 1 and key not in snapshot
    assert b"s1\0" in snapshot and b"m1\0" not in snapshot
    assert running.lease(M1_MAC, check=False) is None, "a host of the main server's LAN gets nothing here"


def test_hosts_boot_while_the_main_server_is_killed_and_are_traced_when_it_is_back(running):
    running.main_away()
    before = time.time() * 1000
    words = running.boot(S1_MAC)
    after = time.time() * 1000
    running.lease(UNKNOWN_MAC, check=False)
    agent = running.real_agent(S1_MAC, words)
    time.sleep(2)  # it tries in vain
    running.main.start()
    boot = wait_for(lambda: (b := running.trace("s1")) and stages(b[0])[-1] == "ready" and b[0], 60)
    agent.terminate()
    agent.wait(60)
    assert len(running.trace("s1")) == 1 and boot["via"] == "north" and stages(boot)[:4] == ["dhcp", "loader", "menu", "xen"]
    times = {s["stage"]: s["time_ms"] for s in boot["stages"]}
    assert before <= times["dhcp"] <= times["menu"] <= times["init"] <= after < times["agent"], "the true times"
    assert before <= boot["started_ms"] <= after
    unknown = wait_for(lambda: running.main.get("/v1/unknown-hosts")["unknown"])
    assert [(u["mac"], u["via"]) for u in unknown] == [(UNKNOWN_MAC, "north")]


def test_explain_shows_what_the_satellite_answers(running):
    words = running.boot(S1_MAC)
    shown = running.main.get("/v1/hosts/s1/explain")
    lines = [(line["text"], line["why"]) for item in shown["items"] for line in item["lines"]]
    assert ("satellite 'north', which is up to date", "the host's label 'north'") in lines
    menu = "".join(item.get("text", "") for item in shown["items"] if item["kind"] == "file")
    for word in ("dompool.server", "dompool.agent", "dompool.fp", "dompool.image"):
        assert f"{word}={words[word]}" in menu, word
    assert words["dompool.server"] == SATELLITE and SATELLITE in {text.split()[-1] for text, _ in lines if text.startswith("next server")}
    main = running.main.get("/v1/hosts/m1/explain")
    assert not any(item["title"] == "who answers" for item in main["items"])
    running.satellite.stop()
    wait_for(lambda: running.state()["state"] == "away", 60)
    assert "away and goes on with what it has" in api_room.dompool(running.main, "host", "explain", "s1").stdout


def test_next_boot_only_is_over_though_the_main_server_is_away(running):
    first = running.image
    second = fake_store.make_image(running.main.store, "other", {**fake_store.FILES, "notes": b"another version"})
    wait_for(lambda: second in str(running.main.get("/v1/images")), 60)
    assert api_room.dompool(running.main, "profile", "set", "s1", "pool", "--image", "other", "--next").returncode == 0
    running.wait_current()
    running.main_away()
    assert running.boot(S1_MAC)["dompool.image"] == second[:16]
    assert running.boot(S1_MAC)["dompool.image"] == first[:16], "its report of before ended the order"
    wait_on_disk(running, S1_MAC, 2)
    running.satellite.crash()
    running.satellite.start()
    assert running.boot(S1_MAC)["dompool.image"] == first[:16], "and it stays so over a restart"
    running.main.start()
    wait_for(lambda: running.main.get("/v1/hosts/s1")["once"] == "", 60)
    assert running.events(kind="host", subject="s1", what="profile")[-1]["text"] == "'pool' for one boot is over: the host has phoned home"
    running.wait_current()
    assert running.boot(S1_MAC)["dompool.image"] == first[:16]


def test_nothing_is_doubled_when_the_line_breaks_again_and_again(running):
    running.main_away()
    running.boot(S1_MAC)
    running.main.start()
    for _ in range(3):  # each time before all is acknowledged, perhaps
        os.kill(wait_for(lambda: running.main.roles().get("api")), 9)
        running.main.deaths_allowed = True
        time.sleep(0.7)
    running.wait_current()
    wait_for(lambda: running.trace("s1"))
    time.sleep(1)
    boots = running.trace("s1")
    assert len(boots) == 1 and len(stages(boots[0])) == len(set(stages(boots[0])))
    for stage in ("dhcp", "menu", "xen"):
        assert len(running.events(kind="boot", subject="s1", what=stage)) == 1


def test_a_satellite_that_starts_while_the_main_server_is_away_boots_its_lan(running):
    running.boot(S1_MAC)
    wait_for(lambda: running.trace("s1"))
    running.main_away()
    running.satellite.stop()
    running.satellite.start()
    running.boot(S2_MAC)
    wait_on_disk(running, S2_MAC)
    running.satellite.crash()
    running.satellite.start()
    running.main.start()
    boot = wait_for(lambda: running.trace("s2"), 60)[0]
    assert boot["via"] == "north" and "initrd" in stages(boot)


def test_a_new_image_is_in_force_only_when_it_is_there_and_checked(running):
    old = running.state()["generation"]
    new = fake_store.make_image(running.main.store, files={**fake_store.FILES, "initrd": b"another initrd" * 70000})
    spoilt = running.main.store / "versions" / new / "initrd"
    good = spoilt.read_bytes()
    spoilt.write_bytes(b"X" + good[1:])  # as if somebody on the way had changed it: the manifest's hash is another
    trouble = wait_for(lambda: running.state()["trouble"], 60)
    assert "its SHA-256 is not the one that the server named" in trouble and f"versions/{new}/initrd" in trouble
    state = running.state()
    assert state["generation"] < state["offered"] and state["behind_ms"] > 0
    assert state["files_missing"] == 2, "it, and the manifest, which comes last"
    assert state["generation"] >= old
    assert running.events(kind="satellite", subject="north", what="trouble")
    words = running.boot(S1_MAC)  # the old image goes on
    assert words["dompool.image"] == running.image[:16]
    assert not (running.satellite.store / "versions" / new / "initrd").exists()
    spoilt.write_bytes(good)
    assert running.wait_current()["trouble"] == ""
    assert (running.satellite.store / "versions" / new / "initrd").read_bytes() == good


def test_a_fetch_that_was_cut_goes_on_where_it_ended(running):
    """A part of the right content is there already: the main server is asked for the rest alone."""
    data = os.urandom(3 << 20)
    digest = hashlib.sha256(data).hexdigest()
    wait_for(lambda: running.main.get("/v1/images/micro/check")["facts"], 60)  # they make a generation, and publishing one sweeps
    running.wait_current()
    part = running.satellite.store / f"loaders/.big.bin.{digest[:16]}.0.part"
    part.write_bytes(data[:2 << 20])
    os.chown(part, *(lambda st: (st.st_uid, st.st_gid))(running.satellite.store.stat()))
    capture = running.lan2.popen("tcpdump", "-i", "up0", "-s", "200", "-U", "--immediate-mode", "-l", "-A", "tcp dst port 8080", stdout=open(running.folder / "cap", "wb"),
                                 stderr=open(running.folder / "cap.err", "wb"))
    wait_for(lambda: b"listening" in (running.folder / "cap.err").read_bytes())
    (running.main.store / "loaders/big.bin").write_bytes(data)
    wait_for((running.satellite.store / "loaders/big.bin").exists, 60)
    wait_for(lambda: f"Range: bytes={2 << 20}-".encode() in (running.folder / "cap").read_bytes())
    capture.terminate()
    capture.wait()
    assert (running.satellite.store / "loaders/big.bin").read_bytes() == data
    assert f"Range: bytes={2 << 20}-".encode() in (running.folder / "cap").read_bytes()


def test_a_wrong_fingerprint_is_refused_by_the_satellite(room):
    room.main.start()
    line = room.enrol().split()
    room.satellite.enrol(" ".join([*line[:3], "00" * 32, line[4]]))
    room.satellite.start()
    room.satellite.wait_log(r"satellite: main server is away, hosts go on booting reason=.*certificate")
    assert room.state()["state"] == "never-seen"


def test_a_forged_secret_is_refused_and_told(room):
    room.main.start()
    line = room.enrol().split()
    room.satellite.enrol(" ".join([*line[:4], "11" * 32]))
    room.satellite.start()
    room.satellite.wait_log(r"it refuses this satellite: there is no satellite 'north' with this secret")
    assert room.state()["state"] == "never-seen"
    assert room.events(kind="security", subject="north", what="satellite-refused")


def test_a_secret_on_two_machines_is_told(running):
    """The same enrolment at another address: the newer connection counts, and both are named."""
    import satellite_wire
    line = running.satellite.enrolment.read_text().split()
    other = satellite_wire.Satellite(running.lan, MAIN, "north", line[4])
    other.hello()
    event = wait_for(lambda: running.events(kind="security", subject="north", what="satellite-twice"))[0]
    assert "10.79.0.2" in event["text"] and MAIN in event["text"]
    other.close()


def test_versions_that_do_not_fit_are_named(room):
    import satellite_wire
    room.main.start()
    line = room.enrol().split()
    for field, words in (("policy_version", "reads snapshots of version 99"), ("messages_version", "speaks messages version 99")):
        other = satellite_wire.Satellite(room.lan, MAIN, "north", line[4])
        answer = other.hello(**{field: 99})
        assert answer["m"] == "AGENT_REFUSE" and words in answer["text"] and "install the same dompool on both" in answer["text"]
        other.close()


def test_a_satellite_may_report_of_its_own_hosts_only(room):
    import satellite_wire
    room.main.start()
    line = room.enrol().split()
    other = satellite_wire.Satellite(room.lan, MAIN, "north", line[4])
    assert other.hello()["m"] == "SATELLITE_WELCOME"
    other.report(1, M1_MAC, "menu")
    other.report(2, S1_MAC, "menu")
    other.report(2, S1_MAC, "xen")  # a number again
    assert other.wait("SATELLITE_ACK", seq=2)
    assert room.trace("m1") == [] and stages(room.trace("s1")[0]) == ["menu"]
    assert room.events(kind="security", subject="north", what="not-its-host")
    other.send("AGENT_PING", free_memory_kib=1, uptime_ms=1)  # an agent's word
    assert other.closed()


def test_a_full_disk_is_told_and_the_old_generation_stays(room):
    """The satellite's image store is a file system of 40 MiB; what the new image wants is more than the rest."""
    store = room.satellite.store
    room.lan2.run("true")
    os.system(f"mount -t tmpfs -o size=40m,mode=755 tmpfs {store}")
    try:
        room.start()
        fake_store.make_image(room.main.store, files={**fake_store.FILES, "initrd": os.urandom(20 << 20)})
        trouble = wait_for(lambda: room.state()["trouble"], 60)
        assert "full" in trouble and "MiB of files are missing" in trouble and str(store) in trouble
        assert room.boot(S1_MAC)["dompool.image"] == room.image[:16]
        room.satellite.stop()
    finally:
        room.satellite.kill()
        os.system(f"umount -l {store}")


def test_a_removed_satellite_is_let_go_and_its_tokens_with_it(running):
    words = running.boot(S1_MAC)
    done = api_room.dompool(running.main, "satellite", "remove", "north")
    assert done.returncode == 0, done.stderr
    running.satellite.wait_log(r"it refuses this satellite", 60)
    agent = running.agent(S1_MAC, words)
    wait_for(lambda: running.events(kind="security", what="agent-refused"))
    agent.stop()


def test_what_the_command_line_shows(running):
    shown = json.loads(api_room.dompool(running.main, "satellite", "show", "north", "--json").stdout)
    assert shown["state"] == "connected" and shown["hosts"] == 2 and shown["networks"] == ["10.78.0.0/24"] and shown["files_missing"] == 0
    table = api_room.dompool(running.main, "satellite", "list").stdout
    assert "north" in table and "connected" in table
    assert api_room.dompool(running.main, "satellite", "list", "-o", "name").stdout == "north\n"
    again = api_room.dompool(running.main, "satellite", "add", "north")
    assert again.returncode == 5 and "is there already" in again.stderr
    none = api_room.dompool(running.main, "satellite", "show", "south")
    assert none.returncode == 4 and "satellite list" in none.stderr
    running.main.get("/v1/satellites/north")
    running.satellite.stop()
    wait_for(lambda: running.state()["state"] == "away")
    assert [e["what"] for e in running.events(kind="satellite")][:3] == ["added", "connected", "serves"]


def test_an_enrolment_that_others_can_read_is_refused(room):
    room.main.start()
    room.enrol()
    room.satellite.enrolment.chmod(0o644)
    room.satellite.start(ready=False)
    assert room.satellite.process.wait(60) == 3
    assert "chmod 600" in room.satellite.log()
    room.satellite.process = None


def test_an_enrolment_that_is_too_long_is_refused_not_cut(room):
    room.main.start()
    line = room.enrol()
    room.satellite.enrol(f"{line}\n# {'x' * 2048}\n")
    room.satellite.start(ready=False)
    assert room.satellite.process.wait(60) == 3
    assert "longer than 2047 bytes" in room.satellite.log()
    room.satellite.process = None


# ---- roots over the network ----

def make_rooted(room, **roots):
    """An image that has its root in a file of its own, too, and hosts with the given roots; its id."""
    files = {**fake_store.FILES, "initrd-root": fake_store.make_cpio({"init": b"#!stage"}), "root.squashfs": ROOT}
    image = fake_store.make_image(room.main.store, files=files)
    version = room.main.store / "versions" / image
    (version / "manifest.sig").write_bytes(b"dompool-image-sig-1 0123456789abcdef " + b"ab" * 64 + b"\n")
    (version / "root/etc").mkdir(parents=True)
    (version / "root/etc/motd").write_bytes(b"hello\n")
    room.main.configure([{**h, "root": roots.get(h["name"], "ram")} for h in satellite_room.HOSTS], top=BY_ROOT)
    return image


def findings(room, host, profile):
    status, answer = room.main.api("POST", "/v1/profiles", {"hosts": host, "profile": profile, "check": True})
    assert status == 200, answer
    return {f["code"]: f["level"] for f in answer["findings"] if f["code"] != "facts-missing"}, answer["refused"]


def test_a_root_by_http_comes_from_the_satellite_with_all_that_proves_it(room):
    """While the main server is gone; dompool-init believes the signature and the hash only (tests/room/test_room_satellite.py)."""
    image = make_rooted(room, s1="http")
    room.start()
    room.main_away()
    room.lease(S1_MAC)
    menu, words = room.menu(S1_MAC)
    assert words["dompool.root"] == "http" and words["dompool.server"] == SATELLITE and "initrd-root" in menu
    for name in ("initrd-root", "root.squashfs", "manifest.json", "manifest.sig"):
        assert room.get(S1_MAC, f"http://{SATELLITE}:8080/i/{image[:16]}/{name}") == (room.main.store / "versions" / image / name).read_bytes()


def test_other_roots_come_from_the_main_server_over_the_route(room):
    image = make_rooted(room, s1="nbd", s2="nfs")
    room.start()
    for mac in (S1_MAC, S2_MAC):
        room.lease(mac)
    assert room.menu(S1_MAC)[1]["dompool.root"] == f"nbd:{MAIN}:10809:{image[:16]}"
    assert room.menu(S2_MAC)[1]["dompool.root"] == f"nfs:{MAIN}:/{image[:16]}:4"
    copy = room.folder / "copy"

    def nbd(mac):
        copy.unlink(missing_ok=True)
        return room.client(mac).run("timeout", "10", "nbdcopy", f"nbd://{MAIN}/{image[:16]}", copy, check=False).returncode == 0

    def nfs(mac):
        url = f"nfs://{MAIN}/{image[:16]}/etc/motd?version=4"
        return room.client(mac).run("timeout", "5", "nfs-cat", url, check=False).stdout == "hello\n"

    wait_for(lambda: nbd(S1_MAC), 60)
    assert copy.read_bytes() == ROOT and not nbd(S2_MAC)
    wait_for(lambda: nfs(S2_MAC), 60)
    assert not nfs(S1_MAC)
    for root, word in (("nfs3", f"nfs:{MAIN}:/{image[:16]}-3:3"), ("iscsi", f"iscsi:{MAIN}:3260:1:")):
        assert api_room.dompool(room.main, "profile", "set", "s1", f"by-{root}").returncode == 0
        explained = "".join(item.get("text", "") for item in room.main.get("/v1/hosts/s1/explain")["items"])
        assert f"dompool.root={word}" in explained, root


def test_a_root_that_needs_the_main_server_is_warned_of(room):
    make_rooted(room)
    room.start()
    for root in ("nfs", "nfs3", "nbd", "iscsi"):
        assert findings(room, "s1", f"by-{root}") == ({"satellite-root": "warning"}, False)
        assert findings(room, "m1", f"by-{root}") == ({}, False)
    for root in ("http", "aoe"):
        assert findings(room, "m1", f"by-{root}") == ({}, False)
    assert findings(room, "s1", "by-http") == ({}, False)
    done = api_room.dompool(room.main, "profile", "set", "s1", "by-nbd")
    assert done.returncode == 0 and f"comes from the main server {MAIN}, not from satellite 'north'" in done.stderr, done


def test_aoe_behind_a_satellite_is_refused_and_not_exported(room):
    make_rooted(room, s2="aoe")
    room.start()
    done = api_room.dompool(room.main, "profile", "set", "s1", "by-aoe", "--force")
    assert done.returncode == 21 and "satellite-layer2" in done.stderr and f"ends at the LAN of the main server {MAIN}" in done.stderr, done
    assert room.main.get("/v1/hosts/s1")["profile"] == "pool"
    check = api_room.dompool(room.main, "profile", "check", "s1", "by-aoe")
    assert check.returncode == 21 and "satellite-layer2" in check.stdout, check
    unfit = wait_for(lambda: room.events(kind="host", subject="s2", what="unfit"))
    assert "satellite 'north'" in unfit[0]["text"], "its own setting says so"
    room.lease(S2_MAC)
    assert not [e for e in room.main.get("/v1/exports")["exports"] if e["name"].startswith("aoe")]
    assert api_room.dompool(room.main, "profile", "set", "m1", "by-aoe").returncode == 0
    wait_for(lambda: [e for e in room.main.get("/v1/exports")["exports"] if e["name"].startswith("aoe")])


def test_a_satellite_that_tells_no_router_is_a_doubt(room):
    room.satellite.configure(network="")
    room.start()
    assert findings(room, "s1", "pool") == ({"satellite-route": "doubt"}, True)
    assert findings(room, "m1", "pool") == ({}, False)
    assert findings(room, "s1", "rescue") == ({}, False), "it has no agent"
