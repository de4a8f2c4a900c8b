"""Entries of the routing mesh, judged from what every side saw, and from what their hosts' tables say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.ports import Approach
from swarmnet.model.report import Status
from swarmnet.model.state import ClusterState, SwarmMembership
from swarmnet.verify import claims
from swarmnet.verify.causes.pairs import explain
from swarmnet.verify.scenario import OPERATOR, Answer, Answers, MeshService, Observer, ObserverTask, OperatorTask
from swarmnet.verify.scenarios.mesh.mesh import LOCALHOST, MeshTcp, MeshUdp
from tests.support.setups import facts, make_setup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Setup

HOSTS = ("w1", "w2", "w3")
NODES = {"n1": "w1", "n2": "w2"}
NAT = """\
*nat
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER-INGRESS
-A DOCKER-INGRESS -p tcp -m tcp --dport 30000 -j DNAT --to-destination 172.18.0.2:30000
-A DOCKER-INGRESS -p udp -m udp --dport 30000 -j DNAT --to-destination 172.18.0.2:30000
-A DOCKER-INGRESS -j RETURN
"""
FILTER = """\
*filter
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER-FORWARD -j DOCKER-INGRESS
-A DOCKER-INGRESS -p tcp -m tcp --dport 30000 -j ACCEPT
-A DOCKER-INGRESS -p udp -m udp --dport 30000 -j ACCEPT
"""
"""As engine 28.5 writes them; the older ones jump to DOCKER-INGRESS from FORWARD."""
ROUTES = "Iface\tDestination\neth1\t00000000\neth0\t0000800A\n"
TABLE = """\
FWM  00000102 rr
  -> 0A800006:0000      Masq    1      0          0
  -> 0A800007:0000      Masq    1      0          0
"""
HEALTHY = {"nat": NAT, "filter": FILTER, "routes": ROUTES, "ipvs": TABLE}
GONE = "nsenter: cannot open /var/run/docker/netns/ingress_sbox: No such file or directory"


def cluster(*, jumped: Iterable[str] = ()) -> Setup:
    """Return three hosts that publish a service with tasks on the first two."""
    hosts = tuple(facts(host, SwarmMembership(address=f"192.0.2.{number}")) for number, host in enumerate(HOSTS, 1))
    return replace(
        make_setup(),
        state=ClusterState(hosts=hosts),
        mesh=MeshService(
            "probe", {"tcp": 30000, "udp": 30000}, {"w1": 32768}, NODES, addresses=("10.128.0.6", "10.128.0.7")
        ),
        observers=tuple(Observer(host) for host in HOSTS),
        approaches={
            host: Approach(
                f"198.51.100.{number}", 22, "SSH reaches it through jump host gate" if host in jumped else None
            )
            for number, host in enumerate(HOSTS, 1)
        },
    )


def able() -> Answers:
    return {(host, "facts"): Answer({"ipvs": True}) for host in HOSTS}


def opened(seen: Iterable[str] = ("n1", "n2"), *, lost: int = 0) -> JsonObject:
    counts: JsonObject = dict.fromkeys(seen, 4)
    return {"ok": bool(counts), "seen": counts, "lost": lost, "tries": 8, "why": "no answer" if lost else ""}


SHUT: JsonObject = {"ok": False, "seen": {}, "lost": 3, "tries": 3, "why": "Connection refused"}


def seen(
    place: Setup,
    shut: dict[tuple[str, str], JsonObject],
    *,
    scenario: str = "mesh-tcp",
    look: dict[str, str] | None = None,
) -> Answers:
    """Return what every side saw: all doors open but those in ``shut``, by (side, door); and a look at every host."""
    found = able()
    for source in (*HOSTS, OPERATOR):
        labels = HOSTS if source == OPERATOR else (LOCALHOST, *HOSTS)
        doors: dict[str, JsonValue] = {label: shut.get((source, label), opened()) for label in labels}
        if source != OPERATOR or all(place.approaches[host].between is None for host in HOSTS):
            found[source, scenario] = Answer({"targets": doors})
    for key, text in (look or {}).items():
        answer: JsonObject = {"exit": 1, "stderr": text} if text == GONE else {"exit": 0, "stdout": text}
        found |= {(host, f"ingress/{key}"): Answer(answer) for host in HOSTS}
    found[OPERATOR, "operator/ssh"] = Answer({"targets": {host: opened(("",)) for host in HOSTS}})
    return found


def everywhere(host: str, door: JsonObject = SHUT) -> dict[tuple[str, str], JsonObject]:
    """Return answers in which no side gets through a host's door, itself included."""
    return {**{(side, host): door for side in (*HOSTS, OPERATOR)}, (host, LOCALHOST): door}


