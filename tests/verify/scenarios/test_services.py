"""Names and virtual addresses, judged from answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.verify.causes.pairs import explain
from swarmnet.verify.scenario import Answer, Answers, ProbeTask
from swarmnet.verify.scenarios.balancing.vip import VirtualAddress
from swarmnet.verify.scenarios.names.names import ContainerNames, ServiceNames
from tests.support.setups import make_setup

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.verify.scenario import Scenario, Setup


def said(scenario: Scenario, cluster: Setup, *, missing: tuple[str, ...] = ()) -> Answers:
    """Return right answers to a scenario's look-ups, except the labels that no host finds."""
    found: Answers = {}
    for question in scenario.ask(cluster, {}):
        assert isinstance(question, ProbeTask)
        targets = question.task["targets"]
        assert isinstance(targets, dict)
        outcomes: JsonObject = {
            label: {"ok": label not in missing, "why": "no such name", "addresses": [], "tries": 1} for label in targets
        }
        found[question.host, question.key] = Answer({"targets": outcomes})
    return found


def test_right_names_are_one_ok_a_network() -> None:
    (verdict,) = ContainerNames().judge(make_setup(), said(ContainerNames(), make_setup())).verdicts
    assert (verdict.status, verdict.detail) == (Status.OK, "all 6 look-ups of the container name are correct")


def test_a_name_that_no_host_finds_is_one_verdict() -> None:
    (verdict,) = ContainerNames().judge(make_setup(), said(ContainerNames(), make_setup(), missing=("w2",))).verdicts
    assert verdict.status is Status.FAILED
    assert "container name of w2 on front: probe-2.front resolves to no such name, not to 10.0.0.2" in verdict.detail
    assert verdict.fix is not None
    assert "7946" in verdict.fix


def test_without_a_service_its_names_are_inconclusive() -> None:
    cluster = replace(make_setup(), service=None, service_problem="waited 60 s")
    (verdict,) = ServiceNames().judge(cluster, {}).verdicts
    assert (verdict.status, verdict.detail) == (Status.INCONCLUSIVE, "waited 60 s")


def test_kernels_without_ipvs_are_one_inconclusive_and_are_not_asked_to_connect() -> None:
    cluster = make_setup()
    facts: Answers = {(s.host, "facts"): Answer({"ipvs": False}) for s in cluster.probes}
    assert {question.key for question in VirtualAddress().ask(cluster, facts)} == {"facts"}
    assert VirtualAddress().judge(cluster, facts).verdicts == ()
    (verdict,) = explain(cluster, facts, ())
    assert verdict.status is Status.INCONCLUSIVE
    assert "no IPVS" in verdict.detail


def test_a_virtual_address_that_does_not_answer_where_ipvs_is_there_failed() -> None:
    cluster = make_setup()
    found: Answers = {(s.host, "facts"): Answer({"ipvs": True}) for s in cluster.probes}
    for probe in cluster.probes:
        outcome: JsonObject = {"ok": probe.host != "w2", "why": "no answer", "tries": 3}
        found[probe.host, "vip/front"] = Answer({"targets": {"vip": outcome}})
    (verdict,) = VirtualAddress().judge(cluster, found).verdicts
    assert (verdict.status, "from w2: no answer" in verdict.detail) == (Status.FAILED, True)
