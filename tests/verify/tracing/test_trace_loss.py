"""Packets of which some get lost: which share, on which of both ways, and from which share on that is a fault."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.commands.trace import EXITS
from swarmnet.errors import ExitCode
from swarmnet.model.report import Status
from swarmnet.model.trace import Layer, Path, Trace
from swarmnet.report.terminal.trace import trace_lines
from swarmnet.verify.ends import End
from swarmnet.verify.scenario import Answer, InsideTask, Setup
from swarmnet.verify.scenarios.pairs.loss import FEW, MANY
from tests.verify.scenarios.test_expected import API, DB, ENDS, arrow, expecting
from tests.verify.tracing.test_trace import REFUSED, Containers

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject

WAY = arrow(API, DB, 5432)
FAR, NEAR = "10.2.0.3", "10.2.0.4"
"""The container of the target on m1, and the one on the asker's own host m2."""


class Bursts(Containers):
    """What containers count of echoes that are sent once."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.burst: dict[tuple[str, str], tuple[int, int]] = {}
        """Asker and address to the packets of its burst there, and the answers; none is sent elsewhere."""
        self.arrived: dict[str, int] = {}
        """The echoes that a container counts in all."""

    def said(self, question: InsideTask) -> Answer:
        if question.task["kind"] == "echoes" and isinstance(question.task["targets"], dict):
            return Answer({"targets": {name: self._burst(question.inside, name) for name in question.task["targets"]}})
        answer = super().said(question)
        counted = question.key.endswith("namespace/after") and question.inside in self.arrived
        return Answer({**answer.value, "asked": self.arrived[question.inside]}) if counted else answer

    def _burst(self, asker: str, address: str) -> JsonObject:
        sent, came = self.burst.get((asker, address), (0, 0))
        return {"sent": sent, "came": came, "tries": sent, "answered": came}


def layer_of(path: Path) -> Layer:
    (found,) = [one for one in path.layers if one.name == "loss"]
    return found


def traced(came: int, arrived: int, sent: int = MANY) -> Path:
    """Return the way from api to db: of a burst, so many came there, and so many answers came back."""
    hosts = Bursts(expecting(WAY))
    hosts.burst["api.1", FAR] = (sent, came)
    hosts.arrived["db.1"] = 1 + arrived  # and the echo of the layer before
    return hosts.traced(WAY)


@pytest.mark.parametrize(
    ("sent", "came", "arrived", "status", "said"),
    [
        (FEW, FEW, FEW, Status.OK, f"of {FEW} packets to each address, none got lost"),
        (MANY, 99, 99, Status.OK, f"of {MANY} packets to each address, at most 1 got lost"),
        (6, 5, 6, Status.OK, "of 6 packets to each address, at most 1 got lost"),
        (26, 23, 23, Status.WARNING, f"m2 -> m1 on back: 12% of the packets to {FAR} get lost (26 were sent)"),
        (MANY, 98, 100, Status.OK, f"of {MANY} packets to each address, at most 2 got lost"),
        (MANY, 95, 95, Status.WARNING, f"m2 -> m1 on back: 5% of the packets to {FAR} get lost (100 were sent)"),
        (MANY, 70, 70, Status.FAILED, f"m2 -> m1 on back: 30% of the packets to {FAR} get lost (100 were sent)"),
        (MANY, 70, 100, Status.FAILED, f"m1 -> m2 on back: 30% of the answers from {FAR} get lost (100 were sent)"),
        (
            *(MANY, 64, 80, Status.WARNING),
            f"m1 and m2 on back: 20% of the packets to {FAR} get lost (100 were sent), and 20% of the answers",
        ),
        (MANY, 96, 98, Status.OK, f"of {MANY} packets to each address, at most 4 got lost"),
    ],
)
def test_a_share_that_gets_lost_is_a_fault_from_verifys_own_limits_on_and_names_the_way(
    sent: int, came: int, arrived: int, status: Status, said: str
) -> None:
    found = layer_of(traced(came, arrived, sent))
    assert (found.status, found.detail) == (status, said)
    assert (found.cause == "loss", bool(found.fix)) == (status is not Status.OK,) * 2


def test_a_share_with_which_connections_work_does_not_hide_what_is_broken_behind_it() -> None:
    hosts = Bursts(expecting(WAY))
    hosts.burst["api.1", FAR], hosts.arrived["db.1"] = (MANY, 90), 91
    hosts.says["api.1", f"{NEAR}:5432"] = REFUSED
    path = hosts.traced(WAY)
    assert [(one.name, one.status) for one in path.layers if one.status in (Status.WARNING, Status.FAILED)] == [
        ("loss", Status.WARNING),
        ("port", Status.FAILED),
    ]
    assert path.status is Status.FAILED


def test_a_way_that_is_dead_is_not_measured() -> None:
    hosts = Bursts(expecting(WAY))
    hosts.unheard = {FAR, NEAR}
    assert layer_of(hosts.traced(WAY)).status is Status.SKIPPED


@pytest.mark.parametrize(
    ("arrived", "said"),
    [
        (4, "m2 -> m1 on back: 40% of the packets"),
        (6, "m1 and m2 on back: 40% get no answer from 10.2.0.3 (100 were sent): both ways lose some, or one of them"),
        (8, "m1 -> m2 on back: 40% of the answers"),
    ],
)
def test_what_several_askers_lose_is_counted_there_together(arrived: int, said: str) -> None:
    another = End("api", "m3", "api.2", "c9", {"back": "10.2.0.8"}, asks=True)
    hosts = Bursts(replace(expecting(WAY), ends=(*ENDS, another)))
    hosts.burst |= {("api.1", FAR): (MANY, 60), ("api.2", FAR): (MANY, 60)}
    hosts.arrived["db.1"] = 2 + 120 + (arrived - 4) * 20
    assert layer_of(hosts.paths(WAY)[0]).detail.startswith(said)


def test_a_way_that_loses_packets_connects_and_fails_the_command() -> None:
    result = Trace(cluster="shop", source="api", target="db:5432", paths=(traced(95, 95),))
    first, *rest = [str(one) for one in trace_lines(result)]
    assert first.startswith("api -> db:5432: connects, but loss: m2 -> m1 on back: 5% of the packets")
    assert sum(one.startswith("    fix: look for errors and drops on the way") for one in rest) == 1
    assert EXITS[result.status] == ExitCode.FAILED
