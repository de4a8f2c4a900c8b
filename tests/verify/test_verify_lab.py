"""Verify on real engines of three versions: green, one direction cut, healed, encrypted; and no trace left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from functools import partial
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.operator.probe_image import packed
from swarmnet.lab import Fault, Lab, LabSpec
from swarmnet.lab.image import make_image
from swarmnet.model.expectation import Check
from swarmnet.model.report import Status
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.operations.expect.notation import Known
from swarmnet.operations.expect.operation import ExpectOperation
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.story import VerifyOptions
from tests.support.commands import CACHE, SWARMNET, docker
from tests.support.labs import fresh_name
from tests.support.live_verify import HOSTS, inventory, load_probe, run, traces
from tests.support.shop import HALTS, SHOP, TO_LOGS, WRONG
from tests.support.waiting import soon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from swarmnet.model.events import Event

pytestmark = pytest.mark.lab
TRAFFIC = tuple(one for one in ALL if one.name in ("icmp", "udp", "tcp"))
PATIENT = 6.0
"""Seconds for what passes to recover, where a failure is waited for: new endpoints reach busy 20.10 hosts late."""
EXPECTED = tuple(one for one in ALL if one.name in ("isolation", "checks", "outside", "egress"))
NAMES = tuple(one for one in ALL if one.name == "dns-container")


@pytest.fixture(scope="module")
def bare() -> Iterator[Lab]:
    """Three managers of three engine versions in one swarm, with a plain and an encrypted overlay."""
    with Lab.up(LabSpec(name=fresh_name(), hosts=3, engines=("26.1", "20.10", "28.5"))) as lab:
        address = inventory(lab).host("m1").address
        docker(lab, "m1", "swarm", "init", "--advertise-addr", address)
        token = docker(lab, "m1", "swarm", "join-token", "-q", "manager")
        for host in ("m2", "m3"):
            docker(lab, host, "swarm", "join", "--token", token, f"{address}:2377")
        docker(lab, "m1", "network", "create", "-d", "overlay", "--attachable", "front")
        docker(lab, "m1", "network", "create", "-d", "overlay", "--attachable", "--opt", "encrypted", "safe")
        yield lab


def test_a_healthy_plain_overlay_is_green_on_three_engine_versions_and_nothing_stays(bare: Lab) -> None:
    before = traces(bare)
    result = run(bare, VerifyOptions(ALL, networks=("front",)))
    wrong = [verdict for verdict in result.verdicts if verdict.status not in (Status.OK, Status.SKIPPED)]
    # A kernel without IPVS proves nothing about virtual addresses: then that, and nothing else, is left open.
    assert {(verdict.scenario, verdict.status) for verdict in wrong} <= {
        ("ipvs", Status.INCONCLUSIVE),
        ("mesh-ipv6", Status.WARNING),  # engines before 29.8 hang
        ("published", Status.SKIPPED),
    }
    assert all(matrix.counts() == {Status.OK: 6} for matrix in result.matrices)
    assert {matrix.scenario for matrix in result.matrices} == {"icmp", "udp", "tcp", "loss"}
    assert soon(lambda: traces(bare) == before), (before, traces(bare))


def test_an_interrupted_run_leaves_nothing_behind(bare: Lab) -> None:
    before = traces(bare)

    def interrupt(event: Event) -> None:
        if "asking" in str(event):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(bare, VerifyOptions(ALL, networks=("front",)), interrupt)
    assert soon(lambda: traces(bare) == before), (before, traces(bare))


@pytest.fixture(scope="module")
def swarm(bare: Lab) -> Lab:
    """The swarm with the probe's image on every host: what follows neither brings it nor takes it away."""
    load_probe(bare)
    return bare


