"""The lock that keeps two operators from changing one cluster at the same time.

- Once there is a swarm, the lock is a config with a fixed name. Before, it is a file on every manager that answers.
- A run that creates the swarm keeps its files until it ends and takes the config as soon as it can
  (:meth:`Lock.enter_swarm`). A run that takes the config also looks at the files, so two runs never both get through.
- A run that takes the swarm apart takes the files, and then gives the config back (:meth:`Lock.outlive_swarm`).
- The holder sends a heartbeat every 10 s.
- A lock is taken over if its holder was a process of this machine that is gone. It is also taken over if it sent no
  heartbeat for 60 s *and* none while it is watched for longer than a heartbeat: the clocks of two operators may differ
  by more than a minute.
- A run that finds nothing to do removes such locks too and reports live ones. It never waits for them.

Use::

    with held(ports, state, operator=operator, command="apply site.yml") as lock:
        lock.permit()  # before each action
        lock.check()  # between two batches
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from swarmnet.errors import HostError, LockedError
from swarmnet.model.clock import look_until
from swarmnet.model.events import Progress
from swarmnet.model.lock import HEARTBEAT, LAPSED, Claim, Holder, Operator
from swarmnet.workflows.fleet.first_answer import first_answer, reported
from swarmnet.workflows.lock.holders import Vigil, lock_files
from swarmnet.workflows.lock.stores import RELEASE_PATIENCE, LockStore, SwarmPlace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from swarmnet.model.clock import Clock
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState

RETRY = 1.0


class Lock:
    """A lock that this run holds. Call ``check`` between two batches, and ``permit`` before each action."""

    def __init__(
        self, ports: Ports, operator: Operator, *, command: str, wait: float = 0.0, every: float = HEARTBEAT
    ) -> None:
        self._ports = ports
        self._every = every
        self._claim = Claim.of(operator, cluster=ports.inventory.cluster, command=command, since=ports.clock.now())
        self._vigil = Vigil(ports, operator)
        self._deadline = ports.clock.monotonic() + wait
        self._places: list[LockStore] = []
        self._guard = threading.Lock()
        self._permitting = threading.Lock()
        self._ended = threading.Event()
        self._lost: str | None = None
        self._last = _Moment(ports.clock)

    def take(self, place: LockStore) -> None:
        """Take the lock in one more place and send heartbeats there. Waits for other runs and takes over stale locks.

        Each place has its own thread for heartbeats, so a silent place does not delay the others.

        Raises:
            LockedError: another run holds it.
        """
        while not self._got(place):
            if holder := self._holder(place):
                self._wait_for(holder, place)
        with self._guard:
            self._places.append(place)
            self._last.set()
        name = f"swarmnet-heartbeat-{place.name}"
        threading.Thread(target=self._beat_until_released, args=(place,), name=name, daemon=True).start()

    def look_out_for(self, place: LockStore) -> None:
        """Wait until no other run holds the lock in a place that this run does not take; raises as ``take`` does."""
        while (holder := self._holder(place)) is not None:
            self._wait_for(holder, place)

    def enter_swarm(self) -> None:
        """Also take the swarm's lock, now that there is a swarm; does nothing if this run holds it already."""
        if not any(isinstance(place, SwarmPlace) for place in self._places):
            self.take(SwarmPlace(self._ports))

    def outlive_swarm(self, files: Iterable[LockStore]) -> None:
        """Hold the lock in files alone from now on: the swarm, and its config with it, is about to go.

        The files are there before the config goes, so another run finds one of them at any time. A host that cannot
        hold one is reported; if none can, the config stays. Raises as ``take`` does.
        """
        before = tuple(self._places)
        for place in files:
            try:
                self.take(place)
            except HostError as error:
                self._ports.listener(Progress(f"the lock in {place.name} cannot be taken: {error}"))
        if len(self._places) > len(before):
            with self._guard:
                self._places = self._places[len(before) :]
            self._drop(before)

    def beat(self, place: LockStore) -> None:
        """Send a heartbeat to a place. A host that does not answer now is asked again at the next one."""
        with suppress(HostError):
            self._beat(place)

    def permit(self) -> None:
        """Raise ``LockedError`` unless this run holds the lock, as far as it knows. Call it before each action.

        It sends no request while heartbeats arrive. After ``LAPSED`` seconds without one (because this machine was
        suspended, say), it sends one, again if managers are electing a leader. If that fails too, the lock counts as
        lost.
        """
        with self._permitting:
            self._refuse_if_lost()
            silent = look_until(
                self._ports.clock, self._silent, lambda now: now <= LAPSED, limit=RELEASE_PATIENCE, every=RETRY
            )
            if silent > LAPSED:
                raise LockedError(
                    f"this run sent no heartbeat for {silent:.0f} s: others may take its lock now",
                    hint="nothing more was changed; run the command again when the managers answer",
                )

    def check(self) -> None:
        """Raise ``LockedError`` if another operator broke the lock: two runs must not write at the same time.

        Looks at the place taken last (one request), since the next heartbeat may be 10 s away. If no answer comes
        within a second, this is reported and any answer counts: another manager's (all read what the leader has
        committed) or another place's (breaking a lock removes it from every host that answers).
        """
        with self._guard:
            place, *others = reversed(self._places)
        waiting = Progress(f"waiting for the lock in {place.name} to be seen, asking others meanwhile")
        try:
            who = (*place.witnesses(), *(other.holder for other in others))
            holder = first_answer(place.holder, who, tell=lambda: self._ports.listener(waiting))
        except HostError as error:  # unreachable does not mean lost; the next write shows which it is
            self._ports.listener(Progress(f"the lock in {place.name} cannot be seen: {error}"))
        else:
            if holder is None or holder.claim != self._claim:
                self._lost = place.name
        self._refuse_if_lost()

    def release(self) -> None:
        """Release the lock everywhere; a host that does not answer keeps its file until it is stale."""
        self._ended.set()
        self._drop(self._places)

    def _drop(self, places: Sequence[LockStore]) -> None:
        for place in reversed(places):
            try:
                with reported(self._ports.listener, f"the lock in {place.name} to be released"):
                    place.drop(self._claim)
            except HostError as error:
                self._ports.listener(Progress(f"the lock in {place.name} could not be released: {error}"))

    def _beat_until_released(self, place: LockStore) -> None:
        reported: str | None = None
        while not self._ended.wait(self._every) and place in self._places:
            try:
                self.beat(place)
            except Exception as error:  # noqa: BLE001 - the next heartbeat must follow all the same; `permit` counts them
                words = f"no heartbeat was sent to {place.name}: {type(error).__name__}: {error}"
                if words != reported:
                    self._ports.listener(Progress(words))
                reported = words

    def _beat(self, place: LockStore) -> None:
        if place.beat(self._claim):
            self._last.set()
        elif place in self._places and not self._ended.is_set():
            self._lost = place.name

    def _silent(self) -> float:
        """Return the seconds since the last heartbeat, after one more to every place where that is long ago.

        Raises:
            LockedError: another operator broke the lock in a place.
        """
        if self._last.seconds_ago() > LAPSED:
            with self._guard:
                places = tuple(reversed(self._places))
            for place in places:
                self.beat(place)
            self._refuse_if_lost()
        return self._last.seconds_ago()

    def _refuse_if_lost(self) -> None:
        if self._lost is not None:
            raise LockedError(
                f"the lock of this run in {self._lost} was broken by another operator",
                hint="nothing more was changed; talk to them, then run the command again",
            )

    def _got(self, place: LockStore) -> bool:
        with reported(self._ports.listener, f"the lock in {place.name} to be taken"):
            return place.take(self._claim)

    def _holder(self, place: LockStore) -> Holder | None:
        with reported(self._ports.listener, f"an answer on who holds the lock in {place.name}"):
            return place.holder()

    def _wait_for(self, holder: Holder, place: LockStore) -> None:
        clock = self._ports.clock
        if self._vigil.is_over(holder, place):
            self._ports.listener(Progress(f"taking over the lock of {holder}"))
            place.break_it(holder)
        elif clock.monotonic() >= self._deadline:
            raise LockedError(
                f"cluster {self._ports.inventory.cluster} is locked by {holder}",
                hint="wait with --lock-wait SECONDS; if that run is certainly gone: swarmnet lock break -i INVENTORY",
            )
        else:
            clock.sleep(RETRY)


