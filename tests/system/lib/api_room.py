# SPDX-License-Identifier: Apache-2.0
"""What the tests of API, command line and consoles share: host n1 ready by a fake agent, guests' files, the program dompool."""
import os
import pathlib
import subprocess

import netns
from fake_agent import FakeAgent, boot_token
from server import BUILD, wait_for

DOMPOOL = BUILD / "src" / "dompool"
N1_MAC = "52:54:00:77:00:01"
AGENT_PORT = 8444

GUEST = """name = "%s"
type = "pvh"
kernel = "vmlinuz"
ramdisk = "initrd"
memory = 64
vif = [ "bridge=xenbr0" ]
"""


def guest_files(server):
    for name in ("vmlinuz", "initrd"):
        (server.guests / name).write_bytes(os.urandom(1000))
        (server.guests / name).chmod(0o644)


def connect_agent(server, mac=N1_MAC, **kwargs):
    """A fake agent of the host with this MAC, welcome and ready."""
    kwargs.setdefault("netns", server.lan.name)
    agent = FakeAgent(netns.SERVER, AGENT_PORT, token=boot_token(server.state, mac), **kwargs)
    agent.start()
    agent.wait_welcome()
    wait_for(lambda: server.get(f"/v1/hosts/{agent.host}")["state"] == "ready")
    return agent


def dompool(server, *argv, inside=None, env=None, **kwargs):
    """Runs the command line on the server's socket; `inside`: in this namespace instead, without a server given."""
    argv = [str(DOMPOOL), *map(str, argv)]
    if inside:
        argv = inside.argv(*argv)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DOMPOOL_")}
    environment["TZ"] = "UTC"
    if not inside:
        environment["DOMPOOL_SERVER"] = f"unix:{server.socket}"
    environment.update(env or {})
    kwargs.setdefault("timeout", 60)
    return subprocess.run(argv, capture_output=True, text=True, env=environment, **kwargs)


def guest_config(folder, name="web1", text=GUEST):
    path = pathlib.Path(folder) / f"{name}.cfg"
    path.write_text(text % name if "%s" in text else text)
    return path
