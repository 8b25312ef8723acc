# SPDX-License-Identifier: Apache-2.0
"""A satellite's side of the wire without a satellite: TLS and lines of JSON, said by the test."""
import json
import socket
import ssl
import threading
import time

import fake_agent

NETWORK = {"interface": "eth0", "net": "10.78.0.0", "prefix": 24, "address": "10.78.0.1", "mode": "dhcp", "lease_seconds": 3600}


class Satellite:
    def __init__(self, namespace, address, name, secret, port=8444):
        self.name, self.secret, self.lines = name, secret, []
        opened = {}

        def connect():  # a thread of its own: it alone moves into the namespace
            fake_agent.enter_netns(namespace.name)
            opened["socket"] = socket.create_connection((address, port), timeout=10)

        thread = threading.Thread(target=connect)
        thread.start()
        thread.join()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(opened["socket"])
        self.rest = b""

    def send(self, message, **fields):
        self.socket.sendall(json.dumps({"m": message, **fields}).encode() + b"\n")

    def line(self, seconds=10):
        """The next line; None when it does not come, or the connection ends."""
        self.socket.settimeout(seconds)
        while b"\n" not in self.rest:
            try:
                got = self.socket.recv(65536)
            except OSError:
                return None
            if not got:
                return None
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def hello(self, **changes):
        """The answer to it."""
        hello = {"name": self.name, "secret": self.secret, "version": "test", "messages_version": 1, "policy_version": 8, "generation": 0,
                 "journal": 7, "newest": 0, "time_ms": int(time.time() * 1000), "http_port": 8080, "networks": [NETWORK]}
        self.send("SATELLITE_HELLO", **{**hello, **changes})
        return self.line()

    def report(self, seq, mac, stage):
        self.send("SATELLITE_BOOT", seq=seq, report={"mac": mac, "stage": stage, "time_ms": int(time.time() * 1000), "text": "by the test"})

    def wait(self, message, **fields):
        while (line := self.line()):
            if line["m"] == message and all(line.get(k) == v for k, v in fields.items()):
                return line
        return None

    def closed(self):
        while self.line():
            pass
        return True

    def close(self):
        self.socket.close()
