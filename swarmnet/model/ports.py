"""What the logic needs from the world: engines, shells, the clock, and a listener for events.

The real ones are in ``swarmnet.edge``; ``tests/simulator`` has working ones in memory. Every method may raise
the errors named here and no foreign ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from swarmnet.model.events import Progress
from swarmnet.model.image_port import ImagePort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from swarmnet.model.base import JsonObject, Labels, Secret
    from swarmnet.model.clock import Clock
    from swarmnet.model.endpoint import EndpointSpec
    from swarmnet.model.events import Listener
    from swarmnet.model.hosts import Availability, Inventory, Role
    from swarmnet.model.image_port import ImageFiles
    from swarmnet.model.log import LogEntry
    from swarmnet.model.network import Network, NetworkSpec
    from swarmnet.model.operator_files import Archives, SecretFiles
    from swarmnet.model.service import Task
    from swarmnet.model.state import Container, Endpoint, EngineFacts
    from swarmnet.model.stores import ContentStore, NodeStore, PlainStore, ServiceStore, Store, VolumeStore
    from swarmnet.model.swarm import Config, ConfigSpec, NewSecret, Rotation, StoredSecret, Swarm, SwarmSpec


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended on a host."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: bytes
    stderr: bytes


class ShellPort(Protocol):
    """Commands on one host, over its one SSH connection."""

    @property
    def host(self) -> str:
        """The host's name in the inventory."""

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 30.0, sudo: bool = False) -> Completed:
        """Run a command and return how it ended, whatever its status.

        A command that outlives ``timeout`` (seconds) is ended on the host, with its children.

        Raises:
            HostTimeoutError: it did outlive it.
            UnreachableError: the connection broke.
        """

    def stream(
        self,
        argv: Sequence[str],
        *,
        stdin: Iterable[bytes] = (),
        sink: Callable[[bytes], object] | None = None,
        timeout: float = 30.0,
        sudo: bool = False,
    ) -> Completed:
        """Run a command as ``run`` does, with input and output in parts of which none is kept in memory.

        Args:
            argv: the command.
            stdin: parts of its input.
            sink: takes parts of what it prints, which ``stdout`` then lacks; what it raises ends the command.
            timeout: seconds for all of it.
            sudo: run it as root.

        Raises:
            HostTimeoutError, UnreachableError: as ``run`` does.
        """


@dataclass(frozen=True, slots=True)
class JoinAddress:
    """The addresses with which a host joins a swarm."""

    advertise: str
    """IP literal, without port."""
    data_path: str | None = None
    availability: Availability | None = None


