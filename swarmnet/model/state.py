"""What was seen of the hosts and of the cluster in one pass of reads."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from swarmnet.errors import Part
from swarmnet.model.base import Document, Labels
from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.find import by_id, by_name, called, of_host
from swarmnet.model.host_image import Image
from swarmnet.model.network import Network
from swarmnet.model.packages import HostPackages
from swarmnet.model.plain_container import Made
from swarmnet.model.service import Protocol, Service, Task
from swarmnet.model.swarm import Config, Node, StoredSecret, Swarm
from swarmnet.model.version import ApiVersion
from swarmnet.model.volume import Volume

SERVICE_LABEL = "com.docker.swarm.service.name"
"""The label by which engines mark the containers of tasks; its value is the service's name."""


class SwarmStanding(StrEnum):
    """The state of an engine's membership in a swarm (``LocalNodeState``)."""

    INACTIVE = "inactive"
    PENDING = "pending"
    ACTIVE = "active"
    ERROR = "error"
    LOCKED = "locked"


class KeyStanding(StrEnum):
    """What the file for a swarm's unlock key holds."""

    KEPT = "kept"
    """The swarm's present key."""
    ABSENT = "absent"
    """Nothing: the file does not exist."""
    OTHER = "other"
    """Something else, which is never overwritten."""


class SwarmMembership(Document):
    """What an engine itself reports about its swarm; a worker knows neither cluster id nor quorum."""

    state: SwarmStanding = SwarmStanding.INACTIVE
    node_id: str = ""
    cluster_id: str = ""
    address: str = ""
    is_manager: bool = False
    """True when the engine answers for the cluster now (``ControlAvailable``)."""
    managers: tuple[str, ...] = ()
    """``host:port`` of the managers that this node knows."""
    members: tuple[tuple[str, str], ...] = Field(default=(), exclude=True)
    """Node id and ``host:port`` of each of them. Part of no backup."""
    error: str = ""


TRIED_API = ApiVersion(1, 51)
"""The newest version of the API that tests run on (engine 28.5); later ones are known from their documentation."""


class EngineFacts(Document):
    """One engine."""

    id: str
    version: str
    """For example ``26.1.5``."""
    api_version: str
    """The version negotiated with it, for example ``1.45``."""
    hostname: str
    kernel: str = ""
    os: str = ""
    architecture: str = ""
    labels: Labels = Field(default_factory=dict)
    live_restore: bool = False
    """An engine with live restore refuses to enter a swarm."""
    rootless: bool = Field(default=False, exclude=True)
    """Whether it runs as a user other than root (``SecurityOptions``). In no backup."""
    firewall: str = Field(default="", exclude=True)
    """What writes its rules: ``iptables``, ``nftables``, with ``+firewalld``; from API 1.49. In no backup."""
    data_root: str = Field(default="/var/lib/docker", exclude=True)
    """Its folder of state on the host (``DockerRootDir``). In no backup."""
    ahead: float | None = Field(default=None, exclude=True)
    """Seconds by which its clock is ahead of the operator's, to half the time of one request. In no backup."""
    membership: SwarmMembership = SwarmMembership()

    @property
    def api(self) -> ApiVersion:
        """The version negotiated with it, to be compared."""
        return ApiVersion.read(self.api_version)

    @property
    def is_untried(self) -> bool:
        """Whether it speaks a version of the API that no test ran on."""
        return self.api > TRIED_API

    @property
    def writes_nftables(self) -> bool:
        """Whether it writes rules of nftables, which engine 29 does not allow in a swarm (docs of the engine)."""
        return self.firewall.startswith("nftables")


class Route(Document):
    """One IPv4 route of a host's main table; connected subnets are routes, too."""

    prefix: str
    device: str


