"""What a step that names a list or a map does to what is there, for the reference: from the forms of the fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.codecs import Labels, MergedLabels, Texts
from swarmnet.model.container_parts import Hosts, Ulimits
from swarmnet.model.engine_json import Part
from swarmnet.model.fields import lines
from swarmnet.model.network_codecs import Blocks
from swarmnet.model.placement_codecs import Platforms
from swarmnet.model.service_codecs import Entries
from swarmnet.model.service_mounts import Mounts
from tests.docs.markdown import code, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from swarmnet.model.fields import Codec

_RULES: tuple[tuple[tuple[type[Codec], ...], str], ...] = (
    ((MergedLabels,), "It adds to what is there: keys that you do not name stay."),
    ((Part,), "Each key by itself: those that you leave out stay."),
    ((Entries, Mounts, Blocks), "Entries that you leave out go; of one that stays, the keys that you leave out stay."),
    ((Labels, Texts, Hosts, Ulimits, Platforms), "It is whole: what you name is all there is."),
)
"""The first form that fits decides."""


def merging(specs: Mapping[str, type[BaseModel]]) -> str:
    """Return the table of all fields that hold more than one thing."""
    found: dict[str, list[str]] = {text: [] for _, text in _RULES}
    for step, spec in specs.items():
        for name, line in lines(spec).items():
            rule = next((text for forms, text in _RULES if isinstance(line.codec, forms)), None)
            if rule is not None:
                found[rule].append(code(f"{step}.{name}"))
    return table(("what naming it does", "fields"), [(text, ", ".join(names)) for text, names in found.items()])
