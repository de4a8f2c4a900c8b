"""Names of configs and secrets: each holds a hash of its content."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from swarmnet.model.hosts import Role
from swarmnet.model.version import release
from swarmnet.operations.engine_versions import engine_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Config, StoredSecret
    from swarmnet.operations.kind import Context

MOST_BYTES = {"config": 1000 * 1024 - 1, "secret": 500 * 1024 - 1}
"""Of a config or secret (swarmkit; seen on 20.10.24, 26.1 and 28.5)."""
OLD_MOST_BYTES = 500 * 1024 - 1
OLD_ENGINE = "20.10.24"
"""Before this one, some engines take no more than that of a config, too."""
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
    size, most = len(data), MOST_BYTES[kind]
    if not data:
        found.append(f"{kind} {name} is empty, and engines take no empty one")
    elif size > most:
        found.append(f"{kind} {name} has {size} bytes; engines accept {most}: {_ADVICE[kind]}")
    elif size > OLD_MOST_BYTES and (old := [*_old_managers(context.state)]):
        found.append(
            f"{kind} {name} has {size} bytes; before engine {OLD_ENGINE}, managers accept {OLD_MOST_BYTES}: upgrade"
            f" {', '.join(old)}, or {_ADVICE[kind]}"
        )
    return tuple(found)


_ADVICE = {
    "config": "put what is larger into a volume or the image",
    "secret": "encrypt what is larger, keep it in a volume, and make its key the secret",
}


def _old_managers(state: ClusterState) -> Iterator[str]:
    """Yield managers whose engine may be too old for large configs; any of them may take the request."""
    for node in state.nodes:
        name, version, _api = engine_of(node, state)
        if node.spec.role is Role.MANAGER and () < release(version) < release(OLD_ENGINE):
            yield f"{name}, which has {version}"


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
