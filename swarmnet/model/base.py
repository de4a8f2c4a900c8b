"""What all documents and resources have in common: frozen, closed, comparable, and careful with secrets."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictBool, StrictInt

from swarmnet.model.sensitive import SENSITIVE

__all__ = ["Count", "Document", "Flag", "JsonObject", "JsonValue", "Labels", "Port", "Secret"]

Flag = StrictBool
"""True or false, never "yes" or 1: a quoted "false" must not switch something on."""

Count = Annotated[StrictInt, Field(ge=0)]
Port = Annotated[StrictInt, Field(ge=1, le=65535)]

Labels = dict[str, str]
JsonObject = dict[str, JsonValue]


class Document(BaseModel):
    """Base of every noun: immutable, unknown keys and numbers without end are errors."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        allow_inf_nan=False,
        defer_build=True,  # a run uses a few of the models: each one's validator is built at its first use
        hide_input_in_errors=True,  # the text of an error may end in a log or a trace, cut in the middle of a secret
    )


class Secret:
    """A value that never shows itself: ``repr``, ``str`` and formatting give ``***``, and so does all that is printed.

    Call :meth:`reveal` at the last moment, where the value leaves for its destination.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes | str) -> None:
        SENSITIVE.mark(value)
        self._value = value.encode() if isinstance(value, str) else bytes(value)

    def reveal(self) -> bytes:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def objects_of(value: JsonValue) -> list[JsonObject]:
    """Return the objects of a list, without anything else in it; none of another value."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
