"""Read a playbook's text into its steps; every problem is a sentence with its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from swarmnet.errors import UsageError
from swarmnet.model.base import Document, JsonObject, JsonValue
from swarmnet.model.border import parsed
from swarmnet.operations import BY_NAME
from swarmnet.operations.absent import ABSENT
from swarmnet.operations.notation import one_or_more
from swarmnet.operations.playbook import Playbook, Step
from swarmnet.parse.check import Checker, closest
from swarmnet.parse.per_host import HOST, repeated
from swarmnet.parse.substitute import FILL_LIMIT, Budget, FillLimitError, Substitution
from swarmnet.parse.yaml import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.errors import Problem
    from swarmnet.model.hosts import Inventory
    from swarmnet.operations.kind import Operation
    from swarmnet.parse.yaml import Path

SCHEMA = 1
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _variable(value: str) -> str:
    if _NAME.fullmatch(value) is None:
        raise ValueError("must hold only letters, digits and '_', and begin with a letter or '_'")
    return value


Selectors = Annotated[tuple[str, ...], BeforeValidator(one_or_more)]


class _Head(Document):
    schema_: JsonValue = Field(alias="schema", default=None)
    name: Annotated[str, Field(min_length=1)]
    vars: dict[Annotated[str, AfterValidator(_variable)], JsonValue] = Field(default_factory=dict)
    steps: list[JsonObject]


class _Frame(Document):
    """The keys next to the operation in a step."""

    on: Selectors = ()
    name: str = ""
    together: str = ""


def parse_playbook(
    content: bytes,
    source: str,
    *,
    variables: Mapping[str, JsonValue] | None = None,
    environment: Mapping[str, str] | None = None,
    inventory: Inventory | None = None,
) -> Playbook:
    """Read a playbook.

    Args:
        content: the file's bytes.
        source: its path, for messages and relative paths in it.
        variables: override the playbook's own (``--var``).
        environment: what ``${env:NAME}`` sees.
        inventory: whose hosts have the values of ``${host.NAME}``; None for a playbook that must do without.

    Raises:
        DocumentError: with every problem found, in the order of their lines.
    """
    document = load(content, source, "a playbook")
    checker = Checker(document)
    checker.schema(SCHEMA)
    head = checker.check(_Head, ())
    if head is None:
        checker.finish()
        raise AssertionError  # a head that is None left problems
    if not head.steps:
        checker.complain(("steps",), "there are no steps", "write at least one '- network: {name: front}'")
    reader = _Reader(checker, environment or {}, inventory)
    try:
        steps = reader.steps(head, reader.variables(head, variables or {}))
    except FillLimitError:
        checker.complain(("vars",), f"references and 'for' fill in more than {FILL_LIMIT} characters", "repeat less")
        checker.finish()
        raise
    checker.problems += defined_twice(source, steps)
    checker.finish()
    return Playbook(name=head.name, source=source, steps=tuple(steps))


def parse_variables(assignments: Iterable[str]) -> dict[str, JsonValue]:
    """Return the variables of ``--var NAME=VALUE``: a value that is JSON has its type, all others are text.

    Raises:
        UsageError: an assignment without ``=``.
    """
    found: dict[str, JsonValue] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise UsageError(f"--var {assignment!r} has no name or no '='", hint="write --var NAME=VALUE")
        try:
            found[name] = parsed(value.encode())
        except UnicodeEncodeError:
            raise UsageError(f"--var {name}: its value is not UTF-8 text") from None
        except ValueError:
            found[name] = value
        if "\\u0000" in value:
            raise UsageError(f"--var {name}: text cannot contain zero characters")
    return found


class _Reader:
    """Reads steps one by one."""

    def __init__(self, checker: Checker, environment: Mapping[str, str], inventory: Inventory | None) -> None:
        self._checker = checker
        self._environment = environment
        self._inventory = inventory
        self._budget = Budget()

    def variables(self, head: _Head, overrides: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return the variables; each may refer to those above it."""
        for name in overrides:
            if name not in head.vars:
                hint = closest(name, head.vars)
                self._checker.complain(("vars",), f"--var {name}: the playbook has no such variable", hint)
        if HOST in head.vars:
            self._checker.complain(("vars", HOST), f"'{HOST}' stands for the values of a host", "choose another name")
        found: dict[str, JsonValue] = {}
        for name, value in head.vars.items():
            given = overrides.get(name, value)
            found[name] = given if name in overrides else self._fill(given, ("vars", name), found)
        return found

    def steps(self, head: _Head, variables: Mapping[str, JsonValue]) -> list[Step]:
        """Return every step, those with ``for`` once for each item."""
        found: list[Step] = []
        for index, data in enumerate(head.steps):
            path: Path = ("steps", index)
            for one in repeated(data, path, self._inventory, self._checker):
                around = variables if one is None else {**variables, **one.scope}
                for scope in self._scopes(data, path, around):
                    if "for" in data or one is not None:
                        self._budget.spend({key: value for key, value in data.items() if key != "for"})
                    step = self._step(data, path, scope)
                    if step is not None:
                        found.append(step if one is None else step.model_copy(update={"on": (one.host.name,)}))
        return found

    def _scopes(
        self, data: JsonObject, path: Path, variables: Mapping[str, JsonValue]
    ) -> list[Mapping[str, JsonValue]]:
        if "for" not in data:
            return [variables]
        items = self._fill(data["for"], (*path, "for"), variables)
        if not isinstance(items, list):
            self._checker.complain((*path, "for"), "'for' must be a list", "write 'for: [a, b]'")
            return []
        return [{**variables, "item": item} for item in items]

    def _step(self, data: JsonObject, path: Path, scope: Mapping[str, JsonValue]) -> Step | None:
        name = self._operation_name(data, path)
        if name is None:
            return None
        known = len(self._checker.problems)
        around = {key: self._fill(data[key], (*path, key), scope) for key in ("on", "name", "together") if key in data}
        arguments = self._fill(data[name], (*path, name), scope)
        unfilled = len(self._checker.problems)
        frame = self._checker.check(_Frame, path, around)
        kind, arguments = _kind(name, arguments)
        operation = self._checker.check(kind, (*path, name), {} if arguments is None else arguments)
        self._checker.forget_consequences(known, unfilled)
        if operation is None or frame is None:
            return None
        if len(self._checker.problems) == known:
            for fault in operation.faults():
                self._checker.complain((*path, name), fault)
        line, column = self._checker.source.mark((*path, name)) or (None, None)
        return Step(
            operation=operation, on=frame.on, name=frame.name, together=frame.together, line=line, column=column
        )

    def _operation_name(self, data: JsonObject, path: Path) -> str | None:
        names = [key for key in data if key not in ("on", "for", "name", "together")]
        if len(names) == 1 and names[0] in BY_NAME:
            return names[0]
        known = f"known: {', '.join(BY_NAME)}"
        if not names:
            self._checker.complain(path, "the step has no operation", known)
        unknown = [name for name in names if name not in BY_NAME]
        for name in unknown:
            self._checker.complain((*path, name), f"unknown operation {name!r}", known)
        if len(names) > 1 and not unknown:
            self._checker.complain(path, f"a step has exactly one operation, this one has {' and '.join(names)}")
        return None

    def _fill(self, value: JsonValue, path: Path, scope: Mapping[str, JsonValue]) -> JsonValue:
        return Substitution(scope, self._environment, self._checker.complain, self._budget).fill(value, path)


