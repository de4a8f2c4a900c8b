"""The files that ``env_file`` of services names, in playbooks and in stack files.

They are taken line by line, as ``docker service create --env-file`` and ``docker stack deploy`` take them:
``NAME=value``, ``NAME`` (from the environment), comments and empty lines; quotes belong to the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from swarmnet.errors import DocumentError, Problem, UsageError
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.operations.service.operation import ServiceOperation
from swarmnet.parse.yaml import decoded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from swarmnet.operations.playbook import Playbook, Step


def env_file_variables(content: bytes, name: str, environment: Mapping[str, str]) -> dict[str, str | None]:
    """Read the variables of a service, line by line.

    A name alone takes its value from the environment, and has None where there is none: tasks get no such variable.

    Raises:
        DocumentError: lines without a name, or with space in it; a file that is not text.
    """
    problems: list[Problem] = []
    found: dict[str, str | None] = {}
    for number, line in enumerate(decoded(content, name).splitlines(), start=1):
        text = line.lstrip()
        if not text or text.startswith("#"):
            continue
        key, equals, value = text.partition("=")
        if not key or key != key.rstrip() or any(sign.isspace() for sign in key):
            problems.append(Problem(name, number, "not a variable", "write NAME=value without spaces around '='"))
        else:
            found[key] = value if equals else environment.get(key)
    if problems:
        raise DocumentError(tuple(problems))
    return found


def unset(name: str, file: str) -> str:
    """Return what the operator should know of a name alone that has no value."""
    return f"variable {name} of {file} is not set here: tasks get none"


@dataclass(frozen=True, slots=True)
class _Reader:
    playbook: Playbook
    read: Callable[[str], bytes]
    environment: Mapping[str, str]

    def filled(self, step: Step, operation: ServiceOperation) -> Step:
        """Return a step with the variables of its files; raises ``DocumentError``."""
        found: dict[str, str] = {}
        notes: list[str] = []
        for path in operation.env_file or ():
            for name, value in self._of_file(step, path).items():
                if value is None:
                    notes.append(str(self.playbook.problem(step, unset(name, path))))
                else:
                    SENSITIVE.mark(value)
                    found[name] = value
        changed = {"operation": operation.with_variables(found), "notes": (*step.notes, *notes)}
        return step.model_copy(update=changed)

    def _of_file(self, step: Step, path: str) -> dict[str, str | None]:
        """Read a file; what is wrong with all of it has the line of the step that names it."""
        shown = path if path.startswith("~") else str(PurePath(self.playbook.source).parent / path)
        try:
            return env_file_variables(self.read(path), shown, self.environment)
        except UsageError as error:
            raise DocumentError((self.playbook.problem(step, f"env_file: {error.message}", error.hint),)) from None
        except DocumentError as error:
            raise DocumentError(
                tuple(
                    one
                    if one.line is not None
                    else self.playbook.problem(step, f"env_file {shown}: {one.text}", one.hint)
                    for one in error.problems
                )
            ) from None


def with_env_files(playbook: Playbook, read: Callable[[str], bytes], environment: Mapping[str, str]) -> Playbook:
    """Return the playbook with the variables of its services' env files; the steps' own ``env`` goes before them.

    What comes from such a file is never printed from then on.

    Args:
        playbook: as it was read.
        read: returns a file of the operator's machine; relative paths start at the playbook's folder.
        environment: the operator's variables, for lines that are a name alone.

    Raises:
        DocumentError: with every file that cannot be read and every line that is wrong.
    """
    reader = _Reader(playbook, read, environment)
    problems: list[Problem] = []
    steps: list[Step] = []
    for step in playbook.steps:
        operation = step.operation
        if not isinstance(operation, ServiceOperation) or operation.env_file is None:
            steps.append(step)
            continue
        try:
            steps.append(reader.filled(step, operation))
        except DocumentError as error:
            problems += error.problems
    if problems:
        raise DocumentError(tuple(problems))
    return playbook.model_copy(update={"steps": tuple(steps)})
