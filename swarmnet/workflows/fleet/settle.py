"""Observe a cluster once no election or join is in progress.

Right after a leader died, or after a run was killed during a join, an observation shows a state that ends by itself
in a moment: managers without a leader, an engine that is joining a swarm. A plan for it would be refused, or wrong.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError
from swarmnet.model.announced_losses import majority
from swarmnet.model.clock import look_until, wait_until
from swarmnet.model.events import Progress
from swarmnet.model.ports import progress
from swarmnet.model.state import SwarmStanding
from swarmnet.workflows.fleet.observe import observe

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
    from swarmnet.workflows.fleet.observe import Look

SETTLE_LIMIT = 30.0
"""Seconds for an election (some 10, then 20 until requests to the lost leader gave up) and for a join (20) to end."""
PAUSE = 1.0
SLOW = 5.0
"""Seconds after which hosts that did not answer have delayed an observation: they are not waited for again."""
_ELECTING = (SwarmStanding.ACTIVE, SwarmStanding.PENDING)
"""States of managers without a leader: after a restart of the engine they are pending until there is one (26.1)."""
WELL_LIMIT, WELL_EVERY = 40.0, 0.5
"""Seconds for tasks to run and for nodes to be ready once nothing is left to do, and between two looks. After an
election a node may be unknown for 33 s (swarmkit: six heartbeats)."""


def observe_well(
    ports: Ports, look: Look, state: ClusterState, *, signs: Callable[[ClusterState], tuple[str, ...]]
) -> ClusterState:
    """Observe again until ``signs`` reports nothing, for at most 40 s, and return the last state.

    Args:
        ports: the world.
        look: what is observed.
        state: what was just observed; without signs in it, nothing is asked again.
        signs: returns what engines may still need a moment for, in words.
    """
    seen = state

    def again() -> tuple[bool | None, str]:
        nonlocal seen
        seen = observe(ports, look)
        left = signs(seen)
        return (None if left else True), "; ".join(left)

    if signs(state):
        with suppress(ConvergenceError):  # the caller reports what is still not well
            what, tell = "tasks and nodes to be well", progress(ports)
            wait_until(ports.clock, again, what=what, timeout=WELL_LIMIT, every=WELL_EVERY, tell=tell)
    return seen


def observe_settled(ports: Ports, look: Look) -> ClusterState:
    """Observe until no election and no join is in progress, for at most 30 s, and return the last state.

    Reports what it waits for. It never waits for a cluster that lost its majority: no election can end there.

    Raises:
        NothingReachableError: no host answered.
    """
    reported = ""

    def again() -> ClusterState:
        nonlocal look
        begun = ports.clock.monotonic()
        state = observe(ports, look)
        if ports.clock.monotonic() - begun > SLOW:
            silent = tuple(one for one in state.failures if not one.disbelieved and one not in look.missing)
            look = replace(look, missing=(*look.missing, *silent))
        return state

    def settled(state: ClusterState) -> bool:
        nonlocal reported
        why = unsettled(state, ports.inventory)
        if why is not None and why != reported:
            ports.listener(Progress(f"waiting up to {SETTLE_LIMIT:.0f} s: {why}"))
            reported = why
        return why is None

    return look_until(ports.clock, again, settled, limit=SETTLE_LIMIT, every=PAUSE)


def unsettled(state: ClusterState, inventory: Inventory) -> str | None:
    """Return what is about to change by itself, None if nothing is.

    Args:
        state: what was observed.
        inventory: its managers elect; more than half of them must answer for an election to end.
    """
    entering = [
        facts.host
        for facts in state.hosts
        if facts.engine.membership.state is SwarmStanding.PENDING and not facts.engine.membership.error
    ]
    if entering and not state.locked:  # a worker cannot join a swarm whose managers wait for their key
        return f"{', '.join(entering)} is joining a swarm"
    names = {host.name for host in inventory.managers}
    standings = {facts.host: facts.engine.membership for facts in state.hosts if facts.host in names}
    headless = [host for host, one in standings.items() if one.state in _ELECTING and one.error]
    if state.swarm is None and len(headless) >= majority(len(names)):
        return f"{', '.join(headless)} have no leader; a majority of the managers answers, so they will elect one"
    return None
