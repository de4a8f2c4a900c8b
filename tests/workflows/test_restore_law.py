"""The law of restores: what a restore does not list as left out is as the backup has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from swarmnet.errors import RefusedError
from swarmnet.model.hosts import Host, Inventory, Role
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.report import Status
from swarmnet.model.service import Attachment, FileReference, Limits, PublishedPort, RestartPolicy, ServiceSpec
from swarmnet.model.service import ServiceMode as Mode
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
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.restore_report import RestoreReport

HOSTS = Inventory(
    cluster="shop",
    hosts=(
        Host(name="m1", address="10.66.0.1", role=Role.MANAGER),
        Host(name="w1", address="10.66.0.2"),
        Host(name="w2", address="10.66.0.3"),
    ),
)
QUICK = settings(max_examples=15, phases=(Phase.explicit, Phase.reuse, Phase.generate))
"""Without shrinking, which takes minutes where each example is two clusters."""
LABELS = st.dictionaries(st.sampled_from(("a", "b c", "io.x")), st.sampled_from(("", "1", "é")), max_size=2)
LOCAL_NAMES = ("lan", "my net", "a/b", "front")
SWARM_NAMES = ("front", "back", "Vault")


@st.composite
def networks(draw: st.DrawFn, names: tuple[str, ...], block: str) -> tuple[NetworkSpec, ...]:
    """Return networks of different names and blocks, some of them left to the engine."""
    found = []
    for number, name in enumerate(draw(st.lists(st.sampled_from(names), unique=True, max_size=3))):
        subnet = Subnet(subnet=f"{block}.{number}.0/24", gateway=draw(st.sampled_from((None, f"{block}.{number}.9"))))
        found.append(
            NetworkSpec(
                name=name,
                driver="overlay" if names is SWARM_NAMES else draw(st.sampled_from(("bridge", "macvlan"))),
                internal=draw(st.booleans()),
                attachable=draw(st.booleans()),
                mtu=draw(st.sampled_from((None, 68, 1400))),
                subnets=draw(st.sampled_from(((), (subnet,)))),
                options=draw(LABELS),
                labels=draw(LABELS),
            )
        )
    return tuple(found)


SERVICES = st.builds(
    ServiceSpec,
    name=st.just("web"),
    image=st.sampled_from(("busybox", "busybox:1@sha256:" + "0" * 64)),
    args=st.sampled_from((None, (), ("sleep", "9"))),
    env=st.none() | LABELS,
    mode=st.just(Mode.REPLICATED),
    replicas=st.integers(0, 2),
    networks=st.sampled_from((None, (), (Attachment(network="front", aliases=("w", "v")),))),
    ports=st.sampled_from((None, (), (PublishedPort(target=80, published=8080),))),
    constraints=st.sampled_from((None, ("node.hostname==w1",), ("node.labels.a != x", "node.role==worker"))),
    limits=st.none() | st.just(Limits(cpus=0.5)),
    restart=st.none() | st.just(RestartPolicy(condition="on-failure", window=3.0)),
    configs=st.sampled_from((None, (FileReference(source="site", target="/s"),))),
    labels=LABELS,
    container_labels=st.none() | LABELS,
    hostname=st.sampled_from((None, "h")),
    extra=st.sampled_from(({}, {"TaskTemplate": {"ContainerSpec": {"ReadOnly": True, "Hosts": []}}})),
)


@st.composite
def clusters(draw: st.DrawFn) -> World:
    """Return any cluster that others may have made."""
    world = World(inventory=HOSTS)
    for host in ("m1", "w1"):
        for spec in draw(networks(LOCAL_NAMES, "192.168")):
            world.engine(host).networks.create(spec)
    world.bootstrap(SwarmSpec(subnet_size=draw(st.sampled_from((None, 24, 26))), labels=draw(LABELS)))
    engine = world.engine("m1")
    local = {net.spec.name for host in ("m1", "w1") for net in world.engine(host).networks.list()}
    for spec in draw(networks(SWARM_NAMES, "10.50")):
        if spec.name not in local:
            engine.networks.create(spec)
    engine.configs.create(ConfigSpec(name="site", data=b"x", labels=draw(LABELS)))
    world.settle()
    service = draw(SERVICES)
    if all(engine.networks.list() and world.store("m1").network_named(one.network) for one in service.networks or ()):
        engine.services.create(service)
    for node in engine.nodes.list():
        engine.nodes.update(node.id, node.version, NodeSpec(labels=draw(LABELS)))
    world.settle()
    return world


def _backup(world: World) -> BackupDocument:
    state = observe(world.ports(), Look(containers=True))
    return document(state, cluster="shop", backup_id="ab" * 16, created=CREATED, tool="t")


def _restore(found: BackupDocument, world: World) -> RestoreReport:
    restore = Restore(found, HOSTS, Choices(mapping={}, secrets={}))
    allowed = Permissions(replace=frozenset({"web", *SWARM_NAMES, *LOCAL_NAMES}))
    report = run(world.ports(), restore, terms(consent=Yes()), permissions=allowed, prove=lambda _state: Status.OK)
    world.settle()
    return report


def _check(found: BackupDocument, world: World, report: RestoreReport) -> None:
    assert report.failed == ()
    differences = compare(found, observe(world.ports(), Look(containers=True))).differences
    assert {one.object.lower() for one in differences} == {skip.what.lower() for skip in report.skips}
    assert report.exit_code == (15 if report.skips else 0)


@QUICK
@given(clusters())
def test_a_restore_onto_fresh_hosts_without_skips_leaves_no_drift(lost: World) -> None:
    found, fresh = _backup(lost), World(inventory=HOSTS)
    report = _restore(found, fresh)
    _check(found, fresh, report)
    assert report.skips == ()


@QUICK
@given(clusters(), clusters())
def test_what_differs_after_a_restore_onto_another_cluster_is_just_what_it_lists(lost: World, there: World) -> None:
    found = _backup(lost)
    try:
        report = _restore(found, there)
    except RefusedError as error:
        assume("in the way" not in str(error.hint))  # of what the backup has: nothing was changed
        raise
    _check(found, there, report)
