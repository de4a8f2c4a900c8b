"""Sees the keys that an inventory's servers present, jump hosts included, and writes accepted ones down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from swarmnet.edge.operator.clock import SystemClock
from swarmnet.edge.ssh.dial import Dialer
from swarmnet.edge.ssh.keys import LoginKeys
from swarmnet.edge.ssh.known_hosts import KnownHosts, fingerprint
from swarmnet.edge.ssh.link import Links
from swarmnet.edge.ssh.target import TargetFinder
from swarmnet.errors import HostError, HostKeyError, UnknownHostKeyError
from swarmnet.model.host_keys import HostKey, KeyState
from swarmnet.model.hosts import HostKeyPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import TracebackType

    import paramiko

    from swarmnet.edge.ssh.target import Target
    from swarmnet.errors import Problem
    from swarmnet.model.base import Secret
    from swarmnet.model.hosts import Inventory


class HostKeys:
    """The servers of an inventory, jump hosts first. Threads may share it."""

    def __init__(
        self,
        inventory: Inventory,
        passphrase: Callable[[str], Secret | None] | None,
        names: Collection[str] | None = None,
    ) -> None:
        """Find the servers; nothing is connected yet.

        Args:
            inventory: the hosts.
            passphrase: asks for that of a private key: jump hosts are logged in to.
            names: the hosts to look at; None means all.

        Raises:
            UsageError: an ssh_config file is wrong, or jump hosts form a loop.
        """
        finder = TargetFinder(inventory)
        self._targets: dict[str, Target] = {}
        for host in inventory.hosts:
            if names is None or host.name in names:
                self._add(finder.target(host))
        self.warnings: tuple[Problem, ...] = finder.warnings
        self._known = KnownHosts()
        self._links = Links(Dialer(LoginKeys(passphrase), self._known), SystemClock())
        self._seen: dict[str, paramiko.PKey] = {}

    def rounds(self) -> list[list[str]]:
        """Return the servers in the order to look at them: the keys of one round open the way to the next."""
        deepest = max((_depth(target) for target in self._targets.values()), default=-1)
        return [
            [label for label, target in self._targets.items() if _depth(target) == depth]
            for depth in range(deepest + 1)
        ]

    def look(self, label: str) -> HostKey:
        """Return the key that a server presents, and whether it is known."""
        target = self._targets[label]
        seen = HostKey(label, target.trust.name, KeyState.UNSEEN, kept_in=str(target.trust.kept_in))
        try:
            key = self._links.host_key(target)
        except HostError as error:
            return replace(seen, reason=error.message)
        self._seen[label] = key
        kind = key.get_name().removeprefix("ssh-").removeprefix("ecdsa-sha2-").upper()
        seen = replace(seen, kind=kind, bits=key.get_bits(), fingerprint=fingerprint(key))
        try:
            self._known.verify(label, key, replace(target.trust, policy=HostKeyPolicy.STRICT))
        except UnknownHostKeyError:
            return replace(seen, state=KeyState.NEW)
        except HostKeyError as error:
            hint = f"; {error.hint}" if error.hint else ""
            return replace(seen, state=KeyState.CHANGED, reason=error.message + hint)
        return replace(seen, state=KeyState.KNOWN)

    def accept(self, key: HostKey) -> HostKey:
        """Write a key down that was looked at; raises ``HostKeyError`` when that cannot be done."""
        self._known.remember(key.host, self._seen[key.host], self._targets[key.host].trust)
        return replace(key, state=KeyState.ACCEPTED)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._links.close()

    def _add(self, target: Target) -> None:
        if target.via is not None:
            self._add(target.via)
        self._targets.setdefault(target.label, target)


def _depth(target: Target) -> int:
    return 0 if target.via is None else _depth(target.via) + 1
