"""From stack files to the steps of a playbook: read, fill in variables, merge, sift the keys, check, write."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from swarmnet.errors import DocumentError, NoSuchFileError, Problem, UsageError
from swarmnet.parse.check import Checker, in_order
from swarmnet.parse.compose import references
from swarmnet.parse.compose.interpolate import Interpolation
from swarmnet.parse.compose.keys import Sifting
from swarmnet.parse.compose.merge import merged
from swarmnet.parse.compose.model import ComposeFile
from swarmnet.parse.compose.nodes import read_nodes, source_of
from swarmnet.parse.compose.objects import Stack, Written, content_steps, network_steps
from swarmnet.parse.compose.service_step import Variables, networks_of, service_step
from swarmnet.parse.compose.variables import dotenv_variables
from swarmnet.parse.env_files import env_file_variables, unset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from swarmnet.parse.compose.nodes import MergedSource, Node
    from swarmnet.parse.compose.service import Service

DOTENV = ".env"
"""The file of variables next to the first stack file that is read where none is named."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
ALL_PROFILES = "*"


@dataclass(frozen=True, slots=True)
class Files:
    """Files of the operator's machine."""

    read: Callable[[str], bytes]
    """Returns a content; raises ``NoSuchFileError``, or ``UsageError`` where it cannot be read."""
    folder: str = ""
    """What relative paths begin with."""
    typed: Mapping[str, str] = field(default_factory=dict)
    """What the operator typed for some of the paths."""

    def shown(self, path: str) -> str:
        """Return a path for messages."""
        if path in self.typed:
            return self.typed[path]
        return path if path.startswith("~") else str(PurePath(self.folder, path))


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a stack file."""

    files: tuple[str, ...]
    """At least one; the later ones go before."""
    name: str | None = None
    """None takes the name that the file has."""
    env_files: tuple[str, ...] | None = None
    """Files of variables for the stack files; None takes ``.env`` next to the first one, if it is there."""
    profiles: tuple[str, ...] = ()
    names_env_files: bool = False
    """True has the steps of services name their files of variables, instead of what is in them."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A stack file as the steps of a playbook."""

    name: str
    steps: tuple[Written, ...]
    source: MergedSource
    """The document, for lines."""
    notes: tuple[Problem, ...]
    """What is ignored, each with its line."""
    filled: frozenset[str] = field(default=frozenset(), repr=False)
    """The values of variables that are in the steps: of the environment, and of files such as ``.env``."""


@dataclass(slots=True)
class _Reading:
    order: Order
    files: Files
    environment: Mapping[str, str]
    filled: set[str] = field(default_factory=set)
    """The values of variables that went into the steps."""

    def variables(self) -> dict[str, str]:
        """Return what variables of the stack files mean: those of files, and over them those of the environment."""
        folder = PurePath(self.order.files[0]).parent
        names = (str(folder / DOTENV),) if self.order.env_files is None else self.order.env_files
        found: dict[str, str] = {}
        for name in names:
            try:
                found |= dotenv_variables(self.files.read(name), self.files.shown(name), self.environment)
            except NoSuchFileError:
                if self.order.env_files is not None:
                    raise
        return found | {**self.environment}

    def document(self, variables: Mapping[str, str]) -> Node:
        """Return all files in one, with their variables filled in; profiles that are not chosen need none."""
        filled = Interpolation(variables)
        nodes = [filled.fill(read_nodes(self.files.read(name), self.files.shown(name))) for name in self.order.files]
        problems = filled.all_problems()
        if problems:
            raise DocumentError(in_order(problems))
        self.filled |= filled.filled
        return merged(nodes)


def convert(order: Order, files: Files, environment: Mapping[str, str]) -> Converted:
    """Return the steps that a stack file stands for.

    Args:
        order: which files, and how.
        files: reads them, and the files of variables that they name.
        environment: the operator's variables, which go before those of files.

    Raises:
        DocumentError: with every problem found, each with its file and line.
        UsageError: a file cannot be read.
    """
    reading = _Reading(order, files, environment)
    variables = reading.variables()
    node = reading.document(variables)
    sifting = Sifting()
    source = source_of(node, sifting.sift(node))
    checker = Checker(source)
    checker.problems += sifting.problems
    file = checker.check(ComposeFile, ())
    if file is None:
        checker.finish()
        raise AssertionError  # a file that is None left problems
    stack = Stack(_name(order, file, checker), file, str(PurePath(order.files[0]).parent))
    services = _chosen(file, order.profiles)
    references.check_references(file, services, checker)
    names = references.in_order(services, checker)
    checker.finish()
    notes = [*sifting.notes, *_notes(file, services, checker)]
    steps = _steps(stack, {name: services[name] for name in names}, _Environments(reading, stack, checker, notes))
    checker.finish()
    return Converted(stack.name, steps, source, in_order(notes), frozenset(reading.filled))


def _name(order: Order, file: ComposeFile, checker: Checker) -> str:
    name = order.name or file.name or ""
    if not name:
        checker.complain((), "the stack has no name", "give one: 'name: shop' in the step, --name shop, or in the file")
    elif _NAME.fullmatch(name) is None:
        checker.complain(("name",), f"{name!r} is not a name of a stack: use letters, digits, '-' and '_'")
    return name


