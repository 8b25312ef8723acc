# SPDX-License-Identifier: Apache-2.0
"""
Runs a command with what a systemd unit leaves to it, on machines without systemd as the first process: capabilities, namespaces, system calls,
no new privileges, private devices. Not its view of the file system.

    /usr/bin/python3 unit_limits.py packaging/dompoold.service COMMAND [WORD...]
"""

import ctypes
import errno
import os
import re
import subprocess
import sys

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
LAST_CAP = 40
NAMESPACES = {"mnt": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000, "pid": 0x20000000, "net": 0x40000000}
SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, SCMP_CMP_MASKED_EQ = 0x7FFF0000, 0x00050000, 7


class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def settings(unit):
    """The [Service] section: name -> value; of a name that stands there twice, both in one."""
    with open(unit, encoding="utf-8") as f:
        lines = re.findall(r"^(\w+)=(.*)$", f.read().partition("[Service]")[2], re.M)
    return {name: " ".join(v for n, v in lines if n == name) for name, _ in lines}


def capability_numbers():
    with open("/usr/include/linux/capability.h", encoding="utf-8") as f:
        return {name: int(n) for name, n in re.findall(r"^#define (CAP_\w+)\s+(\d+)$", f.read(), re.M)}


def drop_capabilities(service):
    numbers = capability_numbers()
    keep = {numbers[name] for name in service["CapabilityBoundingSet"].split()}
    if service.get("PrivateDevices") == "yes":
        keep -= {numbers["CAP_MKNOD"], numbers["CAP_SYS_RAWIO"]}
    libc = ctypes.CDLL(None, use_errno=True)
    for cap in set(range(LAST_CAP + 1)) - keep:
        assert libc.prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())
    assert service["NoNewPrivileges"] == "yes" and libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0


def denied_calls(service):
    """The names behind "~" of SystemCallFilter, groups resolved."""
    names, todo = set(), service["SystemCallFilter"].lstrip("~").split()
    while todo:
        name = todo.pop()
        if not name.startswith("@"):
            names.add(name)
            continue
        text = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True, stdout=subprocess.PIPE, text=True).stdout
        todo += [line.strip() for line in text.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return names


def filter_calls(service):
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    ctx = ctypes.c_void_p(lib.seccomp_init(SCMP_ACT_ALLOW))

    def deny(name, error, *compare):
        number = lib.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            assert lib.seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO | error, number, len(compare), (Compare * 1)(*compare)) == 0

    for name in denied_calls(service) | ({"sethostname", "setdomainname"} if service.get("ProtectHostname") == "yes" else set()):
        deny(name, errno.EPERM)
    allowed = service["RestrictNamespaces"].split()
    for name, flag in NAMESPACES.items():
        if name not in allowed:
            for call in ("unshare", "clone"):
                deny(call, errno.EPERM, Compare(0, SCMP_CMP_MASKED_EQ, flag, flag))
    deny("clone3", errno.ENOSYS)
    assert lib.seccomp_load(ctx) == 0


def main():
    service, command = settings(sys.argv[1]), sys.argv[2:]
    drop_capabilities(service)
    filter_calls(service)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
