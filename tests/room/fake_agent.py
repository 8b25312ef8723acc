# SPDX-License-Identifier: Apache-2.0
"""Says AGENT_HELLO with the given token on the real agent port and prints the server's answer."""

import json
import socket
import ssl
import sys

address, port, token = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
with context.wrap_socket(socket.create_connection((address, port), timeout=10)) as s:
    hello = {"m": "AGENT_HELLO", "token": token, "agent_version": "fake", "messages_version": 1}
    s.sendall((json.dumps(hello) + "\n").encode())
    data = b""
    while b"\n" not in data:
        more = s.recv(4096)
        if not more:
            break
        data += more
print(data.decode().strip() or "closed")
