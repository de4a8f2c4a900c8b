"""``--prune``: remove what swarmnet made for this cluster and no step of the playbook provides any more. Pure.

The label ``io.swarmnet.managed`` with the cluster's name says what swarmnet made; nothing else is ever touched.
Services go first, then networks that nothing uses, then configs and secrets.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import ConflictError, HostError, NotFoundError, RefusedError
from swarmnet.model.clock import until_stopped, wait_until
from swarmnet.model.plan import MANAGED_LABEL, Action, Rank, Risk, Sign
from swarmnet.model.ports import progress
from swarmnet.model.swarm import Config

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.base import Labels
    from swarmnet.model.network import Network
    from swarmnet.model.plan import Plan
    from swarmnet.model.ports import Ports, SwarmPort
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import StoredSecret

REMOVAL_LIMIT = 90.0
"""Seconds for a removed service's tasks to let go of networks."""
_UNPROVIDED = "swarmnet made it, and no step of the playbook names it any more"


class Removal(Action):
    """Remove one object of the swarm by its id; one that is gone already is no error."""

    name: str
    id: str
    sign: ClassVar[Sign] = Sign.REMOVE
    named: ClassVar[frozenset[str]] = Action.named | {"id"}

    def run(self, ports: Ports) -> None:
        """Remove it, and wait while tasks that end still hold it.

        Raises:
            ConvergenceError: it is still in use after 90 s; says by what.
        """
        self._wait(ports, ports.manager())

    def _wait(self, ports: Ports, engine: SwarmPort) -> None:
        what = f"{self.target} to be gone"
        tell = progress(ports)
        look = until_stopped(ports.clock, lambda: self._attempt(engine))
        wait_until(ports.clock, look, what=what, timeout=REMOVAL_LIMIT, tell=tell)

    def _attempt(self, manager: SwarmPort) -> tuple[bool | None, str]:
        try:
            self._remove(manager)
        except NotFoundError:
            return True, "gone"
        except ConflictError as error:
            return None, str(error)
        return True, "gone"

    @abstractmethod
    def _remove(self, manager: SwarmPort) -> None:
        """Ask the engine to remove it."""


class PruneService(Removal):
    """Remove a service."""

    kind: Literal["prune.service"] = "prune.service"
    stage: ClassVar[Rank] = Rank.SERVICE

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state without the service."""
        kept = tuple(service for service in state.services if service.id != self.id)
        return state.model_copy(update={"services": kept})

    def _remove(self, manager: SwarmPort) -> None:
        manager.remove_service(self.id)


class PruneNetwork(Removal):
    """Remove a network; one host's own when ``host`` is given."""

    kind: Literal["prune.network"] = "prune.network"
    host: str | None = None
    stage: ClassVar[Rank] = Rank.NETWORK

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state without the network."""
        if self.host is None:
            return state.model_copy(update={"networks": tuple(net for net in state.networks if net.id != self.id)})
        hosts = tuple(
            facts.model_copy(update={"networks": tuple(net for net in facts.networks if net.id != self.id)})
            if facts.host == self.host
            else facts
            for facts in state.hosts
        )
        return state.model_copy(update={"hosts": hosts})

    def run(self, ports: Ports) -> None:
        """Remove it, and wait while tasks that end still hold it.

        A manager on which such a task ends lists its own copy of a network that is gone already.
        """
        self._wait(ports, ports.manager() if self.host is None else ports.engine(self.host))
        if self.host is None:
            what, tell = f"{self.target} to be gone on every manager", progress(ports)
            look = until_stopped(ports.clock, lambda: self._copies(ports))
            wait_until(ports.clock, look, what=what, timeout=REMOVAL_LIMIT, every=0.2, tell=tell)

    def _copies(self, ports: Ports) -> tuple[bool | None, str]:
        holding = [host.name for host in ports.inventory.managers if self._is_listed(ports, host.name)]
        return (None if holding else True), f"tasks that end hold a copy on {', '.join(holding)}"

    def _is_listed(self, ports: Ports, host: str) -> bool:
        try:
            return any(net.id == self.id for net in ports.engine(host).networks())
        except HostError:
            return False  # it gets rid of its copy when it is back

    def _remove(self, manager: SwarmPort) -> None:
        manager.remove_network(self.id)


class ContentRemoval(Removal):
    """Remove what services only name: no task holds it, so a refusal is final (swarmkit looks at services alone)."""

    def run(self, ports: Ports) -> None:
        """Remove it.

        Raises:
            RefusedError: a service uses it by now; the engine says which.
        """
        try:
            self._remove(ports.manager())
        except NotFoundError:
            return
        except ConflictError as error:
            raise RefusedError(
                f"{self.target} was taken into use since the plan was made, and stays: {error}",
                hint="plan again: what a service uses is not removed",
            ) from error


class PruneConfig(ContentRemoval):
    """Remove a config."""

    kind: Literal["prune.config"] = "prune.config"
    stage: ClassVar[Rank] = Rank.CONTENT

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state without the config."""
        return state.model_copy(update={"configs": tuple(one for one in state.configs if one.id != self.id)})

    def _remove(self, manager: SwarmPort) -> None:
        manager.remove_config(self.id)


