"""Look-ups that fail: each direction reported as it is, and the engine's resolver reported apart from gossip."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.network import Network, NetworkSpec, Subnet
from swarmnet.model.report import Status
from swarmnet.model.state import ClusterState, SwarmMembership
from swarmnet.verify import claims
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.causes.pairs import explain
from swarmnet.verify.scenario import Answer, Answers, HostCommand, ProbeTask
from swarmnet.verify.scenarios.control.subnets import SubnetOverlaps
from swarmnet.verify.scenarios.names.names import ContainerNames, ServiceNames
from swarmnet.verify.scenarios.names.upstream import OUTSIDE, UpstreamDns
from swarmnet.verify.scenarios.pairs.matrix import UdpMatrix
from tests.support.setups import answers as lost
from tests.support.setups import facts, make_setup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject
    from swarmnet.verify.scenario import Scenario, Setup


def said(
    scenario: Scenario,
    cluster: Setup,
    wrong: Iterable[tuple[str, str]],
    *,
    why: str = "no such name",
    code: bool = True,
) -> Answers:
    """Return the answers to a scenario's look-ups, wrong where a host asks for a label in ``wrong``."""
    lost, found = set(wrong), Answers()
    for question in scenario.ask(cluster, {}):
        assert isinstance(question, ProbeTask)
        targets = question.task["targets"]
        assert isinstance(targets, dict)
        outcomes: JsonObject = {
            label: {
                "ok": (question.host, label) not in lost,
                "why": why,
                "code": why if code else None,
                "addresses": [],
                "tries": 3,
            }
            for label in targets
        }
        found[question.host, question.key] = Answer({"targets": outcomes})
    return found


TWO_WAYS = [("w1", "w3"), ("w2", "w3"), ("w3", "w1"), ("w3", "w2")]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (TWO_WAYS, "w3 finds the container name of no other host, and no other host finds the container name of w3"),
        (TWO_WAYS[:2], "no other host finds the container name of w3"),
        (TWO_WAYS[2:], "w3 finds the container name of no other host"),
        ([("w1", "w2"), ("w2", "w1")], "w1 and w2 do not find each other's container name"),
        ([("w1", "w2")], "w1 does not find the container name of w2"),
    ],
)
def test_what_is_said_of_names_is_true_for_each_direction(wrong: list[tuple[str, str]], sentence: str) -> None:
    """F8: with one of three hosts cut off, the two others still find each other."""
    (verdict,) = ContainerNames().judge(make_setup(), said(ContainerNames(), make_setup(), wrong)).verdicts
    assert verdict.detail.startswith(f"{sentence} on front: ")


def test_hosts_that_get_a_service_wrong_are_one_verdict() -> None:
    labels = ("the service", "the service's alias")
    answers = said(ServiceNames(), make_setup(), [(host, label) for host in ("w1", "w2") for label in labels])
    (verdict,) = ServiceNames().judge(make_setup(), answers).verdicts
    assert verdict.detail.startswith("w1, w2 do not get the right name of the service, the service's alias on front")


@pytest.mark.parametrize("why", ["no answer", "Connection refused"])
def test_a_resolver_that_answers_nothing_is_the_cause_and_gossip_is_not_blamed(why: str) -> None:
    """F7, F15: a broken embedded DNS is not a blocked 7946, and a refusal is a failure in words."""
    wrong = [("w2", "w1"), ("w2", "w3")]
    answers = said(ContainerNames(), make_setup(), wrong, why=why, code=False)
    found = traced([*ContainerNames().judge(make_setup(), answers).verdicts, *explain(make_setup(), answers, ())])
    (root,) = [one for one in found if not one.because_of]
    assert (root.status, root.evidence["cause"], root.evidence["hosts"]) == (Status.FAILED, "resolver", ["w2"])
    assert f"does not answer containers on w2: {why}" in root.detail
    assert "7946" not in str(root.fix)


