"""The values that objects of a cluster hide: nothing in a bundle may hold one of them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from swarmnet.model.redaction import Cover, content
from swarmnet.model.state import ClusterState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

    from swarmnet.model.base import JsonObject
    from swarmnet.model.sensitive import Sensitive

SHORTEST = 6
"""Characters of a value that is looked for everywhere; shorter ones are hidden where they are, and nowhere else."""
_ORDINARY = re.compile(r"/[\w./-]*|[0-9]{1,7}|[0-9]+[.:/%][0-9.:/%-]*|[a-z]{1,10}|[0-9]+[smhdkKMG][bB]?")
"""Paths, numbers, addresses, durations and short plain words: hidden where they are; elsewhere they are evidence."""


def shown(state: ClusterState, cover: Cover) -> JsonObject:
    """Return the state of a cluster as JSON, without what its objects hide."""
    tree: Any = state.model_dump(mode="json", by_alias=True)
    for config, original in zip(tree["configs"], state.configs, strict=True):
        config["spec"]["data"] = content(original.spec.data)
    return cover.document(ClusterState, tree)


def learn(state: ClusterState, known: Sensitive) -> None:
    """Mark every value that an object of the state hides, and the data of its configs line by line."""
    names = frozenset(_names(state))
    tree: Any = state.model_dump(mode="json", by_alias=True)
    for config in tree["configs"]:
        del config["spec"]["data"]
    for value in _hidden(tree, Cover().document(ClusterState, tree)):
        _mark(value, names, known)
    for facts in state.hosts:
        for box in facts.containers:
            made: Any = None if box.made is None else box.made.model_dump(mode="json")
            for value in _texts(made):
                _mark(value, names, known)
    for one in state.configs:
        for line in one.spec.data.decode(errors="replace").splitlines():
            _mark(line.strip(), names, known)


def learn_settings(raw: JsonValue, covered: JsonValue, known: Sensitive) -> None:
    """Mark the texts of a document of a host that are not shown of it."""
    for value in _hidden(raw, covered):
        _mark(value, frozenset(), known)


def _mark(value: str, names: frozenset[str], known: Sensitive) -> None:
    for part in {value, value.partition("=")[2]}:
        if len(part) >= SHORTEST and part not in names and _ORDINARY.fullmatch(part) is None:
            known.mark(part)


def _hidden(raw: Any, covered: Any) -> Iterator[str]:  # noqa: ANN401 - any part of any document
    """Yield the texts that differ between a document and what is shown of it."""
    if isinstance(raw, dict) and isinstance(covered, dict):
        for key, value in raw.items():
            yield from _hidden(value, covered.get(key))
    elif isinstance(raw, list) and isinstance(covered, list):
        for one, other in zip(raw, covered, strict=True):
            yield from _hidden(one, other)
    elif raw != covered:
        yield from _texts(raw)


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value


def _names(state: ClusterState) -> Iterator[str]:
    """Yield what objects are called: names are evidence, also where a value is the same."""
    for facts in state.hosts:
        yield facts.host
        for box in facts.containers:
            yield from (box.name, box.image, box.id)
    for kind in (state.networks, state.services, state.configs, state.secrets):
        yield from (one.spec.name for one in kind)
    yield from (one.name for one in state.nodes)
    yield from (one.spec.image for one in state.services)
