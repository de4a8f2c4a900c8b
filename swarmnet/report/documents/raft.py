"""What a raft archive tells about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from swarmnet.report.documents.base import Output, Text

if TYPE_CHECKING:
    from swarmnet.model.raft_archive import RaftManifest


class BackupRaftDocument(Output):
    """What ``backup raft --json`` prints, and ``backup show --json`` of a raft archive."""

    id: str
    created: str = Field(description="ISO 8601.")
    path: Text
    size: int = Field(description="Bytes of the sealed file.")
    cluster: Text
    cluster_id: Text
    host: Text = Field(description="The archived manager.")
    node_id: Text
    engine: Text = Field(description="Its engine's version: older ones cannot read the state.")
    address: Text = Field(description="Its address in the swarm: the state works at no other.")
    autolock: bool
    managers: list[Text] = Field(description="Addresses of all managers of then.")
    tags: list[Text]
    seconds: float | None = Field(description="From the stop of its engine until it was back; null in `show`.")


def raft_document(manifest: RaftManifest, path: str, size: int, *, seconds: float | None = None) -> BackupRaftDocument:
    """Return one archive for programs."""
    return BackupRaftDocument(
        schema_=1,
        id=manifest.id,
        created=manifest.created.isoformat(),
        path=path,
        size=size,
        cluster=manifest.cluster,
        cluster_id=manifest.cluster_id,
        host=manifest.host,
        node_id=manifest.node_id,
        engine=manifest.engine,
        address=manifest.address,
        autolock=manifest.autolock,
        managers=sorted(one.address for one in manifest.members),
        tags=list(manifest.tags),
        seconds=None if seconds is None else round(seconds, 1),
    )
