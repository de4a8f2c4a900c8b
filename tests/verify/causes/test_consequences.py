"""Which verdicts are causes and which follow from them: laws of the step, and faults with all that they turn red."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.model.report import Status, Verdict
from swarmnet.verify.causes.consequences import STRENGTH, traced
from swarmnet.verify.causes.pairs import explain
from swarmnet.verify.claims import apart
from swarmnet.verify.keys import SAVE
from swarmnet.verify.scenario import Answer
from swarmnet.verify.scenarios.balancing.hairpin import Hairpin
from swarmnet.verify.scenarios.encryption.injection import PlaintextInjection
from swarmnet.verify.scenarios.encryption.on_the_wire import EncryptionOnTheWire
from swarmnet.verify.scenarios.encryption.rules import EncryptionRules
from swarmnet.verify.scenarios.encryption.states import IpsecStates
from swarmnet.verify.scenarios.pairs.matrix import TcpMatrix, UdpMatrix
from swarmnet.verify.scenarios.sizes.overlay import OverlayMtu
from swarmnet.verify.scenarios.sizes.underlay import UnderlayMtu
from tests.support.encrypted_captures import Wire, cluster, rules, u32
from tests.support.setups import answers as said

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject
    from swarmnet.verify.scenario import Answers, Scenario, Setup

KNOWN = [("path", "w1"), ("path", "w2"), ("rules", "w1"), apart("front")]
PLACES = st.frozensets(st.sampled_from(KNOWN), max_size=2)
VERDICTS = st.builds(
    Verdict,
    scenario=st.sampled_from(["icmp", "tcp", "mtu"]),
    subject=st.sampled_from(["w1", "w2"]),
    status=st.sampled_from(list(Status)),
    detail=st.integers(0, 99).map(str),
    broken=PLACES,
    needed=st.lists(PLACES, max_size=2).map(tuple),
)
RUNS = st.lists(VERDICTS, max_size=7)


def words(verdict: Verdict) -> tuple[str, ...]:
    return (verdict.scenario, verdict.subject, verdict.status.value, verdict.detail)


@given(RUNS)
def test_no_verdict_disappears_and_none_but_a_warning_changes_its_status(run: list[Verdict]) -> None:
    def known(verdicts: Iterable[Verdict]) -> Counter[tuple[str, ...]]:
        worse = (one.model_copy(update={"status": Status.FAILED}) if is_grave(one) else one for one in verdicts)
        return Counter(map(words, worse))

    def is_grave(one: Verdict) -> bool:
        return one.status is Status.WARNING and apart("front") in one.broken

    assert known(traced(run)) == known(run)


def lacking(status: Status, *, broken: bool) -> Verdict:
    places = (frozenset((apart("front"),)),)
    made = Verdict(scenario="subnets" if broken else "egress", subject="x", status=status, detail="")
    return made.model_copy(update={"broken": places[0]} if broken else {"needed": places})


@pytest.mark.parametrize("status", [Status.FAILED, Status.WARNING])
def test_a_warning_is_as_bad_as_what_certainly_breaks_by_it_and_explains_that(status: Status) -> None:
    """Seen with a subnet that hid an address outside: the warning came after all failures, its own included."""
    other = Verdict(scenario="clocks", subject="w1", status=Status.WARNING, detail="")
    found = traced([other, lacking(status, broken=False), lacking(Status.WARNING, broken=True)])
    assert [(one.scenario, one.status, bool(one.because_of)) for one in found if one.scenario != "clocks"] == [
        ("subnets", status, False),
        ("egress", status, True),
    ]
    assert found[-1 if status is Status.FAILED else 0].scenario == "clocks"


@given(RUNS)
def test_what_follows_from_a_cause_names_one_that_is_there_and_is_at_least_as_bad(run: list[Verdict]) -> None:
    found = traced(run)
    for verdict in found:
        for cause in verdict.because_of:
            root = found[cause.verdict]
            assert (root.scenario, root.subject, root.because_of) == (cause.scenario, cause.subject, ())
            assert STRENGTH[root.status] <= STRENGTH[verdict.status]


@given(RUNS)
def test_a_failure_on_a_place_that_no_other_verdict_proved_broken_stays_a_cause(run: list[Verdict]) -> None:
    found = traced(run)
    for at, verdict in enumerate(found):
        others = [other.broken for number, other in enumerate(found) if number != at and other.status in STRENGTH]
        touched = frozenset[tuple[str, ...]]().union(*others)
        if not verdict.needed or any(not places & touched for places in verdict.needed):
            assert verdict.because_of == ()


@given(RUNS)
def test_where_something_failed_something_that_failed_is_the_cause(run: list[Verdict]) -> None:
    causes = {verdict.status for verdict in traced(run) if not verdict.because_of}
    assert (Status.FAILED in causes) == any(verdict.status is Status.FAILED for verdict in run)


def test_a_consequence_of_a_consequence_names_the_cause_at_the_end() -> None:
    last, middle, first = (
        Verdict(scenario=name, subject="w1", status=Status.FAILED, detail="", broken=frozenset(broken), needed=needed)
        for name, broken, needed in (
            ("last", (), (frozenset({("b",)}),)),
            ("middle", {("b",)}, (frozenset({("a",)}),)),
            ("first", {("a",)}, ()),
        )
    )
    found = traced([last, middle, first])
    assert [(one.scenario, [cause.scenario for cause in one.because_of]) for one in found] == [
        ("first", []),
        ("last", ["first"]),
        ("middle", ["first"]),
    ]


def reported(setup: Setup, answers: Answers, *scenarios: Scenario) -> dict[str, list[str]]:
    """Return each cause that is not well, with the scenarios that follow from it."""
    findings = [scenario.judge(setup, answers) for scenario in scenarios]
    matrices = [matrix for one in findings for matrix in one.matrices]
    verdicts = traced([*(v for one in findings for v in one.verdicts), *explain(setup, answers, matrices)])
    bad = [one for one in verdicts if one.status in STRENGTH]
    found: dict[str, list[str]] = {f"{one.scenario}: {one.subject}": [] for one in bad if not one.because_of}
    for one in bad:
        for cause in one.because_of:
            found[f"{cause.scenario}: {cause.subject}"].append(one.scenario)
    return {name: sorted(following) for name, following in found.items()}


ENCRYPTED = (UdpMatrix(), EncryptionOnTheWire(), PlaintextInjection(), IpsecStates(), EncryptionRules())


def silent(setup: Setup, host: str) -> Answers:
    """Return what the probes of the encrypted overlay say when nothing of this host's arrives."""
    lost = [(host, probe.host) for probe in setup.probes if probe.host != host]
    return said(setup, lost, on=["vault"])


