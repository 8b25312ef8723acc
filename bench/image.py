# SPDX-License-Identifier: Apache-2.0
"""
Image builds: how long the first build of `debian` takes, and the second, of which one file changed; what the store holds then. BENCH_RECIPE
names another recipe. The packages of the first build come from the mirror, or from the machine's cache where they are in it.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def build(program, recipe, store):
    start = time.monotonic()
    r = subprocess.run([program, "image", "build", recipe, "--store", store, "--json"], capture_output=True, text=True)
    if r.returncode != 0:
        raise SystemExit(f"bench image: {r.stderr[-2000:]}")
    return time.monotonic() - start, json.loads(r.stdout)


def disk_mib(folder):
    return int(subprocess.run(["du", "-sm", folder], capture_output=True, text=True, check=True).stdout.split()[0])


def run(build_dir, results):
    recipe = os.environ.get("BENCH_RECIPE", "debian")
    program = os.path.join(build_dir, "src/dompool")
    changed = os.path.join(SOURCE, "images", recipe, "files")
    store = tempfile.mkdtemp(prefix="dompool-bench-image-")
    with open(changed) as f:
        before = f.read()
    try:
        first, image = build(program, recipe, store)
        one = disk_mib(store)
        with open(changed, "a") as f:
            f.write("dir /srv/bench\n")
        second, other = build(program, recipe, store)
        if other["id"] == image["id"]:
            raise SystemExit("bench image: the change made no new version")
        results.figure(recipe, "first build", [first], "s")
        results.figure(recipe, "second build", [second], "s")
        results.ratio(recipe, "first/second", [first], [second], "second", least=5)
        results.figure(recipe, "one version", [one], "MiB")
        results.figure(recipe, "a second one adds", [disk_mib(store) - one], "MiB")
    finally:
        with open(changed, "w") as f:
            f.write(before)
        shutil.rmtree(store, ignore_errors=True)