class _Moment:
    """When something happened last, by two clocks: a monotonic clock may stop while its machine is suspended."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.set()

    def set(self) -> None:
        """Record that it happens now."""
        self._at = (self._clock.monotonic(), self._clock.now())

    def seconds_ago(self) -> float:
        """Return the greater age of the two clocks."""
        monotonic, wall = self._at
        return max(self._clock.monotonic() - monotonic, (self._clock.now() - wall).total_seconds())


@contextmanager
def held(
    ports: Ports,
    state: ClusterState,
    *,
    operator: Operator,
    command: str,
    wait: float = 0.0,
    ends_swarm: bool = False,
) -> Iterator[Lock]:
    """Hold the cluster's lock while the block runs; it is always released.

    Args:
        ports: the world.
        state: what was observed: whether there is a swarm, and which managers answer.
        operator: who runs this process.
        command: what the lock is for; other operators see it.
        wait: seconds to wait for another run's lock.
        ends_swarm: whether the run takes the swarm apart.

    Raises:
        LockedError: another run holds it; the message says who, since when, and how to break it.
    """
    lock = Lock(ports, operator, command=command, wait=wait)
    try:
        if state.swarm is None:
            for place in lock_files(ports, state):
                lock.take(place)
        else:
            lock.take(SwarmPlace(ports))
            if ends_swarm:
                lock.outlive_swarm(lock_files(ports, state))
            else:
                for place in lock_files(ports, state):
                    lock.look_out_for(place)
        yield lock
    finally:
        lock.release()
