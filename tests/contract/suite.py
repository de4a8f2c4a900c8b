"""What every engine does, real or simulated. One suite: a difference between the two is a lie of the simulator.

Subclasses give a ``cluster`` fixture: a fresh swarm of one manager and one worker that all tests of the class share,
so each test uses names of its own and leaves nothing in the way of the others.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

import pytest

from swarmnet.errors import ConflictError, EngineError, NotAManagerError, StateChangedError
from swarmnet.model.base import Secret
from swarmnet.model.clock import wait_until
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.ports import ContainerSpec, JoinAddress
from swarmnet.model.service import (
    Attachment,
    EndpointMode,
    FileReference,
    PublishedPort,
    RestartPolicy,
    ServiceMode,
    ServiceSpec,
)
from swarmnet.model.state import Endpoint, SwarmStanding
from swarmnet.model.swarm import ConfigSpec, NewSecret, NodeSpec, SecretSpec, SwarmSpec
from swarmnet.model.volume import VolumeSpec
from swarmnet.operations.service.converge import again_when_changed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from swarmnet.model.clock import Clock
    from swarmnet.model.ports import EnginePort
    from swarmnet.model.service import Service, Task

IMAGE = "swarmnet-test:1"
MISSING = "swarmnet-missing:1"
"""An image that no host has, and no registry."""


@dataclass(frozen=True)
class Cluster:
    """A manager, a worker, both with the image, and their time."""

    manager: EnginePort
    worker: EnginePort
    clock: Clock
    pluginless: Future[str]
    """The creation of a volume whose driver does not exist; asked for at the beginning."""

    @classmethod
    @contextmanager
    def of(cls, manager: EnginePort, worker: EnginePort, clock: Clock) -> Iterator[Self]:
        """Ask for the volume next to what the block does."""
        with ThreadPoolExecutor(1) as pool:
            spec = VolumeSpec(name="pluginless", driver="no-such-plugin")
            yield cls(manager, worker, clock, pool.submit(worker.volumes.create, spec))

    def network(self, name: str) -> Network | None:
        return next((net for net in self.manager.networks.list() if net.spec.name == name), None)

    def make_network(self, name: str, **fields: object) -> Network:
        """Make an overlay and wait until it is allocated."""
        self.manager.networks.create(NetworkSpec.model_validate({"name": name, "attachable": True, **fields}))

        def look() -> tuple[Network | None, str]:
            seen = self.network(name)
            return (seen if seen is not None and seen.allocated else None), str(seen)

        return wait_until(self.clock, look, what=f"network {name} to be allocated", timeout=180)

    def label(self, node_id: str, labels: dict[str, str]) -> None:
        """Give a node these labels, as it is now; managers write to nodes that have just come, too."""
        node = next(node for node in self.manager.nodes.list() if node.id == node_id)
        self.manager.nodes.update(node_id, node.version, NodeSpec(labels=labels))

    def service(self, name: str) -> Service:
        return next(service for service in self.manager.services.list() if service.spec.name == name)

    def make_service(self, name: str, **fields: object) -> Service:
        """Make a service of tasks that sleep."""
        spec = {"name": name, "image": IMAGE, "command": ("sleep", "600"), "replicas": 1, "stop_grace_period": 0.1}
        self.manager.services.create(ServiceSpec.model_validate({**spec, **fields}))
        return self.service(name)

    def running(self, name: str, count: int) -> tuple[Task, ...]:
        """Wait until so many tasks of a service run."""

        def look() -> tuple[tuple[Task, ...] | None, str]:
            tasks = self.manager.tasks(service=name)
            running = tuple(task for task in tasks if task.state == "running" and task.desired_state == "running")
            seen = "; ".join(f"{task.state} {task.message}" for task in tasks)
            return (running if len(running) == count else None), seen

        return wait_until(self.clock, look, what=f"{count} tasks of {name}", timeout=180)

    def desired(self, name: str) -> frozenset[str]:
        """Return the ids of a service's tasks that should run."""
        tasks = self.manager.tasks(service=name)
        return frozenset(task.id for task in tasks if task.desired_state == "running")

    def rejected(self, name: str) -> Counter[str | None]:
        """Return how many tasks of a service each node rejected."""
        tasks = self.manager.tasks(service=name)
        return Counter(task.node_id for task in tasks if task.state == "rejected")

    def gone(self, name: str) -> None:
        """Wait until no task of a removed service holds its networks."""

        def look() -> tuple[bool | None, str]:
            left = [task for task in self.manager.tasks() if name in task.networks]
            return (None if left else True), f"{len(left)} tasks"

        wait_until(self.clock, look, what=f"tasks to leave {name}", timeout=180)