class SwarmPort(Protocol):
    """The objects of the cluster, from a manager; any other node raises ``NotAManagerError``."""

    @property
    def host(self) -> str:
        """The host's name in the inventory."""

    def swarm(self) -> Swarm:
        """Return the swarm; raises ``NotAManagerError`` on a worker, without a quorum, or locked."""

    def join_token(self, role: Role) -> Secret:
        """Return the token with which a node joins in that role."""

    def unlock_key(self) -> Secret | None:
        """Return the key that unlocks managers, None when autolock is off."""

    def update_swarm(self, version: int, spec: SwarmSpec, *, whole: bool = False) -> None:
        """Merge the managed fields of ``spec`` into the present spec and write the result.

        ``whole`` takes the labels away that ``spec`` has not.

        Raises:
            StateChangedError: the swarm is no longer at ``version``.
        """

    def rotate(self, what: Rotation) -> None:
        """Replace tokens, CA or unlock key; the rest of the swarm's spec stays. A CA is replaced some time later.

        Raises:
            StateChangedError: the swarm changed meanwhile.
        """

    @property
    def nodes(self) -> NodeStore:
        """The nodes."""

    @property
    def services(self) -> ServiceStore:
        """The services; the tasks of a removed one end later."""

    @property
    def configs(self) -> ContentStore[Config, ConfigSpec]:
        """The configs, data included."""

    @property
    def secrets(self) -> ContentStore[StoredSecret, NewSecret]:
        """The secrets, listed without their data."""

    @property
    def networks(self) -> Store[Network, NetworkSpec]:
        """The networks of this engine's list, of both scopes; swarm ones are complete on a manager only.

        A swarm-scoped one is not allocated yet when its creation returns.
        """

    def tasks(self, *, service: str | None = None, network: str | None = None) -> tuple[Task, ...]:
        """Return tasks, all or of one service (name or id); ``network`` (name) takes those on it, attachments too."""

    def service_log(self, service: str, *, tail: int | None = None, since: str | None = None) -> tuple[LogEntry, ...]:
        """Return what the tasks of a service (id) printed, in the order of time; of much, the last 8 MiB.

        Args:
            service: id.
            tail: lines of each task; None means all.
            since: time of RFC 3339; lines of this very time count.
        """


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """A container to run for a while, such as a probe."""

    name: str
    image: str
    argv: tuple[str, ...]
    labels: Labels
    endpoints: tuple[Endpoint, ...] = ()
    capabilities: tuple[str, ...] = ()
    host_network: bool = False
    network_of: str = ""
    """Id of a running container whose network namespace it shares; it then has no network of its own."""
    interactive: bool = False
    """True keeps its stdin open for :meth:`EnginePort.dialogue`."""


class DialoguePort(Protocol):
    """A program in a container that answers lines with lines. One thread at a time may use it."""

    def say(self, line: bytes) -> None:
        """Send one line."""

    def hear(self, timeout: float) -> bytes:
        """Return the next line that it prints, without its end.

        Raises:
            HostTimeoutError: none came within ``timeout`` seconds.
            EngineError: the program ended.
        """

    def close(self) -> None:
        """Let go of the program, which goes on; may be called twice."""


class EnginePort(SwarmPort, ImagePort, Protocol):
    """One engine: its own facts, networks, containers and images, and the cluster where it is a manager."""

    @property
    def volumes(self) -> VolumeStore:
        """The named volumes of this engine; removing one removes its data."""

    @property
    def plain(self) -> PlainStore:
        """The containers of this engine that steps describe."""

    def facts(self) -> EngineFacts:
        """Return what the engine reports about itself and its swarm membership."""

    def data_path(self, networks: Iterable[Network]) -> str | None:
        """Return the address between which the engine sends VXLAN; None where none of its containers is on an overlay.

        No engine says it of itself, but those on an overlay tell each other. ``networks`` are those that
        ``networks.list`` gave. It takes no rights of root.
        """

    def init_swarm(self, spec: SwarmSpec, membership: JoinAddress) -> str:
        """Create a swarm with this engine as its first manager; return the node id."""

    def recover_swarm(self, membership: JoinAddress) -> None:
        """Begin the swarm of this engine again with itself as the only manager (``--force-new-cluster``).

        All objects stay. Must never be asked of a manager of an autolocked swarm, whose engine then removes its state.
        """

    def join_swarm(self, membership: JoinAddress, *, remote: str, token: Secret) -> str:
        """Join the swarm of the manager at ``remote`` (``host:port``); return the node id when the engine is active.

        Raises:
            ConvergenceError: the engine stayed pending; it has left again.
        """

    def leave_swarm(self, *, force: bool = False) -> None:
        """Leave the swarm; a manager needs ``force``."""

    def unlock_swarm(self, key: Secret) -> None:
        """Unlock a locked manager with the swarm's key; it rejoins the swarm some moments later.

        Raises:
            WrongKeyError: it is another swarm's key, or an older one.
        """

    def containers(self, *, label: str | None = None, publishing: int | None = None) -> tuple[Container, ...]:
        """Return all containers of this host, stopped ones included.

        ``label`` takes only those that have it, ``publishing`` those that hold or would hold that port of the host.
        """

    def start_container(self, spec: ContainerSpec) -> str:
        """Create a container on its networks, start it, and return its id."""

    def dialogue(self, container_id: str) -> DialoguePort:
        """Attach to the stdin and stdout of a container that was started as ``interactive``.

        What it printed before is not heard. Unlike ``docker exec``, a question costs no process in the container.
        """

    def connect_container(self, container_id: str, endpoint: EndpointSpec) -> None:
        """Put a container on a network; one that does not run joins it when it starts."""

    def disconnect_container(self, container_id: str, network: str) -> None:
        """Take a container off a network (name or id); raises ``EngineError`` where it is not on it."""

    def container_log(self, container_id: str) -> bytes:
        """Return the last 64 KiB that the container printed."""

    def remove_container(self, container_id: str) -> None:
        """Remove a container, running or not; one that does not exist is not an error."""


