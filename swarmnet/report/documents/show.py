"""The JSON document of what is where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from swarmnet.model.topology import STACK_LABEL, task_name
from swarmnet.report.documents.base import Entry, FailureEntry, Output, failure_entries

if TYPE_CHECKING:
    from swarmnet.model.service import Service
    from swarmnet.model.state import ClusterState, Container, HostFacts
    from swarmnet.model.topology import Member, Place, Publication, Storage, Topology


class MemberEntry(Entry):
    """One address on a network."""

    kind: str = Field(description="task, container, or vip: the virtual address of a service.")
    name: str
    host: str | None = Field(description="Null for a virtual address.")
    service: str | None = Field(description="The service that it belongs to; null for a container of its own.")
    address: str = Field(description="Without a prefix length; empty where it is not known.")
    names: list[str] = Field(description="What it is found by on this network.")
    mac: str | None
    state: str


class ShownNetworkEntry(Entry):
    """One network of the swarm or of one host."""

    name: str
    id: str
    scope: str = Field(description="swarm, or local: a network of one host.")
    host: str | None = Field(description="Null for a network of the swarm.")
    driver: str
    subnets: list[str]
    gateways: list[str]
    vnis: list[int] = Field(description="VXLAN network identifiers, one a subnet.")
    attachable: bool
    internal: bool
    encrypted: bool
    stack: str | None
    members: list[MemberEntry]


class ShownTaskEntry(Entry):
    """One task."""

    name: str
    id: str
    host: str | None
    state: str
    desired: str
    message: str
    addresses: dict[str, list[str]] = Field(description="By network, with prefix lengths.")
    image: str = Field(description="That of its container; empty where it is not known.")


class ShownServiceEntry(Entry):
    """One service."""

    name: str
    image: str
    mode: str
    stack: str | None
    networks: list[str]
    virtual_ips: dict[str, str] = Field(description="By network, with prefix lengths.")
    aliases: dict[str, list[str]] = Field(description="Further names of the service, by network.")
    extra_hosts: dict[str, str] = Field(description="Names in the tasks' /etc/hosts, each with its address.")
    tasks: list[ShownTaskEntry]
    update_state: str | None = Field(
        description="The engine's word: updating, paused, completed, rollback_started, rollback_paused or"
        " rollback_completed; null where it was never updated."
    )
    update_message: str | None = Field(description="What the engine says of it.")


class ShownHostEntry(Entry):
    """One host."""

    name: str
    role: str | None = Field(description="manager or worker; null outside of the swarm.")
    availability: str | None
    engine: str
    addresses: list[str]
    data_path: str | None = Field(
        description="The address between which its overlays go, where that is not its node's; null elsewhere, and where"
        " it is not known."
    )
    containers: int = Field(description="Those outside of services.")
    tasks: int


class ShownPortEntry(Entry):
    """One port that leads to a service."""

    port: int | None = Field(description="Null until the engine has chosen one.")
    protocol: str
    mode: str = Field(description="ingress: every node takes the port; host: only nodes with a task do.")
    target: int
    service: str
    hosts: list[str] = Field(description="Of mode host, those with a task.")


class ShownVolumeEntry(Entry):
    """One named volume of one host."""

    name: str
    host: str
    driver: str
    stack: str | None
    services: list[str] = Field(description="Services that mount a volume of this name.")
    containers: list[str] = Field(description="Containers of the host that mount it, tasks and stopped ones included.")
    dangling: bool = Field(description="True where no service and no container mounts it.")
    size: int | None = Field(description="Bytes; null where they were not counted.")


class ShownContainerEntry(Entry):
    """One container outside of services."""

    name: str
    host: str
    image: str
    running: bool
    networks: dict[str, str] = Field(description="Its address on each network, empty where it does not run.")


class ShowDocument(Output):
    """What each view of ``show`` prints as JSON; lists that a view does not show are empty."""

    cluster: str
    networks: list[ShownNetworkEntry]
    services: list[ShownServiceEntry]
    hosts: list[ShownHostEntry]
    ports: list[ShownPortEntry]
    volumes: list[ShownVolumeEntry]
    containers: list[ShownContainerEntry]
    failures: list[FailureEntry]


def show_document(found: Topology, cluster: str) -> ShowDocument:
    """Return the whole picture for programs."""
    state = found.state
    return ShowDocument(
        schema_=1,
        cluster=cluster,
        networks=[_network(one) for one in found.places],
        services=[_service(one, found) for one in sorted(state.services, key=lambda one: one.spec.name)],
        hosts=[_host(one, state) for one in state.hosts],
        ports=[_port(one) for one in found.ports],
        volumes=[_volume(one) for one in found.volumes],
        containers=[
            _container(one, facts.host)
            for facts in state.hosts
            for one in sorted(facts.containers, key=lambda one: one.name)
            if one.service is None
        ],
        failures=failure_entries(state.failures),
    )


def _network(place: Place) -> ShownNetworkEntry:
    net, spec = place.network, place.network.spec
    return ShownNetworkEntry(
        name=spec.name,
        id=net.id,
        scope=place.scope.value,
        host=place.host,
        driver=spec.driver,
        subnets=[one.subnet for one in spec.subnets],
        gateways=[one.gateway for one in spec.subnets if one.gateway],
        vnis=list(net.vnis),
        attachable=spec.attachable is True,
        internal=spec.internal is True,
        encrypted=spec.encrypted is True,
        stack=spec.labels.get(STACK_LABEL),
        members=[_member(one) for one in place.members],
    )


def _member(one: Member) -> MemberEntry:
    return MemberEntry(
        kind=one.kind,
        name=one.name,
        host=one.host,
        service=one.service,
        address=one.address,
        names=list(one.names),
        mac=one.mac,
        state=one.state,
    )


def _service(service: Service, found: Topology) -> ShownServiceEntry:
    spec, names = service.spec, found.hosts
    return ShownServiceEntry(
        name=spec.name,
        image=spec.image,
        mode=str(spec.mode.value),
        stack=spec.labels.get(STACK_LABEL),
        networks=[one.network for one in spec.networks or ()],
        virtual_ips=dict(service.virtual_ips),
        aliases={one.network: sorted(one.aliases) for one in spec.networks or () if one.aliases},
        extra_hosts=dict(sorted((spec.hosts or {}).items())),
        tasks=[
            ShownTaskEntry(
                name=task_name(task, spec.name, names),
                id=task.id,
                host=names.get(task.node_id or ""),
                state=task.state,
                desired=task.desired_state,
                message=task.message,
                addresses={name: list(one) for name, one in task.networks.items()},
                image=task.image,
            )
            for task in found.tasks(service)
        ],
        update_state=service.update_state,
        update_message=service.update_message,
    )


def _host(facts: HostFacts, state: ClusterState) -> ShownHostEntry:
    node = state.node_of(facts.host)
    spec = None if node is None else node.spec
    return ShownHostEntry(
        name=facts.host,
        role=None if spec is None or spec.role is None else spec.role.value,
        availability=None if spec is None or spec.availability is None else spec.availability.value,
        engine=facts.engine.version,
        addresses=list(facts.addresses),
        data_path=facts.data_path_apart,
        containers=sum(one.service is None for one in facts.containers),
        tasks=sum(one.service is not None and one.running for one in facts.containers),
    )


def _container(one: Container, host: str) -> ShownContainerEntry:
    return ShownContainerEntry(
        name=one.name,
        host=host,
        image=one.image,
        running=one.running,
        networks={place.network: place.address.partition("/")[0] for place in one.endpoints},
    )


def _port(one: Publication) -> ShownPortEntry:
    return ShownPortEntry(
        port=one.port,
        protocol=str(one.protocol),
        mode=one.mode.value,
        target=one.target,
        service=one.service,
        hosts=list(one.hosts),
    )


def _volume(one: Storage) -> ShownVolumeEntry:
    spec = one.volume.spec
    return ShownVolumeEntry(
        name=spec.name,
        host=one.host,
        driver=spec.driver,
        stack=spec.labels.get(STACK_LABEL),
        services=list(one.services),
        containers=list(one.containers),
        dangling=one.is_dangling,
        size=one.size,
    )
