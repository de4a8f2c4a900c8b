"""The conditions of ``Match`` in ssh_config files, and the ``%`` tokens that programs and paths are given."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from swarmnet.edge.operator.children import child_environment
from swarmnet.edge.ssh.options import jump as read_jump
from swarmnet.edge.ssh.options import port as read_port
from swarmnet.edge.ssh.patterns import matches_list
from swarmnet.edge.ssh.words import expand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.edge.ssh.words import Directive, Tokens

    Found = Mapping[str, list[Directive]]

EXEC_LIMIT = 30.0
"""Seconds for the program of one ``Match exec``."""
_UNJUDGED = ("localnetwork", "version", "command", "sessiontype")
"""Criteria of ssh that swarmnet does not judge."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who looks the hosts up, and where."""

    user: str
    uid: int
    home: str
    machine: str
    shell: str = "/bin/sh"


@dataclass(frozen=True, slots=True)
class Asked:
    """The host that is looked up."""

    original: str
    host: str
    """What ``Host`` is held against: the original, in the final pass what came of it."""
    user: str | None = None
    port: int | None = None
    final: bool = False

    def finally_(self, name: str) -> Asked:
        """Return what the second pass asks for (``Match final``)."""
        return replace(self, host=name, final=True)

    def hostname(self, line: Directive | None) -> str:
        """Return the name to connect to, by the ``HostName`` that holds."""
        if self.final or line is None:
            return self.host
        return expand(line.first, {"h": self.host}, line.place)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a ``Match`` line applies."""

    applies: bool
    wants_final: bool = False
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A ``Match`` line, the host that is looked up, and what the lines before said."""

    line: Directive
    asked: Asked
    found: Found

    def value(self, keyword: str) -> str | None:
        """Return what an option holds so far."""
        lines = self.found.get(keyword)
        return lines[0].first if lines else None


@dataclass(slots=True)
class _Reading:
    """What of a ``Match`` line has been read."""

    applies: bool
    wants_final: bool = False
    warning: str | None = None
    conditions: int = 0

    @property
    def verdict(self) -> Verdict:
        return Verdict(self.applies and self.warning is None, self.wants_final, self.warning)


class Criteria:
    """Judges ``Match`` lines and gives the tokens."""

    def __init__(self, operator: Operator, environment: Mapping[str, str]) -> None:
        """Keep who asks; ``environment`` is what programs get, and what ``${}`` reads."""
        self.operator = operator
        self.environment = environment

    def judge(self, case: Case, *, reached: bool) -> Verdict:
        """Return whether a ``Match`` line applies; ``reached`` False runs no program.

        Raises:
            UsageError: ssh refuses the line, or its program cannot be run.
        """
        reading = _Reading(applies=reached)
        words = list(case.line.words)
        while words:
            word = words.pop(0)
            negated = word.startswith("!")
            name, equals, argument = word.removeprefix("!").partition("=")
            name = name.lower()
            if name == "all":
                if reading.conditions > 1 or words:
                    raise case.line.place.error("all stands alone in a Match line, or behind final or canonical")
                reading.applies = reading.applies and not negated
                return reading.verdict
            reading.conditions += 1
            if name in ("canonical", "final"):
                reading.wants_final |= name == "final"
                true = case.asked.final
            else:
                if not equals:
                    argument = words.pop(0) if words else ""
                true = self._holds(name, argument, case, reading)
            reading.applies = reading.applies and true is not negated
        if not reading.conditions:
            raise case.line.place.error("Match has no condition")
        return reading.verdict

    def _holds(self, name: str, argument: str, case: Case, reading: _Reading) -> bool:
        if not argument and name not in ("tagged", "command"):
            raise case.line.place.error(f"Match {name} has no argument")
        if name == "exec":
            return reading.applies and self._runs(argument, case)
        if name == "host":
            return matches_list(self._host(case).lower(), argument.lower())
        subjects = {
            "originalhost": case.asked.original.lower(),
            "user": case.asked.user or case.value("user") or self.operator.user,
            "localuser": self.operator.user,
            "tagged": case.value("tag") or "",
        }
        if name in subjects:
            return matches_list(subjects[name], argument.lower() if name == "originalhost" else argument)
        if name not in _UNJUDGED:
            raise case.line.place.error(f"Match {name} is not a condition that ssh knows")
        reading.warning = (
            f"swarmnet does not judge Match {name}: the lines under it are not applied; if hosts need them, put them"
            " under a Host line, or write them in 'ssh' of the inventory"
        )
        return False

    def _runs(self, command: str, case: Case) -> bool:
        whole = expand(command, self.tokens(case), case.line.place)
        try:
            done = subprocess.run(
                [self.operator.shell, "-c", whole],
                env=child_environment(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                timeout=EXEC_LIMIT,
                check=False,
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise case.line.place.error(f"Match exec cannot be run: {error}") from None
        return done.returncode == 0

    def _host(self, case: Case) -> str:
        lines = case.found.get("hostname")
        return case.asked.hostname(lines[0] if lines else None)

    def tokens(self, case: Case) -> Tokens:
        """Return the ``%`` tokens while the files are read."""
        port = case.asked.port or (read_port(case.found["port"][0]) if "port" in case.found else 22)
        host = self._host(case)
        jump = read_jump(case.found["proxyjump"][0]) if "proxyjump" in case.found else None
        return self.tokens_of(
            Reached(
                host=host,
                original=case.asked.original,
                port=port,
                user=case.asked.user or case.value("user") or self.operator.user,
                alias=case.value("hostkeyalias") or host,
                jump=(jump or "").rpartition(",")[2],
            )
        )

    def tokens_of(self, reached: Reached) -> Tokens:
        """Return the ``%`` tokens (ssh_config(5), TOKENS)."""
        who, port = self.operator, str(reached.port)
        digest = f"{who.machine}{reached.host}{port}{reached.user}{reached.jump}".encode("utf-8", "surrogateescape")
        return {
            "C": hashlib.sha1(digest, usedforsecurity=False).hexdigest(),
            "L": who.machine.partition(".")[0],
            "d": who.home,
            "h": reached.host,
            "i": str(who.uid),
            "j": reached.jump,
            "k": reached.alias,
            "l": who.machine,
            "n": reached.original,
            "p": port,
            "r": reached.user,
            "u": who.user,
        }


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a connection goes, as the tokens tell it."""

    host: str
    original: str
    port: int
    user: str
    alias: str
    """The ``HostKeyAlias``."""
    jump: str
    """The jump host, without user and port."""
