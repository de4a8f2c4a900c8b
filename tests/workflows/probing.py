"""A probe for simulated hosts: answers as the real one would, over paths that a test can cut."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from swarmnet.model.verification import ProbeKit
from swarmnet.workflows.stage import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.base import JsonObject, JsonValue
    from tests.simulator import Machine, World

IMAGE = "registry.example/python:3"
KIT = ProbeKit(reference=IMAGE, argv=("python3",))


def this_run(name: str = "run1") -> Run:
    """Return a run whose operator lives, while ``gone:1`` does not."""
    return Run(name, "here:1", lambda operator: operator != "gone:1")


class Paths:
    """What the overlay carries; ``cut`` holds the directions that lose everything."""

    def __init__(self, world: World) -> None:
        self.cut: set[tuple[str, str]] = set()
        self.heard: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.crash: set[str] = set()
        for machine in world.machines.values():
            machine.container_programs["python3"] = self.program

    def program(self, machine: Machine, _argv: Sequence[str], stdin: bytes) -> tuple[int, bytes, bytes]:
        """Do a batch of questions; greet before, and repeat an older answer, as the real stream may have both."""
        if machine.name in self.crash:
            return 137, b"", b"Killed\n"
        job = json.loads(stdin)
        answers = {task["key"]: self._do(machine.name, task) for task in job["tasks"]}
        older = {"number": job["number"] - 1, "answers": {}}
        lines = ("ready", json.dumps(older), json.dumps({"number": job["number"], "answers": answers}))
        return 0, "\n".join(lines).encode(), b""

    def _do(self, host: str, task: JsonObject) -> JsonObject:
        if task["kind"] == "facts":
            return {"ipvs": True}
        if task["kind"] == "heard":
            return {"heard": {net: dict.fromkeys(sorted(who), 1) for net, who in self.heard[host].items()}}
        targets = task["targets"]
        assert isinstance(targets, dict)
        outcomes: JsonObject = {label: self._outcome(host, label, task) for label in targets}
        return {"targets": outcomes}

    def _outcome(self, host: str, target: str, task: JsonObject) -> JsonValue:
        if task["kind"] == "udp" and (host, target) not in self.cut:
            self.heard[target][str(task["network"])].add(host)
        if task["kind"] in ("icmp", "udp", "tcp") and {(host, target), (target, host)} & self.cut:
            return {"ok": False, "why": "no answer", "tries": 5}
        return {"ok": True, "why": "", "tries": 1, "ms": 0.3, "id": target}
