"""Which files made a cluster: the playbook, what it and its stack files name, and the inventory.

Values of secrets are in none of them: a playbook with one is refused, and files of secrets are left out. What else they
hold is in the backup already, in the environment of services and the data of configs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pydantic import ValidationError

from swarmnet.errors import DocumentError, NoSuchFileError, Problem, UsageError
from swarmnet.model.find import called
from swarmnet.model.sources import LARGEST, SourceFile, Sources
from swarmnet.parse.yaml import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from swarmnet.model.base import JsonValue
    from swarmnet.parse.yaml import Source

_BY_FORM = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|AGE-SECRET-KEY-1|\bSWMKEY-1-|\bSWMTKN-1-")
"""What is a secret wherever it is: private keys, keys and tokens of swarms."""


def sources_of(
    playbook: tuple[str, bytes], inventory: tuple[str, bytes], read: Callable[[str], bytes], *, given: str = ""
) -> Sources:
    """Return the files that made a cluster.

    Args:
        playbook: its name, and its content.
        inventory: the same of the inventory.
        read: returns a file that the playbook names; relative paths start at its folder.
        given: the playbook as the operator named it, for messages.

    Raises:
        DocumentError: a file has the value of a secret in it, or is not YAML.
        UsageError: a file cannot be read, or all of them are too large.
    """
    name, content = playbook
    found = _Found(read, given or name)
    found.keep(name, content)
    found.steps(load(content, given or name, "a playbook"))
    taken = {one.name for one in found.files}
    hosts = inventory[0] if inventory[0] not in taken else f"inventory-{inventory[0]}"
    found.keep(hosts, inventory[1])
    if found.problems:
        raise DocumentError(tuple(found.problems))
    size = sum(len(one.content) for one in found.files)
    if size > LARGEST:
        raise UsageError(
            f"{given or name} and the files that it names have {size} bytes; a backup keeps up to {LARGEST}",
            hint="take the backup without --playbook",
        )
    return Sources(playbook=name, inventory=hosts, files=tuple(found.files), missing=tuple(found.missing))


@dataclass
class _Found:
    """What was found so far."""

    read: Callable[[str], bytes]
    given: str
    files: list[SourceFile] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def keep(self, name: str, content: bytes) -> None:
        """Keep a file, unless it has a secret in it that shows by its form."""
        self.files.append(SourceFile(name=name, content=content))
        for number, line in enumerate(content.splitlines(), start=1):
            if _BY_FORM.search(line):
                hint = "take it out, or take the backup without --playbook"
                self.problems.append(Problem(name, number, "a secret is in the file, which a backup would keep", hint))

    def steps(self, playbook: Source) -> None:
        """Look at each step of a playbook."""
        steps = playbook.data.get("steps")
        for index, step in enumerate(steps if isinstance(steps, list) else ()):
            if not isinstance(step, dict):
                continue
            for word, value in step.items():
                fields = value if isinstance(value, dict) else {}
                origin = fields.get("from")
                place = origin if isinstance(origin, dict) else {}
                if word == "secret":
                    self._secret(playbook, ("steps", index, "secret"), place)
                elif word == "config":
                    self._each(place.get("file"))
                elif word == "stack":
                    self._stack(fields)
                self._each(fields.get("env_file"))

    def _secret(self, playbook: Source, path: tuple[str | int, ...], place: dict[str, JsonValue]) -> None:
        if "text" in place:
            text, hint = "the value of a secret is in the playbook", "write 'from: {file: ...}', env or command"
            self.problems.append(playbook.problem(path, text, hint))
        if isinstance(name := place.get("file"), str):
            self._lacks(name)

    def _stack(self, fields: dict[str, JsonValue]) -> None:
        from swarmnet.parse.compose.nodes import read_nodes  # noqa: PLC0415 - for playbooks that have such a step

        names = [*_texts(fields.get("file"))]
        for name in names:
            content = self._file(name)
            if content is None:
                continue
            folder = PurePosixPath(name).parent
            stack = read_nodes(content, name).data
            for other in _named_by_stack(stack if isinstance(stack, dict) else {}):
                self._file(str(folder / other))
            for other in _secrets_of_stack(stack if isinstance(stack, dict) else {}):
                self._lacks(str(folder / other))
        if names and fields.get("env_file") is None:
            self._file(str(PurePosixPath(names[0]).parent / ".env"), optional=True)

    def _each(self, value: JsonValue) -> None:
        for name in _texts(value):
            self._file(name)

    def _file(self, name: str, *, optional: bool = False) -> bytes | None:
        """Keep a file that is below the playbook's folder; note any other one."""
        try:
            kept = SourceFile(name=str(PurePosixPath(name)), content=b"")
        except ValidationError:
            self._lacks(name)
            return None
        if "$" in name or name.startswith("~"):
            self._lacks(name)
            return None
        known = called(self.files, kept.name)
        if known is not None:
            return known.content
        try:
            content = self.read(kept.name)
        except NoSuchFileError:
            if not optional:
                raise
            return None
        self.keep(kept.name, content)
        return content

    def _lacks(self, name: str) -> None:
        if name not in self.missing:
            self.missing.append(name)


def _texts(value: JsonValue) -> Iterator[str]:
    """Yield the paths of a key that takes one, or several, as text or as ``path``."""
    for one in value if isinstance(value, list) else [value]:
        path = one.get("path") if isinstance(one, dict) else one
        if isinstance(path, str):
            yield path


def _named_by_stack(stack: dict[str, JsonValue]) -> Iterator[str]:
    for service in _parts(stack.get("services")):
        yield from _texts(service.get("env_file"))
        extended = service.get("extends")
        yield from _texts(extended.get("file") if isinstance(extended, dict) else None)
    for config in _parts(stack.get("configs")):
        yield from _texts(config.get("file"))


def _secrets_of_stack(stack: dict[str, JsonValue]) -> Iterator[str]:
    for secret in _parts(stack.get("secrets")):
        yield from _texts(secret.get("file"))


def _parts(value: JsonValue) -> Iterable[dict[str, JsonValue]]:
    return [one for one in value.values() if isinstance(one, dict)] if isinstance(value, dict) else ()
