# SPDX-License-Identifier: Apache-2.0
"""The parent and its roles: all start, one that dies is started again while the others go on, a stop leaves nothing."""
import os
import pathlib
import signal
import socket
import time

import pytest

from server import ROLES, wait_for


def gone(pids):
    return not any(pathlib.Path(f"/proc/{p}").exists() for p in pids)


def test_boot_and_files_come_before_the_roles_that_nobody_waits_for(running):
    """What answers a machine that boots has the nice value that init gave; the others give way on a busy core."""
    nice = {role: os.getpriority(os.PRIO_PROCESS, pid) for role, pid in running.roles().items()}
    own = os.getpriority(os.PRIO_PROCESS, running.process.pid)
    assert {role for role in nice if nice[role] == own} == {"boot", "files"}
    assert {nice[role] for role in set(nice) - {"boot", "files"}} == {min(own + 10, 19)}


def test_boot_and_files_alone_are_real_time_where_the_service_is(server):
    before = os.sched_getscheduler(0)
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        server.start()
    finally:
        os.sched_setscheduler(0, before, os.sched_param(0))
    policy = {role: os.sched_getscheduler(pid) for role, pid in server.roles().items()}
    assert {role for role in policy if policy[role] == os.SCHED_RR} == {"boot", "files"}
    assert {policy[role] for role in set(policy) - {"boot", "files"}} == {os.SCHED_OTHER}


def test_all_roles_start_within_a_second(server):
    """One of five starts, and without the time in which the one that waited most was ready to run and other programs had the processor."""
    took = []
    for _ in range(5):
        start = time.monotonic()
        server.start()
        seconds = time.monotonic() - start
        roles = server.roles()
        assert sorted(roles) == sorted(ROLES)
        kept_waiting = [int(pathlib.Path(f"/proc/{p}/schedstat").read_text().split()[1]) / 1e9 for p in (server.process.pid, *roles.values())]
        took.append((seconds, kept_waiting))
        if seconds - max(kept_waiting) < 1:
            return
        server.stop()
    raise AssertionError(f"each took longer: {took}")


@pytest.mark.parametrize("role", ROLES)
def test_killed_role_is_restarted_and_the_others_live_on(running, role):
    before = running.roles()
    running.kill_role(role)
    after = running.roles()
    assert {r: p for r, p in after.items() if r != role} == {r: p for r, p in before.items() if r != role}
    # Channels to the new process work: a request goes from api to core and back.
    assert wait_for(lambda: running.api("GET", "/v1/hosts")[0] == 200)
    assert "role died role=%s signal=KILL" % role in running.log()


def test_role_that_keeps_dying_is_restarted_later_and_later(running):
    running.kill_role("work")
    running.kill_role("work")
    running.kill_role("work")
    waits = [line.split("again_ms=")[1] for line in running.log().splitlines() if "role died role=work" in line]
    assert waits == ["100", "200", "400"]


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_stop_leaves_no_process_and_no_socket(running, sig):
    pids = [running.process.pid, *running.roles().values()]
    running.stop(sig)
    assert gone(pids)
    assert running.lan.pids() == []
    assert "parent: stopped" in running.log()


def test_stop_of_the_whole_process_group_is_clean(running):
    """Ctrl-C reaches every process of the group; the roles wait for the parent's word all the same."""
    pids = running.roles().values()
    for pid in pids:
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
    running.stop(signal.SIGINT)


def test_role_that_does_not_stop_is_killed_within_ten_seconds(running):
    running.deaths_allowed = True
    os.kill(running.roles()["files"], signal.SIGSTOP)
    start = time.monotonic()
    running.stop()
    assert time.monotonic() - start < 10
    assert "role does not stop, killed role=files" in running.log()


def stop_while(server, role, between):
    """The server is to stop while this role is held; `between` is called when all the others have gone that stop before or with it."""
    server.deaths_allowed = True
    pid, others = server.roles()[role], [p for r, p in server.roles().items() if r not in (role, "core")]
    os.kill(pid, signal.SIGSTOP)
    server.process.send_signal(signal.SIGTERM)
    wait_for(lambda: gone(others))
    between(pid)
    os.kill(pid, signal.SIGCONT)
    assert server.process.wait(60) == 0
    return server.log()


