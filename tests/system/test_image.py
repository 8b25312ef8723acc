# SPDX-License-Identifier: Apache-2.0
"""The image builder with real packages, and dompool-init on real Xen with somebody else's DHCP server (dnsmasq)."""
import ctypes
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", SOURCE / "build"))
TOOL = BUILD / "tests/unit/image/image_tool"
WIRE_LIMIT = 32 << 20
CLONE_NEWNET = 0x40000000

SMALL = {
    "recipe.conf": "kind = guest\npackages = { busybox-static }\ncompression = zstd\nlevel = 3\n",
    "files": "own init /init 0755\npackage /bin/busybox\nlink /bin/sh busybox\ndir /tmp 1777\n",
    "modules": "xen-netfront boot\ne1000\n",
    "init": "#!/bin/sh\n",
}


def make_recipe(folder, **changed):
    folder.mkdir()
    for name, text in {**SMALL, **changed}.items():
        (folder / name).write_text(text)
    return folder


def build(recipe, store, env=None, check=True):
    """Returns (image, lines of progress), or what went to standard error when it must fail."""
    r = subprocess.run([TOOL, "build", recipe, store, BUILD / "src"], capture_output=True, text=True, env=env)
    if not check:
        assert r.returncode != 0, r.stdout
        return r.stderr
    assert r.returncode == 0, r.stderr
    lines = r.stdout.splitlines()
    return json.loads(lines[-1]), lines[:-1]


def archive_list(version, tmp_path):
    """Unpacks an initrd with zstd and cpio; returns the folder."""
    out = tmp_path / "unpacked"
    out.mkdir()
    subprocess.run(f"zstd -dcq {version}/initrd | cpio -idm --quiet", shell=True, check=True, cwd=out)
    return out


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    recipe = make_recipe(folder / "small")
    image, lines = build(recipe, folder / "store")
    return folder, recipe, image, lines


@pytest.fixture(scope="module")
def micro():
    """Kept between runs: built anew only when something changed."""
    store = BUILD / "test-images"
    subprocess.run([TOOL, "loaders", store], check=True)
    image, _ = build(SOURCE / "images/micro", store)
    return store, image


def test_the_same_input_in_another_store_gives_the_same_bytes(built):
    folder, recipe, image, _ = built
    again, _ = build(recipe, folder / "other")
    assert again["id"] == image["id"]
    assert again["files"] == image["files"]


def test_nothing_is_done_when_nothing_changed(built):
    folder, recipe, image, _ = built
    before = time.monotonic()
    again, lines = build(recipe, folder / "store")
    assert again == image
    assert not [line for line in lines if line.startswith(("unpack", "compress"))]
    assert time.monotonic() - before < 20  # under 2 s on an idle machine; apt alone takes one of them


def test_a_change_in_the_recipe_makes_a_new_version(built, tmp_path):
    folder, _, image, _ = built
    recipe = make_recipe(tmp_path / "small", init="#!/bin/sh\necho other\n")
    store = tmp_path / "store"
    shutil.copytree(folder / "store", store, symlinks=True)
    changed, _ = build(recipe, store)
    assert changed["id"] != image["id"]
    tag = json.loads((store / "guests/tags/small.json").read_text())
    assert tag == {"current": changed["id"], "previous": image["id"]}
    assert os.readlink(store / "guests/small") == "versions/" + changed["id"]


def test_a_killed_build_leaves_nothing_and_the_next_one_cleans_up(built, tmp_path):
    _, recipe, image, _ = built
    store = tmp_path / "store"
    p = subprocess.Popen([TOOL, "build", recipe, store, BUILD / "src"], stdout=subprocess.PIPE, text=True, start_new_session=True)
    for line in p.stdout:
        if line.startswith("modules"):
            break
    os.kill(p.pid, signal.SIGKILL)
    p.wait()
    assert not (store / "guests/versions").exists() and not (store / "guests/tags").exists()
    assert list((store / "guests/tmp").iterdir())
    again, _ = build(recipe, store)
    assert again["id"] == image["id"]
    assert not list((store / "guests/tmp").iterdir())


