"""Where the content of a config or secret comes from."""

from __future__ import annotations

import shlex
from typing import Annotated, Protocol

from pydantic import Field, model_validator

from swarmnet.model.base import Document


class ContentSource(Document):
    """Exactly one place, read on the operator's machine before anything is planned."""

    file: Annotated[str, Field(min_length=1)] | None = None
    """Path; a relative one starts at the playbook's folder."""
    env: Annotated[str, Field(min_length=1)] | None = None
    """Name of an environment variable."""
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """An argv whose standard output is the content; no shell reads it."""
    text: Annotated[str, Field(min_length=1)] | None = None
    """The content itself. Configs only: the value of a secret does not belong in a playbook."""

    def __str__(self) -> str:
        if self.command is not None:
            return f"command {shlex.join(self.command)}"
        if self.text is not None:
            return "text in the playbook"
        return f"file {self.file}" if self.file is not None else f"environment variable {self.env}"

    @model_validator(mode="after")
    def _one(self) -> ContentSource:
        if sum(place is not None for place in (self.file, self.env, self.command, self.text)) != 1:
            raise ValueError("'from' needs exactly one of file, env, command, text")
        return self


class Contents(Protocol):
    """Reads contents on the operator's machine. The real one is ``swarmnet.edge.operator.contents``."""

    def read(self, source: ContentSource, *, folder: str) -> bytes:
        """Return the content; relative paths start at ``folder``.

        Raises:
            UsageError: there is nothing to read; never shows what was read.
        """