def test_an_overlay_that_takes_no_containers_is_proved_next_to_a_node_that_takes_none(swarm: Lab) -> None:
    """F1, F11: Docker's default overlay is tested by tasks; the operator's drain is not a fault."""
    docker(swarm, "m1", "network", "create", "-d", "overlay", "closed")
    docker(swarm, "m1", "node", "update", "--availability", "drain", "m3")
    try:
        result = run(swarm, VerifyOptions((*TRAFFIC, *NAMES), networks=("closed",)))
    finally:
        docker(swarm, "m1", "node", "update", "--availability", "active", "m3")
        docker(swarm, "m1", "network", "rm", "closed")
    assert result.status is Status.OK, result.verdicts
    assert {matrix.cells["m1"]["m2"].status for matrix in result.matrices} == {Status.OK}
    (reported,) = [one for one in result.verdicts if one.scenario == "probe"]
    assert (reported.status, reported.evidence["cause"]) == (Status.SKIPPED, "drain")


FIND_ROW = """
set -e
set -- /var/run/docker/netns/*-$(docker network inspect -f '{{.Id}}' front | cut -c1-10)
mac=$(nsenter --net=$1 ip neigh show | sed -n "s/^ADDRESS dev vxlan0 lladdr \\([^ ]*\\).*/\\1/p")
nsenter --net=$1 bridge fdb del $mac dev vxlan0 self
"""
LOSSY = (
    "INPUT",
    "-p",
    "udp",
    "--dport",
    "4789",
    "-m",
    "statistic",
    "--mode",
    "random",
    "--probability",
    "0.2",
    "-j",
    "DROP",
)


def joins(lab: Lab, host: str) -> bool:
    """Run a container on the overlay; a busy engine may not have heard of a network that its manager knows."""
    lab.exec(host, ["docker", "rm", "-f", f"own-{host}"])
    run_it = ["docker", "run", "-d", "--name", f"own-{host}", "--network", "front", "demo:1"]
    return lab.exec(host, run_it).exit_code == 0


def test_a_lost_row_of_an_own_container_and_a_line_that_loses_a_fifth_are_both_named(swarm: Lab) -> None:
    """F4, F5: neither is seen by probes that try again and have rows of their own."""
    make_image(swarm, "demo:1")
    for host in ("m1", "m2"):
        assert soon(partial(joins, swarm, host)), host
    address = docker(swarm, "m2", "inspect", "-f", "{{.NetworkSettings.Networks.front.IPAddress}}", "own-m2")
    find = FIND_ROW.replace("ADDRESS", address)
    wish = VerifyOptions(tuple(one for one in ALL if one.name in ("udp", "endpoints", "loss")), networks=("front",))
    try:
        assert soon(lambda: swarm.exec("m1", ["sh", "-c", find]).exit_code == 0)
        assert swarm.exec("m3", ["iptables", "-I", *LOSSY]).exit_code == 0
        found = {one.scenario: one for one in run(swarm, wish).verdicts if one.status is not Status.OK}
    finally:
        swarm.exec("m3", ["iptables", "-D", *LOSSY])
        for host in ("m1", "m2"):
            docker(swarm, host, "rm", "-f", f"own-{host}")
    assert found["endpoints"].evidence["cause"] == "forward-missing", found
    assert found["endpoints"].evidence["addresses"] == [address]
    assert found["loss"].evidence["cause"] == "loss-inbound", found
    assert "on the way to m3" in found["loss"].detail, found


def test_one_blocked_direction_of_vxlan_is_named_and_healing_makes_it_green(swarm: Lab) -> None:
    fault = Fault(host="m1", kind="block", options={"to": "m2", "protocol": "udp", "port": 4789})
    wish = VerifyOptions(TRAFFIC, networks=("front",), settle=PATIENT)
    swarm.break_(fault)
    try:
        broken = run(swarm, wish)
    finally:
        swarm.heal(fault)
    (failure,) = [verdict for verdict in broken.verdicts if verdict.status is Status.FAILED]
    assert (failure.cause, failure.evidence["pairs"]) == ("underlay", [["m1", "m2"]])
    udp = next(matrix for matrix in broken.matrices if matrix.scenario == "udp")
    assert udp.counts() == {Status.OK: 4, Status.FAILED: 1, Status.WARNING: 1}
    assert soon(lambda: run(swarm, wish).status is Status.OK)


