"""A plan for people."""

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
from swarmnet.model.shown import sent, shown
from swarmnet.report.terminal.console import line
from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.base import JsonValue
    from swarmnet.model.plan import Action, Plan
    from swarmnet.model.state import ClusterState, HostFailure
    from swarmnet.report.terminal.console import Line

LONGEST_VALUE = 120
_BEGINNINGS = ('"', "[", "{")
_WORDS = ("true", "false", "null")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
"""What JSON begins with and looks like: a text that does is shown in quotes."""
_VERBS = {Sign.CREATE: "to add", Sign.UPDATE: "to change", Sign.REMOVE: "to remove", Sign.RUN: "to run"}
_STYLES = {Sign.CREATE: "green", Sign.UPDATE: "yellow", Sign.REMOVE: "red", Sign.RUN: "cyan"}


@dataclass(frozen=True, slots=True)
class View:
    """How much of a plan is shown."""

    cover: Cover = field(default_factory=Cover)
    whole: bool = False
    """``-v``: long values whole, and of updates also what stays as it is."""


def plan_lines(plan: Plan, state: ClusterState, view: View | None = None) -> Iterator[Line]:
    """Yield the plan: per action its sign, why, old and new values, and its risk; then the counts."""
    view = view or View()
    for action in plan.actions:
        risk = "" if action.risk is Risk.SAFE else f" [{action.risk.value}]"
        head = (f"{action.sign.value} {action.target}", _STYLES[action.sign])
        yield line(head, (risk, "red"), "  ", (action.why, "dim"))
        yield from _values(action, view)
    for warning in plan.warnings:
        yield line((f"warning: {warning}", "yellow"))
    yield from failure_lines(state.failures)
    if plan.origin:
        yield f"from {plan.origin}"
    yield line((f"cluster {plan.cluster}", "bold"), f": {counts(plan)}")


def failure_lines(failures: Iterable[HostFailure]) -> Iterator[Line]:
    """Yield one line for each host that did not answer."""
    for one in failures:
        hint = f" ({one.hint})" if one.hint else ""
        what = f"not believed: {one.host}" if one.disbelieved else f"unreachable: {one.host}:"
        yield line((f"{what} {one.reason}{hint}", "red"))


def counts(plan: Plan) -> str:
    """Return how many actions of each sign there are, in words."""
    found = Counter(action.sign for action in plan.actions)
    return ", ".join(f"{found[sign]} {verb}" for sign, verb in _VERBS.items() if found[sign]) or "nothing to do"


def _values(action: Action, view: View) -> Iterator[Line]:
    for raw in shown(action):
        change = view.cover.change(raw)
        before, after = _value(change.before, view), _value(change.after, view)
        if action.sign is Sign.UPDATE and raw in action.changes:
            yield line(f"    {change.path}: ", (before, "red"), " -> ", (after, "green"))
        else:
            yield line(f"    {change.path}: ", after)
    if view.whole and action.sign is Sign.UPDATE:
        yield line((f"    sends: {json.dumps(sent(action, view.cover), ensure_ascii=False)}", "dim"))


def _value(value: JsonValue, view: View) -> str:
    text = "(none)" if value is None else value if _is_clear(value) else json.dumps(value, ensure_ascii=False)
    text = SENSITIVE.masked(text)  # before it is cut, and before its digest, by which guesses could be tried
    shown_line = on_one_line(text)
    if view.whole or len(shown_line) <= LONGEST_VALUE:
        return shown_line
    whole = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{shown_line[:LONGEST_VALUE]}... ({len(text)} characters, sha256 {whole}; -v shows all)"


def _is_clear(value: JsonValue) -> TypeGuard[str]:
    """Return whether a text without quotes can be read in one way only."""
    if not isinstance(value, str) or value == "(none)" or "\\" in value or value != on_one_line(value):
        return False
    return value[:1] not in _BEGINNINGS and value not in _WORDS and _NUMBER.fullmatch(value) is None