def test_an_image_over_its_limit_is_refused_with_its_biggest_part(tmp_path):
    recipe = make_recipe(tmp_path / "small", **{"recipe.conf": SMALL["recipe.conf"] + "limit = 1M\n"})
    message = build(recipe, tmp_path / "store", check=False)
    assert "limit of 1048576" in message and "busybox" in message
    assert not (tmp_path / "store/guests/versions").exists()


@pytest.mark.parametrize("changed,says", [
    ({"files": "dir /x\ncopy /a /b\n"}, "small/files:2: "),
    ({"files": "package /bin/nothing\n"}, "small/files:1: "),
    ({"modules": "no_such_module boot\n"}, "small/modules:1: "),
    ({"recipe.conf": "kind = guest\nsize = 3\n"}, "small/recipe.conf:2: "),
    ({"recipe.conf": "kind = guest\npackages = { no-such-package-at-all }\n"}, "small/recipe.conf:2: package no-such-package-at-all"),
    ({"files": "key\n"}, "small/files:1: 'key' takes"),
    ({"files": "library libnothing.so.9\n"}, "libnothing.so.9"),
    ({"modules": "e1000\ndrivers/net/nothing/\n"}, "small/modules:2: "),
    ({"recipe.conf": "kind = guest\nbase = nothing\n"}, "nothing/recipe.conf"),
])
def test_an_error_names_its_place(tmp_path, changed, says):
    assert says in build(make_recipe(tmp_path / "small", **changed), tmp_path / "store", check=False)


def test_a_missing_package_of_a_whole_debian_is_found_before_it_is_installed(tmp_path):
    shutil.copytree(SOURCE / "images/stage", tmp_path / "stage")
    conf = "kind = host\nstage = stage\nhypervisor = /boot/xen.gz\nsystem = {\n  less,\n  no-such-package-at-all\n}\n"
    recipe = make_recipe(tmp_path / "small", **{"recipe.conf": conf})
    assert "small/recipe.conf:6: package no-such-package-at-all" in build(recipe, tmp_path / "store", check=False)
    assert not (tmp_path / "store/bases").exists()


def test_a_recipe_adds_to_its_base_and_what_it_says_again_counts(built, tmp_path):
    make_recipe(tmp_path / "small")
    more = tmp_path / "more"
    more.mkdir()
    (more / "recipe.conf").write_text("base = small\npackages += { xenstore-utils }\nkernel_args = quiet\n")
    (more / "files").write_text("own init /init 0700\npackage /usr/bin/xenstore\n")
    (more / "modules").write_text("8139too\n")
    (more / "init").write_text("#!/bin/sh\necho more\n")
    image, _ = build(more, tmp_path / "store")
    assert image["kernel_args"] == "quiet"
    root = archive_list(tmp_path / "store/guests/versions" / image["id"], tmp_path)
    assert (root / "init").read_text().endswith("echo more\n") and (root / "init").stat().st_mode & 0o777 == 0o700
    assert (root / "bin/busybox").exists() and (root / "usr/bin/xenstore").exists()
    assert {p.name for p in root.rglob("*.ko")} >= {"xen-netfront.ko", "e1000.ko", "8139too.ko"}
    (tmp_path / "small/init").write_text("#!/bin/sh\necho changed\n")  # of the base, and not taken: but who knows
    again, lines = build(more, tmp_path / "store")
    assert again["id"] == image["id"] and [line for line in lines if line.startswith("unpack")]


