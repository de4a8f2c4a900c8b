"""The users' own containers: which host does not reach which, and what its kernel's rows say of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.model.service import Service, ServiceSpec, Task
from swarmnet.model.state import ClusterState, SwarmMembership
from swarmnet.model.swarm import Node, NodeSpec
from swarmnet.verify import claims
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.causes.pairs import explain
from swarmnet.verify.keys import ESP, NAMESPACES
from swarmnet.verify.scenario import Answer, Answers, HostCommand, Observer
from swarmnet.verify.scenarios.pairs.endpoints import Endpoints, Rows
from swarmnet.verify.scenarios.pairs.matrix import UdpMatrix
from tests.support.setups import NO_ESP, facts, make_setup
from tests.support.setups import answers as said

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Setup

HOSTS = ("w1", "w2", "w3")
WEB = Service(id="s", version=1, spec=ServiceSpec(name="web", image="w"), virtual_ips={"front": "10.0.0.90/24"})
NEIGHBOURS = "10.0.0.52 dev vxlan0 lladdr 02:42:0a:00:00:34 PERMANENT\n10.0.0.9 dev vxlan0 FAILED\n"
FORWARDS = (
    "02:42:0a:00:00:34 dev vxlan0 dst 192.0.2.2 link-netnsid 0 self permanent\n"
    "33:33:00:00:00:01 dev veth0 self permanent\n"
)


def cluster(*, addresses: tuple[str, str, str] = ("10.0.0.51", "10.0.0.52", "10.0.0.53")) -> Setup:
    """Return three hosts, each with a task of the user's on ``front``."""
    base = make_setup()
    nodes = tuple(
        Node(id=f"n{n}", version=1, hostname=f"w{n}", spec=NodeSpec(), status="ready", address=f"192.0.2.{n}")
        for n in (1, 2, 3)
    )
    tasks = tuple(
        Task(
            id=f"t{n}",
            service_id="s",
            node_id=f"n{n}",
            slot=n,
            state="running",
            desired_state="running",
            networks={"front": (f"{addresses[n - 1]}/24",)},
        )
        for n in (1, 2, 3)
    )
    hosts = tuple(facts(f"w{n}", SwarmMembership(node_id=f"n{n}")) for n in (1, 2, 3))
    state = ClusterState(hosts=hosts, nodes=nodes, tasks=tasks, services=(WEB,))
    return replace(base, state=state, observers=tuple(Observer(f"w{n}", f"192.0.2.{n}") for n in (1, 2, 3)))


def pinged(lost: tuple[tuple[str, str], ...] = (), *, neighbours: str = "", forwards: str = "") -> Answers:
    """Return answers in which every host reaches all addresses but those in ``lost``, and the rows of each."""
    found: Answers = {}
    for host in HOSTS:
        outcomes: JsonObject = {
            address: {"ok": (host, address) not in lost, "tries": 3, "why": ""}
            for address in ("10.0.0.51", "10.0.0.52", "10.0.0.53")
        }
        found[host, "endpoints/front"] = Answer({"targets": outcomes})
        found[host, "endpoints/front/again"] = found[host, "endpoints/front"]
        found[host, NAMESPACES.name] = Answer({"exit": 0, "stdout": "1-id-front\nlb_id-front\n"})
        for kind, text in (("neighbours", neighbours), ("forwards", forwards)):
            found[host, f"endpoints/front/{kind}"] = Answer({"exit": 0, "stdout": text})
    return found


def bad(place: Setup, answers: Answers) -> list[Verdict]:
    return [one for one in Endpoints().judge(place, answers).verdicts if one.status is Status.FAILED]


def test_containers_that_everyone_reaches_are_one_ok() -> None:
    (verdict,) = Endpoints().judge(cluster(), pinged()).verdicts
    assert (verdict.status, verdict.detail) == (
        Status.OK,
        "3 containers of your services are reached from 3 hosts",
    )


@pytest.mark.parametrize(
    ("neighbours", "forwards", "cause", "words"),
    [
        ("", FORWARDS, "neighbour-missing", "the neighbour entry is missing there"),
        (NEIGHBOURS, "", "forward-missing", "the forwarding entry is missing there"),
        (
            NEIGHBOURS,
            FORWARDS.replace("192.0.2.2", "192.0.2.3"),
            "forward-wrong",
            "the forwarding entry there leads to w3",
        ),
        (
            NEIGHBOURS.replace("00:34", "00:99"),
            FORWARDS,
            "neighbour-wrong",
            "the neighbour entry there names 02:42:0a:00:00:99, which is not its hardware address (02:42:0a:00:00:34)",
        ),
        (NEIGHBOURS, FORWARDS, "unreached", "the rows there are right; w3 reaches it"),
    ],
)
def test_what_a_host_does_not_reach_is_named_with_its_rows(
    neighbours: str, forwards: str, cause: str, words: str
) -> None:
    """F5: rows of the users' own containers, which no probe uses."""
    (verdict,) = bad(cluster(), pinged((("w1", "10.0.0.52"),), neighbours=neighbours, forwards=forwards))
    assert verdict.evidence["cause"] == cause
    assert verdict.detail.startswith("w1 does not reach web.2 (10.0.0.52 on w2): ")
    assert words in verdict.detail
    commands = verdict.evidence["commands"]
    assert isinstance(commands, list)
    assert bool(commands) is (cause != "unreached")
    sets = "lladdr 02:42:0a:00:00:34 dev vxlan0" if cause == "neighbour-wrong" else "dst 192.0.2.2 self permanent"
    assert all(sets in str(one) for one in commands[-1:])


OWN_MAC = "02:00:00:00:00:07"
"""Of a container that was started with ``--mac-address``."""


