"""Questions for one host: its containers and its shell are asked at the same time, and one failure is its own."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from swarmnet.errors import EngineError
from swarmnet.model.events import ignore
from swarmnet.verify.probes.gather import Batches, Containers
from swarmnet.verify.scenario import HostCommand, InsideTask, ObserverTask, ProbeTask, ServiceTask
from tests.simulator.clock import SimulatedClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.ports import Ports

BOXES = Containers({"m1": "probe"}, {"m1": "observer"}, {"m1": "task"}, {("m1", "web.1"): "inside"})
QUESTIONS = (
    ProbeTask("m1", "a", {"kind": "facts"}),
    ObserverTask("m1", "b", {"kind": "facts"}),
    ServiceTask("m1", "c", {"kind": "facts"}),
    InsideTask("m1", "d", {"kind": "facts"}, "web.1"),
    HostCommand("m1", "e", ("true",)),
)


@dataclass
class Host:
    """A host whose containers and shell answer once all of them have been asked."""

    lost: str = ""
    """The container that ends instead."""
    meet: threading.Barrier = field(default_factory=lambda: threading.Barrier(len(QUESTIONS)))

    def dialogue(self, container: str) -> Dialogue:
        return Dialogue(self, container)

    def run(self, _argv: Sequence[str], *, timeout: float, sudo: bool) -> SimpleNamespace:
        self.meet.wait(timeout)
        return SimpleNamespace(exit_code=int(sudo), stdout=b"", stderr=b"")


@dataclass
class Dialogue:
    host: Host
    container: str
    asked: bytes = b""

    def say(self, line: bytes) -> None:
        self.asked = line

    def hear(self, timeout: float) -> bytes:
        self.host.meet.wait(timeout)
        if self.container == self.host.lost:
            raise EngineError("m1", "it ended: Killed")
        job = json.loads(self.asked)
        answers = {task["key"]: {"by": self.container} for task in job["tasks"]}
        return json.dumps({"number": job["number"], "answers": answers}).encode()

    def close(self) -> None:
        pass


def batches(host: Host) -> Batches:
    ports = SimpleNamespace(engine=lambda _name: host, clock=SimulatedClock(), listener=ignore)
    ports.shell = ports.engine
    return Batches(cast("Ports", ports), "run1", BOXES)


def test_all_containers_and_the_shell_of_a_host_are_asked_at_the_same_time() -> None:
    answers = batches(Host()).ask(QUESTIONS, 5.0)
    assert [answers["m1", key].problem for key in "abcde"] == [None] * 5
    assert [answers["m1", key].value.get("by") for key in "abcd"] == ["probe", "observer", "task", "inside"]


def test_a_container_that_ended_costs_the_others_of_its_host_nothing() -> None:
    answers = batches(Host(lost="observer")).ask(QUESTIONS, 5.0)
    assert "it ended: Killed" in str(answers["m1", "b"].problem)
    assert [answers["m1", key].problem for key in "acde"] == [None] * 4