def judged(place: Setup, answers: Answers) -> list[Verdict]:
    return [*MeshTcp().judge(place, answers).verdicts, *explain(place, answers, ())]


def test_hosts_ask_themselves_and_their_neighbours_and_this_machine_asks_all() -> None:
    asked = [question for question in MeshTcp().ask(cluster(), able()) if question.key == "mesh-tcp"]
    doors = {
        question.host: question.task["targets"]
        for question in asked
        if isinstance(question, ObserverTask | OperatorTask)
    }
    assert [type(question) for question in asked] == [ObserverTask] * 3 + [OperatorTask]
    assert doors["w2"] == {
        "": ["127.0.0.1", 30000, "tcp"],
        "w2": ["192.0.2.2", 30000, "tcp"],
        "w3": ["192.0.2.3", 30000, "tcp"],
        "w1": ["192.0.2.1", 30000, "tcp"],
    }
    assert doors[OPERATOR] == {host: [f"198.51.100.{n}", 30000, "tcp"] for n, host in enumerate(HOSTS, 1)}


def test_an_entry_without_a_task_that_answers_everyone_is_praised() -> None:
    (verdict,) = judged(cluster(), seen(cluster(), {}))
    assert verdict.status is Status.OK
    assert "answers on 3 nodes" in verdict.detail
    assert "w3 has no task" in verdict.detail


def test_a_door_that_stays_shut_is_tried_again_and_its_host_is_looked_at() -> None:
    asked = MeshTcp().ask(cluster(), seen(cluster(), {("w1", "w2"): SHUT}))
    again = [q for q in asked if q.key == "mesh-tcp/again"]
    assert [(q.host, list(q.task["targets"])) for q in again if isinstance(q, ObserverTask)] == [("w1", ["w2"])]  # type: ignore[arg-type]
    assert {q.key for q in asked if q.host == "w2"} >= {f"ingress/{key}" for key in HEALTHY}


def test_a_door_that_opens_at_the_second_look_is_fine() -> None:
    answers = seen(cluster(), {("w1", "w2"): SHUT})
    answers["w1", "mesh-tcp/again"] = Answer({"targets": {"w2": opened()}})
    assert [verdict.status for verdict in judged(cluster(), answers)] == [Status.OK]


@pytest.mark.parametrize(
    ("look", "cause"),
    [
        ({**HEALTHY, "nat": "*nat\n:DOCKER-INGRESS - [0:0]\n"}, "ingress-rules"),
        ({**HEALTHY, "nat": NAT.replace("--dport 30000", "--dport 8080")}, "ingress-rules"),
        ({**HEALTHY, "nat": NAT.replace("-A PREROUTING", "-A OUTPUT")}, "ingress-rules"),
        ({**HEALTHY, "filter": FILTER.replace("-A DOCKER-FORWARD -j DOCKER-INGRESS\n", "")}, "ingress-forward"),
        ({**HEALTHY, "routes": GONE}, "ingress-namespace"),
        ({**HEALTHY, "routes": ROUTES.replace("eth1\t00000000\n", "")}, "ingress-interface"),
        (
            {**HEALTHY, "ipvs": TABLE.replace("  -> 0A800007:0000      Masq    1      0          0\n", "")},
            "ingress-backends",
        ),
        (HEALTHY, "ingress-unknown"),
        ({}, "ingress-unknown"),
    ],
)
def test_the_first_thing_missing_on_the_way_is_the_cause(look: dict[str, str], cause: str) -> None:
    (verdict,) = judged(cluster(), seen(cluster(), everywhere("w2"), look=look))
    assert (verdict.status, verdict.evidence["cause"], verdict.subject) == (Status.FAILED, cause, "entry w2")
    assert verdict.fix


