"""A plan for people and for programs."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeGuard

from swarmnet.model.plan import Risk, Sign
from swarmnet.model.redaction import Cover
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.model.shown import action_digest, sent, shown
from swarmnet.report.terminal.text import PLAIN, Paint, on_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.plan import Action, Plan
    from swarmnet.model.state import ClusterState, HostFailure

LONGEST_VALUE = 120
_BEGINNINGS = ('"', "[", "{")
_WORDS = ("true", "false", "null")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
"""What JSON begins with and looks like: a text that does is shown in quotes."""
_VERBS = {Sign.CREATE: "to add", Sign.UPDATE: "to change", Sign.REMOVE: "to remove", Sign.RUN: "to run"}


@dataclass(frozen=True, slots=True)
class View:
    """How much of a plan is shown."""

    cover: Cover = field(default_factory=Cover)
    whole: bool = False
    """``-v``: long values whole, and of updates also what stays as it is."""


def plan_text(plan: Plan, state: ClusterState, paint: Paint = PLAIN, view: View | None = None) -> str:
    """Return the plan as lines: per action its sign, why, old and new values, and its risk; then the counts."""
    return "\n".join(_Text(paint, view or View()).lines(plan, state))


def plan_json(plan: Plan, state: ClusterState, cover: Cover | None = None, salt: bytes = b"") -> JsonObject:
    """Return the plan as JSON.

    Args:
        plan: what to do.
        state: what it was made for.
        cover: which values are shown; by default those that can hold no secret.
        salt: of the digests, so that they tell nothing to those who guess values; equal plans have equal digests under
            the same salt.
    """
    cover = cover or Cover()
    actions: list[JsonValue] = [_action_json(action, cover, salt) for action in plan.actions]
    return {
        "schema": 1,
        "cluster": plan.cluster,
        "cluster_id": None if state.swarm is None else state.swarm.id,
        "origin": plan.origin or None,
        "actions": actions,
        "warnings": list(plan.warnings),
        "worst_risk": plan.worst_risk.value,
        "failures": failures_json(state.failures),
        "salt": salt.hex(),
        "digest": plan_digest(plan, state, salt),
    }


def plan_digest(plan: Plan, state: ClusterState, salt: bytes = b"") -> str:
    """Return what tells whether a plan is the one that was shown: over the cluster and all that the actions send."""
    cluster = [plan.cluster, None if state.swarm is None else state.swarm.id]
    text = json.dumps([cluster, [action_digest(action, salt) for action in plan.actions]])
    return hashlib.sha256(text.encode()).hexdigest()


def failures_json(failures: Iterable[HostFailure]) -> list[JsonValue]:
    """Return hosts that did not answer as JSON."""
    return [
        {"host": one.host, "reason": one.reason, "hint": one.hint, "disbelieved": one.disbelieved} for one in failures
    ]


def failure_lines(failures: Iterable[HostFailure], paint: Paint = PLAIN) -> Iterator[str]:
    """Yield one line for each host that did not answer."""
    for one in failures:
        hint = f" ({on_one_line(one.hint)})" if one.hint else ""
        host = on_one_line(one.host)
        what = f"not believed: {host}" if one.disbelieved else f"unreachable: {host}:"
        yield paint.red(f"{what} {on_one_line(one.reason)}{hint}")


def _action_json(action: Action, cover: Cover, salt: bytes) -> JsonObject:
    changes = [cover.change(one) for one in shown(action)]
    return {
        "sign": action.sign.value,
        "kind": action.kind,
        "target": action.target,
        "why": action.why,
        "risk": action.risk.value,
        "always": action.always,
        "changes": [{"path": one.path, "before": one.before, "after": one.after} for one in changes],
        "sends": sent(action, cover),
        "digest": action_digest(action, salt),
    }


def counts(plan: Plan) -> str:
    """Return how many actions of each sign there are, in words."""
    found = Counter(action.sign for action in plan.actions)
    return ", ".join(f"{found[sign]} {verb}" for sign, verb in _VERBS.items() if found[sign]) or "nothing to do"


def _coloured(sign: Sign, paint: Paint) -> Callable[[str], str]:
    return {Sign.CREATE: paint.green, Sign.UPDATE: paint.yellow, Sign.REMOVE: paint.red, Sign.RUN: paint.cyan}[sign]


@dataclass(frozen=True, slots=True)
class _Text:
    """Writes a plan for people."""

    paint: Paint
    view: View

    def lines(self, plan: Plan, state: ClusterState) -> Iterator[str]:
        """Yield the plan."""
        paint = self.paint
        for action in plan.actions:
            risk = "" if action.risk is Risk.SAFE else f" [{action.risk.value}]"
            head = f"{action.sign.value} {on_one_line(action.target)}"
            yield f"{_coloured(action.sign, paint)(head)}{paint.red(risk)}  {paint.dim(on_one_line(action.why))}"
            yield from (f"    {line}" for line in self._values(action))
        yield from (paint.yellow(f"warning: {on_one_line(warning)}") for warning in plan.warnings)
        yield from failure_lines(state.failures, paint)
        if plan.origin:
            yield f"from {on_one_line(plan.origin)}"
        yield f"{paint.bold(f'cluster {on_one_line(plan.cluster)}')}: {counts(plan)}"

    def _values(self, action: Action) -> Iterator[str]:
        for raw in shown(action):
            change = self.view.cover.change(raw)
            path, before, after = on_one_line(change.path), self._value(change.before), self._value(change.after)
            differs = action.sign is Sign.UPDATE and raw in action.changes
            yield f"{path}: {self.paint.red(before)} -> {self.paint.green(after)}" if differs else f"{path}: {after}"
        if self.view.whole and action.sign is Sign.UPDATE:
            yield self.paint.dim(f"sends: {on_one_line(json.dumps(sent(action, self.view.cover), ensure_ascii=False))}")

    def _value(self, value: JsonValue) -> str:
        text = "(none)" if value is None else value if _is_clear(value) else json.dumps(value, ensure_ascii=False)
        text = SENSITIVE.masked(text)  # before it is cut, and before its digest, by which guesses could be tried
        line = on_one_line(text)
        if self.view.whole or len(line) <= LONGEST_VALUE:
            return line
        whole = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
        return f"{line[:LONGEST_VALUE]}... ({len(text)} characters, sha256 {whole}; -v shows all)"


def _is_clear(value: JsonValue) -> TypeGuard[str]:
    """Tell whether a text can be read as nothing else when it stands there without quotes."""
    if not isinstance(value, str) or value == "(none)" or "\\" in value or value != on_one_line(value):
        return False
    return value[:1] not in _BEGINNINGS and value not in _WORDS and _NUMBER.fullmatch(value) is None
