"""Firewall rules and IPsec states of encrypted overlays, as three engine versions set them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.model.state import SwarmMembership
from swarmnet.verify.captures import COUNTERS, IPSEC
from swarmnet.verify.ids import CauseId
from swarmnet.verify.iptables import parse
from swarmnet.verify.keys import ESP, SAVE, SAVE_LEGACY, SAVE_NFT, WAYS
from swarmnet.verify.scenario import Answer
from swarmnet.verify.scenarios.encryption.rules import MATCHES, EncryptionRules
from swarmnet.verify.scenarios.encryption.states import IpsecStates
from tests.support.encrypted_captures import VNIS, Wire, bpf, cluster, rules, u32
from tests.support.setups import NO_ESP, facts

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Answers, Scenario

VNI = VNIS["vault"]
MASKED = f'-m bpf --bytecode "6,177 0 0 0,64 0 0 12,84 0 0 4294967040,21 1 0 {VNI << 8},6 0 0 0,6 0 0 4294967295"'


def judged(scenario: Scenario, answers: Answers) -> tuple[Verdict, ...]:
    return scenario.judge(cluster(), answers).verdicts


def printed(text: str) -> Answer:
    return Answer({"exit": 0, "stdout": text, "stderr": ""})


@pytest.mark.parametrize("match", [bpf(VNI), u32(VNI), MASKED], ids=["bpf", "u32", "masked"])
def test_the_rules_of_every_engine_version_are_recognised(match: str) -> None:
    tables = parse(rules(match))
    assert [rule.marks(VNI, 4789) for rule in tables["mangle"].rules] == [True]
    assert [rule.drops(VNI, 4789) for rule in tables["filter"].rules] == [True]
    assert not tables["mangle"].rules[0].marks(VNI + 1, 4789)
    assert not tables["filter"].rules[0].drops(VNI, 7789)


def test_all_rules_in_place_is_one_ok() -> None:
    answers = Wire(cluster()).answers() | {("w2", SAVE.name): printed(rules(u32(VNI)))}
    (verdict,) = judged(EncryptionRules(), answers)
    assert verdict.status is Status.OK


def test_flushed_rules_are_named_with_their_host_after_all_firewalls_were_read() -> None:
    answers = Wire(cluster(), flushed={"w3"}).answers()
    questions = {(question.host, question.key) for question in EncryptionRules().ask(cluster(), answers)}
    assert questions - answers.keys() == {("w3", SAVE_LEGACY.name), ("w3", SAVE_NFT.name)}
    (verdict,) = judged(EncryptionRules(), answers)
    assert verdict.detail.startswith("w3 lacks the rule that encrypts the packets and the one that drops plaintext")
    assert verdict.evidence["cause"] == "rules-flushed"


def test_rules_in_the_other_firewall_of_a_host_count() -> None:
    answers = Wire(cluster(), flushed={"w3"}).answers() | {("w3", SAVE_LEGACY.name): printed(rules(bpf(VNI)))}
    (verdict,) = judged(EncryptionRules(), answers)
    assert verdict.status is Status.OK


@pytest.mark.parametrize(
    ("rule", "lets_in"),
    [
        ("-A INPUT -p udp -m udp --dport 4789 -j ACCEPT", True),
        ("-A INPUT -p udp -m multiport --dports 53,4789 -j ACCEPT", True),
        ("-A INPUT -j ACCEPT", True),
        ("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", False),
        ("-A INPUT -p udp -m udp --dport 53 -j ACCEPT", False),
        ("-A INPUT -i lo -j ACCEPT", False),
        ("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", False),
        ("-A INPUT -p udp -m policy --dir in --pol ipsec -j ACCEPT", False),
        ("-A FORWARD -j ACCEPT", False),
        ("-A INPUT -m comment --comment 'a quote that does not end -j ACCEPT", False),
    ],
)
def test_a_rule_before_the_dropping_one_that_lets_plaintext_in_is_named(rule: str, *, lets_in: bool) -> None:
    answers = Wire(cluster()).answers() | {("w1", SAVE.name): printed(rules(bpf(VNI), before=f"[0:0] {rule}\n"))}
    (verdict,) = judged(EncryptionRules(), answers)
    assert (verdict.status is Status.FAILED, rule.removeprefix("-A ") in verdict.detail) == (lets_in, lets_in)


@pytest.mark.parametrize(
    "answer",
    [Answer({"exit": 127, "stdout": "", "stderr": "sudo: a password is required\n"}), Answer(problem="timed out")],
)
def test_rules_that_could_not_be_read_are_inconclusive(answer: Answer) -> None:
    (verdict,) = judged(EncryptionRules(), Wire(cluster()).answers() | {("w1", SAVE.name): answer})
    assert (verdict.status, verdict.subject) == (Status.INCONCLUSIVE, "host w1")


def _changed(answers: Answers, host: str, kind: str, **fields: JsonValue) -> Answers:
    """Return answers in which the first row of a host's list has other fields; None takes the row away."""
    for key in IPSEC:
        listed = answers[host, key.name].value[kind]
        assert isinstance(listed, list)
        first = listed[0]
        assert isinstance(first, dict)
        changed: list[JsonValue] = [{**first, **fields}, *listed[1:]] if fields else listed[1:]
        answers[host, key.name] = Answer({**answers[host, key.name].value, kind: changed})
    return answers


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("policies", {}, "no policy that encrypts: w1 -> w2"),
        ("policies", {"port": 7789}, "encrypts port 7789, but VXLAN uses 4789"),
        ("policies", {"mark": 1}, "another mark"),
        ("policies", {"spi": "0x1"}, "no state for the policy's SPI"),
        ("states", {"cipher": "cbc(des)"}, "another cipher"),
    ],
)
def test_each_trouble_with_a_pair_is_named(kind: str, fields: JsonObject, words: str) -> None:
    (verdict,) = judged(IpsecStates(), _changed(Wire(cluster()).answers(), "w1", kind, **fields))
    assert (verdict.status, words in verdict.detail) == (Status.FAILED, True), verdict.detail


