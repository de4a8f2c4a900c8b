"""Whatever the probes of one host answer, a whole verify ends with verdicts, and prints them (H4)."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from swarmnet.model.network import NetworkSpec
from swarmnet.model.plan import MANAGED_LABEL
from tests.simulator import World
from tests.support.hostile import FEW, spoiled_by
from tests.support.simulated_probe import Paths
from tests.support.verified_world import run, traces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.base import JsonObject
    from tests.simulator import Machine


class Lying(Paths):
    """Paths on which one host says anything: in the answers of its probe and observer, and to commands."""

    def __init__(self, world: World, liar: str, seed: int) -> None:
        super().__init__(world)
        self._chance = Random(seed)  # noqa: S311 - no secret
        machine = world.machines[liar]
        machine.container_programs["python3"] = self.lie
        machine.programs["nsenter"] = self.rave

    def lie(self, machine: Machine, _argv: Sequence[str], stdin: bytes) -> tuple[int, bytes, bytes]:
        job = json.loads(stdin)
        answers: JsonObject = {task["key"]: self._do(machine.name, task) for task in job["tasks"]}
        for key in answers:
            answers[key] = spoiled_by(self._chance, answers[key])
        return 0, json.dumps({"number": job["number"], "answers": answers}).encode(), b""

    def rave(self, _machine: Machine, _argv: Sequence[str], _stdin: bytes) -> tuple[int, bytes, bytes]:
        return self._chance.choice([0, 1, 127]), self._chance.randbytes(80) + b"\n  -> 0A000001:zz Masq x\n", b"\xff"


@FEW
@given(st.integers(0, 2**32))
def test_a_host_whose_probes_say_anything_costs_no_verdict_of_the_others(seed: int) -> None:
    world = World(managers=1, workers=2)
    world.bootstrap()
    for name, encrypted in (("front", False), ("vault", True)):
        spec = NetworkSpec(name=name, attachable=True, encrypted=encrypted, labels={MANAGED_LABEL: "sim"})
        world.engine("m1").networks.create(spec)
    world.settle()
    Lying(world, "w1", seed)
    result = run(world)
    assert result.verdicts
    assert result.model_dump_json()
    assert traces(world) == []
