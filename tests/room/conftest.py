# SPDX-License-Identifier: Apache-2.0
"""
One room for all room tests: booting hosts is what costs. The tests of test_room.py run in the order of the file; a room test needs
root and QEMU, not KVM.
"""

import os

import pytest

from room import Room

# Boots of every loader and network card take five minutes more, a first build of the image debian ten, the search for the least memory fifteen:
# `make soak` has them.
collect_ignore = [] if os.environ.get("DOMPOOL_SOAK") else ["test_loaders.py", "test_room_debian.py", "test_memory.py"]


@pytest.fixture(scope="session")
def build_dir():
    path = os.environ.get("BUILD_DIR")
    assert path, "BUILD_DIR is not set: the build folder with src/dompool in it"
    return os.path.abspath(path)


@pytest.fixture(scope="session")
def room(build_dir):
    """n1 by BIOS and PXELINUX, n2 by UEFI and iPXE; both ready. A shell is on their serial consoles."""
    r = Room(build_dir, "bios,uefi", "dompool.shell=1", loader="pxelinux,best")
    r.up()
    r.wire = {h: r.tap_counters(h) for h in ("n1", "n2")}
    yield r
    r.down()


def pytest_collection_modifyitems(items):
    """All that use the one room, its end, and then those with a room of their own."""
    own = {"test_room_proxy", "test_room_import", "test_room_roots", "test_room_roots_uefi", "test_room_fallback", "test_room_debian",
           "test_room_satellite", "test_room_guest_net", "test_room_nfs_dirs", "test_memory"}
    items.sort(key=lambda item: 2 if item.module.__name__ in own else item.name == "test_down_leaves_nothing")
