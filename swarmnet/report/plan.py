"""A plan for people and for programs."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING

from swarmnet.model.plan import Risk, Sign
from swarmnet.report.text import PLAIN, Paint, on_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.plan import Action, Change, Plan
    from swarmnet.model.state import ClusterState, HostFailure

LONGEST_VALUE = 120
_VERBS = {Sign.CREATE: "to add", Sign.UPDATE: "to change", Sign.REMOVE: "to remove", Sign.RUN: "to run"}


def plan_text(plan: Plan, state: ClusterState, paint: Paint = PLAIN) -> str:
    """Return the plan as lines: per action its sign, why, old and new values, and its risk; then the counts."""
    return "\n".join(_lines(plan, state, paint))


def plan_json(plan: Plan, state: ClusterState) -> JsonObject:
    """Return the plan as JSON; ``digest`` is equal for equal actions in the same order on the same cluster."""
    actions: list[JsonValue] = [_action_json(action) for action in plan.actions]
    return {
        "schema": 1,
        "cluster": plan.cluster,
        "cluster_id": None if state.swarm is None else state.swarm.id,
        "actions": actions,
        "warnings": list(plan.warnings),
        "worst_risk": plan.worst_risk.value,
        "failures": failures_json(state.failures),
        "digest": plan_digest(plan, state),
    }


def plan_digest(plan: Plan, state: ClusterState) -> str:
    """Return what tells whether a plan is the one that was shown: SHA-256 over cluster and actions."""
    cluster = [plan.cluster, None if state.swarm is None else state.swarm.id]
    text = json.dumps([cluster, [_action_json(action) for action in plan.actions]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def failures_json(failures: Iterable[HostFailure]) -> list[JsonValue]:
    """Return hosts that did not answer as JSON."""
    return [{"host": one.host, "reason": one.reason, "hint": one.hint} for one in failures]


def failure_lines(failures: Iterable[HostFailure], paint: Paint = PLAIN) -> Iterator[str]:
    """Yield one line for each host that did not answer."""
    for one in failures:
        hint = f" ({on_one_line(one.hint)})" if one.hint else ""
        yield paint.red(f"unreachable: {one.host}: {on_one_line(one.reason)}{hint}")


def _action_json(action: Action) -> JsonObject:
    return {
        "sign": action.sign.value,
        "kind": action.kind,
        "target": action.target,
        "why": action.why,
        "risk": action.risk.value,
        "always": action.always,
        "changes": [{"path": one.path, "before": one.before, "after": one.after} for one in action.changes],
    }


def _lines(plan: Plan, state: ClusterState, paint: Paint) -> Iterator[str]:
    for action in plan.actions:
        risk = "" if action.risk is Risk.SAFE else f" [{action.risk.value}]"
        head = f"{action.sign.value} {on_one_line(action.target)}"
        yield f"{_coloured(action.sign, paint)(head)}{paint.red(risk)}  {paint.dim(on_one_line(action.why))}"
        yield from (f"    {_change(change, action.sign, paint)}" for change in action.changes)
    yield from (paint.yellow(f"warning: {on_one_line(warning)}") for warning in plan.warnings)
    yield from failure_lines(state.failures, paint)
    yield f"{paint.bold(f'cluster {on_one_line(plan.cluster)}')}: {counts(plan)}"


def counts(plan: Plan) -> str:
    """Return how many actions of each sign there are, in words."""
    found = Counter(action.sign for action in plan.actions)
    return ", ".join(f"{found[sign]} {verb}" for sign, verb in _VERBS.items() if found[sign]) or "nothing to do"


def _coloured(sign: Sign, paint: Paint) -> Callable[[str], str]:
    return {Sign.CREATE: paint.green, Sign.UPDATE: paint.yellow, Sign.REMOVE: paint.red, Sign.RUN: paint.cyan}[sign]


def _change(change: Change, sign: Sign, paint: Paint) -> str:
    path = on_one_line(change.path)
    if sign is Sign.CREATE and change.before is None:
        return f"{path}: {_value(change.after)}"
    return f"{path}: {paint.red(_value(change.before))} -> {paint.green(_value(change.after))}"


def _value(value: JsonValue) -> str:
    text = "(none)" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = on_one_line(text)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}... ({len(text)} characters)"