def test_an_entry_that_answers_all_but_itself_is_not_said_to_be_shut() -> None:
    (verdict,) = judged(cluster(), seen(cluster(), {("w2", "w2"): SHUT}, look=HEALTHY))
    assert verdict.detail.startswith("published ports of w2 answer the other hosts, but not w2 itself at its own ")
    assert verdict.fix is not None
    assert "(ip rule show)" in verdict.fix
    assert all(
        ("sends", "w2", "w2") in each for each in verdict.needed
    )  # what such a rule proves broken (source-route)


@pytest.mark.parametrize(
    "shut",
    [
        everywhere("w2"),
        {("w2", "w2"): SHUT, ("w1", "w2"): SHUT},
        {("w2", "w2"): SHUT, (OPERATOR, "w2"): SHUT},
        {("w2", "w2"): opened(("n1",))},
    ],
    ids=["all", "another host", "the operator", "a task is missed"],
)
def test_an_entry_of_which_others_complain_too_or_that_answers_itself_in_part_keeps_its_words(
    shut: dict[tuple[str, str], JsonObject],
) -> None:
    (verdict,) = judged(cluster(), seen(cluster(), shut, look=HEALTHY))
    assert "not even from the host itself" in verdict.detail


def test_both_protocols_with_one_cause_are_one_verdict() -> None:
    look = {**HEALTHY, "nat": "*nat\n"}
    answers = seen(cluster(), everywhere("w2"), look=look) | seen(
        cluster(), everywhere("w2"), scenario="mesh-udp", look=look
    )
    (verdict,) = explain(cluster(), answers, ())
    assert verdict.detail.endswith("(tcp, udp)")
    assert MeshUdp().judge(cluster(), answers).verdicts == ()


def test_an_entry_rests_on_the_table_whose_rules_it_lacks_and_closes_for_everyone() -> None:
    (verdict,) = judged(cluster(), seen(cluster(), everywhere("w2"), look={**HEALTHY, "nat": "*nat\n"}))
    assert verdict.needed == (frozenset({claims.rules("w2", "nat")}),)
    assert verdict.broken == {claims.entry("w2", "tcp")}


def test_an_entry_that_misses_a_task_on_another_host_rests_on_the_way_there() -> None:
    shut = dict.fromkeys(everywhere("w3"), opened(("n1",)))
    (verdict,) = judged(cluster(), seen(cluster(), shut, look=HEALTHY))
    assert verdict.evidence["cause"] == "ingress-unknown"
    assert all(claims.mesh_exchange(cluster(), "w3", "w2") <= one for one in verdict.needed)
    assert verdict.broken == frozenset()


def test_an_entry_that_does_not_answer_itself_though_it_has_a_task_is_not_a_consequence_of_any_way() -> None:
    (verdict,) = judged(cluster(), seen(cluster(), everywhere("w2"), look=HEALTHY))
    assert frozenset({claims.mesh_namespace("w2"), claims.bridge("w2")}) in verdict.needed


def test_an_entry_that_answers_only_itself_is_blocked_on_the_way_in() -> None:
    (verdict,) = judged(cluster(), seen(cluster(), {("w1", "w2"): SHUT, ("w3", "w2"): SHUT}, look=HEALTHY))
    assert verdict.evidence["cause"] == "ingress-blocked"
    assert "published ports of w2 are blocked for w1, w3: Connection refused; w2 answers itself" in verdict.detail


def test_a_task_that_no_entry_reaches_is_reported_once_and_not_for_every_entry() -> None:
    shut = {key: opened(("n1",)) for host in HOSTS for key in everywhere(host)}
    (verdict,) = judged(cluster(), seen(cluster(), shut, look=HEALTHY))
    assert (verdict.subject, verdict.evidence["cause"]) == ("routing mesh", "ingress-task")
    assert "no entry node reaches the task on w2" in verdict.detail


