"""Plans as people and programs see them."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from swarmnet.model.events import ActionFinished, HostFailed
from swarmnet.model.hosts import Availability
from swarmnet.model.network import NetworkSpec
from swarmnet.model.plan import Change, Plan, Risk
from swarmnet.model.ref import Ref
from swarmnet.model.state import ClusterState, HostFailure
from swarmnet.model.swarm import NodeSpec
from swarmnet.operations.network.actions import CreateNetwork
from swarmnet.operations.removal import Removal
from swarmnet.operations.swarm.actions import SetNode
from swarmnet.report.documents.plan import plan_digest
from swarmnet.report.terminal.console import rendered, show, table
from swarmnet.report.terminal.plan import plan_lines
from swarmnet.report.terminal.progress import ProgressLines
from swarmnet.report.terminal.text import on_one_line
from tests.support.reports import plan_json, plan_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.report.terminal.console import Line

ADD = CreateNetwork(object=Ref(kind="network", name="front"), why="it is not there", spec=NetworkSpec(name="front"))
DRAIN = SetNode(
    object=Ref(kind="node", name="w1"),
    why="it differs",
    changes=(Change(path="availability", before="active", after="drain"),),
    risk=Risk.DISRUPTIVE,
    host="w1",
    spec=NodeSpec(availability=Availability.DRAIN),
)
REMOVE = Removal(kind="prune.network", object=Ref(kind="network", name="old"), why="nothing names it", id="x")
STATE = ClusterState(failures=(HostFailure(host="w2", reason="timed out"),))
PLAN = Plan(cluster="shop", actions=(ADD, DRAIN, REMOVE), warnings=("mind the gap",), predicted=STATE)


def coloured(lines: Iterable[Line]) -> str:
    stream = io.StringIO()
    show(Console(file=stream, force_terminal=True, color_system="standard", width=80), lines)
    return stream.getvalue()


def test_shows_sign_reason_values_risk_and_counts() -> None:
    assert plan_text(PLAN, STATE).splitlines() == [
        "+ network front  it is not there",
        "~ node w1 [disruptive]  it differs",
        "    availability: active -> drain",
        "- network old [destructive]  nothing names it",
        "warning: mind the gap",
        "unreachable: w2: timed out",
        "cluster shop: 1 to add, 1 to change, 1 to remove",
    ]


def test_says_that_there_is_nothing_to_do() -> None:
    empty = Plan(cluster="shop", actions=(), predicted=ClusterState())

    assert plan_text(empty, ClusterState()) == "cluster shop: nothing to do"


def test_colours_only_where_asked_for() -> None:
    assert "\x1b[" not in plan_text(PLAN, STATE)
    assert "\x1b[32m+ network front" in coloured(plan_lines(PLAN, STATE))


def test_json_is_versioned_and_names_the_failures() -> None:
    body = plan_json(PLAN, STATE)

    assert body["schema"] == 1
    assert json.loads(json.dumps(body)) == body
    assert body["failures"] == [
        {"host": "w2", "reason": "timed out", "hint": None, "disbelieved": False, "part": None, "waited": None}
    ]


def test_the_digest_tells_plans_apart() -> None:
    less = PLAN.model_copy(update={"actions": (ADD,)})

    assert plan_digest(PLAN, STATE) == plan_digest(PLAN.model_copy(), STATE)
    assert plan_digest(PLAN, STATE) != plan_digest(less, STATE)


@given(st.text())
def test_hostile_names_stay_on_their_line_and_cannot_steer_the_terminal(name: str) -> None:
    action = ADD.model_copy(update={"target": name, "why": name})
    plan = Plan(cluster="shop", actions=(action,), warnings=(name,), predicted=STATE)

    lines = plan_text(plan, ClusterState()).split("\n")

    assert len(lines) == 3
    assert all(char.isprintable() for line in lines for char in line)


def test_progress_is_plain_lines_off_a_terminal() -> None:
    stream = io.StringIO()
    tell = ProgressLines(stream)

    tell(HostFailed("w2", "timed out"))
    tell(ActionFinished(ADD.kind, ADD.target, 0.25))
    tell(ActionFinished(DRAIN.kind, DRAIN.target, 1.0, "no\nway"))

    assert stream.getvalue().splitlines() == [
        "w2 failed: timed out",
        "done: network front (0.2 s)",
        "failed: node w1 (1.0 s): no\\nway",
    ]


def test_tables_align_and_stay_one_line_a_row() -> None:
    assert rendered([table(("NAME", "N"), [("a\nb", "1"), ("longer", "22")])]).splitlines() == [
        "NAME    N",
        "a\\nb    1",
        "longer  22",
    ]


@given(st.text())
def test_text_on_one_line_is_one_printable_line(text: str) -> None:
    assert on_one_line(text).isprintable()
