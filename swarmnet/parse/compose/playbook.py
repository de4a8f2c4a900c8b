"""Replace the steps that name stack files by the steps of those files."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from swarmnet.errors import DocumentError, Problem, UsageError
from swarmnet.operations import BY_NAME
from swarmnet.operations.playbook import Step
from swarmnet.operations.stack import StackOperation
from swarmnet.parse.check import Checker
from swarmnet.parse.compose.service_step import KEYS
from swarmnet.parse.compose.stack import Files, Order, convert
from swarmnet.parse.playbook import defined_twice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from swarmnet.operations.playbook import Playbook
    from swarmnet.parse.compose.stack import Converted


def with_stacks(playbook: Playbook, read: Callable[[str], bytes], environment: Mapping[str, str]) -> Playbook:
    """Return the playbook with the steps of its stack files; one without such files is returned as it is.

    Args:
        playbook: as it was read.
        read: returns a file of the operator's machine; relative paths start at the playbook's folder.
        environment: the operator's variables.

    Raises:
        DocumentError: with every problem of the stack files, each with its file and line.
    """
    if not any(isinstance(step.operation, StackOperation) for step in playbook.steps):
        return playbook
    problems: list[Problem] = []
    steps: list[Step] = []
    for step in playbook.steps:
        if not isinstance(step.operation, StackOperation):
            steps.append(step)
            continue
        try:
            steps += _expanded(step, step.operation, Files(read, str(PurePath(playbook.source).parent)), environment)
        except DocumentError as error:
            problems += error.problems
        except UsageError as error:
            problems.append(playbook.problem(step, error.message, error.hint))
    problems = problems or defined_twice(playbook.source, steps)
    if problems:
        raise DocumentError(tuple(problems))
    return playbook.model_copy(update={"steps": tuple(steps)})


def _expanded(step: Step, stack: StackOperation, files: Files, environment: Mapping[str, str]) -> list[Step]:
    order = Order(stack.file, stack.name, stack.env_file, stack.profiles)
    converted = convert(order, files, environment)
    made = steps_of(converted, step.on)
    names = (one.operation.provides() for one in made)
    services = frozenset(name for provided in names for kind, name in provided if kind == "service")
    last = step.model_copy(update={"operation": stack.expanded(converted.name, services)})
    notes = tuple(str(note) for note in converted.notes)
    return [*made, last.model_copy(update={"notes": notes})]


def steps_of(converted: Converted, on: tuple[str, ...] = ()) -> list[Step]:
    """Return the steps of a stack file as operations.

    Raises:
        DocumentError: what a playbook's steps refuse, with the lines of the stack file.
    """
    checker = Checker(converted.source)
    found: list[Step] = []
    for one in converted.steps:
        renamed = KEYS if one.kind == "service" else {}
        operation = checker.check(BY_NAME[one.kind], one.path, one.arguments, renamed=renamed)
        place = converted.source.problem(one.path, "")
        if operation is not None:
            for fault in operation.faults():
                checker.complain(one.path, fault)
            found.append(
                Step(
                    operation=operation,
                    on=on,
                    together=one.together,
                    line=place.line,
                    column=place.column,
                    source=place.source,
                )
            )
    checker.finish()
    return found
