"""The JSON document of a stack file as a playbook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from swarmnet.report.documents.base import Entry, JsonValue, Output, Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.errors import Problem


class NoteEntry(Entry):
    """A key that is ignored, or something that a swarm does in another way than the file says."""

    file: Text
    line: int | None
    text: str


class ConvertDocument(Output):
    """What ``convert --json`` prints."""

    name: str = Field(description="Name of the stack.")
    steps: list[dict[str, JsonValue]] = Field(description="The steps, as a playbook has them.")
    notes: list[NoteEntry] = Field(description="In the order of the lines.")


def convert_document(name: str, steps: list[dict[str, JsonValue]], notes: Iterable[Problem]) -> ConvertDocument:
    """Return a converted stack file for programs."""
    entries = [NoteEntry(file=one.source, line=one.line, text=one.text) for one in notes]
    return ConvertDocument(schema_=1, name=name, steps=steps, notes=entries)
