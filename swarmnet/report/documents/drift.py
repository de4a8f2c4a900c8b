"""The JSON document of what differs between two backups, or a backup and the live cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from swarmnet.report.documents.base import ChangeEntry, Entry, Output, change_entry

if TYPE_CHECKING:
    from swarmnet.model.differences import Drift
    from swarmnet.model.redaction import Cover


class DifferenceEntry(Entry):
    """One object that differs."""

    object: str = Field(description="For example service web, or network lan on w1.")
    kind: Literal["missing", "added", "changed"]
    changes: list[ChangeEntry]


class ComparedClusters(Entry):
    """The names of the clusters that are compared."""

    before: str
    after: str = Field(description="The same, unless two different clusters are compared.")


class DriftDocument(Output):
    """What ``backup diff --json`` prints."""

    clusters: ComparedClusters
    differences: list[DifferenceEntry]
    unseen: list[str] = Field(description="What could not be compared.")


def drift_document(found: Drift, cover: Cover, clusters: tuple[str, str]) -> DriftDocument:
    """Return drift between two clusters, mostly of one name, for programs; ``cover`` says which values are shown."""
    before, after = clusters
    return DriftDocument(
        schema_=1,
        clusters=ComparedClusters(before=before, after=after),
        differences=[
            DifferenceEntry(
                object=one.object,
                kind=one.kind.value,
                changes=[change_entry(cover.change(change)) for change in one.changes],
            )
            for one in found.differences
        ],
        unseen=list(found.unseen),
    )
