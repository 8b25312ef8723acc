# SPDX-License-Identifier: Apache-2.0
"""TFTP and menus of a real dompoold against tftp-hpa, atftp, curl and hand-made packets."""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import subprocess
import threading
import time

import pytest

from boot_harness import (FIXED_ADDRESS, FIXED_MAC, OTHER_MAC, POOL_MAC, SERVER, Room, say)

MENU = "pxelinux.cfg/01-" + POOL_MAC.replace(":", "-")
GRUB_MENU = "grub/grub.cfg-01-" + POOL_MAC.replace(":", "-")


@pytest.fixture(name="room", scope="module")
def fixture_room():
    """One server for all: no test leaves a trace that another could see, but for leases."""
    with Room() as room:
        room.address = lease(room, POOL_MAC)
        yield room


@pytest.fixture(autouse=True)
def host_n1(room):
    room.be(POOL_MAC, room.address)


def lease(room, mac):
    offer, = room.dhcp(say("discover", mac))
    ack, = room.dhcp(say("request", mac, requested=offer["address"], server=SERVER))
    assert ack["type"] == 5
    return ack["address"]


def curl(room, name, path):
    done = room.client("curl", "-sS", "--path-as-is", "-o", str(path), f"tftp://{SERVER}/{name}")
    return path.read_bytes() if done.returncode == 0 else None


def atftp(room, name, path, *options):
    argv = [x for o in options for x in ("--option", o)]
    done = room.client("atftp", *argv, "-g", "-r", name, "-l", str(path), SERVER)
    return path.read_bytes() if done.returncode == 0 and path.exists() else done.stdout


def hpa(room, name, path, mode="binary"):
    out = room.client("tftp", "-m", mode, SERVER, "-c", "get", name, str(path)).stdout
    return out.strip() or path.read_bytes()


# --- raw packets: a socket made inside the client's namespace ---

SOCKET_SCRIPT = r"""
import json, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", int(sys.argv[1])))
out = []
for hexed in sys.argv[5:]:
    s.sendto(bytes.fromhex(hexed), (sys.argv[2], 69))
    end = time.monotonic() + float(sys.argv[4])
    got = []
    while (left := end - time.monotonic()) > 0:
        s.settimeout(left)
        try:
            got.append(s.recvfrom(70000)[0].hex())
        except socket.timeout:
            break
        if len(got) == 1:
            end = time.monotonic() + float(sys.argv[3])
    out.append(got)
print(json.dumps(out))
"""


def raw(room, *packets, wait=0.4, port=0, answered=True):
    """Sends each packet to port 69 and returns the packets that came for each, none of them acknowledged: the first, which may take a loaded
    machine some time, and all within the wait behind it; or, where silence is the answer, within the wait alone."""
    words = [str(port), SERVER, str(wait), "30" if answered else str(wait)]
    done = room.client("/usr/bin/python3", "-c", SOCKET_SCRIPT, *words, *[p.hex() for p in packets], timeout=300)
    return [[bytes.fromhex(x) for x in got] for got in json.loads(done.stdout)]


def rrq(name, *options, mode=b"octet", opcode=1):
    return bytes([0, opcode]) + b"\0".join([name, mode, *options]) + b"\0"


def error_code(packet):
    assert packet[:2] == b"\0\5", packet
    return packet[3]


# --- transfers ---

@pytest.mark.parametrize("name", ["pxelinux.0", "empty.bin", "exact.bin", "grub/x86_64-efi/core.efi"])
def test_loaders_arrive_whole_with_every_client(room, tmp_path, name):
    assert curl(room, name, tmp_path / "curl") == room.loaders[name] or name == "empty.bin"  # curl writes no file for none
    assert hpa(room, name, tmp_path / "hpa") == room.loaders[name]
    assert atftp(room, name, tmp_path / "atftp") == room.loaders[name]


@pytest.mark.parametrize("options", [["blksize 8"], ["blksize 1428"], ["blksize 65464"], ["windowsize 2"], ["windowsize 64"],
                                     ["blksize 1468", "windowsize 16"], ["blksize 512", "windowsize 65535", "tsize"], ["timeout 1"]])
