"""Names of configs and secrets: each holds a hash of its content."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.swarm import Config, StoredSecret
    from swarmnet.operations.kind import Context

MOST_BYTES = 500 * 1024
"""Of a config or secret (swarmkit; newer engines take twice as much for configs)."""
DIGITS = 12
"""Hexadecimal digits of the content's hash in an object's name."""
LONGEST_OBJECT = 64
"""Config and secret names have at most 64 characters (swarmkit)."""
LONGEST_NAME = LONGEST_OBJECT - DIGITS - 1
"""Of a plain name, which the hash of the content follows."""
_NAME = r"[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?"


def _name(value: str) -> str:
    if re.fullmatch(_NAME, value) is None:
        raise ValueError("must hold only letters, digits, '_', '.' and '-', and begin and end with a letter or digit")
    return value


ObjectName = Annotated[
    str,
    Field(max_length=LONGEST_OBJECT),
    AfterValidator(_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$", "maxLength": LONGEST_OBJECT}),
]

NAME_LABEL = "io.swarmnet.name"
"""Label on configs and secrets with the plain name that playbooks use."""


def config_name(name: str, data: bytes) -> str:
    """Return the object name of a config: ``name-<12 hex of sha256>``."""
    return f"{name}-{hashlib.sha256(data).hexdigest()[:DIGITS]}"


def secret_name(name: str, data: bytes) -> str:
    """Return the object name of a secret. Anyone who can list secrets can read it.

    scrypt with the name as salt takes about 50 ms, so each guess at a weak password costs that much.
    """
    key = hashlib.scrypt(data, salt=b"swarmnet:" + name.encode(), n=2**14, r=8, p=1, dklen=DIGITS // 2)
    return f"{name}-{key.hex()}"


def faults_of_content(kind: str, name: str, data: bytes, context: Context) -> tuple[str, ...]:
    """Return what makes engines refuse the content."""
    found = [] if context.state.swarm is not None else [f"{kind} {name} needs a swarm: put a 'swarm' step before"]
    if not 0 < len(data) <= MOST_BYTES:
        found.append(f"{kind} {name} has {len(data)} bytes; engines accept 1 to {MOST_BYTES}")
    return tuple(found)


def newest(kind: str, name: str, context: Context) -> str | None:
    """Return the object that a plain name means: that of this playbook, that of exactly this name, or the newest."""
    if (kind, name) in context.objects:
        return context.objects[kind, name]
    seen: tuple[Config | StoredSecret, ...] = context.state.configs if kind == "config" else context.state.secrets
    if any(one.spec.name == name for one in seen):
        return name
    last = written_last(name, seen)
    return None if last is None else last.spec.name


def written_last(name: str, seen: Iterable[Config | StoredSecret]) -> Config | StoredSecret | None:
    """Return the object that a playbook wrote last for a plain name.

    Versions of all objects come from one counter of the swarm (raft index), so the highest is the last one.
    """
    named = [one for one in seen if one.spec.labels.get(NAME_LABEL) == name]
    return max(named, key=lambda one: one.version, default=None)
