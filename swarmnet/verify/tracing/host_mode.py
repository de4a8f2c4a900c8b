"""Where a port in host mode opens: on the hosts that run a task, and on no other. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.service import PublishedPort
    from swarmnet.verify.ends import End


@dataclass(frozen=True, slots=True)
class Opening:
    """A port in host mode, and the hosts on which it opens."""

    port: PublishedPort
    hosts: tuple[str, ...]
    """Those with a running task."""
    others: tuple[str, ...]

    @classmethod
    def of(cls, port: PublishedPort, tasks: Iterable[End], hosts: Iterable[str]) -> Opening:
        """Return where a port opens, of these hosts and those of the running tasks behind it."""
        running = tuple(dict.fromkeys(end.host for end in tasks if end.host))
        return cls(port, running, tuple(host for host in hosts if host not in running))

    def __str__(self) -> str:
        """Return it as a trace says it."""
        words = f"{self.port.published} leads to {self.port.target} in host mode, so it opens only on hosts with a task"
        words += f": {', '.join(self.hosts) or 'none'}"
        return words + (f", not on {', '.join(self.others)}" if self.others else "")
