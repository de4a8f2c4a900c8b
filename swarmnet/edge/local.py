"""The machine that swarmnet runs on as a host: its engine's socket, and commands without SSH."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING

from swarmnet.edge.engine.engine import Engine
from swarmnet.edge.operator.children import child_environment
from swarmnet.edge.operator.image_files import LocalImageFiles
from swarmnet.edge.operator.local_probe import ask_from_here
from swarmnet.edge.operator.no_archives import NoArchives
from swarmnet.edge.operator.secret_files import LocalSecretFiles
from swarmnet.errors import HostTimeoutError, UnreachableError
from swarmnet.model.ports import Approach, Completed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from swarmnet.model.base import JsonObject
    from swarmnet.model.clock import Clock
    from swarmnet.model.events import Listener
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.image_port import ImageFiles
    from swarmnet.model.operator_files import Archives, SecretFiles
    from swarmnet.model.ports import EnginePort, InsidePort, ShellPort, SwarmPort

_CONNECT_LIMIT = 10.0


def local_engine(host: str, path: str, clock: Clock) -> Engine:
    """Return the client of the engine behind a socket of this machine; connects at the first request."""

    def opened() -> socket.socket:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            stream.settimeout(_CONNECT_LIMIT)
            stream.connect(path)
        except OSError as error:
            stream.close()
            raise UnreachableError(
                host, f"no engine answers at {path}: {error.strerror or error}", hint="is the socket mounted there?"
            ) from error
        return stream

    return Engine(host, opened, clock)


class LocalShell:
    """Commands on this machine, as the user that this process is."""

    def __init__(self, host: str) -> None:
        self.host = host

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 30.0, sudo: bool = False) -> Completed:
        """Run a command and return how it ended; ``sudo`` is the user's own business."""
        del sudo
        try:
            environment = child_environment(os.environ)
            done = subprocess.run(
                [*argv], input=stdin, capture_output=True, check=False, timeout=timeout, env=environment
            )
        except subprocess.TimeoutExpired:
            raise HostTimeoutError(self.host, f"{argv[0]} did not end within {timeout:g} s") from None
        except OSError as error:
            return Completed(tuple(argv), 127, b"", f"{argv[0]}: {error.strerror}".encode())
        return Completed(tuple(argv), done.returncode, done.stdout, done.stderr)

    def stream(
        self,
        argv: Sequence[str],
        *,
        stdin: Iterable[bytes] = (),
        sink: Callable[[bytes], object] | None = None,
        timeout: float = 30.0,
        sudo: bool = False,
    ) -> Completed:
        """Run a command as ``run`` does; its input and output are in memory."""
        done = self.run(argv, stdin=b"".join(stdin), timeout=timeout, sudo=sudo)
        if sink is None:
            return done
        sink(done.stdout)
        return Completed(done.argv, done.exit_code, b"", done.stderr)


class LocalPorts:
    """The world of a process that reaches one host, its own; the others do not answer."""

    def __init__(self, inventory: Inventory, host: str, engine: EnginePort, clock: Clock, listener: Listener) -> None:
        """Prepare.

        Args:
            inventory: all hosts.
            host: the name of this one in it.
            engine: its engine.
            clock: where the time comes from.
            listener: receives events.
        """
        self.inventory, self.clock, self.listener = inventory, clock, listener
        self.secret_files: SecretFiles = LocalSecretFiles()
        self.archives: Archives = NoArchives()
        self.image_files: ImageFiles = LocalImageFiles()
        self._host, self._engine, self._shell = host, engine, LocalShell(host)

    def engine(self, host: str) -> EnginePort:
        """Return the engine of this machine; raises ``UnreachableError`` for another host."""
        self._only_here(host)
        return self._engine

    def shell(self, host: str) -> ShellPort:
        """Return the shell of this machine; raises ``UnreachableError`` for another host."""
        self._only_here(host)
        return self._shell

    def manager(self) -> SwarmPort:
        """Return the engine of this machine, whatever it is."""
        return self._engine

    def approach(self, host: str) -> Approach:
        """Return the address of a host; nothing else is known of the way there."""
        return Approach(address=self.inventory.host(host).address, port=0)

    def opens(self, host: str, port: int) -> bool | None:
        """Return None: there is no jump host."""
        del host, port
        return None

    def ask_from_here(self, job: JsonObject) -> JsonObject:
        """Do a job of the probe's on this machine."""
        return ask_from_here(job)

    def inside(self, network: str, *, image: str | None = None) -> AbstractContextManager[InsidePort]:
        """Raise: no program is started on networks from here."""
        raise UnreachableError(self._host, f"no program is started on network {network} from here ({image or 'none'})")

    def close(self) -> None:
        """Close nothing: the process ends with its connections."""

    def _only_here(self, host: str) -> None:
        if host != self._host:
            raise UnreachableError(host, f"only {self._host}, this machine, is reached from here")
