"""Ports of the user's services, ports in host mode, and IPv6: judged from what the observers saw."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.model.service import PublishedPort, PublishMode, Service, ServiceMode, ServiceSpec, Task
from swarmnet.model.state import SwarmMembership
from swarmnet.model.swarm import Node, NodeSpec
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.verify.keys import FACTS
from swarmnet.verify.scenario import OPERATOR, Answer, Answers, MeshService
from swarmnet.verify.scenarios.mesh.host_port import ABSENT, HostPort
from swarmnet.verify.scenarios.mesh.ipv6 import MeshIpv6
from swarmnet.verify.scenarios.mesh.published import FORGOTTEN, MOST, Published
from tests.verify.scenarios.test_mesh_entries import HOSTS, NAT, NODES, SHUT, cluster, opened

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Setup

WEB = Service(
    id="s1",
    version=1,
    spec=ServiceSpec(name="web", image="web:1", ports=(PublishedPort(target=80, published=30000),)),
    published=(PublishedPort(target=80, published=30000),),
)
RUNNING = Task(id="t1", service_id="s1", node_id="n1", state="running", desired_state="running")


def with_services(*services: Service, tasks: tuple[Task, ...] = (RUNNING,)) -> Setup:
    place = cluster()
    return replace(place, state=place.state.model_copy(update={"services": services, "tasks": tasks}))


def knocked(*, shut: str = "", rules: JsonObject | None = None) -> Answers:
    """Return answers in which port 30000 is open on all hosts but ``shut``; ``rules`` is each host's nat table."""
    found: Answers = {(host, "ingress/nat"): Answer(rules or {"exit": 0, "stdout": NAT}) for host in HOSTS}
    for host, asker in zip(HOSTS, (*HOSTS[1:], HOSTS[0]), strict=True):
        outcome = SHUT if host == shut else opened(("",))
        found[asker, f"published/{host}"] = Answer({"targets": {"web:30000": outcome}})
    return found


def judged(place: Setup, answers: Answers) -> Verdict:
    (verdict,) = Published().judge(place, answers).verdicts
    return verdict


def test_each_port_is_opened_once_from_the_next_host_and_nothing_is_sent() -> None:
    asked = {q.host: q for q in Published().ask(with_services(WEB), {}) if q.key.startswith("published/")}
    assert {host: q.key for host, q in asked.items()} == {
        "w2": "published/w1",
        "w3": "published/w2",
        "w1": "published/w3",
    }
    assert asked["w2"].task == {  # type: ignore[union-attr]
        "kind": "knock",
        "targets": {"web:30000": ["192.0.2.1", 30000, "open"]},
        "times": 0,
    }


def test_open_ports_with_their_rules_are_one_ok_a_service() -> None:
    verdict = judged(with_services(WEB), knocked())
    assert (verdict.status, verdict.detail) == (Status.OK, "tcp 30000 accepts connections on 3 nodes")


def test_a_closed_port_is_reported_with_its_node() -> None:
    verdict = judged(with_services(WEB), knocked(shut="w2"))
    assert (verdict.status, verdict.detail) == (Status.FAILED, "tcp port 30000 is closed (Connection refused) on w2")


def test_a_port_of_the_mesh_that_is_closed_where_no_kernel_could_open_it_is_inconclusive() -> None:
    known = knocked(shut="w2") | {("w2", FACTS.name): Answer({"ipvs": False})}
    verdict = judged(with_services(WEB), known)
    assert (verdict.status, "w2" in verdict.detail, "IPVS" in verdict.detail) == (Status.INCONCLUSIVE, True, True)


def test_a_port_of_the_mesh_that_is_open_where_no_kernel_has_a_mesh_is_anothers() -> None:
    """Seen on 20.10 and 26.1 without IPVS: a port that a process held was open, and the missing rule was blamed."""
    known = knocked(rules={"exit": 0, "stdout": NAT.replace("30000", "30001")})
    known |= {(host, FACTS.name): Answer({"ipvs": False}) for host in ("w1", "w2")}
    known |= {("w3", "ingress/nat"): Answer({"exit": 0, "stdout": NAT})}
    verdict = judged(with_services(WEB), known)
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.detail.endswith("another program answers at port 30000 on w1, 30000 on w2")


