"""What all JSON documents of swarmnet have in common.

A document is a promise to programs: within one schema number, keys are added and never renamed or removed. Its models
name every key, so a change of the inner models cannot change the JSON. ``swarmnet schema`` prints their JSON Schemas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SkipValidation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.plan import Change
    from swarmnet.model.state import HostFailure

__all__ = ["ChangeEntry", "Entry", "FailureEntry", "JsonValue", "Output", "Text", "change_entry", "failure_entries"]

Text = Annotated[str, SkipValidation]
"""Any text, also one that is not valid Unicode, such as the name of a file."""


class Entry(BaseModel):
    """An object inside of a document. Every key is always there; what is not known is null."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, defer_build=True
    )


class Output(Entry):
    """A whole document."""

    schema_: Literal[1] = Field(alias="schema", description="Version of this form of document.")

    @property
    def tree(self) -> dict[str, Any]:
        """The document as ``json.dumps`` takes it."""
        return self.model_dump(by_alias=True)


class ChangeEntry(Entry):
    """One field that differs."""

    path: str = Field(description="The field, with dots between its parts.")
    before: JsonValue = Field(description="The value now; null where there is none.")
    after: JsonValue = Field(description="The value afterwards; null where there is none.")


class FailureEntry(Entry):
    """A host whose state is not known."""

    host: str
    reason: str
    hint: str | None
    disbelieved: bool = Field(description="True for a host that answered and contradicts the managers.")
    part: Literal["ssh", "login", "engine"] | None = Field(
        description="What of the host does not answer; null where that is not known."
    )
    waited: float | None = Field(
        description="Seconds without an answer, where a busy host may only need longer; null elsewhere."
    )


def change_entry(change: Change) -> ChangeEntry:
    """Return a change for programs."""
    return ChangeEntry(path=change.path, before=change.before, after=change.after)


def failure_entries(failures: Iterable[HostFailure]) -> list[FailureEntry]:
    """Return the hosts whose state is not known."""
    return [
        FailureEntry(
            host=one.host,
            reason=one.reason,
            hint=one.hint,
            disbelieved=one.disbelieved,
            part=None if one.part is None else one.part.value,
            waited=None if one.waited is None else round(one.waited, 3),
        )
        for one in failures
    ]
