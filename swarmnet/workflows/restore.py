"""The story of a restore: another planner for the one engine that applies plans, guarded and proved in the same way.

The document must be opened before anything here is called: a wrong key, damage or an unknown schema ends the command
before the first connection is made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from swarmnet.errors import DocumentError, RefusedError
from swarmnet.model.losses import announced
from swarmnet.model.report import OutcomeStatus
from swarmnet.model.restore_report import RestoreReport
from swarmnet.plan.build import build
from swarmnet.plan.guard import Permissions
from swarmnet.plan.recovery.left_over import left
from swarmnet.plan.recovery.steps import restoration
from swarmnet.plan.recovery.undo import undo
from swarmnet.workflows.apply import Goal, apply
from swarmnet.workflows.fleet.observe import RECORDED, Look

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.plan import Plan
    from swarmnet.model.ports import Ports
    from swarmnet.model.report import ApplyReport, Status
    from swarmnet.model.state import ClusterState
    from swarmnet.plan.recovery.steps import Choices, Restoration
    from swarmnet.workflows.apply import ReadinessCheck, Terms


@dataclass(frozen=True, slots=True)
class Restore:
    """One backup onto one inventory."""

    document: BackupDocument
    inventory: Inventory
    choices: Choices
    origin: str = ""
    """Which backup it is, for the plan and its question."""
    readiness: ReadinessCheck | None = None
    """Looks at the hosts that the restore lets enter the swarm."""

    def restoration(self, state: ClusterState) -> Restoration:
        """Return the steps, and what is skipped, for hosts in this state."""
        return restoration(self.document, self.inventory, state, self.choices)

    def plan(self, state: ClusterState) -> Plan:
        """Return what leads from this state to the backup.

        Raises:
            RefusedError: what is there conflicts with the backup; nothing of it is overwritten.
        """
        found = self.restoration(state)
        try:
            plan = build(found.playbook, state, found.inventory, limit=self.choices.limit)
        except DocumentError as error:
            raise RefusedError(
                "the backup cannot be restored onto these hosts:",
                details=(f"- {problem.text}" for problem in error.problems),
                hint="nothing was changed; remove what is in the way, leave objects of the backup out with --exclude"
                " KIND/NAME, or restore onto fresh hosts",
            ) from error
        warnings = (*found.warnings, *plan.warnings)
        skips = left(found, plan, state)
        return plan.model_copy(update={"warnings": warnings, "origin": self.origin, "skips": skips})

    def goal(self, permissions: Permissions) -> Goal:
        """Return the restore as a goal of ``workflows.apply.apply``."""
        command = f"restore {self.document.id[:8]}"
        return Goal(
            make_plan=self.plan, look=self.look, permissions=permissions, command=command, readiness=self.readiness
        )

    @property
    def look(self) -> Look:
        """What the plan must know."""
        hosts = frozenset(host.name for host in self.inventory.select(self.choices.limit).hosts)
        return replace(
            RECORDED,
            hosts=hosts if self.choices.limit else None,
            unlock_key_file=self.choices.unlock_key_file,
        )


def run(
    ports: Ports,
    restore: Restore,
    terms: Terms,
    *,
    permissions: Permissions,
    prove: Callable[[ClusterState], Status] | None,
) -> RestoreReport:
    """Restore, look again, prove by traffic, and report what came back and what did not.

    Args:
        ports: the world.
        restore: what onto which hosts.
        terms: consent, operator, stop.
        permissions: what the operator allowed.
        prove: verifies the networks of the state that it gets; None leaves that out, and the report is incomplete.

    Raises:
        RefusedError: the guard, or the operator, says no.
        LockedError: another operator is changing the cluster.
    """
    applied = apply(ports, restore.goal(permissions), terms)
    interrupted, verified = applied.interrupted, None
    if prove is not None and not (applied.failed or interrupted):
        try:
            verified = prove(applied.state)
        except KeyboardInterrupt:  # what was restored is said nevertheless
            interrupted = True
    return RestoreReport(
        backup=restore.document.id,
        taken=restore.document.created,
        cluster=restore.inventory.cluster,
        restored=_targets(applied, OutcomeStatus.DONE),
        failed=tuple(_failures(applied)),
        skips=applied.skips,
        losses=announced(restore.document),
        verified=verified,
        not_begun=_targets(applied, OutcomeStatus.SKIPPED),
        not_awaited=_targets(applied, OutcomeStatus.STOPPED),
        interrupted=interrupted,
        missing=tuple(failure.host for failure in applied.failures),
        seconds=applied.seconds,
    )


def take_back(
    ports: Ports, inventory: Inventory, backup: str, terms: Terms, *, allow_missing: bool, origin: str = ""
) -> ApplyReport:
    """Remove what the restore of one backup created, and only that; ``backup`` is its id, ``origin`` describes it.

    Raises:
        RefusedError: the guard, or the operator, says no.
        LockedError: another operator is changing the cluster.
    """
    goal = Goal(
        make_plan=partial(undo, inventory=inventory, backup=backup, origin=origin),
        look=Look(containers=True),
        permissions=Permissions(allow_missing=allow_missing, prune=True),
        command=f"restore undo {backup[:8]}",
    )
    return apply(ports, goal, terms)


def _targets(applied: ApplyReport, status: OutcomeStatus) -> tuple[str, ...]:
    return tuple(outcome.target for outcome in applied.outcomes if outcome.status is status)


def _failures(applied: ApplyReport) -> list[str]:
    unfinished = [f"{one.target}: {one.error}" for one in applied.outcomes if one.status is OutcomeStatus.FAILED]
    return [*unfinished, *(f"still to do: {text}" for text in applied.pending)]
