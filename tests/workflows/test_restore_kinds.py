"""What engines hold comes back, whatever playbooks may not write; what cannot is skipped by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import RefusedError, UsageError
from swarmnet.model.differences import Drift
from swarmnet.model.hosts import Host, Inventory, Role
from swarmnet.model.network import Network, NetworkSpec, Scope, Subnet
from swarmnet.model.report import Status
from swarmnet.model.service import Attachment, FileReference, PublishedPort, ServiceMode, ServiceSpec
from swarmnet.model.state import Route
from swarmnet.model.swarm import ConfigSpec, NodeSpec, SwarmSpec
from swarmnet.plan.guard import Permissions
from swarmnet.plan.recovery.describe import document
from swarmnet.plan.recovery.steps import Choices
from swarmnet.workflows.backup import compare
from swarmnet.workflows.fleet.observe import Look, observe
from swarmnet.workflows.restore import Restore, run
from tests.simulator import World
from tests.support.backups import CREATED
from tests.support.goals import Yes, terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.ports import EnginePort
    from swarmnet.model.restore_report import RestoreReport

HOSTS = Inventory(
    cluster="shop",
    hosts=(Host(name="m1", address="10.66.0.1", role=Role.MANAGER), Host(name="w1", address="10.66.0.2")),
)
FRONT = NetworkSpec(name="front", attachable=True, subnets=(Subnet(subnet="10.50.0.0/24"),))
WEB = ServiceSpec(name="web", image="busybox", replicas=1, networks=(Attachment(network="front"),))


def _cluster(spec: SwarmSpec | None = None) -> World:
    world = World(inventory=HOSTS)
    world.bootstrap(spec or SwarmSpec())
    return world


def _backup(world: World) -> BackupDocument:
    world.settle()
    state = observe(world.ports(), Look(containers=True))
    return document(state, cluster="shop", backup_id="cd" * 16, created=CREATED, tool="t")


def _of(*make: Callable[[EnginePort, EnginePort], object]) -> BackupDocument:
    """Return the backup of a cluster on which these made things, each with the engines of m1 and w1."""
    world = _cluster()
    for one in make:
        one(world.engine("m1"), world.engine("w1"))
        world.settle()
    return _backup(world)


def _restore(found: BackupDocument, world: World, choices: Choices | None = None) -> RestoreReport:
    restore = Restore(found, HOSTS, choices or Choices(mapping={}, secrets={}))
    report = run(
        world.ports(), restore, terms(consent=Yes()), permissions=Permissions(), prove=lambda _state: Status.OK
    )
    world.settle()
    return report


def _differences(found: BackupDocument, world: World) -> Drift:
    return compare(found, observe(world.ports(), Look(containers=True)))


def _skips(report: RestoreReport) -> list[str]:
    return [f"{skip.what}: {skip.why}" for skip in report.skips]


@pytest.mark.parametrize("spec", [SwarmSpec(subnet_size=24), SwarmSpec(subnet_size=26)], ids=["docker", "another size"])
def test_b1_a_swarm_that_was_made_without_a_pool_comes_back(spec: SwarmSpec) -> None:
    found, world = _backup(_cluster(spec)), World(inventory=HOSTS)
    assert found.state.swarm is not None
    assert found.state.swarm.spec.default_addr_pool is None
    report = _restore(found, world)
    assert (report.exit_code, report.skips) == (0, ())
    assert "network ingress" not in report.restored
    assert _differences(found, world) == Drift(differences=())


def test_b2_configuration_networks_come_back_with_the_networks_that_need_them() -> None:
    def make(m1: EnginePort, w1: EnginePort) -> None:
        for engine, block in ((m1, "10.1.0.0/25"), (w1, "10.1.0.128/25")):
            subnet = Subnet(subnet=block)
            engine.networks.create(
                NetworkSpec(
                    name="lan-conf",
                    driver="macvlan",
                    config_only=True,
                    subnets=(subnet,),
                    options={"parent": "eth0"},
                    labels={"of": "us"},
                )
            )
        w1.networks.create(NetworkSpec(name="mine", driver="macvlan", config_from="lan-conf"))
        m1.networks.create(NetworkSpec(name="lan", driver="macvlan", scope=Scope.SWARM, config_from="lan-conf"))

    found, world = _of(make), World(inventory=HOSTS)
    assert _restore(found, world).exit_code == 0
    assert _differences(found, world) == Drift(differences=())
    made = {net.spec.name: net.spec for net in world.engine("w1").networks.list()}
    assert made["lan-conf"].config_only
    assert made["mine"].config_from == "lan-conf"


def test_b3_bridges_of_nodes_get_their_old_blocks_before_the_engine_chooses_others() -> None:
    world = World(inventory=HOSTS)
    world.engine("w1").networks.create(
        NetworkSpec(name="old", driver="bridge", subnets=(Subnet(subnet="172.18.0.0/16", gateway="172.18.0.1"),))
    )
    world.bootstrap()
    found, fresh = _backup(world), World(inventory=HOSTS)
    report = _restore(found, fresh)
    assert (report.exit_code, report.failed) == (0, ())
    blocks = {
        net.spec.name: net.spec.subnets[0].subnet for net in fresh.engine("w1").networks.list() if net.spec.subnets
    }
    assert (blocks["old"], blocks["docker_gwbridge"]) == ("172.18.0.0/16", "172.19.0.0/16")
    assert _differences(found, fresh) == Drift(differences=())


def test_b3_a_bridge_of_an_earlier_swarm_is_made_again_as_the_backup_has_it() -> None:
    world = World(inventory=HOSTS)
    world.engine("w1").networks.create(
        NetworkSpec(name="old", driver="bridge", subnets=(Subnet(subnet="172.18.0.0/16"),))
    )
    world.bootstrap()
    found, used = _backup(world), World(inventory=HOSTS)
    used.machines["w1"].add_gateway()
    assert _restore(found, used).exit_code == 0
    assert _differences(found, used) == Drift(differences=())


def test_b3_a_bridge_that_cannot_be_made_again_is_in_the_plan_as_a_conflict() -> None:
    world = World(inventory=HOSTS)
    world.engine("w1").networks.create(
        NetworkSpec(name="old", driver="bridge", subnets=(Subnet(subnet="172.18.0.0/16"),))
    )
    world.bootstrap()
    found, running = _backup(world), _cluster()
    running.requests.clear()
    with pytest.raises(RefusedError, match=r"network old: 172.18.0.0/16 overlaps .* docker_gwbridge on w1") as raised:
        _restore(found, running)
    assert "--exclude" in str(raised.value.hint)
    assert running.writes == []
    report = _restore(found, running, Choices(mapping={}, secrets={}, exclude=("network/old",)))
    assert report.exit_code == 15
    assert "network old on w1: left out by --exclude" in _skips(report)


def test_b3_a_block_that_a_new_host_routes_elsewhere_is_left_to_the_engine_and_said() -> None:
    found, fresh = _backup(_cluster()), World(inventory=HOSTS)
    fresh.machines["w1"].routes = (Route(prefix="172.18.5.0/24", device="vpn0"),)
    report = _restore(found, fresh)
    assert report.exit_code == 15
    assert [skip.what for skip in report.skips] == ["network docker_gwbridge on w1"]


def test_b3_a_block_that_a_new_hosts_own_network_has_is_left_to_the_engine_and_said() -> None:
    found, fresh = _backup(_cluster()), World(inventory=HOSTS)
    theirs = NetworkSpec(name="theirs", driver="bridge", subnets=(Subnet(subnet="172.18.0.0/16"),))
    fresh.engine("w1").networks.create(theirs)
    report = _restore(found, fresh)
    assert (report.exit_code, report.failed) == (15, ())
    assert "network docker_gwbridge on w1: it overlaps network theirs: the engine chooses another block" in _skips(
        report
    )


ODD = {
    "a blank": NetworkSpec(name="my net", driver="bridge"),
    "a slash": NetworkSpec(name="a/b", driver="bridge"),
    "a small MTU": NetworkSpec(name="small", driver="bridge", mtu=68),
    "attachable": NetworkSpec(name="open", driver="bridge", attachable=True),
    "an unknown option": NetworkSpec(name="odd", driver="bridge", options={"secure": "yes"}),
    "IPv6 blocks without IPv6": NetworkSpec(
        name="six", driver="bridge", subnets=(Subnet(subnet="172.28.0.0/24"), Subnet(subnet="fd00:7::/64"))
    ),
}


@pytest.mark.parametrize("spec", ODD.values(), ids=ODD.keys())
def test_b4_what_playbooks_may_not_write_comes_back(spec: NetworkSpec) -> None:
    found, world = _of(lambda _m1, w1: w1.networks.create(spec)), World(inventory=HOSTS)
    assert _restore(found, world).exit_code == 0
    assert _differences(found, world) == Drift(differences=())


def test_b4_a_local_network_with_the_name_of_one_of_the_swarm_comes_back_on_workers() -> None:
    world = World(inventory=HOSTS)
    local = NetworkSpec(name="front", driver="bridge", subnets=(Subnet(subnet="172.29.0.0/24"),))
    for host in ("m1", "w1"):
        world.engine(host).networks.create(local)
    world.bootstrap()
    seen = observe(world.ports(), Look(containers=True))
    front = Network(id="f", spec=FRONT.model_copy(update={"scope": Scope.SWARM}), vnis=(5000,))
    state = seen.model_copy(update={"networks": (*seen.networks, front)})
    found = document(state, cluster="shop", backup_id="cd" * 16, created=CREATED, tool="t")
    fresh = World(inventory=HOSTS)
    report = _restore(found, fresh)
    assert report.exit_code == 15
    assert [skip.what for skip in report.skips] == ["network front on m1"]
    made = [net.spec.effective_scope.value for net in fresh.engine("w1").networks.list() if net.spec.name == "front"]
    assert made == ["local"]
    assert fresh.store("m1").network_named("front") is not None


def _shop(m1: EnginePort, _w1: EnginePort) -> None:
    m1.networks.create(FRONT)
    m1.networks.create(NetworkSpec(name="back", subnets=(Subnet(subnet="10.51.0.0/24"),)))
    m1.configs.create(ConfigSpec(name="site", data=b"x"))
    m1.configs.create(ConfigSpec(name="other", data=b"x"))


def _services(m1: EnginePort, _w1: EnginePort) -> None:
    m1.services.create(WEB.model_copy(update={"configs": (FileReference(source="site", target="/s"),)}))
    m1.services.create(WEB.model_copy(update={"name": "job", "networks": (Attachment(network="back"),)}))


def test_b4_only_brings_along_what_its_objects_need_and_the_rest_is_skipped_by_name() -> None:
    found, world = _of(_shop, _services), World(inventory=HOSTS)
    report = _restore(found, world, Choices(mapping={}, secrets={}, only=("service/w*",)))
    assert report.exit_code == 15
    engine = world.engine("m1")
    assert [one.spec.name for one in engine.services.list()] == ["web"]
    assert [one.spec.name for one in engine.configs.list()] == ["site"]
    assert _skips(report) == [
        "service job: left out by --only",
        "network back: left out by --only",
        "config other: left out by --only",
    ]


def test_b4_what_needs_something_that_is_left_out_is_skipped_with_that_reason() -> None:
    found, world = _of(_shop, _services), World(inventory=HOSTS)
    report = _restore(found, world, Choices(mapping={}, secrets={}, exclude=("network/front",)))
    assert "service web: needs network front" in _skips(report)
    assert "network front: left out by --exclude" in _skips(report)
    assert [one.spec.name for one in world.engine("m1").services.list()] == ["job"]


@pytest.mark.parametrize("pattern", ["web", "pod/web", "service/none*", "service/", "swarm/x"])
def test_b4_a_pattern_that_names_nothing_is_an_error(pattern: str) -> None:
    with pytest.raises(UsageError):
        _restore(_of(_shop), World(inventory=HOSTS), Choices(mapping={}, secrets={}, exclude=(pattern,)))


CHANGES: dict[str, dict[str, object]] = {
    "ports": {"ports": (PublishedPort(target=80, published=16666),)},
    "constraints": {"constraints": ("node.role == manager",)},
    "hostname": {"hostname": "z"},
    "labels": {"labels": {"new": "1"}},
    "extra": {"extra": {"TaskTemplate": {"ContainerSpec": {"ReadOnly": True}}}},
    "replicas": {"replicas": 2},
    "image": {"image": "other"},
    "mounts": {"container_labels": {"a": "b"}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_b5_whatever_was_added_to_a_service_is_taken_away_in_place(change: dict[str, object]) -> None:
    found, world = _of(_shop, _services), _cluster()
    _shop(world.engine("m1"), world.engine("w1"))
    world.settle()
    _services(world.engine("m1"), world.engine("w1"))
    world.settle()
    web = next(one for one in world.engine("m1").services.list() if one.spec.name == "web")
    world.engine("m1").services.update(web.id, web.version, web.spec.model_copy(update=change))
    world.settle()
    assert _differences(found, world) != Drift(differences=())
    assert _restore(found, world).exit_code == 0
    assert _differences(found, world) == Drift(differences=())
    after = next(one for one in world.engine("m1").services.list() if one.spec.name == "web")
    assert after.id == web.id


def test_b5_what_stays_different_is_said_and_ends_with_15() -> None:
    found, world = _of(_shop), _cluster()
    engine = world.engine("m1")
    engine.networks.create(FRONT.model_copy(update={"labels": {"tier": "x"}}))
    engine.networks.create(NetworkSpec(name="theirs"))
    world.settle()
    node = next(one for one in engine.nodes.list() if one.hostname == "w1")
    engine.nodes.update(node.id, node.version, NodeSpec(labels={"disk": "ssd"}))
    report = _restore(found, world)
    assert report.exit_code == 15
    assert set(_skips(report)) == {
        "network front: it stays different from the backup: labels.tier",
        "network theirs: the backup does not have it; it stays",
        "node w1: it stays different from the backup: labels.disk",
    }
    assert {one.object for one in _differences(found, world).differences} == {skip.what for skip in report.skips}


def test_b6_a_service_on_a_node_by_id_is_equal_on_the_same_cluster() -> None:
    world = _cluster()
    node = next(one for one in world.engine("m1").nodes.list() if one.hostname == "w1")
    pinned = WEB.model_copy(update={"networks": (), "constraints": (f"node.id=={node.id}",)})
    world.engine("m1").services.create(pinned)
    found = _backup(world)
    assert _differences(found, world) == Drift(differences=())
    report = _restore(found, world)
    assert (report.exit_code, report.restored) == (0, ())


def test_b6_a_service_on_a_node_by_id_or_address_moves_to_the_host_in_its_place() -> None:
    world = _cluster()
    node = next(one for one in world.engine("m1").nodes.list() if one.hostname == "w1")
    pins = (f"node.id=={node.id}", f"node.ip=={node.address}")
    world.engine("m1").services.create(WEB.model_copy(update={"networks": (), "constraints": pins[:1]}))
    found, fresh = _backup(world), World(inventory=HOSTS)
    assert _restore(found, fresh).exit_code == 0
    assert _differences(found, fresh) == Drift(differences=())
    assert _restore(found, fresh).restored == ()


@pytest.mark.parametrize(
    "mode",
    [{"mode": ServiceMode.REPLICATED_JOB, "max_concurrent": 1, "replicas": 2}, {"mode": ServiceMode.GLOBAL_JOB}],
)
def test_a8_jobs_come_back_as_jobs_and_are_awaited_as_complete(mode: dict[str, object]) -> None:
    job = WEB.model_copy(update={"name": "once", "networks": (), "replicas": None, "update": None, **mode})
    found, fresh = _of(lambda m1, _w1: m1.services.create(job)), World(inventory=HOSTS)
    report = _restore(found, fresh)
    assert (report.exit_code, report.failed) == (0, ())
    (after,) = fresh.engine("m1").services.list()
    assert {name: getattr(after.spec, name) for name in mode} == mode
    assert {task.state for task in fresh.engine("m1").tasks()} == {"complete"}
    assert _differences(found, fresh) == Drift(differences=())


def test_b2_configuration_networks_are_made_before_those_that_need_them() -> None:
    def make(_m1: EnginePort, w1: EnginePort) -> None:
        w1.networks.create(NetworkSpec(name="z-conf", driver="macvlan", config_only=True))
        w1.networks.create(NetworkSpec(name="a", driver="macvlan", config_from="z-conf"))

    found, world = _of(make), World(inventory=HOSTS)
    restore = Restore(found, HOSTS, Choices(mapping={}, secrets={}))
    batches = restore.plan(observe(world.ports(), restore.look)).batches
    places = {action.target: number for number, batch in enumerate(batches) for action in batch}
    assert places["network z-conf on w1"] < places["network a on w1"]
