"""Where tasks go, in the engine's JSON: what they are spread over, and the platforms of their image."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from typing_extensions import override

from swarmnet.model.base import Document
from swarmnet.model.codecs import Texts
from swarmnet.model.fields import Codec

if TYPE_CHECKING:
    from swarmnet.model.base import JsonValue
    from swarmnet.model.fields import Read


class Platform(Document):
    """A kind of machine that an image runs on."""

    os: str = ""
    """Such as linux; empty is any."""
    architecture: str = ""
    """Such as amd64; empty is any."""


class Spread(Texts):
    """Labels over whose values tasks are spread, in their order: ``[{"Spread": {"SpreadDescriptor": LABEL}}]``."""

    word = "list of labels"

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, list):
            return None
        found = [_descriptor(one) for one in value]
        return None if None in found else (tuple(found), None)

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        return [{"Spread": {"SpreadDescriptor": one}} for one in cast("tuple[str, ...]", value)]


def _descriptor(one: JsonValue) -> str | None:
    spread = one.get("Spread") if isinstance(one, dict) and set(one) == {"Spread"} else None
    label = spread.get("SpreadDescriptor") if isinstance(spread, dict) and len(spread) == 1 else None
    return label if isinstance(label, str) else None


class Platforms(Codec):
    """Kinds of machines, in any order."""

    word = "platforms"

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, list):
            return None
        found = [_platform(one) for one in value]
        return None if None in found else (tuple(found), None)

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        listed = cast("tuple[Platform, ...]", value)
        return [
            {key: text for key, text in (("Architecture", one.architecture), ("OS", one.os)) if text} for one in listed
        ]

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        listed = cast("tuple[Platform, ...]", value or ())
        return [*sorted({f"{one.os}/{one.architecture}" for one in listed})]


def _platform(one: JsonValue) -> Platform | None:
    if not isinstance(one, dict) or one.keys() - {"OS", "Architecture"}:
        return None
    os, architecture = one.get("OS", ""), one.get("Architecture", "")
    known = isinstance(os, str) and isinstance(architecture, str)
    return Platform(os=cast("str", os), architecture=cast("str", architecture)) if known else None


SPREAD, PLATFORMS = Spread(), Platforms()
