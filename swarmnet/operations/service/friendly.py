"""Fields of a spec as people write them in playbooks, from the lines of the fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, create_model

from swarmnet.model.codecs import Environment, Labels, MergedLabels, Seconds, Texts
from swarmnet.model.fields import lines
from swarmnet.operations import notation

if TYPE_CHECKING:
    from swarmnet.model.fields import Codec

Spec = TypeVar("Spec", bound=BaseModel)


def friendly(spec: type[Spec]) -> type[Spec]:
    """Return the spec with durations, lists and maps as playbooks write them; the odd fields stay as they are."""
    fields: dict[str, Any] = {}
    for name, line in lines(spec).items():
        form, default = _form(line.codec), spec.model_fields[name].get_default()
        if form is not None and default is None and name != "labels":
            fields[name] = (form | None, None)
    made: type[Spec] = create_model(spec.__name__, __base__=spec, __module__="friendly", **fields)
    return made


def _form(codec: Codec) -> Any:  # noqa: ANN401 - an annotation
    if isinstance(codec, Environment):
        return notation.Environment
    if isinstance(codec, Labels) and not isinstance(codec, MergedLabels):
        return notation.Texts
    if isinstance(codec, Texts):
        return notation.Words
    return notation.Duration if type(codec) is Seconds else None
