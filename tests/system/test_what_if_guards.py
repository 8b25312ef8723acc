# SPDX-License-Identifier: Apache-2.0
"""What a change would bring is judged before it is made: by --diff, by `profile set auto`, and of a configuration file by `dompoold -n`.
Made-up kernels: one can be dom0, one says that it cannot."""
import json
import subprocess
import threading
import time

import pytest

import api_room
import fake_store
import netns
import server as server_module
from server import DOMPOOLD, wait_for

CLOUD = {**fake_store.FILES, "vmlinuz": fake_store.make_kernel(payload=fake_store.make_vmlinux(features=0))}
BAD = 'profile "bad" {\n kind = "pool"\n image = "cloud"\n}\n'
HOSTS = [{"name": f"n{i}", "mac": f"52:54:00:77:00:0{i}", "profile": "local"} for i in (1, 2, 3)]
MANY = 3000


def dompool(server, *argv):
    return subprocess.run([str(api_room.DOMPOOL), "-s", f"unix:{server.socket}", *argv], capture_output=True, text=True, timeout=60)


def unfit(server):
    return [e for e in server.get("/v1/events?kind=host&limit=1000")["events"] if e["what"] == "unfit"]


def make_store(store):
    fake_store.make_image(store, "micro")
    fake_store.make_image(store, "cloud", CLOUD)
    fake_store.make_loaders(store)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    lan = netns.Lan()
    server = server_module.Server(lan, tmp_path_factory.mktemp("what-if"))
    make_store(server.store)
    server.configure(HOSTS, top=BAD + 'rule "night" {\n profile = "bad"\n hosts = "n2"\n from = "20:00"\n to = "06:00"\n}\n')
    server.start()
    wait_for(lambda: server.get("/v1/images/cloud/check")["facts"] and server.get("/v1/images/micro/check")["facts"], 60, 0.3)
    wait_for(lambda: unfit(server), 30, 0.3)  # all hosts have been looked at
    yield server
    server.stop()
    lan.close()


def test_back_to_the_rules_is_warned_about_and_done(server):
    assert dompool(server, "profile", "set", "n1", "n2", "local").returncode == 0
    got = dompool(server, "profile", "set", "n1", "n2", "auto")
    assert (got.returncode, got.stdout) == (0, "n1\nn2\n"), got
    assert got.stderr.startswith("warning: n2, by rule 'night': kernel ") and "[kernel-no-dom0]" in got.stderr, got
    assert len(got.stderr.splitlines()) == 1, got
    assert server.get("/v1/hosts/n2")["profile_by"] != "setting"
    status, answer = server.api("POST", "/v1/profiles", {"hosts": "n1 n2", "profile": "auto"})
    assert (status, answer["findings"]) == (200, [])
    assert [(w["host"], w["rule"], w["profile"], w["level"], w["code"]) for w in answer["warnings"]] == [
        ("n2", "night", "bad", "error", "kernel-no-dom0")]
    got = dompool(server, "profile", "check", "n2", "auto", "--json")
    assert got.returncode == 0 and len(json.loads(got.stdout)["warnings"]) == 1, got


def test_a_rule_that_a_host_cannot_boot_by_is_an_event_at_the_start(server):
    events = unfit(server)
    assert [e["subject"] for e in events] == ["n2"], events
    assert "by rule night" in events[0]["text"] and "kernel-no-dom0" in events[0]["text"], events


def test_diff_says_that_it_would_be_refused_and_it_is(server):
    got = dompool(server, "profile", "set", "n1", "n3", "bad", "--diff")
    assert got.returncode == 1 and got.stdout.splitlines()[-1] == "2 compared, 0 boot as before", got
    errors = got.stderr.splitlines()
    assert [e.split(": ")[:2] for e in errors[:2]] == [["error", "n1"], ["error", "n3"]], errors
    assert errors[2] == "2 of 2 could not boot so: 'profile set' would refuse it"
    answer = json.loads(dompool(server, "host", "explain", "n1", "--diff", "--profile", "bad", "--json").stdout)
    assert (answer["refused"], answer["worst"], answer["unfit"]) == (True, "error", 1)
    assert [f["code"] for f in answer["findings"]] == ["kernel-no-dom0"]
    assert dompool(server, "profile", "set", "n1", "n3", "bad").returncode == 21
    fits = dompool(server, "profile", "set", "n1", "pool", "--diff", "--json")
    answer = json.loads(fits.stdout)
    assert (fits.returncode, fits.stderr) == (1, "") and answer["findings"] == [] and answer["refused"] is False


def test_another_configuration_is_judged_by_what_it_brings(server):
    new = server.folder / "new.conf"
    new.write_text(server.config.read_text() + 'rule "always" {\n profile = "bad"\n hosts = "n1 n2"\n}\n')
    got = dompool(server, "host", "explain", "--all", "--diff", "--config", str(new), "--at", "12:00")
    assert got.returncode == 1, got
    # n2 has that against it already, by the rule of the night
    assert got.stderr.splitlines()[1:] == ["1 of 3 could not boot so"] and got.stderr.startswith("error: n1, by rule 'always': "), got
    answer = json.loads(dompool(server, "host", "explain", "--all", "--diff", "--config", str(new), "--json").stdout)
    assert (answer["refused"], answer["unfit"]) == (False, 1)
    got = dompool(server, "host", "add", "x1", "52:54:00:77:00:09", "--profile", "bad", "--diff")
    assert got.returncode == 1 and got.stderr.splitlines()[-1] == "1 of 1 could not boot so", got


