# SPDX-License-Identifier: Apache-2.0
"""
What the agent costs a host: the proportional memory (PSS) of all its processes and their CPU time in an idle minute, read in dom0 through the
shell on its serial console. dom0's processor is emulated: the CPU time is given as it was there, and divided by how much slower the same busybox
runs a loop of shell arithmetic there than on this machine. The bar is for the latter. It errs upwards: system calls, of which an idle agent's
work mostly consists, are slowed down far more (about 200 times in a paravirtual dom0) than arithmetic.
"""

import os
import subprocess
import time

from room import Room

N = int(os.environ.get("BENCH_N", "3"))
OURS = "for p in /proc/[0-9]*; do case $(busybox readlink $p/exe) in *dompool-agent*|*dompool-hv*) %s;; esac; done"
PSS = OURS % "while read k v u; do if [ $k = Pss: ]; then echo pss $v; fi; done < $p/smaps_rollup"
# The first number of schedstat is the time on a CPU in nanoseconds.
CPU = OURS % "busybox cat $p/task/*/schedstat"
LOOP = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; read ns rest </proc/self/schedstat; echo took $ns"


def cpu_ns(room):
    status, out = room.shell("n1", CPU)
    assert status == 0
    return sum(int(line.split()[0]) for line in out.splitlines() if line.split()[0].isdigit())


def took(out):
    return next(int(line.split()[1]) for line in out.splitlines() if line.startswith("took "))


def slowdown(room):
    """How much more CPU time the loop takes in dom0; it forks nothing, so schedstat has all of it."""
    status, there = room.shell("n1", f"busybox sh -c '{LOOP}'", timeout=120)
    assert status == 0
    here = subprocess.run(["busybox", "sh", "-c", LOOP], check=True, stdout=subprocess.PIPE, text=True).stdout
    return took(there) / took(here)


def run(build, results):
    room = Room(build, "bios", "dompool.shell=1", name="bench")
    pss, cpu, factors = [], [], []
    try:
        room.up()
        time.sleep(20)  # what the start stirred up has settled
        for _ in range(N):
            status, out = room.shell("n1", PSS)
            assert status == 0
            pss.append(sum(int(line.split()[1]) for line in out.splitlines() if line.startswith("pss ")) / 1024)
            factors.append(slowdown(room))
            time.sleep(2)
            begin, before = time.monotonic(), cpu_ns(room)
            time.sleep(60)
            cpu.append((cpu_ns(room) - before) / 1e6 * 60 / (time.monotonic() - begin))
    finally:
        room.down()
    results.figure("idle", "pss of all processes", pss, "MiB", bar=14)
    results.figure("idle", "cpu/minute, emulated", cpu, "ms")
    results.figure("idle", "emulation's slowdown", factors, "times")
    results.figure("idle", "cpu/minute", [c / f for c, f in zip(cpu, factors)], "ms", bar=10)