@dataclass(frozen=True, slots=True)
class Approach:
    """How the operator's machine comes to a host."""

    address: str
    port: int
    """Of its SSH server."""
    between: str | None = None
    """What is in between (a jump host), so that plain sockets prove nothing; None for a direct way."""
    peer: str | None = None
    """Where the open connection leads to, as an IP address; None where something is between, or nothing is open."""
    tunnels: bool = False
    """Whether a jump host is between, which can be asked to try the host's ports (:meth:`Ports.opens`)."""


@dataclass(frozen=True, slots=True)
class Destination:
    """What is tried from inside a network."""

    name: str
    """A name of that network, or an IPv4 address."""
    port: int
    path: str | None = None
    """What is asked of it by HTTP; None only opens a TCP connection."""
    status: int | None = None
    """The status that it must answer; None takes any below 400."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What became of it."""

    ok: bool
    seen: str = ""
    """For people: what happened instead."""


class InsidePort(Protocol):
    """A program of swarmnet's that runs on one network. One thread at a time may use it."""

    @property
    def host(self) -> str:
        """The host that it runs on."""

    def reach(self, destination: Destination, *, limit: float) -> Reached:
        """Try until it answers, for up to ``limit`` seconds; raises nothing."""


class Ports(Protocol):
    """The world as one run sees it: one connection a host, opened at first use, closed at the end."""

    inventory: Inventory
    clock: Clock
    listener: Listener
    secret_files: SecretFiles
    archives: Archives
    image_files: ImageFiles

    def engine(self, host: str) -> EnginePort:
        """Return the engine of a host; raises ``HostError`` kinds when it cannot be reached."""

    def shell(self, host: str) -> ShellPort:
        """Return the shell of a host."""

    def manager(self) -> SwarmPort:
        """Return a manager that answers for the cluster.

        Raises:
            NotAManagerError: no reachable host does; names the answer of each.
        """

    def approach(self, host: str) -> Approach:
        """Return how this machine comes to a host; connects to nothing."""

    def opens(self, host: str, port: int) -> bool | None:
        """Return whether a TCP port takes a connection from the host's jump host; closed at once, nothing is sent.

        None where there is no jump host, or where it does not try.
        """

    def ask_from_here(self, job: JsonObject) -> JsonObject:
        """Do a job of the probe's (``swarmnet.probe.main.run``) on this machine; return its answers."""

    def inside(self, network: str, *, image: str | None = None) -> AbstractContextManager[InsidePort]:
        """Return a context in which a program runs on a network of the swarm; every trace of it goes at the end.

        ``image`` is what it runs in, with python3; None takes the one that swarmnet brings. Entering raises
        ``ConvergenceError`` where no host can run it there.
        """

    def close(self) -> None:
        """Close every connection."""


def progress(ports: Ports) -> Callable[[str], None]:
    """Return what tells a line of progress: ``wait_until(..., tell=progress(ports))``."""
    return lambda text: ports.listener(Progress(text))


def names(hosts: Iterable[str]) -> str:
    """Return host names as one sorted list for people."""
    return ", ".join(sorted(hosts))
