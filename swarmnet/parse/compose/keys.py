"""Every key of the Compose Specification: honoured (a field of the model), ignored, or refused with what to write.

What ``docker stack deploy`` ignores is ignored here too, so that a stack that it deployed is taken over as it is; but
each such key is named with its line. A test walks the official JSON Schema and finds each key in one of the tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.parse.check import closest
from swarmnet.parse.compose import model, service
from swarmnet.parse.compose.tables import IGNORED, REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from swarmnet.errors import Problem
    from swarmnet.model.base import JsonValue
    from swarmnet.parse.compose.nodes import Node

EXTENSION = "x-"
"""Keys that begin with it are the author's own."""


@dataclass(frozen=True, slots=True)
class Section:
    """The keys of one mapping of a stack file."""

    path: str
    """Dotted, ``*`` for names that the author chooses and for items of lists."""
    model: type[BaseModel]

    @property
    def known(self) -> tuple[str, ...]:
        """The honoured keys."""
        unknown = {*self.ignored, *self.refused, *_INNER.get(self.path, ())}
        return tuple(name for name in self.model.model_fields if name not in unknown)

    @property
    def ignored(self) -> Mapping[str, str]:
        """Ignored keys, and why."""
        return IGNORED.get(self.path, {})

    @property
    def refused(self) -> Mapping[str, str]:
        """Refused keys, and what to do."""
        return REFUSED.get(self.path, {})


_INNER = {"services.*.ports.*": ("index",)}
"""Fields of the model that a file does not have."""

SECTIONS: tuple[Section, ...] = (
    Section("", model.ComposeFile),
    Section("services.*", service.Service),
    Section("services.*.deploy", service.Deploy),
    Section("services.*.deploy.update_config", service.UpdateConfig),
    Section("services.*.deploy.rollback_config", service.UpdateConfig),
    Section("services.*.deploy.restart_policy", service.RestartPolicy),
    Section("services.*.deploy.resources", service.Resources),
    Section("services.*.deploy.resources.limits", service.Limits),
    Section("services.*.deploy.resources.reservations", service.Reservations),
    Section("services.*.deploy.resources.reservations.generic_resources.*", service.GenericResource),
    Section(
        "services.*.deploy.resources.reservations.generic_resources.*.discrete_resource_spec", service.DiscreteResource
    ),
    Section("services.*.deploy.placement", service.Placement),
    Section("services.*.deploy.placement.preferences.*", service.Preference),
    Section("services.*.healthcheck", service.Healthcheck),
    Section("services.*.logging", service.Logging),
    Section("services.*.ports.*", service.Port),
    Section("services.*.networks.*", service.NetworkUse),
    Section("services.*.volumes.*", service.Mount),
    Section("services.*.volumes.*.bind", service.BindOptions),
    Section("services.*.volumes.*.volume", service.VolumeOptions),
    Section("services.*.volumes.*.tmpfs", service.TmpfsOptions),
    Section("services.*.volumes.*.image", service.ImageOptions),
    Section("services.*.configs.*", service.FileUse),
    Section("services.*.secrets.*", service.FileUse),
    Section("services.*.env_file.*", service.EnvFile),
    Section("services.*.ulimits.*", service.Ulimit),
    Section("services.*.credential_spec", service.CredentialSpec),
    Section("services.*.depends_on.*", service.DependsOn),
    Section("networks.*", model.Network),
    Section("networks.*.external", model.ExternalName),
    Section("networks.*.ipam", model.Ipam),
    Section("networks.*.ipam.config.*", model.Block),
    Section("volumes.*", model.Volume),
    Section("volumes.*.external", model.ExternalName),
    Section("configs.*", model.Content),
    Section("configs.*.external", model.ExternalName),
    Section("secrets.*", model.Content),
    Section("secrets.*.external", model.ExternalName),
)
_BY_DEPTH: Mapping[int, tuple[Section, ...]] = {
    depth: tuple(one for one in SECTIONS if one.path.count(".") + bool(one.path) == depth) for depth in range(12)
}


@dataclass(slots=True)
class Sifting:
    """Takes out of a stack file what is ignored or refused, and says so."""

    notes: list[Problem] = field(default_factory=list)
    """Ignored keys, each with its line."""
    problems: list[Problem] = field(default_factory=list)
    """Refused and unknown keys."""

    def sift(self, node: Node, path: tuple[str, ...] = ()) -> JsonValue:
        """Return the data of a node without the keys that are not honoured."""
        if isinstance(node.value, list):
            return [self.sift(one, (*path, "0")) for one in node.value]
        if not isinstance(node.value, dict):
            return node.value
        section = section_of(path)
        found: dict[str, JsonValue] = {}
        for key, one in node.value.items():
            if section is None or self._honoured(section, key, one):
                found[key] = self.sift(one, (*path, key))
        return found

    def _honoured(self, section: Section, key: str, node: Node) -> bool:
        if key in section.known:
            return True
        if key in section.ignored:
            self.notes.append(node.problem(f"{key}: ignored: {section.ignored[key]}"))
        elif key in section.refused:
            self.problems.append(node.problem(f"{key}: refused", section.refused[key]))
        elif not key.startswith(EXTENSION):
            known = (*section.known, *section.ignored, *section.refused)
            self.problems.append(node.problem(f"unknown key {key!r}", closest(key, known)))
        return False


def section_of(path: tuple[str, ...]) -> Section | None:
    """Return what is known of the keys of the mapping at a path; None where the author chooses them."""
    return next((one for one in _BY_DEPTH.get(len(path), ()) if _matches(one.path.split("."), path)), None)


def _matches(pattern: list[str], path: tuple[str, ...]) -> bool:
    return not path or all(step in ("*", there) for step, there in zip(pattern, path, strict=True))
