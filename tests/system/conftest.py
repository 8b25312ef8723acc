# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the system tests. They build nothing: the programs are those of $BUILD_DIR (default: build/ of the source tree).

    lan      a boot LAN out of network namespaces; lan.client(mac, address) adds a machine
    store    a fake image store is in server.store: image "micro" and loaders of tiny files
    server   a configured dompoold, not started: server.configure(...) where the default does not do, then server.start()
    running  the same, started, with host n1 (pool, fixed address) and n2 (local)
    shared   the same as running, for all tests of a file that leave it as it was
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))

import pytest  # noqa: E402

import fake_store  # noqa: E402
import netns  # noqa: E402
import server as server_module  # noqa: E402

N1 = {"name": "n1", "mac": "52:54:00:77:00:01", "address": "10.77.0.11", "profile": "pool"}
N2 = {"name": "n2", "mac": "52:54:00:77:00:02"}


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="network namespaces and dompoold need root"))


@pytest.fixture
def lan():
    lan = netns.Lan()
    yield lan
    lan.close()


@pytest.fixture
def server(lan, tmp_path):
    s = server_module.Server(lan, tmp_path)
    s.configure([N1, N2])
    yield s
    try:
        s.stop()
    finally:
        s.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A running server for the tests of a file that leave it as it was; `image` is its image, and `lan` has no client yet."""
    lan = netns.Lan()
    s = server_module.Server(lan, tmp_path_factory.mktemp("shared"))
    try:
        s.configure([N1, N2])
        fake_store.make_loaders(s.store)
        s.image = fake_store.make_image(s.store)
        yield s.start()
        s.stop()
    finally:
        s.kill()
        lan.close()


@pytest.fixture
def store(server):
    """The id of the image."""
    fake_store.make_loaders(server.store)
    return fake_store.make_image(server.store)


@pytest.fixture
def running(server, store):
    return server.start()