def test_a_port_that_only_the_engine_itself_holds_open_failed() -> None:
    verdict = judged(with_services(WEB), knocked(rules={"exit": 0, "stdout": NAT.replace("30000", "30001")}))
    assert verdict.status is Status.FAILED
    assert verdict.detail == "the nat rule for tcp port 30000 is missing on w1, w2, w3"


def test_a_port_that_no_node_knows_is_one_that_the_tasks_are_older_than() -> None:
    missing: JsonObject = {"exit": 0, "stdout": NAT.replace("30000", "30001")}
    everywhere, one = knocked(rules=missing), knocked() | {("w1", "ingress/nat"): Answer(missing)}
    assert judged(with_services(WEB), everywhere).fix == f"{FORGOTTEN} with docker service update --force web"
    assert "force" not in str(judged(with_services(WEB), one).fix)


def test_a_connection_alone_proves_nothing_where_rules_cannot_be_read() -> None:
    verdict = judged(with_services(WEB), knocked(rules={"exit": 1, "stderr": "sudo: a password is required"}))
    assert verdict.status is Status.INCONCLUSIVE


def test_a_service_without_a_running_task_failed_unless_none_is_wanted() -> None:
    verdict = judged(with_services(WEB, tasks=()), {})
    assert (verdict.status, "no container of web runs" in verdict.detail) == (Status.FAILED, True)
    none = WEB.model_copy(update={"spec": WEB.spec.model_copy(update={"replicas": 0})})
    assert judged(with_services(none, tasks=()), {}).status is Status.SKIPPED


def test_probes_of_other_runs_are_let_be_and_nothing_to_ask_is_skipped() -> None:
    probe = WEB.model_copy(update={"spec": WEB.spec.model_copy(update={"labels": {PROBE_LABEL: "other"}})})
    assert Published().ask(with_services(probe), {}) == ()
    assert judged(with_services(probe), {}).status is Status.SKIPPED


def test_host_mode_ports_are_asked_where_their_tasks_run() -> None:
    task = RUNNING.model_copy(update={"published": (PublishedPort(target=80, published=8090, mode=PublishMode.HOST),)})
    service = WEB.model_copy(update={"published": ()})
    place = with_services(service, tasks=(task,))
    node = {"id": "n1", "version": 1, "hostname": "w1", "spec": {}, "status": "ready", "address": "192.0.2.1"}
    facts = place.state.hosts[0]
    here = facts.engine.model_copy(update={"membership": facts.engine.membership.model_copy(update={"node_id": "n1"})})
    hosts = (facts.model_copy(update={"engine": here}), *place.state.hosts[1:])
    state = type(place.state).model_validate(
        {**place.state.model_dump(), "nodes": (node,), "hosts": [host.model_dump() for host in hosts]}
    )
    asked = [q for q in Published().ask(replace(place, state=state), {}) if q.key.startswith("published/")]
    assert [(q.host, q.key) for q in asked] == [("w2", "published/w1")]


def test_more_ports_than_are_asked_are_reported() -> None:
    ports = tuple(PublishedPort(target=80, published=number) for number in range(20000, 20000 + MOST + 3))
    many = WEB.model_copy(update={"published": ports})
    verdicts = Published().judge(with_services(many), {}).verdicts
    assert any("3 more published ports were not tested" in verdict.detail for verdict in verdicts)


def host_mode(place: Setup, changed: dict[tuple[str, str], JsonObject], *, empty: JsonObject = SHUT) -> Verdict:
    """Return the verdict when all saw what they should, but for ``changed`` by (side, host); w3 has no task."""
    found: Answers = {}
    for source in (*HOSTS, OPERATOR):
        own: JsonObject = {"peers": ["192.0.2.9"], "locals": ["192.0.2.9"]}
        right: dict[str, JsonObject] = {
            host: {**opened((node,)), **own} for node, host in NODES.items() if host != source
        }
        targets: JsonObject = {host: changed.get((source, host), outcome) for host, outcome in right.items()}
        found[source, "host-port"] = Answer({"targets": targets})
        if source in ("w1", "w2"):
            found[source, ABSENT.name] = Answer({"targets": {"w3": empty}})
    (verdict,) = HostPort().judge(place, found).verdicts
    return verdict


