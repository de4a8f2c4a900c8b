"""Balancers, judged from what fresh connections came to, and from the kernel's own tables."""

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
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import OPERATOR, Answer, Answers, HostCommand, ProbeService, ServiceTask, SwarmTask
from swarmnet.verify.scenarios.balancing.balance import Balance
from swarmnet.verify.scenarios.balancing.hairpin import Hairpin
from swarmnet.verify.scenarios.balancing.ipvs import FORWARD, TASKS_NOW, BalancerTables, backends, compare
from swarmnet.verify.scenarios.balancing.vip import VirtualAddress
from swarmnet.verify.scenarios.control.allocation import NetworksAllocated
from swarmnet.verify.scenarios.names.names import ServiceNames
from tests.support.setups import facts, make_setup

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Scenario, Setup

NODES = {"n1": "w1", "n2": "w2", "n3": "w3"}
TABLE = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
FWM  00000101 rr
  -> 0A000033:0000      Masq    1      0          2
  -> 0A000034:0000      Masq    0      0          0
  -> 0A000032:0000      Masq    1      0          0
FWM  00000104 rr
  -> 0A000040:0000      Masq    1      0          0
"""
"""As kernel 6.1 prints it, with one backend that drains."""


def cluster() -> Setup:
    addresses = {"front": ("10.0.0.50", "10.0.0.51")}
    service = ProbeService("svc", "any", {"front": "10.9.9.9"}, addresses, NODES)
    return replace(make_setup(), service=service)


def counted(seen: dict[str, int], *, lost: int = 0) -> JsonObject:
    tries = sum(seen.values()) + lost
    return {"ok": not lost, "seen": {**seen}, "lost": lost, "tries": tries, "why": "no answer" if lost else ""}


def able(found: Answers) -> Answers:
    return {**{(host, "facts"): Answer({"ipvs": True}) for host in NODES.values()}, **found}


def judged(scenario: Scenario, label: str, key: str, outcome: JsonObject, *, on: str = "w2") -> tuple[Verdict, ...]:
    """Return the verdicts when one host saw ``outcome`` and the others a fair balancer."""
    fair = counted({"n1": 20, "n2": 20, "n3": 20})
    found = {(host, key): Answer({"targets": {label: outcome if host == on else fair}}) for host in NODES.values()}
    return scenario.judge(cluster(), able(found)).verdicts


def test_each_host_makes_twenty_connections_for_every_backend() -> None:
    asked = {q.host: q for q in Balance().ask(cluster(), able({})) if q.key == "balance/front"}
    assert set(asked) == {"w1", "w2", "w3"}
    assert asked["w1"].task["times"] == 60  # type: ignore[union-attr]


def test_a_fair_balancer_is_one_ok() -> None:
    (verdict,) = judged(Balance(), "door", "balance/front", counted({"n1": 20, "n2": 21, "n3": 19}))
    assert (verdict.status, "from each of 3 hosts" in verdict.detail) == (Status.OK, True)


@pytest.mark.parametrize(
    ("outcome", "status", "words"),
    [
        (counted({"n1": 30, "n2": 10}, lost=20), Status.FAILED, "20 of 60 connections failed (no answer)"),
        (counted({"n1": 30, "n2": 30}), Status.FAILED, "no connection of 60 reached the task on w3"),
        (counted({"n1": 40, "n2": 10, "n3": 10}), Status.WARNING, "the task on w1 got 40 of 60 connections"),
    ],
)
def test_a_bad_balancer_is_named_with_its_host_and_what_it_did(outcome: JsonObject, status: Status, words: str) -> None:
    (verdict,) = judged(Balance(), "door", "balance/front", outcome)
    assert verdict.status is status
    assert words in verdict.detail
    assert verdict.evidence["hosts"] == ["w2"]


def test_a_balancer_that_could_not_be_asked_is_inconclusive() -> None:
    found = {(host, "balance/front"): Answer(problem="the probe ended") for host in NODES.values()}
    verdicts = Balance().judge(cluster(), able(found)).verdicts
    assert [verdict.status for verdict in verdicts] == [Status.INCONCLUSIVE] * 3


def test_hairpins_are_asked_inside_the_tasks_themselves() -> None:
    asked = [question for question in Hairpin().ask(cluster(), able({})) if question.key == "hairpin"]
    assert [type(question) for question in asked] == [ServiceTask] * 3


def test_a_task_that_never_meets_itself_failed() -> None:
    (verdict,) = judged(Hairpin(), "front", "hairpin", counted({"n1": 3, "n3": 3}))
    assert verdict.status is Status.FAILED
    assert "the tasks on w2 do not reach their own service: none of 6 connections reached the task itself" in (
        verdict.detail
    )


@pytest.mark.parametrize(
    ("scenario", "label", "key"), [(Hairpin(), "front", "hairpin"), (Balance(), "door", "balance/front")]
)
@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ({"seen": {"n1": 5, "n3": 5}, "reached": ["n1", "n2", "n3"], "tries": 10}, Status.OK),
        ({"seen": {"n1": 2, "n3": 2}, "reached": ["n1", "n3"], "tries": 4}, Status.INCONCLUSIVE),
        ({"seen": {"n1": 5, "n3": 5}, "reached": ["n1", "n3"], "tries": 10}, Status.FAILED),
    ],
    ids=["reached before the count", "too few connections", "passed over"],
)
def test_a_task_counts_as_never_reached_only_after_all_its_turns_passed_it_over(
    scenario: Scenario, label: str, key: str, outcome: JsonObject, status: Status
) -> None:
    verdicts = judged(scenario, label, key, {"ok": True, "lost": 0, "why": "", **outcome})
    assert {one.status for one in verdicts} & {Status.FAILED, Status.INCONCLUSIVE} == {status} - {Status.OK}


@pytest.mark.parametrize(
    ("scenario", "label", "key"), [(Hairpin(), "front", "hairpin"), (Balance(), "door", "balance/front")]
)
def test_a_host_without_time_for_enough_connections_follows_from_a_line_that_loses_packets(
    scenario: Scenario, label: str, key: str
) -> None:
    """Seen on a host that lost a quarter: each connection waits for what is sent again."""
    (verdict,) = judged(scenario, label, key, counted({"n1": 2, "n2": 2}))
    assert verdict.status is Status.INCONCLUSIVE
    assert [claims.steady("front", "w2", "w3") in need for need in verdict.needed] == [True]


def test_tasks_that_meet_themselves_are_one_ok() -> None:
    (verdict,) = judged(Hairpin(), "front", "hairpin", counted({"n1": 2, "n2": 2, "n3": 2}))
    assert verdict.status is Status.OK


def test_a_connection_lost_once_is_asked_again_and_counts_only_when_it_is_lost_again() -> None:
    fair, lossy = counted({"n1": 2, "n2": 2, "n3": 2}), counted({"n1": 2, "n2": 2, "n3": 1}, lost=1)
    first = {(host, "hairpin"): Answer({"targets": {"front": fair}}) for host in NODES.values()}
    first["w2", "hairpin"] = Answer({"targets": {"front": lossy}})
    again = {q.host for q in Hairpin().ask(cluster(), able(first)) if q.key == "hairpin/again"}
    assert again == {"w2"}

    for second, status in ((fair, Status.OK), (lossy, Status.FAILED)):
        known = able({**first, ("w2", "hairpin/again"): Answer({"targets": {"front": second}})})
        (verdict,) = Hairpin().judge(cluster(), known).verdicts
        assert verdict.status is status


def test_backends_that_drain_are_not_counted() -> None:
    assert backends(TABLE) == [frozenset({"10.0.0.51", "10.0.0.50"}), frozenset({"10.0.0.64"})]


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        ([{"10.0.0.50"}], "service svc lacks 10.0.0.51"),
        ([{"10.0.0.50", "10.0.0.51", "10.0.0.9"}], "service svc holds 10.0.0.9, which no running task has"),
        ([{"10.0.0.7"}], "service svc has no backend, though 2 tasks run"),
        ([], "service svc has no backend, though 2 tasks run"),
    ],
)
def test_a_table_that_differs_from_the_tasks_is_reported_by_address(seen: list[set[str]], sentence: str) -> None:
    wanted = {"svc": frozenset({"10.0.0.50", "10.0.0.51"})}
    assert compare(wanted, [frozenset(one) for one in seen]) == {"svc": sentence}


def tables(text: str, *, exit_code: int = 0, stderr: str = "", listing: str = "") -> Answers:
    """Return facts, and what reading each host's table gave, both times; ``listing`` names the namespaces."""
    answer = Answer({"exit": exit_code, "stdout": text, "stderr": stderr})
    found: Answers = {(host, f"ipvs/lb_id-front/{n}"): answer for host in NODES.values() for n in (1, 2)}
    if listing:
        found |= {(host, "ipvs/namespaces"): Answer({"exit": 0, "stdout": listing}) for host in NODES.values()}
    return able(found)