def test_a_host_that_gossip_does_not_reach_is_named_and_not_blamed_on_vxlan(swarm: Lab) -> None:
    wish = VerifyOptions((*TRAFFIC, *NAMES), networks=("front",), settle=PATIENT)
    ways = [way for other in ("m1", "m2") for way in (("m3", other), (other, "m3"))]
    faults = [
        Fault.model_validate({"host": source, "kind": "block", "to": target, "protocol": protocol, "port": 7946})
        for source, target in ways
        for protocol in ("tcp", "udp")
    ]
    for fault in faults:
        swarm.break_(fault)
    try:
        broken = run(swarm, wish)
    finally:
        swarm.heal_all()
    (cause,) = [one for one in broken.verdicts if one.status is Status.FAILED and not one.because_of]
    assert cause.evidence["cause"] == "gossip-isolated", broken.verdicts
    assert "m3" in cause.detail
    assert "dns-container" in {one.scenario for one in broken.verdicts if one.because_of}
    assert soon(lambda: run(swarm, wish).status is Status.OK)


def test_an_encrypted_overlay_is_proved_or_the_kernel_without_esp_is_named(swarm: Lab) -> None:
    able = swarm.exec("m1", ["unshare", "--net", "sh", "-c", _TRY_ESP]).exit_code == 0
    result = run(swarm, VerifyOptions(TRAFFIC, networks=("safe",)))
    assert result.status is (Status.OK if able else Status.INCONCLUSIVE)
    assert any(verdict.cause == "no-esp" for verdict in result.verdicts) is not able


_TRY_ESP = (
    "ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mode transport"
    f" aead 'rfc4106(gcm(aes))' 0x{'00' * 20} 64"
)


SERVICES = {
    "web": ("80", "--network", "outer", "--publish", "mode=host,target=80,published=8088"),
    "api": ("8080", "--network", "outer", "--network", "inner", "--user", "65534"),
    "db": ("5432", "--network", "inner", "--user", "1000:1000", "--read-only", "--cap-drop", "ALL"),
}


ALLOWED = (
    *("web -> api: 8080", "api -> db", "api -> db: 9", "web -> db: 5432", "outside -> web: 8088"),
    *("m1/own-m1 -> m2/own-m2: 80", "m2/own-m2 -> m3: 22", "api -> logs: 5140/udp"),
)
DENIED = (
    "web -> logs: 5140/udp",
    "api -> web: 80",
    "operator -> web: 81",
    "db -> web",
    "m1/own-m1 -> db: 5432",
    "db -> m2/own-m2: 80",
)
EGRESS = {"web": ["m2:22"], "db": "none"}


def all_run(lab: Lab) -> bool:
    found = docker(lab, "m1", "service", "ls", "--format", "{{.Replicas}}").split()
    return len(found) == len(SERVICES) + 1 and set(found) == {"3/3"}


MUTE = "import socket\ns = socket.socket(2, 2)\ns.bind(('', 5140))\nwhile 1: s.recv(99)"
"""A program that takes datagrams and answers none."""


