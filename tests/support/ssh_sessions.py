"""Sessions over private sshds, for tests of the way there."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from swarmnet.cli.wiring import start_inside
from swarmnet.edge.session import Questions, Session
from swarmnet.model.events import Listener, ignore
from swarmnet.model.hosts import Host, Inventory, Role, SSHSettings
from tests.simulator import World
from tests.support.sshd import Sshd, make_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from swarmnet.edge.ssh.socket import Stream
    from swarmnet.model.clock import Clock
    from swarmnet.model.ports import EnginePort


class Fleet:
    """Hosts on loopback, each an sshd that takes ``key``; ``host`` makes one, ``session`` reaches them.

    Engines are simulated ones; ``streams`` has what the session would have given to real ones.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = make_key(folder / "key")
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.touch()
        self.hosts: list[Host] = []
        self.servers: dict[str, Sshd] = {}
        self.streams: dict[str, Callable[[], Stream]] = {}
        self.world: World | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def host(self, name: str, *, options: tuple[str, ...] = (), known: bool = True, **settings: object) -> Sshd:
        """Start a host's sshd and take the host into the fleet."""
        server = Sshd(self.folder / name, options=options)
        server.authorize(self.key)
        if known:
            with self.known_hosts.open("a") as file:
                file.write(server.known)
        self.servers[name] = server
        self.add(name, server.port, settings=settings)
        return self._stack.enter_context(server.running())

    def add(
        self, name: str, port: int, *, address: str = "127.0.0.1", settings: Mapping[str, object] | None = None
    ) -> None:
        """Take a host into the fleet; nothing is started for it. A setting of None is left to its default."""
        given = {
            "port": port,
            "user": "root",
            "key": str(self.key),
            "known_hosts": str(self.known_hosts),
            "config": "",
            "connect_timeout": 5,
            "connect_attempts": 1,
            **(settings or {}),
        }
        present = {key: value for key, value in given.items() if value is not None}
        ssh = SSHSettings.model_validate(present)
        self.hosts.append(Host(name=name, address=address, role=Role.MANAGER, ssh=ssh))

    def session(
        self, *, questions: Questions | None = None, listener: Listener = ignore, clock: Clock | None = None
    ) -> Session:
        """Return a session over the fleet, closed with it."""
        inventory = Inventory(cluster="test", hosts=tuple(self.hosts))
        self.world = World(inventory=inventory)
        session = Session(inventory, self._engine, start_inside, questions=questions, listener=listener, clock=clock)
        return self._stack.enter_context(session)

    def _engine(self, host: str, opened: Callable[[], Stream]) -> EnginePort:
        assert self.world is not None
        self.streams[host] = opened
        return self.world.engine(host)