def _kind(name: str, arguments: JsonValue) -> tuple[type[Operation], JsonValue]:
    """Return what a step is read as, and its arguments without an ``absent: false``, which says nothing."""
    if name not in ABSENT or not isinstance(arguments, dict) or "absent" not in arguments:
        return BY_NAME[name], arguments
    if arguments["absent"] is False:
        return BY_NAME[name], {key: value for key, value in arguments.items() if key != "absent"}
    return ABSENT[name], arguments


def defined_twice(source: str, steps: Iterable[Step]) -> list[Problem]:
    """Return a problem for each step that creates what one before it creates already."""
    problems: list[Problem] = []
    first: dict[tuple[str, str], Step] = {}
    for step in steps:
        for kind, name in sorted(step.operation.provides()):
            key = (kind, name.lower() if kind == "network" else name)
            before = first.setdefault(key, step)
            if before is not step and not _elsewhere(before, step):
                text = f"{kind} {name!r} is defined twice; the first time on line {before.line}"
                problems.append(Playbook(name="", steps=(), source=source).problem(step, text))
    return problems


def _elsewhere(one: Step, two: Step) -> bool:
    """Return whether two steps select different hosts by name, as local networks that differ by host do."""
    both: tuple[Operation, Operation] = (one.operation, two.operation)
    local = all(getattr(operation, "effective_scope", None) == "local" for operation in both)
    return local and bool(one.on) and bool(two.on) and not set(one.on) & set(two.on)
