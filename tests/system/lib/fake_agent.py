# SPDX-License-Identifier: Apache-2.0
"""A host's agent without a host: TLS, lines of JSON (src/ipc/agent_wire.h), a table of domains that exist only here.

It says hello with a boot token made from the key in the server's policy snapshot, carries out what the server asks for and answers
consoles by an echo. A test reads `agent.ops`, `agent.domains`, `agent.lines`; `agent.hold = True` keeps operations unanswered.

    agent = FakeAgent("10.0.0.1", 8444, token=boot_token(state_dir, "52:54:00:00:00:01"))
    agent.start(); agent.wait_welcome()
"""
import base64
import ctypes
import hashlib
import hmac
import json
import os
import socket
import ssl
import threading
import time

ZERO32 = "0" * 64
TOKEN_KEY_OFFSET = 8 + 32 + 16 + 13 * 4  # magic, version; checksum; size, generation; twelve counts, default image
BANNER = b"fake console of %s\r\n"


def token_key(state_dir):
    """The key of the boot tokens, from STATE/core/policy.snap."""
    with open(f"{state_dir}/core/policy.snap", "rb") as f:
        data = f.read(TOKEN_KEY_OFFSET + 32)
    return data[TOKEN_KEY_OFFSET:]


def boot_token(state_dir, mac, attempt_ms=None, valid_ms=30 * 60 * 1000):
    """What `boot` would render into the menu of this MAC (src/bootcfg/token.h)."""
    attempt = int(time.time() * 1000) if attempt_ms is None else attempt_ms
    body = "v1.%s.%016x.%016x" % (mac.replace(":", "").lower(), attempt, attempt + valid_ms)
    return body + "." + hmac.new(token_key(state_dir), body.encode(), hashlib.sha256).hexdigest()


def inventory(**changes):
    inv = {
        "hostname": "fake", "xen_version": "4.17.0", "kernel_version": "6.1.0", "xen_caps": "xen-3.0-x86_64",
        "xen_commandline": "", "cpu_model": "Fake CPU", "image": "", "agent_version": "fake", "memory_kib": 2 << 20,
        "free_memory_kib": 1 << 20, "dom0_memory_kib": 512 << 10, "n_cpus": 2, "cpu_khz": 2000000, "hvm": False, "pv": True,
        "pvh": True, "boot_time": int(time.time()),
    }
    inv.update(changes)
    return inv


def enter_netns(name):
    """Moves the calling thread, and no other, into a network namespace of `ip netns`."""
    fd = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), f"setns {name}")
    finally:
        os.close(fd)


