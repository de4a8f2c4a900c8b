"""Networks, configs and secrets of a service: by name in the model, by id for the engine.

A credential spec has the id of a config alone, which is that of an entry of the same list (engines refuse others).
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.edge.engine.wire.parts import as_list, as_object, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.base import JsonObject, JsonValue

_TEMPLATE, _CONTAINER = "TaskTemplate", "ContainerSpec"


@dataclass(frozen=True)
class Names:
    """Ids by name: of swarm-scoped networks, configs and secrets. What has no name here keeps its id as name."""

    networks: Mapping[str, str] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    def network_of(self, network_id: str) -> str:
        """Return the name of a network."""
        return next((name for name, known in self.networks.items() if known == network_id), network_id)


def with_names(seen: Mapping[str, JsonValue], names: Names) -> JsonObject:
    """Return a service's spec with names instead of ids."""
    body = deepcopy(dict(seen))
    container = _container(body)
    configs = {as_text(one.get("ConfigID")): one.get("ConfigName") for one in _entries(container, "Configs")}
    for kind in ("Config", "Secret"):
        for entry in _entries(container, f"{kind}s"):
            entry.pop(f"{kind}ID", None)
    for entry in _attachments(body):
        if "Target" in entry:
            entry["Target"] = names.network_of(as_text(entry["Target"]))
    _swap_credentials(container, configs)
    return body


def with_ids(named: Mapping[str, JsonValue], names: Names) -> JsonObject:
    """Return a service's spec with the ids that this swarm has for the names; unknown names get none."""
    body = deepcopy(dict(named))
    container = _container(body)
    for kind, ids in (("Config", names.configs), ("Secret", names.secrets)):
        for entry in _entries(container, f"{kind}s"):
            known = ids.get(as_text(entry.get(f"{kind}Name")))
            if known is not None:
                entry[f"{kind}ID"] = known
    for entry in _attachments(body):
        if "Target" in entry:
            target = as_text(entry["Target"])
            entry["Target"] = names.networks.get(target, target)
    _swap_credentials(container, names.configs)
    return body


def _swap_credentials(container: JsonObject, known: Mapping[str, JsonValue]) -> None:
    spec = as_object(as_object(container.get("Privileges")).get("CredentialSpec"))
    if other := known.get(as_text(spec.get("Config"))):
        spec["Config"] = other


def _container(body: JsonObject) -> JsonObject:
    return as_object(as_object(body.get(_TEMPLATE)).get(_CONTAINER))


def _attachments(body: JsonObject) -> Iterator[JsonObject]:
    yield from _entries(body, "Networks")
    yield from _entries(as_object(body.get(_TEMPLATE)), "Networks")


def _entries(holder: JsonObject, key: str) -> list[JsonObject]:
    return [as_object(entry) for entry in as_list(holder.get(key))]
