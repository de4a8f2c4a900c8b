"""The world as one run sees it: implements ``Ports`` over SSH."""

from __future__ import annotations

import logging
import queue
import shlex
import threading
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from swarmnet.edge.operator.clock import SystemClock
from swarmnet.edge.operator.image_files import LocalImageFiles
from swarmnet.edge.operator.local_probe import approach_of, ask_from_here
from swarmnet.edge.operator.no_archives import NoArchives
from swarmnet.edge.operator.secret_files import LocalSecretFiles
from swarmnet.edge.ssh.dial import STARTS, Dialer
from swarmnet.edge.ssh.keys import LoginKeys
from swarmnet.edge.ssh.known_hosts import KnownHosts
from swarmnet.edge.ssh.link import Links
from swarmnet.edge.ssh.shell import Shell
from swarmnet.edge.ssh.socket import EngineSocket
from swarmnet.edge.ssh.sudo import Sudo
from swarmnet.edge.ssh.target import TargetFinder
from swarmnet.errors import HostError, NoManagerError, NotAManagerError, SwarmnetError
from swarmnet.model.events import HostConnected, Progress, ignore, reported_late

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from types import TracebackType

    from swarmnet.edge.ssh.link import Link
    from swarmnet.edge.ssh.socket import Stream
    from swarmnet.edge.ssh.target import Target
    from swarmnet.model.base import JsonObject, Secret
    from swarmnet.model.clock import Clock
    from swarmnet.model.events import Listener
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.image_port import ImageFiles
    from swarmnet.model.operator_files import Archives, SecretFiles
    from swarmnet.model.ports import Approach, EnginePort, InsidePort, Ports

    EngineFactory = Callable[[str, Callable[[], Stream]], EnginePort]
    """Creates the client of one engine from the host's name and a function that opens a stream to it."""
    StartInside = Callable[[Ports, str, str | None], AbstractContextManager[InsidePort]]
    """Starts a program on a network, in the named image or in one of its own; ends it with the context."""

# Without a handler, the library's warnings would be printed next to our own messages about the same.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

SILENCE = 3.0
"""Seconds of a connect after which the host is named."""
MANAGER_TRUST = 1.0
"""Seconds for which a manager that answered is taken to answer still."""


@dataclass(frozen=True, slots=True)
class Questions:
    """How to ask the operator; None where no one can answer."""

    confirm: Callable[[str], bool] | None = None
    passphrase: Callable[[str], Secret | None] | None = None
    sudo_password: Secret | None = None
    """The answer to sudo's question on all hosts, asked for in advance; None makes sudo fail where it asks."""


