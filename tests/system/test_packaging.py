# SPDX-License-Identifier: Apache-2.0
"""What the packaged unit forbids is nothing that dompoold needs: the server's builds and root servers run below it as they do in tests."""

import re
import shutil
import subprocess
import sys

import pytest

import unit_limits
from server import BUILD, TOP

UNIT = TOP / "packaging/dompoold.service"

# As mmdebstrap and the builder's hooks do it (src/image/image_system.c)
INSTALL = """
set -e
unshare --mount --pid --fork --kill-child --net --ipc --uts sh -ec '
        mount --make-rprivate /
        mount -t proc proc "$0/proc"
        mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$0/sys"
        mount --bind /dev/null "$0/dev/null"
        chroot "$0" /bin/busybox test -e /proc/self' "$0"
cp /bin/true "$0/set-group"
chown root:8 "$0/set-group"
chmod 2755 "$0/set-group"
"""


@pytest.fixture(name="tree")
def fixture_tree(tmp_path):
    for folder in ("proc", "sys", "dev", "bin"):
        (tmp_path / folder).mkdir()
    (tmp_path / "dev/null").touch()
    shutil.copy("/bin/busybox", tmp_path / "bin/busybox")
    return tmp_path


def run_below(unit, *argv):
    return subprocess.run([sys.executable, unit_limits.__file__, unit, *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)


def test_a_whole_debian_can_be_installed_below_the_unit(tree):
    r = run_below(UNIT, "sh", "-c", INSTALL, tree)
    assert r.returncode == 0, r.stderr
    assert (tree / "set-group").stat().st_mode & 0o7777 == 0o2755


@pytest.mark.parametrize("without", ["CAP_SYS_CHROOT", "CAP_FSETID", "mnt", "net", "ipc", "uts"])
def test_each_right_for_that_is_needed(tree, tmp_path, without):
    closed = tmp_path / "closed.service"
    closed.write_text(re.sub(rf"(?m)^((?:CapabilityBoundingSet|RestrictNamespaces)=.*)\b{without}\b", r"\1", UNIT.read_text()))
    r = run_below(closed, "sh", "-c", INSTALL, tree)
    assert r.returncode != 0 or (tree / "set-group").stat().st_mode & 0o2000 == 0


def test_each_root_server_has_its_capabilities_below_the_unit():
    needed = set(re.findall(r"BIT\((CAP_\w+)\)", (TOP / "src/export/export_process.c").read_text()))
    assert "CAP_DAC_READ_SEARCH" in needed
    assert needed <= set(unit_limits.settings(UNIT)["CapabilityBoundingSet"].split())


@pytest.mark.parametrize("made, says", [("/run/nothing", "first process is systemd"), ("/run/systemd/system", "no /run/dompool/root")])
def test_dompool_init_is_no_service_of_a_machine_that_it_has_not_booted(made, says):
    """It would put that machine's network card into a bridge."""
    script = 'mount -t tmpfs none /run && mkdir -p "$1" && exec "$0" --service'
    r = subprocess.run(["unshare", "--mount", "--net", "sh", "-c", script, BUILD / "src/dompool-init", made], capture_output=True, text=True,
                       timeout=30)
    assert r.returncode == 2 and says in r.stderr
