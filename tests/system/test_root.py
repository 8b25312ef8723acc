# SPDX-License-Identifier: Apache-2.0
"""A root over the network on real Xen: the stage's initrd, other people's servers, dompool-init twice."""
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import socket
import subprocess
import threading

import pytest

from test_image import in_netns, lan_with_dnsmasq, micro, wait_until  # noqa: F401  (fixtures)


class BootServer(http.server.BaseHTTPRequestHandler):
    """Stands for role files: takes reports, gives the image's files as self.server.files has them."""

    def do_POST(self):
        self.server.reports.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def do_GET(self):
        data = self.server.files.get(self.path)
        self.send_response(200 if data else 404)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        self.wfile.write(data or b"")

    def log_message(self, *args):
        pass


def openssl(*args):
    return subprocess.run(["openssl", *args], check=True, capture_output=True).stdout


class Room:
    def __init__(self, micro, netns, tmp_path):
        self.store, self.image = micro
        self.netns, self.tmp = netns, tmp_path
        self.version = self.store / "versions" / self.image["id"]
        self.id16 = self.image["id"][:16]
        self.children = []
        self.web = in_netns(netns, lambda: http.server.ThreadingHTTPServer(("10.77.0.1", 8080), BootServer))
        self.web.reports, self.web.files = [], {}
        threading.Thread(target=self.web.serve_forever, daemon=True).start()
        self.sign()

    def sign(self):
        """A key of OpenSSL's, the manifest's signature, and the stage with the public key."""
        key, text = self.tmp / "key.pem", self.tmp / "signed"
        manifest = (self.version / "manifest.json").read_bytes()
        openssl("genpkey", "-algorithm", "ed25519", "-out", key)
        public = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")[-32:]
        text.write_bytes(b"dompool-image-sig-1\n" + manifest)
        signature = openssl("pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", text)
        self.web.files = {
            f"/i/{self.id16}/manifest.json": manifest,
            f"/i/{self.id16}/manifest.sig": f"dompool-image-sig-1 {hashlib.sha256(public).hexdigest()[:16]} {signature.hex()}\n".encode(),
            f"/i/{self.id16}/root.squashfs": (self.version / "root.squashfs").read_bytes()}
        folder = self.tmp / "extra/etc/dompool"
        folder.mkdir(parents=True)
        (folder / "image.pub").write_text(f"dompool-image-pub-1 {public.hex()}\n")
        extra = subprocess.run("find etc | cpio -o -H newc --quiet", shell=True, cwd=self.tmp / "extra", check=True, capture_output=True).stdout
        stage = (self.version / "initrd-root").read_bytes()
        (self.tmp / "initrd").write_bytes(stage + b"\0" * (-len(stage) % 4) + extra)

    def run(self, *args, **more):
        child = subprocess.Popen(["ip", "netns", "exec", self.netns, *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
        self.children.append(child)
        return child

    def boot(self, word):
        return self.run("qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64,+svm,+npt", "-m", "1200", "-nodefaults", "-display", "none", "-no-reboot",
                        "-chardev", f"socket,id=c,path={self.tmp}/serial,server=on,wait=off,logfile={self.tmp}/console", "-serial", "chardev:c",
                        "-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no", "-device", "e1000,netdev=n0,mac=52:54:00:12:34:56,romfile=",
                        "-kernel", self.version / "xen", "-append", self.image["xen_args"] + " console=com1 com1=115200,8n1 loglvl=warning",
                        "-initrd", f"{self.version}/vmlinuz console=hvc0 quiet dompool.server=10.77.0.1 dompool.http=8080 dompool.fp={'ab' * 32} "
                        f"dompool.token=v1.525400123456.1.2.ff dompool.host=n1 dompool.mac=52:54:00:12:34:56 dompool.image={self.id16} "
                        f"dompool.root={word},{self.tmp}/initrd")

    def wait_for(self, what, condition, seconds=240):
        wait_until(what, lambda: any(condition(r) for r in self.web.reports), seconds, self.tmp / "console")
        return next(r for r in self.web.reports if condition(r))

    def type(self, line, seen, seconds=180):
        """At the shell that dompool.shell=1 gives, until its answer stands on the console: the serial line is slow, and what it has not taken is
        lost with the connection."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(f"{self.tmp}/serial")
            s.sendall(f"\r\n{line}\r\n".encode())
            s.setblocking(False)

            def answered():
                with contextlib.suppress(BlockingIOError):
                    while s.recv(65536):  # QEMU waits for who does not read
                        pass
                return seen in self.console()

            wait_until(f"'{seen}' of '{line}'", answered, seconds, self.tmp / "console")

    def console(self):
        return (self.tmp / "console").read_text(errors="replace")

    def close(self):
        for child in reversed(self.children):
            child.kill()
            child.wait()
        self.web.shutdown()
        self.web.server_close()


@pytest.fixture
def room(micro, lan_with_dnsmasq, tmp_path):  # noqa: F811
    r = Room(micro, lan_with_dnsmasq, tmp_path)
    yield r
    r.close()


def test_a_root_by_http_is_refused_while_it_is_corrupt_and_taken_once_it_is_as_signed(room):
    name = f"/i/{room.id16}/root.squashfs"
    good = room.web.files[name]
    room.web.files[name] = good[:5000] + bytes([good[5000] ^ 1]) + good[5001:]
    room.boot("http")
    bad = room.wait_for("the refusal", lambda r: r["stage"] == "root" and r["failed"])
    assert "another SHA-256 than its signed manifest says" in bad["text"] and "tried again" in bad["text"]
    wait_until("the refusal on the console", lambda: "another SHA-256 than its signed manifest says" in room.console(), 60, room.tmp / "console")
    manifest, signature = (f"/i/{room.id16}/{n}" for n in ("manifest.json", "manifest.sig"))
    signed = room.web.files[signature]
    room.web.files[signature] = signed[:-3] + (b"0" if signed[-3:-2] != b"0" else b"1") + signed[-2:]
    room.wait_for("the refusal of the signature", lambda r: r["failed"] and "is not believed" in r["text"])
    wait_until("the same on the console", lambda: f"the manifest of image {room.id16} is not believed" in room.console(), 60, room.tmp / "console")
    room.web.files[signature], room.web.files[name] = signed, good
    assert manifest in room.web.files
    root = room.wait_for("the root", lambda r: r["stage"] == "root" and not r["failed"])
    assert root["text"].startswith(f"http; {len(good) / (1 << 20):.1f} MiB fetched")
    room.wait_for("the agent", lambda r: r["stage"] == "agent")


def test_a_root_by_nbd_waits_for_its_server(room):
    """Not there at the boot; then the whole dom0 comes up on it."""
    room.boot(f"nbd:10.77.0.1:10809:{room.id16}")
    away = room.wait_for("the failure", lambda r: r["stage"] == "root" and r["failed"])
    assert "connecting to 10.77.0.1 port 10809: Connection refused" in away["text"]
    room.run("nbdkit", "-f", "-r", "-p", "10809", "-i", "10.77.0.1", "file", room.version / "root.squashfs")
    root = room.wait_for("the root", lambda r: r["stage"] == "root" and not r["failed"])
    assert root["text"].startswith("nbd 10.77.0.1:10809") and "read as it is needed" in root["text"]
    room.wait_for("the agent", lambda r: r["stage"] == "agent")


def test_a_root_that_cannot_be_had_is_given_up_with_a_word_to_server_and_console(room):
    """No server, then one whose file is no squashfs. The machine restarts, and QEMU ends instead."""
    machine = room.boot(f"nbd:10.77.0.1:10809:{room.id16} dompool.root-wait=15")
    room.wait_for("the first failure", lambda r: r["failed"] and "connecting to 10.77.0.1 port 10809: Connection refused; tried again in" in r["text"])
    (room.tmp / "broken").write_bytes(bytes(1 << 20))
    room.run("nbdkit", "-f", "-r", "-p", "10809", "-i", "10.77.0.1", "file", room.tmp / "broken")
    last = room.wait_for("the last word", lambda r: r["stage"] == "root-failed")
    assert last["failed"] and last["image"] == room.id16
    assert "/dev/nbd0 holds no squashfs that can be read" in last["text"] and "restarting the machine in 30 seconds" in last["text"]
    assert sum(r["stage"] == "root" and r["failed"] for r in room.web.reports) >= 3  # later and later
    assert "root-failed: /dev/nbd0 holds no squashfs that can be read" in room.console()
    assert machine.wait(90) == 0


def test_a_root_by_aoe_comes_up(room):
    room.run("vblade", "-r", "7", "3", "br0", room.version / "root.squashfs")
    room.boot("aoe:7.3")
    room.wait_for("the root", lambda r: r["stage"] == "root" and not r["failed"])
    room.wait_for("the agent", lambda r: r["stage"] == "agent")


class Target:
    """tgtd with the image as LUN 1, as dompoold starts it."""

    def __init__(self, room):
        self.room, self.name = room, f"iqn.2026-01.dompool:{room.id16}"
        self.env = {**os.environ, "TGT_IPC_SOCKET": f"{room.tmp}/tgt"}
        self.start()

    def start(self):
        pathlib.Path(f"{self.room.tmp}/tgt.0").unlink(missing_ok=True)
        self.process = self.room.run("tgtd", "-f", "--iscsi", "portal=10.77.0.1:3260", env=self.env)
        wait_until("tgtd", lambda: self.call("--op", "new", "--mode", "target", "--tid", "1", "--targetname", self.name), 60, self.room.tmp / "console")
        assert self.call("--op", "new", "--mode", "logicalunit", "--tid", "1", "--lun", "1", "--backing-store", self.room.version / "root.squashfs")
        assert self.call("--op", "bind", "--mode", "target", "--tid", "1", "--initiator-address", "10.77.0.0/24")

    def call(self, *words):
        return subprocess.run(["tgtadm", "--lld", "iscsi", *words], env=self.env, capture_output=True).returncode == 0


def close_at_once(room, n, seconds):
    """What a server does whose target is not there yet: iscsid of Debian 12 could not log in ever after. True when it came so many times."""
    listener = in_netns(room.netns, lambda: socket.create_server(("10.77.0.1", 3260)))
    listener.settimeout(seconds)
    with listener, contextlib.suppress(TimeoutError):
        for _ in range(n):
            listener.accept()[0].close()
        return True
    return False


def test_a_root_by_iscsi_is_logged_in_anew_when_its_server_was_killed(room):
    target = Target(room)
    room.boot(f"iscsi:10.77.0.1:3260:1:{target.name} dompool.shell=1")
    room.wait_for("the root", lambda r: r["stage"] == "root" and not r["failed"])
    room.wait_for("the agent", lambda r: r["stage"] == "agent")
    target.process.kill()
    target.process.wait()
    assert close_at_once(room, 3, 60)
    target.start()
    room.type("echo 3 >/proc/sys/vm/drop_caches; busybox find / -xdev -type f -exec busybox cat {} + >/dev/null && echo READ-$((40+2))", "READ-42")
    assert "the session with the iSCSI server is lost" in room.console() and "the iSCSI server is back" in room.console()
    assert "I/O error" not in room.console() and "Input/output error" not in room.console()
