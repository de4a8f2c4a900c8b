from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args, get_origin

import pytest
from pydantic import BaseModel

from swarmnet.model.backup import BackupDocument
from swarmnet.model.redaction import Cover
from swarmnet.plan.recovery.redact import redacted
from tests.support.backups import CANARY, a_document, a_state

if TYPE_CHECKING:
    from collections.abc import Iterator


def _with_extra(extra: object) -> str:
    state = a_state()
    service = state.services[0]
    spec = service.spec.model_copy(update={"extra": {"TaskTemplate": extra}})
    changed = state.model_copy(update={"services": (service.model_copy(update={"spec": spec}),)})
    return json.dumps(redacted(a_document(changed), Cover()))


def test_an_export_has_the_shape_of_everything_and_no_secret_value() -> None:
    text = json.dumps(redacted(a_document(), Cover()))
    for shown in ("front", "10.30.1.0/24", "site.conf", "tls-key", "MODE", "DB_PASSWORD", "rack"):
        assert shown in text
    for hidden in (CANARY, "listen 80"):
        assert hidden not in text


@pytest.mark.parametrize(
    "extra",
    [
        {"Env": [f"API_KEY={CANARY}"]},
        {"LogDriver": {"Options": {"splunk-token": CANARY}}},
        {"Command": f"postgres://admin:{CANARY}@db/x"},
        {"Mounts": [{"Options": {"password": CANARY}}]},
    ],
)
def test_secrets_inside_the_engines_own_json_are_hidden_too(extra: object) -> None:
    assert CANARY not in _with_extra(extra)


SHOWN = {"virtual_ips", "engines", "sysctls", "hosts"}
"""Mappings of texts that hold addresses, versions and kernel parameters, never free text."""


def _mappings(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[tuple[type[BaseModel], str]]:
    """Yield the fields of a model, and of those below it, whose values are free text by name."""
    seen.add(model)
    for name, field in model.model_fields.items():
        for part in _parts(field.annotation):
            if get_origin(part) is dict and get_args(part)[1] is str:
                yield model, name
            if isinstance(part, type) and issubclass(part, BaseModel) and part not in seen:
                yield from _mappings(part, seen)


def _parts(annotation: object) -> Iterator[object]:
    yield annotation
    for inner in get_args(annotation):
        yield from _parts(inner)


def test_every_mapping_of_names_to_texts_is_hidden_unless_it_is_marked() -> None:
    found = set(_mappings(BackupDocument, set()))

    shown = {name for model, name in found if CANARY in str(Cover().value(model, name, {"x": CANARY}))}

    assert {"labels", "env", "options", "engine_labels"} <= {name for _model, name in found}
    assert shown == SHOWN


def test_fields_of_a_newer_schema_are_hidden() -> None:
    text = json.dumps(redacted(a_document().model_copy(update={"unknown": ((("state", "novelty"), CANARY),)}), Cover()))
    assert CANARY not in text
    assert "novelty" in text
