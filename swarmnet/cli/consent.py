"""The operator at the terminal, or ``--yes``."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.cli.wiring import confirm_cluster, note
from swarmnet.model.plan import Risk
from swarmnet.report.terminal.console import console_for, show
from swarmnet.report.terminal.plan import View, counts, plan_lines

if TYPE_CHECKING:
    from swarmnet.workflows.apply import Prepared


@dataclass(frozen=True, slots=True)
class AtTerminal:
    """Shows plans and asks. For a plan that costs something, the operator types the cluster's name."""

    yes: bool = False
    """``--yes``: agree to what was shown."""
    unattended: bool = False
    """``SWARMNET_YES``: agree to what costs nothing; it never replaces typing the cluster's name."""
    on_stderr: bool = False
    """True where stdout belongs to JSON."""
    view: View = field(default_factory=View)

    def show(self, prepared: Prepared) -> None:
        """Print the plan."""
        console = console_for(sys.stderr if self.on_stderr else sys.stdout)
        show(console, plan_lines(prepared.plan, prepared.state, self.view))

    def ask(self, prepared: Prepared, *, changed: bool) -> None:
        """Return when the operator agrees.

        Raises:
            RefusedError: the operator does not agree, or cannot be asked.
        """
        if changed:
            note("the cluster changed between the plan and the lock; the plan above shows what is left to do")
        plan = prepared.plan
        costs = plan.worst_risk is not Risk.SAFE
        if self.yes or (self.unattended and not costs):
            return
        origin = f" from {plan.origin}" if plan.origin else ""
        confirm_cluster(plan.cluster, f"apply this ({counts(plan)}){origin}", type_name=costs)