class EngineContract:
    """The rules, one a test."""

    def test_a_worker_answers_for_itself_but_not_for_the_cluster(self, cluster: Cluster) -> None:
        facts = cluster.worker.facts().membership
        assert (facts.state, facts.is_manager, facts.cluster_id) == (SwarmStanding.ACTIVE, False, "")
        with pytest.raises(NotAManagerError):
            cluster.worker.nodes.list()

    def test_a_manager_knows_the_cluster_and_its_engine_says_so(self, cluster: Cluster) -> None:
        membership = cluster.manager.facts().membership
        swarm = cluster.manager.swarm()
        assert membership.is_manager
        assert membership.cluster_id == swarm.id
        assert len(swarm.ca_digest) == 64

    def test_a_fresh_swarm_reports_the_engines_defaults(self, cluster: Cluster) -> None:
        spec = cluster.manager.swarm().spec
        assert spec.default_addr_pool == ("10.0.0.0/8",)
        assert (spec.subnet_size, spec.data_path_port) == (24, 4789)
        assert (spec.cert_expiry, spec.heartbeat, spec.autolock) == (7_776_000.0, 5.0, False)

    def test_a_partial_swarm_update_leaves_the_rest_of_the_spec_alone(self, cluster: Cluster) -> None:
        before = cluster.manager.swarm()
        again_when_changed(
            lambda: cluster.manager.update_swarm(
                cluster.manager.swarm().version, SwarmSpec(task_history=7, labels={"contract": "yes"})
            )
        )
        after = cluster.manager.swarm()
        expected = {"task_history": 7, "labels": {**before.spec.labels, "contract": "yes"}}
        assert after.spec == before.spec.model_copy(update=expected)

    def test_a_write_based_on_an_old_look_is_refused(self, cluster: Cluster) -> None:
        swarm = cluster.manager.swarm()
        cluster.manager.update_swarm(swarm.version, SwarmSpec(snapshot_interval=9_999))
        with pytest.raises(StateChangedError):
            cluster.manager.update_swarm(swarm.version, SwarmSpec(snapshot_interval=9_998))
        assert cluster.manager.swarm().spec.snapshot_interval == 9_999

    def test_a_node_update_sets_exactly_the_labels_and_keeps_what_is_not_managed(self, cluster: Cluster) -> None:
        node_id = cluster.worker.facts().membership.node_id
        for labels in ({"a": "1", "b": "2"}, {"b": "3"}):
            again_when_changed(partial(cluster.label, node_id, labels))
        node = next(node for node in cluster.manager.nodes.list() if node.id == node_id)
        assert node.spec == NodeSpec(role=Role.WORKER, availability=Availability.ACTIVE, labels={"b": "3"})

    def test_the_last_manager_cannot_be_demoted(self, cluster: Cluster) -> None:
        node = next(node for node in cluster.manager.nodes.list() if node.is_leader)
        with pytest.raises(EngineError):
            cluster.manager.nodes.update(node.id, node.version, NodeSpec(role=Role.WORKER))

    def test_a_ready_node_cannot_be_removed(self, cluster: Cluster) -> None:
        node_id = cluster.worker.facts().membership.node_id
        with pytest.raises(ConflictError):
            cluster.manager.nodes.remove(node_id)

    def test_a_service_runs_and_its_tasks_have_addresses(self, cluster: Cluster) -> None:
        network = cluster.make_network("front", subnets=({"subnet": "10.204.0.0/24"},))
        aliases = (Attachment(network="front", aliases=("www",)),)
        service = cluster.make_service("runs", networks=aliases, replicas=2, env={"A": "1"}, labels={"l": "v"})
        tasks = cluster.running("runs", 2)
        assert service.spec.networks == aliases
        assert (service.spec.env, service.spec.labels) == ({"A": "1"}, {"l": "v"})
        assert all(address.startswith("10.204.0.") for task in tasks for address in task.networks["front"])
        assert cluster.service("runs").virtual_ips["front"].startswith("10.204.0.")
        assert {task.id for task in cluster.manager.tasks(network="front")} >= {task.id for task in tasks}
        assert {task.image for task in tasks} == {service.spec.image}
        with pytest.raises(ConflictError):
            cluster.manager.networks.remove(network.id)
        cluster.manager.services.remove(service.id)
        cluster.gone("front")
        cluster.manager.networks.remove(network.id)

    def test_a_service_name_is_taken_once(self, cluster: Cluster) -> None:
        made = cluster.make_service("once", replicas=0)
        with pytest.raises(ConflictError):
            cluster.make_service("once")
        cluster.manager.services.remove(made.id)

    def test_rejected_tasks_are_made_again_as_often_as_the_restart_policy_says(self, cluster: Cluster) -> None:
        policies = {
            "never": RestartPolicy(condition="none"),
            "twice": RestartPolicy(condition="on-failure", delay=0.1, max_attempts=2),
        }
        fields = {"image": MISSING, "mode": ServiceMode.GLOBAL, "replicas": None}
        made = [cluster.make_service(name, restart=policy, **fields) for name, policy in policies.items()]
        nodes = [node.id for node in cluster.manager.nodes.list()]
        expected = {"never": dict.fromkeys(nodes, 1), "twice": dict.fromkeys(nodes, 3)}

        def look() -> tuple[bool | None, str]:
            seen = {name: cluster.rejected(name) for name in policies}
            return (True if seen == expected else None), str(seen)

        wait_until(cluster.clock, look, what="the tasks to be rejected", timeout=180)
        cluster.clock.sleep(1.0)
        assert {name: cluster.rejected(name) for name in policies} == expected
        for service in made:
            cluster.manager.services.remove(service.id)

    def test_a_services_mode_cannot_change(self, cluster: Cluster) -> None:
        made = cluster.make_service("mode", replicas=0)
        wish = ServiceSpec.model_validate({"name": "mode", "image": IMAGE, "mode": "global"})
        with pytest.raises(EngineError):
            cluster.manager.services.update(made.id, made.version, wish)
        cluster.manager.services.remove(made.id)

    def test_dnsrr_with_a_mesh_port_is_refused(self, cluster: Cluster) -> None:
        with pytest.raises(EngineError):
            cluster.make_service(
                "rr", endpoint_mode=EndpointMode.DNSRR, ports=(PublishedPort(target=80, published=8080),)
            )

    def test_an_unknown_network_config_or_secret_is_refused(self, cluster: Cluster) -> None:
        lost = (FileReference(source="lost", target="/x"),)
        for fields in ({"networks": (Attachment(network="lost"),)}, {"configs": lost}, {"secrets": lost}):
            with pytest.raises(EngineError):
                cluster.make_service("lacks", **fields)

    def test_configs_are_readable_named_once_and_held_by_their_services(self, cluster: Cluster) -> None:
        spec = ConfigSpec(name="conf", data=b"\x00data", labels={"l": "v"})
        config_id = cluster.manager.configs.create(spec)
        with pytest.raises(ConflictError):
            cluster.manager.configs.create(spec)
        seen = next(config for config in cluster.manager.configs.list() if config.id == config_id)
        assert seen.spec == spec
        cluster.manager.configs.update_labels(config_id, seen.version, {"n": "w"})
        written = next(c for c in cluster.manager.configs.list() if c.id == config_id)
        assert (written.spec.labels, written.version > seen.version) == ({"n": "w"}, True)
        cluster.manager.configs.update_labels(config_id, written.version, {"n": "w"})
        assert next(c for c in cluster.manager.configs.list() if c.id == config_id).version > written.version
        references = (FileReference(source="conf", target="/etc/conf", mode=0o400),)
        service = cluster.make_service("reads", configs=references, replicas=0)
        assert service.spec.configs == references
        with pytest.raises(ConflictError):
            cluster.manager.configs.remove(config_id)
        cluster.manager.services.remove(service.id)
        cluster.manager.configs.remove(config_id)

    def test_secrets_never_give_their_data_back(self, cluster: Cluster) -> None:
        secret_id = cluster.manager.secrets.create(
            NewSecret(SecretSpec(name="sec", labels={"l": "v"}), Secret("canary"))
        )
        with pytest.raises(ConflictError):
            cluster.manager.secrets.create(NewSecret(SecretSpec(name="sec"), Secret("other")))
        seen = next(secret for secret in cluster.manager.secrets.list() if secret.id == secret_id)
        assert seen.spec == SecretSpec(name="sec", labels={"l": "v"})
        cluster.manager.secrets.update_labels(secret_id, seen.version, seen.spec.labels)
        (again,) = (secret for secret in cluster.manager.secrets.list() if secret.id == secret_id)
        assert (again.spec, again.version > seen.version) == (seen.spec, True)
        references = (FileReference(source="sec", target="sec"),)
        service = cluster.make_service("hides", secrets=references, replicas=0)
        assert service.spec.secrets == references
        with pytest.raises(ConflictError):
            cluster.manager.secrets.remove(secret_id)
        cluster.manager.services.remove(service.id)
        cluster.manager.secrets.remove(secret_id)

    def test_a_container_on_an_attachable_network_holds_it(self, cluster: Cluster) -> None:
        network = cluster.make_network("attach", subnets=({"subnet": "10.205.0.0/24"},))
        spec = ContainerSpec(
            name="probe",
            image=IMAGE,
            argv=("sleep", "600"),
            labels={"l": "v"},
            endpoints=(Endpoint(network="attach", ipv4="10.205.0.77"),),
        )
        container_id = cluster.worker.start_container(spec)
        seen = next(box for box in cluster.worker.containers() if box.id == container_id)
        assert (seen.name, seen.running, seen.labels, seen.service) == ("probe", True, {"l": "v"}, None)
        assert [(end.network, end.address) for end in seen.endpoints] == [("attach", "10.205.0.77")]
        assert [box.id for box in cluster.worker.containers(label="l")] == [container_id]
        assert cluster.worker.containers(label="v") == ()
        with pytest.raises(ConflictError):
            cluster.worker.start_container(spec)
        attached = cluster.manager.tasks(network="attach")
        assert [task.service_id for task in attached] == [None]
        with pytest.raises(ConflictError):
            cluster.manager.networks.remove(network.id)
        for _ in range(2):
            cluster.worker.remove_container(container_id)
        cluster.gone("attach")
        cluster.manager.networks.remove(network.id)

    def test_an_engine_in_a_swarm_does_not_enter_another(self, cluster: Cluster) -> None:
        with pytest.raises(NotAManagerError):
            cluster.worker.init_swarm(SwarmSpec(), JoinAddress("127.0.0.1"))

    def test_a_manager_does_not_leave_without_force(self, cluster: Cluster) -> None:
        with pytest.raises(NotAManagerError):
            cluster.manager.leave_swarm()
