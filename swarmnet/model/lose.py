"""How a living cluster did without some of its nodes: what was asked of it meanwhile, and what it answered."""

from __future__ import annotations

from pydantic import AwareDatetime

from swarmnet.errors import ExitCode
from swarmnet.model.base import Count, Document


class Door(Document):
    """One published TCP port of a service, and where it may be asked for, best first."""

    service: str
    port: int
    addresses: tuple[str, ...]


class Answers(Document):
    """What came of the requests to one port."""

    service: str
    port: int
    sent: Count = 0
    failed: Count = 0
    gap: float = 0.0
    """Longest time without an answer, in seconds: from the last good request before to the first one after."""


class LoseReport(Document):
    """What happened while nodes took no tasks."""

    cluster: str
    nodes: tuple[str, ...]
    begun: AwareDatetime
    drained: float
    """Seconds until their tasks had ended, and ran elsewhere where there was room."""
    moved: dict[str, int]
    """Running tasks that the nodes had, by service."""
    answers: tuple[Answers, ...] = ()
    silent: tuple[Door, ...] = ()
    """Ports that did not answer before anything was changed: they are not measured."""
    failed: tuple[str, ...] = ()
    """What did not come to run elsewhere, in words."""
    not_back: tuple[str, ...] = ()
    """Nodes that take no tasks still, with the reason."""
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """An interruption, else what failed, else whether anything was measured."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.failed or self.not_back:
            return ExitCode.FAILED
        return ExitCode.DONE if self.answers else ExitCode.INCOMPLETE
