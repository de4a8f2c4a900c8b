"""A wanted spec that says all: what it leaves out goes back to what engines do without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from swarmnet.model.base import Document
from swarmnet.model.fields import EXTRA, lines

if TYPE_CHECKING:
    from collections.abc import Collection

Spec = TypeVar("Spec", bound=Document)

_NOTHING: tuple[tuple[type, object], ...] = ((bool, False), (int, 0), (float, 0.0), (str, ""), (tuple, ()), (dict, {}))


def cleared(wanted: Spec, present: Spec, keep: Collection[str] = ()) -> Spec:
    """Return ``wanted`` with an empty value for each field that it leaves out and that ``present`` has, at any depth.

    What engines treat as left out stays left out, so that nothing is written for it. Fields in ``keep``, and parts
    without a field, stay not managed.
    """
    update: dict[str, Any] = {}
    for name, line in lines(type(wanted)).items():
        there, value = getattr(present, name), getattr(wanted, name)
        if name in keep or name == EXTRA or line.identity:
            continue
        if isinstance(value, Document) and type(value) is type(there):
            update[name] = cleared(value, there)
        elif value is None and not line.same(there, None):
            update[name] = _empty(there, line.default)
    return wanted.model_copy(update=update)


def _empty(present: object, default: object) -> object:
    if isinstance(present, Document):
        return cleared(type(present).model_construct(**dict.fromkeys(type(present).model_fields)), present)
    if default is not None and not isinstance(present, BaseModel):
        return default
    return next((nothing for kind, nothing in _NOTHING if isinstance(present, kind)), None)
