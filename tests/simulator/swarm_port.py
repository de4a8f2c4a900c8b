"""The swarm of a simulated engine: membership and nodes."""

from __future__ import annotations

from copy import deepcopy
from hashlib import sha256
from typing import TYPE_CHECKING

from swarmnet.errors import ConflictError, ConvergenceError, EngineError, NotAManagerError, WrongKeyError
from swarmnet.model.base import Secret
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.merge import lay
from swarmnet.model.network import NetworkSpec, Scope
from swarmnet.model.state import SwarmStanding
from swarmnet.model.swarm import Node, NodeSpec, Rotation, Swarm, SwarmSpec
from tests.simulator.raft import take_up
from tests.simulator.rules import has_quorum
from tests.simulator.store import NetworkRecord, NodeRecord, Store, check_version, find

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from swarmnet.model.ports import JoinAddress
    from tests.simulator.machine import Machine
    from tests.simulator.world import World

ENGINE_DEFAULTS = SwarmSpec(
    default_addr_pool=("10.0.0.0/8",),
    subnet_size=24,
    data_path_port=4789,
    task_history=5,
    cert_expiry=7_776_000.0,
    heartbeat=5.0,
    snapshot_interval=10_000,
    autolock=False,
    extra={
        "Name": "default",
        "Raft": {"KeepOldSnapshots": 0, "LogEntriesForSlowFollowers": 500, "ElectionTick": 10, "HeartbeatTick": 1},
    },
)
PENDING_LIMIT = 20.0
"""Seconds that an engine tries to join before swarmnet makes it leave."""


class SwarmSide:
    """What both halves of the swarm port share: the machine, and the one check that a manager answers."""

    def __init__(self, world: World, machine: Machine) -> None:
        self._world = world
        self._machine = machine

    @property
    def host(self) -> str:
        return self._machine.name

    def _asked(self, verb: str, target: str = "") -> AbstractContextManager[None]:
        return self._world.answering(self._machine, verb, target)

    def _store(self) -> Store:
        """Return the store if this engine answers for the cluster now."""
        machine = self._machine
        if machine.locked:
            raise NotAManagerError(self.host, "Swarm is encrypted and needs to be unlocked", status=503)
        outside = machine.store is None or machine.membership is SwarmStanding.INACTIVE
        if machine.store is None or outside or machine.store.nodes[machine.node_id].spec.role is not Role.MANAGER:
            raise NotAManagerError(self.host, "This node is not a swarm manager", status=503)
        if not has_quorum(machine.store, self._world.machines):
            raise NotAManagerError(self.host, "The swarm does not have a leader", status=500)
        return machine.store