def test_tables_that_hold_the_running_tasks_are_one_ok() -> None:
    (verdict,) = BalancerTables().judge(cluster(), tables(TABLE)).verdicts
    assert (verdict.status, verdict.detail) == (
        Status.OK,
        "3 tables on 3 hosts hold exactly the running tasks of 1 service",
    )


def test_a_table_that_differs_is_read_again_before_it_is_judged() -> None:
    first = {key: answer for key, answer in tables("").items() if not key[1].endswith("/2")}
    again = [q for q in BalancerTables().ask(cluster(), first) if q.key.endswith("/2")]
    assert [q.argv[-1] for q in again if isinstance(q, HostCommand)] == [
        f"sleep 2; exec cat /proc/net/ip_vs {FORWARD}"
    ] * 3


def test_a_missing_namespace_failed_only_where_others_can_be_listed() -> None:
    missing = "nsenter: cannot open /var/run/docker/netns/lb_id-front: No such file or directory"
    gone = BalancerTables().judge(cluster(), tables("", exit_code=1, stderr=missing, listing="1-abc\n")).verdicts
    unknown = BalancerTables().judge(cluster(), tables("", exit_code=1, stderr=missing)).verdicts
    assert {verdict.status for verdict in gone} == {Status.FAILED}
    assert {verdict.status for verdict in unknown} == {Status.INCONCLUSIVE}