def test_an_image_arrives_whole_with_every_option(room, tmp_path, options):
    name = "vmlinuz" if options == ["blksize 8"] else "initrd"
    assert atftp(room, f"i/{room.image[:16]}/{name}", tmp_path / "f", *options) == room.files[name]


def test_names_are_taken_as_firmware_writes_them(room, tmp_path):
    for i, name in enumerate(["/pxelinux.0", "//pxelinux.0", "./pxelinux.0", "\\pxelinux.0"]):
        assert hpa(room, name, tmp_path / str(i)) == room.loaders["pxelinux.0"]
    assert hpa(room, "\\grub\\x86_64-efi\\core.efi", tmp_path / "efi") == room.loaders["grub/x86_64-efi/core.efi"]


def test_block_numbers_roll_over(room, tmp_path):
    big = os.urandom(1 << 20)
    (room.store / "loaders/big.bin").write_bytes(big)
    assert atftp(room, "big.bin", tmp_path / "big", "blksize 8", "windowsize 64") == big  # 131,073 blocks


def test_a_menu_is_text_for_a_netascii_client(room, tmp_path):
    text = hpa(room, MENU, tmp_path / "menu", mode="ascii")
    assert text.startswith(b"# dompool: host n1, pool") and b"\r" not in text
    assert "ask for octet" in hpa(room, f"i/{room.image[:16]}/initrd", tmp_path / "initrd", mode="ascii")
    answer, = raw(room, rrq(f"i/{room.image[:16]}/initrd".encode(), mode=b"netascii"))
    assert error_code(answer[0]) == 4


def test_many_clients_at_once_all_get_their_file(room, tmp_path):
    wrong = []

    def one(i):
        data = atftp(room, f"i/{room.image[:16]}/initrd", tmp_path / f"f{i}", "blksize 1408", f"windowsize {1 + i % 8}")
        if data != room.files["initrd"]:
            wrong.append(i)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


