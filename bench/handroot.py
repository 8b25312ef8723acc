# SPDX-License-Identifier: Apache-2.0
"""
A pool made by hand: dnsmasq, PXELINUX, and a Debian whose root is one read-only tree on an NFS server, by mmdebstrap: the packages of dompool's
recipe `debian` without those that only dompool needs, Debian's kernel with its initramfs-tools initrd, Xen's daemons by Debian's own init script,
systemd with its default target, sshd (bench/hand/nfsroot, from which the tree is made); NFS 3 by nfs-ganesha, the server that dompool starts as well
(bench/hand/nfsserver). No bridge is built, which would take the address from under the root.

The newest tree is kept in BENCH_CACHE (/var/cache/dompool/bench) by a hash of what it is made from.
"""

import glob
import hashlib
import os
import shutil
import subprocess

from boot import NETNS, HandMade, sh

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get("BENCH_CACHE", "/var/cache/dompool/bench")
TREE = HERE + "/hand/nfsroot/"
SERVER = HERE + "/hand/nfsserver/"
BOOT_FILES = {"xen-*-amd64.gz": "xen.gz", "vmlinuz-*": "vmlinuz", "initrd.img-*": "initrd.img"}


def text_of(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def recipe_hash():
    h = hashlib.sha256()
    for name in sorted(os.listdir(TREE)):
        h.update(f"{name}\n{text_of(TREE + name)}\n".encode())
    return h.hexdigest()[:16]


def make_tree():
    """The Debian's folder, from the cache or made, which takes minutes."""
    tree = os.path.join(CACHE, "nfsroot-" + recipe_hash())
    if os.path.isdir(tree):
        return tree
    print("the Debian by hand is made, minutes the first time", flush=True)
    for old in glob.glob(CACHE + "/nfsroot-*"):
        shutil.rmtree(old)
    fresh = tree + ".new"
    os.makedirs(CACHE, exist_ok=True)
    packages = [p for line in text_of(TREE + "packages").splitlines() for p in line.split("#")[0].split()]
    sources = [s for s in ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list") if os.path.exists(s)][:1]
    # initramfs.conf is there before the packages whose scripts make the initrd.
    subprocess.run(["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory", '--aptopt=APT::Install-Recommends "false"',
                    "--include=" + ",".join(packages),
                    f'--essential-hook=install -D -m 644 {TREE}initramfs.conf "$1/etc/initramfs-tools/conf.d/nfsroot"',
                    f"--customize-hook={TREE}finish", "bookworm", fresh, *sources], check=True, stdin=subprocess.DEVNULL)
    os.rename(fresh, tree)
    return tree


def fill_tftp(tree, tftp):
    os.makedirs(tftp + "/pxelinux.cfg")
    shutil.copy2("/usr/lib/PXELINUX/pxelinux.0", tftp)
    for name in ["ldlinux.c32", "mboot.c32", "libcom32.c32"]:
        shutil.copy2("/usr/lib/syslinux/modules/bios/" + name, tftp)
    for pattern, name in BOOT_FILES.items():
        (path,) = glob.glob(f"{tree}/boot/{pattern}")
        shutil.copy2(path, f"{tftp}/{name}")
    fill_in("menu", tree, tftp + "/pxelinux.cfg/default")
    sh("chmod", "-R", "a+rX", tftp)


def fill_in(name, tree, path):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text_of(SERVER + name).replace("@ROOT@", tree))


class HandRoot(HandMade):
    """The network of bench/boot's hand-made host with an NFS server in it."""

    def __init__(self, folder, argv):
        self.tree, tftp = make_tree(), folder + "/tftp"
        fill_tftp(self.tree, tftp)
        os.chmod(folder, 0o755)
        super().__init__(folder, argv, tftp)
        fill_in("ganesha.conf", self.tree, folder + "/ganesha.conf")
        # rpcbind's and ganesha's sockets and pid files are in /run: one of their own
        script = ("mount -t tmpfs none /run && mkdir -p /run/ganesha /run/rpcbind && { rpcbind -f & } && sleep 1 && "
                  f"exec ganesha.nfsd -F -L {folder}/ganesha.log -p {folder}/ganesha.pid -f {folder}/ganesha.conf")
        self.nfs = subprocess.Popen(["ip", "netns", "exec", NETNS, "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def sizes(self):
        """Bytes of the tree's files, and of what goes by TFTP."""
        tftp = sum(os.path.getsize(p) for p in glob.glob(self.folder + "/tftp/*") if os.path.isfile(p))
        return int(sh("du", "-sb", self.tree).split()[0]), tftp

    def close(self):
        self.nfs.kill()
        self.nfs.wait()
        super().close()
