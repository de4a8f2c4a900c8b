"""Look-ups that fail: each direction told as it is, and the engine's resolver told apart from gossip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.scenarios.causes import explain
from swarmnet.scenarios.consequences import traced
from swarmnet.scenarios.dns_container import ContainerNames
from swarmnet.scenarios.dns_service import ServiceNames
from swarmnet.scenarios.interface import Answer, Answers, ProbeTask
from tests.scenarios.staging import scene

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject
    from swarmnet.scenarios.interface import Scenario, Scene


def said(
    scenario: Scenario, stage: Scene, wrong: Iterable[tuple[str, str]], *, why: str = "no such name", code: bool = True
) -> Answers:
    """Return the answers to a scenario's look-ups, wrong where a host asks for a label in ``wrong``."""
    lost, found = set(wrong), Answers()
    for question in scenario.ask(stage, {}):
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
    (verdict,) = ContainerNames().judge(scene(), said(ContainerNames(), scene(), wrong)).verdicts
    assert verdict.detail.startswith(f"{sentence} on front: ")


def test_hosts_that_get_a_service_wrong_are_one_verdict() -> None:
    labels = ("the service", "the service's alias")
    answers = said(ServiceNames(), scene(), [(host, label) for host in ("w1", "w2") for label in labels])
    (verdict,) = ServiceNames().judge(scene(), answers).verdicts
    assert verdict.detail.startswith("w1, w2 do not get the right name of the service, the service's alias on front")


@pytest.mark.parametrize("why", ["no answer", "Connection refused"])
def test_a_resolver_that_answers_nothing_is_the_cause_and_gossip_is_not_blamed(why: str) -> None:
    """F7, F15: broken embedded DNS is no blocked 7946, and a refusal is a failure in words."""
    wrong = [("w2", "w1"), ("w2", "w3")]
    answers = said(ContainerNames(), scene(), wrong, why=why, code=False)
    found = traced([*ContainerNames().judge(scene(), answers).verdicts, *explain(scene(), answers, ())])
    (root,) = [one for one in found if not one.because_of]
    assert (root.status, root.evidence["cause"], root.evidence["hosts"]) == (Status.FAILED, "resolver", ["w2"])
    assert f"answers no container on w2: {why}" in root.detail
    assert "7946" not in str(root.fix)
