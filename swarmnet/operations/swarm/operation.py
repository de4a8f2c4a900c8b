"""``swarm``: one cluster of the inventory's hosts.

The step creates the swarm on the inventory's first manager, joins the selected hosts, and sets role, labels and
availability of each as in the inventory. It refuses to change what only ``swarm init`` can set.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field

from swarmnet.model.compare import swarm_changes
from swarmnet.model.engine_json import absorb
from swarmnet.model.hosts import Role
from swarmnet.model.plan import Action, Change
from swarmnet.model.ref import Ref
from swarmnet.model.swarm import NodeSpec, SwarmSpec
from swarmnet.operations.addresses import advertise_of, data_path_of
from swarmnet.operations.kind import Context, OwnableOperation
from swarmnet.operations.labels import faults_of_labels, removed_labels
from swarmnet.operations.notation import Duration, Texts, Words
from swarmnet.operations.swarm.actions import (
    ChangeRole,
    InitSwarm,
    RemoveDeadNode,
    UpdateSwarm,
)
from swarmnet.operations.swarm.autolock import keeping, problems_of_key, risk_of
from swarmnet.operations.swarm.checks import faults_of_swarm, problems_of_swarm, warnings_of_swarm
from swarmnet.operations.swarm.departure import Departure
from swarmnet.operations.swarm.joining import join
from swarmnet.operations.swarm.members import Members, left_behind
from swarmnet.operations.swarm.node import change_roles, set_node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import Labels
    from swarmnet.model.hosts import Host
    from swarmnet.model.state import HostFacts
    from swarmnet.model.swarm import Node


class SwarmOperation(OwnableOperation, SwarmSpec):
    """One cluster of the selected hosts, with the roles, labels and availability of the inventory."""

    name_in_playbook: ClassVar[str] = "swarm"
    summary: ClassVar[str] = "One cluster of the hosts, with the roles, labels and availability of the inventory."
    may_move_tasks: ClassVar[bool] = True

    cert_expiry: Annotated[Duration, Field(ge=3600)] | None = None
    heartbeat: Annotated[Duration, Field(gt=0)] | None = None
    labels: Texts = Field(default_factory=dict)
    """Labels of the swarm; others that it has stay."""
    remove_labels: Words = ()
    """Names of labels that the swarm does not have."""
    unlock_key_file: Annotated[str, Field(min_length=1)] | None = None
    """File on the operator's machine for the key of ``autolock: true``; relative paths start at the playbook."""

    def placed(self, folder: str) -> Self:
        """Return the step with the key file's path resolved against the playbook's folder."""
        path = self.unlock_key_file
        if path is None or path.startswith("~"):
            return self
        return self.model_copy(update={"unlock_key_file": str(PurePath(folder, path))})

    def key_file(self) -> str | None:
        """Return the file that keeps the unlock key."""
        return self.unlock_key_file if self.autolock else None

    def faults(self) -> tuple[str, ...]:
        """Return settings that no engine accepts, and a key file without autolock."""
        keyless = self.unlock_key_file is not None and not self.autolock
        key = ("'unlock_key_file' has no effect without 'autolock: true': write both, or none",) if keyless else ()
        return (*faults_of_swarm(self), *key, *faults_of_labels(self.labels, self.remove_labels))

    def spec(self, context: Context) -> SwarmSpec:
        """Return the wanted settings, with swarmnet's mark if swarmnet creates the swarm."""
        fields = {name: getattr(self, name) for name in SwarmSpec.model_fields}
        swarm = context.state.swarm
        if swarm is None:
            labels = context.made(self.labels)
        else:
            labels = context.kept(self.labels, swarm.spec.labels, take_ownership=self.take_ownership)
        return absorb(SwarmSpec.model_validate(fields | {"labels": labels}))

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what prevents the swarm: members of other swarms, a lost quorum, settings that only init can make."""
        spec = self.spec(context)
        key = problems_of_key(spec, self.unlock_key_file, context.state)
        alone = context.state.swarm is None and self.subnet_size is not None and self.default_addr_pool is None
        size = ("engines ignore subnet_size without default_addr_pool: write both",) if alone else ()
        return (*problems_of_swarm(spec, context), *size, *key)

    def warnings(self, context: Context) -> tuple[str, ...]:
        """Return warnings about the number of managers and about hosts that do not answer."""
        return tuple(warnings_of_swarm(context))

    def concerns(self, context: Context) -> tuple[Host, ...]:
        """Return the selected hosts."""
        return context.hosts

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return the actions in an order that keeps the quorum: dead managers leave, new ones join, then demotions."""
        members = Members.of(context)
        made = (
            *self._swarm(context),
            *_dead_managers(members),
            *(_join(host, facts, context) for host, facts in members.outside if host.role is Role.MANAGER),
            *change_roles(members.inside, Role.MANAGER),
            *change_roles(members.inside, Role.WORKER),
            *(_join(host, facts, context) for host, facts in members.outside if host.role is Role.WORKER),
            *_nodes(members),
            *_removals(members),
        )
        return (*made, *_departures(members, context, made))

    def _swarm(self, context: Context) -> Iterator[Action]:
        spec, swarm = self.spec(context), context.state.swarm
        if swarm is None:
            yield _init(spec, context)
        elif changes := (*swarm_changes(spec, swarm.spec), *removed_labels(swarm.spec.labels, self.remove_labels)):
            risk, words = risk_of(before=swarm.spec.autolock, after=spec.autolock)
            target = Ref(kind="swarm", name=context.inventory.cluster)
            yield UpdateSwarm(
                object=target,
                why=f"settings differ{words}",
                risk=risk,
                changes=changes,
                spec=spec,
                remove_labels=self.remove_labels,
            )
        yield from keeping(spec, self.unlock_key_file, context.state)