def test_missing_rules_are_the_cause_of_lost_pairs_leaks_and_accepted_forgeries() -> None:
    setup = cluster()
    answers = silent(setup, "w3") | Wire(setup, flushed={"w3"}).answers()
    assert reported(setup, answers, *ENCRYPTED) == {"encryption-rules: host w3": ["encryption", "injection", "matrix"]}


def flushed(*tables: str) -> str:
    """Return what iptables-save prints where these tables were flushed: the chains are left."""
    whole = {
        "mangle": rules(u32(4098)).partition("*filter")[0],
        "filter": "*filter\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\n-A FORWARD -o docker0 -j DOCKER\n"
        + rules(u32(4098)).partition("[9:9]\n")[2],
        "nat": "*nat\n:DOCKER - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\nCOMMIT\n",
    }
    chains = {"mangle": ":OUTPUT ACCEPT [0:0]", "filter": ":DOCKER-USER - [0:0]", "nat": ":DOCKER - [0:0]"}
    empty = {table: f"*{table}\n{chains[table]}\nCOMMIT\n" for table in tables}
    return "".join({**whole, **empty}.values())


def test_a_flushed_firewall_is_the_cause_of_the_missing_encryption_rules_too() -> None:
    setup = cluster()
    answers = silent(setup, "w3") | Wire(setup, flushed={"w3"}).answers()
    answers["w3", SAVE.name] = Answer({"exit": 0, "stdout": flushed("mangle", "filter", "nat"), "stderr": ""})
    following = ["encryption", "encryption-rules", "injection", "matrix"]
    assert reported(setup, answers, *ENCRYPTED) == {"firewall: host w3": following}


def test_a_flushed_filter_table_is_known_by_its_bridges_where_a_new_network_led_to_docker_user_again() -> None:
    setup = cluster()
    answers = silent(setup, "w3") | Wire(setup, flushed={"w3"}).answers()
    again = flushed("mangle", "filter", "nat").replace(
        ":DOCKER-USER - [0:0]\n", ":DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\n"
    )
    answers["w3", SAVE.name] = Answer({"exit": 0, "stdout": again, "stderr": ""})
    following = ["encryption", "encryption-rules", "injection", "matrix"]
    assert reported(setup, answers, *ENCRYPTED) == {"firewall: host w3": following}


def test_a_flushed_table_explains_no_missing_rule_of_another_table() -> None:
    setup = cluster()
    answers = silent(setup, "w3") | Wire(setup, flushed={"w3"}).answers()
    unmarked = flushed("nat").replace("0xd0c4e3", "0x1")
    answers["w3", SAVE.name] = Answer({"exit": 0, "stdout": unmarked, "stderr": ""})
    assert reported(setup, answers, EncryptionRules()) == {"firewall: host w3": [], "encryption-rules: host w3": []}


