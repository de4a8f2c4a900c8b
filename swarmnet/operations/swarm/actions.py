"""The actions that create a swarm and change its nodes. They find nodes by host or id, not by hostname (moby#24106)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import ConvergenceError, NotAManagerError
from swarmnet.model.clock import until_stopped, wait_until
from swarmnet.model.find import by_id
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.merge import lay, without_labels
from swarmnet.model.plan import Action, Rank, Sign
from swarmnet.model.ports import JoinAddress, progress
from swarmnet.model.state import HostFacts
from swarmnet.model.swarm import Node, NodeSpec, Swarm, SwarmSpec
from swarmnet.model.trust import misfit
from swarmnet.operations.service.converge import again_when_changed
from swarmnet.operations.state_edits import joined, with_node, without_node
from swarmnet.operations.swarm.moved_tasks import Leaving

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState

JOIN_LIMIT = 60.0
"""Seconds for a node to be ready, and reachable as a manager, once its engine says that it is active."""
HEARTBEAT = 5.0
"""Seconds between two heartbeats of an engine, unless the swarm says otherwise (swarmkit's default)."""
NOTICED_LIMIT = 30.0
"""Seconds besides the heartbeats until a dead engine's entry is down: an election may come in between."""
DOWN = ("down", "disconnected")


class InitSwarm(Action):
    """Create the swarm on its first manager."""

    kind: Literal["swarm.init"] = "swarm.init"
    host: str
    spec: SwarmSpec
    advertise: str
    data_path: str | None = None
    availability: Availability | None = None

    sign: ClassVar[Sign] = Sign.CREATE
    stage: ClassVar[Rank] = Rank.SWARM

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with a swarm of one node."""
        state = state.model_copy(update={"swarm": Swarm(id="", version=0, spec=self.spec)})
        availability = self.availability or Availability.ACTIVE
        return joined(state, self.host, role=Role.MANAGER, address=self.advertise, availability=availability)

    def run(self, ports: Ports) -> None:
        """Create the swarm and wait until its first manager leads it."""
        engine = ports.engine(self.host)
        node_id = engine.init_swarm(self.spec, JoinAddress(self.advertise, self.data_path, self.availability))
        _wait_for_node(ports, node_id, Role.MANAGER)


class Join(Action):
    """Join one host to the swarm."""

    role: ClassVar[Role]
    host: str
    advertise: str
    data_path: str | None = None
    availability: Availability | None = None

    sign: ClassVar[Sign] = Sign.CREATE

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with one more node."""
        availability = self.availability or Availability.ACTIVE
        return joined(state, self.host, role=self.role, address=self.advertise, availability=availability)

    def run(self, ports: Ports) -> None:
        """Join through one manager after the other, then wait until the leader sees the node in its role.

        Raises:
            ConvergenceError: no manager accepted it, or the leader sees another address than it advertises.
        """
        manager = ports.manager()
        token = manager.join_token(self.role)
        engine = ports.engine(self.host)
        before = manager.nodes.list()
        membership = JoinAddress(self.advertise, self.data_path, self.availability)
        failure: ConvergenceError | None = None
        for remote in _remotes(before):
            try:
                node_id = engine.join_swarm(membership, remote=remote, token=token)
                break
            except ConvergenceError as error:  # the engine left again; another manager may be nearer
                failure = error
        else:
            raise failure or ConvergenceError(f"no reachable manager accepts {self.host}")
        if by_id(before, node_id) is not None:
            raise ConvergenceError(f"{self.host} says that it joined as node {node_id}, which was there before")
        node = _wait_for_node(ports, node_id, self.role)
        self._check_address(node)

    def _check_address(self, node: Node) -> None:
        seen = node.address if node.manager_address is None else node.manager_address.rpartition(":")[0].strip("[]")
        if seen not in (self.advertise, "0.0.0.0", ""):  # noqa: S104 - what leaders say of themselves (moby#35437)
            raise ConvergenceError(
                f"{self.host} joined as {seen}, not as {self.advertise}",
                hint=f"make it leave (docker swarm leave on {self.host}), look at its addresses, apply again",
            )


class JoinManager(Join):
    """Join one manager. Managers join one by one, since raft changes one member at a time (swarmkit#2196)."""

    kind: Literal["swarm.join-manager"] = "swarm.join-manager"
    role: ClassVar[Role] = Role.MANAGER
    stage: ClassVar[Rank] = Rank.MANAGER


class JoinWorker(Join):
    """Join one worker. Workers do not change the managers' raft group, so several join at once."""

    kind: Literal["swarm.join-worker"] = "swarm.join-worker"
    role: ClassVar[Role] = Role.WORKER
    stage: ClassVar[Rank] = Rank.WORKER


class UpdateSwarm(Action):
    """Change the settings of a swarm."""

    kind: Literal["swarm.update"] = "swarm.update"
    spec: SwarmSpec
    remove_labels: tuple[str, ...] = ()

    stage: ClassVar[Rank] = Rank.SWARM

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the managed settings changed."""
        if state.swarm is None:
            return state
        spec = self._over(state.swarm.spec)
        return state.model_copy(update={"swarm": state.swarm.model_copy(update={"spec": spec})})

    def run(self, ports: Ports) -> None:
        """Write the settings; retry if they changed in between."""
        manager = ports.manager()

        def write() -> None:
            swarm = manager.swarm()
            manager.update_swarm(swarm.version, self._over(swarm.spec), whole=bool(self.remove_labels))

        again_when_changed(write)

    def _over(self, present: SwarmSpec) -> SwarmSpec:
        return lay(without_labels(present, self.remove_labels), self.spec)


class NodeUpdate(Action):
    """Change role, availability or labels of one node."""

    host: str = ""
    """Name in the inventory, or empty if the node is not a host of the inventory."""
    node_id: str = ""
    """Set for nodes without a host."""
    planned_id: str = ""
    """The id of the node when this was planned, or empty for a host that joins before."""
    spec: NodeSpec
    """Labels are laid over the present ones."""
    remove_labels: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    """Services for which no node has room afterwards: the wait for tasks does not include them."""

    named: ClassVar[frozenset[str]] = Action.named | {"planned_id"}

    @property
    def stops(self) -> tuple[str, ...]:
        """The services that do not run as before afterwards."""
        return self.down

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the node's spec changed."""
        node = by_id(state.nodes, self.node_id or _node_id(state, self.host))
        return state if node is None else with_node(state, node.id, self._laid_over(node.spec))

    def run(self, ports: Ports) -> None:
        """Write the spec. For a new role, wait until the leader sees the node in it.

        Waits for tasks that may not stay on the node until they run elsewhere.

        Raises:
            ConvergenceError: the node is not in the swarm, or its tasks do not run elsewhere.
        """
        manager = ports.manager()
        node_id = self.node_id or self.planned_id or _confirmed_id(ports, self.host, manager.nodes.list())
        leaving: Leaving | None = None

        def write() -> None:
            nonlocal leaving
            node = by_id(manager.nodes.list(), node_id)
            if node is None:
                raise ConvergenceError(f"{self.target} is not in the swarm (node id {node_id or 'none'})")
            wanted = self._laid_over(node.spec)
            if leaving is None and self._may_end_tasks:
                leaving = Leaving.after(manager, node, wanted, down=self.down)
            manager.nodes.update(node.id, node.version, wanted)

        again_when_changed(write)
        if self.spec.role is not None and not self.node_id:
            _wait_for_node(ports, node_id, self.spec.role)
        if leaving is not None:
            leaving.wait(ports, manager)

    @property
    def _may_end_tasks(self) -> bool:
        """False if only labels are added, as for nodes that just joined."""
        return any(change.before is not None for change in self.changes) or not self.changes

    def _laid_over(self, seen: NodeSpec) -> NodeSpec:
        labels = without_labels(seen, self.remove_labels).labels
        return NodeSpec(
            role=self.spec.role or seen.role,
            availability=self.spec.availability or seen.availability,
            labels=labels | self.spec.labels,
        )


class SetNode(NodeUpdate):
    """Change availability or labels of one node."""

    kind: Literal["node.update"] = "node.update"
    stage: ClassVar[Rank] = Rank.NODE


class ChangeRole(NodeUpdate):
    """Promote or demote one node, one by one."""

    kind: Literal["node.role"] = "node.role"
    stage: ClassVar[Rank] = Rank.MANAGER


class RemoveEntry(Action):
    """Remove an entry that no running engine belongs to from the list of nodes."""

    node_id: str

    sign: ClassVar[Sign] = Sign.REMOVE
    stage: ClassVar[Rank] = Rank.NODE

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state without the node."""
        return without_node(state, self.node_id)

    def counts_as_down(self, node: Node) -> bool:
        """Return whether an entry may be removed."""
        return is_dead(node)

    def _until_down(self, ports: Ports, what: str, *, timeout: float) -> Node | None:
        """Wait until the managers count the entry as down, for six heartbeats longer than the time out; return it.

        Raises:
            ConvergenceError: it stayed alive.
        """
        manager = ports.manager()
        beats = manager.swarm().spec.heartbeat or HEARTBEAT

        def look() -> tuple[bool | None, str]:
            node = by_id(manager.nodes.list(), self.node_id)
            gone = node is None or self.counts_as_down(node)
            return (True if gone else None), f"it is {'' if node is None else node.status}"

        wait_until(ports.clock, look, what=what, timeout=timeout + 6 * beats, every=0.2, tell=progress(ports))
        return by_id(manager.nodes.list(), self.node_id)


class RemoveDeadNode(RemoveEntry):
    """Remove a dead entry from the list of nodes. If its host rejoined, the new entry has its labels already."""

    kind: Literal["node.remove"] = "node.remove"

    def run(self, ports: Ports) -> None:
        """Remove the entry once the managers have noticed that its engine does not answer.

        That is after three heartbeats, or six when the leader is new (seen on 26.1: 15 to 20 s with the default of 5).
        An entry that stays ready belongs to a running engine, whatever its name and address, and is not removed.

        Raises:
            ConvergenceError: it stayed alive.
        """
        what = f"the entry that {self.target} left behind to be down"
        if self._until_down(ports, what, timeout=NOTICED_LIMIT) is not None:
            ports.manager().nodes.remove(self.node_id, force=True)


def is_dead(node: Node) -> bool:
    """Return whether an entry of the list has no engine any more.

    A host that dies while it joins may leave an entry that never had a name and stays ``unknown`` for good: the
    certificate was given out, and its node never reported itself (seen on 26.1). Those with a name are
    unknown for a moment after each election.
    """
    return node.status in DOWN or (not node.hostname and node.status == "unknown")


def _confirmed_id(ports: Ports, host: str, nodes: tuple[Node, ...]) -> str:
    """Return the node id of a host that has just joined, as the host says, unless it names another host's node.

    Raises:
        ConvergenceError: it does.
    """
    engine, inventory = ports.engine(host).facts(), ports.inventory
    peer = ports.approach(host).peer
    located = {} if peer is None else {host: frozenset({peer})}
    node = by_id(nodes, engine.membership.node_id)
    if node is not None and (
        why := misfit(inventory.host(host), HostFacts(host=host, engine=engine), node, nodes, inventory, located)
    ):
        raise ConvergenceError(f"{host} {why}", hint="nothing was changed for it; look at that host")
    return engine.membership.node_id


def _node_id(state: ClusterState, host: str) -> str:
    facts = state.facts(host)
    return "" if facts is None else facts.engine.membership.node_id


def _remotes(nodes: tuple[Node, ...]) -> tuple[str, ...]:
    """Return the addresses of the reachable managers, the leader first: engines try only one (moby swarm.go)."""
    reachable = [node for node in nodes if node.manager_address and node.reachability == "reachable"]
    reachable.sort(key=lambda node: not node.is_leader)
    return tuple(node.manager_address for node in reachable if node.manager_address)


def _wait_for_node(ports: Ports, node_id: str, role: Role) -> Node:
    def look() -> tuple[Node | None, str]:
        try:
            node = by_id(ports.manager().nodes.list(), node_id)
        except NotAManagerError as error:  # elections take a moment after a member is added
            return None, str(error)
        if node is None:
            return None, "no such node"
        is_manager = node.reachability is not None
        settled = node.reachability == "reachable" if role is Role.MANAGER else not is_manager
        seen = f"node is {node.status}, {node.reachability or 'no manager'}"
        return (node if settled and node.status == "ready" else None), seen

    what = f"node {node_id} to be a ready {role}"
    looked = until_stopped(ports.clock, look)
    return wait_until(ports.clock, looked, what=what, timeout=JOIN_LIMIT, tell=progress(ports))