def test_services_are_asked_from_inside_their_containers_on_networks_that_take_no_probe(swarm: Lab) -> None:
    """Internal and unattachable overlays, programs without root or capabilities, on three engine versions."""
    make_image(swarm, "demo:1")
    clean, probe = traces(swarm), packed().reference
    docker(swarm, "m1", "network", "create", "-d", "overlay", "outer")
    docker(swarm, "m1", "network", "create", "-d", "overlay", "--internal", "inner")
    for name, (port, *words) in SERVICES.items():
        made = ("--mode", "global", "--endpoint-mode", "dnsrr", "--stop-grace-period", "1s", *words, "demo:1")
        docker(swarm, "m1", "service", "create", "-d", "--name", name, *made, "httpd", "-f", "-p", port, "-h", "/www")
    mute = ("--mode", "global", "--endpoint-mode", "dnsrr", "--network", "inner", "--stop-grace-period", "1s")
    logs = ("--no-resolve-image", probe, "python3", "-I", "-S", "-c", MUTE)
    docker(swarm, "m1", "service", "create", "-d", "--name", "logs", *mute, *logs)
    names = Known(services=frozenset({*SERVICES, "logs"}), hosts=frozenset(HOSTS))
    step = ExpectOperation.model_validate({"allow": [*ALLOWED], "deny": [*DENIED], "egress": EGRESS})
    checks = {"api": Check(http="/index.html", port=8080), "db": Check(http="/none", port=5432)}
    expected = step.expectations(names, list(SERVICES)).model_copy(update={"checks": checks})
    try:
        assert all(soon(partial(joins, swarm, host)) for host in ("m1", "m2"))
        assert soon(lambda: all_run(swarm))
        before = traces(swarm)
        result = run(swarm, VerifyOptions(EXPECTED, expected=expected, settle=PATIENT))
        assert soon(lambda: traces(swarm) == before), (before, traces(swarm))
    finally:
        docker(swarm, "m1", "service", "rm", *SERVICES, "logs")
        for host in ("m1", "m2"):
            swarm.exec(host, ["docker", "rm", "-f", f"own-{host}"])
        assert soon(lambda: swarm.exec("m1", ["docker", "network", "rm", "outer", "inner"]).exit_code == 0)
        # Workers remove containers and networks some time after the managers have forgotten them.
        assert soon(lambda: traces(swarm) == clean)
    assert {one.subject: (one.status, one.cause) for one in result.verdicts} == {
        "web -> api: 8080": (Status.OK, None),
        "api -> db": (Status.FAILED, "check-failed"),
        "api -> db: 9": (Status.FAILED, "not-listening"),
        "web -> db: 5432": (Status.FAILED, "no-shared-network"),
        "api -> web: 80": (Status.FAILED, "not-allowed"),
        "api -> logs: 5140/udp": (Status.OK, None),
        "web -> logs: 5140/udp": (Status.OK, None),
        "db -> web": (Status.OK, None),
        "outside -> web: 8088": (Status.OK, None),
        "operator -> web: 81": (Status.OK, None),
        "web -> m2: 22": (Status.OK, None),
        "db -> outside": (Status.OK, None),
        "m1/own-m1 -> m2/own-m2: 80": (Status.OK, None),
        "m1/own-m1 -> db: 5432": (Status.OK, None),
        "db -> m2/own-m2: 80": (Status.OK, None),
        "m2/own-m2 -> m3: 22": (Status.OK, None),
        "service api": (Status.OK, None),
        "service db": (Status.FAILED, "check-failed"),
    }
    assert result.expected is not None
    assert (result.expected.containers, result.expected.hosts) == (10, 3)


OWN = tuple(one for one in ALL if one.needs_own or one.name in ("own-tasks", "spread", "published"))
STACK = """\
version: '3.8'
services: {any: {image: 'demo:1', networks: [shop], stop_grace_period: 1s}}
networks: {shop: {external: true}}
"""


def is_up(lab: Lab) -> bool:
    """Return whether every service runs all of its tasks."""
    found = [line.partition("/") for line in docker(lab, "m1", "service", "ls", "--format", "{{.Replicas}}").split()]
    return all(here == wanted for here, _, wanted in found)


