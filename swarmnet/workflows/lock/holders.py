"""Who holds the cluster's lock, whether they are alive, and the removal of locks whose holders are not.

Every place is looked at that can hold a lock: the swarm's config, and a file on each manager.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import HostError, IncompleteError, LockedError
from swarmnet.model.events import Progress
from swarmnet.model.lock import HEARTBEAT, LOCK_NAME, Holder, Operator, Pulse
from swarmnet.model.ports import names
from swarmnet.model.standing import answered
from swarmnet.workflows.fleet.fanout import fan_out
from swarmnet.workflows.lock.stores import FilePlace, LockStore, SwarmPlace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState

WATCH = 2.5 * HEARTBEAT
"""Seconds that a lock is watched before it counts as stale: two heartbeats are due in that time, one may be lost."""


class Vigil:
    """Finds out which holders are dead. A claim that was watched once is not watched again in its other places."""

    def __init__(self, ports: Ports, operator: Operator) -> None:
        self._ports = ports
        self._operator = operator
        self._gone: set[str] = set()

    def is_over(self, holder: Holder, place: LockStore) -> bool:
        """Return whether the holder is dead; may watch for a heartbeat for ``WATCH`` seconds."""
        pulse = holder.pulse(self._operator)
        token = None if holder.claim is None else holder.claim.token
        if pulse is Pulse.ALIVE:
            return False
        if pulse is Pulse.SILENT and token not in self._gone:
            self._ports.listener(Progress(f"checking whether the lock's holder is alive ({WATCH:.0f} s): {holder}"))
            self._ports.clock.sleep(WATCH)
            if (now := place.holder()) is not None and now.version != holder.version:
                return False
        if token is not None:
            self._gone.add(token)
        return True


def clear_dead(ports: Ports, state: ClusterState, operator: Operator) -> None:
    """Remove the locks of dead runs, in the swarm and on managers, and report those of live ones.

    Without any lock, this costs one request to each manager.
    """
    vigil = Vigil(ports, operator)
    places = {place.name: place for place in _places(ports, state)}
    for holder in holders(ports, state):
        place = places[holder.place]
        if vigil.is_over(holder, place):
            ports.listener(Progress(f"removing the lock in {holder.place} of {holder}: that run is gone"))
            place.break_it(holder)
        else:
            ports.listener(Progress(holder.outlook(operator)))


def holders(ports: Ports, state: ClusterState) -> tuple[Holder, ...]:
    """Return every lock of this cluster, the swarm's first; a place that cannot be read is reported.

    ``state`` is what was just observed; the swarm is asked again only if it shows a lock.
    """
    places: dict[str, LockStore] = {place.name: place for place in lock_files(ports, state)}
    if any(config.spec.name == LOCK_NAME for config in state.configs):
        places = {SwarmPlace.name: SwarmPlace(ports)} | places
    found = fan_out(places, lambda name: places[name].holder())
    for error in found.values():
        if isinstance(error, HostError):
            ports.listener(Progress(f"cannot look for a lock: {error}"))
    return tuple(holder for holder in found.values() if isinstance(holder, Holder))


def living(ports: Ports, state: ClusterState, operator: Operator) -> tuple[Holder | None, bool]:
    """Return the run that changes the cluster now, and whether one did when it was observed and has ended since.

    A silent holder is watched for a moment: a dead one changes nothing.
    """
    vigil = Vigil(ports, operator)
    places = {place.name: place for place in _places(ports, state)}
    found = holders(ports, state)
    seen = any(config.spec.name == LOCK_NAME for config in state.configs)
    released = seen and not any(holder.place == SwarmPlace.name for holder in found)
    return next((holder for holder in found if not vigil.is_over(holder, places[holder.place])), None), released


def visible(state: ClusterState, inventory: Inventory) -> None:
    """Return if every place that can hold a lock was read.

    Raises:
        IncompleteError: no manager answers for the swarm; before there is one, a manager does not answer.
    """
    answered(state, inventory, hosts=())
    silent = [failure.host for failure in state.failures if failure.host in {one.name for one in inventory.managers}]
    if state.swarm is None and silent:
        raise IncompleteError(
            f"cluster {inventory.cluster}: {names(silent)} cannot be asked: a lock, or the swarm itself, may be there",
            hint=f"start {names(silent)}, then run the command again",
        )


def break_locks(ports: Ports, shown: Iterable[Holder]) -> tuple[Holder, ...]:
    """Remove these locks, whether their holders are alive or not, and return those that were removed.

    A lock that was released after it was shown is not an error.

    Raises:
        LockedError: another run holds a lock there now; it is left alone.
    """
    found, others = [], []
    for holder in shown:
        place = _place(ports, holder.place)
        if place.break_it(holder, silent=False):
            found.append(holder)
        elif (now := place.holder()) is not None:
            others.append(f"the lock in {holder.place} is a different one now and was left alone: {now}")
    if others:
        raise LockedError("\n".join(others), hint="look again: swarmnet lock status -i INVENTORY")
    return tuple(found)


def _place(ports: Ports, name: str) -> LockStore:
    return SwarmPlace(ports) if name == SwarmPlace.name else FilePlace(ports, name, ports.inventory.cluster)


def _places(ports: Ports, state: ClusterState) -> tuple[LockStore, ...]:
    files = tuple(lock_files(ports, state))
    return files if state.swarm is None else (SwarmPlace(ports), *files)


def lock_files(ports: Ports, state: ClusterState) -> Iterator[FilePlace]:
    """Yield the files on managers that answer, in the inventory's order: two runs that take them cannot deadlock."""
    for host in ports.inventory.managers:
        if state.facts(host.name) is not None:
            yield FilePlace(ports, host.name, ports.inventory.cluster)
