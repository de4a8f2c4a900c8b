"""Where the contents of configs and secrets come from, and the name that a content gives its object."""

from __future__ import annotations

import hashlib
from typing import Annotated, Protocol

from pydantic import Field, model_validator

from swarmnet.model.base import Document

DIGITS = 12
"""Hexadecimal digits of the content's hash in an object's name."""
LONGEST_NAME = 64 - DIGITS - 1
"""Config and secret names have at most 64 characters (swarmkit)."""
ObjectName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?$", max_length=LONGEST_NAME)]

NAME_LABEL = "io.swarmnet.name"
"""Label on configs and secrets with the plain name that playbooks use."""


class ContentSource(Document):
    """Exactly one place, read on the operator's machine before anything is planned."""

    file: Annotated[str, Field(min_length=1)] | None = None
    """Path; a relative one starts at the playbook's folder."""
    env: Annotated[str, Field(min_length=1)] | None = None
    """Name of an environment variable."""
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """An argv whose standard output is the content; no shell reads it."""

    @model_validator(mode="after")
    def _one(self) -> ContentSource:
        if sum(place is not None for place in (self.file, self.env, self.command)) != 1:
            raise ValueError("'from' needs exactly one of file, env, command")
        return self


class Contents(Protocol):
    """Reads contents on the operator's machine. The real one is ``swarmnet.edge.contents``."""

    def read(self, source: ContentSource, *, folder: str) -> bytes:
        """Return the content; relative paths start at ``folder``.

        Raises:
            UsageError: there is nothing to read; never shows what was read.
        """


def config_name(name: str, data: bytes) -> str:
    """Return the object name of a config: ``name-<12 hex of sha256>``."""
    return f"{name}-{hashlib.sha256(data).hexdigest()[:DIGITS]}"


def secret_name(name: str, data: bytes) -> str:
    """Return the object name of a secret, which everybody who may list secrets can read.

    scrypt with the name as salt takes some 50 ms: guessing a weak password from its name costs that much a guess.
    """
    key = hashlib.scrypt(data, salt=b"swarmnet:" + name.encode(), n=2**14, r=8, p=1, dklen=DIGITS // 2)
    return f"{name}-{key.hex()}"