def test_a_full_disk_is_said_and_leaves_nothing_half_made(tmp_path):
    small = tmp_path / "disk"
    small.mkdir()
    recipe = make_recipe(tmp_path / "small")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3M", "tmpfs", small], check=True)
    try:
        message = build(recipe, small / "store", check=False)
        assert "No space left on device" in message, message
        guests = small / "store/guests"
        assert not (guests / "versions").exists() and not (guests / "tags").exists()
        subprocess.run(["mount", "-o", "remount,size=1G", small], check=True)
        build(recipe, small / "store")
        assert not list((guests / "tmp").iterdir())
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_missing_tool_is_named_with_its_package(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("apt-get", "apt-cache", "dpkg-deb", "dpkg", "tar", "xz", "rm", "sh"):
        found = shutil.which(name)
        if found:
            (tools / name).symlink_to(found)
    recipe = make_recipe(tmp_path / "small")
    message = build(recipe, tmp_path / "store", env={**os.environ, "PATH": str(tools)}, check=False)
    assert "depmod is not installed: apt-get install kmod" in message


# Debian has this package for arm64 only; who wants to serve arm64 hosts installs it from there.
ARM64 = os.path.exists("/usr/lib/grub/arm64-efi/xen_boot.mod")


def test_a_loader_of_the_administrator_stays_when_the_others_are_made_anew(tmp_path):
    (tmp_path / "loaders.local").mkdir()
    subprocess.run([TOOL, "loaders", tmp_path], check=True)
    (tmp_path / "loaders.local/pxegrub").write_bytes(b"mine")
    subprocess.run([TOOL, "loaders", tmp_path], check=True)
    assert (tmp_path / "loaders/pxegrub").read_bytes() == b"mine"
    (tmp_path / "loaders/modules").write_text("another list")
    subprocess.run([TOOL, "loaders", tmp_path], check=True)
    assert (tmp_path / "loaders/pxegrub").read_bytes() == b"mine"
    assert (tmp_path / "loaders/modules").read_text() != "another list"


def test_loaders_are_made_once(tmp_path):
    for _ in range(2):
        subprocess.run([TOOL, "loaders", tmp_path], check=True)
        names = {str(p.relative_to(tmp_path / "loaders")): p.stat().st_mtime_ns for p in (tmp_path / "loaders").rglob("*")
                 if p.is_file()}
        assert set(names) == {"pxelinux.0", "lpxelinux.0", "ldlinux.c32", "libcom32.c32", "libutil.c32", "mboot.c32", "menu.c32",
                              "pxechn.c32", "undionly.kpxe", "ipxe.pxe", "snponly.efi", "ipxe.efi", "grub/x86_64-efi/core.efi",
                              "grub-pc/core.0", "modules"} | ({"grub-arm64/core.efi"} if ARM64 else set())
        first = names if _ == 0 else first
        assert names == first
    assert (tmp_path / "loaders/grub/x86_64-efi/core.efi").read_bytes()[:2] == b"MZ"


def test_a_build_says_its_size_and_its_ten_biggest_parts(built):
    sizes = [line for line in built[3] if line.startswith("size")]
    assert "MiB on the wire" in sizes[0] and len(sizes) == 11
    assert "/bin/busybox" in sizes[1]


def test_micro_is_within_32_mib(micro):
    store, image = micro
    loader = (store / "loaders/grub/x86_64-efi/core.efi").stat().st_size
    sizes = {f["name"]: f["size"] for f in image["files"]}
    assert set(sizes) == {"xen.gz", "xen", "xen.efi", "vmlinuz", "initrd", "initrd-root", "root.squashfs", "contents"}
    for xen in ("xen.gz", "xen", "xen.efi"):  # one of them
        assert sizes[xen] + sizes["vmlinuz"] + sizes["initrd"] + loader <= WIRE_LIMIT


@pytest.fixture(scope="module")
def kernel_modules(micro):
    """Paths of all modules below the kernel package's /lib/modules/VERSION/kernel, from the package itself."""
    _, image = micro
    deb, = pathlib.Path("/var/cache/dompool/packages").glob(f"linux-image-{image['kernel_version']}_*.deb")
    names = subprocess.run(f"dpkg-deb --fsys-tarfile {deb} | tar t", shell=True, check=True, capture_output=True, text=True).stdout.split()
    return {n.partition("/kernel/")[2] for n in names if "/kernel/" in n and ".ko" in n}


@pytest.mark.parametrize("initrd", ["initrd", "initrd-root"])
def test_every_ethernet_driver_of_the_kernel_is_there_with_all_that_it_needs(micro, kernel_modules, tmp_path, initrd):
    store, image = micro
    subprocess.run(f"zstd -dcq {store}/versions/{image['id']}/{initrd} | cpio -idm --quiet", shell=True, check=True, cwd=tmp_path)
    folder = next((tmp_path / "lib/modules").iterdir())
    there = {str(p.relative_to(folder / "kernel")): p for p in folder.rglob("*.ko*")}
    drivers = {n for n in kernel_modules if n.startswith(("drivers/net/ethernet/", "drivers/net/phy/"))}
    drivers |= {f"drivers/{n}.ko" for n in ("net/virtio_net", "virtio/virtio_pci", "net/vmxnet3/vmxnet3")}
    assert len(drivers) > 150
    assert not drivers - set(there)
    names = {p.name.split(".")[0].replace("-", "_") for p in there.values()}
    names |= {line.rpartition("/")[2].split(".")[0].replace("-", "_") for line in (folder / "modules.builtin").read_text().split()}
    needs = subprocess.run(["modinfo", "-F", "depends", *there.values()], check=True, capture_output=True, text=True).stdout
    lacking = {n for n in needs.replace(",", " ").replace("-", "_").split() if n not in names}
    assert not lacking
    dep = (folder / "modules.dep").read_text()
    assert all(f"kernel/{n}:" in dep for n in drivers)


def test_micro_and_micro_hvm_are_the_same_bytes_when_they_are_built_again(tmp_path):
    """With little compression, which is what takes the time."""
    for name in ("micro", "micro-hvm", "stage"):
        shutil.copytree(SOURCE / "images" / name, tmp_path / name)
        conf = tmp_path / name / "recipe.conf"
        conf.write_text(re.sub(r"(?m)^(limit|level) = .*$", "level = 1", conf.read_text()))
    hashes = []
    for store in ("one", "two"):
        image, _ = build(tmp_path / "micro-hvm", tmp_path / store)
        # The rooms' keys differ, and they are in initrd-root.
        hashes.append({f["name"]: f["sha256"] for f in image["files"] if f["name"] != "initrd-root"})
    assert hashes[0] == hashes[1] and {"initrd", "root.squashfs", "contents"} <= set(hashes[0])
    names = subprocess.run(["unsquashfs", "-l", next((tmp_path / "one/versions").iterdir()) / "root.squashfs"], check=True,
                           capture_output=True, text=True).stdout
    for wanted in ("/usr/libexec/xen-qemu-system-i386", "/usr/lib/xen-4.17/boot/hvmloader", "/usr/lib/dompool/dompool-hv",
                   "/lib/x86_64-linux-gnu/libspice-server.so.1", "/net/ethernet/intel/e1000e/e1000e.ko"):
        assert wanted in names, wanted


def test_xen_is_there_for_loaders_that_unpack_nothing(micro):
    store, image = micro
    version = store / "versions" / image["id"]
    assert (version / "xen").read_bytes() == subprocess.run(["gzip", "-dc", version / "xen.gz"], check=True, capture_output=True).stdout
    assert (version / "xen.efi").read_bytes()[:2] == b"MZ"


def test_a_root_for_the_network_is_the_same_tree_as_the_initrd(micro, tmp_path):
    """mksquashfs's own reader and cpio agree on names, modes and contents; and the squashfs is whole blocks."""
    store, image = micro
    version = store / "versions" / image["id"]
    names = {f["name"] for f in image["files"]}
    assert {"initrd", "initrd-root", "root.squashfs"} <= names and "root" not in names
    assert (version / "root.squashfs").stat().st_size % 4096 == 0
    (tmp_path / "initrd").mkdir()
    subprocess.run(f"zstd -dc {version}/initrd | cpio -id --quiet", shell=True, cwd=tmp_path / "initrd", check=True)
    subprocess.run(["unsquashfs", "-q", "-n", "-d", tmp_path / "squashfs", version / "root.squashfs"], check=True, stdout=subprocess.DEVNULL)
    for tree in (tmp_path / "squashfs", version / "root"):
        subprocess.run(["diff", "-r", "--no-dereference", tmp_path / "initrd", tree], check=True)
        modes = [subprocess.run("find . -printf '%P %m %l\\n' | sort", shell=True, cwd=d, check=True, capture_output=True).stdout.split(b"\n", 1)[1]
                 for d in (tmp_path / "initrd", tree)]
        assert modes[0] == modes[1]
    assert os.readlink(version / "root/sbin/init") == "/init"


def test_the_stage_has_the_transports_modules_and_clients(micro, tmp_path):
    store, image = micro
    listing = subprocess.run(f"zstd -dc {store}/versions/{image['id']}/initrd-root | cpio -t --quiet", shell=True, check=True,
                             capture_output=True, text=True).stdout
    for wanted in ("init", "sbin/iscsid", "sbin/iscsiadm", "/nfsv3.ko", "/nfsv4.ko", "/nbd.ko", "/iscsi_tcp.ko", "/iscsi_ibft.ko", "/sd_mod.ko", "/aoe.ko", "/overlay.ko",
                   "/squashfs.ko", "/loop.ko", "/bridge.ko", "/8021q.ko", "/virtio_net.ko", "/e1000e.ko"):
        assert any(line == wanted or line.endswith(wanted) for line in listing.splitlines()), wanted


def test_micro_has_all_that_its_programs_need(micro, tmp_path):
    store, image = micro
    root = archive_list(store / "versions" / image["id"], tmp_path)
    assert os.access(root / "init", os.X_OK)
    libraries = {p.name for p in (root / "lib/x86_64-linux-gnu").iterdir()}
    assert "libgcc_s.so.1" in libraries
    for path in root.rglob("*"):
        if path.is_symlink() or not path.is_file() or path.suffix == ".ko" or path.read_bytes()[:4] != b"\x7fELF":
            continue
        text = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", text):
            assert name in libraries or name.startswith("ld-linux"), f"{path} needs {name}"
    modules = next((root / "lib/modules").iterdir())
    assert not list(modules.rglob("nfs*.ko"))  # micro-nfs has them: with them dom0 does not start with 256 MiB
    for line in (root / "etc/dompool/modules").read_text().splitlines():
        phase, path = line.split()
        assert phase in ("boot", "late") and (modules / path).is_file()


class Reports(http.server.BaseHTTPRequestHandler):
    """Stands for role files: keeps each report."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.reports.append((self.path, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


def in_netns(name, function):
    """Calls function in a thread of its own that has entered the namespace."""
    result = []

    def run():
        with open(f"/run/netns/{name}") as ns:
            if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        result.append(function())

    t = threading.Thread(target=run)
    t.start()
    t.join()
    return result[0]


@pytest.fixture
def lan_with_dnsmasq(tmp_path):
    """A namespace with a bridge, a tap and dnsmasq with leases of two minutes; no ping before an offer."""
    name = f"dompool-image-{os.getpid()}"
    run = lambda *args: subprocess.run(args, check=True)  # noqa: E731
    run("ip", "netns", "add", name)
    ip = ("ip", "-n", name)
    run(*ip, "link", "set", "lo", "up")
    run(*ip, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
    run(*ip, "addr", "add", "10.77.0.1/24", "dev", "br0")
    run(*ip, "link", "set", "br0", "up")
    run(*ip, "tuntap", "add", "tap0", "mode", "tap")
    run(*ip, "link", "set", "tap0", "master", "br0", "up")
    dnsmasq = subprocess.Popen(["ip", "netns", "exec", name, "dnsmasq", "-k", "-p0", "--bind-interfaces", "--interface=br0", "--no-ping",
                                "--dhcp-range=10.77.0.50,10.77.0.99,2m", f"--dhcp-leasefile={tmp_path}/leases", "--log-dhcp",
                                f"--log-facility={tmp_path}/dnsmasq.log", f"--pid-file={tmp_path}/dnsmasq.pid", "--user=root"])
    yield name
    dnsmasq.terminate()
    dnsmasq.wait()
    run("ip", "netns", "del", name)


def refuses(address):
    """The host answers, and nothing listens on it."""
    try:
        socket.create_connection((address, 22), timeout=20).close()
    except ConnectionRefusedError:
        return True
    return False


def wait_until(what, condition, seconds, console):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.5)
    pytest.fail(f"{what} did not happen in {seconds} s; console ends with:\n" + console.read_text(errors="replace")[-3000:])


def start_qemu(store, image, name, tmp_path, kernel_args):
    version = store / "versions" / image["id"]
    xen = tmp_path / "xen"
    xen.write_bytes(subprocess.run(["gzip", "-dc", version / "xen.gz"], check=True, capture_output=True).stdout)
    return subprocess.Popen([
        "ip", "netns", "exec", name, "qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64,+svm,+npt", "-m", "1200", "-nodefaults",
        "-display", "none", "-no-reboot", "-serial", f"file:{tmp_path}/console", "-monitor", f"unix:{tmp_path}/monitor,server,nowait",
        "-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no", "-device", "e1000,netdev=n0,mac=52:54:00:12:34:56,romfile=",
        "-kernel", xen, "-append", image["xen_args"] + " console=com1 com1=115200,8n1 loglvl=warning",
        "-initrd", f"{version}/vmlinuz console=hvc0 {image['kernel_args']} {kernel_args},{version}/initrd"])


def test_init_boots_on_xen_with_a_foreign_dhcp_server_reports_and_restarts_on_ctrl_alt_del(micro, lan_with_dnsmasq, tmp_path):
    store, image = micro
    server = in_netns(lan_with_dnsmasq, lambda: http.server.ThreadingHTTPServer(("10.77.0.1", 8080), Reports))
    server.reports = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    token = "v1.525400123456.1.2.ff"
    qemu = start_qemu(store, image, lan_with_dnsmasq, tmp_path,
                      f"dompool.server=10.77.0.1 dompool.http=8080 dompool.fp={'ab' * 32} dompool.token={token} dompool.host=n1 "
                      "dompool.mac=52:54:00:12:34:56")
    console = tmp_path / "console"
    try:
        wait_until("the agent's start", lambda: any(b["stage"] == "agent" for _, b in server.reports), 240, console)
        reports = {b["stage"]: b for path, b in server.reports if path == "/boot/report"}
        assert {"init", "network", "xen", "agent"} <= set(reports)
        assert all(b["token"] == token and not b["failed"] for b in reports.values())
        address = re.match(r"(10\.77\.0\.\d+)/24 on xenbr0", reports["network"]["text"]).group(1)
        assert address in (tmp_path / "leases").read_text()
        assert in_netns(lan_with_dnsmasq, lambda: refuses(address))
        text = console.read_text(errors="replace")
        assert "dompool-init: xen: Xen's daemons are up" in text
        # Renewed after half of its two minutes, by unicast, without a new DISCOVER.
        log = tmp_path / "dnsmasq.log"
        wait_until("the lease's renewal", lambda: log.read_text().count("DHCPACK(br0)") >= 2, 150, console)
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(f"{tmp_path}/monitor")
            monitor.sendall(b"sendkey ctrl-alt-delete\n")
            assert qemu.wait(timeout=120) == 0  # -no-reboot: QEMU ends where a machine would begin anew
        assert "dompool-init: restart: Interrupt" in console.read_text(errors="replace")
    finally:
        qemu.kill()
        qemu.wait()
        server.shutdown()
