# SPDX-License-Identifier: Apache-2.0
"""
What the agent costs a host: the proportional memory (PSS) of all its processes and their CPU time in an idle minute, read in dom0 through the
shell on its serial console. The CPU time is that of the emulated processor.
"""

import os
import time

from room import Room

N = int(os.environ.get("BENCH_N", "3"))
PSS = ("for p in /proc/[0-9]*; do case $(busybox readlink $p/exe) in *dompool-agent*|*dompool-hv*) "
       "while read k v u; do if [ $k = Pss: ]; then echo pss $v; fi; done < $p/smaps_rollup;; esac; done")
# The first number of schedstat is the time on a CPU in nanoseconds.
CPU = ("for p in /proc/[0-9]*; do case $(busybox readlink $p/exe) in *dompool-agent*|*dompool-hv*) "
       "busybox cat $p/task/*/schedstat;; esac; done")


def cpu_ns(room):
    status, out = room.shell("n1", CPU)
    assert status == 0
    return sum(int(line.split()[0]) for line in out.splitlines() if line.split()[0].isdigit())


def run(build, results):
    room = Room(build, "bios", "dompool.shell=1", name="bench")
    pss, cpu = [], []
    try:
        room.up()
        time.sleep(20)  # what the start stirred up has settled
        for _ in range(N):
            status, out = room.shell("n1", PSS)
            assert status == 0
            pss.append(sum(int(line.split()[1]) for line in out.splitlines() if line.startswith("pss ")) / 1024)
            begin, before = time.monotonic(), cpu_ns(room)
            time.sleep(60)
            cpu.append((cpu_ns(room) - before) / 1e6 * 60 / (time.monotonic() - begin))
    finally:
        room.down()
    results.figure("idle", "pss of all processes", pss, "MiB", bar=14)
    results.figure("idle", "cpu per minute", cpu, "ms", bar=10)
