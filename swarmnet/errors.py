"""Every error that swarmnet raises on purpose, with the exit code that it ends the process with.

An error says what is wrong and where; ``hint`` says what to do next. Only ``cli.main`` prints errors.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SAID = 300
"""Characters of a host's own words that a message repeats."""
_WHOLE = 800
"""Characters of a host's whole message."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
"""What a full disk, or a quota, answers."""


def cut(text: str, most: int = SAID) -> str:
    """Return at most ``most`` characters of a text, and the number of those left out: host output has no limit."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text) - most} more characters)"


class ExitCode:
    """The exit codes of the process. The docstring below each one is its line in the reference."""

    DONE = 0
    """Done and proved."""
    FAILED = 1
    """An error, or a failed check."""
    USAGE = 2
    """The command line, the inventory or the playbook is wrong."""
    INCOMPLETE = 3
    """Some hosts failed, or a result is incomplete or inconclusive."""
    REFUSED = 5
    """A guard or the operator refused; nothing was changed."""
    PENDING = 6
    """Changes are pending (plan --check), or there is drift (backup diff)."""
    NO_BACKUP = 10
    """No such backup, or no repository there."""
    LOCKED = 11
    """Another run holds the lock."""
    WRONG_KEY = 12
    """No identity opens the backup, its signer is not trusted, or the unlock key is wrong."""
    DAMAGED = 13
    """A backup was changed or truncated after it was written."""
    UNKNOWN_SCHEMA = 14
    """A document has a format that this version does not read."""
    RESTORED_WITH_SKIPS = 15
    """Restored; some objects were skipped."""
    RESTORED_BUT_UNVERIFIED = 16
    """Restored; the networks do not work."""
    UNREACHABLE = 75
    """No host answers. A schedule tries again later."""
    INTERRUPTED = 130
    """Interrupted by Ctrl-C or a signal."""


class SwarmnetError(Exception):
    """An error that the operator can act on; the base of all others."""

    exit_code = ExitCode.FAILED

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
    """One thing that is wrong in one place of a document."""

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
    """The command line asks for something that is not possible."""

    exit_code = ExitCode.USAGE


class UnwrittenError(UsageError):
    """A file cannot be written: the command line names a wrong path, or the disk is full or broken."""

    def __init__(self, path: Path | str, error: OSError, *, hint: str | None = None, after: str = "") -> None:
        """Say which file and why; ``hint`` is the advice where the path is wrong, ``after`` ends the sentence."""
        full = error.errno in _FULL
        room = "free some space there, then run the command again"
        super().__init__(f"cannot write {path}: {error.strerror or error}{after}", hint=room if full else hint)
        if full or error.errno == errno.EIO:
            self.exit_code = ExitCode.FAILED


class NoSuchFileError(UsageError):
    """The file does not exist on the operator's machine."""


class DocumentError(SwarmnetError):
    """An inventory or playbook is wrong. The error lists every problem, not only the first."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: tuple[Problem, ...], *, hint: str | None = None) -> None:
        first, *others = (str(problem) for problem in problems)
        super().__init__(first, hint=hint, details=others)
        self.problems = problems


class Part(StrEnum):
    """What of a host gave no answer, or none that is of use."""

    SSH = "ssh"
    """No connection by SSH comes up, or it broke."""
    LOGIN = "login"
    """SSH answers and lets no one in: the key of the host or of the operator is the wrong one."""
    ENGINE = "engine"
    """SSH works, and the engine cannot be asked or does not answer."""


class HostError(SwarmnetError):
    """Something failed on one host. The other hosts continue.

    ``message`` says what happened, without the host's name; ``str(error)`` and ``lines`` put ``host`` before it.
    """

    exit_code = ExitCode.INCOMPLETE
    part: ClassVar[Part | None] = None
    """What of the host is at fault; None where the kind of the error does not say it."""
    waited: float | None = None
    """Seconds without an answer, where waiting longer may help."""

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
    """No SSH connection could be opened: the host is down, refuses, or is slower than the limit."""

    part: ClassVar[Part | None] = Part.SSH


class EngineLostError(UnreachableError):
    """The connection to a host's engine broke, while SSH to that host works."""

    part: ClassVar[Part | None] = Part.ENGINE


