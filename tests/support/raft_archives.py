"""Raft archives to test with."""

from __future__ import annotations

from typing import Any

from swarmnet.model.raft_archive import RaftManifest
from tests.support.backups import CREATED


def a_manifest(**changes: Any) -> RaftManifest:  # noqa: ANN401 - fields of any type
    """Return what an archive of a swarm with one manager tells about itself."""
    fields = {
        "id": "7a" * 16,
        "created": CREATED,
        "tool": "test",
        "cluster": "prod",
        "cluster_id": "c1",
        "host": "m1",
        "node_id": "n1",
        "engine": "26.1.5",
        "address": "10.0.0.1",
    }
    return RaftManifest.model_validate(fields | changes)
