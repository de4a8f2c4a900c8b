"""A swarm that no manager answers for: one verdict names the managers by their state, and no check can run. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.announced_losses import Health, Left, both
from swarmnet.model.report import Status, Verdict
from swarmnet.model.standing import believed
from swarmnet.verify import claims
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.certainty import certainty_of
from swarmnet.verify.ids import CauseId, Group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.state import ClusterState
    from swarmnet.verify.scenario import Scenario

UNTESTED = "not tested: no manager answers for the swarm"


def unanswered(state: ClusterState, inventory: Inventory, scenarios: Sequence[Scenario]) -> tuple[Verdict, ...]:
    """Return why no manager answers, and what follows for each scenario; nothing where one does, or there is no swarm.

    It failed where a manager says so itself: it has no leader, or waits for its key. Where none says anything, the
    swarm may be healthy: that is inconclusive.
    """
    found = believed(state, inventory)
    if found.health is not Health.LOST:
        return ()
    left = Left.of(state, inventory)
    disbelieved = tuple(one.host for one in state.failures if one.disbelieved)
    cause, hosts = (CauseId.CONTRADICTED, disbelieved) if disbelieved else _cause(left)
    verdict = Verdict(
        scenario=Group.PROBE,
        subject=f"host{'s' * (len(hosts) > 1)} {', '.join(hosts)}",
        status=Status.FAILED if cause in (CauseId.NO_QUORUM, CauseId.LOCKED) else Status.INCONCLUSIVE,
        detail="; ".join(found.reasons),
        cause=cause,
        fix=found.cure or f"look at {both(hosts)} first: swarmnet status -i {inventory.source}",
        evidence={
            "cause": cause,
            "hosts": [*hosts],
            "managers": dict(_states(left)),
            "commands": [*_commands(left, cause, inventory)],
        },
        broken=frozenset((claims.led(),)),
    )
    rest = (
        Verdict(
            scenario=one.name,
            subject="swarm",
            status=Status.INCONCLUSIVE,
            detail=UNTESTED,
            needed=(frozenset((claims.led(),)),),
        )
        for one in scenarios
    )
    return traced((verdict.model_copy(update={"certainty": certainty_of(verdict)}), *rest))


def _cause(left: Left) -> tuple[CauseId, tuple[str, ...]]:
    """Return the cause, and the hosts that it is about."""
    if left.is_locked_out:
        return CauseId.LOCKED, tuple(left.locked)
    if left.working or left.locked or left.broken:
        return CauseId.NO_QUORUM, (*left.silent, *left.broken, *left.gone, *left.locked) or tuple(left.working)
    if left.claimants:
        return CauseId.NO_MANAGER, tuple(left.claimants)
    return CauseId.UNREACHABLE, tuple(left.silent)


def _states(left: Left) -> Mapping[str, str]:
    """Return the inventory's managers, each with a word for its state."""
    groups = {
        "reachable": left.working,
        "locked": left.locked,
        "at fault": left.broken,
        "unreachable": left.silent,
        "in no swarm": left.gone,
    }
    return {host: word for word, hosts in groups.items() for host in hosts}


def _commands(left: Left, cause: CauseId, inventory: Inventory) -> tuple[str, ...]:
    """Return what can be typed: what shows why managers do not find each other, or begins the swarm again."""
    if cause is not CauseId.NO_QUORUM:
        return ()
    options = f"-i {inventory.source}"
    missing = (*left.silent, *left.broken, *left.gone)
    if not left.working or not missing:
        return (f"swarmnet check {options}",)
    named = f" --lost {','.join(left.silent)}" if left.silent else ""
    return (f"swarmnet recover quorum {options} --from {left.working[0]}{named}  # when they are gone for good",)