def knocked(setup: Setup, missing: dict[str, str]) -> Answers:
    """Return what tasks say that knocked at their own service on ``vault``; hosts in ``missing`` lost one task."""
    nodes = {f"n{probe.host[1:]}": probe.host for probe in setup.probes}
    found: Answers = {}
    for host in nodes.values():
        seen: JsonObject = {node: 2 for node, peer in nodes.items() if peer != missing.get(host)}
        lost = 2 if host in missing else 0
        outcome: JsonObject = {"ok": not lost, "seen": seen, "lost": lost, "tries": 6, "why": "no answer"}
        found[host, "hairpin"] = Answer(
            {"targets": {"vault": outcome, "plain": {**outcome, "lost": 0, "seen": {"n1": 2, "n2": 2, "n3": 2}}}}
        )
        found[host, "facts"] = Answer({"ipvs": True})
    return found


def serving() -> Setup:
    """Return a setup whose probe service has a task on every host."""
    setup = cluster()
    assert setup.service is not None
    nodes = {f"n{probe.host[1:]}": probe.host for probe in setup.probes}
    return replace(setup, service=replace(setup.service, backends=nodes))


def test_blocked_esp_explains_the_tasks_behind_it_and_no_other() -> None:
    setup = serving()
    base = said(setup, [("w1", "w2")], on=["vault"]) | Wire(setup, blocked={("w1", "w2")}).answers()
    behind = base | knocked(setup, {"w1": "w2", "w2": "w1"})
    assert reported(setup, behind, UdpMatrix(), Hairpin()) == {"matrix: network vault": ["hairpin"]}
    elsewhere = base | knocked(setup, {"w1": "w2", "w3": "w1"})
    assert reported(setup, elsewhere, UdpMatrix(), Hairpin()) == {
        "matrix: network vault": [],
        "hairpin: network vault": [],
    }


def test_of_a_few_connections_a_task_that_had_no_turn_is_not_taken_for_one_that_was_not_reached() -> None:
    setup = serving()
    answers = said(setup, [("w1", "w2")], on=["vault"]) | Wire(setup, blocked={("w1", "w2")}).answers()
    answers |= knocked(setup, {"w1": "w2", "w2": "w1"})
    met_twice: JsonObject = {"ok": False, "seen": {"n1": 1}, "lost": 2, "tries": 3, "why": "no answer"}
    fair: JsonObject = {"ok": True, "seen": {"n1": 2, "n2": 2, "n3": 2}, "lost": 0, "tries": 6, "why": ""}
    answers["w1", "hairpin"] = Answer({"targets": {"vault": met_twice, "plain": fair}})
    assert reported(setup, answers, UdpMatrix(), Hairpin()) == {"matrix: network vault": ["hairpin"]}


def test_a_task_that_does_not_meet_itself_is_not_a_consequence_of_a_blocked_pair() -> None:
    setup = serving()
    answers = said(setup, [("w1", "w2")], on=["vault"]) | Wire(setup, blocked={("w1", "w2")}).answers()
    answers |= knocked(setup, {"w1": "w1"})
    assert reported(setup, answers, UdpMatrix(), Hairpin()) == {
        "matrix: network vault": [],
        "hairpin: network vault": [],
    }


def test_a_link_that_loses_large_packets_is_one_cause_with_stalled_transfers_behind_it() -> None:
    setup = cluster()
    answers = said(setup) | Wire(setup).answers()
    pairs = [(one, other) for one in ("w1", "w2", "w3") for other in ("w1", "w2", "w3") if one != other]
    for source, target in pairs:
        if "w1" in (source, target):
            cut: JsonObject = {
                "ok": False,
                "why": "no answer",
                "largest": 1400,
                "exact": True,
                "beyond": "",
                "tries": 9,
            }
            stalled: JsonObject = {"ok": False, "stage": "transfer", "why": "no answer", "tries": 2}
            for key, outcome in (
                ("wire/sizes/1500", cut),
                ("sizes/vault", {**cut, "largest": 1324}),
                ("sizes/plain", {**cut, "largest": 1350}),
                ("tcp/vault", stalled),
                ("tcp/plain", stalled),
            ):
                answers[source, key].value["targets"][target] = outcome  # type: ignore[index,call-overload]
    found = reported(setup, answers, UdpMatrix(), TcpMatrix(), OverlayMtu(), UnderlayMtu())
    assert found == {"underlay-mtu: link of w1": ["matrix", "matrix", "mtu"]}
