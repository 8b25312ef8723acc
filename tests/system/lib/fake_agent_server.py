# SPDX-License-Identifier: Apache-2.0
"""The other side of an agent: a TLS server that speaks its JSON lines, and an HTTP server for blobs. Python's own ssl and
http.server, so that nothing of dompool's code is on both sides. Used by test_agent.py."""

import hashlib
import http.server
import json
import os
import queue
import socket
import ssl
import subprocess
import threading
import time


def make_certificate(folder):
    """Returns (certificate path, key path, SHA-256 of the DER as hex)."""
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=test", "-keyout", key, "-out", cert], check=True, capture_output=True)
    with open(cert) as f:
        der = ssl.PEM_cert_to_DER_cert(f.read())
    return cert, key, hashlib.sha256(der).hexdigest()


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.lock = threading.Lock()

    def send(self, name, **fields):
        with self.lock:
            self.sock.sendall(json.dumps({"m": name, **fields}).encode() + b"\n")

    def send_at_once(self, *messages):
        """Both are there when the other side reads the first."""
        with self.lock:
            self.sock.sendall(b"".join(json.dumps(m).encode() + b"\n" for m in messages))

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class FakeServer:
    """Answers AGENT_HELLO with AGENT_WELCOME when the token or the session is right; everything received is in `got`."""

    def __init__(self, folder, address="127.0.0.1", port=0, http_port=0, token="token-1"):
        cert, key, self.fingerprint = make_certificate(folder)
        self.token = token
        self.token_used = False
        self.session = os.urandom(32).hex()
        self.blobs = {}
        self.http_requests = []
        self.cut = 0  # so many answers end in the middle of the body
        self.got = []
        self.arrived = threading.Condition()
        self.connection = None
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.address = address
        self._start_http(http_port)
        self._listen(port)

    # ---- blobs ----
    def _start_http(self, port):
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.http_requests.append(self.path)
                data = server.blobs.get(self.path.rsplit("/", 1)[-1])
                if data is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if server.cut > 0:
                    server.cut -= 1
                    self.wfile.write(data[:len(data) // 2])
                    self.close_connection = True
                    return
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer((self.address, port), Handler)
        self.http_port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def add_blob(self, data):
        name = hashlib.sha256(data).hexdigest()
        self.blobs[name] = data
        return {"path": name[:8], "sha256": name, "size": len(data)}

    # ---- agents ----
    def _listen(self, port):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.address, port))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        try:
            connection = Connection(self.context.wrap_socket(raw, server_side=True))
            for line in connection.sock.makefile("rb"):
                self._take(connection, json.loads(line))
        except (OSError, ValueError) as e:
            self._note({"m": "_error", "text": str(e)})
        self._note({"m": "_closed"})

    def _note(self, message):
        message["_time"] = time.monotonic()
        with self.arrived:
            self.got.append(message)
            self.arrived.notify_all()

    def _take(self, connection, message):
        if message["m"] == "AGENT_HELLO":
            by_session = message.get("session") == self.session
            by_token = message.get("token") == self.token and not self.token_used
            if by_session or by_token:
                self.token_used = self.token_used or by_token
                self.connection = connection
                connection.send("AGENT_WELCOME", host="n1", session=self.session, server_time_ms=int(time.time() * 1000),
                                heartbeat_seconds=1, blob_path="/blob/", http_port=self.http_port)
            else:
                connection.send("AGENT_REFUSE", code="unauthenticated", text="token is used or wrong")
        self._note(message)

    # ---- for tests ----
    def wait(self, name, timeout=60, after=0, **fields):
        """The first message of that name, behind index `after` of `got`, whose fields have these values."""
        end = time.monotonic() + timeout
        with self.arrived:
            while True:
                for message in self.got[after:]:
                    if message["m"] == name and all(message.get(k) == v for k, v in fields.items()):
                        return message
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no {name} {fields} within {timeout} s; got {[m['m'] for m in self.got[after:]]}")
                self.arrived.wait(left)

    def send(self, name, **fields):
        self.connection.send(name, **fields)

    def drop_agents(self):
        """Closes the listener and the connection, as a server that ends does."""
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts, which would keep the port
        self.listener.close()
        if self.connection:
            self.connection.close()
            self.connection = None

    def listen_again(self):
        self._listen(self.port)

    def close(self):
        self.drop_agents()
        self.http.shutdown()
        self.http.server_close()
