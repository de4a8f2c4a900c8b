"""The manifest of a bundle, and what ``bundle --json`` prints."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from pydantic import Field

from swarmnet.report.documents.base import Entry, Output, Text

if TYPE_CHECKING:
    from swarmnet.model.evidence import Evidence, Piece


class BundledFile(Entry):
    """One file of the bundle, and what made it."""

    path: str
    host: str | None = Field(description="Null for what concerns the whole cluster.")
    command: str
    exit_code: int | None = Field(description="Of the command; null where it did not end.")
    seconds: float
    bytes: int
    sha256: str
    truncated: bool = Field(description="True where the command printed more than a file may hold.")
    problem: Text = Field(description="What the command complained about; empty where nothing is wrong.")


class MissingFile(Entry):
    """A command without a file, and why."""

    host: str | None
    command: str
    problem: Text


class AbsentHost(Entry):
    """A host that gave nothing, or not all."""

    host: str
    reason: Text


class ManifestDocument(Output):
    """``manifest.json`` in a bundle: every file with the command that made it and its digest."""

    cluster: str
    created: str = Field(description="ISO 8601.")
    tool: str
    pseudonyms: bool = Field(description="True where names and addresses of hosts are replaced.")
    log_seconds: int = Field(description="How far the engine's journal goes back.")
    hosts: list[str] = Field(description="The hosts that were asked.")
    absent: list[AbsentHost]
    files: list[BundledFile]
    missing: list[MissingFile]


class BundledHost(Entry):
    """How much one host gave."""

    host: str
    files: int
    problem: Text | None = Field(description="Why it gave nothing, or not all; null where it did.")


class BundleDocument(Output):
    """What ``bundle --json`` prints."""

    path: Text
    bytes: int
    sha256: str = Field(description="Of the archive.")
    cluster: str
    files: int
    hosts: list[BundledHost]


def manifest(found: Evidence, *, created: str, tool: str, pseudonyms: bool, log_seconds: int) -> ManifestDocument:
    """Return the manifest of a bundle."""
    return ManifestDocument(
        schema_=1,
        cluster=found.cluster,
        created=created,
        tool=tool,
        pseudonyms=pseudonyms,
        log_seconds=log_seconds,
        hosts=list(found.hosts),
        absent=[AbsentHost(host=one.host, reason=one.reason) for one in found.absent],
        files=[_file(one) for one in found.pieces if one.path],
        missing=[
            MissingFile(host=one.host, command=one.command, problem=one.problem or "it printed nothing")
            for one in found.pieces
            if not one.path
        ],
    )


def _file(one: Piece) -> BundledFile:
    return BundledFile(
        path=one.path,
        host=one.host,
        command=one.command,
        exit_code=one.exit_code,
        seconds=one.seconds,
        bytes=len(one.content),
        sha256=hashlib.sha256(one.content).hexdigest(),
        truncated=one.truncated,
        problem=one.problem,
    )


def bundle_document(found: Evidence, *, path: str, data: int, sha256: str) -> BundleDocument:
    """Return what a bundle holds, for programs."""
    problems = {one.host: one.reason for one in reversed(found.absent)}
    files = Counter(one.host for one in found.pieces if one.path)
    return BundleDocument(
        schema_=1,
        path=path,
        bytes=data,
        sha256=sha256,
        cluster=found.cluster,
        files=sum(files.values()),
        hosts=[BundledHost(host=host, files=files[host], problem=problems.get(host)) for host in found.hosts],
    )