def published() -> Setup:
    ports = {"w1": 32768, "w2": 32769}
    return replace(cluster(), mesh=MeshService("probe", {"tcp": 30000}, ports, NODES))


def test_host_mode_that_keeps_addresses_is_one_ok() -> None:
    assert host_mode(published(), {}).status is Status.OK


@pytest.mark.parametrize(
    ("side", "outcome", "words"),
    [
        ("w3", SHUT, "port in host mode on w1: closed from w3 (Connection refused)"),
        ("w3", opened(("n2",)), "the task on w2 answers from w3"),
        (
            "w3",
            {**opened(("n1",)), "peers": ["172.18.0.1"], "locals": ["192.0.2.3"]},
            "its task sees 172.18.0.1 as the client, but w3 connected from 192.0.2.3",
        ),
    ],
)
def test_a_host_port_that_is_wrong_is_reported_with_the_side(side: str, outcome: JsonObject, words: str) -> None:
    verdict = host_mode(published(), {(side, "w1"): outcome})
    assert verdict.status is Status.FAILED
    assert words in verdict.detail


def test_addresses_translated_on_the_operators_way_are_not_a_fault() -> None:
    translated: JsonObject = {**opened(("n1",)), "peers": ["203.0.113.7"], "locals": ["10.0.0.5"]}
    assert host_mode(published(), {(OPERATOR, "w1"): translated}).status is Status.OK


def test_a_host_port_closed_to_this_machine_alone_proves_nothing() -> None:
    assert host_mode(published(), {(OPERATOR, "w1"): SHUT}).status is Status.INCONCLUSIVE


def test_a_task_of_ours_that_answers_where_none_runs_failed() -> None:
    verdict = host_mode(published(), {}, empty=opened(("n1",)))
    assert (verdict.status, "it has no task, but the one on w1 answers" in verdict.detail) == (Status.FAILED, True)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (opened(("n1",)), Status.OK),
        ({**SHUT, "longest": 0.01}, Status.OK),
        ({**SHUT, "why": "no answer", "longest": 2.0}, Status.WARNING),
    ],
)
def test_ipv6_may_answer_or_refuse_but_should_not_hang(outcome: JsonObject, status: Status) -> None:
    found: Answers = {(host, "mesh-ipv6"): Answer({"targets": {"door": outcome}}) for host in HOSTS}
    (verdict,) = MeshIpv6().judge(cluster(), found).verdicts
    assert verdict.status is status


@pytest.mark.parametrize(
    "said",
    [
        "driver failed programming external connectivity: listen tcp4 0.0.0.0:8090: bind: address already in use",
        "Bind for 0.0.0.0:8090 failed: port is already allocated",
    ],
)
def test_a_port_on_a_host_that_something_else_holds_is_named_with_the_host(said: str) -> None:
    """F5: the service runs elsewhere, or nowhere; the engine's word tells why."""
    port = PublishedPort(target=80, published=8090, mode=PublishMode.HOST)
    spec = ServiceSpec(name="direct", image="web:1", mode=ServiceMode.GLOBAL, ports=(port,))
    direct = Service(id="s1", version=1, spec=spec)
    failed = Task(id="t2", service_id="s1", node_id="n2", state="failed", desired_state="shutdown", message=said)
    place = with_services(direct, tasks=(failed,))
    node = Node(id="n2", version=1, hostname="w2", spec=NodeSpec(), status="ready", address="192.0.2.2")
    hosts = tuple(
        one.model_copy(update={"engine": one.engine.model_copy(update={"membership": SwarmMembership(node_id="n2")})})
        if one.host == "w2"
        else one
        for one in place.state.hosts
    )
    place = replace(place, state=place.state.model_copy(update={"nodes": (node,), "hosts": hosts}))
    verdict = judged(place, {})
    assert (verdict.status, verdict.evidence["hosts"]) == (Status.FAILED, ["w2"])
    assert verdict.evidence["commands"] == ["docker ps --filter publish=8090", "ss -lntup 'sport = :8090'"]
