"""What a raft archive tells about itself: of which manager it is, and where its state can run again.

The archive is the folder of a manager's swarm state as its engine keeps it (``DATA_ROOT/swarm``), secrets included. It
is sealed as other backups are; only who can open it reads this document.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from swarmnet.errors import DamagedError, SchemaError
from swarmnet.model.backup import canonical, schema_number, strict_json
from swarmnet.model.base import Count, Document, Flag

SCHEMA = "1.0"


class Member(Document):
    """A manager as the archived one knew it."""

    node_id: str = Field(pattern="^[0-9a-z]{1,64}$")
    address: str
    """``host:port``."""


class RaftManifest(Document):
    """One archive."""

    schema_version: str = Field(default=SCHEMA, pattern=r"^[0-9]{1,6}\.[0-9]{1,6}$")
    id: str = Field(pattern="^[0-9a-f]{32}$")
    created: AwareDatetime
    tool: str
    cluster: str
    tags: tuple[str, ...] = ()
    cluster_id: str
    host: str
    """The manager's name in the inventory."""
    node_id: str
    engine: str
    """Its engine's version, such as ``26.1.5``: older ones cannot read the state."""
    address: str
    """Its address in the swarm, an IP literal: the state works at no other (moby#34306)."""
    data_path: str | None = None
    """Its own address for VXLAN, where it has one."""
    autolock: Flag = False
    """True where its key is encrypted: only the swarm's unlock key opens the state."""
    members: tuple[Member, ...] = ()
    archive_bytes: Count = 0
    archive_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] = "0" * 64
    """Of the packed archive, which comes before this document in the sealed part."""

    @property
    def others(self) -> tuple[Member, ...]:
        """The other managers of the swarm."""
        return tuple(one for one in self.members if one.node_id != self.node_id)


def dump_manifest(manifest: RaftManifest) -> bytes:
    """Return it as canonical JSON."""
    return canonical(manifest.model_dump(mode="json"))


def load_manifest(text: bytes) -> RaftManifest:
    """Read one of this major schema.

    Raises:
        SchemaError: it is of a newer one.
        DamagedError: it is none.
    """
    tree = strict_json(text)
    if not isinstance(tree, dict):
        raise DamagedError("what describes the archive is not a JSON object")
    schema_number(tree.get("schema_version"))
    try:
        return RaftManifest.model_validate_json(text)
    except ValueError as error:
        raise SchemaError("what describes the archive does not fit its schema", hint="update swarmnet") from error
