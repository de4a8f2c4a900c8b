"""One thing that is wrong at some hosts: what checks of hosts and scenarios of verify report alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.report import Status, Verdict

if TYPE_CHECKING:
    from swarmnet.model.report import Claim
    from swarmnet.verify.ids import CauseId


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, at some hosts."""

    cause: CauseId
    hosts: tuple[str, ...]
    detail: str
    fix: str
    commands: tuple[str, ...] = ()
    """What can be typed there."""
    status: Status = Status.FAILED
    broken: frozenset[Claim] = frozenset()
    needed: tuple[frozenset[Claim], ...] = ()

    def verdict(self, scenario: str) -> Verdict:
        """Return it as the verdict of a scenario."""
        return Verdict(
            scenario=scenario,
            subject=f"host{'s' if self.hosts[1:] else ''} {', '.join(self.hosts)}",
            status=self.status,
            detail=self.detail,
            cause=self.cause,
            fix=self.fix,
            evidence={"cause": self.cause, "hosts": [*self.hosts], "commands": [*self.commands]},
            broken=self.broken,
            needed=self.needed,
        )
