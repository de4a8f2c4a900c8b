"""Check: kernels forward packets, and do not filter out what comes from other hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.verify.scenarios.hosts.kernels import Kernels

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Answers, Setup


class KernelSettings(Kernels):
    """Forwarding and reverse path filters; machines and engines have checks of their own."""

    name: ClassVar[str] = "kernel-settings"
    summary: ClassVar[str] = "kernels forward packets and filter nothing out"

    def _machines(self, setup: Setup, answers: Answers) -> list[Verdict]:
        """Return nothing: other checks look at that."""
        del setup, answers
        return []