def outside(**reported: JsonObject) -> Answers:
    fine: JsonObject = {"code": "no such name", "why": "", "tries": 1, "ms": 3.0}
    return {
        (host, OUTSIDE.name): Answer({"targets": {"outside": reported.get(host, fine)}}) for host in ("w1", "w2", "w3")
    }


FAST: JsonObject = {"code": "server failure", "why": "", "tries": 1, "ms": 2.0}
SLOW: JsonObject = {"code": None, "why": "no answer", "tries": 1, "ms": 8000.0}


@pytest.mark.parametrize(
    ("reported", "status", "words"),
    [
        ({}, Status.OK, "3 hosts get an answer"),
        ({"w2": SLOW}, Status.FAILED, "fail on w2 (no answer); on w1, w3 they work"),
        ({"w2": FAST}, Status.FAILED, "fail on w2 (server failure)"),
        ({"w1": SLOW, "w2": FAST, "w3": SLOW}, Status.SKIPPED, "hang on w1, w3 for 2 s or longer"),
        ({"w1": FAST, "w2": FAST, "w3": FAST}, Status.SKIPPED, "nothing hangs"),
    ],
)
def test_dead_servers_for_outside_names_are_reported_and_a_cluster_without_any_is_let_be(
    reported: dict[str, JsonObject], status: Status, words: str
) -> None:
    """F5."""
    (verdict,) = UpstreamDns().judge(make_setup(), outside(**reported)).verdicts
    assert (verdict.status, words in verdict.detail) == (status, True)


def test_the_nameservers_of_a_host_without_answers_are_named() -> None:
    answers = outside(w2=SLOW)
    (asked,) = [one for one in UpstreamDns().ask(make_setup(), answers) if isinstance(one, HostCommand)]
    assert (asked.host, asked.argv) == ("w2", ("cat", "/etc/resolv.conf"))
    text = "# made by dhcp\nnameserver 192.0.2.53\nsearch example\nnameserver 192.0.2.54\n"
    answers[asked.host, asked.key] = Answer({"exit": 0, "stdout": text})
    (verdict,) = UpstreamDns().judge(make_setup(), answers).verdicts
    assert verdict.detail.endswith("; /etc/resolv.conf of w2 names 192.0.2.53, 192.0.2.54")
    assert verdict.evidence["servers"] == {"w2": ["192.0.2.53", "192.0.2.54"]}
    around = NetworkSpec(name="front", driver="overlay", subnets=(Subnet(subnet="192.0.2.0/24"),))
    state = make_setup().state.model_copy(update={"networks": (Network(id="f", spec=around),)})
    (verdict,) = UpstreamDns().judge(replace(make_setup(), state=state), answers).verdicts
    assert claims.apart("front") in verdict.needed[0], "their answers go to no one where an overlay has their addresses"


def test_a_bridge_on_the_hosts_own_subnet_is_named_and_lost_pairs_follow() -> None:
    """F5: docker_gwbridge chose the subnet that the hosts are in."""
    gwbridge = Network(
        id="g", spec=NetworkSpec(name="docker_gwbridge", driver="bridge", subnets=(Subnet(subnet="192.0.2.0/24"),))
    )
    hosts = tuple(
        facts(f"w{n}", SwarmMembership(address=f"192.0.2.{n}")).model_copy(
            update={"networks": (gwbridge,) if n == 3 else ()}
        )
        for n in (1, 2, 3)
    )
    place = replace(make_setup(), state=ClusterState(hosts=hosts))
    answers = lost(place, [("w3", "w1"), ("w3", "w2")])
    findings = [one.judge(place, answers) for one in (SubnetOverlaps(), UdpMatrix())]
    matrices = [matrix for one in findings for matrix in one.matrices]
    found = traced([*(v for one in findings for v in one.verdicts), *explain(place, answers, matrices)])
    (root,) = [one for one in found if one.status is Status.FAILED and not one.because_of]
    assert (root.scenario, root.evidence["cause"]) == ("subnets", "bridge-on-underlay")
    assert root.detail.startswith("docker_gwbridge of w3 has 192.0.2.0/24, in which w1, w2, w3 are")