class PruneSecret(ContentRemoval):
    """Remove a secret; its data is nowhere else in the swarm."""

    kind: Literal["prune.secret"] = "prune.secret"
    stage: ClassVar[Rank] = Rank.CONTENT

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state without the secret."""
        return state.model_copy(update={"secrets": tuple(one for one in state.secrets if one.id != self.id)})

    def _remove(self, manager: SwarmPort) -> None:
        manager.remove_secret(self.id)


@dataclass(frozen=True, slots=True)
class Doomed:
    """What shall go: everything with a label's value that nothing provides."""

    label: str
    value: str
    why: str
    provided: frozenset[tuple[str, str]] = frozenset()
    """``(kind, name)`` of what stays."""

    def holds(self, kind: str, name: str, labels: Labels | None) -> bool:
        """Tell whether an object shall go."""
        return (labels or {}).get(self.label) == self.value and (kind, name) not in self.provided


def with_removals(plan: Plan, *, provided: frozenset[tuple[str, str]]) -> Plan:
    """Return the plan followed by the removal of what swarmnet made and nothing in ``provided`` names any more."""
    return with_doomed(plan, Doomed(MANAGED_LABEL, plan.cluster, _UNPROVIDED, provided))


def with_doomed(plan: Plan, doomed: Doomed) -> Plan:
    """Return the plan followed by the removal of what is doomed; a warning for each that stays, as others use it."""
    removals, warnings = removals_of(plan.predicted, doomed)
    predicted = plan.predicted
    for action in removals:
        predicted = action.predict(predicted)
    return plan.model_copy(
        update={
            "actions": (*plan.actions, *removals),
            "warnings": (*plan.warnings, *warnings),
            "predicted": predicted,
        }
    )


def removals_of(state: ClusterState, doomed: Doomed) -> tuple[tuple[Action, ...], tuple[str, ...]]:
    """Return the removals for a state, and a sentence for each object that stays because others use it."""
    services = tuple(
        PruneService(
            target=f"service {one.spec.name}",
            why=doomed.why,
            risk=Risk.DESTRUCTIVE,
            name=one.spec.name,
            id=one.id,
        )
        for one in state.services
        if doomed.holds("service", one.spec.name, one.spec.labels)
    )
    left = state
    for action in services:
        left = action.predict(left)
    networks, warnings = _networks(left, doomed)
    contents, more = _contents(left, doomed)
    return (*services, *networks, *contents), (*warnings, *more)


def _networks(state: ClusterState, doomed: Doomed) -> tuple[tuple[Action, ...], tuple[str, ...]]:
    removals: list[Action] = []
    warnings: list[str] = []
    for host, network in _all_networks(state):
        name = network.spec.name
        if network.predefined or network.spec.ingress or not doomed.holds("network", name, network.spec.labels):
            continue
        target = f"network {name}" if host is None else f"network {name} on {host}"
        if users := sorted(set(_users(state, host, name))):
            warnings.append(_kept(target, users))
            continue
        removals.append(
            PruneNetwork(target=target, why=doomed.why, risk=Risk.DESTRUCTIVE, name=name, id=network.id, host=host)
        )
    return tuple(removals), tuple(warnings)


def _kept(target: str, users: Iterable[str]) -> str:
    return f"{target} is not pruned: used by {', '.join(users)}"


def _all_networks(state: ClusterState) -> Iterator[tuple[str | None, Network]]:
    yield from ((None, network) for network in state.networks)
    for facts in state.hosts:
        yield from ((facts.host, network) for network in facts.networks)


def _users(state: ClusterState, host: str | None, name: str) -> Iterator[str]:
    """Yield who uses a network: services by their spec, and containers of others by attachments and endpoints."""
    if host is None:
        yield from (
            f"service {service.spec.name}"
            for service in state.services
            if any(at.network == name for at in service.spec.networks or ())
        )
        yield from _unseen_containers(state, name)
    for facts in state.hosts:
        if host in (None, facts.host):
            for container in facts.containers:
                if container.service is None and any(end.network == name for end in container.endpoints):
                    yield f"container {container.name} on {facts.host}"


def _unseen_containers(state: ClusterState, network: str) -> Iterator[str]:
    """Yield containers that only the manager's list of tasks knows, since their hosts did not tell of them."""
    named = {container.id for facts in state.hosts for container in facts.containers}
    for task in state.tasks:
        attached = task.service_id is None and network in task.networks and task.desired_state == "running"
        if attached and task.container_id not in named:
            yield f"container {(task.container_id or task.id)[:12]}"


def _contents(state: ClusterState, doomed: Doomed) -> tuple[tuple[Action, ...], tuple[str, ...]]:
    users: dict[tuple[str, str], list[str]] = {}
    for service in state.services:
        for kind, references in (("config", service.spec.configs or ()), ("secret", service.spec.secrets or ())):
            for reference in references:
                users.setdefault((kind, reference.source), []).append(f"service {service.spec.name}")
    removals: list[Action] = []
    warnings: list[str] = []
    contents: tuple[Config | StoredSecret, ...] = (*state.configs, *state.secrets)
    for one in contents:
        is_config = isinstance(one, Config)
        place = ("config" if is_config else "secret", one.spec.name)
        if not doomed.holds(*place, one.spec.labels):
            continue
        target = " ".join(place)
        if place in users:
            warnings.append(_kept(target, sorted(set(users[place]))))
            continue
        prune = PruneConfig if is_config else PruneSecret
        removals.append(prune(target=target, why=doomed.why, risk=Risk.DESTRUCTIVE, name=one.spec.name, id=one.id))
    return tuple(removals), tuple(warnings)
