"""What people see of 3, 20 and 60 hosts: texts that are kept, each in 80 columns."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from swarmnet.model.network import NetworkSpec
from swarmnet.model.report import Status
from swarmnet.report.terminal.apply import apply_lines
from swarmnet.report.terminal.console import show as show_lines
from swarmnet.report.terminal.plan import plan_lines
from swarmnet.report.terminal.status import status_lines
from swarmnet.report.terminal.verification import show
from swarmnet.workflows.apply import apply, prepare
from swarmnet.workflows.fleet.observe import observe
from tests.simulator import World
from tests.support.goals import goal, terms
from tests.support.simulated_probe import Paths
from tests.support.verified import a_verification
from tests.support.verified_world import run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.verification import Verification
    from swarmnet.report.terminal.console import Line

FOLDER = Path(__file__).parent
WIDTH = 80
SITE = """
schema: 1
name: site
steps:
  - swarm: {}
  - network: {name: front, attachable: true}
  - service: {name: web, image: "demo:1", networks: [front], replicas: 12, ports: ["80:8080"]}
"""


@cache
def verified(hosts: int) -> Verification:
    """Return what verify finds where the last host hears nothing; of many hosts, one is down and one deaf to two."""
    world = World(managers=3 if hosts > 3 else 1, workers=hosts - (3 if hosts > 3 else 1))
    world.bootstrap()
    for number in range(1, 4):
        world.engine("m1").networks.create(NetworkSpec(name=f"net{number}", attachable=True))
    world.settle()
    paths, names = Paths(world), [host.name for host in world.inventory.hosts]
    paths.cut |= {(name, names[-1]) for name in names[:-1]}
    if hosts > 3:
        paths.cut |= {("w2", "w3"), ("w2", "w5")}
        world.machines["m3"].powered = False
    return run(world).model_copy(update={"phases": ()})


def seen(result: Verification) -> str:
    out = io.StringIO()
    show(Console(file=out, width=WIDTH, highlight=False, color_system=None), result)
    return out.getvalue()


def lines_of(lines: Iterable[Line]) -> list[str]:
    out = io.StringIO()
    show_lines(Console(file=out, width=WIDTH, highlight=False, markup=False, emoji=False, color_system=None), lines)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("hosts", [3, 20, 60])
def test_a_verification_is_shown_as_it_was_approved(hosts: int) -> None:
    """After a change that is meant, write the text that this compares into the file."""
    text = seen(verified(hosts))

    assert text == (FOLDER / f"verify-{hosts}.txt").read_text(encoding="utf-8")
    assert all(len(line) <= WIDTH for line in text.splitlines())


def test_sixty_hosts_need_no_more_lines_than_twenty() -> None:
    few, many = (seen(verified(hosts)).partition("networks net1, net2 and net3\n")[2] for hosts in (20, 60))
    assert len(few.splitlines()) == len(many.splitlines()) > 10


def test_of_many_causes_the_worst_are_shown_and_the_rest_is_counted() -> None:
    cause, *_ = a_verification().verdicts
    many = tuple(cause.model_copy(update={"subject": f"host h{number}"}) for number in range(60))
    result = a_verification().model_copy(update={"verdicts": many, "matrices": (), "expected": None})
    lines = seen(result).splitlines()

    assert lines[0] == "no: 60 causes found: host h0, host h1, host h2 and 57 more (2.5 s)"
    assert "48 more causes: 48 failed (firewall): -v shows them" in lines
    assert sum(line.startswith("x failed") for line in lines) == 12


def test_networks_that_look_the_same_are_shown_once() -> None:
    lines = seen(a_verification(20, 30)).splitlines()
    assert [line for line in lines if line.startswith("network")] == ["network net30"]

    last = a_verification(20, 1).matrices[0]
    copies = tuple(last.model_copy(update={"network": f"net{number}"}) for number in range(1, 31))
    lines = seen(a_verification(20, 30).model_copy(update={"matrices": copies})).splitlines()
    heads = [line for line in lines if line.startswith("networks")]
    assert heads == ["networks net1, net2, net3, net4, net5, net6 and 24 more"]
    assert lines.count("    x all 19 others -> h20") == 1


def test_pairs_that_no_line_has_room_for_are_counted() -> None:
    matrix = a_verification(20, 1).matrices[0]
    odd = {(f"h{number}", f"h{number + 1}") for number in range(1, 20, 2)}
    cells = {
        one: {
            two: cell.model_copy(update={"status": Status.FAILED if (one, two) in odd else Status.OK})
            for two, cell in row.items()
        }
        for one, row in matrix.cells.items()
    }
    one = matrix.model_copy(update={"cells": cells})
    lines = seen(a_verification(20, 1).model_copy(update={"matrices": (one,)})).splitlines()

    assert "  icmp: 370 of 380 ordered pairs ok" in lines
    assert "    x h1 -> h2" in lines
    assert "    and 4 more pairs: 4 failed" in lines


def test_plan_apply_and_status_of_sixty_hosts_fit_into_eighty_columns() -> None:
    world = World(managers=3, workers=57)
    wanted = goal(world.inventory, SITE)
    planned = prepare(world.ports(), wanted)
    applied = apply(world.ports(), wanted, terms())
    world.machines["w9"].powered = False
    world.settle()
    shown = lines_of(status_lines(observe(world.ports()), world.inventory))
    texts = [lines_of(plan_lines(planned.plan, planned.state)), lines_of(apply_lines(applied)), shown]

    assert [line for text in texts for line in text if len(line) > WIDTH] == []
    assert all(texts)