@pytest.mark.parametrize(
    ("fields", "cause", "advice"),
    [
        ({"port": 7789}, CauseId.IPSEC_PORT, "upgrade the engine"),
        ({"source": "::"}, CauseId.IPSEC_ADDRESS, "--advertise-addr"),
    ],
)
def test_an_engine_that_encrypts_another_port_or_without_its_address_is_named(
    fields: JsonObject, cause: CauseId, advice: str
) -> None:
    (verdict,) = judged(IpsecStates(), _changed(Wire(cluster()).answers(), "w1", "policies", **fields))
    assert (verdict.cause, verdict.evidence["hosts"], advice in str(verdict.fix)) == (cause, ["w1"], True)


@pytest.mark.parametrize(("source", "cause"), [("10.77.0.1", CauseId.IPSEC_SOURCE), ("192.0.2.1", None)])
def test_an_engine_that_encrypts_from_another_address_than_packets_leave_from_is_named(
    source: str, cause: CauseId | None
) -> None:
    """F08: no policy matches what leaves from a data path's address; an answer without an address says nothing."""
    answers = Wire(cluster()).answers()
    for key in IPSEC:
        listed = answers["w1", key.name].value["policies"]
        assert isinstance(listed, list)
        policies: list[JsonValue] = [{**one, "source": "192.0.2.1"} for one in listed if isinstance(one, dict)]
        answers["w1", key.name] = Answer({**answers["w1", key.name].value, "policies": policies})
    ways: JsonObject = {"w2": {"ok": True, "local": source}, "w3": {"ok": True, "local": None}}
    (verdict,) = judged(IpsecStates(), answers | {("w1", WAYS.name): Answer({"targets": ways})})
    assert (verdict.cause, verdict.evidence.get("pairs")) == (cause, [["w1", "w2"]] if cause else None)
    assert ("moby#41421" in verdict.detail) is bool(cause)


