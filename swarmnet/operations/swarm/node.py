"""``node``: role, availability and labels of the selected hosts.

Without arguments it applies what the inventory says of the hosts, as ``swarm`` does. Arguments add to that and may not
contradict it, since each plan would then change the same node again. Labels are a subset: those that others set stay,
unless ``remove_labels`` names them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from swarmnet.model.compare import node_changes
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.plan import Action, Change, Risk
from swarmnet.model.ref import Ref
from swarmnet.model.swarm import NodeSpec
from swarmnet.operations.kind import Context, Operation
from swarmnet.operations.labels import faults_of_labels, removed_labels
from swarmnet.operations.notation import Texts, Words
from swarmnet.operations.state_edits import NEW
from swarmnet.operations.swarm.actions import ChangeRole, SetNode
from swarmnet.operations.swarm.checks import problems_of_roles
from swarmnet.operations.swarm.members import Members

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.hosts import Host
    from swarmnet.model.swarm import Node


class NodeOperation(Operation):
    """Role, availability and labels of the selected hosts; those of the inventory if there are no arguments."""

    name_in_playbook: ClassVar[str] = "node"
    summary: ClassVar[str] = "Role, availability and labels of the selected hosts, or those of the inventory."
    may_move_tasks: ClassVar[bool] = True

    role: Role | None = None
    """manager or worker."""
    availability: Availability | None = None
    """active, pause (no new tasks) or drain (no tasks)."""
    labels: Texts = Field(default_factory=dict)
    """Labels that the nodes have; others that they have stay."""
    remove_labels: Words = ()
    """Names of labels that the nodes do not have."""

    def faults(self) -> tuple[str, ...]:
        """Return labels that are both set and removed."""
        return tuple(faults_of_labels(self.labels, self.remove_labels))

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return contradictions to the inventory, hosts outside of the swarm, and roles that would lose the quorum."""
        found: list[str] = []
        for host in context.hosts:
            found += self._contradictions(host)
            if context.state.facts(host.name) is not None and context.state.node_of(host.name) is None:
                found.append(f"{host.name} is not in the swarm: put a 'swarm' step before")
        return (*found, *(() if found else problems_of_roles(Members.of(context), context)))

    def concerns(self, context: Context) -> tuple[Host, ...]:
        """Return the selected hosts."""
        return context.hosts

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return one action for each role to change, then one for each node that differs."""
        inside = [(host, node) for host in context.hosts if (node := context.state.node_of(host.name)) is not None]
        return (
            *change_roles(inside, Role.MANAGER),
            *change_roles(inside, Role.WORKER),
            *(action for host, node in inside for action in self._set(host, node)),
        )

    def _set(self, host: Host, node: Node) -> Iterator[Action]:
        wanted = NodeSpec(availability=self.availability or host.availability, labels=host.labels | self.labels)
        yield from set_node(host, wanted, node, remove=self.remove_labels)

    def _contradictions(self, host: Host) -> Iterator[str]:
        pairs: list[tuple[str, str | None, str | None]] = [
            ("role", self.role, host.role),
            ("availability", self.availability, host.availability),
        ]
        pairs += [(f"label {name}", self.labels.get(name, text), text) for name, text in host.labels.items()]
        for what, here, there in pairs:
            if here is not None and there is not None and here != there:
                yield f"{what} of {host.name} is {here} here and {there} in the inventory: write it in one place"
        for name in self.remove_labels:
            if name in host.labels:
                yield f"label {name} of {host.name} is removed here and set in the inventory: write it in one place"


def change_roles(nodes: Iterable[tuple[Host, Node]], role: Role) -> Iterator[Action]:
    """Yield the promotions (``Role.MANAGER``) or demotions that the inventory asks for."""
    for host, node in nodes:
        if host.role is role and node.spec.role is not role:
            yield ChangeRole(
                object=Ref(kind="node", name=host.name),
                why=f"the inventory says {role}",
                changes=(Change(path="role", before=str(node.spec.role), after=role.value),),
                host=host.name,
                planned_id=_known(node),
                spec=NodeSpec(role=role),
            )


def set_node(host: Host, wanted: NodeSpec, node: Node | None, *, remove: tuple[str, ...] = ()) -> Iterator[Action]:
    """Yield what sets availability and labels of a host's node, if anything differs; None is a node that will join."""
    seen = NodeSpec() if node is None else node.spec
    changes = (*node_changes(wanted, seen), *removed_labels(seen.labels, remove))
    if changes:
        leaves = wanted.availability is Availability.DRAIN and seen.availability is not Availability.DRAIN
        yield SetNode(
            object=Ref(kind="node", name=host.name),
            why="draining it moves its tasks to other nodes" if leaves else "it differs from what is written",
            changes=changes,
            risk=Risk.DISRUPTIVE if leaves else Risk.SAFE,
            host=host.name,
            planned_id=_known(node),
            spec=wanted,
            remove_labels=remove,
        )


def _known(node: Node | None) -> str:
    """Return the id of an existing node, or an empty text for one that will join."""
    return "" if node is None or node.id.startswith(NEW) else node.id