def test_a_host_without_nsenter_or_sudo_is_inconclusive_with_the_reason() -> None:
    verdicts = (
        BalancerTables().judge(cluster(), tables("", exit_code=1, stderr="sudo: a password is required")).verdicts
    )
    assert {verdict.status for verdict in verdicts} == {Status.INCONCLUSIVE}
    assert "a password is required" in verdicts[0].detail


def test_advice_names_the_users_services_and_never_the_probes_own() -> None:
    own = BalancerTables().judge(cluster(), tables(TABLE.replace("0A000033", "0A000099"))).verdicts
    assert {str(one.fix) for one in own} == {
        f"restart Docker on {host}, which writes its tables again" for host in NODES.values()
    }
    theirs = BalancerTables().judge(with_web(), tables(TABLE)).verdicts
    assert {str(one.fix).partition("; ")[0] for one in theirs} == {
        "renew the entries: docker service update --force web"
    }


def with_web(update_state: str | None = None) -> Setup:
    """Return a cluster with a service of the user's, whose one task no table holds."""
    addresses = {"front": ("10.0.0.80/24",)}
    task = Task(id="t1", service_id="s1", node_id="n1", state="running", desired_state="running", networks=addresses)
    spec = ServiceSpec(name="web", image="web:1")
    web = Service(id="s1", version=1, spec=spec, virtual_ips={"front": "10.0.0.8/24"}, update_state=update_state)
    return replace(cluster(), state=ClusterState(services=(web,), tasks=(task,)))


def test_services_of_the_user_are_compared_too_unless_they_are_being_updated() -> None:
    for update_state, status in ((None, Status.FAILED), ("updating", Status.OK)):
        verdicts = BalancerTables().judge(with_web(update_state), tables(TABLE)).verdicts
        assert {verdict.status for verdict in verdicts} == {status}


@pytest.mark.parametrize(("now", "status"), [(["t1"], Status.FAILED), (["t2"], Status.INCONCLUSIVE)])
def test_tables_prove_nothing_of_a_service_whose_tasks_were_replaced_meanwhile(now: list[str], status: Status) -> None:
    setup, found = with_web(), tables(TABLE)
    assert SwarmTask(TASKS_NOW.name) in BalancerTables().ask(setup, found)
    found[OPERATOR, TASKS_NOW.name] = Answer({"tasks": {"s1": [*now]}})
    assert {verdict.status for verdict in BalancerTables().judge(setup, found).verdicts} == {status}


