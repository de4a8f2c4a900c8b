"""Begin a swarm again from one manager that is left of it, when a majority is gone for good (``--force-new-cluster``).

The survivor keeps the swarm's whole state: services, networks, configs, secrets, nodes, tokens. Workers that know its
address find it by themselves. The request says that the CA was never rotated: where it was, the engine begins one more
rotation, which ends when the lost managers are off the list (seen on 26.1).

Never for an autolocked swarm (moby#36852): the request has no room for the key. An unlocked engine refuses it, is in no
swarm until it is restarted, and is locked then; its state stays. A locked one refuses it, too. Unlocked without a
majority, it waits for the others and answers no further request (all seen on 20.10, 26.1 and 28.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import CommandError, ConvergenceError, NotAManagerError
from swarmnet.model.clock import wait_until
from swarmnet.model.events import Progress
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.plan import Action, Permit, Rank, Risk, Sign
from swarmnet.model.ports import JoinAddress, progress
from swarmnet.model.swarm import Node, NodeSpec, Swarm, SwarmSpec
from swarmnet.operations.kind import Need
from swarmnet.operations.swarm.actions import RemoveEntry, is_dead
from swarmnet.operations.swarm.leave import Leave

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.sealed import Sink
    from swarmnet.model.state import ClusterState

ANSWER_LIMIT = 120.0
"""Seconds for the survivor to lead its swarm of one; 16 on an idle machine (26.1)."""
ENCRYPTED = "ENCRYPTED PRIVATE KEY"
"""How the key of a node of an autolocked swarm begins (PKCS#8; swarmkit)."""
ARCHIVE_LIMIT = 3600.0
"""Seconds to read the folder of the swarm's state over SSH."""


def asks_for_autolock(host: str, data_root: str) -> Need:
    """Return the question whether a manager's key is encrypted: engines do not report it without a quorum.

    It ends with 0 for yes, 1 for no, anything else for no answer, and prints a number of lines.
    """
    return Need(host, ("grep", "-Ec", ENCRYPTED, f"{data_root}/swarm/certificates/swarm-node.key"), sudo=True)


class ArchiveSwarm(Action):
    """Copy the folder of a manager's swarm state (``DATA_ROOT/swarm``) into a sealed file of the operator."""

    kind: Literal["swarm.archive"] = "swarm.archive"
    host: str
    path: str
    """File that is created; one that exists is never overwritten."""

    sign: ClassVar[Sign] = Sign.RUN
    stage: ClassVar[Rank] = Rank.COMMAND

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state, which does not change."""
        return state

    def run(self, ports: Ports) -> None:
        """Read the folder while the engine runs, and write it sealed; nothing of it is written in clear.

        Raises:
            CommandError: the folder cannot be read.
            UsageError: the file exists, or cannot be written.
        """
        root = ports.engine(self.host).facts().data_root
        argv = ("tar", "-C", root, "-cz", "swarm")

        def produce(sink: Sink) -> None:
            printed = 0

            def take(part: bytes) -> None:
                nonlocal printed
                printed += len(part)
                sink(part)

            # A file that grows while it is read ends tar with 1; etcd's log repairs its last, half-written record.
            ended = ports.shell(self.host).stream(argv, sink=take, timeout=ARCHIVE_LIMIT, sudo=True)
            if ended.exit_code not in (0, 1) or not printed:
                said = ended.stderr.decode(errors="replace").strip() or f"tar ended with {ended.exit_code}"
                hint = "set ssh.sudo in the inventory"
                raise CommandError(self.host, f"cannot read {root}/swarm: {said}", hint=hint)

        ports.archives.write(self.path, produce)


class RecoverSwarm(Action):
    """Make the survivor the only manager of the same swarm."""

    kind: Literal["swarm.recover"] = "swarm.recover"
    host: str
    node_id: str
    advertise: str
    data_path: str | None = None
    risk: Risk = Risk.DISRUPTIVE

    stage: ClassVar[Rank] = Rank.SWARM
    named: ClassVar[frozenset[str]] = Action.named | {"node_id"}

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with a swarm of which nothing is known but its manager."""
        node = Node(
            id=self.node_id,
            version=0,
            hostname=self.host,
            spec=NodeSpec(role=Role.MANAGER, availability=Availability.ACTIVE),
            status="ready",
            address=self.advertise,
            reachability="reachable",
        )
        return state.model_copy(update={"swarm": Swarm(id="", version=0, spec=SwarmSpec()), "nodes": (node,)})

    def run(self, ports: Ports) -> None:
        """Begin the swarm again, and wait until its only member leads it.

        Raises:
            ConvergenceError: it does not lead, or it is another node than before.
        """
        engine = ports.engine(self.host)
        engine.recover_swarm(JoinAddress(self.advertise, self.data_path))

        def look() -> tuple[Node | None, str]:
            try:
                nodes = engine.nodes.list()
            except NotAManagerError as error:
                return None, str(error)
            leader = next((node for node in nodes if node.is_leader), None)
            return leader, "no leader"

        what = f"{self.host} to lead the swarm"
        leader = wait_until(ports.clock, look, what=what, timeout=ANSWER_LIMIT, tell=progress(ports))
        if leader.id != self.node_id:
            raise ConvergenceError(f"{self.host} began another swarm: it is node {leader.id}, and was {self.node_id}")


class LeaveOldSwarm(Leave):
    """Make a manager leave the swarm as it was before it began again elsewhere: it must never elect a leader of it."""

    kind: Literal["swarm.leave-old"] = "swarm.leave-old"
    stage: ClassVar[Rank] = Rank.MANAGER
    risk: Risk = Risk.DISRUPTIVE

    @property
    def permit(self) -> Permit:
        """The operator's yes: the survivor has the swarm's state, and tasks start elsewhere."""
        return Permit.NONE


class RemoveLostManager(RemoveEntry):
    """Remove the entry of a manager that the new swarm of one does not count, and that runs no engine of it."""

    kind: Literal["node.remove-lost"] = "node.remove-lost"

    def counts_as_down(self, node: Node) -> bool:
        """Return whether it is down, or unknown: a new leader calls all nodes ``unknown`` for six heartbeats."""
        return is_dead(node) or node.status == "unknown"

    def run(self, ports: Ports) -> None:
        """Remove it once its entry is known to be down.

        Raises:
            ConvergenceError: its engine takes part in the swarm.
        """
        left = self._until_down(ports, f"the entry of {self.target} to be down", timeout=ANSWER_LIMIT)
        if left is None:
            return
        if left.spec.labels:
            words = ", ".join(f"{name}={text}" for name, text in sorted(left.spec.labels.items()))
            ports.listener(
                Progress(f"{self.target} had the labels {words}: `swarmnet apply` sets those that the playbook names")
            )
        ports.manager().nodes.remove(self.node_id, force=True)
