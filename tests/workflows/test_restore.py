from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import RefusedError, SwarmnetError
from swarmnet.model.base import Secret
from swarmnet.model.differences import Drift
from swarmnet.model.hosts import Host, Inventory, Role
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.plan import unmarked
from swarmnet.model.report import Status
from swarmnet.model.service import Attachment, FileReference, ServiceSpec
from swarmnet.model.swarm import ConfigSpec, NewSecret, NodeSpec, SecretSpec, SwarmSpec
from swarmnet.model.volume import VolumeSpec
from swarmnet.operations.content.kinds import is_lock
from swarmnet.plan.guard import Permissions
from swarmnet.plan.recovery.describe import document
from swarmnet.plan.recovery.steps import Choices
from swarmnet.report.terminal.restore import report_lines
from swarmnet.workflows.apply import Terms, apply, prepare
from swarmnet.workflows.backup import compare
from swarmnet.workflows.fleet.observe import RECORDED, observe
from swarmnet.workflows.restore import Restore, run
from tests.simulator import World
from tests.support.backups import CREATED
from tests.support.goals import Switch, Yes, operator, terms

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.state import ClusterState

OLD = Inventory(
    cluster="old",
    hosts=(
        Host(name="a1", address="10.66.0.1", role=Role.MANAGER),
        Host(name="a2", address="10.66.0.2"),
        Host(name="a3", address="10.66.0.3"),
    ),
)
NEW = Inventory(
    cluster="new",
    hosts=(
        Host(name="b1", address="10.77.0.1", role=Role.MANAGER),
        Host(name="b2", address="10.77.0.2"),
        Host(name="b3", address="10.77.0.3"),
    ),
)
MAP = {"a1": "b1", "a2": "b2", "a3": "b3"}
SECRETS = {"token": Secret("s3cr3t-c4n4ry")}


VOLUME = VolumeSpec(name="pgdata", options={"type": "nfs", "device": ":/x"}, labels={"tier": "1"})


def _backup() -> BackupDocument:
    """Return the backup of a busy cluster that has ceased to be."""
    world = World(inventory=OLD)
    world.bootstrap(SwarmSpec(default_addr_pool=("10.40.0.0/16",), subnet_size=25, task_history=2))
    engine = world.engine("a1")
    for name, subnet in (("front", "10.50.0.0/24"), ("back", "10.51.0.0/24")):
        engine.networks.create(NetworkSpec(name=name, attachable=True, subnets=(Subnet(subnet=subnet),)))
    engine.networks.create(NetworkSpec(name="auto", internal=True, mtu=1400, labels={"who": "chosen by the engine"}))
    world.engine("a2").networks.create(
        NetworkSpec(name="lan", driver="bridge", subnets=(Subnet(subnet="172.29.0.0/24"),))
    )
    world.engine("a3").volumes.create(VOLUME)
    engine.configs.create(ConfigSpec(name="site.conf", data=b"\x00listen 80"))
    engine.secrets.create(NewSecret(SecretSpec(name="token"), SECRETS["token"]))
    world.settle()
    engine.services.create(
        ServiceSpec(
            name="web",
            image="busybox",
            replicas=2,
            networks=(Attachment(network="front", aliases=("www",)), Attachment(network="auto")),
            configs=(FileReference(source="site.conf", target="/site.conf"),),
            constraints=("node.hostname==a2",),
        )
    )
    engine.services.create(
        ServiceSpec(name="api", image="busybox", replicas=1, secrets=(FileReference(source="token", target="token"),))
    )
    node = next(node for node in engine.nodes.list() if node.hostname == "a2")
    engine.nodes.update(node.id, node.version, NodeSpec(labels={"zone": "z"}))
    world.settle()
    return document(_seen(world), cluster="old", backup_id="ab" * 16, created=CREATED, tool="swarmnet")


def _seen(world: World) -> ClusterState:
    return observe(world.ports(), RECORDED)


def _restore(found: BackupDocument, *, secrets: dict[str, Secret] | None = None) -> Restore:
    return Restore(found, NEW, Choices(mapping=MAP, secrets=SECRETS if secrets is None else secrets))


def _comparable(state: ClusterState) -> dict[str, object]:
    """Return what a cluster is, without swarmnet's mark and with hosts by their place in the inventory."""
    moved = dict(MAP.items())
    labels = {node.hostname: dict(node.spec.labels) for node in state.nodes}
    return {
        "swarm": state.swarm and state.swarm.spec.model_copy(update={"labels": {}}),
        "nodes": {moved.get(name, name): found for name, found in labels.items()},
        "networks": {
            net.spec.name: net.spec.model_copy(update={"labels": unmarked(net.spec.labels)})
            for net in state.networks
            if not net.predefined
        },
        "volumes": {
            (moved.get(facts.host, facts.host), one.id): (one.spec.driver, one.spec.options, unmarked(one.spec.labels))
            for facts in state.hosts
            for one in facts.volumes or ()
        },
        "local": {
            (moved.get(facts.host, facts.host), net.spec.name): net.spec.subnets
            for facts in state.hosts
            for net in facts.networks
            if not net.predefined
        },
        "configs": {config.spec.name: config.spec.data for config in state.configs if not is_lock(config.spec.name)},
        "secrets": {secret.spec.name for secret in state.secrets},
        "services": {
            service.spec.name: service.spec.model_copy(update={"labels": {}, "constraints": ()})
            for service in state.services
        },
    }