def test_own_services_are_asked_without_a_playbook_and_what_is_wrong_is_named(swarm: Lab) -> None:
    """On an overlay that takes no container, from inside of tasks, on three engine versions."""
    make_image(swarm, "demo:1")
    before, probe, make = traces(swarm), packed().reference, partial(docker, swarm, "m1")
    create = ("service", "create", "-d", "--stop-grace-period", "1s", "--no-resolve-image", "--name")
    wish = VerifyOptions(OWN, networks=("shop",), settle=PATIENT)
    make("network", "create", "-d", "overlay", "shop")
    for host, zone in zip(HOSTS, "abb", strict=True):
        make("node", "update", "--label-add", f"zone={zone}", host)
    try:
        for name, words in SHOP.items():
            make(*create, name, *words)
        port = ("--publish", "mode=host,target=5140,published=5140,protocol=udp", "--mode", "global")
        make(*create, "logs", *port, "--network", "shop", probe, "python3", "-I", "-S", "-c", MUTE)
        assert soon(lambda: is_up(swarm))
        fine = run(swarm, wish)

        for name, words in WRONG.items():
            make(*create, name, *words, "--network", "shop", "demo:1")
        swarm.exec("m1", ["sh", "-c", f"printf '%s' \"{STACK}\" | docker stack deploy -c - one"])
        swarm.exec("m1", ["sh", "-c", f"printf '%s' \"{STACK}\" | docker stack deploy -c - two"])
        make("node", "update", "--availability", "pause", "m1")  # what runs there stays, what is new goes elsewhere
        make(*create, "skewed", *SHOP["zoned"])
        assert soon(lambda: "4/4" in make("service", "ls", "-f", "name=skewed", "--format", "{{.Replicas}}"))
        make("node", "update", "--availability", "active", "m1")
        assert swarm.exec("m2", ["iptables", "-I", "DOCKER-USER", *TO_LOGS]).exit_code == 0
        assert soon(lambda: "Rejected" in make("service", "ps", "refused"))
        assert [swarm.exec(host, ["sh", "-ec", script]).exit_code for host, script in HALTS.items()] == [0, 0, 0]
        wrong = run(swarm, wish)
    finally:
        swarm.exec("m2", ["sh", "-c", "docker unpause $(docker ps -qf name=^rr)"])
        swarm.exec("m2", ["iptables", "-D", "DOCKER-USER", *TO_LOGS])
        make("service", "rm", *make("service", "ls", "-q").split())
        make("node", "update", "--availability", "active", "m1")
        assert soon(lambda: swarm.exec("m1", ["docker", "network", "rm", "shop"]).exit_code == 0)
        assert soon(lambda: traces(swarm) == before)

    assert {one.scenario: one.status for one in fine.verdicts if one.status is not Status.SKIPPED} == dict.fromkeys(
        ("own-tasks", "own-programs", "spread", "own-names", "own-aliases", "own-addresses", "published"), Status.OK
    ), fine.verdicts
    assert "none (it has zero replicas)" in " ".join(one.detail for one in fine.verdicts)
    assert {(one.subject, one.cause) for one in wrong.verdicts if one.cause is not None and not one.because_of} == {
        ("service refused", "task-rejected"),
        ("service waits", "task-waits"),
        ("service skewed", "uneven-spread"),
        ("network shop", "alias-twice"),
        ("service logs", "port-closed"),
        ("service rr", "task-paused"),
        ("service web", "task-stopped"),
        ("service zoned", "own-nameserver"),
        ("service deaf", "not-listening"),
        ("service asks", "nameserver-silent"),
    }, wrong.verdicts


def left_of_probes(lab: Lab) -> list[str]:
    """Return containers and services of probes; their image stays, so that the next run need not bring it."""
    mine = f"label={PROBE_LABEL}"
    found = [docker(lab, host, "ps", "--all", "--quiet", "--filter", mine) for host in HOSTS]
    return [*filter(None, found), *docker(lab, "m1", "service", "ls", "--quiet", "--filter", mine).split()]


def test_a_watch_prints_a_cut_line_and_leaves_nothing_when_it_is_ended(swarm: Lab, tmp_path: Path) -> None:
    inventory_file, words = str(swarm.inventory), ("--network", "front", "--limit", "m1,m2", "--every", "5", "--json")
    heard = tmp_path / "heard"
    with subprocess.Popen(
        [SWARMNET, "watch", "-i", inventory_file, *words, "--on-change", f"tee -a {heard}"],
        env={**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": CACHE},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            first = json.loads(process.stdout.readline())
            swarm.break_(Fault(host="m1", kind="block", options={"to": "m2", "protocol": "udp", "port": 4789}))
            second = json.loads(process.stdout.readline())
            soon(lambda: len(heard.read_text().splitlines()) >= 2)
        finally:
            process.send_signal(signal.SIGTERM)
            swarm.heal_all()
        assert process.wait(timeout=120) == 0

    assert (first["round"], first["before"]) == (1, None)
    assert second["status"] == "failed"
    assert ("m1", "m2", "failed") in {
        (one["source"], one["destination"], one["after"]) for one in second["since"]["pairs"]
    }
    assert [json.loads(line)["round"] for line in heard.read_text().splitlines()][:2] == [1, second["round"]]
    assert left_of_probes(swarm) == []
