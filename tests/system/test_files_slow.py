# SPDX-License-Identifier: Apache-2.0
"""Slow HTTP clients by the thousand, in the default configuration: honest requests are served meanwhile, the slow ones are cut.

The slow ones are bench/slowhttp, the honest one is bench/httpprobe, each from addresses of its own.
"""
import json
import os
import signal
import subprocess

import pytest

import netns
from netns import SERVER
from server import BUILD

HONEST = "10.77.0.11"
SLOW = "10.77.0.20"  # and the addresses behind it
CUT_SECONDS = 20
LARGE = 64 << 20


@pytest.fixture
def serving(running):
    """A running server with a large file, and on its LAN a machine with one honest and 50 slow addresses."""
    running.wait_log(r"^files: policy generation=", start=0)
    with open(running.store / "loaders" / "large", "wb") as f:
        f.truncate(LARGE)
    running.host = running.lan.client(address=HONEST)
    for i in range(50):
        netns.ip("-n", running.host.name, "addr", "add", f"10.77.0.{20 + i}/24", "dev", "eth0")
    return running


def start_slow(server, **options):
    """The process, once all its clients have connected."""
    words = [f"{k}={v}" for k, v in {"server": SERVER, "from": SLOW, "path": "/large", **options}.items()]
    process = server.host.popen(BUILD / "bench" / "slowhttp", *words, stdout=subprocess.PIPE, text=True)
    assert json.loads(process.stdout.readline())["connected"] >= options["n"]
    return process


def result(process):
    out = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    return json.loads(out)


def probe(server, seconds, rate=50):
    words = [f"server={SERVER}", f"from={HONEST}", "path=/pxelinux.0", f"seconds={seconds}", f"rate={rate}"]
    return json.loads(server.host.run(BUILD / "bench" / "httpprobe", *words, timeout=seconds + 60).stdout)


def test_thousands_of_slow_clients_hurt_no_honest_one_and_are_cut(serving):
    """Half a request line, half a report, an answer that is not read, nothing at all: 3,000 connections from one address."""
    slow = start_slow(serving, n=3000, kind="mixed", every=2, seconds=CUT_SECONDS)
    honest = probe(serving, CUT_SECONDS - 3)
    slow = result(slow)
    assert honest["bad"] == 0 and honest["good"] > 300
    assert honest["max_ms"] < 1000
    assert slow["refused"] == 0
    assert slow["cut"] == 3000 and slow["open"] == 0
    assert slow["cut_max_s"] < CUT_SECONDS


@pytest.mark.parametrize("sources", [1, 50])
def test_more_idle_connections_than_there_is_room_for_keep_nobody_out(serving, sources):
    """They come back as soon as they are cut; whoever asks for something is served all the same."""
    slow = start_slow(serving, n=18000, kind="idle", sources=sources, again=1, seconds=60)
    honest = probe(serving, 4)
    os.kill(serving.host.pids()[0], signal.SIGTERM)
    slow = result(slow)
    assert honest["bad"] == 0 and honest["good"] > 50
    assert honest["max_ms"] < 3000
    assert slow["cut"] > 1000


def test_slow_download_is_cut_but_one_that_pauses_is_not(serving):
    """A client that takes a byte a second is slow; one that reads, rests for some seconds and reads on is not."""
    pausing = ("import socket,time\n"
               f"c=socket.create_connection(('{SERVER}',8080)); c.send(b'GET /large HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')\n"
               "n=0\n"
               "for part in range(4):\n end=n+(10<<20)\n while n<end: n+=len(c.recv(1<<20))\n time.sleep(4)\n"
               "while d:=c.recv(1<<20): n+=len(d)\nprint(n)\n")
    rests = serving.host.popen("/usr/bin/python3", "-c", pausing, stdout=subprocess.PIPE, text=True)
    slow = result(start_slow(serving, n=20, kind="read", every=1, seconds=CUT_SECONDS))
    assert slow["cut"] == 20 and slow["cut_max_s"] < CUT_SECONDS
    assert int(rests.communicate(timeout=60)[0]) > LARGE


def test_many_honest_clients_behind_one_address_are_served(serving):
    """A room behind a NAT: hundreds of connections of one address, each in use."""
    fetch = ("import socket\n"
             f"cs=[socket.create_connection(('{SERVER}',8080)) for i in range(800)]\n"
             "for c in cs: c.send(b'GET /pxelinux.0 HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')\n"
             "good=0\n"
             "for c in cs:\n data=b''\n while d:=c.recv(65536): data+=d\n good+=data.startswith(b'HTTP/1.1 200')\nprint(good)\n")
    assert int(serving.host.run("/usr/bin/python3", "-c", fetch).stdout) == 800
