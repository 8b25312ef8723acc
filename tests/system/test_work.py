# SPDX-License-Identifier: Apache-2.0
"""The work role: a closed list of tasks, a child for each, nothing left behind. The network here leads nowhere, so a build ends well or
badly, as the machine's package cache has all that it needs or not: that it succeeds is shown by the room tests."""
import pathlib

from server import wait_for

BUILD_SECONDS = 240  # micro with its squashfs on a machine that builds other things, too


def build(server, recipe):
    status, op = server.api("POST", "/v1/images", {"recipe": recipe})
    assert status == 202, op
    return op["id"]


def operation(server, number, wait=0):
    return server.get(f"/v1/operations/{number}?wait={wait}")


def children(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ended(server, number, wait=0):
    return operation(server, number, wait)["state"] in ("done", "failed")


def below(pid):
    """Every process below @pid."""
    found = []
    for child in children(pid):
        try:
            found += [child, *below(child)]
        except FileNotFoundError:
            pass
    return found


def test_failed_task_says_why_and_leaves_nothing(running):
    op = operation(running, build(running, "nonsense"), wait=10)
    assert (op["state"], op["error_code"]) == ("failed", "not-found")
    assert "'nonsense'" in op["error_text"]
    wait_for(lambda: not below(running.roles()["work"]))


def test_killed_work_takes_its_tools_along_and_the_task_is_done_again(running):
    op = build(running, "micro")
    work = running.roles()["work"]
    tools = wait_for(lambda: len(below(work)) >= 2 and below(work))  # the task's process and a tool of it
    running.kill_role("work")
    wait_for(lambda: not any(p in running.lan.pids() for p in tools))
    wait_for(lambda: operation(running, op)["epoch"] == 2)
    wait_for(lambda: ended(running, op), BUILD_SECONDS)


def test_killed_task_is_a_failure_and_work_goes_on(running):
    op = build(running, "micro")
    work = running.roles()["work"]
    task = wait_for(lambda: children(work))[0]
    running.lan.run("kill", "-9", str(task))
    done = operation(running, op, wait=20)
    assert (done["state"], done["error_code"]) == ("failed", "tool")
    assert running.roles()["work"] == work


def test_stop_during_a_task_is_clean(running):
    build(running, "micro")
    work = running.roles()["work"]
    tools = wait_for(lambda: below(work))
    running.stop()
    assert not any(pathlib.Path(f"/proc/{p}").exists() and p in running.lan.pids() for p in tools)


def test_result_reaches_a_core_that_was_restarted_meanwhile(running):
    op = build(running, "micro")
    wait_for(lambda: children(running.roles()["work"]))
    running.kill_role("core")
    wait_for(lambda: ended(running, op), BUILD_SECONDS)
