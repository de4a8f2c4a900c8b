"""What a bundle of simulated hosts holds: also where a host is down, slow, or prints without end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.model.hosts import Host, Inventory
from swarmnet.model.state import ClusterState
from swarmnet.report.documents.bundle import manifest
from swarmnet.workflows.bundle import collect as story
from swarmnet.workflows.bundle.collect import BundleWish, OwnFile, collect
from swarmnet.workflows.bundle.pseudonyms import Pseudonyms
from swarmnet.workflows.bundle.questions import LARGEST, questions
from swarmnet.workflows.bundle.window import within
from swarmnet.workflows.fleet.observe import Look, observe
from tests.report.test_documents import misfits
from tests.simulator import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.evidence import Evidence, Piece
    from tests.simulator import Machine

HOSTS = ("m1", "m2", "w1")
Ended = tuple[int, bytes, bytes]


def cluster() -> World:
    world = World(managers=2, workers=1)
    world.bootstrap()
    for machine in world.machines.values():
        machine.programs["docker"] = docker
        machine.programs["tail"] = lambda machine, _argv, _stdin: (0, f"hello from {machine.name}\n".encode(), b"")
        machine.files["/etc/docker/daemon.json"] = b'{"mtu": 1400, "proxies": {"http-proxy": "canary-4711"}}'
    return world


def docker(machine: Machine, argv: Sequence[str], _stdin: bytes) -> Ended:
    info = {"Name": machine.name, "Labels": ["owner=canary-0815"], "HttpProxy": "http://u:canary-4711@proxy:3128"}
    return 0, json.dumps(info).encode() if "info" in argv else b"", b""


def bundled(world: World, **wish: object) -> Evidence:
    ports = world.ports()
    order = BundleWish(HOSTS, 3600, **wish)  # type: ignore[arg-type]
    return collect(ports, observe(ports, Look(containers=True, all_made=True)), order)


def piece(found: Evidence, host: str | None, file: str) -> Piece:
    return next(one for one in found.pieces if one.host == host and one.path.endswith(file))


def test_each_host_gives_its_files_and_managers_the_state_of_the_cluster() -> None:
    found = bundled(cluster())

    assert found.absent == ()
    assert json.loads(piece(found, None, "cluster/state.json").content)["nodes"]
    for host in HOSTS:
        info = json.loads(piece(found, host, "docker/info.json").content)
        assert info == {"Name": host, "Labels": ["owner=***"], "HttpProxy": "http://***@proxy:3128"}
        settings = json.loads(piece(found, host, "docker/daemon.json").content)
        assert settings == {"mtu": 1400, "proxies": {"http-proxy": "***"}}


def test_what_settings_hide_is_hidden_in_the_logs_of_other_hosts() -> None:
    world = cluster()
    world.machines["w1"].programs["tail"] = lambda *_: (0, b"it said canary-4711 twice\n", b"")

    assert piece(bundled(world), "w1", "logs/docker.log").content == b"it said *** twice\n"


def test_a_host_that_is_down_is_a_line_and_costs_the_others_nothing() -> None:
    world = cluster()
    world.kill("w1")
    found = bundled(world)

    assert {one.host for one in found.absent} == {"w1"}
    assert {one.host for one in found.pieces if one.path} == {None, "m1", "m2"}


def test_a_slow_host_gives_what_it_had_time_for() -> None:
    found = bundled(cluster(), host_seconds=0.0)

    assert {one.host for one in found.pieces if one.path} == {None}
    assert {one.problem for one in found.pieces if one.host} == {"left out: the host took longer than 0 s"}


def test_output_without_end_is_cut() -> None:
    world = cluster()
    world.machines["m1"].programs["uname"] = lambda *_: (0, b"x" * (LARGEST + 100), b"")
    kernel = piece(bundled(world), "m1", "host/kernel.txt")

    assert len(kernel.content) == LARGEST
    assert kernel.truncated
    assert kernel.problem == f"cut after {LARGEST} bytes"


def test_what_is_not_the_json_that_it_should_be_is_left_out() -> None:
    world = cluster()
    world.machines["m1"].files["/etc/docker/daemon.json"] = b'{"labels": ["a=canary-4711"'
    found = bundled(world)

    (left,) = [one for one in found.pieces if one.host == "m1" and one.command == "cat /etc/docker/daemon.json"]
    assert (left.path, left.problem[:25]) == ("", "left out: it is not JSON,")
    assert not [one for one in found.pieces if b"canary-4711" in one.content]


def test_a_file_of_the_operator_is_added_and_one_that_is_not_there_is_listed() -> None:
    extra = (
        OwnFile("verify/last.json", "swarmnet verify --save", {"status": "ok"}),
        OwnFile("verify/none.json", "swarmnet verify --save", None),
    )
    found = bundled(cluster(), extra=extra)

    assert json.loads(piece(found, None, "verify/last.json").content) == {"status": "ok"}
    assert [one.problem for one in found.pieces if one.host is None and not one.path] == ["there is none"]


def test_the_manifest_names_each_file_with_its_command_and_digest_and_what_is_missing() -> None:
    found = bundled(cluster())
    listed = manifest(found, created="2026-01-01T00:00:00+00:00", tool="t", pseudonyms=False, log_seconds=1)

    assert misfits(listed, "bundle-manifest") == []
    assert len(listed.files) + len(listed.missing) == len(found.pieces)
    assert all(len(one.sha256) == 64 and one.command for one in listed.files)
    assert {one.problem for one in listed.missing if one.command.startswith("nft")} == {"not there"}


def test_with_pseudonyms_no_name_or_address_of_a_host_is_left() -> None:
    world = cluster()
    for machine in world.machines.values():
        machine.programs["tail"] = lambda machine, _argv, _stdin: (
            0,
            f"{machine.name} ({machine.address}) 02:42:0a:00:00:03 fd00::7 0A000105:0050 127.0.0.1\n".encode(),
            b"",
        )
    found = bundled(world, pseudonyms=True)

    assert found.hosts == ("host-1", "host-2", "host-3")
    assert {one.path.split("/")[1] for one in found.pieces if one.path.startswith("hosts/")} == {*found.hosts}
    logs = [piece(found, host, "logs/docker.log").content.decode().split() for host in found.hosts]
    assert [line[0] for line in logs] == ["host-1", "host-2", "host-3"]
    assert len({line[1] for line in logs}) == 3
    assert {tuple(line[2:]) for line in logs} == {("mac-1", "ip6-1", logs[0][4], "127.0.0.1")}
    everything = b"".join(one.content for one in found.pieces).decode()
    assert not [one.address for one in world.inventory.hosts if one.address in everything]


@given(st.lists(st.ip_addresses(v=4).map(str), min_size=1, max_size=8))
def test_an_address_has_one_pseudonym_and_no_two_have_the_same(addresses: list[str]) -> None:
    names = Pseudonyms.of(Inventory(cluster="c", hosts=(Host(name="m1", address="10.0.0.1"),)), ClusterState())
    words = [names.text(f"<{one}/24>") for one in addresses]

    assert len(set(words)) == len(set(addresses))
    assert [names.text(f"<{one}/24>") for one in addresses] == words


def test_no_command_changes_anything_or_prints_keys() -> None:
    asked = [" ".join(one.argv) for one in questions(60, 0.0)]
    assert [one for one in asked if "xfrm state" in one] == ["ip -s xfrm state list nokeys"]
    words = (
        "rm",
        "systemctl",
        "add",
        "del",
        "replace",
        "flush",
        "restart",
        "kill",
        "inspect",
        "logs",
        "secret",
        "config",
    )
    assert not [one for one in asked if {*one.split()} & {*words}]
    assert story.HOST_SECONDS <= 300


@pytest.mark.parametrize("file", [one.file for one in questions(60, 0.0)])
def test_every_file_of_a_host_has_its_own_path(file: str) -> None:
    assert [one.file for one in questions(60, 0.0)].count(file) == 1
    assert not file.startswith("/")
    assert ".." not in file


def test_logs_and_events_begin_with_the_window() -> None:
    begin = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
    lines = (
        'time="2026-03-01T11:59:59.999Z" level=info msg="before"\n  more of it\n',
        'time="2026-03-01T13:00:00.5+01:00" level=info msg="in time"\n  more\n',
        "2026-03-01T12:00:01,123456+00:00 the kernel's\n",
        "2026-99-99T12:00:01Z no time of any clock\n",
    )
    assert within("first\n" + "".join(lines), begin) == "first\n" + "".join(lines[1:])
    asked = {one.file: one for one in questions(60, 1000.0)}
    assert {file for file, one in asked.items() if one.begin == 940.0} == {"logs/docker.log", "logs/kernel.txt"}
    assert "60" in asked["logs/events.txt"].argv


def test_what_a_log_says_of_earlier_times_is_left_out_of_the_bundle() -> None:
    world = cluster()
    early = b'time="1999-01-01T00:00:00Z" level=info msg="early"\n'
    world.machines["w1"].programs["tail"] = lambda *_: (0, early + b'time="2999-01-01T00:00:00Z" level=info\n', b"")

    assert piece(bundled(world), "w1", "logs/docker.log").content == b'time="2999-01-01T00:00:00Z" level=info\n'