def test_a_role_that_crashes_as_it_stops_is_told_of(running):
    assert "role crashed as it stopped role=files signal=SEGV" in stop_while(running, "files", lambda pid: os.kill(pid, signal.SIGSEGV))


def test_core_hears_of_nobody_who_ends_in_the_turn_in_which_it_stops(running):
    """The parent's channel is ready first, by its word of a role that died; the other roles end before core looks at it and reads that it is to
    stop, so that their ends come behind that."""
    capture = running.roles()["capture"]
    os.kill(running.roles()["core"], signal.SIGSTOP)
    os.kill(capture, signal.SIGKILL)
    running.wait_log("role died role=capture")
    log = stop_while(running, "core", lambda _: time.sleep(0.5))
    assert "crashed" not in log, log


def test_roles_end_when_the_parent_is_killed(running):
    pids = list(running.roles().values())
    running.kill()
    wait_for(lambda: gone(pids), 10)


def test_server_starts_again_after_kill(running):
    """The socket of a killed server does not stand in the way of the next one."""
    pids = list(running.roles().values())
    running.kill()
    wait_for(lambda: gone(pids), 60)
    assert running.socket.exists()
    running.start()
    assert running.get("/v1/hosts")["hosts"]


def test_second_server_on_the_same_state_is_refused(running):
    second = running.lan.run(running.process.args[4], "-c", running.config, check=False)
    assert second.returncode == 6
    assert "another dompoold runs with the state directory" in second.stderr
    assert running.get("/v1/hosts")["hosts"]  # and the first one still owns its socket


def test_state_directories_belong_to_their_roles(running):
    modes = {d: (os.stat(running.state / d).st_uid, os.stat(running.state / d).st_mode & 0o777) for d in ("core", "boot", "blobs", "tls")}
    core, boot = 64304, 64301
    assert modes == {"core": (core, 0o700), "boot": (boot, 0o700), "blobs": (core, 0o755), "tls": (0, 0o700)}
    assert os.stat(running.state / "tls" / "key.pem").st_mode & 0o777 == 0o600


def test_certificate_is_kept_over_a_restart(running):
    before = (running.state / "tls" / "cert.pem").read_bytes()
    running.stop()
    running.start()
    assert (running.state / "tls" / "cert.pem").read_bytes() == before


def test_missing_interface_is_said(server):
    server.config.write_text(server.config.read_text().replace('"br0"', '"br9"'))
    server.start(ready=False)
    assert server.process.wait(60) == 3
    assert "the network interface 'br9' is not there" in server.log()
    server.process = None


def test_port_in_use_is_said_with_its_option(server):
    with_port = server.lan.popen("python3", "-c", "import socket,time\ns=socket.create_server(('10.77.0.1',8080))\nprint(1,flush=True)\ntime.sleep(30)",
                                 stdout=-1)
    with_port.stdout.readline()
    try:
        server.start(ready=False)
        assert server.process.wait(60) != 0
        assert "cannot bind TCP port 8080 of 10.77.0.1 (http-port)" in server.log()
        server.process = None
    finally:
        with_port.kill()
        with_port.wait()


def test_port_that_is_let_go_in_time_is_waited_for(server):
    """As the roles of a killed server do: they end a moment after it."""
    holder = server.lan.popen("python3", "-c", "import socket,time\ns=socket.create_server(('10.77.0.1',8080))\nprint(1,flush=True)\ntime.sleep(0.7)",
                              stdout=-1)
    holder.stdout.readline()
    server.start()
    assert holder.wait(60) == 0
    assert server.get("/v1/server")


def test_systemd_is_told_when_all_roles_are_ready(server, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(60)
        server.start(env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert notify.recv(100) == b"READY=1"
        server.stop()
        assert notify.recv(100) == b"STOPPING=1"


def test_death_of_a_role_is_a_security_event(running):
    """core's own death too: the next core is told."""
    for role in ("files", "core"):
        running.kill_role(role)
        events = wait_for(lambda: [e for e in running.get("/v1/events?kind=security&limit=100")["events"] if e["subject"] == role])
        assert (events[0]["what"], events[0]["text"]) == ("role-ended", "killed by signal 9")
