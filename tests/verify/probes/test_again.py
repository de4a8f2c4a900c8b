"""What a host did not answer while it had no turn is asked again; what counts or answered in full is not."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from swarmnet.model.events import ignore
from swarmnet.verify.probes import again
from swarmnet.verify.probes.gather import Batches, Containers
from swarmnet.verify.scenario import Answer, ObserverTask, ProbeTask
from tests.simulator.clock import SimulatedClock

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.ports import Ports

OK: JsonObject = {"ok": True}
SILENT: JsonObject = {"ok": False, "why": "no answer"}


@dataclass
class Host:
    """A host whose probe says these outcomes for its targets, one a try, the last one from then on."""

    outcomes: dict[str, list[JsonObject]]
    pauses: list[float]
    """Seconds without a turn, as said after each round."""
    asked: list[list[str]] = field(default_factory=list)

    def dialogue(self, _container: str) -> Host:
        return self

    def say(self, line: bytes) -> None:
        self.job = json.loads(line)

    def hear(self, _timeout: float) -> bytes:
        answers = {task["key"]: self._answer(task) for task in self.job["tasks"]}
        return json.dumps({"number": self.job["number"], "answers": answers}).encode()

    def close(self) -> None:
        pass

    def _answer(self, task: JsonObject) -> JsonObject:
        if task["kind"] == again.TURNS:
            return {"longest": self.pauses.pop(0)}
        targets = task["targets"]
        assert isinstance(targets, dict)
        self.asked.append(sorted(targets))
        said = {label: self.outcomes[label] for label in targets}
        return {"targets": {label: one.pop(0) if len(one) > 1 else one[0] for label, one in said.items()}}


def asked(host: Host, kind: str = "udp") -> Answer:
    ports = SimpleNamespace(engine=lambda _name: host, clock=SimulatedClock(), listener=ignore)
    task: JsonObject = {"kind": kind, "targets": dict.fromkeys(host.outcomes, "10.0.0.2")}
    batches = Batches(cast("Ports", ports), "run1", Containers({"m1": "probe"}, {}, {}))
    return batches.ask([ProbeTask("m1", "a", task)], 5.0)["m1", "a"]


def test_targets_that_did_not_answer_while_a_host_had_no_turn_are_asked_again_alone() -> None:
    host = Host({"w1": [OK], "w2": [SILENT, OK]}, pauses=[3.0])
    assert asked(host).value == {"targets": {"w1": OK, "w2": OK}}
    assert host.asked == [["w1", "w2"], ["w2"]]


def test_no_answer_is_believed_where_all_hosts_had_their_turns() -> None:
    host = Host({"w1": [OK], "w2": [SILENT, OK]}, pauses=[again.PAUSE / 2])
    assert asked(host).value == {"targets": {"w1": OK, "w2": SILENT}}
    assert len(host.asked) == 1


def test_a_host_that_never_has_a_turn_is_not_waited_for() -> None:
    host = Host({"w1": [SILENT]}, pauses=[3.0] * 9)
    assert asked(host).value == {"targets": {"w1": SILENT}}
    assert len(host.asked) == 1 + again.TIMES


def test_what_answered_in_full_is_asked_once_also_on_busy_hosts() -> None:
    host = Host({"w1": [OK]}, pauses=[3.0])
    asked(host)
    assert (host.asked, host.pauses) == ([["w1"]], [3.0])


@pytest.mark.parametrize("kind", ["loss", "echoes"])
def test_a_burst_that_counts_what_is_lost_is_never_repeated(kind: str) -> None:
    host = Host({"w1": [{"sent": 9, "came": 3, "lost": 6}]}, pauses=[3.0])
    asked(host, kind)
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("icmp", SILENT),
        ("knock", {"ok": False, "seen": {}, "lost": 1}),
        ("open", {"seen": "silent", "why": "no answer"}),
        ("flows", {"flows": 8, "first": 7, "lost": 1}),
        ("outside", {"code": None, "why": "no answer"}),
        ("reach", SILENT),
    ],
)
def test_every_kind_of_probe_shows_that_nothing_answered(kind: str, outcome: JsonObject) -> None:
    named = kind not in ("reach", "outside")
    task: JsonObject = {"kind": kind, "targets": {"w1": "10.0.0.2"}} if named else {"kind": kind}
    question = ObserverTask("m1", "a", task)
    value: JsonObject = outcome if kind == "reach" else {"targets": {"w1": outcome}}
    assert again.unanswered([question], {("m1", "a"): Answer(value)}) == (question,)


def test_a_later_problem_leaves_the_first_answer() -> None:
    first = {("m1", "a"): Answer({"targets": {"w1": SILENT}})}
    assert again.merged(first, {("m1", "a"): Answer(problem="it ended")}) == first