class Endpoint(Document):
    """A container's place on one network, as its container asks for it."""

    network: str
    network_id: str = ""
    aliases: tuple[str, ...] = ()
    ipv4: str | None = None
    """The address asked for; None when the engine chose."""
    ipv6: str | None = None
    mac: str | None = None
    """The MAC address asked for, as far as engines say that one was."""
    options: Labels = Field(default_factory=dict)
    gateway_priority: int | None = None
    address: str = ""
    """The address in use, empty when the container does not run."""
    hardware: str = Field(default="", exclude=True)
    """The MAC address in use, empty when the container does not run. In no backup."""

    @property
    def spec(self) -> EndpointSpec:
        """What the container asks for."""
        return EndpointSpec.model_validate({name: getattr(self, name) for name in EndpointSpec.model_fields})

    def seen_as(self, wanted: EndpointSpec) -> EndpointSpec:
        """Return what is there, to be compared with ``wanted``.

        Engines do not say which MAC address was asked for on a second network, and of a container that does not run
        none at all: the one in use counts, and what is not known counts as equal.
        """
        if wanted.mac is None:
            return self.spec
        return self.spec.model_copy(update={"mac": self.mac or self.hardware or wanted.mac})


class Container(Document):
    """A container of one host, reduced to what concerns networks. Tasks of services name their service."""

    id: str
    name: str
    image: str
    running: bool
    """Also where it is paused: it keeps its addresses."""
    condition: str = Field(default="", exclude=True)
    """The engine's own word, such as running, paused, restarting or exited. In no backup."""
    labels: Labels = Field(default_factory=dict)
    endpoints: tuple[Endpoint, ...] = ()
    service: str | None = None
    volumes: tuple[str, ...] = Field(default=(), exclude=True)
    """Names of the volumes that it mounts, anonymous ones, too. In no backup."""
    made: Made | None = Field(default=None, exclude=True)
    """How it was made; None where that was not asked for. In no backup: variables may be secrets."""

    @property
    def spec(self) -> Container:
        """The container itself, which has name and labels as the specs of other kinds have."""
        return self


class OpenPort(Document):
    """A port of a host on which some process waits for connections or datagrams."""

    port: int
    protocol: Protocol
    uid: int
    """The user that the process runs as, by number; its name and its pid are known to root alone."""


class HostFacts(Document):
    """One host that answered."""

    host: str
    """Name in the inventory."""
    engine: EngineFacts
    addresses: tuple[str, ...] = ()
    """Local IPv4 addresses."""
    data_path: str | None = Field(default=None, exclude=True)
    """The address between which its overlays go; None where that was not asked, or is not known. In no backup."""
    routes: tuple[Route, ...] = ()
    networks: tuple[Network, ...] = ()
    """Networks of local scope."""
    containers: tuple[Container, ...] = ()
    """Filled only where asked for: backups, and networks to be replaced or removed."""
    volumes: tuple[Volume, ...] | None = None
    """Named volumes; None where they were not asked for: backups, and playbooks with volumes, ask."""
    images: tuple[Image, ...] | None = Field(default=None, exclude=True)
    """Those of its images that a playbook's steps are about; None where none was asked for. In no backup."""
    open_ports: tuple[OpenPort, ...] | None = Field(default=None, exclude=True)
    """Open ports that no service of the swarm publishes; None when they are not known. Part of no backup."""
    conditions: dict[str, str] | None = Field(default=None, exclude=True)
    """What the engine calls the container of each of its tasks, by id; None where it was not asked. In no backup."""

    @property
    def data_path_apart(self) -> str | None:
        """The address between which its overlays go, where that is another one than its node's."""
        return None if self.data_path == self.engine.membership.address else self.data_path

    LISTED: ClassVar[frozenset[str]] = frozenset({"volumes"})
    """Fields that engines list from their store of the same name where asked for, and that are None where not."""


_TROUBLES = {
    Part.SSH: "does not answer by SSH",
    Part.LOGIN: "answers by SSH, but the login failed",
    Part.ENGINE: "answers by SSH, but its engine cannot be asked",
}


def trouble_with(part: Part | None) -> str:
    """Return in words that follow a host's name that this part of it gives no answer; None means any."""
    return "does not answer" if part is None else _TROUBLES[part]


class HostFailure(Document):
    """One host that did not answer, not with what was asked, or with what cannot be believed."""

    host: str
    reason: str
    hint: str | None = None
    disbelieved: bool = Field(default=False, exclude=True)
    """True when it answered and others contradict it (``model.trust``); ``reason`` then follows its name."""
    part: Part | None = Field(default=None, exclude=True)
    """What of the host is at fault; None where that is not known. In no backup."""
    brief: str = Field(default="", exclude=True)
    """The reason without what differs between hosts; empty where it is the same. In no backup."""
    waited: float | None = Field(default=None, exclude=True)
    """Seconds without an answer, where a busy host may only need longer. In no backup."""

    @property
    def trouble(self) -> str:
        """What is wrong, in words that follow the host's name; the reason follows them."""
        return trouble_with(self.part)


