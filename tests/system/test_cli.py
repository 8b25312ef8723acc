# SPDX-License-Identifier: Apache-2.0
"""The command line with the real server: what people see, what scripts read, exit codes, waiting, the manual."""
import json
import os
import pathlib
import re
import subprocess

import pexpect
import pytest

import api_room
from api_room import dompool, guest_config
from server import TOP, wait_for


@pytest.fixture
def room(running):
    api_room.guest_files(running)
    running.agent = api_room.connect_agent(running)
    yield running
    running.agent.stop()


def plain(*argv):
    """Without any server."""
    return subprocess.run([str(api_room.DOMPOOL), *argv], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "DOMPOOL_SERVER": "unix:/nonexistent/api.sock"})


def commands():
    """(noun, verb) of the table, as --help lists them."""
    text = plain("--help").stdout.split("Commands:\n")[1].split("\n\n")[0]
    found = []
    for line in text.splitlines():
        words = line[2:32].split()
        found.append((words[0], words[1] if len(words) > 1 and words[1].islower() else None))
    return found


# ---- without a server

def test_help_and_version_go_to_stdout_and_succeed():
    for argv in (["--help"], ["-h"], ["host", "--help"], ["domain", "create", "--help"], ["--version"], ["version"]):
        got = plain(*argv)
        assert got.returncode == 0 and got.stdout and not got.stderr, argv


@pytest.mark.parametrize("argv,words", [
    ([], "a command is wanted"), (["hsot"], "did you mean 'host'"), (["host", "lst"], "did you mean 'list'"),
    (["host", "list", "--jsno"], "did you mean --json"), (["host", "show"], "usage: dompool host show NAME"),
    (["host", "show", "a", "b"], "usage:"), (["host", "list", "--store", "x"], "does not know --store"),
    (["host", "show", "../x"], "is no name"), (["op", "show", "x"], "is no number"), (["host", "list", "-o", "xml"], "table, json or name"),
    (["host", "list", "-s"], "wants a value"), (["host", "list", "-q"], "no option '-q'"), (["-s", "ftp://x", "host", "list"], "unix:/path"),
    (["--fingerprint", "12", "host", "list"], "64 hex digits"), (["completion", "tcsh"], "bash, zsh or fish"),
    (["--json", "lab", "status"], "stand behind it"), (["lab"], "'lab' wants a command"), (["lab", "pu"], "did you mean 'up'"),
    (["domain", "shutdown", "x", "--timeout", "never"], "--timeout")])
def test_wrong_command_line_is_explained_and_exits_2(argv, words):
    got = plain(*argv)
    assert got.returncode == 2 and words in got.stderr, got
    assert got.stderr.splitlines()[-1].startswith("dompool: ")


def test_no_server_is_said_with_what_to_do():
    got = plain("host", "list")
    assert got.returncode == 11 and "/nonexistent/api.sock does not exist" in got.stderr and "--server" in got.stderr


def test_every_command_has_help_and_is_in_the_manual():
    manual = (TOP / "man" / "dompool.1").read_text()
    for noun, verb in commands():
        got = plain(noun, *([verb] if verb else []), "--help")
        assert got.returncode == 0, got
        if noun == "lab":
            assert re.search(rf"^\.It Ic lab .*\b{verb}\b", manual, re.M), verb
            continue
        assert re.search(rf"^\.It Ic {noun}{' ' + verb if verb else ''}( |$)", manual, re.M), (noun, verb)
        for option in re.findall(r"--([a-z-]+)", got.stdout):
            assert f"Fl Fl {option}" in manual, (noun, verb, option)


def test_errors_are_those_of_both_manuals():
    table = json.loads(plain("errors", "--json").stdout)["errors"]
    listed = re.findall(r"^\.It (\d+) Ta ([\w-]+) Ta (\d+)$", (TOP / "man" / "dompool.1").read_text(), re.M)
    assert listed == [(str(e["exit"]), e["code"], str(e["http"])) for e in table]
    listed = re.findall(r"^\.It Sy ([\w-]+)\n(.*)\nHTTP (\d+), exit status (\d+)\.$", (TOP / "man" / "dompool-errors.7").read_text(), re.M)
    assert listed == [(e["code"], e["meaning"], str(e["http"]), str(e["exit"])) for e in table]


