"""Backups to test with: one that has a bit of everything, and any."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from swarmnet.model.backup import BackupDocument, Reason
from swarmnet.model.engine_json import absorb
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.network import Network, NetworkSpec, Scope, Subnet
from swarmnet.model.service import (
    Attachment,
    FileReference,
    PublishedPort,
    Service,
    ServiceMode,
    ServiceSpec,
)
from swarmnet.model.state import (
    ClusterState,
    Container,
    Endpoint,
    EngineFacts,
    HostFacts,
    HostFailure,
    SwarmMembership,
    SwarmStanding,
)
from swarmnet.model.swarm import Config, ConfigSpec, Node, NodeSpec, SecretSpec, StoredSecret, Swarm, SwarmSpec
from swarmnet.plan.recovery.describe import document

CREATED = datetime(2026, 1, 31, 4, 5, 6, 123456, tzinfo=UTC)
CANARY = "correct-horse-battery"
"""A value that must be found nowhere outside a sealed backup."""


def a_state() -> ClusterState:
    """Return a cluster of two hosts with one of each kind of object."""
    return ClusterState(
        hosts=(_host("m1", "10.9.0.1", is_manager=True), _host("w1", "10.9.0.2", is_manager=False)),
        swarm=Swarm(
            id="c1",
            version=11,
            spec=SwarmSpec(default_addr_pool=("10.30.0.0/16",), subnet_size=24, data_path_port=4789, task_history=3),
        ),
        nodes=(_node("m1", "10.9.0.1", Role.MANAGER), _node("w1", "10.9.0.2", Role.WORKER)),
        networks=_networks(),
        services=(_web(),),
        configs=(Config(id="k1", version=5, spec=ConfigSpec(name="site.conf", data=b"\x00listen 80;\n")),),
        secrets=(StoredSecret(id="x1", version=6, spec=SecretSpec(name="tls-key", labels={"owner": "web"})),),
    )


def _networks() -> tuple[Network, ...]:
    return (
        Network(
            id="n1",
            spec=_network(
                name="front",
                scope=Scope.SWARM,
                attachable=True,
                subnets=(Subnet(subnet="10.30.1.0/24", gateway="10.30.1.1"),),
                labels={"tier": "front"},
            ),
            vnis=(4097,),
        ),
        Network(
            id="n2",
            spec=_network(
                name="vault",
                scope=Scope.SWARM,
                internal=True,
                encrypted=True,
                mtu=1400,
                subnets=(Subnet(subnet="10.30.2.0/24", gateway="10.30.2.1"),),
            ),
            vnis=(4098,),
        ),
        Network(
            id="n0",
            spec=_network(name="ingress", scope=Scope.SWARM, ingress=True),
            predefined=True,
        ),
    )


def _network(name: str, **fields: object) -> NetworkSpec:
    """Return a network as engines show it: they leave nothing unsaid."""
    flags = ("attachable", "internal", "ingress", "encrypted", "ipv6", "config_only")
    unsaid = {"ipam_driver": "default", **dict.fromkeys(flags, False)}
    return NetworkSpec.model_validate({"name": name, **unsaid, **fields})


def _web() -> Service:
    return Service(
        id="s1",
        version=20,
        spec=ServiceSpec(
            name="web",
            image="registry.example/web@sha256:" + "0" * 64,
            env={"DB_PASSWORD": CANARY, "MODE": "fast"},
            mode=ServiceMode.REPLICATED,
            replicas=2,
            networks=(Attachment(network="front", aliases=("www",), options={}),),
            ports=(PublishedPort(target=80, published=8080),),
            configs=(FileReference(source="site.conf", target="/etc/site.conf"),),
            secrets=(FileReference(source="tls-key", target="tls.key"),),
        ),
        virtual_ips={"front": "10.30.1.2/24"},
    )


def a_document(state: ClusterState | None = None) -> BackupDocument:
    """Return the backup of :func:`a_state`, or of another one."""
    return document(
        a_state() if state is None else state,
        cluster="prod",
        backup_id="0123456789abcdef" * 2,
        created=CREATED,
        tool="swarmnet 0.1.0",
    )


@st.composite
def documents(draw: st.DrawFn) -> BackupDocument:
    """Return any backup: names, labels, config data and failures that are as strange as they may be."""
    text = st.text(st.characters(codec="utf-8"), max_size=12)
    labels = st.dictionaries(text, text, max_size=3)
    base = a_state()
    network = base.networks[0]
    spec = network.spec.model_copy(update={"name": draw(text), "labels": draw(labels), "options": draw(labels)})
    config = ConfigSpec(name=draw(text), data=draw(st.binary(max_size=64)), labels=draw(labels))
    failures = tuple(HostFailure(host=draw(text), reason=draw(text)) for _ in range(draw(st.integers(0, 2))))
    extra = {draw(text): draw(st.integers() | st.booleans() | text | st.none())}
    service = base.services[0].spec.model_copy(update={"extra": extra, "env": draw(labels)})
    service = absorb(service)  # what has a field is never kept next to it
    state = base.model_copy(
        update={
            "networks": (network.model_copy(update={"spec": spec}),),
            "configs": (Config(id="k", version=draw(st.integers(0, 2**70)), spec=config),),
            "services": (base.services[0].model_copy(update={"spec": service}),),
            "failures": failures,
        }
    )
    return a_document(state).model_copy(
        update={
            "id": draw(st.text("0123456789abcdef", min_size=32, max_size=32)),
            "created": draw(st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC))),  # noqa: DTZ001
            "reason": draw(st.sampled_from(Reason)),
            "cluster": draw(text),
            "tags": tuple(draw(st.lists(text, max_size=2))),
        }
    )


def _host(name: str, address: str, *, is_manager: bool) -> HostFacts:
    return HostFacts(
        host=name,
        engine=EngineFacts(
            id=f"engine-{name}",
            version="26.1.5",
            api_version="1.45",
            hostname=name,
            membership=SwarmMembership(
                state=SwarmStanding.ACTIVE,
                node_id=f"node-{name}",
                cluster_id="c1",
                address=address,
                is_manager=is_manager,
            ),
        ),
        addresses=(address,),
        networks=(
            Network(
                id=f"b-{name}",
                spec=_network(
                    name="lan",
                    driver="bridge",
                    scope=Scope.LOCAL,
                    subnets=(Subnet(subnet="172.30.0.0/24", gateway="172.30.0.1"),),
                ),
            ),
            Network(id=f"d-{name}", spec=_network(name="bridge", driver="bridge", scope=Scope.LOCAL), predefined=True),
        ),
        containers=(
            Container(
                id=f"box-{name}",
                name="box",
                image="busybox",
                running=True,
                endpoints=(Endpoint(network="front", aliases=("box",), ipv4="10.30.1.77", address="10.30.1.77"),),
            ),
            Container(id=f"task-{name}", name="web.1", image="web", running=True, service="web"),
        ),
    )


def _node(name: str, address: str, role: Role) -> Node:
    return Node(
        id=f"node-{name}",
        version=9,
        hostname=name,
        spec=NodeSpec(role=role, availability=Availability.ACTIVE, labels={"rack": name}),
        status="ready",
        address=address,
        reachability="reachable" if role is Role.MANAGER else None,
        engine_version="26.1.5",
    )