@pytest.mark.parametrize(
    ("neighbours", "forwards", "meant"),
    [
        ({"10.0.0.52": "02:42:0a:00:00:99"}, {"02:42:0a:00:00:34": "192.0.2.2"}, "02:42:0a:00:00:34"),
        ({"10.0.0.52": "02:42:0a:00:00:99"}, {OWN_MAC: "192.0.2.2"}, OWN_MAC),
        ({"10.0.0.52": "02:42:0a:00:00:99"}, {OWN_MAC: "192.0.2.3"}, None),
        ({"10.0.0.52": "02:42:0a:00:00:99"}, {}, None),
        ({"10.0.0.52": OWN_MAC}, {OWN_MAC: "192.0.2.2", "02:00:00:00:00:08": "192.0.2.2"}, None),
        ({"10.0.0.52": "02:42:0a:00:00:34"}, {OWN_MAC: "192.0.2.2"}, None),
        (
            {"10.0.0.52": "02:42:0a:00:00:35", "10.0.0.53": "02:42:0a:00:00:35"},
            {"02:42:0a:00:00:34": "192.0.2.2", "02:42:0a:00:00:35": "192.0.2.2"},
            "02:42:0a:00:00:34",
        ),
        ({}, {"02:42:0a:00:00:34": "192.0.2.2"}, None),
    ],
)
def test_a_neighbour_entry_that_names_no_container_there_is_wrong(
    neighbours: dict[str, str], forwards: dict[str, str], meant: str | None
) -> None:
    """A forwarding entry to the container's host that no neighbour entry leads to shows the right one."""
    assert Rows("/netns", neighbours, forwards).meant("10.0.0.52", "192.0.2.2") == meant


def test_a_container_that_answers_on_its_own_host_alone_is_not_said_to_answer_others() -> None:
    lost = (("w1", "10.0.0.52"), ("w3", "10.0.0.52"))
    for rows in ({"neighbours": NEIGHBOURS, "forwards": FORWARDS}, {}):
        answers = pinged(lost, **rows)
        if not rows:
            answers |= {(host, NAMESPACES.name): Answer({"exit": 1, "stdout": ""}) for host in HOSTS}
        verdicts = bad(cluster(), answers)
        assert [one.cause for one in verdicts] == ["unreached", "unreached"]
        for one in verdicts:
            assert "it answers on its own host alone" in one.detail
            assert str(one.fix).startswith("no other host reaches it, so look at the way first")


def test_a_container_that_answers_no_host_is_not_a_hosts_fault() -> None:
    everyone = tuple((host, address) for host in HOSTS for address in ("10.0.0.51", "10.0.0.52", "10.0.0.53"))
    (verdict,) = Endpoints().judge(cluster(), pinged(everyone)).verdicts
    assert verdict.status is Status.SKIPPED


def test_a_task_that_ends_between_two_looks_raises_no_alarm() -> None:
    """F12: services are updated while verify runs."""
    answers = pinged((("w1", "10.0.0.52"),))
    gone: JsonObject = {"10.0.0.52": {"ok": False, "tries": 5, "why": "no answer"}}
    answers |= {(host, "endpoints/front/again"): Answer({"targets": gone}) for host in HOSTS}
    assert bad(cluster(), answers) == []


def test_what_a_blocked_pair_takes_down_follows_from_it() -> None:
    answers = said(cluster(), [("w1", "w2")]) | pinged((("w1", "10.0.0.52"), ("w2", "10.0.0.51")))
    findings = [one.judge(cluster(), answers) for one in (Endpoints(), UdpMatrix())]
    matrices = [matrix for one in findings for matrix in one.matrices]
    found = traced([*(v for one in findings for v in one.verdicts), *explain(cluster(), answers, matrices)])
    assert {one.scenario for one in found if one.status is Status.FAILED and not one.because_of} == {"matrix"}


@pytest.mark.parametrize(
    "addresses", [("10.0.0.51", "10.0.0.51", "10.0.0.53"), ("10.0.0.90", "10.0.0.52", "10.0.0.53")]
)
def test_one_address_twice_is_reported_for_tasks_and_of_services(addresses: tuple[str, str, str]) -> None:
    """F5."""
    (verdict,) = bad(cluster(addresses=addresses), {})
    assert (verdict.evidence["cause"], verdict.evidence["address"]) == ("address-twice", addresses[0])


def test_rows_are_read_only_where_something_is_not_reached() -> None:
    fine = {place: answer for place, answer in pinged().items() if place[1] == "endpoints/front"}
    assert not [one for one in Endpoints().ask(cluster(), fine) if isinstance(one, HostCommand)]
    lost = pinged((("w1", "10.0.0.52"),))
    asked = [one for one in Endpoints().ask(cluster(), lost) if isinstance(one, HostCommand)]
    assert [(one.host, one.argv[-3:]) for one in asked] == [
        ("w1", ("ls", "/var/run/docker/netns")[-3:]),
        ("w1", ("ip", "neigh", "show")),
        ("w1", ("bridge", "fdb", "show")),
    ]


def test_containers_behind_a_kernel_without_esp_are_not_proved_and_follow_from_it() -> None:
    """Seen on hosts that share such a kernel: each container on an encrypted overlay was a failure of its own."""
    place = cluster()
    nets = tuple(
        net.model_copy(update={"spec": net.spec.model_copy(update={"encrypted": True})}) for net in place.networks
    )
    answers = pinged((("w1", "10.0.0.52"),)) | {(host, ESP.name): Answer(NO_ESP) for host in HOSTS}
    (verdict,) = Endpoints().judge(replace(place, networks=nets), answers).verdicts
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.needed[0] >= claims.esp_kernels("w1", "w2")
