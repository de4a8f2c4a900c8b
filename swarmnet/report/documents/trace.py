"""The JSON document of a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from swarmnet.report.documents.base import Entry, JsonValue, Output

if TYPE_CHECKING:
    from swarmnet.model.trace import Path, Trace

Status = Literal["ok", "warning", "failed", "inconclusive", "skipped"]


class LayerEntry(Entry):
    """One thing that the way needs."""

    name: str = Field(
        description="container, target, network, name, overlay, loss, port, balancer, route, published, ..."
    )
    status: Status
    detail: str
    cause: str | None = Field(description="The stable id of what is wrong, as in the findings of verify.")
    fix: str | None
    evidence: dict[str, JsonValue] = Field(description="What proves the cause, as in the findings of verify.")


class PathEntry(Entry):
    """The layers from one container or machine, up to the first that is broken."""

    source: str
    status: Status
    layers: list[LayerEntry]


class TraceDocument(Output):
    """What ``trace --json`` prints."""

    status: Status
    cluster: str
    source: str
    target: str | None = Field(description="Null where only the source's containers are looked at.")
    paths: list[PathEntry]
    notes: list[str]


def trace_document(result: Trace) -> TraceDocument:
    """Return the result for programs."""
    return TraceDocument(
        schema_=1,
        status=result.status.value,
        cluster=result.cluster,
        source=result.source,
        target=result.target or None,
        paths=[_path(one) for one in result.paths],
        notes=list(result.notes),
    )


def _path(one: Path) -> PathEntry:
    return PathEntry(
        source=one.source,
        status=one.status.value,
        layers=[
            LayerEntry(
                name=layer.name,
                status=layer.status.value,
                detail=layer.detail,
                cause=layer.cause,
                fix=layer.fix,
                evidence=dict(layer.evidence),
            )
            for layer in one.layers
        ],
    )