class SimulatedMembership(SwarmSide):
    """The swarm, and this engine's place in it."""

    def swarm(self) -> Swarm:
        with self._asked("swarm"):
            self._await_leader()
            store = self._store()
            store.rotating = store.rotating and not all(node.ready for node in store.nodes.values())
            return Swarm(
                id=store.id,
                version=store.version,
                spec=store.spec,
                root_rotation=store.rotating,
                ca_digest=_root(store),
            )

    def _await_leader(self) -> None:
        if self._world.election:
            self._world.clock.sleep(self._world.election)
            self._world.election = 0.0

    def init_swarm(self, spec: SwarmSpec, membership: JoinAddress) -> str:
        with self._asked("swarm.init"):
            self._check_outside()
            ids = self._world.ids
            digest = sha256(ids.local().encode()).hexdigest()
            tokens = {role: Secret(f"SWMTKN-1-{digest}-{ids.swarm()}") for role in Role}
            # From API 1.45 on a size without a pool, which the docker command always sends, is shown without one.
            is_new = self._machine.knows(1, 45)
            poolless = is_new and spec.subnet_size is not None and spec.default_addr_pool is None
            defaults = ENGINE_DEFAULTS.model_copy(update={"default_addr_pool": None}) if poolless else ENGINE_DEFAULTS
            store = Store(ids.swarm(), lay(defaults, spec), tokens)
            if store.spec.autolock:
                store.unlock_key = Secret(f"SWMKEY-1-{ids.swarm()}")
            ingress = NetworkSpec(name="ingress", driver="overlay", scope=Scope.SWARM, ingress=True)
            network_id = ids.swarm()
            store.networks[network_id] = NetworkRecord(network_id, ingress, predefined=True)
            self._enter(store, membership, Role.MANAGER)
        self._world.tick()
        return self._machine.node_id

    def recover_swarm(self, membership: JoinAddress) -> None:
        """Begin again with this manager alone, from its copy; other managers keep theirs, workers follow this one."""
        with self._asked("swarm.recover"):
            machine = self._machine
            take_up(self._world, machine)
            if machine.store is None:
                raise NotAManagerError(self.host, "This node is not part of a swarm", status=503)
            if machine.store.spec.autolock:  # moby#36852; seen on 20.10, 26.1 and 28.5
                machine.membership = SwarmStanding.INACTIVE
                raise EngineError(self.host, "Swarm is encrypted and needs to be unlocked", status=503)
            old, new = machine.store, deepcopy(machine.store)
            for node in new.nodes.values():
                member = self._world.machines[node.host]
                node.in_raft = node.spec.role is not Role.MANAGER or node.id == machine.node_id
                if member.store is old and node.in_raft:
                    member.store = new
            new.nodes[machine.node_id].address = membership.advertise
            if new.forced:  # the request names no rotation, and the engine takes that for another one (as above)
                new.roots, new.forced, new.rotating = new.roots + 1, 0, True
            machine.restarted = False
        self._world.tick()

    def join_token(self, role: Role) -> Secret:
        with self._asked("join_token", role):
            return self._store().tokens[role]

    def join_swarm(self, membership: JoinAddress, *, remote: str, token: Secret) -> str:
        with self._asked("swarm.join", remote):
            self._check_outside()
            manager = self._world.machine_at(remote.rpartition(":")[0])
            store = manager.store if manager is not None and manager.alive else None
            if store is not None:
                role = next((role for role, known in store.tokens.items() if known == token), None)
                if role is None:
                    raise EngineError(self.host, "invalid join token", status=400)
                if has_quorum(store, self._world.machines):
                    self._enter(store, membership, role)
        if self._machine.store is None:
            self._world.clock.sleep(PENDING_LIMIT)
            raise ConvergenceError(f"{self.host}: waited {PENDING_LIMIT:g} s to join {remote}; last seen: pending")
        self._world.tick()
        return self._machine.node_id

    def _check_outside(self) -> None:
        if self._machine.membership is not SwarmStanding.INACTIVE:
            message = "This node is already part of a swarm. Use leave to leave this swarm and join another one."
            raise NotAManagerError(self.host, message, status=503)
        if self._machine.live_restore:
            message = "--live-restore daemon configuration is incompatible with swarm mode"
            raise EngineError(self.host, message, status=500)
        if self._machine.firewall.startswith("nftables"):
            message = "the nftables firewall backend is incompatible with swarm mode"
            raise EngineError(self.host, message, status=500)

    def _enter(self, store: Store, membership: JoinAddress, role: Role) -> None:
        node_id = self._world.ids.swarm()
        spec = NodeSpec(role=role, availability=membership.availability or Availability.ACTIVE)
        store.nodes[node_id] = NodeRecord(node_id, self.host, spec, store.write(), membership.advertise)
        machine = self._machine
        machine.store, machine.node_id, machine.membership = store, node_id, SwarmStanding.ACTIVE
        machine.data_path = membership.data_path or membership.advertise
        if not any(network.spec.name == "docker_gwbridge" for network in machine.networks.values()):
            machine.add_gateway()

    def leave_swarm(self, *, force: bool = False) -> None:
        with self._asked("swarm.leave"):
            machine = self._machine
            if machine.store is None:
                raise NotAManagerError(self.host, "This node is not part of a swarm", status=503)
            node = machine.store.nodes[machine.node_id]
            if node.spec.role is Role.MANAGER and not force:
                message = "You are attempting to leave the swarm on a node that is participating as a manager."
                raise NotAManagerError(self.host, message, status=503)
            machine.store, machine.node_id, machine.membership = None, "", SwarmStanding.INACTIVE
            machine.locked = False
            machine.containers = {key: box for key, box in machine.containers.items() if box.service is None}

    def unlock_key(self) -> Secret | None:
        with self._asked("unlock_key"):
            return self._store().unlock_key

    def unlock_swarm(self, key: Secret) -> None:
        with self._asked("swarm.unlock"):
            machine = self._machine
            if not machine.locked or machine.store is None:
                raise EngineError(self.host, "swarm is not locked", status=409)
            if machine.store.unlock_key != key:
                raise WrongKeyError(f"{self.host} does not open with this key")
            machine.locked = False

    def update_swarm(self, version: int, spec: SwarmSpec, *, whole: bool = False) -> None:
        with self._asked("swarm.update"):
            store = self._store()
            check_version(self.host, store.version, version)
            fixed = {"default_addr_pool", "subnet_size", "data_path_port"}
            there = store.spec.model_copy(update={"labels": {}}) if whole else store.spec
            if _gives_ca(spec):  # engines neither count such a rotation nor show the CA (seen on 20.10, 26.1 and 28.5)
                store.roots, spec = store.roots + 1, spec.model_copy(update={"extra": {}})
            store.spec = lay(there, spec.model_copy(update=dict.fromkeys(fixed)))
            store.version = store.write()
            if not store.spec.autolock:
                store.unlock_key = None
            elif store.unlock_key is None:
                store.unlock_key = Secret(f"SWMKEY-1-{self._world.ids.swarm()}")

    def rotate(self, what: Rotation) -> None:
        with self._asked("swarm.rotate", what):
            store, ids = self._store(), self._world.ids
            store.version = store.write()
            if what is Rotation.TOKENS:
                store.tokens = {role: Secret(f"SWMTKN-1-{ids.swarm()}-{ids.swarm()}") for role in Role}
            elif what is Rotation.UNLOCK_KEY:
                store.unlock_key = Secret(f"SWMKEY-1-{ids.swarm()}") if store.spec.autolock else None
            else:
                store.roots, store.forced = store.roots + 1, store.forced + 1


