"""What a bundle for a support case holds: files with where each comes from, and what could not be collected."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of a bundle, or the reason why it is not there."""

    path: str
    """In the archive; empty where there is no file."""
    host: str | None
    """None for what managers say of the whole cluster."""
    command: str
    """What made it, as it could be typed."""
    content: bytes = b""
    problem: str = ""
    """Why it is not there, or not whole; empty where nothing is wrong."""
    exit_code: int | None = None
    """Of the command; None where it was not run, or did not end."""
    seconds: float = 0.0
    truncated: bool = False
    """True where the command printed more than a file may hold."""


@dataclass(frozen=True, slots=True)
class Absence:
    """A host that gave nothing, or not all."""

    host: str
    reason: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was collected, free of secrets."""

    cluster: str
    pieces: tuple[Piece, ...]
    absent: tuple[Absence, ...] = ()
    hosts: tuple[str, ...] = ()
    """The hosts that were asked."""