class AuthenticationError(HostError):
    """The host answered and accepted none of the keys."""

    part: ClassVar[Part | None] = Part.LOGIN


class HostKeyError(HostError):
    """The host's key is unknown under a strict policy, or differs from the known one."""

    part: ClassVar[Part | None] = Part.LOGIN


class UnknownHostKeyError(HostKeyError):
    """No known_hosts file lists the host, and its key was not accepted."""


class HostTimeoutError(HostError):
    """A command or request took longer than its limit and was ended on the host, too."""


class EngineTimeoutError(HostTimeoutError):
    """An engine took longer for an answer than its limit."""

    part: ClassVar[Part | None] = Part.ENGINE


class CommandError(HostError):
    """A command ended with an unexpected status."""


class UnexpectedError(HostError):
    """Work on one host failed with an error that swarmnet does not know: a bug, reported as that host's failure."""


class EngineError(HostError):
    """The engine of a host answered with an error, or did not answer."""

    part: ClassVar[Part | None] = Part.ENGINE

    def __init__(
        self, host: str, message: str, *, status: int | None = None, hint: str | None = None, brief: str | None = None
    ) -> None:
        super().__init__(host, message, hint=hint, brief=brief)
        self.status = status
        self.said = ""
        """What the engine itself said; ``message`` also names what was tried."""


class NotFoundError(EngineError):
    """The engine has no such object (404)."""


class NotAttachedError(EngineError):
    """The engine gave up waiting until managers attached a container to a network; the next attempt may succeed."""


class ConflictError(EngineError):
    """The engine refuses because of the object's state (409), or because the name is taken."""


class StateChangedError(EngineError):
    """The object changed between reading and writing it (``update out of sequence``)."""


class NotAManagerError(EngineError):
    """The node cannot answer for the cluster: it is a worker, locked, or without a quorum (503)."""


class NoManagerError(NotAManagerError):
    """No manager answers for the whole cluster. The error is about no single host: ``host`` is empty."""

    def __init__(self, cluster: str, message: str, *, hint: str | None = None) -> None:
        super().__init__("", message, hint=hint)
        self.cluster = cluster

    def __str__(self) -> str:
        return f"no manager answers for cluster {self.cluster}: {self.message}"


class ConvergenceError(SwarmnetError):
    """The engine accepted a change that did not take effect within its limit. The message says the last state seen."""


class StoppedError(SwarmnetError):
    """The operator stopped the run while it waited for a change that the engine completes by itself."""

    exit_code = ExitCode.INTERRUPTED


class RefusedError(SwarmnetError):
    """A guard refused. The message says what would be lost, the hint names the flag that allows it."""

    exit_code = ExitCode.REFUSED


class LabError(SwarmnetError):
    """The lab on this machine cannot be created, changed or removed. The message quotes the tools of this machine."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        first, *others = message.splitlines() or [""]
        super().__init__(first, hint=hint, details=others)


class IncompleteError(SwarmnetError):
    """Only a part of what was asked for could be seen, and a part is not enough."""

    exit_code = ExitCode.INCOMPLETE


class BackupNotFoundError(SwarmnetError):
    """No such backup, or no repository there."""

    exit_code = ExitCode.NO_BACKUP


class LockedError(SwarmnetError):
    """Another run holds the lock. The message says who and since when."""

    exit_code = ExitCode.LOCKED


class WrongKeyError(SwarmnetError):
    """None of the given identities opens the backup, or its signer is not trusted."""

    exit_code = ExitCode.WRONG_KEY


class DamagedError(SwarmnetError):
    """The backup was changed or truncated after it was written."""

    exit_code = ExitCode.DAMAGED


class SchemaError(SwarmnetError):
    """The document has a format that this version does not read."""

    exit_code = ExitCode.UNKNOWN_SCHEMA


class NothingReachableError(SwarmnetError):
    """No host answered. A schedule tries again later."""

    exit_code = ExitCode.UNREACHABLE


class TargetError(SwarmnetError):
    """A target for copies of backups answers and refuses: no right, no space, wrong or expired credentials."""


class TargetUnreachableError(NothingReachableError):
    """A target for copies of backups does not answer. A schedule tries again later."""
