"""A backup for people's eyes and for git: readable, without what could open a door."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from swarmnet.model.backup import dump, strict_json
from swarmnet.plan.drift import content

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.base import JsonObject

HIDDEN = "***"
_NAME = re.compile(r"pass|secret|token|cred|auth|private|dsn|(^|[_.-])(api)?key($|[_.-])", re.IGNORECASE)
_VALUE = re.compile(r"://[^/\s:@]*:[^/\s@]+@|-----BEGIN |^eyJ[\w-]+\.[\w-]+\.|\bAKIA[0-9A-Z]{16}\b")


def redacted(document: BackupDocument) -> JsonObject:
    """Return the document as JSON without config data and without values that look like secrets.

    Hidden are values of environment variables, labels and options whose name or form says secret, wherever they
    stand, also inside the engine's own JSON; for a config its length and digest are told.
    """
    tree: Any = strict_json(dump(document))
    for config, original in zip(tree["state"]["configs"], document.state.configs, strict=True):
        config["spec"]["data"] = content(original.spec.data)
    result: JsonObject = {key: _cleaned("", value) for key, value in tree.items()}
    return result


def _cleaned(name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: _cleaned(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned("", inner) for inner in value]
    if not isinstance(value, str):
        return value
    key, equals, rest = value.partition("=")
    if equals and _NAME.search(key) and rest and " " not in key:  # KEY=value, as engines and commands write it
        return f"{key}={HIDDEN}"
    return HIDDEN if value and (_NAME.search(name) or _VALUE.search(value)) else value
