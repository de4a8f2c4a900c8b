"""Encryption on the wire, forged plaintext, and why nothing arrives: judged from what observers counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.verify.captures import CAPTURE, COLLECT, MARKED_HEARD, capture_questions, marker, peers_of
from swarmnet.verify.causes.esp import why_blocked
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import ESP
from swarmnet.verify.scenario import Answer
from swarmnet.verify.scenarios.encryption.injection import PlaintextInjection
from swarmnet.verify.scenarios.encryption.on_the_wire import EncryptionOnTheWire
from tests.support.encrypted_captures import Wire, cluster, spi, vtep
from tests.support.setups import NO_ESP

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Answers, Scenario, Setup

BOTH = (EncryptionOnTheWire(), PlaintextInjection())


def verdict_of(scenario: Scenario, setup: Setup, answers: Answers) -> Verdict:
    (verdict,) = scenario.judge(setup, answers).verdicts
    return verdict


@pytest.mark.parametrize("scenario", BOTH, ids=lambda one: one.name)
def test_a_healthy_wire_is_proved_with_its_control_named(scenario: Scenario) -> None:
    verdict = verdict_of(scenario, cluster(), Wire(cluster()).answers())
    assert verdict.status is Status.OK
    assert "plain" in verdict.detail


@pytest.mark.parametrize("scenario", BOTH, ids=lambda one: one.name)
def test_a_host_without_its_rules_is_named(scenario: Scenario) -> None:
    verdict = verdict_of(scenario, cluster(), Wire(cluster(), flushed={"w3"}).answers())
    assert verdict.status is Status.FAILED
    assert verdict.evidence["hosts"] == ["w3"]


@pytest.mark.parametrize("scenario", BOTH, ids=lambda one: one.name)
def test_without_an_encrypted_network_there_is_nothing_to_prove(scenario: Scenario) -> None:
    setup = replace(cluster(), networks=cluster().networks[:1])
    assert scenario.ask(setup, {}) == ()
    assert verdict_of(scenario, setup, {}).status is Status.SKIPPED


@pytest.mark.parametrize("scenario", BOTH, ids=lambda one: one.name)
def test_without_a_plain_overlay_silence_proves_nothing(scenario: Scenario) -> None:
    setup = replace(cluster(), networks=cluster().networks[1:], control_problem="the address pool is used up")
    verdict = verdict_of(scenario, setup, Wire(cluster()).answers())
    assert verdict.status is Status.INCONCLUSIVE
    assert "positive control (the address pool is used up)" in verdict.detail


def test_a_filter_that_misses_the_marker_on_the_plain_overlay_proves_nothing() -> None:
    verdict = verdict_of(EncryptionOnTheWire(), cluster(), Wire(cluster(), blind={"w2"}).answers())
    assert verdict.status is Status.INCONCLUSIVE
    assert "on plain plain leaving w2" in verdict.detail


def test_a_leak_counts_even_where_the_filter_reads_no_marker() -> None:
    verdict = verdict_of(EncryptionOnTheWire(), cluster(), Wire(cluster(), blind={"w2"}, flushed={"w2"}).answers())
    assert verdict.status is Status.FAILED
    assert verdict.detail.startswith("w2 sends vault unencrypted: 40 plaintext VXLAN packets left, no marker")


def test_a_capture_that_missed_packets_proves_nothing() -> None:
    verdict = verdict_of(EncryptionOnTheWire(), cluster(), Wire(cluster(), busy={"w1"}).answers())
    assert (verdict.status, "missed packets (9)" in verdict.detail) == (Status.INCONCLUSIVE, True)


@pytest.mark.parametrize("key", [CAPTURE.name, COLLECT.name])
def test_a_capture_that_failed_says_why(key: str) -> None:
    answers = Wire(cluster()).answers() | {("w1", key): Answer(problem="connection lost")}
    verdict = verdict_of(EncryptionOnTheWire(), cluster(), answers)
    assert (verdict.status, "connection lost" in verdict.detail) == (Status.INCONCLUSIVE, True)


def test_esp_of_another_spi_than_the_policys_is_a_failure() -> None:
    answers = Wire(cluster()).answers()
    answers["w1", COLLECT.name].value["sent"]["esp"][vtep("w2")] = {"0xffffffff": 50}  # type: ignore[index,call-overload]
    verdict = verdict_of(EncryptionOnTheWire(), cluster(), answers)
    assert (verdict.status, verdict.evidence["pairs"]) == (Status.FAILED, [["w1", "w2"]])


def test_a_kernel_without_esp_is_inconclusive_and_named() -> None:
    answers = Wire(cluster()).answers() | {("w2", ESP.name): Answer(NO_ESP)}
    verdict = verdict_of(EncryptionOnTheWire(), cluster(), answers)
    assert (verdict.status, "cannot do ESP on w2" in verdict.detail) == (Status.INCONCLUSIVE, True)


def test_forged_packets_that_arrive_nowhere_prove_nothing() -> None:
    verdict = verdict_of(PlaintextInjection(), cluster(), Wire(cluster(), deaf=True).answers())
    assert (verdict.status, "did not arrive on plain plain either" in verdict.detail) == (Status.INCONCLUSIVE, True)


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("wire/inject/vault", Answer({"problem": "has no hardware address"})),
        ("wire/inject/plain", Answer(problem="connection lost")),
        (MARKED_HEARD.name, Answer(problem="connection lost")),
    ],
)
def test_forging_that_failed_or_was_not_reported_proves_nothing(key: str, answer: Answer) -> None:
    verdict = verdict_of(PlaintextInjection(), cluster(), Wire(cluster()).answers() | {("w2", key): answer})
    assert verdict.status is Status.INCONCLUSIVE


def test_captures_begin_before_markers_leave_and_end_after_them() -> None:
    setup, everything = cluster(), Wire(cluster()).answers()
    first = {question.key for question in capture_questions(setup, {})}
    assert CAPTURE.name in first
    assert not any("mark" in key or "inject" in key for key in first)
    begun = {place: answer for place, answer in everything.items() if place[1] in first}
    second = {question.key for question in capture_questions(setup, begun)} - first
    assert second == {"wire/mark/plain", "wire/mark/vault", "wire/inject/plain", "wire/inject/vault"}
    marked = {(q.host, q.key): Answer() for q in capture_questions(setup, begun)} | begun
    assert COLLECT.name in {question.key for question in capture_questions(setup, marked)}


def test_many_hosts_send_to_two_others_each_so_that_everyone_sends_and_receives() -> None:
    setup = cluster(20)
    targets = {host.host: peers_of(setup, host.host) for host in setup.probes}
    assert all(len(set(peers)) == 2 and host not in peers for host, peers in targets.items())
    assert {peer for peers in targets.values() for peer in peers} == targets.keys()


def test_no_two_senders_or_networks_have_the_same_marker() -> None:
    setup = cluster()
    markers = {marker(setup, host, net) for host in ("w1", "w2") for net in ("plain", "vault")}
    assert len(markers) == 4
    assert marker(replace(setup, run="run2"), "w1", "plain") not in markers


def test_why_esp_is_lost_is_seen_from_both_ends() -> None:
    setup = cluster()
    wire = Wire(setup, blocked={("w1", "w2")})
    blocked = why_blocked(setup, wire.answers(), [("w1", "w2")])
    assert blocked is not None
    assert (blocked.cause, "ESP leaves w1 (22 packets) and none of it arrives at w2" in blocked.detail) == (
        "esp-blocked",
        True,
    )
    arrived = why_blocked(setup, wire.answers(), [("w2", "w1")])
    assert arrived is not None
    assert arrived.cause == "esp-undelivered"
    flushed = why_blocked(setup, Wire(setup, flushed={"w3"}).answers(), [("w3", "w1"), ("w3", "w2")])
    assert flushed is not None
    assert (flushed.cause, "is missing on w3" in flushed.detail) == ("rules-flushed", True)


def test_why_esp_is_lost_stays_open_where_no_host_watched() -> None:
    assert why_blocked(replace(cluster(), observers=()), {}, [("w1", "w2")]) is None
    assert why_blocked(cluster(), Wire(cluster(), busy={"w2"}).answers(), [("w1", "w2")]) is None


def test_a_sender_without_a_state_sends_nothing() -> None:
    answers = Wire(cluster()).answers()
    answers["w1", COLLECT.name].value["sent"]["esp"] = {}  # type: ignore[index,call-overload]
    why = why_blocked(cluster(), answers, [("w1", "w2")])
    assert why is not None
    assert why.cause == "no-esp-sent"
    assert spi("w1", "w2") == "0x00010002"


def test_esp_that_arrives_from_another_address_was_translated_on_the_way() -> None:
    answers = Wire(cluster(), blocked={("w1", "w2")}).answers()
    arrived = answers["w2", COLLECT.name].value["received"]
    assert isinstance(arrived, dict)
    arrived["esp"] = {"192.0.2.99": {spi("w1", "w2"): 20}}
    why = why_blocked(cluster(), answers, [("w1", "w2")])
    assert why is not None
    assert (why.cause, "arrives at w2 from 192.0.2.99" in why.detail) == (CauseId.TRANSLATED, True)