class Session:
    """One run's connections: one a host, opened at first use, closed at the end. Threads may share it."""

    def __init__(
        self,
        inventory: Inventory,
        engines: EngineFactory,
        start_inside: StartInside,
        *,
        clock: Clock | None = None,
        listener: Listener = ignore,
        questions: Questions | None = None,
    ) -> None:
        """Prepare a session; nothing is connected yet.

        Args:
            inventory: the hosts; jump hosts are looked up in it, too.
            engines: creates an engine's client, ``lambda host, open_stream: Engine(host, open_stream, clock)``.
            start_inside: starts a program on a network; ``verify.inside``, which is above this layer.
            clock: where the time comes from.
            listener: receives an event for each host that answered.
            questions: for unknown host keys and locked private keys.

        Raises:
            UsageError: an ssh_config cannot be read, or jump hosts form a loop.
        """
        asked = questions or Questions()
        self.inventory = inventory
        self.clock: Clock = clock or SystemClock()
        self.listener = listener
        self.secret_files: SecretFiles = LocalSecretFiles()
        self.archives: Archives = NoArchives()
        """Replaced by commands that keep an archive, which need keys."""
        self.image_files: ImageFiles = LocalImageFiles()
        finder = TargetFinder(inventory)
        self._targets = {host.name: finder.target(host) for host in inventory.hosts}
        for warning in finder.warnings:
            listener(Progress(f"warning: {warning}"))
        known = KnownHosts(asked.confirm, inventory=shlex.quote(inventory.source))
        self._links = Links(Dialer(LoginKeys(asked.passphrase), known, self.clock.patience), self.clock)
        self._make_engine = engines
        self._start_inside = start_inside
        self._sudo_password = asked.sudo_password
        self._lock = threading.Lock()
        self._shells: dict[str, Shell] = {}
        self._engines: dict[str, EnginePort] = {}
        self._reported: set[str] = set()
        self._manager: tuple[float, str] | None = None
        self._swarm = ""

    def connect(self, host: str) -> None:
        """Open the connection to a host now; raises ``HostError`` kinds."""
        self._link(host)

    def begin(self, hosts: Iterable[str]) -> None:
        """Log in to hosts in the background, while the caller still prepares its work.

        What fails is raised where the host is first needed, as the same attempt: a link repeats a failure for a while.
        """
        waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        names = [*hosts]
        for name in names:
            waiting.put(name)
        for _ in names[:STARTS]:
            threading.Thread(target=self._log_in, args=(waiting,), name="swarmnet-login", daemon=True).start()

    def _log_in(self, waiting: queue.SimpleQueue[str]) -> None:
        with suppress(queue.Empty):
            while True:
                target = self._targets[waiting.get_nowait()]
                with suppress(SwarmnetError):
                    self._links.to(target).connect()

    def shell(self, host: str) -> Shell:
        """Return the shell of a host; connects. Raises ``HostError`` kinds."""
        link = self._link(host)
        with self._lock:
            return self._shell(link, host)

    def engine(self, host: str) -> EnginePort:
        """Return the engine of a host; connects. Raises ``HostError`` kinds."""
        link = self._link(host)
        with self._lock:
            if host not in self._engines:
                self._engines[host] = self._make_engine(host, EngineSocket(link, self._shell(link, host)).open)
            return self._engines[host]

    def manager(self) -> EnginePort:
        """Return the engine of a manager that answers for the cluster: the last one, or the next that does.

        Raises:
            NoManagerError: no reachable host does; names the answer of each.
        """
        with self._lock:
            remembered = self._manager
        if remembered is not None and self.clock.monotonic() - remembered[0] < MANAGER_TRUST:
            engine = self._engines[remembered[1]]
            if self._links.to(self._targets[remembered[1]]).alive:
                return engine
        first = [remembered[1]] if remembered else []
        names = [*first, *(host.name for host in self.inventory.managers if host.name not in first)]
        # A host that is gone costs a connect time-out: hosts with a connection are asked first.
        names.sort(key=lambda name: not self._links.to(self._targets[name]).alive)
        said: list[str] = []
        for name in names:
            try:
                engine = self.engine(name)
                self._check_swarm(name, engine.swarm().id)
            except HostError as error:
                said.append(str(error))
                if name in first:
                    self._forget(error)
                continue
            with self._lock:
                self._manager = (self.clock.monotonic(), name)
            return engine
        raise _no_manager(self.inventory, said)

    def _check_swarm(self, name: str, swarm: str) -> None:
        """Hold on to the swarm that was there first: a manager of another one is none of this run's.

        Raises:
            NotAManagerError: it is of another swarm.
        """
        with self._lock:
            self._swarm = self._swarm or swarm
            first = self._swarm
        if swarm != first:
            raise NotAManagerError(name, f"it answers for another swarm, {swarm}, than {first}")

    def _forget(self, error: HostError) -> None:
        """Tell once that the manager of last time is lost: finding that out may have taken long."""
        with self._lock:
            self._manager = None
        self.listener(Progress(f"{error.host} stopped answering as a manager, trying another one: {error.message}"))

    def approach(self, host: str) -> Approach:
        """Return where SSH goes for a host, and whether a jump host is in between; connects to nothing."""
        target = self._targets[host]
        return approach_of(target, self._links.to(target).peer)

    def opens(self, host: str, port: int) -> bool | None:
        """Return whether a port of a host takes a connection from its jump host; None where that cannot be tried."""
        target = self._targets[host]
        return None if target.via is None else self._links.to(target.via).opens(target.hostname, port)

    def ask_from_here(self, job: JsonObject) -> JsonObject:
        """Do a job of the probe's on this machine, by plain sockets."""
        return ask_from_here(job)

    def inside(self, network: str, *, image: str | None = None) -> AbstractContextManager[InsidePort]:
        """Return a context in which a program runs on a network."""
        return self._start_inside(self, network, image)

    def close(self) -> None:
        """Close every connection; a request that waits on one ends with ``UnreachableError``."""
        self._links.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _shell(self, link: Link, host: str) -> Shell:
        sudo = None if link.target.user == "root" else Sudo(host, self._sudo_password)
        fresh = Shell(host, link.session, sudo)
        return self._shells.setdefault(host, fresh)

    def _link(self, host: str) -> Link:
        self.inventory.host(host)
        link = self._links.to(self._targets[host])
        start = time.monotonic()
        with nullcontext() if link.alive else self._waiting_for(link.target):
            link.connect()
        with self._lock:
            fresh = host not in self._reported
            self._reported.add(host)
        if fresh:
            self.listener(HostConnected(host, time.monotonic() - start))
        return link

    def _waiting_for(self, target: Target) -> AbstractContextManager[None]:
        """Report which host a run waits for when it does not answer soon."""
        text = f"{target.label}: no answer from {target.place} yet, waiting up to {target.timeout:g} s"
        return reported_late(self.listener, text, after=SILENCE)


def _no_manager(inventory: Inventory, said: list[str]) -> NoManagerError:
    answers = "; ".join(said) or "the inventory names no manager"
    return NoManagerError(
        inventory.cluster,
        answers,
        hint="swarmnet status shows which managers to start or to unlock; they keep their data of the swarm",
    )
