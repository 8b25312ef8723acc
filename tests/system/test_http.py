# SPDX-License-Identifier: Apache-2.0
"""HTTP on the boot LAN, with curl as the other side: ranges, conditions, names that mean harm, reports. Slow clients: test_files_slow.py."""
import hashlib
import json
import os
import signal

import pytest

import fake_store
from netns import SERVER
from server import wait_for

INITRD = fake_store.FILES["initrd"]


@pytest.fixture
def host(running):
    """A machine on the boot LAN with n1's address, once the server knows the image."""
    running.wait_log(r"^files: policy generation=", start=0)
    return running.lan.client(address="10.77.0.11")


@pytest.fixture(scope="module")
def reader(shared):
    """The same on the server of all tests that only read."""
    shared.wait_log(r"^files: policy generation=", start=0)
    return shared.lan.client(address="10.77.0.11")


@pytest.fixture(scope="module")
def image(shared):
    return shared.image


def curl(client, path, *options):
    """(status, headers, body) of a request by curl, which is told to leave the path as it is."""
    result = client.run("curl", "-sS", "-i", "--path-as-is", "--max-time", "30", *options, f"http://{SERVER}:8080{path}", text=False)
    head, _, body = result.stdout.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return int(lines[0].split()[1]), {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}, body


def image_path(store, name="initrd"):
    return f"/i/{store[:16]}/{name}"


@pytest.mark.parametrize("name", fake_store.FILES)
def test_image_file_arrives_whole(reader, image, name):
    status, headers, body = curl(reader, image_path(image, name))
    assert status == 200
    assert body == fake_store.FILES[name]
    assert headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("name", fake_store.LOADERS)
def test_loader_arrives_whole(reader, name):
    for path in (f"/{name}", f"/loaders/{name}"):
        assert curl(reader, path)[::2] == (200, fake_store.LOADERS[name])


@pytest.mark.parametrize("wanted,first,last", [
    ("0-0", 0, 0), ("0-99", 0, 99), ("1000-1999", 1000, 1999), ("-10", len(INITRD) - 10, len(INITRD) - 1),
    ("200000-", 200000, len(INITRD) - 1), ("262143-999999999", 262143, len(INITRD) - 1),
])
def test_range_gives_that_part(reader, image, wanted, first, last):
    status, headers, body = curl(reader, image_path(image), "-H", f"Range: bytes={wanted}")
    assert status == 206
    assert headers["content-range"] == f"bytes {first}-{last}/{len(INITRD)}"
    assert body == INITRD[first:last + 1]


def test_download_is_continued_where_it_was_cut(reader, image, tmp_path):
    part = tmp_path / "part"
    part.write_bytes(INITRD[:100000])
    reader.run("curl", "-sSf", "-C", "-", "-o", part, f"http://{SERVER}:8080{image_path(image)}")
    assert part.read_bytes() == INITRD


def test_range_behind_the_end_is_refused(reader, image):
    status, headers, _ = curl(reader, image_path(image), "-H", f"Range: bytes={len(INITRD)}-")
    assert status == 416
    assert headers["content-range"] == f"bytes */{len(INITRD)}"


@pytest.mark.parametrize("wanted", ["bytes=5-1", "bytes=a-b", "lines=1-2", "bytes=", "bytes=0-1,5-6"])
def test_range_without_sense_gives_the_whole_file(reader, image, wanted):
    status, _, body = curl(reader, image_path(image), "-H", f"Range: {wanted}")
    assert (status, len(body)) == (200, len(INITRD))


def test_head_has_no_body_but_the_size(reader, image):
    status, headers, body = curl(reader, image_path(image), "-I")
    assert (status, headers["content-length"], body) == (200, str(len(INITRD)), b"")


def test_unchanged_file_is_not_sent_again(reader, image):
    etag = curl(reader, image_path(image), "-I")[1]["etag"]
    assert curl(reader, image_path(image), "-H", f"If-None-Match: {etag}")[::2] == (304, b"")
    assert curl(reader, image_path(image), "-H", 'If-None-Match: "other"')[0] == 200


def test_range_of_a_changed_file_gives_the_whole(reader, image):
    etag = curl(reader, image_path(image), "-I")[1]["etag"]
    assert curl(reader, image_path(image), "-H", "Range: bytes=0-9", "-H", f"If-Range: {etag}")[0] == 206
    assert curl(reader, image_path(image), "-H", "Range: bytes=0-9", "-H", 'If-Range: "other"')[0] == 200


def test_blob_is_served_by_its_hash(shared, reader):
    data = b"a guest's kernel" * 1000
    name = hashlib.sha256(data).hexdigest()
    (shared.state / "blobs" / name).write_bytes(data)
    assert curl(reader, f"/blob/{name}")[::2] == (200, data)
    assert curl(reader, f"/blob/{name[:-1]}0")[0] == 404


@pytest.fixture(scope="module")
def traps(shared):
    loaders, blobs = shared.store / "loaders", shared.state / "blobs"
    (loaders / "escape").symlink_to("/etc/passwd")
    # Landlock would let this one pass: the role serves blobs as well.
    (blobs / "x").write_bytes(b"root:")
    (loaders / "sideways").symlink_to(blobs / "x")
    os.mkfifo(loaders / "fifo")