def test_only_localhost_failing_is_a_warning() -> None:
    (verdict,) = judged(cluster(), seen(cluster(), {("w2", LOCALHOST): SHUT}, look=HEALTHY))
    assert (verdict.status, verdict.evidence["cause"]) == (Status.WARNING, "ingress-localhost")


def test_an_entry_that_this_machine_alone_does_not_reach_failed_where_others_are_reached() -> None:
    (verdict,) = judged(cluster(), seen(cluster(), {(OPERATOR, "w2"): SHUT}, look=HEALTHY))
    assert (verdict.status, verdict.evidence["cause"]) == (Status.FAILED, "ingress-outside")


def test_published_ports_that_are_all_closed_to_this_machine_prove_nothing() -> None:
    verdicts = judged(cluster(), seen(cluster(), {(OPERATOR, host): SHUT for host in HOSTS}, look=HEALTHY))
    assert [verdict.status for verdict in verdicts] == [Status.INCONCLUSIVE] * 3


def test_hosts_behind_a_jump_host_are_asked_from_inside_and_are_inconclusive_from_here() -> None:
    place = cluster(jumped=HOSTS)
    assert not [question for question in MeshTcp().ask(place, able()) if isinstance(question, OperatorTask)]
    outside, inside = judged(place, seen(place, {}))
    assert (outside.status, inside.status) == (Status.INCONCLUSIVE, Status.OK)
    assert "w1: SSH reaches it through jump host gate" in outside.detail
    assert "from this machine" not in inside.detail


def test_kernels_without_ipvs_are_not_asked_and_are_one_inconclusive() -> None:
    facts: Answers = {(host, "facts"): Answer({"ipvs": False}) for host in HOSTS}
    assert {question.key for question in MeshTcp().ask(cluster(), facts)} == {"facts/host"}
    (verdict,) = judged(cluster(), facts)
    assert (verdict.status, verdict.evidence["cause"]) == (Status.INCONCLUSIVE, "no-ipvs")


def test_a_service_that_could_not_be_published_is_inconclusive_with_the_reason() -> None:
    place = replace(cluster(), mesh=None, mesh_problem="waited 60 s")
    (verdict,) = judged(place, able())
    assert (verdict.status, verdict.detail) == (Status.INCONCLUSIVE, "waited 60 s")


def test_one_host_that_gets_no_answer_from_any_other_is_the_odd_one() -> None:
    """F9: a host that drops answers made the entries of all others look broken."""
    place = cluster()
    (verdict,) = judged(place, seen(place, {("w3", "w1"): SHUT, ("w3", "w2"): SHUT}, look=HEALTHY))
    assert (verdict.subject, verdict.evidence["cause"]) == ("host w3", "ingress-side")
    assert "w1, w2 answer each other" in verdict.detail
    assert verdict.broken >= {claims.door("w3", "w1", "tcp"), claims.door("w3", "w2", "tcp")}


def test_an_entry_that_answers_no_host_stays_the_cause_and_no_side_is_odd() -> None:
    place = cluster()
    (verdict,) = judged(place, seen(place, everywhere("w2"), look=HEALTHY))
    assert verdict.subject == "entry w2"


@pytest.mark.parametrize(
    "few",
    [
        {"ok": True, "seen": {"n1": 3}, "reached": ["n1"], "lost": 0, "tries": 3},
        {"ok": True, "seen": {"n1": 8}, "reached": ["n1", "n2"], "lost": 0, "tries": 8},
    ],
    ids=["too few connections", "reached before the count"],
)
def test_a_task_counts_as_never_reached_only_after_it_had_its_turns(few: JsonObject) -> None:
    place = cluster()
    verdicts = judged(place, seen(place, {("w3", "w1"): few}))
    assert {verdict.status for verdict in verdicts} == {Status.OK}


def test_a_task_that_all_turns_pass_over_is_never_reached() -> None:
    place = cluster()
    passed: JsonObject = {"ok": True, "seen": {"n1": 8}, "reached": ["n1"], "lost": 0, "tries": 8}
    (verdict,) = judged(place, seen(place, {("w3", "w1"): passed}, look=HEALTHY))
    assert verdict.status is Status.FAILED
    assert "the task on w2 is never reached" in verdict.detail