def _chosen(file: ComposeFile, profiles: tuple[str, ...]) -> dict[str, Service]:
    """Return the services without a profile, and those in a profile that is chosen."""
    return {
        name: one
        for name, one in file.services.items()
        if not one.profiles or ALL_PROFILES in profiles or set(one.profiles) & set(profiles)
    }


def _notes(file: ComposeFile, services: Mapping[str, Service], checker: Checker) -> list[Problem]:
    """Return what the swarm does in another way than the file says."""
    found = []
    problem = checker.source.problem
    for name, service in services.items():
        if service.depends_on:
            text = "depends_on: a swarm waits for none; the services are listed in this order"
            found.append(problem(("services", name, "depends_on"), text))
        found += [problem(("services", name, key), text) for key, text in _overruled(service)]
    for name in (name for name in file.services if name not in services):
        profiles = ", ".join(file.services[name].profiles or ())
        found.append(
            problem(("services", name), f"service {name!r} is left out: its profile is not chosen ({profiles})")
        )
    used = {network for one in services.values() for network in networks_of(one)}
    for name, network in file.networks.items():
        if name not in used and not (network is not None and network.is_external):
            found.append(problem(("networks", name), f"network {name!r} is not made: no service is on it"))
        elif network is not None and network.driver == "bridge":
            found.append(
                problem(("networks", name, "driver"), f"network {name!r}: a swarm has no bridges: made an overlay")
            )
    mounted = {mount.source for one in services.values() for mount in one.volumes or ()}
    unused = (name for name in file.volumes if name not in mounted)
    return [*found, *(problem(("volumes", one), f"volume {one!r}: no service mounts it") for one in unused)]


def _overruled(service: Service) -> Iterator[tuple[str, str]]:
    """Yield keys of a service that another key, or the swarm, overrules."""
    deploy = service.deploy
    if service.restart is not None and deploy is not None and deploy.restart_policy is not None:
        yield "restart", "restart: ignored: deploy.restart_policy goes before"
    elif service.restart in ("no", "false"):
        yield "restart", "restart: ignored: a swarm replaces tasks; write deploy.restart_policy: {condition: none}"
    if service.scale is not None and deploy is not None and deploy.replicas is not None:
        yield "scale", "scale: ignored: deploy.replicas goes before"


@dataclass(slots=True)
class _Environments:
    """Gathers the variables of services from their files and their own lists."""

    reading: _Reading
    stack: Stack
    checker: Checker
    notes: list[Problem]

    def of(self, name: str, service: Service) -> Variables:
        """Return the variables of one service; its own go before those of its files."""
        files = [*self._of_files(name, service)]
        named = self.reading.order.names_env_files
        found = {} if named else {key: value for _, read in files for key, value in read.items()}
        for key, value in (service.environment or {}).items():
            if value is not None:
                found[key] = value
            elif key in self.reading.environment:
                found[key] = self.reading.environment[key]
                self.reading.filled.add(found[key])
            else:
                self._taken_away(name, key, [path for path, read in files if named and key in read])
                found.pop(key, None)
                text = f"variable {key} is not set here, and the tasks of service {name!r} get none"
                self.notes.append(self.checker.source.problem(("services", name, "environment", key), text))
        return Variables(found, tuple(path for path, _ in files if named))

    def _taken_away(self, name: str, key: str, files: Iterable[str]) -> None:
        """Complain of a variable that a file has and the service does not: a step that names the file has it, too."""
        for path in files:
            text = f"{key} has no value here and takes that of {path} away, which no step can say that names the file"
            hint = "write the variables of the file into the steps: --show-values"
            self.checker.complain(("services", name, "environment", key), text, hint)

    def _of_files(self, name: str, service: Service) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield the path and the variables of each file, in their order."""
        for index, one in enumerate(service.env_file or ()):
            path = ("services", name, "env_file", index)
            file, files = self.stack.path(one.path), self.reading.files
            try:
                read = env_file_variables(files.read(file), files.shown(file), self.reading.environment)
            except UsageError as error:
                if one.required or not isinstance(error, NoSuchFileError):
                    self.checker.complain(path, error.message, error.hint)
            except DocumentError as error:
                self.checker.problems += error.problems
            else:
                warned = (unset(key, one.path) for key, value in read.items() if value is None)
                self.notes += [self.checker.source.problem(path, text) for text in warned]
                yield file, {key: value for key, value in read.items() if value is not None}


def _steps(stack: Stack, services: Mapping[str, Service], environments: _Environments) -> tuple[Written, ...]:
    used = {network for one in services.values() for network in networks_of(one)}
    steps = [*network_steps(stack, used), *content_steps(stack, "config"), *content_steps(stack, "secret")]
    for name, service in services.items():
        arguments = service_step(stack, name, service, environments.of(name, service))
        steps.append(Written("service", arguments, ("services", name), stack.name))
    return tuple(steps)