@pytest.mark.parametrize("path", [
    "/../../etc/passwd", "/loaders/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd", "//etc/passwd",
    "/loaders//etc/passwd", "/loaders/..\\..\\etc\\passwd", "/blob/../core/dompool.db", "/blob/..%2f..%2fcore%2fdompool.db", "/blob/",
    "/i/../loaders/pxelinux.0/", "/i/0000000000000000/initrd", "/versions", "/tags/micro.json", "/loaders", "/", "/i/",
    "/loaders/escape", "/loaders/sideways", "/loaders/fifo", "/grub", "/%00", "/" + "a" * 5000, "/pxelinux.cfg/0A580001", "/manifest.json",
])
def test_names_that_mean_harm_get_nothing(shared, reader, traps, path):
    """Nothing outside the store by any spelling, no folder, no fifo, no link out; and no path of the server in the answer."""
    status, _, body = curl(reader, path)
    assert status in (404, 414, 431), (status, body)
    assert b"root:" not in body
    assert str(shared.folder).encode() not in body
    assert b"/state" not in body and b"No such file" not in body


def test_manifest_of_an_image_is_served_for_its_root_and_nothing_else_beside_it(shared, reader, image):
    """dompool-init checks root.squashfs against it. A version's list of contents is the administrator's."""
    version, = (shared.store / "versions").iterdir()
    (version / "contents").write_text("what is in it")
    assert curl(reader, image_path(image, "manifest.json"))[::2] == (200, (version / "manifest.json").read_bytes())
    assert curl(reader, image_path(image, "contents"))[0] == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(reader, image, method):
    assert curl(reader, image_path(image), "-X", method)[0] == 405


def report(**changes):
    return json.dumps({"token": "v1.x", "stage": "init", "text": "hello", "failed": False, "uptime_ms": 5, **changes})


def test_report_is_taken_from_dompool_init(reader):
    assert curl(reader, "/boot/report", "-d", report())[0] == 204


@pytest.mark.parametrize("body,status", [
    ("", 400), ("{", 400), ("[]", 400), ('{"token":"x"}', 400), (report(colour="red"), 400), (report(stage="x" * 40), 413),
    (report(text="\0"), 400), ('{"token":"a","token":"b","stage":"init"}', 400), (report(text="x" * 5000), 413), ("[" * 4000, 400),
])
def test_malformed_report_is_refused(reader, body, status):
    assert curl(reader, "/boot/report", "-d", body)[0] == status


def test_report_by_get_is_refused(reader):
    assert curl(reader, "/boot/report")[0] == 405


def test_reports_of_one_address_are_limited(running, host):
    other = running.lan.client("52:54:00:77:00:02", "10.77.0.12")
    url = f"http://{SERVER}:8080/boot/report"  # by one curl: a loaded machine takes seconds to start forty, and each second allows one more
    seen = host.run("curl", "-s", "-w", "%{http_code}\\n", "-d", report(), *["-o", "/dev/null", url] * 40)
    codes = seen.stdout.split()
    assert codes.count("204") >= 30 and codes.count("429") >= 5
    assert curl(other, "/boot/report", "-d", report())[0] == 204


def test_report_while_core_is_away_is_asked_for_again(running, host):
    running.deaths_allowed = True
    os.kill(running.roles()["core"], signal.SIGKILL)
    codes = []
    wait_for(lambda: codes.append(curl(host, "/boot/report", "-d", report())[0]) or codes[-1] == 204)
    assert set(codes) <= {503, 204}


def test_files_are_served_while_core_is_away(running, host, store):
    running.deaths_allowed = True
    os.kill(running.roles()["core"], signal.SIGSTOP)
    assert curl(host, image_path(store))[::2] == (200, INITRD)
    os.kill(running.roles()["core"], signal.SIGCONT)


def test_restarted_files_serves_at_once_by_the_policy_file(running, host, store):
    """With core stopped the new process has nothing but the descriptor that the parent opened for it."""
    running.deaths_allowed = True
    core = running.roles()["core"]
    os.kill(core, signal.SIGSTOP)
    try:
        running.kill_role("files")
        assert curl(host, image_path(store))[::2] == (200, INITRD)
    finally:
        os.kill(core, signal.SIGCONT)


def stages(running):
    boots = running.get("/v1/hosts/n1/trace")["boots"]
    return [stage["stage"] for stage in boots[0]["stages"]] if boots else []


def test_delivered_files_become_stages_of_the_boot(running, host, store):
    curl(host, image_path(store, "xen.gz"), "-H", "Range: bytes=0-9")  # a part is no delivery
    curl(host, image_path(store, "vmlinuz"))
    curl(host, image_path(store, "initrd"), "-I")  # nor is a look
    wait_for(lambda: "kernel" in stages(running))
    assert not {"xen", "initrd"} & set(stages(running))


def test_missing_file_is_on_the_search_trail(running, host):
    curl(host, "/pxelinux.0")  # a boot is under way
    curl(host, "/memdisk")
    wait_for(lambda: "memdisk" in json.dumps(running.get("/v1/hosts/n1/trace")))
