"""The operator at the terminal, or ``--yes``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from swarmnet.cli.wiring import confirm_cluster, say
from swarmnet.errors import RefusedError
from swarmnet.model.plan import Risk
from swarmnet.report.plan import counts, plan_digest, plan_text
from swarmnet.report.text import Paint

if TYPE_CHECKING:
    from swarmnet.workflows.apply import Prepared


@dataclass(frozen=True, slots=True)
class AtTerminal:
    """Shows plans and asks; a plan that costs something wants the cluster's name typed."""

    yes: bool = False
    """``--yes``: agree to what was shown."""
    on_stderr: bool = False
    """True where stdout belongs to JSON."""
    expected: str | None = None
    """Digest of a saved plan: no other one is agreed to."""

    def show(self, prepared: Prepared) -> None:
        """Print the plan."""
        paint = Paint.for_stream(sys.stderr if self.on_stderr else sys.stdout)
        typer.echo(plan_text(prepared.plan, prepared.state, paint), err=self.on_stderr)

    def ask(self, prepared: Prepared, *, changed: bool) -> None:
        """Return when the operator agrees.

        Raises:
            RefusedError: he does not, nobody is there, or it is not the saved plan.
        """
        if self.expected not in (None, plan_digest(prepared.plan, prepared.state)):
            raise RefusedError(
                "the cluster, the playbook or the inventory changed since the plan was saved; nothing was changed",
                hint="make a new plan: swarmnet plan PLAYBOOK -i INVENTORY -o FILE",
            )
        if changed:
            say("the cluster changed between the plan and the lock; the plan above is what is left to do")
        if self.yes:
            return
        costs = prepared.plan.worst_risk is not Risk.SAFE
        confirm_cluster(prepared.plan.cluster, f"apply this ({counts(prepared.plan)})", type_name=costs)
