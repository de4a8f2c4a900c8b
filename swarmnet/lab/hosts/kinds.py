"""What every lab host can do, whichever kernel it runs on.

Everything else in the lab (switch, faults, inventory, tests) uses :class:`HostKind` only. The kind of a host is
recorded in one place, :attr:`swarmnet.lab.state.HostRecord.kernel`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.lab.state import HostRecord


class HostKind(Protocol):
    """How hosts of one kind are switched on and off, and reached without their network."""

    def prepare(self, host: HostRecord) -> None:
        """Make what survives power cuts of the host: its files and its disk."""

    def power_on(self, host: HostRecord) -> None:
        """Start the host from its disk; return before it answers."""

    def power_off(self, host: HostRecord) -> None:
        """Stop the host at once, as if its plug were pulled; return when nothing of it runs."""

    def forget(self, host: HostRecord) -> None:
        """Let the next start find neither swarm nor containers, networks and volumes; images stay."""

    def plug(self, host: HostRecord, *, into_switch: bool) -> None:
        """Plug the host's cable into the switch, or pull it out."""

    def second_card(self, host: HostRecord, *, plugged: bool) -> None:
        """Give the running host a card ``eth1`` on the lab's second bridge, without address; or take it away."""

    def powered(self, host: HostRecord) -> bool:
        """Return whether the host runs; true from the moment that ``power_on`` returns."""

    def inside(self, host: HostRecord, argv: Sequence[str]) -> list[str]:
        """Return the argument list that runs ``argv`` as root inside the host."""

    def sshd_listens(self, host: HostRecord) -> bool:
        """Return whether the host's sshd accepts connections, without making one."""

    def engine_answers(self, host: HostRecord) -> bool:
        """Return whether the host's engine answers a ping on its socket."""

    def last_words(self, host: HostRecord) -> str:
        """Return the end of the host's console and engine log, for error messages."""