@pytest.mark.parametrize("page", ["dompool.1", "dompool-errors.7"])
def test_manual_is_clean_mdoc(page):
    got = subprocess.run(["mandoc", "-T", "lint", "-W", "style", str(TOP / "man" / page)], capture_output=True, text=True)
    complaints = [line for line in got.stdout.splitlines() if "referenced manual not found" not in line and "mandoc.db" not in line]
    assert complaints == []


def test_bash_completes_commands_options_and_names(shared):
    script = r"""
    eval "$(dompool completion bash)"
    complete_line() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _dompool; echo "${COMPREPLY[*]}"; }
    complete_line dompool d
    complete_line dompool host tr
    complete_line dompool host show ''
    complete_line dompool host list --unk
    complete_line dompool completion ''
    complete_line dompool host add a b --profile ''
    """
    env = {**os.environ, "PATH": f"{api_room.DOMPOOL.parent}:{os.environ['PATH']}", "DOMPOOL_SERVER": f"unix:{shared.socket}"}
    got = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=env, timeout=60)
    assert got.stdout.splitlines() == ["domain", "trace", "n1 n2", "--unknown", "bash zsh fish", "local pool inspect rescue"], got


COMPLETIONS = [("dompool host sh", "show"), ("dompool domain cons", "console"), ("dompool completion ba", "bash"),
               ("dompool host list --unk", "--unknown"), ("dompool lab up --sat", "--satellite")]