def _init(spec: SwarmSpec, context: Context) -> InitSwarm:
    host = context.inventory.managers[0]
    facts = context.state.facts(host.name)
    assert facts is not None  # noqa: S101 - ``problems`` refused
    risk, words = risk_of(before=None, after=spec.autolock)
    return InitSwarm(
        object=Ref(kind="swarm", name=context.inventory.cluster, host=host.name),
        why=f"no host is in a swarm{words}",
        risk=risk,
        host=host.name,
        spec=spec,
        advertise=advertise_of(host, facts),
        data_path=data_path_of(host, facts),
        availability=host.availability,
    )


def _join(host: Host, facts: HostFacts, context: Context) -> Action:
    why = f"{host.name} is not in swarm {context.inventory.cluster}; the inventory says {host.role}"
    return join(host, facts, why)


def _departures(members: Members, context: Context, before: tuple[Action, ...]) -> Iterator[Action]:
    """Yield what takes the hosts with ``role: none`` out, after all others are in their place."""
    gone = [
        Departure(
            host=host.name,
            nodes=left_behind(host, facts, context) if node is None else (node,),
            is_member=node is not None,
            why="the inventory says role: none",
        )
        for host, facts, node in members.leaving
    ]
    after = context.state
    for action in before:
        after = action.predict(after)
    for one in gone:
        actions = one.actions(after)
        yield from actions
        for action in actions:
            after = action.predict(after)


def _dead_managers(members: Members) -> Iterator[Action]:
    for host, nodes in members.dead.items():
        for node in nodes:
            if node.spec.role is Role.MANAGER:
                yield ChangeRole(
                    object=_named(node),
                    why=f"{host} joins again; its dead entry must not count for the quorum",
                    changes=(Change(path="role", before="manager", after="worker"),),
                    node_id=node.id,
                    spec=NodeSpec(role=Role.WORKER),
                )


def _removals(members: Members) -> Iterator[Action]:
    for host, nodes in members.dead.items():
        for node in nodes:
            yield RemoveDeadNode(object=_named(node), why=f"{host} joined again", node_id=node.id)
    for node in members.nobodys:
        why = "an entry without a name, left by a host that died while it joined"
        yield RemoveDeadNode(object=_named(node), why=why, node_id=node.id)


def _named(node: Node) -> Ref:
    return Ref(kind="node", name=node.name)


def _nodes(members: Members) -> Iterator[Action]:
    """Yield what sets labels and availability of members, old and new, as in the inventory."""
    for host, node in members.inside:
        wanted = NodeSpec(availability=host.availability, labels=_labels(host, members, node))
        yield from set_node(host, wanted, node)
    for host in members.joining:
        # Joining sets the availability, but no labels.
        yield from set_node(host, NodeSpec(labels=_labels(host, members)), None)


def _labels(host: Host, members: Members, node: Node | None = None) -> Labels:
    carried: Labels = {}
    for dead in members.dead.get(host.name, ()):
        carried |= dead.spec.labels
    return carried | ({} if node is None else node.spec.labels) | host.labels
