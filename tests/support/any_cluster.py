"""Any cluster that others may have made, for laws."""

from __future__ import annotations

from hypothesis import strategies as st

from swarmnet.model.engine_json import absorb
from swarmnet.model.hosts import Host, Inventory, Role
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.service import Attachment, FileReference, Limits, PublishedPort, RestartPolicy, ServiceSpec
from swarmnet.model.service import ServiceMode as Mode
from swarmnet.model.swarm import ConfigSpec, NodeSpec, SwarmSpec
from tests.simulator import World

HOSTS = Inventory(
    cluster="shop",
    hosts=(
        Host(name="m1", address="10.66.0.1", role=Role.MANAGER),
        Host(name="w1", address="10.66.0.2"),
        Host(name="w2", address="10.66.0.3"),
    ),
)
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
        engine.services.create(absorb(service))
    for node in engine.nodes.list():
        engine.nodes.update(node.id, node.version, NodeSpec(labels=draw(LABELS)))
    world.settle()
    return world