def test_other_hosts_get_the_same_cluster_and_a_second_restore_writes_nothing() -> None:
    found = _backup()
    world = World(inventory=NEW)
    planned = prepare(world.ports(), _restore(found).goal(Permissions())).plan
    assert "network ingress" not in [skip.what for skip in planned.skips]  # the engine makes it with the swarm
    report = apply(world.ports(), _restore(found).goal(Permissions()), terms())
    assert not report.failed, report
    world.settle()
    state = _seen(world)
    assert _comparable(state) == _comparable(found.state)
    assert {service.spec.name: service.spec.constraints for service in state.services}["web"] == ("node.hostname==b2",)
    world.requests.clear()
    assert prepare(world.ports(), _restore(found, secrets={}).goal(Permissions())).plan.is_empty
    assert world.writes == []


def test_subnets_that_the_engine_once_chose_are_the_same_again() -> None:
    found = _backup()
    world = World(inventory=NEW)
    apply(world.ports(), _restore(found).goal(Permissions()), terms())
    before, after = (state.network("auto") for state in (found.state, _seen(world)))
    assert before is not None
    assert after is not None
    assert before.spec.subnets
    assert after.spec.subnets == before.spec.subnets


def test_without_the_data_of_a_secret_its_service_is_left_out_and_all_else_restored() -> None:
    world = World(inventory=NEW)
    restore = _restore(_backup(), secrets={})
    report = apply(world.ports(), restore.goal(Permissions()), terms())
    state = _seen(world)
    assert not report.failed
    assert [service.spec.name for service in state.services] == ["web"]
    assert [skip.what for skip in restore.restoration(state).skips] == ["secret token", "service api"]


def test_what_is_in_the_way_is_refused_and_nothing_is_written() -> None:
    world = World(inventory=NEW)
    found = _backup()
    world.engine("b1").networks.create(
        NetworkSpec(name="mine", driver="bridge", subnets=(Subnet(subnet="10.50.0.0/25"),))
    )
    world.bootstrap()
    world.engine("b1").configs.create(ConfigSpec(name="site.conf", data=b"other"))
    world.requests.clear()
    with pytest.raises(RefusedError) as caught:
        prepare(world.ports(), _restore(found).goal(Permissions()))
    assert caught.value.exit_code == 5
    assert world.writes == []


@pytest.mark.parametrize("requests", range(2, 128, 9))  # it sends 128; each of them was tried
def test_an_interrupted_restore_run_again_comes_to_the_same_end(requests: int) -> None:
    found = _backup()
    world = World(inventory=NEW)
    world.vanish_after("b1", requests)
    with contextlib.suppress(SwarmnetError):
        assert apply(world.ports(), _restore(found).goal(Permissions()), terms()).failed
    world.revive("b1")
    again = Terms(consent=Yes(), operator=operator("t2", alive=False), stop=Switch())
    report = apply(world.ports(), _restore(found).goal(Permissions()), again)
    assert not report.failed, report
    world.settle()
    assert _comparable(_seen(world)) == _comparable(found.state)


def test_a_restored_cluster_drifts_from_its_backup_in_nothing_once_hosts_are_known_by_their_new_names() -> None:
    found = _backup()
    world = World(inventory=NEW)
    apply(world.ports(), _restore(found).goal(Permissions()), terms())
    assert compare(found, _seen(world), MAP) == Drift(differences=())
    by_old_names = compare(found, _seen(world))
    assert any("host a1: seen in one of the two only" in text for text in by_old_names.unseen)


@pytest.mark.parametrize(
    ("verified", "secrets", "code"),
    [
        (Status.OK, SECRETS, 0),
        (Status.OK, {}, 15),
        (Status.FAILED, {}, 16),
        (Status.INCONCLUSIVE, SECRETS, 3),
    ],
)
def test_the_report_ends_with_the_gravest_of_what_happened(
    verified: Status, secrets: dict[str, Secret], code: int
) -> None:
    world = World(inventory=NEW)
    restore = _restore(_backup(), secrets=secrets)
    report = run(world.ports(), restore, terms(), permissions=Permissions(), prove=lambda _state: verified)
    assert report.exit_code == code
    assert "network front" in report.restored
    assert {"ids", "virtual-ips"} <= {loss.kind for loss in report.losses}
    text = report.model_dump_json() + "\n".join(report_lines(report))
    assert "s3cr3t-c4n4ry" not in text


def test_a_restore_that_was_not_verified_is_incomplete_and_one_that_failed_is_never_verified() -> None:
    found = _backup()
    world = World(inventory=NEW)
    assert run(world.ports(), _restore(found), terms(), permissions=Permissions(), prove=None).exit_code == 3
    broken = World(inventory=NEW)
    broken.missing_images.add("busybox")
    report = run(broken.ports(), _restore(found), terms(), permissions=Permissions(), prove=lambda _state: Status.OK)
    assert (report.exit_code, report.verified) == (1, None)
    assert any("service" in text for text in report.failed)
