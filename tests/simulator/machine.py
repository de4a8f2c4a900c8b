"""What one simulated host has for itself: power, an engine, containers, images, local networks."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.model.network import Network, NetworkSpec, Scope, Subnet
from swarmnet.model.state import Container, SwarmStanding
from tests.simulator.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

    from swarmnet.model.plain_container import PlainContainer
    from swarmnet.model.state import Route
    from swarmnet.model.volume import Volume
    from tests.simulator.clock import Identities
    from tests.simulator.store import Store

    Program = Callable[["Machine", Sequence[str], bytes], tuple[int, bytes, bytes]]


ENGINES = {
    "20.10": ("20.10.24", "1.41"),
    "26.1": ("26.1.5", "1.45"),
    "28.5": ("28.5.2", "1.51"),
    "29": ("29.4.0", "1.55"),
}
"""Version and API of the engines that hosts may have.

The rules of the first three were tried on real ones. 29 is modelled from the history of its API (moby,
``api/docs/CHANGELOG.md``, 1.52 to 1.55) and from the engine's docs on nftables, with which it refuses swarm mode.
"""


@dataclass
class Machine:
    """One host; the world and the tests set its fields, the engine's rules read them."""

    name: str
    address: str
    ids: Identities
    own_name: str = ""
    """What it calls itself, where that is not its name in the inventory."""
    powered: bool = True
    """False: nothing answers, as after a power cut."""
    admits: bool = True
    """False: sshd accepts no key of the operator's."""
    engine_running: bool = True
    """False: the shell answers, the engine does not."""
    rejects: int = 0
    """Tasks that its engine still rejects, busy as it is."""
    stop_ticks: int = 0
    """Ticks that its tasks take to stop."""
    held_ports: dict[int, str] = field(default_factory=dict)
    """Ports of the host that someone holds: the container's name, or the program's. Tasks do not get them."""
    frozen: Event | None = None
    """While it is there and not set, requests hang, as to a host whose connection is not known to be dead yet."""
    locked: bool = False
    restarted: bool = False
    """Its engine was started again and has met no leader since: it calls itself pending (seen on 26.1)."""
    vanish_in: int | None = None
    """Requests that it still answers before its power fails; None means without end."""
    engine_version: str = "28.5.2"
    api_version: str = "1.51"
    live_restore: bool = False
    rootless: bool = False
    firewall: str = "iptables"
    store: Store | None = None
    node_id: str = ""
    membership: SwarmStanding = SwarmStanding.INACTIVE
    data_path: str = ""
    """Where its overlays go; empty means the address of its node."""
    routes: tuple[Route, ...] = ()
    more_addresses: tuple[str, ...] = ()
    networks: dict[str, Network] = field(default_factory=dict)
    lingers: float = 0.0
    """Seconds for which it lists its own copy of a removed network of the swarm, whose tasks take so long to end."""
    copies: list[tuple[float, Network]] = field(default_factory=list)
    """Such copies, and when they go."""
    half_made: dict[str, str] = field(default_factory=dict)
    """Bridges that a failed request left in the engine's memory, id to subnet: no list shows them."""
    volumes: dict[str, Volume] = field(default_factory=dict)
    mounted: set[str] = field(default_factory=set)
    """Names of volumes that containers use."""
    containers: dict[str, Container] = field(default_factory=dict)
    graces: dict[str, float | None] = field(default_factory=dict)
    """Seconds that containers were last given to stop, by their name then."""
    with_mode: set[str] = field(default_factory=set)
    """Names of containers whose mode names their first network, as ``docker run`` writes it."""
    turns: dict[str, int] = field(default_factory=dict)
    """Starts of such containers on several networks of the swarm, by id."""
    unfound: int = 0
    """Starts and connections that still do not find the network: its copy is on its way out (seen on 26.1)."""
    unattached: int = 0
    """Starts and connections that end since managers do not attach the container in time."""
    failed: set[str] = field(default_factory=set)
    """Ids of containers whose program ended with an error."""
    image_specs: dict[str, PlainContainer] = field(default_factory=dict)
    """What images say, by their reference; others say nothing."""
    logs: dict[str, bytes] = field(default_factory=dict)
    images: Shelf = field(default_factory=Shelf)
    unpacked: bytes = b""
    """An archive of a manager's state that was sent there."""
    placed: bytes = b""
    """The one that was put instead of its engine's, which is in no swarm until it begins the swarm again."""
    files: dict[str, bytes] = field(default_factory=dict)
    ahead: float = 0.0
    """Seconds by which its clock is ahead."""
    programs: dict[str, Program] = field(default_factory=dict)
    """What the shell can run, by the name in ``argv[0]``."""
    own_bin: Path | None = None
    """A folder of executables that its real shell finds before all others."""
    container_programs: dict[str, Program] = field(default_factory=dict)
    """What containers run, by the first word of their argv; lines of dialogues are its stdin."""
    arguments: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What containers were started with, by id."""

    def __post_init__(self) -> None:
        for name, driver in (("bridge", "bridge"), ("host", "host"), ("none", "null")):
            subnets = (Subnet(subnet="172.17.0.0/16", gateway="172.17.0.1"),) if name == "bridge" else ()
            self.add_network(NetworkSpec(name=name, driver=driver, subnets=subnets), predefined=True)

    def run_engine(self, engine: str) -> None:
        """Have another engine, one of ``ENGINES``."""
        self.engine_version, self.api_version = ENGINES[engine]

    def knows(self, major: int, minor: int) -> bool:
        """Return whether its engine speaks a version of the API."""
        return tuple(map(int, self.api_version.split("."))) >= (major, minor)

    def add_network(self, spec: NetworkSpec, *, predefined: bool = False) -> str:
        """Keep a local network and return its id."""
        network_id = self.ids.local()
        own = predefined or spec.name == "docker_gwbridge"
        driver = "null" if spec.config_only else spec.driver
        local = spec.model_copy(update={"scope": Scope.LOCAL, "driver": driver})
        self.networks[network_id] = Network(id=network_id, spec=local, predefined=own)
        return network_id

    def add_gateway(self) -> None:
        """Make ``docker_gwbridge`` with the first free block, as engines do when they enter a swarm."""
        taken = [ip_network(block.subnet) for net in self.networks.values() for block in net.spec.subnets]
        blocks = (ip_network(f"172.{second}.0.0/16") for second in range(18, 32))
        free = next(one for one in blocks if not any(one.overlaps(other) for other in taken if other.version == 4))
        subnet = Subnet(subnet=str(free), gateway=str(free[1]))
        options = {
            "com.docker.network.bridge.enable_icc": "false",
            "com.docker.network.bridge.enable_ip_masquerade": "true",
            "com.docker.network.bridge.name": "docker_gwbridge",
        }
        spec = NetworkSpec(name="docker_gwbridge", driver="bridge", subnets=(subnet,), options=options)
        self.add_network(spec, predefined=True)

    @cached_property
    def disk(self) -> Path:
        """Return the folder in which real scripts find ``/run`` and their home; it goes away with the machine."""
        folder = tempfile.mkdtemp(prefix=f"sim-{self.name}-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        for part in ("run", "home"):
            (Path(folder) / part).mkdir()
        return Path(folder)

    @property
    def locks(self) -> Path:
        """Return the folder of swarmnet's locks, which the first of them makes."""
        return self.disk / ("run/swarmnet" if os.geteuid() == 0 else f"home/.cache/swarmnet-{os.uname().nodename}")

    @property
    def lock_files(self) -> list[Path]:
        """Return the files of locks."""
        return sorted(self.locks.iterdir()) if self.locks.is_dir() else []

    @property
    def alive(self) -> bool:
        """True when its engine takes part in the swarm."""
        return self.powered and self.engine_running and not self.locked
