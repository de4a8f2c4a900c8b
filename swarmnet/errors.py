"""Every error that swarmnet raises on purpose, with the exit code that it ends the process with.

An error says what happened and where; ``hint`` says what to do next. Only ``cli.main`` prints errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SAID = 300
"""Characters of a host's own words that a message repeats."""
_WHOLE = 800
"""Characters of a host's whole message."""


def cut(text: str, most: int = SAID) -> str:
    """Return a text of at most ``most`` characters, and the count of those left out: what hosts say has no limit."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text) - most} more characters)"


class ExitCode:
    """What the process ends with, besides the codes of errors."""

    DONE = 0
    FAILED = 1
    INCOMPLETE = 3
    PENDING = 6
    RESTORED_WITH_SKIPS = 15
    RESTORED_BUT_UNVERIFIED = 16
    INTERRUPTED = 130


class SwarmnetError(Exception):
    """Base of all errors that the operator can act on."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None, details: Iterable[str] = ()) -> None:
        self._lines = (message, *details)
        self.message = "\n".join(self._lines)
        super().__init__(self.message)
        self.hint = hint

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines to print. A line break inside one of them comes from foreign text."""
        return self._lines


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one place of a document."""

    source: str
    """File path as the operator wrote it, or ``<stdin>``."""
    line: int | None
    """1-based line, or None when the whole file is meant."""
    text: str
    """What is wrong."""
    hint: str | None = None
    """What to write instead."""
    column: int | None = None
    """1-based column, or None when the whole line is meant."""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.source, self.line, self.column) if part is not None)
        return f"{place}: {self.text}" + (f" ({self.hint})" if self.hint else "")


class UsageError(SwarmnetError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class DocumentError(SwarmnetError):
    """An inventory or playbook is wrong; carries every problem found, not only the first."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...], *, hint: str | None = None) -> None:
        first, *others = (str(problem) for problem in problems)
        super().__init__(first, hint=hint, details=others)
        self.problems = problems


class HostError(SwarmnetError):
    """Something failed on one named host; the others go on.

    ``message`` says what happened, without the host's name; ``str(error)`` and ``lines`` put ``host`` before it.
    """

    exit_code = 3

    def __init__(self, host: str, message: str, *, hint: str | None = None, brief: str | None = None) -> None:
        """Keep the parts; ``brief`` is the message without what differs between hosts, for a summary of many."""
        super().__init__(cut(message, _WHOLE), hint=hint)
        self.host = host
        self.brief = cut(brief or message, _WHOLE)

    def __str__(self) -> str:
        return f"{self.host}: {self.message}"

    @property
    def lines(self) -> tuple[str, ...]:
        """The one line to print: the host, then the message."""
        return (str(self),)


class UnreachableError(HostError):
    """No SSH connection could be opened: dead, refused, or slower than the limit."""


class AuthenticationError(HostError):
    """The host answered but accepted none of the keys."""


class HostKeyError(HostError):
    """The host's key is unknown under a strict policy, or differs from the known one."""


class UnknownHostKeyError(HostKeyError):
    """No known_hosts file knows the host, and nobody has accepted its key."""


class HostTimeoutError(HostError):
    """A command or request outlived its limit; it was ended on the host, too."""


class CommandError(HostError):
    """A command ended with a status that was not expected."""


class UnexpectedError(HostError):
    """The work on one host met an error that swarmnet does not know: a bug, told as that host's failure."""


class EngineError(HostError):
    """The engine of a host answered with an error, or not at all."""

    def __init__(
        self, host: str, message: str, *, status: int | None = None, hint: str | None = None, brief: str | None = None
    ) -> None:
        super().__init__(host, message, hint=hint, brief=brief)
        self.status = status


class NotFoundError(EngineError):
    """The engine knows no such object (404)."""


class ConflictError(EngineError):
    """The engine refuses because of the state that the object is in (409, or a name taken)."""


class StateChangedError(EngineError):
    """The object changed between reading and writing it (``update out of sequence``)."""


class NotAManagerError(EngineError):
    """The node cannot answer for the cluster: a worker, locked, or without a quorum (503)."""


class NoManagerError(NotAManagerError):
    """No manager answers for the whole cluster. It is about no single host: ``host`` is empty."""

    def __init__(self, cluster: str, message: str, *, hint: str | None = None) -> None:
        super().__init__("", message, hint=hint)
        self.cluster = cluster

    def __str__(self) -> str:
        return f"no manager answers for cluster {self.cluster}: {self.message}"


class ConvergenceError(SwarmnetError):
    """A change was accepted but did not come true within its limit; says the last thing seen."""


class StoppedError(SwarmnetError):
    """The operator asked to stop while something that was accepted was still being watched; it goes on by itself."""

    exit_code = 130


class RefusedError(SwarmnetError):
    """A guard refused: the message says what would be lost, the hint names the flag that allows it."""

    exit_code = 5


class LabError(SwarmnetError):
    """The lab on this machine cannot be made, changed or removed as asked; says what this machine's tools printed."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        first, *others = message.splitlines() or [""]
        super().__init__(first, hint=hint, details=others)


class IncompleteError(SwarmnetError):
    """What was asked for could be seen in part only, and a part is not enough."""

    exit_code = 3


class BackupNotFoundError(SwarmnetError):
    """No such backup, or no repository there."""

    exit_code = 10


class LockedError(SwarmnetError):
    """Somebody else holds the lock; the message says who and since when."""

    exit_code = 11


class WrongKeyError(SwarmnetError):
    """None of the given identities opens the backup, or its signer is not trusted."""

    exit_code = 12


class DamagedError(SwarmnetError):
    """The backup was changed or cut since it was written."""

    exit_code = 13


class SchemaError(SwarmnetError):
    """The document is of a format that this version does not read."""

    exit_code = 14


class NothingReachableError(SwarmnetError):
    """Not one host answered; a schedule tries again later."""

    exit_code = 75
