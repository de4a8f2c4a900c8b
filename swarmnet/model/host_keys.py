"""The keys by which hosts answer for themselves, as the operator sees and accepts them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.model.hosts import JUMP_HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class KeyState(StrEnum):
    """What is known of a key."""

    KNOWN = "known"
    NEW = "new"
    CHANGED = "changed"
    """Another one is known, or this one is marked revoked; it is never accepted."""
    UNSEEN = "not seen"
    """The host did not answer."""
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class HostKey:
    """The key that a server presents."""

    host: str
    """Its name in the inventory, or ``jump host NAME``."""
    name: str
    """Its name in known_hosts."""
    state: KeyState
    kind: str = ""
    bits: int = 0
    fingerprint: str = ""
    """``SHA256:...``"""
    reason: str = ""
    """Why it is not accepted, or was not seen."""
    kept_in: str | None = None
    """The known_hosts file that it is written to."""

    @property
    def names(self) -> tuple[str, ...]:
        """What an expected fingerprint may call this host."""
        return (self.host, self.host.removeprefix(JUMP_HOST), self.name)


def read_expected(lines: Iterable[str]) -> dict[str, str]:
    """Return host names and fingerprints from ``HOST=SHA256:...`` or ``HOST SHA256:...``; ``#`` begins a comment.

    Raises:
        UsageError: a line is neither.
    """
    found: dict[str, str] = {}
    for line in lines:
        text = line.partition("#")[0].strip()
        if not text:
            continue
        host, _, fingerprint = text.replace("=SHA256:", " SHA256:").partition(" ")
        digest = fingerprint.strip().rstrip("=")
        if not host or not digest.startswith("SHA256:") or len(digest) != len("SHA256:") + 43:
            raise UsageError(
                f"{text!r} is not HOST=SHA256:..., a host and its fingerprint",
                hint="the host itself prints it: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
            )
        found[host] = digest
    return found


def expected_of(key: HostKey, expected: Mapping[str, str]) -> str | None:
    """Return the fingerprint that is expected of a host, None when none was given."""
    return next((expected[name] for name in key.names if name in expected), None)