def test_tables_whose_tasks_were_replaced_meanwhile_have_one_cause_among_them() -> None:
    setup, found = with_web(), tables(TABLE)
    found[OPERATOR, TASKS_NOW.name] = Answer({"tasks": {"s1": ["t2"]}})
    first, *rest = traced(BalancerTables().judge(setup, found).verdicts)
    assert rest
    assert first.because_of == ()
    assert {cause.subject for one in rest for cause in one.because_of} == {first.subject}
    assert all(one.because_of for one in rest)


@pytest.mark.parametrize(
    ("address", "status", "needed"),
    [
        ("10.0.0.64", "down", (frozenset({claims.node("w2")}),)),
        ("10.0.0.64", "ready", ()),
        ("10.0.0.65", "down", ()),
    ],
)
def test_a_replaced_task_stays_in_tables_while_its_node_is_lost(
    address: str, status: str, needed: tuple[frozenset[tuple[str, ...]], ...]
) -> None:
    """Seen with 26.1, 20.10, 28.5: a worker that the manager lost sends gossip to the other worker, and runs on."""
    setup = with_web()
    (now,) = (one.model_copy(update={"networks": {"front": ("10.0.0.63/24",)}}) for one in setup.state.tasks)
    old = now.model_copy(
        update={"id": "t0", "node_id": "n2", "desired_state": "shutdown", "networks": {"front": (f"{address}/24",)}}
    )
    lost = Node(id="n2", version=1, hostname="w2", spec=NodeSpec(), status=status, address="192.0.2.2")
    hosts = tuple(facts(host, SwarmMembership(node_id=node)) for node, host in NODES.items())
    state = setup.state.model_copy(update={"tasks": (now, old), "nodes": (lost,), "hosts": hosts})
    table = TABLE.replace("  -> 0A000040", "  -> 0A00003F:0000      Masq    1      0          0\n  -> 0A000040")
    (first, *_) = BalancerTables().judge(replace(setup, state=state), tables(table)).verdicts
    assert first.detail == "service web holds 10.0.0.64, which no running task has"
    assert first.needed == needed


def test_one_lost_connection_of_forty_is_looked_at_again_and_is_not_a_stale_backend() -> None:
    """F12: a busy host loses single packets; only what is lost twice is reported, and not as a backend."""
    fair, lossy = counted({"n1": 20, "n2": 20, "n3": 20}), counted({"n1": 20, "n2": 20, "n3": 19}, lost=1)
    first = {(host, "balance/front"): Answer({"targets": {"door": fair}}) for host in NODES.values()}
    first["w2", "balance/front"] = Answer({"targets": {"door": lossy}})
    again = {q.host for q in Balance().ask(cluster(), able(first)) if q.key == "balance/front/again"}
    assert again == {"w2"}
    for second, status in ((fair, Status.OK), (lossy, Status.WARNING)):
        known = able({**first, ("w2", "balance/front/again"): Answer({"targets": {"door": second}})})
        (verdict,) = Balance().judge(cluster(), known).verdicts
        assert (verdict.status, "backend that is stale" in str(verdict.fix)) == (status, False)


def test_a_service_with_an_address_by_ipv6_alone_is_one_verdict_that_names_the_engine() -> None:
    """F13: nothing that needs the virtual address is asked there, and gossip is not blamed."""
    service = ProbeService("svc", "any", {}, {}, NODES, by_ipv6={"front": "fd00::2"})
    setup_ = replace(cluster(), service=service)
    (verdict,) = NetworksAllocated().judge(setup_, {}).verdicts
    assert (verdict.status, "(fd00::2) an IPv6 virtual address only" in verdict.detail) == (Status.FAILED, True)
    for scenario in (VirtualAddress(), Balance(), Hairpin(), ServiceNames()):
        assert {one.status for one in scenario.judge(setup_, able({})).verdicts} <= {Status.SKIPPED}


def test_a_namespace_that_does_not_forward_is_named_with_the_command() -> None:
    verdicts = BalancerTables().judge(cluster(), tables(TABLE + "0\n")).verdicts
    assert [one.cause for one in verdicts] == [CauseId.BALANCER_FORWARD] * 3
    assert verdicts[0].evidence["commands"] == [
        "nsenter --net=/var/run/docker/netns/lb_id-front sysctl -w net.ipv4.ip_forward=1"
    ]
    assert [one.status for one in BalancerTables().judge(cluster(), tables(TABLE + "1\n")).verdicts] == [Status.OK]