def _gives_ca(spec: SwarmSpec) -> bool:
    """Return whether a spec brings a CA, to which the swarm rotates."""
    authority = spec.extra.get("CAConfig")
    return isinstance(authority, dict) and "SigningCACert" in authority


def _root(store: Store) -> str:
    return sha256(f"{store.id}/{store.roots}".encode()).hexdigest()


class SimulatedNodes(SwarmSide):
    """A ``NodeStore``."""

    def list(self) -> tuple[Node, ...]:
        with self._asked("nodes"):
            store = self._store()
            return tuple(self._node(store, node) for node in store.nodes.values())

    def _node(self, store: Store, record: NodeRecord) -> Node:
        machine = self._world.machines[record.host]
        managers = [node for node in store.nodes.values() if node.spec.role is Role.MANAGER and node.in_raft]
        leader = next((node for node in managers if node.ready), None)
        is_manager = record in managers
        return Node(
            id=record.id,
            version=record.version,
            hostname=machine.own_name or record.host,
            spec=record.spec,
            status="unknown" if record.unknown else "ready" if record.ready else "down",
            address=record.address,
            reachability=("reachable" if record.ready else "unreachable") if is_manager else None,
            is_leader=record is leader,
            manager_address=f"{record.address}:2377" if is_manager else None,
            engine_version=machine.engine_version,
            platform="linux/x86_64",
            ca_digest=_root(store),
        )

    def update(self, object_id: str, version: int, spec: NodeSpec) -> None:
        with self._asked("node.update", object_id):
            store = self._store()
            node = find(self.host, store.nodes, object_id, "node")
            check_version(self.host, node.version, version)
            kept = {"role": spec.role or node.spec.role, "availability": spec.availability or node.spec.availability}
            wanted = spec.model_copy(update=kept)
            if node.spec.role is Role.MANAGER and wanted.role is Role.WORKER:
                self._check_demotion(store, node)
            node.spec, node.version = wanted, store.write()

    def _check_demotion(self, store: Store, node: NodeRecord) -> None:
        left = [other for other in store.nodes.values() if other.spec.role is Role.MANAGER and other is not node]
        if not left:
            raise EngineError(self.host, "attempting to demote the last manager of the swarm", status=400)
        if sum(other.ready for other in left) * 2 <= len(left):
            message = "can't remove member from the raft: this would result in a loss of quorum"
            raise EngineError(self.host, message, status=400)

    def remove(self, object_id: str, *, force: bool = False) -> None:
        with self._asked("node.remove", object_id):
            store = self._store()
            node = find(self.host, store.nodes, object_id, "node")
            if node.spec.role is Role.MANAGER and node.in_raft:
                message = f"node {object_id} is a cluster manager and is a member of the raft cluster."
                raise EngineError(self.host, f"{message} It must be demoted to worker before removal", status=400)
            if node.ready and not force:
                raise ConflictError(self.host, f"node {object_id} is not down and can't be removed", status=400)
            del store.nodes[object_id]