@pytest.mark.parametrize("percent", [1, 5])
def test_files_arrive_over_a_network_that_loses_packets(room, tmp_path, percent):
    namespaces = (room.client_ns, room.server_ns)
    rules = f"""
add table ip lossy
add chain ip lossy in {{ type filter hook input priority 0; }}
add rule ip lossy in udp dport != 67 numgen random mod 100 < {percent} drop
"""
    for ns in namespaces:
        subprocess.run(["ip", "netns", "exec", ns, "nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        started = time.monotonic()
        assert atftp(room, f"i/{room.image[:16]}/initrd", tmp_path / "f", "blksize 1408", "windowsize 8") == room.files["initrd"]
        assert time.monotonic() - started < 60
    finally:
        for ns in namespaces:
            subprocess.run(["ip", "netns", "exec", ns, "nft", "delete table ip lossy"], check=True)


# RFC 7440's receiver, many at once: each acknowledges a window, or the last block in order after a gap or a second of silence. Prints how
# many files were right and how often one of them heard nothing for a second.
MANY_SCRIPT = r"""
import hashlib, select, socket, struct, sys, time
server, name, digest, clients, window, blksize = sys.argv[1], sys.argv[2], sys.argv[3], *map(int, sys.argv[4:])
poll, all_ = select.epoll(), {}
for i in range(clients):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.sendto(b"\0\1%s\0octet\0blksize\0%d\0windowsize\0%d\0" % (name.encode(), blksize, window), (server, 69))
    poll.register(s, select.EPOLLIN)
    all_[s.fileno()] = {"socket": s, "have": 0, "since": 0, "heard": time.monotonic(), "hash": hashlib.sha256(), "to": None}
def ack(c):
    c["since"] = 0
    if c["to"]:
        c["socket"].sendto(struct.pack(">HH", 4, c["have"] & 0xffff), c["to"])
right = silent = 0
while all_:
    for fd, _ in poll.poll(0.1):
        c = all_[fd]
        packet, c["to"] = c["socket"].recvfrom(2000)
        c["heard"] = time.monotonic()
        op, n = struct.unpack(">HH", packet[:4])
        if op == 6:
            ack(c)
        elif op == 3 and n == (c["have"] + 1 & 0xffff):
            c["have"] += 1
            c["since"] += 1
            c["hash"].update(packet[4:])
            if len(packet) < 4 + blksize or c["since"] == window:
                ack(c)
            if len(packet) < 4 + blksize:
                right += c["hash"].hexdigest() == digest
                poll.unregister(fd)
                del all_[fd]
        elif op == 3 and c["since"] > 0:
            ack(c)
    for c in all_.values():
        if time.monotonic() - c["heard"] > 1:
            silent += 1
            c["heard"] = time.monotonic()
            ack(c)
print(right, silent)
"""


@contextlib.contextmanager
def narrow_line(room):
    """80 Mbit/s, with a queue of six windows; what it dropped is asked for by calling what this gives."""
    tc = ["ip", "netns", "exec", room.server_ns, "tc"]

    def dropped():
        shown = subprocess.run([*tc, "-s", "-j", "qdisc", "show", "dev", "srv0"], check=True, capture_output=True).stdout
        return json.loads(shown)[0]["drops"]

    subprocess.run([*tc, "qdisc", "add", "dev", "srv0", "root", "tbf", "rate", "80mbit", "burst", "64k", "limit", "96k"], check=True)
    try:
        yield dropped
    finally:
        subprocess.run([*tc, "qdisc", "del", "dev", "srv0", "root"], check=True)


def many(room, n):
    """MANY_SCRIPT's words: n clients fetch the initrd at once."""
    return room.client(*many_words(room, n), timeout=120).stdout.split()


def many_words(room, n):
    digest = hashlib.sha256(room.files["initrd"]).hexdigest()
    return "/usr/bin/python3", "-c", MANY_SCRIPT, SERVER, f"i/{room.image[:16]}/initrd", digest, str(n), "16", "1408"


def test_a_full_queue_of_the_servers_interface_is_waited_for(room):
    """A room that starts at once fills it. What is dropped there must not wait for the timer made for losses on the way, which takes
    firmware past its patience."""
    with narrow_line(room) as dropped:
        for _ in range(5):  # whoever takes part may meet a machine that is busy with other things
            right, silent = many(room, 32)
            assert right == "32" and dropped() > 32
            if silent == "0":
                break
        assert silent == "0"


def http_seconds(room, path=MENU):
    """Until the first byte of a small file."""
    return float(room.client("curl", "-sSf", "-o", "/dev/null", "-w", "%{time_starttransfer}", f"http://{SERVER}:8080/{path}", check=True).stdout)


def wait_full(dropped):
    """Until the storm has filled the queue of the line, and files has heard of it: a moment's rush is not told (CROWDED_MS)."""
    end = time.monotonic() + 60
    while not dropped():
        assert time.monotonic() < end, "the queue does not fill"
        time.sleep(0.02)
    time.sleep(0.5)


def test_an_answer_by_http_waits_while_tftp_has_no_room_on_the_line(room):
    """TCP is patient, and would take what comes free in the queue before TFTP can; firmware gives up."""
    for _ in range(5):  # on a machine that is busy with other things the storm may be over before anybody asks by HTTP
        with narrow_line(room) as dropped, concurrent.futures.ThreadPoolExecutor() as pool:
            tftp = pool.submit(many, room, 32)  # some 3.5 s
            wait_full(dropped)
            firmware, menu = (pool.submit(http_seconds, room, path) for path in ("pxelinux.0", MENU))
            assert tftp.result()[0] == "32"
            time.sleep(0.5)
            after = min(http_seconds(room) for _ in range(5))
        if firmware.result() < 1 < menu.result() < 8.5 and after < 0.2:
            return
    assert firmware.result() < 1  # it asks for that itself: UEFI's HTTP boot gives up after 5 s
    assert after < 0.2 < 1 < menu.result() < 8.5


def test_a_server_ends_in_order_while_answers_by_http_wait():
    with Room() as room:
        room.be(POOL_MAC, lease(room, POOL_MAC))
        client = ["ip", "netns", "exec", room.client_ns]
        with narrow_line(room) as dropped:
            tftp = subprocess.Popen([*client, *many_words(room, 64)], stdout=subprocess.DEVNULL)
            wait_full(dropped)
            waiting = [subprocess.Popen([*client, "curl", "-sS", "-o", "/dev/null", f"http://{SERVER}:8080/{MENU}"], stderr=subprocess.DEVNULL)
                       for _ in range(8)]
            time.sleep(0.5)
            assert all(w.poll() is None for w in waiting)
            waiting[0].kill()  # one that goes away meanwhile
            process = room.process
            room.stop()
            for p in (tftp, *waiting):
                p.kill()
                p.wait()
        assert process.returncode == 0
        assert "role crashed" not in room.log() and "role died" not in room.log() and "killed role" not in room.log()


# --- menus ---

def test_a_menu_is_rendered_for_its_host(room, tmp_path):
    text = curl(room, MENU, tmp_path / "a").decode()
    image = room.image[:16]
    assert f"APPEND i/{image}/xen.gz dom0_mem=512M console=com1,vga com1=115200,8n1 --- i/{image}/vmlinuz console=hvc0 init=/init quiet " in text
    assert f" --- i/{image}/initrd\n" in text
    for word in (f"dompool.server={SERVER}", "dompool.http=8080", "dompool.agent=8444", "dompool.host=n1", f"dompool.mac={POOL_MAC}",
                 f"dompool.image={image}"):
        assert f" {word} " in text
    grub = curl(room, GRUB_MENU, tmp_path / "b").decode()
    assert f"multiboot2 (tftp,{SERVER})/i/{image}/xen.gz dom0_mem=512M" in grub and "no-real-mode edd=off" in grub
    assert f"module2 --nounzip (tftp,{SERVER})/i/{image}/initrd" in grub


def test_firmware_that_asks_twice_gets_the_same_bytes(room, tmp_path):
    first = curl(room, MENU, tmp_path / "a")
    time.sleep(0.1)
    assert curl(room, MENU, tmp_path / "b") == first
    assert b"dompool.token=v1." in first


def test_another_hosts_menu_is_refused_and_logged(room, tmp_path):
    other = "pxelinux.cfg/01-" + OTHER_MAC.replace(":", "-")
    offset = room.mark()
    answer, = raw(room, rrq(other.encode()))
    assert [error_code(p) for p in answer] == [2]
    assert curl(room, other, tmp_path / "x") is None
    room.wait_log("this is another host's menu", offset)


def test_who_has_no_lease_gets_the_local_disk_and_no_token(room, tmp_path):
    room.be("02:00:00:00:00:77", "10.88.0.201")
    text = curl(room, MENU, tmp_path / "a")
    assert b"LOCALBOOT 0" in text and b"token" not in text and b"xen" not in text


def test_a_local_host_and_last_resorts_lead_to_the_local_disk(room, tmp_path):
    for i, name in enumerate(["pxelinux.cfg/default", "grub/grub.cfg"]):
        text = curl(room, name, tmp_path / str(i))
        assert b"LOCALBOOT 0" in text or b"exit" in text
        assert b"xen" not in text
    room.be(FIXED_MAC)
    assert lease(room, FIXED_MAC) == FIXED_ADDRESS
    room.be(FIXED_MAC, FIXED_ADDRESS)
    assert b"LOCALBOOT 0" in curl(room, "pxelinux.cfg/01-" + FIXED_MAC.replace(":", "-"), tmp_path / "l")


def test_stages_of_a_boot_are_told_to_core(room, tmp_path):
    ack = room.dhcp(say("discover", POOL_MAC, vendor="PXEClient:Arch:00000", arch=0),
                    say("request", POOL_MAC, vendor="PXEClient:Arch:00000", arch=0, requested=room.address, server=SERVER))
    assert ack[1]["type"] == 5
    for name in ("pxelinux.0", "pxelinux.cfg/no-such", MENU, *[f"i/{room.image[:16]}/{n}" for n in room.files]):
        curl(room, name, tmp_path / "x")
    end = time.monotonic() + 60
    while True:
        boot = room.api("/v1/hosts/n1/trace")["boots"][0]
        stages = [s["stage"] for s in boot["stages"]]
        if "initrd" in stages or time.monotonic() > end:
            break
        time.sleep(0.1)
    assert set(stages) >= {"dhcp", "loader", "menu", "xen", "kernel", "initrd"}
    assert any("pxelinux.cfg/no-such" in str(s) for s in boot["search"])


CLOSE_SCRIPT = r"""
import socket, struct, sys
server, name, blksize, n_blocks, end = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), bytes.fromhex(sys.argv[5])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(30)
s.sendto(b"\0\1%s\0octet\0blksize\0%d\0tsize\0" b"0\0" % (name.encode(), blksize), (server, 69))
_, to = s.recvfrom(2000)
for n in range(n_blocks):
    s.sendto(struct.pack(">HH", 4, n & 0xffff), to)
    while struct.unpack(">HH", s.recvfrom(2000)[0][:4]) != (3, n + 1 & 0xffff):
        pass
s.sendto(end, to)
"""


def read_and_close(room, n_less, end):
    """As PXELINUX reads: it knows the size, acknowledges a block by asking for the next one, and then closes. How the server tells of it."""
    size = len(room.files["initrd"])
    blksize = max(n for n in range(8, 1469) if size % n == 0)
    offset = room.mark()
    words = SERVER, f"i/{room.image[:16]}/initrd", str(blksize), str(size // blksize - n_less), end.hex()
    done = room.client("/usr/bin/python3", "-c", CLOSE_SCRIPT, *words)
    assert done.returncode == 0, done
    room.wait_log(f"file=i/{room.image[:16]}/initrd", offset)
    return room.log(offset)


CLOSED = b"\0\5\0\0No error, file close\0"


def test_a_loader_that_closes_after_the_last_byte_has_the_file(room):
    assert "tftp sent" in read_and_close(room, 0, CLOSED)
    assert "tftp sent" not in read_and_close(room, 1, CLOSED)
    assert "tftp sent" not in read_and_close(room, 0, b"\0\5\0\3disk full\0")


# --- bad input ---

OUTSIDE = [b"../../etc/shadow", b"/../../etc/shadow", b"..\\..\\etc\\shadow", b"pxelinux.cfg/../../../../../../../../etc/passwd",
           b"grub/../../versions", b"..", b"i/../../loaders/pxelinux.0", b"....//....//etc/passwd/..", b"\xc0\xae\xc0\xae/etc/passwd",
           b"a\nb", b"/"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_names_that_lead_out_are_refused(room, name):
    answer, = raw(room, rrq(name))
    assert [error_code(p) for p in answer] == [2]
    assert b"/" not in answer[0][4:]  # no path of ours in the text


def test_a_missing_file_is_an_error_at_once(room, tmp_path):
    answer, = raw(room, rrq(b"nothing.here"))
    assert [error_code(p) for p in answer] == [1]
    assert "not found" in hpa(room, "nothing.here", tmp_path / "x").lower() or "no such file" in hpa(room, "nothing.here", tmp_path / "y")
    for name in (b"etc/passwd", b"dev/zero", b"grub", b"i/" + room.image[:16].encode() + b"/contents", b"i/0000000000000000/xen.gz"):
        answer, = raw(room, rrq(name))
        assert answer[0][:2] == b"\0\5" and len(answer) == 1


def test_a_new_set_of_loaders_is_served_at_once(room, tmp_path):
    """A build puts a fresh folder in the old one's place."""
    loaders, fresh = room.store / "loaders", room.store / "loaders.new"
    assert curl(room, "pxelinux.0", tmp_path / "a") == room.loaders["pxelinux.0"]
    subprocess.run(["cp", "-r", str(loaders), str(fresh)], check=True)
    (fresh / "added.bin").write_bytes(b"new")
    loaders.rename(room.store / "loaders.old")
    fresh.rename(loaders)
    subprocess.run(["rm", "-r", str(room.store / "loaders.old")], check=True)
    assert curl(room, "added.bin", tmp_path / "b") == b"new"


def test_links_and_devices_in_the_folder_lead_nowhere(room):
    loaders = room.store / "loaders"
    (loaders / "link").symlink_to("/etc/passwd")
    (loaders / "up").symlink_to("../versions")
    (loaders / "inside").symlink_to("pxelinux.0")
    os.mkfifo(loaders / "fifo")
    for name in (b"link", b"up/" + room.image.encode() + b"/xen.gz", b"fifo"):
        answer, = raw(room, rrq(name))
        assert [error_code(p) for p in answer] == [2]
    answer, = raw(room, rrq(b"inside"))
    assert answer[0][:4] == b"\0\3\0\1"


@pytest.mark.parametrize("options,granted", [
    ([b"blksize", b"7"], []), ([b"blksize", b"0"], []), ([b"blksize", b"-1"], []), ([b"blksize", b"abc"], []), ([b"blksize", b"65465"], []),
    ([b"blksize", b"99999999999999999999"], []), ([b"windowsize", b"0"], []), ([b"timeout", b"0"], []), ([b"timeout", b"256"], []),
    ([b"blksize"], []), ([b"multicast", b""], []), ([b"blksize", b"65464"], [b"blksize", b"1468"]),
    ([b"windowsize", b"65535"], [b"windowsize", b"64"]), ([b"tsize", b"0"], [b"tsize", b"40000"])])
def test_absurd_options_are_as_if_never_named(room, options, granted):
    answer, = raw(room, rrq(b"pxelinux.0", *options))
    if granted:
        assert answer[0] == b"\0\6" + b"\0".join(granted) + b"\0"
    else:
        assert answer[0] == b"\0\3\0\1" + room.loaders["pxelinux.0"][:512]


def test_writing_is_refused(room):
    answer, = raw(room, rrq(b"pxelinux.0", opcode=2))
    assert [error_code(p) for p in answer] == [2]


def test_malformed_requests_get_one_error_and_noise_gets_nothing(room):
    malformed = [b"\0\1", b"\0\1name", b"\0\1name\0", b"\0\1name\0octet", rrq(b""), rrq(b"x", mode=b"mail"), rrq(b"a" * 400),
                 b"\0\1" + b"a" * 600]
    for answer in raw(room, *malformed, wait=0.15):
        assert [error_code(p) for p in answer] == [4]
    noise = [b"", b"\0", b"\0\5\0\1x\0", b"\0\4\0\0", b"\0\3\0\1data", b"\0\6tsize\0" b"0\0", b"\0\7", b"\xff" * 100]
    assert all(answer == [] for answer in raw(room, *noise, wait=0.15, answered=False))


def test_nothing_goes_to_port_69(room):
    """CVE-2024-2169: two servers must not be made to talk to each other."""
    assert raw(room, rrq(b"pxelinux.0"), rrq(b"nothing.here"), b"\0\5\0\0x\0", port=69, answered=False) == [[], [], []]


def unacknowledged(room, wait=7):
    """What comes for a request without options and for one with: at once, each from a port of its own."""
    requests = {"plain": rrq(b"pxelinux.0"), "options": rrq(b"pxelinux.0", b"blksize", b"1408")}
    answers = {}

    def ask(name):
        answers[name] = [p[:4] for p in raw(room, requests[name], wait=wait)[0]]

    threads = [threading.Thread(target=ask, args=(name,)) for name in requests]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return answers


def test_an_unacknowledged_request_gets_one_answer(room):
    room.be("02:00:00:00:00:78", "10.88.0.202")  # it may be a forged one
    assert unacknowledged(room) == {"plain": [b"\0\3\0\1"], "options": [b"\0\6bl"]}


def test_an_address_that_acknowledged_before_gets_the_small_answer_twice(room, tmp_path):
    """GRUB does not repeat its ACK."""
    assert curl(room, "pxelinux.0", tmp_path / "f") == room.loaders["pxelinux.0"]
    assert unacknowledged(room) == {"plain": [b"\0\3\0\1"], "options": [b"\0\6bl"] * 2}


def test_a_request_that_is_repeated_gets_its_first_answer_again(room):
    request = rrq(b"pxelinux.0", b"blksize", b"1408")
    first, second = raw(room, request, request, port=2070)
    assert len(first) == 1 and first == second and first[0][:2] == b"\0\6"


TWICE_SCRIPT = r"""
import socket, sys, time
server, request = (sys.argv[1], 69), bytes.fromhex(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 2075))
s.settimeout(10)
s.sendto(request, server)
answer, first = s.recvfrom(2000)
assert answer[:2] == b"\0\6", answer
s.sendto(b"\0\4\0\0", first)
data = s.recvfrom(2000)[0][4:]
s.sendto(request, server)  # sent before the answer came, and late on its way
time.sleep(0.3)
size = 1408
for block in range(1, int(sys.argv[3])):
    s.sendto(b"\0\4" + block.to_bytes(2, "big"), first)
    packet, source = b"", first
    while packet[2:4] != (block + 1).to_bytes(2, "big") and source == first:  # those of before are sent again
        packet, source = s.recvfrom(2000)
    assert source == first, (source, first, packet[:4])
    data += packet[4:]
print(len(data), first[1], flush=True)
time.sleep(3.3)  # a machine that begins anew with the port of before
s.sendto(request, server)
while True:
    packet, source = s.recvfrom(2000)
    if source != first:
        break
print(packet[:2].hex())
"""


def test_a_request_that_comes_twice_while_its_transfer_moves_does_not_end_it(room):
    """Of thousands that ask at once many ask again before their first answer is there; they listen to no second transfer."""
    done = room.client("/usr/bin/python3", "-c", TWICE_SCRIPT, SERVER, rrq(b"pxelinux.0", b"blksize", b"1408").hex(), "4")
    first, anew = done.stdout.splitlines()
    assert first.split()[0] == str(4 * 1408) and anew == "0006"


def test_half_open_transfers_keep_nobody_waiting(room, tmp_path):
    flood = r"""
import socket, sys
sockets = []
for i in range(900):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"\0\1pxelinux.0\0octet\0", (sys.argv[1], 69))
    sockets.append(s)
print(len(sockets), flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen(["ip", "netns", "exec", room.client_ns, "/usr/bin/python3", "-c", flood, SERVER], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline().strip() == "900"
        for i in range(5):
            started = time.monotonic()
            assert atftp(room, "pxelinux.0", tmp_path / f"f{i}", "blksize 1408") == room.loaders["pxelinux.0"]
            assert time.monotonic() - started < 4.5  # what it did not answer atftp would ask again after five
    finally:
        process.stdin.close()
        process.wait(60)


def test_descriptors_and_the_role_survive_all_that(room):
    """Last in the file: after everything above the same process still runs, and its sockets are closed again."""
    pid = room.role_pid("boot")
    end = time.monotonic() + 60
    while len(os.listdir(f"/proc/{pid}/fd")) > 40:
        assert time.monotonic() < end, os.listdir(f"/proc/{pid}/fd")
        time.sleep(0.5)
    assert room.log().count("role ended role=boot") == 0


def test_transfers_under_way_end_with_the_role_and_new_ones_work_after_it(room, tmp_path):
    offset = room.mark()
    os.kill(room.role_pid("boot"), 9)
    room.wait_log("boot: policy generation=", offset)
    assert b"host n1, pool" in curl(room, MENU, tmp_path / "a")  # the lease was in the journal
