"""The story of a restore: another planner for the one engine that applies plans, guarded and proved in the same way.

The document must be opened before anything here is called: a wrong key, damage or an unknown schema ends the command
before the first connection is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import DocumentError, RefusedError
from swarmnet.plan.build import build
from swarmnet.plan.restore import restoration
from swarmnet.workflows.apply import Goal
from swarmnet.workflows.observe import Look

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.plan import Plan
    from swarmnet.model.state import ClusterState
    from swarmnet.plan.guard import Permissions
    from swarmnet.plan.restore import Choices, Restoration


@dataclass(frozen=True, slots=True)
class Restore:
    """One backup onto one inventory."""

    document: BackupDocument
    inventory: Inventory
    choices: Choices

    def restoration(self, state: ClusterState) -> Restoration:
        """Return the steps, and what is skipped, for hosts in this state."""
        return restoration(self.document, self.inventory, state, self.choices)

    def plan(self, state: ClusterState) -> Plan:
        """Return what leads from this state to the backup.

        Raises:
            RefusedError: what is there stands against the backup; nothing of it is overwritten.
        """
        found = self.restoration(state)
        try:
            plan = build(found.playbook, state, found.inventory)
        except DocumentError as error:
            lines = "\n".join(f"- {problem.text}" for problem in error.problems)
            raise RefusedError(
                f"the backup cannot be restored onto these hosts:\n{lines}",
                hint="remove or rename what is in the way, or restore onto fresh hosts; nothing was changed",
            ) from error
        return plan.model_copy(update={"warnings": (*found.warnings, *plan.warnings)})

    def goal(self, permissions: Permissions) -> Goal:
        """Return the restore as a goal of ``workflows.apply.apply``."""
        command = f"restore {self.document.id[:8]}"
        return Goal(make_plan=self.plan, look=Look(containers=True), permissions=permissions, command=command)