class FakeAgent(threading.Thread):
    def __init__(self, address, port, token="", session=ZERO32, source=None, heartbeat=1.0, domains=(), netns=None, inventory=None):
        """`netns`: name of the network namespace from which it connects; `inventory`: what differs from inventory()'s."""
        super().__init__(daemon=True)
        self.address, self.port, self.token, self.session, self.source = address, port, token, session, source
        self.netns = netns
        self.heartbeat = heartbeat
        self.inventory = dict(inventory or {})
        self.domains = {d["uuid"]: d for d in domains}
        self.next_domid = 1
        self.hold = False          # take operations, but do not answer them
        self.fail_with = None      # (code, text): answer every operation so
        self.ops = []              # AGENT_OP as they came
        self.lines = []            # everything that came
        self.refused = None
        self.console_input = b""   # what clients typed
        self.consoles = {}         # session -> domain
        self.welcome = threading.Event()
        self.closed = threading.Event()
        self._stop_asked = threading.Event()
        self._lock = threading.Lock()
        self._sock = None

    # ---- for tests
    def wait_welcome(self, seconds=60):
        assert self.welcome.wait(seconds), f"no AGENT_WELCOME within {seconds} s; refused: {self.refused}"
        return self

    def stop(self):
        """Ends the connection like a host that loses power: no good-bye."""
        self._stop_asked.set()
        if self._sock:
            try:
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
            except OSError:
                pass
        if self.is_alive():
            self.join(30)

    def send(self, name, **fields):
        line = json.dumps({"m": name, **fields}, separators=(",", ":")).encode() + b"\n"
        self.send_raw(line)

    def send_raw(self, data):
        with self._lock:
            self._sock.settimeout(30)
            self._sock.sendall(data)
            self._sock.settimeout(0.1)

    def send_inventory(self, **changes):
        self.inventory.update(changes)
        self.send("AGENT_INVENTORY", inventory=inventory(**self.inventory))

    def send_domains(self):
        self.send("AGENT_DOMAINS", domains=list(self.domains.values()))

    def console_output(self, session, data):
        for i in range(0, len(data), 12000):
            self.send("CONSOLE_DATA", session=session, data=base64.b64encode(data[i:i + 12000]).decode())

    # ---- the thread
    def run(self):
        try:
            self._connect()
            self._talk()
        except (OSError, ssl.SSLError):
            pass
        finally:
            self.closed.set()
            if self._sock:
                self._sock.close()

    def _connect(self):
        if self.netns:
            enter_netns(self.netns)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        raw = socket.create_connection((self.address, self.port), timeout=30, source_address=self.source)
        self._sock = context.wrap_socket(raw)
        self._sock.settimeout(0.1)
        self.send("AGENT_HELLO", token=self.token, session=self.session, agent_version="fake", messages_version=1)

    def _read(self):
        """What there is; None: nothing within 0.1 s; b"": the end. The lock: one TLS object, two threads (this and the test's)."""
        with self._lock:
            try:
                return self._sock.recv(65536)
            except (TimeoutError, socket.timeout, ssl.SSLWantReadError):
                return None

    def _talk(self):
        buffer, last_ping = b"", time.monotonic()
        while not self._stop_asked.is_set():
            if self.welcome.is_set() and time.monotonic() - last_ping > self.heartbeat:
                last_ping = time.monotonic()
                self.send("AGENT_PING", free_memory_kib=1 << 20, uptime_ms=int(last_ping * 1000))
            data = self._read()
            if data is None:
                time.sleep(0.005)
                continue
            if not data:
                return
            buffer += data
            while b"\n" in buffer:
                line, buffer = buffer.split(b"\n", 1)
                self._handle(json.loads(line))

    def _handle(self, message):
        self.lines.append(message)
        handler = getattr(self, "_on_" + message["m"].lower(), None)
        if handler:
            handler(message)

    def _on_agent_welcome(self, message):
        self.session = message["session"]
        self.send_inventory()
        self.send_domains()
        self.host = message["host"]
        self.welcome.set()

    def _on_agent_refuse(self, message):
        self.refused = message

    def _on_agent_op(self, message):
        self.ops.append(message)
        if not self.hold:
            self.answer(message)

    def answer(self, message):
        """Carries out one AGENT_OP at once."""
        config, info = message["config"], {}
        if self.fail_with:
            self.send("AGENT_OP_RESULT", id=message["id"], epoch=message["epoch"], code=self.fail_with[0], text=self.fail_with[1])
            return
        if message["kind"] == "domain-create":
            self.send("AGENT_OP_PROGRESS", id=message["id"], epoch=message["epoch"], step="create", percent=50)
            info = self.domains.get(config["uuid"]) or {
                "uuid": config["uuid"], "name": config["name"], "domid": self.next_domid, "type": config["type"],
                "state": "running", "memory_kib": config["memory_kib"], "vcpus": config["vcpus"], "cpu_time_ns": 1000000,
                "op": message["id"]}
            self.next_domid += 1
            self.domains[config["uuid"]] = info
        elif message["kind"] in ("domain-shutdown", "domain-destroy"):
            info = self.domains.pop(config["uuid"], {})
        result = {"domain": info} if info else {}
        self.send("AGENT_OP_RESULT", id=message["id"], epoch=message["epoch"], code="none", text="", **result)
        if message["kind"] != "domain-create" and info:
            self.send("AGENT_DOMAIN_EVENT", domain=info, what="gone", text="")

    def _on_console_open(self, message):
        session = message["session"]
        self.consoles[session] = message["domain"]
        self.console_output(session, BANNER % message["domain"].encode())

    def _on_console_data(self, message):
        data = base64.b64decode(message["data"])
        self.console_input += data
        if message["session"] in self.consoles:
            self.console_output(message["session"], data.upper())

    def _on_console_close(self, message):
        self.consoles.pop(message["session"], None)
