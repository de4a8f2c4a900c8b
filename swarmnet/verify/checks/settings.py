"""Check: kernels forward packets, have room for connections, and do not filter out what comes from other hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.verify.kernels import kernel_of
from swarmnet.verify.scenarios.hosts.connections import full
from swarmnet.verify.scenarios.hosts.kernels import Kernels

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Answers, Setup


class KernelSettings(Kernels):
    """Forwarding, reverse path filters, full tables of connections; machines and engines have checks of their own."""

    name: ClassVar[str] = "kernel-settings"
    summary: ClassVar[str] = "kernels forward packets, have room for connections and filter nothing out"

    def _machines(self, setup: Setup, answers: Answers) -> list[Verdict]:
        """Return the hosts whose table of connections is full; other checks look at machines and engines."""
        seen = {host: said for host in setup.watched if (said := kernel_of(answers, host))}
        return [verdict for host, said in seen.items() for verdict in full(self.name, setup, host, said)]