# --- dompoold -n ---

NETWORK = 'network {\n interface = "br0"\n subnet = "10.77.0.0/24"\n}\n'


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """With facts, as a server has them made."""
    store = tmp_path_factory.mktemp("store")
    make_store(store)
    for name in ("micro", "cloud"):
        subprocess.run([api_room.DOMPOOL, "image", "check", name, "--store", store], capture_output=True)
    return store


def check(tmp_path, store, text, *options):
    (tmp_path / "d.conf").write_text(f'image-store = "{store}"\n' + NETWORK + text)
    return subprocess.run([DOMPOOLD, "-n", *options, "-c", tmp_path / "d.conf"], capture_output=True, text=True, timeout=60)


def test_a_configuration_is_judged_by_the_store_with_file_and_line(tmp_path, store):
    got = check(tmp_path, store, BAD)
    assert got.returncode == 3, got
    assert got.stderr.startswith(f"dompoold: {tmp_path}/d.conf:9: error: profile 'bad', image cloud: kernel "), got
    assert "[kernel-no-dom0]; take a kernel with CONFIG_XEN_DOM0" in got.stderr and len(got.stderr.splitlines()) == 1
    assert check(tmp_path, store, BAD, "--satellite").returncode != 0  # for want of the enrolment's file
    assert check(tmp_path, store, 'profile "good" { kind = "pool" }\n').stderr == ""


def test_warnings_and_doubts_are_no_failure(tmp_path, store):
    got = check(tmp_path, store, 'profile "p" {\n kind = "pool"\n xen-args = "dom0_mem=4000000"\n}\n')
    assert got.returncode == 0 and "d.conf:9: warning: profile 'p', image micro: " in got.stderr and "[dom0-mem-unit]" in got.stderr, got


def test_who_names_a_built_in_profile_is_told(tmp_path, store):
    assert check(tmp_path, store, 'image = "cloud"\n').stderr == ""  # nobody boots an image
    got = check(tmp_path, store, 'image = "cloud"\nrule "r" {\n profile = "pool"\n}\n')
    assert got.returncode == 3 and "d.conf:9: error: profile 'pool', image cloud: " in got.stderr, got
    got = check(tmp_path, store, 'image = "cloud"\ndefault-profile = "pool"\n')
    assert got.returncode == 3 and "d.conf: error: profile 'pool', image cloud: " in got.stderr, got


def test_a_host_is_judged_by_what_it_says_itself(tmp_path, store):
    host = 'host "n1" {{\n mac = "52:54:00:77:00:01"\n profile = "pool"\n {}\n}}\n'
    assert check(tmp_path, store, host.format("")).stderr == ""
    got = check(tmp_path, store, host.format('image = "cloud"'))
    assert got.returncode == 3 and "d.conf:10: error: host 'n1', profile 'pool', image cloud: " in got.stderr, got
    got = check(tmp_path, store, host.format('root = "nfs"'))
    assert got.returncode == 3 and "[initrd-none]" in got.stderr, got
    # what its profile has against it is told once
    got = check(tmp_path, store, BAD + host.format('xen-args = "x"').replace('"pool"', '"bad"'))
    assert got.returncode == 3 and len(got.stderr.splitlines()) == 1 and "host" not in got.stderr.split("error:")[1][:20], got


def test_images_that_nobody_built_yet_are_one_line_and_no_error(tmp_path, store):
    got = check(tmp_path, tmp_path / "nothing", BAD + 'rule "r" { profile = "pool" }\n')
    assert got.returncode == 0, got
    assert got.stderr == f"dompoold: not judged, since nothing is known of it yet: image micro, cloud (in {tmp_path}/nothing)\n"


def test_the_findings_are_in_the_json(tmp_path, store):
    got = check(tmp_path, store, BAD, "--json")
    assert (got.returncode, got.stderr) == (3, "")
    guard = json.loads(got.stdout)["guard"]
    (finding,) = guard["findings"]
    assert (finding["place"], finding["profile"], finding["host"], finding["image"], finding["level"], finding["code"]) == (
        f"{tmp_path}/d.conf:9", "bad", "", "cloud", "error", "kernel-no-dom0")
    assert (guard["errors"], guard["more"], guard["unknown"]) == (1, 0, [])


# --- a whole room ---

def test_a_room_is_compared_while_others_are_served(tmp_path):
    lan = netns.Lan()
    server = server_module.Server(lan, tmp_path)
    fake_store.make_image(server.store)
    server.configure([{"name": f"m{i}", "mac": f"52:54:00:78:{i >> 8:02x}:{i & 255:02x}"} for i in range(MANY)])
    server.start()
    answers, served = [], []
    try:
        asking = threading.Thread(target=lambda: answers.append(dompool(server, "profile", "set", "--all", "pool", "--diff")))
        asking.start()
        while asking.is_alive():
            begin = time.monotonic()
            assert server.get("/v1/server")
            served.append(time.monotonic() - begin)
        asking.join()
        assert answers[0].returncode == 1 and answers[0].stdout.endswith(f"{MANY} compared, 0 boot as before\n"), answers
        assert len(served) > 5 and max(served) < 2, (len(served), max(served))
    finally:
        server.stop()
        lan.close()