def test_policies_to_addresses_of_no_node_are_distinguished_from_none() -> None:
    answers = _changed(Wire(cluster()).answers(), "w1", "policies", target="10.77.0.2")
    (verdict,) = judged(IpsecStates(), answers)
    assert (verdict.evidence["pairs"], "keep peers that are gone" in verdict.detail) == ([["w1", "w2"]], True)
    assert verdict.status is Status.FAILED


def test_policies_to_addresses_that_are_not_known_prove_nothing() -> None:
    """F08: an address of a data path that neither the engine nor its file nor the inventory says."""
    setup = cluster()
    observers = tuple(replace(one, unknown="sudo wants a password") for one in setup.observers)
    answers = _changed(Wire(setup).answers(), "w1", "policies", target="10.77.0.2")
    (verdict,) = IpsecStates().judge(replace(setup, observers=observers), answers).verdicts
    assert (verdict.status, "data_path:" in str(verdict.fix)) == (Status.INCONCLUSIVE, True)


@pytest.mark.parametrize(
    ("version", "known", "cause"),
    [
        ("20.10.23", "conntrack bpf policy", CauseId.NO_VNI_MATCH),
        ("23.0.2", "conntrack bpf policy", CauseId.NO_VNI_MATCH),
        ("20.10.24", "conntrack bpf policy", CauseId.RULES_FLUSHED),
        ("20.10.24", "conntrack u32 policy", CauseId.RULES_FLUSHED),
        ("26.1.5", "conntrack policy", CauseId.NO_VNI_MATCH),
        ("26.1.5", "", CauseId.RULES_FLUSHED),
        ("dev", "conntrack policy", CauseId.RULES_FLUSHED),
    ],
)
def test_rules_that_the_kernel_has_no_match_for_were_not_flushed(version: str, known: str, cause: CauseId) -> None:
    setup, answers = cluster(), Wire(cluster(), flushed={"w3"}).answers()
    seen = facts("w3", SwarmMembership())
    engine = seen.engine.model_copy(update={"version": version})
    state = setup.state.model_copy(update={"hosts": (seen.model_copy(update={"engine": engine}),)})
    answers |= {("w3", MATCHES.name): Answer({"exit": 0, "stdout": "\n".join(known.split())})}
    (verdict,) = EncryptionRules().judge(replace(setup, state=state), answers).verdicts
    assert (verdict.cause, verdict.evidence["hosts"]) == (cause, ["w3"])


def test_keys_that_differ_are_reported_by_the_receivers_missing_state() -> None:
    (verdict,) = judged(IpsecStates(), _changed(Wire(cluster()).answers(), "w2", "states", spi="0x1"))
    assert verdict.detail.endswith("(their keys differ): w1 -> w2")


def test_agreeing_states_are_one_ok() -> None:
    assert [verdict.status for verdict in judged(IpsecStates(), Wire(cluster()).answers())] == [Status.OK]


def test_packets_that_ipsec_dropped_during_the_run_are_counted() -> None:
    answers = Wire(cluster()).answers()
    answers["w2", COUNTERS[1].name] = Answer({"ip": {}, "xfrm": {"XfrmInNoStates": 5, "XfrmInHdrError": 0}})
    (verdict,) = judged(IpsecStates(), answers)
    assert "IPsec on w2 dropped packets during the run: XfrmInNoStates +4" in verdict.detail


def test_a_key_that_is_nearly_used_up_is_a_warning() -> None:
    answers = _changed(Wire(cluster()).answers(), "w1", "states", sequence=int(0.8 * 2**32))
    (verdict,) = judged(IpsecStates(), answers)
    assert (verdict.status, "80%" in verdict.detail) == (Status.WARNING, True)


def test_hosts_without_esp_or_without_lists_are_inconclusive() -> None:
    answers = Wire(cluster()).answers() | {("w1", ESP.name): Answer(NO_ESP)}
    answers["w2", IPSEC[0].name] = Answer({"problem": "the kernel lists no IPsec states"})
    verdicts = judged(IpsecStates(), answers)
    assert {verdict.status for verdict in verdicts} == {Status.INCONCLUSIVE}
    assert {verdict.subject for verdict in verdicts} == {"host w2", "kernels"}
