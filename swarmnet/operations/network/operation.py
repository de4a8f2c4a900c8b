"""``network``: one overlay of the swarm, or one bridge, macvlan or ipvlan on every selected host.

Engines cannot change a network in place (API up to 1.55): each difference except labels is a planned replacement, which
keeps what the step leaves out. Differing labels are a warning, since a replacement would disconnect all users of the
network. A network with ``config_from`` cannot have labels, so no mark of swarmnet either: ``--prune`` leaves it alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BeforeValidator, Field

from swarmnet.model.compare import network_changes, numbered
from swarmnet.model.fields import Remedy
from swarmnet.model.merge import lay
from swarmnet.model.network import LAN_DRIVERS, NetworkSpec, Scope, Subnet
from swarmnet.model.plan import MANAGED_LABEL, Action, Risk
from swarmnet.model.ref import Ref
from swarmnet.operations.kind import Context, OwnableOperation
from swarmnet.operations.network.actions import CreateConfiguration, CreateNetwork, RemakeNetwork, ReplaceNetwork
from swarmnet.operations.network.checks import problems_in_cluster, problems_of_spec, warnings_in_cluster
from swarmnet.operations.network.detach import ReattachServices, note_of
from swarmnet.operations.network.pools import AutoSubnet, Taken, free_block, shortage, taken_blocks
from swarmnet.operations.notation import Texts, Written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.base import JsonValue, Labels
    from swarmnet.model.hosts import Host
    from swarmnet.model.network import Network
    from swarmnet.model.plan import Change


def _subnet(value: object) -> object:
    return {"subnet": value} if isinstance(value, str) else value


def _subnet_words(block: Subnet) -> Iterator[JsonValue]:
    yield block.subnet


SubnetForm = Annotated[Subnet, BeforeValidator(_subnet, json_schema_input_type=str | Subnet), Written(_subnet_words)]
"""A block such as ``10.1.0.0/24``, or a mapping with its gateway and range."""


class NetworkOperation(OwnableOperation, NetworkSpec):
    """One network: an overlay of the swarm, or a bridge, macvlan or ipvlan on every selected host."""

    name_in_playbook: ClassVar[str] = "network"
    summary: ClassVar[str] = "One overlay of the swarm, or one bridge, macvlan or ipvlan on every selected host."

    subnet: AutoSubnet | None = None
    """auto takes the first free block of the inventory's address pools, `auto/26` one of that size. The network keeps
    the block that it has."""
    subnets: tuple[SubnetForm, ...] = ()
    options: Texts = Field(default_factory=dict)
    ipam_options: Texts = Field(default_factory=dict)
    labels: Texts = Field(default_factory=dict)

    @property
    def spec(self) -> NetworkSpec:
        """The wanted network, without swarmnet's mark: a network that others made is taken as it is."""
        return NetworkSpec(**{name: getattr(self, name) for name in NetworkSpec.model_fields})

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return the network, by the name that is unique whatever its case (swarmkit)."""
        return frozenset({("network", self.name)})

    def faults(self) -> tuple[str, ...]:
        """Return what is wrong with the network in any cluster."""
        return (*problems_of_spec(self.spec), *self._auto_faults())

    def _auto_faults(self) -> Iterator[str]:
        if self.subnet is None:
            return
        if self.subnets or self.config_from is not None:
            other = "subnets" if self.subnets else "config_from"
            yield f"'subnet: {self.subnet}' chooses a block, and '{other}' names one: write only one of them"
        if self.driver in LAN_DRIVERS or self.config_only:
            what = "a config_only network" if self.config_only else f"a {self.driver}"
            yield f"the addresses of {what} are those of the LAN: write its subnet instead of {self.subnet}"

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what is wrong with the network in this cluster."""
        return (*problems_in_cluster(self.spec, context), *self._auto_problems(context))

    def _auto_problems(self, context: Context) -> Iterator[str]:
        pools = context.inventory.address_pools
        missing = [place for place, seen in self._places(context) if seen is None or not seen.allocated]
        if self.subnet is None or not missing:
            return
        if not any(":" not in pool.cidr for pool in pools):
            yield (
                f"subnet {self.subnet} needs pools of addresses in {context.inventory.source}: write"
                " 'address_pools: [{cidr: 10.128.0.0/12, size: 24}]'"
            )
            return
        taken = [*taken_blocks(context.state, context.written, self.name)]
        for _place in missing:
            found = free_block(pools, taken, self.subnet)
            if found is None:
                yield shortage(pools, taken, self.subnet)
                return
            taken.append(Taken(found.subnet, f"network {self.name}"))

    def _blocks(self, context: Context, chosen: list[Taken]) -> tuple[Subnet, ...]:
        """Return the blocks of a new network, and note them as taken; none where the engine chooses."""
        if self.subnet is None:
            return ()
        taken = [*taken_blocks(context.state, context.written, self.name), *chosen]
        versions = (4, 6) if self.ipv6 and self.driver != "overlay" else (4,)
        blocks = [free_block(context.inventory.address_pools, taken, self.subnet, version) for version in versions]
        found = tuple(block for block in blocks if block is not None)
        chosen += [Taken(block.subnet, self.name) for block in found]
        return found

    def warnings(self, context: Context) -> tuple[str, ...]:
        """Return differences that are not worth a replacement, and blocks that are too small."""
        found = [*warnings_in_cluster(self.spec, context)]
        for place, seen in self._places(context):
            if seen is None or not seen.allocated:
                continue
            changes = self.changes_from(seen)
            if replaces(changes):
                continue
            names = ", ".join(change.path.removeprefix("labels.") for change in changes)
            if names:
                found.append(
                    f"the labels of network {self.name}{_on(place)} differ ({names}): engines cannot change them, and"
                    " it is not replaced for its labels alone"
                )
            if self.take_ownership and MANAGED_LABEL not in seen.spec.labels:
                found.append(
                    f"network {self.name}{_on(place)} stays without swarmnet's mark: engines cannot change the labels"
                    " of a network, so --prune leaves it alone"
                )
        return tuple(found)

    def concerns(self, context: Context) -> tuple[Host, ...]:
        """Return the selected hosts for a network of single hosts, else none."""
        return context.hosts if self.effective_scope is Scope.LOCAL else ()

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return one action for each place where the network is missing, half-created, or differs."""
        chosen: list[Taken] = []
        made = tuple(
            action for place, seen in self._places(context) for action in self._make(context, place, seen, chosen)
        )
        if any(isinstance(action, ReplaceNetwork) for action in made):
            return made  # it also attaches what an earlier one left detached
        return (*made, *self._left_detached(context))

    def changes_from(self, seen: Network) -> tuple[Change, ...]:
        """Return how an existing network differs from the wanted one."""
        wanted = self._in_its_driver(self.spec, seen)
        return network_changes(wanted, numbered(wanted, seen))

    def rebuilt(self, spec: NetworkSpec, seen: Network) -> NetworkSpec:
        """Return what a replacement creates: what the step leaves out stays as it was, unless the driver is another."""
        wanted = self._in_its_driver(spec, seen)
        return lay(seen.spec, wanted) if wanted.driver == seen.spec.driver else wanted

    def _in_its_driver(self, spec: NetworkSpec, seen: Network) -> NetworkSpec:
        """Return the spec with the present driver, if the step names none."""
        if "driver" in self.model_fields_set or not seen.allocated:
            return spec
        return spec.model_copy(update={"driver": seen.spec.driver})

    def _left_detached(self, context: Context) -> Iterator[Action]:
        note = note_of(self.name, context.state.configs)
        if note is not None and self.effective_scope is Scope.SWARM:
            why = f"a replacement was killed after it had detached {', '.join(sorted(note.attachments))}"
            yield ReattachServices(object=Ref(kind="attachments", name=self.name), why=why, network=self.name)

    def _places(self, context: Context) -> Iterator[tuple[str | None, Network | None]]:
        if self.effective_scope is Scope.SWARM:
            yield None, context.state.network(self.name)
            return
        for host in context.hosts:
            if context.state.facts(host.name) is not None:
                yield host.name, context.state.local_network(host.name, self.name)

    def _make(self, context: Context, place: str | None, seen: Network | None, chosen: list[Taken]) -> Iterator[Action]:
        # Engines refuse every label on a network that depends on a configuration network, also swarmnet's marks.
        if self.config_from is not None:
            labels: Labels = {}
        elif seen is None:
            labels = context.made(self.labels)
        else:
            labels = context.kept(self.labels, seen.spec.labels, take_ownership=self.take_ownership)
        spec = self.spec.model_copy(update={"labels": labels})
        if seen is None or not seen.allocated:
            spec = spec.model_copy(update={"subnets": spec.subnets or self._blocks(context, chosen)})
        target = Ref(kind="network", name=self.name, host=place)
        if seen is None:
            create = CreateConfiguration if self.config_only else CreateNetwork
            yield create(object=target, why="it does not exist", host=place, spec=spec)
        elif not seen.allocated:
            why = "it was accepted but never allocated; it is removed and created again"
            yield RemakeNetwork(object=target, why=why, host=place, spec=spec)
        elif replaces(self.changes_from(seen)):
            yield _replacement(self.rebuilt(spec, seen), seen, place, context)


def replaces(changes: Iterable[Change]) -> bool:
    """Return whether a network must be replaced for these changes; labels alone are not worth it."""
    return any(change.remedy is Remedy.REPLACE for change in changes)


def _replacement(spec: NetworkSpec, seen: Network, place: str | None, context: Context) -> ReplaceNetwork:
    services, containers = _users(seen, place, context)
    why = "engines cannot change a network in place: it is removed and created again"
    if services:
        why += f"; detached meanwhile: {', '.join(services)}"
    risk = Risk.DISRUPTIVE if services else Risk.SAFE
    if containers:
        risk, why = Risk.DESTRUCTIVE, f"{why}; used by containers outside of services: {', '.join(containers)}"
    return ReplaceNetwork(
        object=Ref(kind="network", name=spec.name, host=place),
        why=why,
        changes=network_changes(spec, numbered(spec, seen), exact=True),  # everything that it loses, too
        risk=risk,
        host=place,
        spec=spec,
        before=seen.spec,
        services=services,
        containers=containers,
    )


def _users(net: Network, place: str | None, context: Context) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the services on a network, and the containers outside of services."""
    name, state = net.spec.name, context.state
    services = tuple(
        service.spec.name
        for service in state.services
        if place is None and any(one.network == name for one in service.spec.networks or ())
    )
    known = {
        one.id: f"{one.name} on {facts.host}"
        for facts in state.hosts
        for one in facts.containers
        if place in (None, facts.host) and one.service is None
        if any(endpoint.network == name for endpoint in one.endpoints)
    }
    attached = [task for task in state.tasks if place is None and task.service_id is None and name in task.networks]
    unnamed = (task.container_id or task.id for task in attached if task.desired_state == "running")
    others = [f"container {one[:12]}" for one in unnamed if one not in known]
    return services, tuple(sorted({*known.values(), *others}))


def _on(place: str | None) -> str:
    return "" if place is None else f" on {place}"