def shell(*argv, folder):
    """Its standard output; complaints of the shell are a failure."""
    env = {**os.environ, "PATH": f"{api_room.DOMPOOL.parent}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "dumb"}
    got = subprocess.run(argv, capture_output=True, text=True, env=env, timeout=60)
    assert got.returncode == 0 and got.stderr == "", got
    return got.stdout


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_script_is_good_syntax(name, tmp_path):
    script = tmp_path / "script"
    script.write_text(plain("completion", name).stdout)
    shell(name, "-n", script, folder=tmp_path)


def test_bash_knows_what_completes_dompool(tmp_path):
    assert shell("bash", "-c", 'eval "$(dompool completion bash)"; complete -p dompool', folder=tmp_path) == "complete -F _dompool dompool\n"


@pytest.mark.parametrize("typed, word", COMPLETIONS)
def test_fish_completes_what_is_typed(typed, word, tmp_path):
    out = shell("fish", "-c", f'dompool completion fish | source; complete -C "{typed}"', folder=tmp_path)
    assert [line.split("\t")[0] for line in out.splitlines()] == [word]


@pytest.mark.parametrize("typed, word", COMPLETIONS)
def test_zsh_completes_what_is_typed(typed, word, tmp_path):
    env = {**os.environ, "PATH": f"{api_room.DOMPOOL.parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "TERM": "dumb"}
    with pexpect.spawn("zsh", ["-f", "-i"], env=env, encoding="utf-8", timeout=60) as tty:
        tty.sendline("unsetopt zle prompt_cr prompt_sp; PS1='READY''> '; autoload -U compinit && compinit -u -D; "
                     'eval "$(dompool completion zsh)"; setopt zle')
        tty.expect("READY> ")
        tty.send(typed + "\t")
        tty.expect_exact(typed.rsplit(" ", 1)[0] + " " + word)


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_names_every_command(name):
    script = plain("completion", name).stdout
    for noun, verb in commands():
        assert noun in script and (verb or noun) in script


# ---- reading

def test_host_list_as_table_names_and_json(shared):
    table = dompool(shared, "host", "list")
    assert table.returncode == 0
    head, n1, n2 = table.stdout.splitlines()
    assert head.split()[:2] == ["NAME", "STATE"] and n1.split()[0] == "n1" and n2.split()[0] == "n2"
    assert dompool(shared, "host", "list", "-o", "name").stdout == "n1\nn2\n"
    assert [h["name"] for h in json.loads(dompool(shared, "host", "list", "--json").stdout)["hosts"]] == ["n1", "n2"]


def test_every_reading_command_prints_json_where_asked(room):
    op = room.api("POST", "/v1/domains", {"config": api_room.GUEST % "web1", "file": "web1.cfg"})[1]["id"]
    room.get(f"/v1/operations/{op}?wait=10")
    image = room.get("/v1/images")["images"][0]["name"]
    for argv in (["host", "list"], ["host", "list", "--unknown"], ["host", "show", "n1"], ["host", "trace", "n1"], ["profile", "list"],
                 ["image", "list"], ["image", "show", image], ["domain", "list"], ["domain", "list", "--host", "n1"],
                 ["domain", "show", "web1"], ["op", "list"], ["op", "show", str(op)], ["event", "list"], ["server", "show"], ["version"],
                 ["errors"]):
        got = dompool(room, *argv, "--json")
        assert got.returncode == 0 and json.loads(got.stdout) is not None, (argv, got)
        got = dompool(room, *argv)
        assert got.returncode == 0 and got.stdout, (argv, got)


def test_missing_thing_exits_4(shared):
    for argv in (["host", "show", "x"], ["domain", "show", "x"], ["op", "show", "99"], ["image", "show", "x"], ["domain", "destroy", "x"]):
        got = dompool(shared, *argv)
        assert got.returncode == 4 and got.stderr.startswith("dompool: "), got


def test_table_fits_the_terminal(room):
    room.api("POST", "/v1/domains", {"config": api_room.GUEST % ("d" * 60), "file": "d.cfg"})
    wait_for(lambda: room.get("/v1/domains")["domains"])
    for columns in (60, 80, 200):
        child = pexpect.spawn(str(api_room.DOMPOOL), ["domain", "list"], dimensions=(24, columns), timeout=60,
                              env={**os.environ, "DOMPOOL_SERVER": f"unix:{room.socket}"}, encoding="utf-8")
        child.expect(pexpect.EOF)
        lines = child.before.splitlines()
        if columns >= 80:
            assert max(map(len, lines)) <= columns, lines
        assert ("…" in child.before) == (columns < 120)


def test_control_characters_of_strangers_do_not_reach_the_terminal(room):
    room.agent.send("AGENT_DOMAINS", domains=[{"uuid": "11" * 16, "name": "x", "domid": 5, "type": "pv", "state": "running", "memory_kib": 1,
                                                "vcpus": 1, "cpu_time_ns": 0, "op": 0}])
    room.agent.fail_with = ("hypervisor", "bad \x1b[31m words\x07\u009b")
    got = dompool(room, "domain", "create", guest_config(room.folder))
    assert got.returncode == 16
    assert "\x1b" not in got.stderr and "\x07" not in got.stderr and "\u009b" not in got.stderr
    assert "\x1b" not in dompool(room, "op", "list").stdout


def test_an_image_is_shown_by_what_image_list_calls_it(running):
    name = dompool(running, "image", "list", "-o", "name").stdout.strip()
    assert len(name) == 64
    shown = dompool(running, "image", "show", name, "--json")
    assert json.loads(shown.stdout)["id"] == name
    assert dompool(running, "profile", "set", "n2", "pool", "--image", name).returncode == 0
    here = dompool(running, "image", "list", "--store", running.store, "--json")
    assert json.loads(here.stdout)["images"][0]["tags"] == ["current"]


# ---- operations

def test_create_waits_and_says_what_it_did(room):
    got = dompool(room, "domain", "create", guest_config(room.folder))
    assert got.returncode == 0, got
    assert re.fullmatch(r"domain-create web1 on n1: done \(\d+ s\)\n", got.stdout)
    assert "domain-create web1" in got.stderr
    assert dompool(room, "domain", "list", "-o", "name").stdout == "web1\n"


def test_shutdown_and_destroy_wait_too(room):
    for name, verb in (("a", "shutdown"), ("b", "destroy")):
        assert dompool(room, "domain", "create", guest_config(room.folder, name), "-o", "name").stdout == name + "\n"
        assert dompool(room, "domain", verb, name).returncode == 0
    assert room.agent.domains == {}


def test_notes_on_the_configuration_are_shown(room):
    path = guest_config(room.folder, "web1", api_room.GUEST % "web1" + "vnc = 1\n")
    got = dompool(room, "domain", "create", path)
    assert got.returncode == 0 and f"{path}:7: note: " in got.stderr, got


@pytest.mark.parametrize("text,code,words", [
    ('name = "a"\nmemory = [\n', 3, "a.cfg:"), ('name = "a"\ntype = "pvh"\nkernel = "missing"\nmemory = 64\n', 4, "missing"),
    ("", 3, "")])
def test_bad_configuration_is_refused_and_leaves_nothing(room, text, code, words):
    got = dompool(room, "domain", "create", guest_config(room.folder, "a", text or "\n"))
    assert got.returncode in (code, 2) and words in got.stderr, got
    assert room.get("/v1/domains")["domains"] == [] and room.agent.ops == []


def test_missing_file_is_said(shared):
    got = dompool(shared, "domain", "create", "/nonexistent.cfg")
    assert got.returncode == 4 and "/nonexistent.cfg" in got.stderr


def test_configuration_comes_from_standard_input(room):
    got = dompool(room, "domain", "create", "-", input=api_room.GUEST % "piped")
    assert got.returncode == 0 and "piped" in got.stdout, got


def test_failed_operation_exits_with_its_code(room):
    room.agent.fail_with = ("no-space", "not enough memory")
    got = dompool(room, "domain", "create", guest_config(room.folder))
    assert got.returncode == 15 and got.stderr.endswith("dompool: not enough memory\n"), got


def test_no_wait_prints_the_operation(room):
    room.agent.hold = True
    got = dompool(room, "domain", "create", guest_config(room.folder), "--no-wait")
    assert got.returncode == 0
    number = re.fullmatch(r"operation (\d+)\n", got.stdout).group(1)
    wait_for(lambda: room.agent.ops)
    room.agent.answer(room.agent.ops[0])
    assert dompool(room, "op", "wait", number).returncode == 0


def test_timeout_ends_the_waiting_only(room):
    room.agent.hold = True
    got = dompool(room, "domain", "create", guest_config(room.folder), "--timeout", "1")
    assert got.returncode == 12 and "dompool op wait" in got.stderr, got
    assert room.get("/v1/operations")["operations"][0]["state"] == "running"


def test_ctrl_c_ends_the_waiting_and_says_how_to_go_on(room):
    room.agent.hold = True
    env = {**os.environ, "DOMPOOL_SERVER": f"unix:{room.socket}"}
    child = pexpect.spawn(str(api_room.DOMPOOL), ["domain", "create", str(guest_config(room.folder))], env=env, timeout=60)
    child.expect_exact("domain-create web1")
    wait_for(lambda: room.agent.ops)
    child.sendintr()
    child.expect(r"dompool op wait (\d+)")
    number = child.match.group(1).decode()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    room.agent.answer(room.agent.ops[0])
    assert dompool(room, "op", "wait", number).returncode == 0


def test_progress_is_one_line_on_a_terminal(room):
    room.agent.hold = True
    env = {**os.environ, "DOMPOOL_SERVER": f"unix:{room.socket}"}
    child = pexpect.spawn(str(api_room.DOMPOOL), ["domain", "create", str(guest_config(room.folder))], env=env, timeout=60)
    wait_for(lambda: room.agent.ops)
    child.expect(r"\([2-5] s\)")
    room.agent.answer(room.agent.ops[0])
    child.expect(r"\r +\rdomain-create web1 on n1: done")
    child.expect(pexpect.EOF)


def test_waiting_outlives_a_restart_of_core(room):
    room.agent.hold = True
    env = {**os.environ, "DOMPOOL_SERVER": f"unix:{room.socket}"}
    child = subprocess.Popen([str(api_room.DOMPOOL), "domain", "create", str(guest_config(room.folder))], env=env, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: room.agent.ops)
    room.kill_role("core")
    assert room.agent.closed.wait(60)
    again = api_room.FakeAgent(room.agent.address, room.agent.port, session=room.agent.session, netns=room.lan.name)
    again.start()
    out, err = child.communicate(timeout=60)
    again.stop()
    assert child.returncode == 0 and "done" in out, err


# ---- hosts, profiles, events

def test_host_add_show_remove(running):
    got = dompool(running, "host", "add", "n9", "52:54:00:00:00:09", "--profile", "pool", "--address", "10.77.0.19")
    assert got.returncode == 0 and "10.77.0.19" in got.stdout, got
    assert dompool(running, "profile", "set", "n9", "local").returncode == 0
    assert running.get("/v1/hosts/n9")["profile"] == "local"
    assert dompool(running, "host", "remove", "n9").returncode == 0
    assert dompool(running, "host", "show", "n9").returncode == 4


def test_a_room_is_switched_by_one_command(running):
    for name, mac in (("r1", "52:54:00:77:01:01"), ("r2", "52:54:00:77:01:02")):
        assert dompool(running, "host", "add", name, mac, "--labels", "room-a").returncode == 0
    try:
        got = dompool(running, "profile", "set", "--label", "room-a", "rescue", "--next")
        assert got.returncode == 0 and got.stdout.split() == ["r1", "r2"], got
        host = running.get("/v1/hosts/r2")
        assert (host["profile"], host["profile_by"], host["once"]) == ("rescue", "once", "rescue")
        assert dompool(running, "profile", "set", "r1", "r2", "auto").returncode == 0
        assert running.get("/v1/hosts/r2")["profile_by"] == "default"
        got = dompool(running, "profile", "set", "r1", "cloud")
        assert got.returncode == 4 and "profile list" in got.stderr, got
        assert dompool(running, "profile", "set", "pool").returncode == 2
        listed = dompool(running, "profile", "list")
        assert listed.returncode == 0, listed
        listed = listed.stdout
        assert "inspect" in listed and "reports its hardware" in listed
        assert "a shell on the console" in dompool(running, "profile", "show", "rescue").stdout
    finally:
        for name in ("r1", "r2"):
            dompool(running, "host", "remove", name)


def test_what_is_no_name_is_refused_before_it_is_sent():
    assert plain("profile", "set", "n1", "a/b").returncode == 2


def test_event_follow_prints_what_comes(running):
    env = {**os.environ, "DOMPOOL_SERVER": f"unix:{running.socket}"}
    child = pexpect.spawn(str(api_room.DOMPOOL), ["event", "list", "-f"], env=env, timeout=60)
    child.expect_exact("started")
    running.api("PUT", "/v1/hosts/n9", {"mac": "52:54:00:00:00:09"})
    child.expect_exact("n9")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_trace_follow_ends_when_the_host_is_ready(room):
    got = dompool(room, "host", "trace", "n1", "-f", timeout=60)
    assert got.returncode == 0 and "ready" in got.stdout, got


def test_lab_of_a_running_room_is_found_by_itself():
    """Only where neither the usual socket nor a lab is there already: the message then names the usual one."""
    env = {k: v for k, v in os.environ.items() if k != "DOMPOOL_SERVER"}
    got = subprocess.run([str(api_room.DOMPOOL), "host", "list"], capture_output=True, text=True, env=env, timeout=60)
    if pathlib.Path("/run/dompool/api.sock").exists() or pathlib.Path("/run/dompool-lab/run/api.sock").exists():
        assert "does not exist" not in got.stderr
    else:
        assert "/run/dompool/api.sock does not exist" in got.stderr


def test_a_boot_is_explained_to_the_last_line(running):
    assert dompool(running, "host", "add", "x1", "52:54:00:77:02:01", "--profile", "pool").returncode == 0
    try:
        got = dompool(running, "host", "explain", "x1", "--firmware", "efi64")
        assert got.returncode == 0 and "profile pool" in got.stdout and "no rule matches now" in got.stdout, got
        by_mac = dompool(running, "host", "explain", "52:54:00:77:02:01", "--at", "08:00", "--json")
        assert by_mac.returncode == 0, by_mac
        answer = json.loads(by_mac.stdout)
        assert answer["host"] == "x1" and answer["firmware"] == "bios" and answer["items"][1]["kind"] == "request"
        assert len(answer["items"][1]["hex"]) == 2 * answer["items"][1]["size"]
        unknown = dompool(running, "host", "explain", "52:54:00:77:02:99")
        assert "nothing: an unknown machine gets no answer" in unknown.stdout
        assert dompool(running, "host", "explain", "x1", "--firmware", "coreboot").returncode != 0
        assert dompool(running, "host", "explain", "x1", "--at", "soon").returncode == 2
    finally:
        dompool(running, "host", "remove", "x1")
