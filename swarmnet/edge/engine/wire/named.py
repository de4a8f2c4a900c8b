"""Configs and secrets in those parts of a service that have no field of their own: by name here, by id on the wire.

A list with one strange entry (a config without a file, as credential specs need it) is kept whole. Its ids are those
of one swarm, so they are left out: the names beside them say the same. A credential spec has an id alone, which is that
of an entry of the same list (engines refuse others).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.edge.engine.wire.parts import as_list, as_object, as_text
from swarmnet.model.merge import merge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject, JsonValue

_TEMPLATE, _CONTAINER = "TaskTemplate", "ContainerSpec"


def without_ids(extra: JsonObject) -> JsonObject:
    """Return the parts of a service with names in the place of ids."""
    container = _container(extra)
    names = {as_text(entry.get("ConfigID")): entry.get("ConfigName") for entry in _entries(container, "Config")}
    named: JsonObject = {}
    for kind in ("Config", "Secret"):
        if entries := _entries(container, kind):
            named[f"{kind}s"] = [{key: value for key, value in one.items() if key != f"{kind}ID"} for one in entries]
    return _laid_over(extra, named, names)


def with_ids(extra: JsonObject, configs: Mapping[str, str], secrets: Mapping[str, str]) -> JsonObject:
    """Return the parts of a service with the ids that this swarm has for the names; unknown names get none."""
    container = _container(extra)
    named: JsonObject = {}
    for kind, ids in (("Config", configs), ("Secret", secrets)):
        if entries := _entries(container, kind):
            named[f"{kind}s"] = [_identified(one, kind, ids) for one in entries]
    return _laid_over(extra, named, configs)


def _identified(entry: JsonObject, kind: str, ids: Mapping[str, str]) -> JsonValue:
    known = ids.get(as_text(entry.get(f"{kind}Name")))
    return entry if known is None else {**entry, f"{kind}ID": known}


def _laid_over(extra: JsonObject, named: JsonObject, credentials: Mapping[str, JsonValue]) -> JsonObject:
    spec = as_object(as_object(_container(extra).get("Privileges")).get("CredentialSpec"))
    if known := credentials.get(as_text(spec.get("Config"))):
        named["Privileges"] = {"CredentialSpec": {"Config": known}}
    return merge(extra, {_TEMPLATE: {_CONTAINER: named}}) if named else extra


def _container(extra: JsonObject) -> JsonObject:
    return as_object(as_object(extra.get(_TEMPLATE)).get(_CONTAINER))


def _entries(container: JsonObject, kind: str) -> list[JsonObject]:
    return [as_object(entry) for entry in as_list(container.get(f"{kind}s"))]
