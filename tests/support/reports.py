"""Reports as the tests compare them: plain text, and the trees of the JSON documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swarmnet.report.documents.apply import apply_document
from swarmnet.report.documents.drift import drift_document
from swarmnet.report.documents.lock import lock_entries
from swarmnet.report.documents.plan import plan_body
from swarmnet.report.documents.status import status_document
from swarmnet.report.terminal.apply import apply_lines
from swarmnet.report.terminal.console import rendered
from swarmnet.report.terminal.plan import plan_lines
from swarmnet.report.terminal.status import status_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.differences import Drift
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.lock import Holder, Operator
    from swarmnet.model.plan import Plan
    from swarmnet.model.redaction import Cover
    from swarmnet.model.report import ApplyReport
    from swarmnet.model.state import ClusterState
    from swarmnet.report.terminal.plan import View

    Tree = dict[str, Any]


def plan_text(plan: Plan, state: ClusterState, view: View | None = None) -> str:
    return rendered(plan_lines(plan, state, view))


def plan_json(plan: Plan, state: ClusterState, cover: Cover | None = None, salt: bytes = b"") -> Tree:
    return plan_body(plan, state, cover, salt).tree


def apply_text(report: ApplyReport) -> str:
    return rendered(apply_lines(report))


def apply_json(report: ApplyReport) -> Tree:
    return apply_document(report).tree


def status_text(state: ClusterState, inventory: Inventory) -> str:
    return rendered(status_lines(state, inventory))


def status_json(state: ClusterState, inventory: Inventory, cover: Cover | None = None) -> Tree:
    return status_document(state, inventory, [], cover).tree


def locks_json(holders: Iterable[Holder], operator: Operator) -> list[Tree]:
    return [entry.model_dump() for entry in lock_entries(holders, operator)]


def drift_json(found: Drift, cover: Cover) -> Tree:
    return drift_document(found, cover, ("prod", "prod")).tree
