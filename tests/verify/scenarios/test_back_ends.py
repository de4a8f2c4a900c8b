"""Two back ends of iptables on one host, ports that hide programs, and the mesh's own network: judged from tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.report import Status
from swarmnet.model.service_parts import Attachment
from swarmnet.model.swarm import Swarm, SwarmSpec
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import SAVE
from swarmnet.verify.scenario import Answer, Answers
from swarmnet.verify.scenarios.hosts.back_ends import OTHER
from swarmnet.verify.scenarios.hosts.firewall import HostFirewall
from swarmnet.verify.scenarios.mesh.holders import SOCKETS
from swarmnet.verify.scenarios.mesh.ingress_network import IngressNetwork
from swarmnet.verify.scenarios.mesh.mesh import MeshTcp
from swarmnet.verify.scenarios.mesh.published import Published
from tests.verify.scenarios.test_host_firewall import DOCKER, cluster
from tests.verify.scenarios.test_published import WEB, knocked, with_services

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Setup

FINE = DOCKER.format(before="", user="")
DROPS = "legacy\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp -m udp --dport 7946 -j DROP\nCOMMIT\n"
LEFT = "legacy\n" + FINE.replace("30000", "31000")
"""What an engine wrote before the change, for other ports."""
SWARM = Swarm(id="s", version=1, spec=SwarmSpec())
INGRESS = Network(id="i", spec=NetworkSpec(name="ingress", ingress=True))


def firewall(*, own: str = FINE, other: str) -> tuple[Verdict, ...]:
    answers: Answers = {(host, SAVE.name): Answer({"exit": 0, "stdout": own}) for host in ("w1", "w2", "w3")}
    answers["w3", OTHER.name] = Answer({"exit": 0, "stdout": other})
    return HostFirewall().judge(cluster(), answers).verdicts


def test_a_rule_in_the_back_end_that_the_engine_does_not_use_drops_packets_all_the_same() -> None:
    (verdict,) = firewall(other=DROPS)
    assert (verdict.cause, verdict.evidence["hosts"]) == (CauseId.IPTABLES_SPLIT, ["w3"])
    assert "drops udp 7946 from w1, w2" in verdict.detail
    assert verdict.evidence["commands"] == ["iptables-legacy -D INPUT -p udp -m udp --dport 7946 -j DROP"]


def test_rules_that_an_engine_left_in_the_other_back_end_stop_what_its_new_ones_forward() -> None:
    (verdict,) = firewall(other=LEFT)
    assert verdict.cause == CauseId.IPTABLES_SPLIT
    assert verdict.detail.startswith("the firewall of w3 drops tcp 30000 of the probe service")
    assert verdict.evidence["commands"] == ["iptables-legacy -P FORWARD ACCEPT"]


def test_rules_that_an_engine_left_and_that_drop_nothing_are_a_warning() -> None:
    (verdict,) = [one for one in firewall(other=LEFT.replace("FORWARD DROP", "FORWARD ACCEPT")) if one.cause]
    assert (verdict.status, verdict.cause) == (Status.WARNING, CauseId.IPTABLES_SPLIT)


@pytest.mark.parametrize("other", ["legacy\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n", "", "anything\n*filter\n"])
def test_another_back_end_without_rules_is_fine(other: str) -> None:
    (verdict,) = firewall(other=other)
    assert verdict.status is Status.OK


def sockets(program: str) -> Answers:
    line = f'tcp   LISTEN 0      4096               *:30000            *:*    users:(("{program}",pid=7,fd=5))\n'
    return knocked() | {("w2", SOCKETS.name): Answer({"exit": 0, "stdout": line})}


@pytest.mark.parametrize(("program", "hides"), [("nginx", True), ("dockerd", False), ("docker-proxy", False)])
def test_a_program_behind_a_port_of_the_mesh_is_named(program: str, *, hides: bool) -> None:
    verdicts = Published().judge(with_services(WEB), sockets(program)).verdicts
    found = [one for one in verdicts if one.cause == CauseId.PORT_HIDDEN]
    assert [one.evidence["hosts"] for one in found] == ([["w2"]] if hides else [])
    assert all("tcp port 30000 of web hides nginx on w2" in one.detail for one in found)


def test_a_program_is_not_hidden_where_the_engine_has_no_rule_for_the_port() -> None:
    answers = sockets("nginx") | {("w2", "ingress/nat"): Answer({"exit": 0, "stdout": "*nat\nCOMMIT\n"})}
    verdicts = Published().judge(with_services(WEB), answers).verdicts
    assert CauseId.PORT_HIDDEN not in {one.cause for one in verdicts}


def on_networks(**internal: bool) -> Setup:
    spec = WEB.spec.model_copy(update={"networks": tuple(Attachment(network=name) for name in internal)})
    place = with_services(WEB.model_copy(update={"spec": spec}))
    nets = tuple(Network(id=n, spec=NetworkSpec(name=n, internal=shut)) for n, shut in internal.items())
    return replace(place, state=place.state.model_copy(update={"networks": nets}))


@pytest.mark.parametrize(("internal", "leaks"), [({"a": True}, True), ({"a": True, "b": False}, False), ({}, False)])
def test_a_port_of_a_service_on_internal_networks_alone_is_a_way_out(internal: dict[str, bool], *, leaks: bool) -> None:
    verdicts = Published().judge(on_networks(**internal), knocked()).verdicts
    found = [one for one in verdicts if one.cause == CauseId.INTERNAL_PUBLISHED]
    assert [(one.status, one.subject) for one in found] == ([(Status.WARNING, "service web")] if leaks else [])


def swarm(place: Setup, *networks: Network) -> Setup:
    return replace(place, mesh=None, state=place.state.model_copy(update={"swarm": SWARM, "networks": networks}))


@pytest.mark.parametrize(
    ("networks", "publishes", "status"),
    [
        ((INGRESS,), True, Status.OK),
        ((), True, Status.FAILED),
        ((), False, Status.SKIPPED),
        ((INGRESS, INGRESS), False, Status.FAILED),
    ],
)
def test_the_mesh_has_one_network_where_a_service_needs_it(
    networks: tuple[Network, ...], status: Status, *, publishes: bool
) -> None:
    place = swarm(with_services(WEB) if publishes else with_services(tasks=()), *networks)
    (verdict,) = IngressNetwork().judge(place, {}).verdicts
    assert verdict.status is status
    assert (verdict.cause == CauseId.NO_INGRESS) is (status is Status.FAILED)


def test_without_an_ingress_network_the_mesh_is_left_out_or_follows_from_it() -> None:
    (unused,) = MeshTcp().judge(swarm(with_services(tasks=())), {}).verdicts
    (needed,) = MeshTcp().judge(swarm(with_services(WEB)), {}).verdicts
    (cause,) = IngressNetwork().judge(swarm(with_services(WEB)), {}).verdicts
    assert (unused.status, needed.status) == (Status.SKIPPED, Status.INCONCLUSIVE)
    assert needed.needed[0] & cause.broken
