"""What looks at hosts before they enter a swarm: shared by every command that lets hosts in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from swarmnet.model.plan import Plan
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
    from swarmnet.workflows.apply import Readiness, ReadinessCheck

UnreadyOption = Annotated[
    bool,
    typer.Option(
        "--allow-unready",
        help="Let hosts join the swarm although their clock, version, ports or route to the managers is wrong.",
    ),
]


def ready_to_join(*, allowed: bool) -> ReadinessCheck:
    """Return what looks at the hosts that a plan lets enter; with ``allowed``, what is wrong is a warning."""
    return partial(_readiness, allowed=allowed)


def _readiness(ports: Ports, plan: Plan, state: ClusterState, *, allowed: bool) -> Readiness:
    """Return what is wrong with hosts that enter the swarm; what looks is loaded where one does."""
    from swarmnet.verify.checks.joining import readiness

    return readiness(ports, plan, state, allowed=allowed)