class CommandResult(Document):
    """How a question to a host's shell ended, asked because a step needs the answer to plan (``unless``)."""

    host: str
    argv: tuple[str, ...]
    exit_code: int


class ClusterState(Document):
    """Everything seen, hosts in inventory order. ``swarm`` None means that no observed host answers for one."""

    hosts: tuple[HostFacts, ...] = ()
    failures: tuple[HostFailure, ...] = ()
    swarm: Swarm | None = None
    nodes: tuple[Node, ...] = ()
    networks: tuple[Network, ...] = ()
    """Networks of swarm scope, from a manager's list (inspect may answer from the node's own copy)."""
    services: tuple[Service, ...] = ()
    tasks: tuple[Task, ...] = ()
    configs: tuple[Config, ...] = ()
    secrets: tuple[StoredSecret, ...] = ()
    answers: tuple[CommandResult, ...] = ()
    """What hosts answered to the ``needs`` of a playbook's steps."""

    unlock_key_file: KeyStanding | None = Field(default=None, exclude=True)
    """What the operator's file of the unlock key holds; None when it was not read. Part of no backup."""

    packages: tuple[HostPackages, ...] = Field(default=(), exclude=True)
    """What hosts' packages say about their engines; empty where that was not asked for. Part of no backup."""

    moved: tuple[str, ...] = Field(default=(), exclude=True)
    """What changed while backups looked, such as ``service/web``; looks of other commands do not ask."""

    @property
    def locked(self) -> tuple[str, ...]:
        """The hosts whose engines came up locked: managers of an autolocked swarm that were restarted."""
        return tuple(one.host for one in self.hosts if one.engine.membership.state is SwarmStanding.LOCKED)

    def exit_code(self, host: str, argv: tuple[str, ...]) -> int | None:
        """Return how the command ended on the host, None when it was not asked."""
        return next((answer.exit_code for answer in self.answers if (answer.host, answer.argv) == (host, argv)), None)

    def facts(self, host: str) -> HostFacts | None:
        """Return what was seen of the host, or None when it did not answer."""
        return of_host(self.hosts, host)

    def silence(self, host: str, *, unasked: str = "it was not asked") -> str:
        """Return why nothing is known of a host, in words that follow its name."""
        failure = of_host(self.failures, host)
        return f"does not answer: {unasked}" if failure is None else f"{failure.trouble}: {failure.reason}"

    def node_of(self, host: str) -> Node | None:
        """Return the node that the host is in the observed swarm, found by node id."""
        facts = self.facts(host)
        if facts is None or not facts.engine.membership.node_id:
            return None
        return self.node(facts.engine.membership.node_id)

    def network(self, name: str) -> Network | None:
        """Return the swarm-scoped network of that name; names are unique whatever their case (swarmkit)."""
        return next((net for net in self.networks if net.spec.name.lower() == name.lower()), None)

    def local_networks(self, host: str) -> tuple[Network, ...]:
        """Return the networks of local scope of a host; none of a host that did not answer."""
        facts = self.facts(host)
        return () if facts is None else facts.networks

    def container(self, host: str, name: str) -> Container | None:
        """Return the container of that name on a host, as far as hosts were asked for theirs."""
        facts = self.facts(host)
        return None if facts is None else called(facts.containers, name)

    def volumes(self, host: str) -> tuple[Volume, ...] | None:
        """Return the named volumes of a host; None where they are not known."""
        facts = self.facts(host)
        return None if facts is None else facts.volumes

    def config(self, name: str) -> Config | None:
        """Return the config of that name."""
        return by_name(self.configs, name)

    def secret(self, name: str) -> StoredSecret | None:
        """Return the secret of that name."""
        return by_name(self.secrets, name)

    def node(self, node_id: str) -> Node | None:
        """Return the node of that id."""
        return by_id(self.nodes, node_id)

    def local_network(self, host: str, name: str) -> Network | None:
        """Return the network of local scope that a host has by that name; the first of several."""
        return by_name(self.local_networks(host), name)

    def service(self, name: str) -> Service | None:
        """Return the service of that name."""
        return by_name(self.services, name)
